"""What both clients promise of lists, deletions, replays and dead letters."""

import grpc
import pytest

from pdfgateway import (
    AttemptState,
    InvalidArgument,
    Job,
    JobAlreadySucceeded,
    JobNotFinished,
    JobNotFound,
    JobState,
    StoreUnavailable,
)
from pdfgateway.v1.pdf_gateway_service_pb2 import (
    DeleteJobRequest,
    ListDeadLettersRequest,
    ListJobsRequest,
    ReplayDeadLettersRequest,
    ReplayJobRequest,
)
from tests.contract_messages import attempt_message, dead_letter_message, job_message
from tests.fake_gateway import FakeGateway
from tests.fake_steps import Refuse
from tests.integration.client.drivers import ClientDriver

STORE_DOWN = Refuse(grpc.StatusCode.UNAVAILABLE, "The store is down.", "STORE_UNAVAILABLE", retry_seconds=60)


def ids(jobs: list[Job]) -> list[str]:
    """The ids of jobs."""
    return [job.id for job in jobs]


def test_a_list_has_every_page(gateway: FakeGateway, client: ClientDriver) -> None:
    """All jobs come, newest first and each once, over as many pages as it takes; an empty page is not the end."""
    for number in range(7):
        gateway.put(job_message(f"job-{number}", attempts=[attempt_message()]))
    gateway.page_sizes.extend([3, 0, 2])
    jobs = client.jobs(page_size=4)
    assert ids(jobs) == [f"job-{number}" for number in reversed(range(7))]
    assert [attempt.state for attempt in jobs[0].attempts] == [AttemptState.FAILED]
    requests = [request for request in gateway.requests if isinstance(request, ListJobsRequest)]
    assert [(request.page_size, request.page_token) for request in requests] == [(4, ""), (4, "3"), (4, "3"), (4, "5")]


def test_every_page_has_the_same_filter(gateway: FakeGateway, client: ClientDriver) -> None:
    """Only what was asked for comes, on the later pages too."""
    for number, state in enumerate(["FAILED", "QUEUED", "CANCELLED", "FAILED"]):
        gateway.put(job_message(f"job-{number}", state=state, labels={"team": "a", "number": str(number)}))
    gateway.put(job_message("other", state="FAILED"))
    gateway.page_sizes.extend([1, 1])
    assert ids(client.jobs([JobState.FAILED, JobState.CANCELLED], {"team": "a"})) == ["job-3", "job-2", "job-0"]
    requests = [request for request in gateway.requests if isinstance(request, ListJobsRequest)]
    assert len({(tuple(request.states), tuple(request.labels.items())) for request in requests}) == 1


def test_an_outage_between_pages_is_told(gateway: FakeGateway, client: ClientDriver) -> None:
    """A list that cannot go on raises: it never just ends early."""
    gateway.put(job_message("job-1"))
    gateway.put(job_message("job-2"))
    gateway.page_sizes.append(1)
    gateway.faults["ListJobs"].extend([None, STORE_DOWN])
    with pytest.raises(StoreUnavailable):
        client.jobs()
    assert len(gateway.requests) == 2
    assert ids(client.jobs()) == ["job-2", "job-1"]


def test_a_page_size_that_no_message_holds_is_refused(gateway: FakeGateway, client: ClientDriver) -> None:
    """What cannot be sent is not sent."""
    with pytest.raises(InvalidArgument):
        client.jobs(page_size=2**31)
    assert not gateway.requests


def test_a_deleted_job_is_gone(gateway: FakeGateway, client: ClientDriver) -> None:
    """It is found no more, and to delete it again says so; a job that goes on stays."""
    gateway.put(job_message("ended", state="FAILED"))
    gateway.put(job_message("going-on", state="RUNNING"))
    client.delete("ended")
    with pytest.raises(JobNotFound):
        client.delete("ended")
    with pytest.raises(JobNotFinished, match="has not ended"):
        client.delete("going-on")
    assert list(gateway.jobs) == ["going-on"]


def test_a_deletion_whose_answer_was_lost_succeeds(gateway: FakeGateway, client: ClientDriver) -> None:
    """The repeated call finds no job, and that is what was asked for."""
    gateway.put(job_message(state="FAILED"))
    gateway.lost_answers["DeleteJob"] = 1
    client.delete("job-1")
    assert len(gateway.requests_of(DeleteJobRequest)) == 2
    assert not gateway.jobs


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_replayed_job_has_another_run(gateway: FakeGateway, client: ClientDriver, state: str) -> None:
    """It is the same job in its next run; to replay it again while that goes on changes nothing."""
    gateway.put(job_message(seq=4, state=state))
    job = client.replay("job-1")
    assert (job.id, job.run, job.state) == ("job-1", 2, JobState.QUEUED)
    assert client.replay("job-1") == job


