"""The Python client of pdfgateway: submit PDFs, watch them page by page, read what was found.

    from pdfgateway import PDFGatewayClient

    with PDFGatewayClient("localhost:9000") as client:
        job = client.submit("https://example.com/paper.pdf")
        print(client.wait(job.id).result)

`AsyncPDFGatewayClient` is the same for asyncio. The generated messages and stubs are in `pdfgateway.v1`.
"""

from pdfgateway.async_client import AsyncPDFGatewayClient
from pdfgateway.client import PDFGatewayClient
from pdfgateway.dead_letter import DeadLetter
from pdfgateway.errors import (
    ContentTooLarge,
    DeadlineExceeded,
    FieldViolation,
    GatewayStopping,
    InternalError,
    InvalidArgument,
    JobAlreadyFinished,
    JobAlreadySucceeded,
    JobExpired,
    JobNotFinished,
    JobNotFound,
    PDFGatewayError,
    QueueFull,
    RequestIdReused,
    StoreFull,
    StoreUnavailable,
    TooManyWatches,
    Unavailable,
)
from pdfgateway.job import (
    Attempt,
    AttemptState,
    Job,
    JobError,
    JobState,
    PDFMetadata,
    PDFResult,
    Phase,
    ProcessingOptions,
    Progress,
    ResultWarning,
    Source,
    Upload,
)

__all__ = [
    "AsyncPDFGatewayClient",
    "Attempt",
    "AttemptState",
    "ContentTooLarge",
    "DeadLetter",
    "DeadlineExceeded",
    "FieldViolation",
    "GatewayStopping",
    "InternalError",
    "InvalidArgument",
    "Job",
    "JobAlreadyFinished",
    "JobAlreadySucceeded",
    "JobError",
    "JobExpired",
    "JobNotFinished",
    "JobNotFound",
    "JobState",
    "PDFGatewayClient",
    "PDFGatewayError",
    "PDFMetadata",
    "PDFResult",
    "Phase",
    "ProcessingOptions",
    "Progress",
    "QueueFull",
    "RequestIdReused",
    "ResultWarning",
    "Source",
    "StoreFull",
    "StoreUnavailable",
    "TooManyWatches",
    "Unavailable",
    "Upload",
]
