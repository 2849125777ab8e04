"""How many changes of fields there are, by who, what and when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Literal, cast, get_args

from domain.values import from_micros, kind_of
from projections.answer_types.changes import FieldChangeCount
from projections.answer_types.parts import Direction
from projections.queries.field_history import ChangeFilter, ChangeReading, select_rows
from projections.queries.field_values import as_ids
from projections.queries.ordering import resolve_people
from projections.queries.paging import DEFAULT_LIMIT, Answer, Row, build_answer, smallest_after
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.read_model.model import Read
from projections.read_model.query_limits import ReadTooMuch
from projections.read_model.schema import dumps, loads

MAX_GROUPS: Final = 200_000
ValueGroup = Literal["from", "from_source_value", "to", "to_source_value"]
TimeUnit = Literal["year", "quarter", "month", "week"]
Group = Literal["subject", "field", "direction", "actor", "principal", "kind", "product", ValueGroup, TimeUnit]
TIME_UNITS: Final[tuple[str, ...]] = get_args(TimeUnit)


def count_changes(
    read: Read,
    selection: ChangeFilter,
    by: Sequence[Group],
    when: TimePoint = NOW,
    *,
    min_count: int = 1,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Answer[FieldChangeCount]:
    """Return how many of the matching changes there are in each group, most first; groups of periods in time order.

    Years, quarters, months and weeks (ISO 8601) are those in which a change took effect, in UTC. A change whose subject
    belongs to several products as of the time asked for counts for each.
    """
    time = resolve_time(read, when)
    counts = _count(read, selection, by, time)
    periods = [n for n, name in enumerate(by) if name in TIME_UNITS]

    def rank(counted: tuple[GroupKey, int]) -> tuple[Any, ...]:
        group, count = counted
        return (
            *(group[n] for n in periods),
            -count,
            *(part for each in group for part in (each is not None, each or "")),
        )

    found = ((group, count) for group, count in counts.items() if count >= min_count)
    types = (*(str for _ in periods), int, *(part for _ in by for part in (bool, str)))
    shown, next_cursor = smallest_after(found, rank, types, limit, cursor)
    rows = [cast("FieldChangeCount", {**_decode_group(by, group), "count": count}) for group, count in shown]
    return build_answer(time, rows, next_cursor=next_cursor)


GroupKey = tuple[str | None, ...]


def _decode_group(by: Sequence[Group], group: GroupKey) -> Row:
    """Return the members of a group by name. Values were kept as JSON."""
    return {name: loads(each) if name in ("from", "to") else each for name, each in zip(by, group, strict=True)}


def _count(read: Read, selection: ChangeFilter, by: Sequence[Group], time: ResolvedTime) -> Counter[GroupKey]:
    counts: Counter[GroupKey] = Counter()
    interned: dict[str | None, str | None] = {}  # keeps each string once
    products = _find_products(read, time) if "product" in by else {}
    for row, direction, _ in select_rows(read, selection, time, ChangeReading(keeps=False)):
        for product in products.get(row[0], (None,)):
            group = (product if name == "product" else _group_of(row, direction, name, read) for name in by)
            counts[tuple([interned.setdefault(text, text) for text in group])] += 1
        if len(counts) > MAX_GROUPS and read.bounds.is_bounded:
            raise ReadTooMuch(f"it counts more than {MAX_GROUPS:,} groups")
    return counts


def _group_of(row: Sequence[Any], direction: Direction, name: Group, read: Read) -> str | None:
    """Return what a change is grouped under: text, or the JSON of a value."""
    match name:
        case "direction":
            return direction
        case "kind":
            return kind_of(row[0])
        case "actor" | "principal":
            return read.surviving_id(row[14 if name == "actor" else 15])
        case "from" | "to":
            value = resolve_people(loads(row[6 if name == "from" else 8]), read.merged_into)
            return None if value in (None, []) else dumps(value)
        case "year" | "quarter" | "month" | "week":
            return _period_of(row[3], name)
    return row[_GROUP_COLUMNS[name]]  # type: ignore[no-any-return]


_GROUP_COLUMNS: Final = {"subject": 0, "field": 2, "from_source_value": 7, "to_source_value": 9}
"""The columns of a change, as `select_rows` yields it, that are groups as they are."""


def _period_of(at: int, unit: TimeUnit) -> str:
    """Return the year, quarter, month or ISO week of a time, in UTC: `2024`, `2024-Q1`, `2024-03`, `2024-W09`."""
    day = from_micros(at)
    match unit:
        case "year":
            return f"{day.year:04}"
        case "quarter":
            return f"{day.year:04}-Q{(day.month + 2) // 3}"
        case "month":
            return f"{day.year:04}-{day.month:02}"
    year, week, _ = day.isocalendar()
    return f"{year:04}-W{week:02}"


def _find_products(read: Read, time: ResolvedTime) -> dict[str, list[str]]:
    """Return the products of each subject that belongs to any. A product belongs to itself."""
    sql = f"""select c.subject, c.value from field_value c where c.field = 'products' and c.value is not null
        and {time.is_in_effect("c")}"""
    found = {subject: list(as_ids(loads(value))) for subject, value in read.rows(sql, time.parameters)}
    of_products = f"""select c.subject from field_value c where c.field = 'exists' and c.subject >= 'product:'
        and c.subject < 'product;' and {time.is_in_effect("c")}"""
    products = {subject: [subject] for (subject,) in read.rows(of_products, time.parameters)}
    return {subject: each for subject, each in {**found, **products}.items() if each}