def test_a_replay_of_what_succeeded_is_refused(gateway: FakeGateway, client: ClientDriver) -> None:
    """A job that has its result keeps it; neither an outage nor a run of before makes a replay of that."""
    gateway.put(job_message(state="SUCCEEDED", run=2))
    with pytest.raises(JobAlreadySucceeded):
        client.replay("job-1")
    gateway.put(job_message(state="SUCCEEDED"))
    gateway.faults["ReplayJob"].append(Refuse(grpc.StatusCode.UNAVAILABLE, "down"))
    with pytest.raises(JobAlreadySucceeded):
        client.replay("job-1")


@pytest.mark.parametrize(("outcome", "state"), [("", JobState.QUEUED), ("SUCCEEDED", JobState.SUCCEEDED)])
def test_a_replay_whose_answer_was_lost_succeeds(
    gateway: FakeGateway, client: ClientDriver, outcome: str, state: JobState
) -> None:
    """The repeated replay finds the new run, going on or with its result already, and starts no other."""
    gateway.put(job_message(state="FAILED"))
    gateway.lost_answers["ReplayJob"] = 1
    gateway.outcome = outcome
    job = client.replay("job-1")
    assert (job.run, job.state) == (2, state)
    assert len(gateway.requests_of(ReplayJobRequest)) == 2


def test_dead_letters_are_read_by_the_page(gateway: FakeGateway, client: ClientDriver) -> None:
    """All that match come in the gateway's order, over as many pages as it takes, with their histories."""
    letters = [dead_letter_message(f"job-{number}") for number in range(4)]
    gateway.dead_letters = [*letters, dead_letter_message("job-4", reason="INTERNAL"), dead_letter_message("")]
    gateway.page_sizes.extend([2, 0, 1])
    read = client.dead_letters()
    assert [letter.job_id for letter in read] == ["job-0", "job-1", "job-2", "job-3", "job-4", None]
    assert [attempt.state for attempt in read[0].attempts] == [AttemptState.FAILED]
    assert len(gateway.requests_of(ListDeadLettersRequest)) == 4
    assert [letter.raw for letter in client.dead_letters("invalid_pdfs")] == ["hello"]
    assert [letter.job_id for letter in client.dead_letters("failed_pdfs", "INTERNAL")] == ["job-4"]


def test_dead_letters_are_replayed_and_purged_by_filter(gateway: FakeGateway, client: ClientDriver) -> None:
    """Only what matches is replayed or purged, and counted."""
    for number in range(4):
        gateway.put(job_message(f"job-{number}", state="FAILED"))
    lost = [dead_letter_message(f"job-{number}") for number in range(3)]
    gateway.dead_letters = [*lost, dead_letter_message("job-3", reason="INTERNAL"), dead_letter_message("")]
    assert client.replay_dead_letters("failed_pdfs", "LEASE_LOST") == 3
    assert [job.run for job in client.jobs()] == [1, 2, 2, 2]
    assert client.purge_dead_letters("failed_pdfs", "LEASE_LOST") == 0
    assert client.purge_dead_letters("invalid_pdfs") == 1
    assert [letter.reason for letter in client.dead_letters()] == ["INTERNAL"]


def test_a_bulk_replay_whose_answer_was_lost_is_repeated(gateway: FakeGateway, client: ClientDriver) -> None:
    """No job is replayed twice; the repeated call counts only what it did itself."""
    gateway.put(job_message(state="FAILED"))
    gateway.dead_letters = [dead_letter_message()]
    gateway.lost_answers["ReplayDeadLetters"] = 1
    assert client.replay_dead_letters("failed_pdfs") == 0
    assert len(gateway.requests_of(ReplayDeadLettersRequest)) == 2
    assert client.status("job-1").run == 2


def test_a_bulk_call_is_given_its_time(gateway: FakeGateway, client: ClientDriver) -> None:
    """What may take the gateway seconds is not cut off after the time of a short call."""
    client.dead_letters()
    client.replay_dead_letters("failed_pdfs")
    client.purge_dead_letters("failed_pdfs")
    listed, replayed, purged = gateway.seconds_given
    # gRPC rounds a long deadline up.
    assert listed < 15 < 45 < min(replayed, purged)
    assert max(replayed, purged) < 65
