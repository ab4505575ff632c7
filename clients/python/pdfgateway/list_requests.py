"""What is asked for in lists: from filters to the contract's requests.

What is valid is for the gateway to say: InvalidArgument is raised here only for what cannot be sent.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from pdfgateway.job import JobState
from pdfgateway.request_values import only_what_fits, timestamp
from pdfgateway.v1 import job_pb2
from pdfgateway.v1.pdf_gateway_service_pb2 import DeadLetterFilter, ListJobsRequest


def list_jobs_request(
    *,
    states: Iterable[JobState],
    labels: Mapping[str, str] | None,
    created_from: datetime | None,
    created_before: datetime | None,
    page_size: int,
) -> ListJobsRequest:
    """Return the request for the first page; its arguments are told by `PDFGatewayClient.jobs`."""
    with only_what_fits():
        return ListJobsRequest(
            states=[job_pb2.JobState.Value(f"JOB_STATE_{state}") for state in states],
            labels=labels,
            create_time_from=timestamp(created_from),
            create_time_before=timestamp(created_before),
            page_size=page_size,
        )


def dead_letter_filter(*, queue: str, reason: str, before: datetime | None) -> DeadLetterFilter:
    """Return the filter; its arguments are told by `PDFGatewayClient.dead_letters`."""
    with only_what_fits():
        return DeadLetterFilter(queue=queue, reason=reason, time_before=timestamp(before))
