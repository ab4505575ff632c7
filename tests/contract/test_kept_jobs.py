"""What a job store promises of the jobs that it keeps: their attempts, lists, replays, deletion and dead letters."""

import asyncio

import pytest

from gateway.dead_letters import DeadLetterFilter, DeadLetters
from gateway.errors import Reason, Refusal
from gateway.job_list import JobQuery, list_jobs
from tests.contract.new_jobs import new_job
from tests.contract.stores import QUEUED_MAX, RESULT, Stores
from workers.jobs.failure import FailureReason, JobFailure
from workers.jobs.state import AttemptState, JobState
from workers.record.transition import FAILED_QUEUE, INVALID_QUEUE

CORRUPT = JobFailure(FailureReason.CORRUPT, 'its "structure" cannot be read')
CRASHED = JobFailure(FailureReason.PARSER_CRASHED, "the process that read it died")


async def failed_job(stores: Stores, failure: JobFailure = CORRUPT) -> str:
    """A job that failed, by its id."""
    job = await stores.store.submit(new_job())
    stores.worker.start(job.id)
    stores.worker.fail(job.id, failure)
    return job.id


async def test_every_attempt_is_kept_with_its_end_and_reason(stores: Stores) -> None:
    """Who worked on it, from when to when, and how that ended."""
    job = await stores.store.submit(new_job())
    assert job.attempts == ()
    stores.worker.start(job.id)
    (under_way,) = (await stores.store.find(job.id)).attempts
    assert (under_way.state, under_way.run, under_way.attempt) == (AttemptState.RUNNING, 1, 1)
    assert under_way.worker == "test"
    assert under_way.end_time_us is None
    stores.worker.fail(job.id, CORRUPT)
    failed = await stores.store.find(job.id)
    (ended,) = failed.attempts
    assert (ended.state, ended.start_time_us, ended.end_time_us) == (
        AttemptState.FAILED,
        under_way.start_time_us,
        failed.end_time_us,
    )
    assert ended.error == failed.error
    assert failed.error is not None


async def test_a_replayed_job_keeps_its_id_and_history_and_runs_again(stores: Stores) -> None:
    """Run 2 begins in the queue with all attempts before it; seq goes on; the history has both runs."""
    job_id = await failed_job(stores)
    failed = await stores.store.find(job_id)
    replayed = await stores.store.replay(job_id)
    assert (replayed.state, replayed.run, replayed.attempt) == (JobState.QUEUED, 2, 0)
    assert replayed.seq == failed.seq + 1
    assert (replayed.error, replayed.last_error, replayed.end_time_us, replayed.progress) == (None, None, None, None)
    assert replayed.create_time_us == failed.create_time_us
    stores.worker.start(job_id)
    stores.worker.succeed(job_id, RESULT)
    done = await stores.store.find(job_id)
    assert (done.state, done.result) == (JobState.SUCCEEDED, RESULT)
    assert [(one.run, one.attempt, one.state) for one in done.attempts] == [
        (1, 1, AttemptState.FAILED),
        (2, 1, AttemptState.SUCCEEDED),
    ]


async def test_a_cancelled_job_can_be_replayed_and_a_succeeded_one_cannot(stores: Stores) -> None:
    """A replay is for a job that has no result."""
    cancelled, succeeded = [await stores.store.submit(new_job()) for _ in range(2)]
    await stores.store.cancel(cancelled.id)
    assert (await stores.store.replay(cancelled.id)).state is JobState.QUEUED
    stores.worker.start(succeeded.id)
    stores.worker.succeed(succeeded.id, RESULT)
    with pytest.raises(Refusal) as refused:
        await stores.store.replay(succeeded.id)
    assert refused.value.reason is Reason.JOB_ALREADY_SUCCEEDED


async def test_a_replay_that_is_repeated_starts_one_run(stores: Stores) -> None:
    """A job that has not ended is returned as it is."""
    job_id = await failed_job(stores)
    first, again = await stores.store.replay(job_id), await stores.store.replay(job_id)
    assert again == first


async def test_a_deleted_job_is_gone_everywhere(stores: Stores) -> None:
    """It is found no more, listed no more, and has no dead letter; its request_id is free again."""
    new = new_job(request_id="key", request_digest="one")
    await stores.store.submit(new)
    with pytest.raises(Refusal) as refused:
        await stores.store.delete(new.id)
    assert refused.value.reason is Reason.JOB_NOT_FINISHED
    stores.worker.start(new.id)
    stores.worker.fail(new.id, CORRUPT)
    last = await stores.store.find(new.id)
    assert await stores.store.delete(new.id) == last
    with pytest.raises(Refusal) as unknown:
        await stores.store.find(new.id)
    assert unknown.value.reason is Reason.JOB_NOT_FOUND
    assert await list_jobs(stores.store, JobQuery(), 10, "") == ([], "")
    assert await DeadLetters(stores.store).page(DeadLetterFilter(), 10, "") == ([], "")
    other = await stores.store.submit(new_job(request_id="key", request_digest="other"))
    assert other.id != new.id


