"""The roadmap: what is planned, on a board, along a line of releases or days, or as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, Literal

from domain.cells import Value
from projections.cells import all_cells, by_subject, with_blame
from projections.model import Read
from projections.order import Order, as_one
from projections.reading import NOW, Answer, Filter, Row, When, answer, moment, titles

Layout = Literal["board", "timeline", "table"]

UNPLANNED: Final = "unplanned"
FIELDS: Final = (
    "title",
    "aliases",
    "status",
    "horizon",
    "rank",
    "products",
    "target.*",
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

    A board answers columns: by `horizon`, `status`, `release` (any target, or that of `milestone`), `owner` (who is
    accountable), `owner.ROLE`, or any field. A timeline answers the same by release and day. A card stands in every
    column it belongs to, and in `unplanned` if in none. A table answers the cards themselves. Order: rank, then title.
    """
    then = moment(read, when)
    asked = replace(asked or Filter(), kinds=(asked.kinds if asked else ()) or ("feature",))
    order = Order(read, then)
    cards = _cards(read, asked, fields, columns, when, blame=blame)
    if layout == "table":
        return answer(then, cards)
    by = "release" if layout == "timeline" else columns
    placed: dict[str, list[Row]] = {}
    values: dict[str, Value] = {}
    for card in cards:
        for key, value, name in _places(read, card["cells"], by, milestone):
            values[key] = value
            placed.setdefault(key, []).append(card if name is None else {**card, "milestone": name})
    keys = sorted(placed, key=lambda key: (key == UNPLANNED, *_rank(by, values[key], order)))
    labels = titles(read, [key for key in keys if ":" in key], then)
    return answer(
        then,
        [{"column": key, "title": labels.get(key), "count": len(placed[key]), "cards": placed[key]} for key in keys],
    )


def _cards(read: Read, asked: Filter, fields: Sequence[str], columns: str, when: When, *, blame: bool) -> list[Row]:
    then = moment(read, when)
    about = replace(asked, fields=(*fields, "title", "rank", columns))
    rows = all_cells(read, about, then)
    cards = [
        {"subject": subject, "title": next(iter(found.values()))["title"], "cells": _content(found)}
        for subject, found in by_subject(with_blame(read, rows) if blame else rows).items()
    ]
    return sorted(cards, key=_card_rank)


def _content(found: dict[str, Row]) -> Row:
    return {name: {key: said for key, said in row.items() if key not in _OF_CARD} for name, row in found.items()}


_OF_CARD: Final = ("subject", "title", "field")


def _card_rank(card: Row) -> tuple[bool, int, str, str]:
    rank = card["cells"].get("rank", {}).get("value")
    ranked = isinstance(rank, int)
    return not ranked, rank if ranked else 0, str(card["title"] or "").casefold(), card["subject"]


def _places(read: Read, cells: Row, by: str, milestone: str | None) -> list[tuple[str, Value, str | None]]:
    """The columns a card belongs to: key, value, and for targets the milestone."""
    if by == "release":
        prefix = "target." if milestone is None else f"target.{milestone}"
        names = [name for name in cells if name == prefix or (milestone is None and name.startswith(prefix))]
    elif by == "owner" or by.startswith("owner."):
        names = [f"role.{by.partition('.')[2] or 'accountable'}"]
    else:
        names = [by]
    found = []
    for name in names:
        cell = cells.get(name)
        milestone_of = name.partition(".")[2] if by == "release" else None
        found += [(str(value), value, milestone_of) for value in (_members(read, cell) if cell else ())]
    return found or [(UNPLANNED, None, None)]


def _members(read: Read, cell: Row) -> list[Value]:
    """What a cell holds, one by one; the source's word where its meaning is not known."""
    value = as_one(cell["value"] if cell["value"] is not None else cell["word"], read.same)
    return value if isinstance(value, list) else [value]


def _rank(by: str, value: Value, order: Order) -> tuple[int, object]:
    if by == "release":
        return 0, order.key(value)
    known = _ORDERS.get(by, ())
    return (known.index(value), "") if value in known else (len(known), str(value).casefold())
