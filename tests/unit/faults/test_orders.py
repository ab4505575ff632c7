"""The load's plan: repeatable by its seed, and with all that it is to have."""

from itertools import islice

from tests.faults.orders import FAILURES, Kind, orders


def test_the_same_seed_gives_the_same_orders() -> None:
    """A run can be repeated by its seed; another seed gives another run."""
    first, again, other = (list(islice(orders(seed, 0.5), 200)) for seed in ("7-0", "7-0", "8-0"))
    assert first == again
    assert not {order.request_id for order in first} & {order.request_id for order in other}


def test_a_plan_has_all_kinds() -> None:
    """Good and bad ones, watched and polled, some cancelled, at the rate that was asked for."""
    plan = list(islice(orders("1", 0.5), 2000))
    assert {order.kind for order in plan} == set(Kind)
    assert 0.3 < sum(order.watched for order in plan) / len(plan) < 0.5
    assert 0.02 < sum(order.cancel_after_seconds is not None for order in plan) / len(plan) < 0.08
    assert 0.45 < sum(order.pause_seconds for order in plan) / len(plan) < 0.55


def test_a_bad_pdf_may_not_succeed_and_a_good_one_may_not_fail() -> None:
    """Only what is cancelled may end in two ways."""
    for order in islice(orders("1", 0.5), 2000):
        ends = set(order.may_end)
        if order.cancel_after_seconds is not None:
            ends.remove("CANCELLED")
        assert ends == {FAILURES.get(order.kind, "SUCCEEDED")}