async def test_a_list_is_newest_first_and_its_pages_stay_right_while_jobs_come(stores: Stores) -> None:
    """No job is on two pages, and none is missed, though others are accepted and change their states meanwhile."""
    ids = [(await stores.store.submit(new_job())).id for _ in range(7)]
    seen: list[str] = []
    token = ""
    while True:
        jobs, token = await list_jobs(stores.store, JobQuery(), 3, token)
        seen += [job.id for job in jobs]
        if not token:
            break
        await stores.store.submit(new_job())
        await stores.store.cancel(ids[0] if len(seen) == 3 else ids[1])
    assert seen == ids[::-1]


async def test_a_list_is_filtered_by_state_label_and_time(stores: Stores) -> None:
    """All filters hold together."""
    old, blue, red = [
        await stores.store.submit(new_job(labels=labels))
        for labels in ({"c": "red"}, {"c": "blue"}, {"c": "red", "d": ""})
    ]
    await stores.store.cancel(blue.id)

    async def listed(query: JobQuery) -> list[str]:
        jobs, _ = await list_jobs(stores.store, query, 10, "")
        return [job.id for job in jobs]

    assert await listed(JobQuery(labels={"c": "red"})) == [red.id, old.id]
    assert await listed(JobQuery(labels={"c": "red", "d": ""})) == [red.id]
    assert await listed(JobQuery(states=frozenset({JobState.CANCELLED}))) == [blue.id]
    assert await listed(JobQuery(states=frozenset({JobState.QUEUED, JobState.CANCELLED}))) == [red.id, blue.id, old.id]
    assert await listed(JobQuery(from_us=blue.create_time_us)) == [red.id, blue.id]
    assert await listed(JobQuery(before_us=blue.create_time_us)) == [old.id]
    queued_before = JobQuery(states=frozenset({JobState.QUEUED}), before_us=red.create_time_us)
    assert await listed(queued_before) == [old.id]


async def test_a_page_token_is_good_for_its_own_list_only(stores: Stores) -> None:
    """With another filter, or made up, it is refused."""
    for _ in range(2):
        await stores.store.submit(new_job())
    _, token = await list_jobs(stores.store, JobQuery(), 1, "")
    assert token
    for query, wrong in ((JobQuery(labels={"c": "red"}), token), (JobQuery(), "x"), (JobQuery(), token[:-4])):
        with pytest.raises(Refusal) as refused:
            await list_jobs(stores.store, query, 1, wrong)
        assert [violation.field for violation in refused.value.violations] == ["page_token"]


async def test_a_failed_job_has_a_dead_letter_that_tells_all(stores: Stores) -> None:
    """In the queue that says whether another attempt might help, with the reason and the attempts."""
    corrupt, crashed = await failed_job(stores, CORRUPT), await failed_job(stores, CRASHED)
    dead_letters = DeadLetters(stores.store)
    (in_failed,), _ = await dead_letters.page(DeadLetterFilter(queue=FAILED_QUEUE), 10, "")
    (in_invalid,), _ = await dead_letters.page(DeadLetterFilter(queue=INVALID_QUEUE), 10, "")
    both, _ = await dead_letters.page(DeadLetterFilter(), 10, "")
    assert both == [in_failed, in_invalid]
    assert (in_failed.job_id, in_failed.reason, in_failed.message) == (crashed, "PARSER_CRASHED", CRASHED.message)
    job = await stores.store.find(corrupt)
    assert (in_invalid.job_id, in_invalid.run, in_invalid.attempt) == (corrupt, 1, 1)
    assert (in_invalid.time_us, in_invalid.attempts) == (job.end_time_us, job.attempts)


async def test_dead_letters_come_page_by_page(stores: Stores) -> None:
    """Each once, through both queues, although others come meanwhile."""
    ids = [await failed_job(stores, failure) for failure in (CRASHED, CORRUPT, CRASHED, CORRUPT, CORRUPT)]
    dead_letters = DeadLetters(stores.store)
    seen: list[str] = []
    token = ""
    while True:
        letters, token = await dead_letters.page(DeadLetterFilter(), 2, token)
        seen += [letter.job_id for letter in letters]
        if not token:
            break
        await failed_job(stores, CRASHED)
    assert seen == [ids[2], ids[0], ids[4], ids[3], ids[1]]


