"""What a job store promises, whichever it is."""

import asyncio
import dataclasses

import pytest

from gateway.errors import Reason, Refusal
from tests.contract.new_jobs import new_job
from tests.contract.stores import RESULT, Stores
from workers.jobs.failure import FailureReason, JobFailure, Phase
from workers.jobs.job import UploadSource
from workers.jobs.state import JobState

UNKNOWN = "00000000-0000-4000-8000-000000000000"


async def test_a_submitted_job_is_queued_and_found_as_submitted(stores: Stores) -> None:
    """What was submitted is what is read, before any worker has seen it."""
    new = new_job(deadline_seconds=60.0)
    submitted = await stores.store.submit(new)
    found = await stores.store.find(new.id)
    assert dataclasses.replace(found, queue_position=None) == submitted
    assert submitted.state is JobState.QUEUED
    assert submitted.seq == 1
    assert (submitted.source, submitted.options, submitted.labels) == (new.source, new.options, new.labels)
    assert submitted.deadline_time_us == submitted.create_time_us + 60_000_000
    assert found.queue_position == 0


async def test_an_upload_is_found_as_submitted(stores: Stores) -> None:
    """An upload's name, size and digest are on the job."""
    source = UploadSource(filename='a "b" \\ c.pdf', size_bytes=12, sha256="f" * 64)
    job = await stores.store.submit(new_job(source=source, fetch_url=None, blob="uploads/f"))
    assert job.source == source


async def test_an_unknown_job_is_not_found(stores: Stores) -> None:
    """There is no state for a job that nobody submitted."""
    assert await stores.store.find_many([UNKNOWN]) == [None]
    for ask in (stores.store.find, stores.store.cancel, stores.store.replay, stores.store.delete):
        with pytest.raises(Refusal) as refused:
            await ask(UNKNOWN)
        assert refused.value.reason is Reason.JOB_NOT_FOUND


async def test_the_same_request_id_and_request_give_the_same_job(stores: Stores) -> None:
    """A submission that is repeated because its answer was lost makes no second job."""
    first = await stores.store.submit(new_job(request_id="key", request_digest="same"))
    again = await stores.store.submit(new_job(request_id="key", request_digest="same"))
    assert again == first


async def test_a_request_id_of_another_request_is_refused(stores: Stores) -> None:
    """An idempotency key means one request only."""
    await stores.store.submit(new_job(request_id="key", request_digest="one"))
    with pytest.raises(Refusal) as refused:
        await stores.store.submit(new_job(request_id="key", request_digest="other"))
    assert refused.value.reason is Reason.REQUEST_ID_REUSED


async def test_a_hundred_equal_submissions_at_once_make_one_job(stores: Stores) -> None:
    """Idempotency holds against races, not only against repeats."""
    submissions = [new_job(request_id="key", request_digest="same") for _ in range(100)]
    jobs = await asyncio.gather(*map(stores.store.submit, submissions))
    assert len({job.id for job in jobs}) == 1


async def test_a_job_runs_to_its_result_with_rising_seq(stores: Stores) -> None:
    """Each change is a new seq, and the result is what the worker gave."""
    job = await stores.store.submit(new_job())
    seqs = [job.seq]
    for step in (
        lambda: stores.worker.start(job.id),
        lambda: stores.worker.progress(job.id, 1, 3),
        lambda: stores.worker.progress(job.id, 2, 3),
        lambda: stores.worker.succeed(job.id, RESULT),
    ):
        step()
        now = await stores.store.find(job.id)
        seqs.append(now.seq)
    assert seqs == sorted(set(seqs))
    assert now.state is JobState.SUCCEEDED
    assert now.result == RESULT
    assert now.attempt == 1
    assert now.progress is not None
    assert now.progress.pages_done == 2
    assert now.error is None
    assert now.create_time_us <= (now.start_time_us or 0) <= (now.end_time_us or 0) == now.update_time_us


async def test_a_failed_job_tells_why(stores: Stores) -> None:
    """A failure is data on the job: reason, message, phase, and whether a retry makes sense."""
    job = await stores.store.submit(new_job())
    stores.worker.start(job.id)
    stores.worker.fail(job.id, JobFailure(FailureReason.ENCRYPTED, 'it needs a "password"'))
    failed = await stores.store.find(job.id)
    assert failed.state is JobState.FAILED
    assert failed.result is None
    assert failed.error is not None
    assert failed.error.reason == "ENCRYPTED"
    assert failed.error.message == 'it needs a "password"'
    assert failed.error.phase is Phase.EXTRACT
    assert not failed.error.retryable


async def test_a_queued_job_is_cancelled_at_once(stores: Stores) -> None:
    """No worker is needed to cancel what no worker has."""
    job = await stores.store.submit(new_job())
    cancelled = await stores.store.cancel(job.id)
    assert cancelled.state is JobState.CANCELLED
    assert cancelled.end_time_us is not None


async def test_a_running_job_is_asked_to_stop(stores: Stores) -> None:
    """A running job is CANCELLING until its worker has stopped; asking again changes nothing."""
    job = await stores.store.submit(new_job())
    stores.worker.start(job.id)
    first = await stores.store.cancel(job.id)
    again = await stores.store.cancel(job.id)
    assert first.state is JobState.CANCELLING
    assert again == first


async def test_a_finished_job_cannot_be_cancelled(stores: Stores) -> None:
    """A terminal state never changes."""
    job = await stores.store.submit(new_job())
    stores.worker.start(job.id)
    stores.worker.succeed(job.id, RESULT)
    with pytest.raises(Refusal) as refused:
        await stores.store.cancel(job.id)
    assert refused.value.reason is Reason.JOB_ALREADY_FINISHED
    found = await stores.store.find(job.id)
    assert found.state is JobState.SUCCEEDED


async def test_the_queue_position_counts_the_jobs_before(stores: Stores) -> None:
    """The first in the queue has none before it; whoever leaves the queue moves the others up."""
    first, second = [await stores.store.submit(new_job()) for _ in range(2)]
    waiting = await stores.store.find(second.id)
    assert waiting.queue_position == 1
    stores.worker.start(first.id)
    waiting, running = await stores.store.find(second.id), await stores.store.find(first.id)
    assert waiting.queue_position == 0
    assert running.queue_position is None


async def test_news_of_a_subscribed_job_is_told_and_of_others_not(stores: Stores) -> None:
    """From the return of subscribe on, each change comes; other jobs' changes do not."""
    watched, other = [await stores.store.submit(new_job()) for _ in range(2)]
    listening = asyncio.create_task(stores.feed.next())
    await stores.feed.subscribe(watched.id)
    stores.worker.start(other.id)
    stores.worker.start(watched.id)
    news = await asyncio.wait_for(listening, 5)
    assert news.id == watched.id
    assert news.state is JobState.RUNNING


async def test_find_many_answers_in_order(stores: Stores) -> None:
    """Each answer stands at its question's place."""
    first, second = [await stores.store.submit(new_job()) for _ in range(2)]
    found = await stores.store.find_many([second.id, UNKNOWN, first.id])
    assert [job and job.id for job in found] == [second.id, None, first.id]
    assert await stores.store.find_many([]) == []
