"""A status that waits."""

import pytest

from pdfgateway.long_poll import bounded_wait_seconds, status_request


@pytest.mark.parametrize(("asked", "kept"), [(-1.0, 0.0), (0.0, 0.0), (0.5, 0.5), (60.0, 60.0), (61.0, 60.0)])
def test_a_wait_is_bounded(asked: float, kept: float) -> None:
    """The gateway keeps no longer wait than 60 s, so the client's deadline counts on none."""
    assert bounded_wait_seconds(asked) == kept


def test_a_wait_of_zero_is_none() -> None:
    """Without a wait the status is answered at once."""
    assert not status_request("a", 0.0).HasField("wait")
    assert not status_request("a", -0.001).HasField("wait")
    assert status_request("a", 1.5).wait.ToMilliseconds() == 1500
