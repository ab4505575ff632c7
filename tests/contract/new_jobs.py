"""Jobs to be submitted to a store."""

import dataclasses
import uuid

from gateway.job_store import NewJob
from workers.jobs.job import ProcessingOptions, UrlSource


def new_job(**changes: object) -> NewJob:
    """A job to be submitted."""
    new = NewJob(
        id=str(uuid.uuid4()),
        source=UrlSource(display_url="https://example.com/a.pdf?…"),
        fetch_url="https://example.com/a.pdf?secret=1",
        options=ProcessingOptions(max_summary_paragraphs=2),
        retention_seconds=3600,
        labels={"team": "größe \u65e5", "empty": ""},
    )
    return dataclasses.replace(new, **changes)  # type: ignore[arg-type]  # tests name fields of NewJob
