"""Short lists to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from projections.field_values import all_field_values, by_subject
from projections.ordering import Order
from projections.query import (
    NOW,
    Answer,
    Filter,
    ResolvedTime,
    Row,
    TimePoint,
    answer,
    encode_cursor,
    filled,
    page_after,
    resolve_time,
)
from projections.read_model import Read

PART: Final = 1_000


def subjects(
    read: Read, asked: Filter, fields: Sequence[str], when: TimePoint = NOW, *, limit: int | None = None,
    cursor: str | None = None,
) -> Answer:  # fmt: skip
    """The subjects that fit, each with some of its cells, by what they are called; all, or `limit` behind a cursor."""
    then = resolve_time(read, when)
    named = by_subject(all_field_values(read, _with(asked, ("exists",)), then))
    called = sorted(([{"subject": each, **_titled(cells)} for each, cells in named.items()]), key=_place)
    shown, following = page_after(called, _place, (str, str), limit, cursor)

    def told(part: Sequence[Row]) -> list[Row]:
        found = _cells_of(read, asked, [row["subject"] for row in part], fields, then)
        return [{**row, **_values(found.get(row["subject"], {}), fields)} for row in part]

    rows = filled(read, shown, told, PART)
    if len(rows) < len(shown):
        following = encode_cursor(*_place(rows[-1]))
    return answer(then, rows, following=following)


def releases(read: Read, products: Sequence[str] = (), when: TimePoint = NOW) -> Answer:
    """The releases of some products or of all, in their order."""
    found = subjects(read, Filter(kinds=("release",), products=products), ("version", "on", "products"), when)
    order = Order(read, resolve_time(read, when))
    found.rows.sort(key=lambda row: order.key(row["subject"]))
    return found


def _with(asked: Filter, fields: Sequence[str]) -> Filter:
    return Filter(
        asked.kinds,
        asked.subjects,
        asked.products,
        fields,
        statuses=asked.statuses,
        include_removed=asked.include_removed,
    )


def _cells_of(
    read: Read, asked: Filter, subjects: Sequence[str], fields: Sequence[str], then: ResolvedTime
) -> dict[str, dict[str, Row]]:
    if not subjects:
        return {}
    return by_subject(
        all_field_values(read, Filter(subjects=subjects, fields=fields, include_removed=asked.include_removed), then)
    )


def _titled(cells: dict[str, Row]) -> Row:
    return {"title": next(iter(cells.values()))["title"]}


def _place(row: Row) -> tuple[str, str]:
    return str(row["title"] or "").casefold(), row["subject"]


def _values(cells: dict[str, Row], fields: Sequence[str]) -> Row:
    return {name: cells[name]["value"] for name in fields if name in cells}
