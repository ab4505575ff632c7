"""The body of POST /v1/jobs: JSON, or multipart/form-data with a file and the same JSON in the part `request`."""

from email.message import Message
from itertools import islice
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from gateway.errors import VIOLATIONS_MAX, FieldViolation, Reason, Refusal, invalid
from gateway.rest_models import SubmitModel, duration_seconds
from gateway.submission import Submission

Model = TypeVar("Model", bound=BaseModel)

JSON_BYTES_MAX = 64 * 1024
"""Size of a JSON body."""
MULTIPART_OVERHEAD_BYTES_MAX = 64 * 1024
"""What a multipart body may have beyond its file and its JSON."""


async def read_submission(request: Request, pdf_bytes_max: int) -> Submission:
    """The submission in a request's body.

    Raises:
        Refusal: INVALID_ARGUMENT, CONTENT_TOO_LARGE or UNSUPPORTED_MEDIA_TYPE.
    """
    media_type = _media_type(request.headers.get("content-type", ""))
    content: bytes | None = None
    filename = ""
    if media_type == "application/json":
        model = parse_json(SubmitModel, await read_body(request, JSON_BYTES_MAX))
    elif media_type == "multipart/form-data":
        model, content, filename = await _read_form(request, pdf_bytes_max)
    else:
        raise Refusal(
            Reason.UNSUPPORTED_MEDIA_TYPE,
            "Send application/json with a url, or multipart/form-data with a file.",
        )
    header_key = request.headers.get("idempotency-key", "")
    if header_key and model.request_id and header_key != model.request_id:
        raise invalid(FieldViolation("request_id", "differs from the header Idempotency-Key"))
    return Submission(
        url=model.url,
        content=content,
        filename=model.filename or filename,
        max_summary_paragraphs=model.options.max_summary_paragraphs,
        request_id=model.request_id or header_key,
        labels=model.labels,
        deadline_seconds=None if model.deadline is None else duration_seconds(model.deadline),
        retention_seconds=None if model.retention is None else duration_seconds(model.retention),
        reuse_result=model.reuse_result,
    )


def parse_json(model: type[Model], body: bytes) -> Model:
    """A body's JSON as a model, each wrong field named.

    Raises:
        Refusal: INVALID_ARGUMENT.
    """
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise invalid(
            *(
                FieldViolation(".".join(map(str, one["loc"])) or "body", one["msg"].removeprefix("Value error, "))
                for one in islice(
                    error.errors(include_url=False, include_input=False, include_context=False), VIOLATIONS_MAX
                )
            )
        ) from None


async def read_body(request: Request, bytes_max: int) -> bytes:
    """A request's whole body, of bounded size.

    Raises:
        Refusal: CONTENT_TOO_LARGE.
    """
    _refuse_declared_size(request, bytes_max)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise _too_large(bytes_max)
    return bytes(body)


async def _read_form(request: Request, pdf_bytes_max: int) -> tuple[SubmitModel, bytes, str]:
    bytes_max = pdf_bytes_max + JSON_BYTES_MAX + MULTIPART_OVERHEAD_BYTES_MAX
    _refuse_declared_size(request, bytes_max)
    received = 0
    receive = request.receive

    async def counted_receive() -> dict[str, object]:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > bytes_max:
            raise _too_large(pdf_bytes_max)
        return dict(message)

    counted = Request(request.scope, counted_receive)
    try:
        async with counted.form(max_files=1, max_fields=1, max_part_size=JSON_BYTES_MAX) as form:
            file, text = form.get("file"), form.get("request", "{}")
            if not isinstance(file, UploadFile) or not isinstance(text, str):
                raise invalid(FieldViolation("file", "send the PDF as the file part `file`"))
            model = parse_json(SubmitModel, text.encode("utf-8", "surrogatepass"))
            content = await file.read(pdf_bytes_max + 1)
            filename = file.filename or ""
    except HTTPException as error:
        raise invalid(FieldViolation("body", f"is no valid form: {error.detail}")) from None
    if len(content) > pdf_bytes_max:
        raise _too_large(pdf_bytes_max)
    if model.url is not None:
        raise invalid(FieldViolation("source", "set exactly one of url and file"))
    return model, content, filename


def _media_type(header: str) -> str:
    message = Message()
    message["content-type"] = header
    return message.get_content_type() if header else ""


def _refuse_declared_size(request: Request, bytes_max: int) -> None:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > bytes_max:
        raise _too_large(bytes_max)


def _too_large(bytes_max: int) -> Refusal:
    return Refusal(Reason.CONTENT_TOO_LARGE, f"The body is larger than the {bytes_max} bytes that are allowed.")
