"""What the roadmap of another day costs compared with that of now."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from domain.values import format_micros
from projections.filters import Filter
from projections.roadmap import roadmap
from projections.timepoint import TimePoint
from tests.benchmarks.house import imported, system_clock, timed_in_turn
from tests.support_log import House

DAYS = 12
ROUNDS = 15


def measure() -> Iterator[str]:
    """Medians in one run, the whole KEP roadmap each time; as of days spread over its history, and as known then."""
    with tempfile.TemporaryDirectory() as folder, House(Path(folder), system_clock) as house:
        imported(house, "keps")
        asked = Filter(products=("product:kubernetes",))
        first, last = _span(house)
        days = [first + (last - first) * n // DAYS for n in range(1, DAYS + 1)]

        def ask(when: TimePoint) -> int:
            with house.model.read() as read:
                return len(roadmap(read, asked, when, layout="table").rows)

        known = house.log.head().recorded_at - 1
        now = {"now": lambda: ask(TimePoint())}
        as_of = {f"as of {format_micros(day)[:10]}": lambda day=day: ask(TimePoint(as_of=day)) for day in days}
        known_at = {"as of the last day, known a moment ago": lambda: ask(TimePoint(as_of=last, known_at=known))}
        times = timed_in_turn({**now, **as_of, **known_at}, ROUNDS)
    base = times.pop("now")
    yield f"roadmap of now: {base * 1000:.1f} ms"
    for name, seconds in times.items():
        yield f"{name}: {seconds * 1000:.1f} ms, {seconds / base:.2f} of now (wanted: at most 2.00 as of any day)"
    yield f"median of the days: {statistics.median(times[name] for name in as_of) / base:.2f} of now"


def _span(house: House) -> tuple[int, int]:
    with house.model.read() as read:
        row = read.one("select min(valid_from), max(valid_from) from event where source_system = 'keps'", {})
    assert row is not None
    return int(row[0]), int(row[1])
