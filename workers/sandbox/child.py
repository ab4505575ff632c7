"""The reading process: confined, it reads one document from a descriptor and tells its events on another."""

import contextlib
import os
import sys
from typing import BinaryIO

from workers.extract.engine import Engine
from workers.extract.read_document import read_document
from workers.jobs.failure import FailureReason, JobFailure
from workers.sandbox.confinement import confine
from workers.sandbox.exit_failure import EXIT_OUT_OF_MEMORY
from workers.sandbox.frames import Confined, Failed, encode
from workers.sandbox.request import ReadRequest

_ERROR_FD = 2


def run_child(engine: Engine, request: ReadRequest, *, document_fd: int, output_fd: int, parent_pid: int) -> int:
    """Read the document and return the exit code, 0 if all was told, failures of the document included.

    Never raises: nothing of a document may reach a log by way of a traceback.
    """
    sys.dont_write_bytecode = True
    try:
        missing = confine(
            memory_bytes_max=request.memory_bytes_max,
            cpu_seconds_max=request.cpu_seconds_max,
            parent_pid=parent_pid,
        )
        with open(document_fd, "rb") as document, open(output_fd, "wb") as output:
            output.write(encode(Confined(missing)))
            _tell(engine, request, document, output)
    except MemoryError:
        return EXIT_OUT_OF_MEMORY
    except BaseException:  # noqa: BLE001  (see above)
        return 1
    return 0


def _tell(engine: Engine, request: ReadRequest, document: BinaryIO, output: BinaryIO) -> None:
    try:
        for event in read_document(engine, document, pages_max=request.pages_max):
            output.write(encode(event))
            # Each page is seen at once, not when a buffer is full.
            output.flush()
    except JobFailure as failure:
        output.write(encode(Failed(failure.reason, failure.message)))
    except (MemoryError, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001  (an engine's fault must not look like a crash)
        output.write(encode(Failed(FailureReason.INTERNAL, f"the engine met an unforeseen {type(error).__name__}")))


def close_descriptors_except(*kept: int) -> None:
    """Close all descriptors of this process above standard error, but for `kept`."""
    # Closing every number up to the limit takes minutes where the limit is a billion, as in some containers.
    for name in os.listdir("/dev/fd"):  # noqa: PTH208  (no paths)
        if int(name) > _ERROR_FD and int(name) not in kept:
            with contextlib.suppress(OSError):
                os.close(int(name))
