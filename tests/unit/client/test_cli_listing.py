"""How items are listed where there is no terminal; with one: tests/integration/client/test_cli_upkeep.py."""

import json

import pytest

from pdfgateway.cli.job_text import listed_job_line
from pdfgateway.cli.listing import JOBS
from pdfgateway.job_message import job_from_message
from tests.contract_messages import job_message

ITEMS = [job_from_message(job_message(f"job-{number}")) for number in range(3)]
MORE = "pdfgateway: there are more; --limit 0 lists all\n"


@pytest.mark.parametrize(("limit", "count", "told"), [(1, 1, MORE), (2, 2, MORE), (3, 3, ""), (4, 3, ""), (0, 3, "")])
def test_a_list_that_is_cut_says_so(capsys: pytest.CaptureFixture[str], limit: int, count: int, told: str) -> None:
    """As many lines as wanted; whether there are more is told on stderr, where no program reads lines."""
    JOBS.write(iter(ITEMS), limit, json=False)
    out, err = capsys.readouterr()
    assert out.splitlines() == [listed_job_line(job) for job in ITEMS[:count]]
    assert err == told


def test_json_is_one_document_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Programs read a list line by line."""
    JOBS.write(iter(ITEMS), 2, json=True)
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["job-0", "job-1"]
