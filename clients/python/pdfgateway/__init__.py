"""The Python client of pdfgateway: submit PDFs, watch them page by page, read what was found.

    from pdfgateway import PDFGatewayClient

    with PDFGatewayClient("localhost:9000") as client:
        job = client.submit("https://example.com/paper.pdf")
        print(client.wait(job.id).result)

`AsyncPDFGatewayClient` is the same for asyncio. The generated messages and stubs are in `pdfgateway.v1`.
"""

from pdfgateway.async_client import AsyncPDFGatewayClient
from pdfgateway.client import PDFGatewayClient
from pdfgateway.errors import (
    ContentTooLarge,
    DeadlineExceeded,
    FieldViolation,
    InternalError,
    InvalidArgument,
    JobAlreadyFinished,
    JobNotFound,
    PDFGatewayError,
    RequestIdReused,
    StoreUnavailable,
    TooManyWatches,
    Unavailable,
)
from pdfgateway.job import (
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
    "ContentTooLarge",
    "DeadlineExceeded",
    "FieldViolation",
    "InternalError",
    "InvalidArgument",
    "Job",
    "JobAlreadyFinished",
    "JobError",
    "JobNotFound",
    "JobState",
    "PDFGatewayClient",
    "PDFGatewayError",
    "PDFMetadata",
    "PDFResult",
    "Phase",
    "ProcessingOptions",
    "Progress",
    "RequestIdReused",
    "ResultWarning",
    "Source",
    "StoreUnavailable",
    "TooManyWatches",
    "Unavailable",
    "Upload",
]
