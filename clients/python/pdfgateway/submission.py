"""What is submitted: from a URL, a file or bytes to the contract's SubmitPDFRequest."""

import os
from collections.abc import Mapping
from pathlib import Path

from pdfgateway.errors import ContentTooLarge, FieldViolation, InvalidArgument
from pdfgateway.request_values import duration, only_what_fits
from pdfgateway.v1.job_pb2 import ProcessingOptions
from pdfgateway.v1.pdf_gateway_service_pb2 import SubmitPDFRequest

PDFSource = str | os.PathLike[str] | bytes
"""A URL (str), a file (a path object such as pathlib.Path), or the PDF itself (bytes)."""

MESSAGE_BYTES_MAX = 4 * 1024 * 1024
"""The most bytes that one message may have (the contract's limit)."""


def read_source(source: PDFSource) -> tuple[str | bytes, str | None]:
    """Return a URL or content, and the file's name where the source is a file.

    Reads at most one byte more than a message may have. Raises OSError where the file cannot be read.
    """
    if isinstance(source, str | bytes):
        return source, None
    path = Path(source)
    with path.open("rb") as file:
        content = file.read(MESSAGE_BYTES_MAX + 1)
    # A name in another encoding than UTF-8 arrives with surrogates, which no message can carry.
    return content, path.name.encode("utf-8", "replace").decode("utf-8")


def submit_request(
    source: str | bytes,
    *,
    request_id: str,
    max_summary_paragraphs: int | None,
    labels: Mapping[str, str] | None,
    deadline_seconds: float | None,
    filename: str | None,
    reuse_result: bool,
    retention_seconds: float | None,
) -> SubmitPDFRequest:
    """Return the request for a URL or content; its arguments are told by `PDFGatewayClient.submit`.

    What is valid is for the gateway to say, so only what cannot be sent is refused here: raises
    InvalidArgument for a str that is no URL at all and for values that the message's fields cannot hold,
    ContentTooLarge for a message over the limit.
    """
    if isinstance(source, str) and "://" not in source:
        raise InvalidArgument(
            "a str is taken as a URL; for a file pass pathlib.Path",
            field_violations=[FieldViolation("url", "has no scheme such as https://")],
        )
    with only_what_fits():
        request = SubmitPDFRequest(
            request_id=request_id,
            labels=labels,
            filename=filename or "",
            deadline=duration(deadline_seconds),
            options=ProcessingOptions(max_summary_paragraphs=max_summary_paragraphs),
            reuse_result=reuse_result,
            retention=duration(retention_seconds),
        )
        if isinstance(source, str):
            request.url = source
        else:
            request.content = source
    if request.ByteSize() > MESSAGE_BYTES_MAX:
        raise ContentTooLarge(
            f"the request has more than {MESSAGE_BYTES_MAX:,} bytes; submit a URL, or use HTTP with multipart"
        )
    return request
