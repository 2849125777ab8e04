"""Checks of values of query parameters, with an error that names the parameter and a value that would be right."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from difflib import get_close_matches
from typing import Annotated, Final, TypeVar

from api.problems import HttpProblem, unprocessable
from domain.times import DURATION_PATTERN, parse_duration
from domain.values import SUBJECT_KINDS, Timestamp, documented, to_micros
from projections.answer_types.parts import Direction
from projections.queries.ordering import DIRECTIONS
from projections.queries.timepoint import TimePoint

_OTHER_STATUSES: Final = {
    "approved": "accepted",
    "agreed": "accepted",
    "decided": "accepted",
    "canceled": "dropped",
    "cancelled": "dropped",
    "completed": "shipped",
    "finished": "shipped",
    "delivered": "shipped",
    "released": "shipped",
    "planned": "committed",
    "in progress": "started",
    "in-progress": "started",
    "blocked": "paused",
    "on hold": "paused",
    "postponed": "deferred",
    "draft": "proposed",
    "closed": "done",
    "overdue": "open",
    "pending": "open",
    "todo": "open",
}
"""What people call our statuses, for a suggestion."""
Choice = TypeVar("Choice", bound=str)


def check_choice(value: str, choices: Iterable[Choice], field: str, *, name: str = "", listed_at: str = "") -> Choice:
    """Return a value that is one of the choices that the OpenAPI document lists.

    Raises:
        HttpProblem: 422 with the closest choice, or else with all of them or the address that lists them.
    """
    known = {str(each): each for each in choices}
    if value not in known:
        raise HttpProblem(422, _unknown_choice(value, [*known], name or field, listed_at), field=field)
    return known[value]


def check_choices(
    values: list[str], choices: Iterable[Choice], field: str, *, name: str = "", listed_at: str = ""
) -> list[Choice]:
    """Return values that are all among the choices. Raises as `check_choice` does."""
    known = list(choices)
    return [check_choice(value, known, field, name=name, listed_at=listed_at) for value in values]


def check_recorded_choice(value: str, choices: Iterable[str], field: str, *, name: str = "") -> str:
    """Return a value that is one of the choices, some of which only the log knows. Raises as `check_choice` does."""
    known = list(choices)
    if value not in known:
        raise unprocessable(_unknown_choice(value, known, name or field), field=field)
    return value


def _unknown_choice(value: str, known: list[str], name: str, listed_at: str = "") -> str:
    words = {each: each for each in known}
    if name == "status":
        words = {word: meant for word, meant in _OTHER_STATUSES.items() if meant in words} | words
    close = [words[each] for each in get_close_matches(value.casefold(), words, 1)]
    valid = f"{listed_at} lists them" if listed_at else f"valid values: {', '.join(known)}"
    return f"there is no {name} `{value}`; {f'did you mean `{close[0]}`?' if close else valid}"


def check_kinds(kinds: list[str]) -> list[str]:
    """Return kinds of subject that all exist. Raises as `check_choice` does."""
    return check_choices(kinds, SUBJECT_KINDS, "kind")


def check_directions(directions: list[str]) -> list[Direction]:
    """Return directions that all exist. Raises as `check_choice` does."""
    return check_choices(directions, DIRECTIONS, "direction")


def period_of(begin: Timestamp | None, end: Timestamp | None, *, field: str = "until") -> tuple[int | None, int | None]:
    """Return a half-open period in microseconds; None means unbounded.

    Raises:
        HttpProblem: 422 naming `field` if the period ends before it begins.
    """
    if begin and end and end < begin:
        raise unprocessable(f"`{field}` must not be earlier than the beginning of the period", field=field)
    return (None if begin is None else to_micros(begin), None if end is None else to_micros(end))


def time_point_of(as_of: Timestamp | None, known_at: Timestamp | None) -> TimePoint:
    """Return the valid time and the transaction time of a query; None means now."""
    return TimePoint(None if as_of is None else to_micros(as_of), None if known_at is None else to_micros(known_at))


DurationText = Annotated[str, documented(pattern=f"^{DURATION_PATTERN}$")]
"""A number of hours, days, weeks or years of 365 days, such as `90d`."""


def duration_of(text: str | None, field: str) -> int | None:
    """Return a duration in microseconds; None for None.

    Raises:
        HttpProblem: 422 if the text is not a duration.
    """
    if text is None:
        return None
    duration = parse_duration(text)
    if duration is None:
        raise unprocessable(f"{text!r} is not a duration such as 36h, 90d, 12w or 2y (365 days each)", field=field)
    return duration // timedelta(microseconds=1)
