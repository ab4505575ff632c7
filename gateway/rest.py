"""The HTTP side: routes over the service. JSON is in rest_models, bodies in rest_body, refusals in problem."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from gateway.errors import FieldViolation, invalid
from gateway.problem import MEDIA_TYPE, answer_with_problems
from gateway.rest_body import read_submission
from gateway.rest_models import HealthModel, JobModel, ProblemModel, SubmitModel, duration_seconds, job_json
from gateway.service import GatewayService
from gateway.settings import Settings
from gateway.template_api import template_routes
from workers.jobs.job import Job

API_TITLE = "pdfgateway"
API_DESCRIPTION = "Submit a PDF, watch its pages being read, get its summary. The same service as over gRPC."

SUBMIT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": SubmitModel.model_json_schema()},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "request": {"type": "string", "description": "The JSON body, without url."},
                    },
                }
            },
        },
    }
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals that a route documents, beside those of any route."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemModel"}}}
    return {
        status: {"description": "Refused", "model": ProblemModel, "content": content}
        for status in (*statuses, 500, 503)
    }


def build_api(service: GatewayService, settings: Settings, version: str) -> FastAPI:
    """The HTTP app over a service."""
    api = FastAPI(title=API_TITLE, description=API_DESCRIPTION, version=version, redoc_url=None, redirect_slashes=False)
    answer_with_problems(api)
    api.include_router(_job_routes(service, settings))
    api.include_router(_health_routes(service))
    api.include_router(template_routes(service))
    return api


def _job_routes(service: GatewayService, settings: Settings) -> APIRouter:
    router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

    @router.post(
        "",
        status_code=202,
        response_model=JobModel,
        responses=problems(400, 409, 413, 415),
        openapi_extra=SUBMIT_BODY,
    )
    async def submit_pdf(request: Request) -> Response:
        """Accept one PDF, by its URL or by its bytes, and return its job at once."""
        job = await service.submit(await read_submission(request, settings.pdf_bytes_max))
        return job_response(job, status=202, headers={"Location": f"/v1/jobs/{job.id}"})

    @router.get("/{job_id}", response_model=JobModel, responses=problems(400, 404, 429))
    async def get_status(
        job_id: str,
        wait: Annotated[str, Query(description="Wait so long for a terminal state, such as 30s; at most 60s.")] = "0s",
    ) -> Response:
        """Return the job as it is now, or, with wait, as soon as it is terminal."""
        try:
            wait_seconds = duration_seconds(wait)
        except ValueError as error:
            raise invalid(FieldViolation("wait", str(error))) from None
        return job_response(await service.status(job_id, wait_seconds=wait_seconds))

    @router.get(
        "/{job_id}/events",
        response_class=EventSourceResponse,
        responses={
            **problems(400, 404, 429),
            204: {"description": "The terminal state was received already."},
        },
    )
    async def watch_status(
        job_id: str,
        last_event_id: Annotated[str, Header(description="The seq received last; the watch resumes after it.")] = "0",
    ) -> Response:
        """Send the job as server-sent events: at once, after each change, and ending after its terminal state."""
        if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 18):
            raise invalid(FieldViolation("Last-Event-ID", "must be the id of an event of this stream"))
        after_seq = int(last_event_id)
        watch = service.watch(job_id, after_seq=after_seq)
        # The first message is awaited here, so that a refusal still is a status and not the end of a stream.
        first = await anext(watch, None)
        if first is not None and first.state.is_terminal and first.seq <= after_seq:
            await watch.aclose()
            return Response(status_code=204)
        return EventSourceResponse(_events(first, watch), ping=3600, headers={"Cache-Control": "no-store"})

    @router.post("/{job_id}:cancel", response_model=JobModel, responses=problems(400, 404, 409))
    async def cancel_job(job_id: str) -> Response:
        """End a job that has not ended yet."""
        return job_response(await service.cancel(job_id))

    return router


async def _events(first: Job | None, watch: AsyncGenerator[Job | None, None]) -> AsyncGenerator[ServerSentEvent, None]:
    async with aclosing(watch):
        yield _event(first)
        async for job in watch:
            yield _event(job)


def _event(job: Job | None) -> ServerSentEvent:
    if job is None:
        return ServerSentEvent(comment="heartbeat")
    return ServerSentEvent(data=job_json(job), id=str(job.seq))


def job_response(job: Job, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A job as an answer that nobody may keep: it is true now."""
    return Response(
        job_json(job),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def _health_routes(service: GatewayService) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def alive() -> dict[str, str]:
        """Tell that this process answers."""
        return {"status": "ok"}

    @router.get("/readyz", response_model=HealthModel, responses={503: {"model": HealthModel}})
    async def ready(response: Response) -> HealthModel:
        """Tell whether a submission would be accepted, and how many consumers there are to work on it."""
        health = await service.health()
        response.status_code = 200 if health.store else 503
        return HealthModel(
            status="ready" if health.store else "not ready", store=health.store, consumers=health.consumers
        )

    return router
