"""Four questions about the demo, asked as its users would ask them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

HALF_A_YEAR: Final = timedelta(days=184)


@dataclass(frozen=True, slots=True)
class Question:
    """A question in words, and the command that answers it."""

    words: str
    command: tuple[str, ...]


def questions(ends_on: date) -> Iterator[Question]:
    """Yield the questions about a demo whose year ends on a day."""
    then = (ends_on - HALF_A_YEAR).isoformat()
    started = ("--status", "started", "--status", "committed")
    yield Question(
        f"What was the team working on six months ago, on {then}?", ("roadmap", "tideline", *started, "--as-of", then)
    )
    yield Question(
        "Which promises slipped more than once?",
        ("slips", "--by", "target", "--product", "tideline", "--min-count", "2"),
    )
    yield Question(
        'Who moved "Change a trip under way", when and why?',
        ("blame", "feature:trip-changes", "--field", "target.ship"),
    )
    yield Question(
        "A harbor complains about the flat monthly price. Why did we offer it, and who objected?",
        ("show", "monthly-price"),
    )