async def test_all_that_match_are_replayed(stores: Stores) -> None:
    """Jobs with the reason run again, once each, and their letters are gone; the others stay."""
    corrupt = [await failed_job(stores, CORRUPT) for _ in range(3)]
    encrypted = await failed_job(stores, JobFailure(FailureReason.ENCRYPTED, "it needs a password"))
    dead_letters = DeadLetters(stores.store)
    wanted = DeadLetterFilter(queue=INVALID_QUEUE, reason="CORRUPT")
    assert await dead_letters.replay(wanted) == 3
    assert await dead_letters.replay(wanted) == 0
    assert {(await stores.store.find(job_id)).run for job_id in corrupt} == {2}
    (left,), _ = await dead_letters.page(DeadLetterFilter(), 10, "")
    assert left.job_id == encrypted


async def test_a_purge_leaves_the_jobs_as_they_are(stores: Stores) -> None:
    """The letters are gone; the jobs are FAILED, and can be replayed one by one still."""
    job_id = await failed_job(stores)
    before = await stores.store.find(job_id)
    dead_letters = DeadLetters(stores.store)
    assert await dead_letters.purge(DeadLetterFilter(queue=FAILED_QUEUE)) == 0
    assert await dead_letters.purge(DeadLetterFilter(queue=INVALID_QUEUE)) == 1
    assert await dead_letters.page(DeadLetterFilter(), 10, "") == ([], "")
    assert await stores.store.find(job_id) == before
    assert (await stores.store.replay(job_id)).run == 2


async def test_replay_and_purge_of_everything_must_be_meant(stores: Stores) -> None:
    """Without a queue they are refused."""
    dead_letters = DeadLetters(stores.store)
    for change in (dead_letters.replay, dead_letters.purge):
        with pytest.raises(Refusal) as refused:
            await change(DeadLetterFilter())
        assert refused.value.reason is Reason.INVALID_ARGUMENT
        with pytest.raises(Refusal):
            await change(DeadLetterFilter(queue="other"))


async def test_a_result_is_found_by_its_key_for_as_long_as_it_is_kept(stores: Stores) -> None:
    """The newest of several; none before one has succeeded, and none after its deletion."""
    first = await stores.store.submit(new_job(result_key="pdfgateway:result:x"))
    assert await stores.store.find_result("pdfgateway:result:x") is None
    stores.worker.start(first.id)
    stores.worker.succeed(first.id, RESULT)
    found = await stores.store.find_result("pdfgateway:result:x")
    assert found == await stores.store.find(first.id)
    second = await stores.store.submit(new_job(result_key="pdfgateway:result:x", reused=found))
    assert (second.state, second.result, second.reused_job_id) == (JobState.SUCCEEDED, RESULT, first.id)
    assert (second.attempt, second.attempts, second.seq) == (0, (), 1)
    assert await stores.store.find(second.id) == second
    await stores.store.delete(first.id)
    newest = await stores.store.find_result("pdfgateway:result:x")
    assert newest is not None
    assert newest.id == second.id
    await stores.store.delete(second.id)
    assert await stores.store.find_result("pdfgateway:result:x") is None


async def test_a_full_queue_takes_no_job_but_knows_those_it_has(stores: Stores) -> None:
    """The queue has a longest length; a repeated submission is answered all the same."""
    new = new_job(request_id="key", request_digest="one")
    first = await stores.store.submit(new)
    await asyncio.gather(*(stores.store.submit(new_job()) for _ in range(QUEUED_MAX - 1)))
    with pytest.raises(Refusal) as refused:
        await stores.store.submit(new_job())
    assert refused.value.reason is Reason.QUEUE_FULL
    assert await stores.store.submit(new_job(request_id="key", request_digest="one")) == first
    await stores.store.cancel(first.id)
    assert (await stores.store.submit(new_job())).state is JobState.QUEUED


async def test_the_condition_counts_what_is_there(stores: Stores) -> None:
    """Jobs by state, dead letters by queue, and the memory."""
    await failed_job(stores)
    await stores.store.submit(new_job())
    condition = await stores.store.condition()
    assert {state: count for state, count in condition.jobs.items() if count} == {
        JobState.QUEUED: 1,
        JobState.FAILED: 1,
    }
    assert condition.dead_letters == {FAILED_QUEUE: 0, INVALID_QUEUE: 1}
    assert condition.can_write
    assert condition.memory_used_ratio < 0.5
