"""`python -m bench.submits ADDRESS`: submits over and over until its input ends, then prints the slowest's seconds.

In a process of its own, so that it waits for the gateway alone and not for thousands of watchers' messages.
"""

import sys
import threading
import time

import grpc

from bench.load import submission
from pdfgateway.v1.pdf_gateway_service_pb2_grpc import PDFGatewayServiceStub

SUBMIT_SECONDS_MAX = 60
PAUSE_SECONDS = 0.03


def main() -> None:
    """Print a line when the first submission was answered, and another one at the end."""
    ended = threading.Event()
    threading.Thread(target=_await_end, args=(ended,), daemon=True).start()
    with grpc.insecure_channel(sys.argv[1]) as channel:
        stub = PDFGatewayServiceStub(channel)
        stub.SubmitPDF(submission(), timeout=SUBMIT_SECONDS_MAX, wait_for_ready=True)
        print("begun", flush=True)
        slowest = 0.0
        while not ended.wait(PAUSE_SECONDS):
            begin = time.perf_counter()
            stub.SubmitPDF(submission(), timeout=SUBMIT_SECONDS_MAX)
            slowest = max(slowest, time.perf_counter() - begin)
    print(slowest)


def _await_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    main()
