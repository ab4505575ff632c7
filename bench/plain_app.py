"""The baseline: FastAPI and Celery as their tutorials put them together, with Redis as broker and result backend."""

import os
from typing import Any

from celery import Celery
from celery.result import AsyncResult
from fastapi import FastAPI
from pydantic import BaseModel

REDIS_VARIABLE = "PLAIN_REDIS_URL"
"""The environment variable that names the Redis."""

_REDIS_URL = os.environ.get(REDIS_VARIABLE, "redis://localhost:6379/0")

celery = Celery("plain", broker=_REDIS_URL, backend=_REDIS_URL)
app = FastAPI()


class ProcessRequest(BaseModel):
    """What to process."""

    pdf_url: str
    max_summary_paragraphs: int = 3


@celery.task  # type: ignore[untyped-decorator]  # Celery's
def process_pdf(pdf_url: str, max_summary_paragraphs: int) -> None:
    """Do nothing: no worker runs in this measurement."""


@app.post("/process")
def process(request: ProcessRequest) -> dict[str, Any]:
    """Queue a task."""
    task = process_pdf.delay(  # pyright: ignore[reportFunctionMemberAccess]  # Celery makes it a task
        request.pdf_url, request.max_summary_paragraphs
    )
    return {"task_id": {"id": task.id}, "status": "PENDING"}


@app.get("/status/{task_id}")
def status(task_id: str) -> dict[str, Any]:
    """Tell a task's state."""
    return {"task_id": task_id, "status": AsyncResult(task_id, app=celery).state}
