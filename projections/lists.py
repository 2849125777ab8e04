"""Short lists to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from projections.cells import all_cells, by_subject
from projections.model import Read
from projections.order import Order
from projections.reading import NOW, Answer, Filter, Moment, Row, When, answer, filled, moment, page_after, to_cursor

PART: Final = 1_000


def subjects(
    read: Read, asked: Filter, fields: Sequence[str], when: When = NOW, *, limit: int | None = None,
    cursor: str | None = None,
) -> Answer:  # fmt: skip
    """The subjects that fit, each with some of its cells, by what they are called; all, or `limit` behind a cursor."""
    then = moment(read, when)
    named = by_subject(all_cells(read, _with(asked, ("exists",)), then))
    called = sorted(([{"subject": each, **_titled(cells)} for each, cells in named.items()]), key=_place)
    shown, following = page_after(called, _place, (str, str), limit, cursor)

    def told(part: Sequence[Row]) -> list[Row]:
        found = _cells_of(read, asked, [row["subject"] for row in part], fields, then)
        return [{**row, **_values(found.get(row["subject"], {}), fields)} for row in part]

    rows = filled(read, shown, told, PART)
    if len(rows) < len(shown):
        following = to_cursor(*_place(rows[-1]))
    return answer(then, rows, following=following)


def releases(read: Read, products: Sequence[str] = (), when: When = NOW) -> Answer:
    """The releases of some products or of all, in their order."""
    found = subjects(read, Filter(kinds=("release",), products=products), ("version", "on", "products"), when)
    order = Order(read, moment(read, when))
    found.rows.sort(key=lambda row: order.key(row["subject"]))
    return found


def _with(asked: Filter, fields: Sequence[str]) -> Filter:
    return Filter(asked.kinds, asked.subjects, asked.products, fields, statuses=asked.statuses, absent=asked.absent)


def _cells_of(
    read: Read, asked: Filter, subjects: Sequence[str], fields: Sequence[str], then: Moment
) -> dict[str, dict[str, Row]]:
    if not subjects:
        return {}
    return by_subject(all_cells(read, Filter(subjects=subjects, fields=fields, absent=asked.absent), then))


def _titled(cells: dict[str, Row]) -> Row:
    return {"title": next(iter(cells.values()))["title"]}


def _place(row: Row) -> tuple[str, str]:
    return str(row["title"] or "").casefold(), row["subject"]


def _values(cells: dict[str, Row], fields: Sequence[str]) -> Row:
    return {name: cells[name]["value"] for name in fields if name in cells}
