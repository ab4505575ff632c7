"""The API of the template that this gateway grew from, kept for its clients: /process and /status/{task_id}."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from gateway.rest_body import JSON_BYTES_MAX, parse_json, read_body
from gateway.service import GatewayService
from gateway.submission import SUMMARY_PARAGRAPHS_DEFAULT, Submission
from workers.jobs.job import Job
from workers.jobs.state import CELERY_STATES, JobState

CELERY_NAMES = {**CELERY_STATES, JobState.QUEUED: "PENDING", JobState.CANCELLING: "STARTED"}
"""The template's states: Celery's own, and only those."""


class ProcessModel(BaseModel):
    """The template's request."""

    pdf_url: str
    max_summary_paragraphs: int = SUMMARY_PARAGRAPHS_DEFAULT


def template_routes(service: GatewayService) -> APIRouter:
    """The template's two routes over the service."""
    router = APIRouter(tags=["template"])

    @router.post("/process")
    async def process(request: Request) -> dict[str, Any]:
        """Submit a PDF by its URL."""
        model = parse_json(ProcessModel, await read_body(request, JSON_BYTES_MAX))
        job = await service.submit(Submission(url=model.pdf_url, max_summary_paragraphs=model.max_summary_paragraphs))
        return {"task_id": {"id": job.id}, "status": "PENDING"}

    @router.get("/status/{task_id}")
    async def status(task_id: str) -> dict[str, Any]:
        """Tell the state of a task, and its result or error."""
        return template_status(await service.status(task_id))

    return router


def template_status(job: Job) -> dict[str, Any]:
    """The job in the template's words."""
    answer: dict[str, Any] = {"task_id": job.id, "status": CELERY_NAMES[job.state]}
    if job.result is not None:
        answer["result"] = {
            "status": "success",
            "page_count": job.result.page_count,
            "word_count": job.result.word_count,
            "summary": job.result.summary,
            "processing_time_seconds": job.result.processing_seconds,
        }
    if job.error is not None:
        answer["error"] = f"{job.error.reason}: {job.error.message}"
    return answer
