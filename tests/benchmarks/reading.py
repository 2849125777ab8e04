"""What the roadmap of another day costs compared with that of now, and what changed in a week with that week's history."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from domain.values import format_micros
from projections.queries.changes import changes
from projections.queries.field_history import ChangeFilter, field_history
from projections.queries.filters import Filter
from projections.queries.paging import DEFAULT_LIMIT
from projections.queries.roadmap import roadmap
from projections.queries.timepoint import TimePoint
from tests.benchmarks.local_service import imported, system_clock, timed_in_turn
from tests.support_log import LocalService

DAYS = 12
WEEKS = 26
WEEK = 7 * 24 * 3_600 * 1_000_000
ROUNDS = 15


def measure() -> Iterator[str]:
    """Medians in one run, the whole KEP roadmap each time; as of days spread over its history, and as known then."""
    with tempfile.TemporaryDirectory() as folder, LocalService(Path(folder), system_clock) as service:
        begun = time.process_time()
        imported(service, "keps")
        yield f"imported the KEPs, {service.log.head().size:,} entries, in {time.process_time() - begun:.1f} s of CPU"
        asked = Filter(products=("product:kubernetes",))
        first, last = _span(service)
        days = [first + (last - first) * n // DAYS for n in range(1, DAYS + 1)]

        def ask(when: TimePoint) -> int:
            with service.model.read() as read:
                return len(roadmap(read, asked, when, layout="table").rows)

        known = service.log.head().recorded_at - 1
        now = {"now": lambda: ask(TimePoint())}
        as_of = {f"as of {format_micros(day)[:10]}": lambda day=day: ask(TimePoint(as_of=day)) for day in days}
        known_at = {"as of the last day, known a moment ago": lambda: ask(TimePoint(as_of=last, known_at=known))}
        times = timed_in_turn({**now, **as_of, **known_at}, ROUNDS)
        weeks = _compare_weeks(service)
    base = times.pop("now")
    yield f"roadmap of now: {base * 1000:.1f} ms"
    for name, seconds in times.items():
        yield f"{name}: {seconds * 1000:.1f} ms, {seconds / base:.2f} of now (wanted: at most 1.30 as of any day)"
    yield weeks
    yield f"median of the days: {statistics.median(times[name] for name in as_of) / base:.2f} of now"


def _compare_weeks(service: LocalService) -> str:
    """The last weeks of the imported history, one after the other, whatever happened in them."""
    with service.model.read() as read:
        row = read.one(
            "select max(valid_from) from field_value where valid_from < (select min(recorded_at) from main.event)", {}
        )
    assert row is not None
    ends = [row[0] - n * WEEK for n in range(WEEKS)]

    def compare() -> None:
        for end in ends:
            with service.model.read() as read:
                changes(read, TimePoint(end - WEEK), TimePoint(end))

    def list_history() -> None:
        for end in ends:
            with service.model.read() as read:
                field_history(read, ChangeFilter(span=(end - WEEK + 1, end + 1)), TimePoint(end), limit=DEFAULT_LIMIT)

    seconds = timed_in_turn({"changes": compare, "history": list_history}, ROUNDS)
    return (
        f"changes of a week, mean of {WEEKS} weeks: {seconds['changes'] / WEEKS * 1000:.1f} ms, the field history of the week "
        f"{seconds['history'] / WEEKS * 1000:.1f} ms: {seconds['changes'] / seconds['history']:.2f} of it (wanted: at most 3.00)"
    )


def _span(service: LocalService) -> tuple[int, int]:
    with service.model.read() as read:
        row = read.one("select min(valid_from), max(valid_from) from event where source_system = 'keps'", {})
    assert row is not None
    return int(row[0]), int(row[1])
