"""The roadmap: what is planned, on a board, along a line of releases or days, or as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from domain.cells import EXISTS, Value
from projections.cells import all_cells, by_subject, with_blame
from projections.model import Read
from projections.order import Order, as_one
from projections.reading import NOW, Answer, Filter, Moment, Row, When, answer, moment, titles

Layout = Literal["board", "timeline", "table"]

UNPLANNED: Final = "unplanned"
TARGETS: Final = "target.*"
FIELDS: Final = (
    "title",
    "aliases",
    "status",
    "horizon",
    "rank",
    "products",
    TARGETS,
    "role.*",
    "goals",
    "decisions",
)
"""What a card shows, unless told otherwise."""

_ORDERS: Final = {
    "horizon": ("now", "next", "later"),
    "status": ("proposed", "accepted", "committed", "started", "paused", "shipped", "dropped"),
}


def roadmap(
    read: Read, asked: Filter | None = None, when: When = NOW, *, layout: Layout = "board", columns: str = "horizon",
    milestone: str | None = None, fields: Sequence[str] = FIELDS, blame: bool = False,
) -> Answer:  # fmt: skip
    """Features (or what `asked.kinds` says) on the record at an instant, each with its cells.

    A board answers columns: by `horizon`, `status`, `release`, `owner` (who is accountable), `owner.ROLE`, or any field.
    A timeline answers the same by release and day. A card stands in every column it belongs to, and in `unplanned` if in
    none. A table answers the cards themselves. Order: rank, then title.

    What `asked` says of cells chooses the cards: those that have such a cell. `fields` are the cells shown on each, and
    change nothing else. With a `milestone`, no target but that is looked at or shown, and a table has only cards with it.
    """
    then = moment(read, when)
    asked = replace(asked or Filter(), kinds=(asked.kinds if asked else ()) or ("feature",))
    by = "release" if layout == "timeline" else columns
    target = None if milestone is None else f"target.{milestone}"
    column = target or TARGETS if by == "release" else _column(by)
    cards = _cards(read, asked, (*fields, column, *([target] if target else ())), then, blame=blame)
    if layout == "table":
        return answer(then, [_shown(card, fields, target) for card in cards if not target or target in card["cells"]])
    order = Order(read, then)
    placed: dict[str, list[Row]] = {}
    values: dict[str, Value] = {}
    for card in cards:
        shown = _shown(card, fields, target)
        for key, value, name in _places(read, card["cells"], column):
            values[key] = value
            milestone_of = {"milestone": name.partition(".")[2]} if by == "release" and name else {}
            placed.setdefault(key, []).append({**shown, **milestone_of})
    keys = sorted(placed, key=lambda key: (key == UNPLANNED, *_rank(by, values[key], order)))
    labels = titles(read, [key for key in keys if ":" in key], then)
    return answer(
        then,
        [{"column": key, "title": labels.get(key), "count": len(placed[key]), "cards": placed[key]} for key in keys],
    )


def _column(by: str) -> str:
    """The cell that says in which columns a card stands."""
    first, _, role = by.partition(".")
    return f"role.{role or 'accountable'}" if first == "owner" else by


def _cards(read: Read, asked: Filter, fields: Sequence[str], then: Moment, *, blame: bool) -> list[Row]:
    """The cards chosen, in order, each with the cells of these fields and those that its place needs."""
    about = asked.of_subjects()
    if asked.fields or asked.values or asked.words or asked.holders:
        about = replace(about, subjects=sorted({row["subject"] for row in all_cells(read, asked, then)}))
        if not about.subjects:
            return []
    rows = all_cells(read, replace(about, fields=(*fields, "rank", EXISTS)), then)
    cards = [
        {"subject": subject, "title": next(iter(found.values()))["title"], "cells": _content(found)}
        for subject, found in by_subject(with_blame(read, rows, then) if blame else rows).items()
    ]
    return sorted(cards, key=_card_rank)


def _shown(card: Row, fields: Sequence[str], target: str | None) -> Row:
    """The card with only the cells that are to be shown."""
    cells = {
        name: cell
        for name, cell in card["cells"].items()
        if any(_fits(name, field) for field in fields) and (target in (None, name) or not _fits(name, TARGETS))
    }
    return {**card, "cells": cells}


def _fits(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _content(found: dict[str, Row]) -> Row:
    return {name: {key: said for key, said in row.items() if key not in _OF_CARD} for name, row in found.items()}


_OF_CARD: Final = ("subject", "title", "field")


def _card_rank(card: Row) -> tuple[bool, int, str, str]:
    rank = card["cells"].get("rank", {}).get("value")
    ranked = isinstance(rank, int)
    return not ranked, rank if ranked else 0, str(card["title"] or "").casefold(), card["subject"]


def _places(read: Read, cells: Row, column: str) -> list[tuple[str, Value, str]]:
    """The columns a card belongs to: key, value, and the cell that says so."""
    found = [
        (str(value), value, name)
        for name, cell in cells.items()
        if _fits(name, column)
        for value in _members(read, cell)
    ]
    return found or [(UNPLANNED, None, "")]


def _members(read: Read, cell: Row) -> list[Value]:
    """What a cell holds, one by one; the source's word where its meaning is not known."""
    value = as_one(cell["value"] if cell["value"] is not None else cell["word"], read.same)
    return value if isinstance(value, list) else [value]


def _rank(by: str, value: Value, order: Order) -> tuple[int, object]:
    if by == "release":
        return 0, order.key(value)
    known = _ORDERS.get(by, ())
    return (known.index(value), "") if value in known else (len(known), str(value).casefold())
