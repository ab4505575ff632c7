"""The soak's plan of faults."""

from itertools import islice

from tests.faults.soak import FAULTS, plan


def test_the_same_seed_gives_the_same_faults() -> None:
    """A run can be repeated by its seed; another seed gives another order."""
    first, again, other = (list(islice(plan(seed), 60)) for seed in (7, 7, 8))
    assert first == again
    assert first != other


def test_a_plan_has_every_fault_equally_often() -> None:
    """None is left to luck."""
    rounds = list(islice(plan(1), 3 * len(FAULTS)))
    assert {name: rounds.count(name) for name in FAULTS} == dict.fromkeys(FAULTS, 3)
