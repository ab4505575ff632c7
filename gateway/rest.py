"""The HTTP side: routes over the service. JSON is in rest_json, bodies in rest_body, refusals in problem."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from pydantic import AwareDatetime
from sse_starlette import EventSourceResponse, ServerSentEvent

from gateway.errors import FieldViolation, invalid
from gateway.job_list import JobQuery
from gateway.page_token import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX
from gateway.problem import answer_with_problems, problems
from gateway.rest_body import read_submission
from gateway.rest_dead_letters import dead_letter_routes
from gateway.rest_health import health_routes
from gateway.rest_json import job_json, job_model, time_us
from gateway.rest_models import JobListModel, JobModel, SubmitModel, duration_seconds
from gateway.service import GatewayService
from gateway.settings import Settings
from gateway.template_api import template_routes
from workers.jobs.job import Job
from workers.jobs.state import JobState

API_TITLE = "pdfgateway"
API_DESCRIPTION = "Submit a PDF, watch its pages being read, get its summary. The same service as over gRPC."

SUBMIT_BODY = {
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


def build_api(service: GatewayService, settings: Settings, version: str) -> FastAPI:
    """The HTTP app over a service."""
    api = FastAPI(title=API_TITLE, description=API_DESCRIPTION, version=version, redoc_url=None, redirect_slashes=False)
    answer_with_problems(api)
    api.include_router(_job_routes(service, settings))
    api.include_router(_kept_job_routes(service))
    api.include_router(dead_letter_routes(service.dead_letters))
    api.include_router(health_routes(service))
    api.include_router(template_routes(service))
    return api


def _job_routes(service: GatewayService, settings: Settings) -> APIRouter:
    router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

    @router.post(
        "",
        status_code=202,
        response_model=JobModel,
        responses=problems(400, 409, 413, 415, 429),
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


def _kept_job_routes(service: GatewayService) -> APIRouter:
    router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

    @router.post("/{job_id}:replay", response_model=JobModel, responses=problems(400, 404, 409))
    async def replay_job(job_id: str) -> Response:
        """Start another run of a job that failed or was cancelled."""
        return job_response(await service.replay(job_id))

    @router.delete("/{job_id}", response_model=JobModel, responses=problems(400, 404, 409))
    async def delete_job(job_id: str) -> Response:
        """Remove a job that has ended, with its result; return it as it was."""
        return job_response(await service.delete(job_id))

    @router.get("", response_model=JobListModel, response_model_exclude_none=True, responses=problems(400))
    async def list_jobs(
        response: Response,
        state: Annotated[list[JobState] | None, Query(description="Jobs in any of these states.")] = None,
        label: Annotated[list[str] | None, Query(description="Jobs that have all of these, as key=value.")] = None,
        create_time_from: Annotated[AwareDatetime | None, Query(description="Accepted then or later.")] = None,
        create_time_before: Annotated[AwareDatetime | None, Query(description="Accepted before.")] = None,
        page_size: Annotated[int, Query(description=f"At most {PAGE_SIZE_MAX}.")] = PAGE_SIZE_DEFAULT,
        page_token: Annotated[str, Query(description="The next_page_token of the page before.")] = "",
    ) -> JobListModel:
        """Return the jobs that are kept, newest first, page by page."""
        query = JobQuery(
            states=frozenset(state or ()),
            labels=dict(map(_label, label or ())),
            from_us=time_us(create_time_from),
            before_us=time_us(create_time_before),
        )
        jobs, token = await service.jobs(query, page_size=page_size, page_token=page_token)
        response.headers["Cache-Control"] = "no-store"
        return JobListModel(jobs=list(map(job_model, jobs)), next_page_token=token or None)

    return router


def _label(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise invalid(FieldViolation("label", "must be key=value"))
    return key, value


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
