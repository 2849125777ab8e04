"""Short lists to choose from."""

from __future__ import annotations

from collections.abc import Sequence

from projections.cells import all_cells, by_subject
from projections.model import Read
from projections.order import Order
from projections.reading import NOW, Answer, Filter, Row, When, answer, moment


def subjects(read: Read, asked: Filter, fields: Sequence[str], when: When = NOW) -> Answer:
    """The subjects that fit, each with some of its cells, by what they are called."""
    then = moment(read, when)
    found = by_subject(all_cells(read, _with(asked, (*fields, "exists")), then))
    rows = [_subject(subject, cells, fields) for subject, cells in found.items()]
    return answer(then, sorted(rows, key=lambda row: (str(row["title"] or "").casefold(), row["subject"])))


def releases(read: Read, products: Sequence[str] = (), when: When = NOW) -> Answer:
    """The releases of some products or of all, in their order."""
    found = subjects(read, Filter(kinds=("release",), products=products), ("version", "on", "products"), when)
    order = Order(read, moment(read, when))
    found.rows.sort(key=lambda row: order.key(row["subject"]))
    return found


def _with(asked: Filter, fields: Sequence[str]) -> Filter:
    return Filter(asked.kinds, asked.subjects, asked.products, fields, statuses=asked.statuses, absent=asked.absent)


def _subject(subject: str, cells: dict[str, Row], fields: Sequence[str]) -> Row:
    called = cells.get("exists") or next(iter(cells.values()))
    return {
        "subject": subject,
        "title": called["title"],
        **{name: cells[name]["value"] for name in fields if name in cells},
    }
