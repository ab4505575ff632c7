"""Refusals over HTTP: RFC 9457 problem details, with the same reasons as over gRPC."""

import http
import math
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from gateway.errors import VIOLATIONS_MAX, FieldViolation, Reason, Refusal, invalid
from gateway.faults import as_refusal
from gateway.rest_models import ProblemModel, ViolationModel

MEDIA_TYPE = "application/problem+json"

_BY_STATUS = {
    404: Refusal(Reason.ROUTE_NOT_FOUND, "There is nothing at this path; /docs lists what there is."),
    405: Refusal(Reason.METHOD_NOT_ALLOWED, "This path knows other methods; /docs lists them."),
}


def problem(refusal: Refusal) -> Response:
    """The answer to a request that is refused."""
    rule = refusal.rule
    body = ProblemModel(
        type=f"urn:pdfgateway:error:{refusal.reason.value}",
        title=http.HTTPStatus(rule.http_status).phrase,
        status=rule.http_status,
        detail=refusal.message,
        reason=refusal.reason.value,
        violations=[ViolationModel(field=v.field, description=v.description) for v in refusal.violations],
    )
    headers = {} if rule.retry_seconds is None else {"Retry-After": str(math.ceil(rule.retry_seconds))}
    return Response(body.model_dump_json(), status_code=rule.http_status, media_type=MEDIA_TYPE, headers=headers)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals that a route documents, beside those of any route."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemModel"}}}
    return {
        status: {"description": "Refused", "model": ProblemModel, "content": content}
        for status in (*statuses, 500, 503)
    }


def answer_with_problems(api: FastAPI) -> None:
    """Let the app answer every refusal, and every fault, with problem details."""

    async def on_error(_: Request, error: Exception) -> Response:
        return problem(as_refusal(error))

    async def on_http_exception(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        refusal = _BY_STATUS.get(status)
        if refusal is None:
            text = error.detail if isinstance(error, HTTPException) else ""
            refusal = Refusal(Reason.INVALID_ARGUMENT if status < 500 else Reason.INTERNAL, text)
        answer = problem(refusal)
        if isinstance(error, HTTPException) and error.headers:
            answer.headers.update(error.headers)
        return answer

    async def on_wrong_parameters(_: Request, error: Exception) -> Response:
        wrong = error.errors() if isinstance(error, RequestValidationError) else []
        return problem(invalid(*(FieldViolation(str(one["loc"][1]), one["msg"]) for one in wrong[:VIOLATIONS_MAX])))

    api.add_exception_handler(RequestValidationError, on_wrong_parameters)
    api.add_exception_handler(Refusal, on_error)
    api.add_exception_handler(HTTPException, on_http_exception)
    api.add_exception_handler(Exception, on_error)
