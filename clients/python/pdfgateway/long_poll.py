"""A status that waits for the job's end: how long, and the contract's request for it."""

from pdfgateway.request_values import duration
from pdfgateway.v1.pdf_gateway_service_pb2 import GetStatusRequest

WAIT_SECONDS_MAX = 60.0
"""The longest wait of one call (the contract's limit)."""


def bounded_wait_seconds(wait_seconds: float) -> float:
    """Return the wait that the gateway will keep: from zero to its limit."""
    return min(max(0.0, wait_seconds), WAIT_SECONDS_MAX)


def status_request(job_id: str, wait_seconds: float) -> GetStatusRequest:
    """Return the request for a job's status after a wait, which may be zero."""
    if wait_seconds <= 0:
        return GetStatusRequest(job_id=job_id)
    return GetStatusRequest(job_id=job_id, wait=duration(wait_seconds))
