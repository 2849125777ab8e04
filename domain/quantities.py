"""Lengths of time, as a number of days, weeks, months, quarters or years, and how they compare."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, Strict

from domain.messages import Message
from domain.money import Cost
from domain.values import Integral

TimeUnit = Literal["days", "weeks", "months", "quarters", "years"]
Fit = Literal["within", "exceeds", "unclear"]

_DAYS: Final = {"days": 1, "weeks": 7}
_MONTHS: Final = {"months": 1, "quarters": 3, "years": 12}
_SHORTEST_MONTH_DAYS: Final = 28
_LONGEST_MONTH_DAYS: Final = 31


class Duration(Message):
    """A length of time."""

    amount: Annotated[int, Strict(), Field(ge=0, le=100_000), Integral] = Field(description="How many of the unit.")
    unit: TimeUnit = Field(description="`days`, `weeks`, `months`, `quarters` or `years`.")


def compare_cost(cost: Cost | None, limit: Cost) -> Fit:
    """Return whether a cost is within a limit. Amounts in different currencies are not compared."""
    if cost is None or cost.currency != limit.currency:
        return "unclear"
    return "within" if cost.amount <= limit.amount else "exceeds"


def compare_duration(duration: Duration | None, limit: Duration) -> Fit:
    """Return whether a length of time is within a limit: unclear if that depends on the length of the months."""
    if duration is None:
        return "unclear"
    if duration.unit in _MONTHS and limit.unit in _MONTHS:
        is_within = duration.amount * _MONTHS[duration.unit] <= limit.amount * _MONTHS[limit.unit]
        return "within" if is_within else "exceeds"
    (shortest, longest), (least, most) = _days_of(duration), _days_of(limit)
    return "within" if longest <= least else "exceeds" if shortest > most else "unclear"


def _days_of(duration: Duration) -> tuple[int, int]:
    """Return the fewest and the most days that a length of time can have."""
    if duration.unit in _DAYS:
        days = duration.amount * _DAYS[duration.unit]
        return days, days
    months = duration.amount * _MONTHS[duration.unit]
    return months * _SHORTEST_MONTH_DAYS, months * _LONGEST_MONTH_DAYS
