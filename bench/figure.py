"""What a measurement gives: figures, each with what it is, the goal where there is one, and where it comes from."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {">=": operator.ge, "<=": operator.le}


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be."""

    comparison: str
    """">=" or "<="."""
    value: float

    def is_met(self, value: float) -> bool:
        """Whether a value is as it should be."""
        return _COMPARISONS[self.comparison](value, self.value)

    def __str__(self) -> str:
        return f"{self.comparison} {self.value:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report."""

    what: str
    value: float
    unit: str = ""
    """Empty for a ratio."""
    goal: Goal | None = None
    detail: str = ""
    """The measured values behind the figure."""

    @property
    def verdict(self) -> str:
        """Whether the goal is met; empty where there is none."""
        if self.goal is None:
            return ""
        return "met" if self.goal.is_met(self.value) else "MISSED"


def ratio(values: Sequence[float], baseline: Sequence[float]) -> float:
    """The median of the ratios of values that were measured in turn, each to its baseline right beside it."""
    return median(value / base for value, base in zip(values, baseline, strict=True))
