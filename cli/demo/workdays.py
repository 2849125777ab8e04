"""The times of the demo's story: on workdays, within the working hours of the place where each person works."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from cli.demo.story import Step, Story
from domain.times import to_micros

STARTS: Final = time(9, 10)
WORKING_HOURS: Final = timedelta(hours=8)
PAUSE: Final = timedelta(minutes=4)
"""The least time between two steps."""
SATURDAY: Final = 5
SUNDAY: Final = 6
SEED: Final = 20


class Calendar:
    """The days of a story that begins on a date. A weekend becomes the Friday before or the Monday after."""

    def __init__(self, first: date) -> None:
        self._first = first

    def date(self, day: int) -> date:
        """Return the workday that is meant by a day of the story."""
        found = self._first + timedelta(days=day)
        return found + timedelta(days={SATURDAY: -1, SUNDAY: 1}.get(found.weekday(), 0))

    def morning(self, day: int) -> datetime:
        """Return the time at which people in UTC start to work."""
        return datetime.combine(self.date(day), STARTS, UTC)

    def times(self, story: Story) -> Iterator[tuple[Step, int]]:
        """Yield each step with its time in microseconds since 1970; the same story always has the same times."""
        zones = {person["identifiers"][0]: ZoneInfo(person["zone"]) for person in story.people}
        chance = random.Random(SEED)  # noqa: S311  (not a secret)
        last = datetime.combine(self.date(0), STARTS, UTC) - timedelta(hours=3)
        for day, found in groupby(story.steps, lambda step: self.date(step.day)):
            for step, wanted in _spread([*found], day, zones, chance):
                last = max(wanted, last + PAUSE)
                yield step, to_micros(last)


def _spread(
    steps: Sequence[Step], day: date, zones: dict[str, ZoneInfo], chance: random.Random
) -> Iterator[tuple[Step, datetime]]:
    """Yield the steps of a day with their times, one after another over the hours of work."""
    for n, step in enumerate(steps):
        begin = datetime.combine(day, STARTS, zones[step.who]).astimezone(UTC)
        share = (n + chance.random()) / len(steps)
        yield step, (begin + share * WORKING_HOURS).replace(microsecond=chance.randrange(1_000_000))
