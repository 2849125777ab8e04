"""The roadmap: what is planned, on a board, along a line of releases or days, or as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from domain.fields import EXISTS, Value
from projections.field_values import all_field_values, by_subject, with_blame
from projections.ordering import Order, as_one
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
    subjects_where,
    titles,
)
from projections.read_model import Read

Layout = Literal["board", "timeline", "table"]

UNPLANNED: Final = "unplanned"
PART: Final = 250
"""Cards of which all cells are read at once."""
FEW: Final = 1_000
"""So many cards have all their cells read at once if there are no more, and without blame."""
CARD_BYTES: Final = 1_500
"""What a card takes in memory without most of its cells, about."""
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
    read: Read, asked: Filter | None = None, when: TimePoint = NOW, *, layout: Layout = "board", columns: str = "horizon",
    milestone: str | None = None, fields: Sequence[str] = FIELDS, blame: bool = False,
    limit: int | None = None, cursor: str | None = None,
) -> Answer:  # fmt: skip
    """Features (or what `asked.kinds` says) on the record at an instant, each with its cells.

    A board answers columns: by `horizon`, `status`, `release`, `owner` (who is accountable), `owner.ROLE`, or any field.
    A timeline answers the same by release and day. A card stands in every column it belongs to, and in `unplanned` if in
    none. A table answers the cards themselves. Order: rank, then title.

    What `asked` says of cells chooses the cards: those that have such a cell. `fields` are the cells shown on each, and
    change nothing else. With a `limit` only so many cards are shown behind the cursor, fewer once a page is full, in their
    columns; the `count` of a column is that of all its cards. With a `milestone`, no target but that is looked at or shown, and a table has only cards with it.
    """
    then = resolve_time(read, when)
    asked = replace(asked or Filter(), kinds=(asked.kinds if asked else ()) or ("feature",))
    by = "release" if layout == "timeline" else columns
    target = None if milestone is None else f"target.{milestone}"
    column = target or TARGETS if by == "release" else _column(by)
    placing = (column, *([target] if target else ()))
    about = _of_cards(read, asked, then)
    if about is None:
        return answer(then, [])
    cells = _Cells(read, then, (*fields, *placing), blame=blame)
    all_cards, whole = _cards_for(cells, about, placing, limit)
    if layout == "table" and target:
        all_cards = [card for card in all_cards if target in card["fields"]]
    chosen, following = page_after(all_cards, _card_rank, (bool, int, str, str), limit, cursor)
    cards = chosen if whole else filled(read, chosen, cells.of, PART)
    if len(cards) < len(chosen):
        following = encode_cursor(*_card_rank(cards[-1]))
    if layout == "table":
        return answer(then, [_shown(card, fields, target) for card in cards], following=following)
    order = Order(read, then)
    others = [] if len(cards) == len(all_cards) else all_cards
    counts = Counter(key for card in others for key, _, _ in _places(read, card["fields"], column))
    placed: dict[str, list[Row]] = {}
    values: dict[str, Value] = {}
    for card in cards:
        shown = _shown(card, fields, target)
        for key, value, name in _places(read, card["fields"], column):
            values[key] = value
            milestone_of = {"milestone": name.partition(".")[2]} if by == "release" and name else {}
            placed.setdefault(key, []).append({**shown, **milestone_of})
    keys = sorted(placed, key=lambda key: (key == UNPLANNED, *_rank(by, values[key], order)))
    labels = titles(read, [key for key in keys if ":" in key], then)
    rows = [
        {"column": key, "title": labels.get(key), "count": counts[key] or len(placed[key]), "cards": placed[key]}
        for key in keys
    ]
    return answer(then, rows, following=following)


def _column(by: str) -> str:
    """The cell that says in which columns a card stands."""
    first, _, role = by.partition(".")
    return f"role.{role or 'accountable'}" if first == "owner" else by


def _of_cards(read: Read, asked: Filter, then: ResolvedTime) -> Filter | None:
    """Which subjects are cards: those that have a cell as asked for; None if there is none."""
    about = asked.of_subjects()
    if asked.fields or asked.values or asked.source_values or asked.holders:
        about = replace(about, subjects=sorted({row["subject"] for row in all_field_values(read, asked, then)}))
        return about if about.subjects else None
    return about


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of cards, with or without blame."""

    read: Read
    then: ResolvedTime
    fields: Sequence[str]
    blame: bool

    def cards(self, about: Filter) -> list[Row]:
        """The cards that fit, in order, each with these cells and those that its place in the order needs."""
        rows = all_field_values(self.read, replace(about, fields=(*self.fields, "rank", EXISTS)), self.then)
        found = by_subject(with_blame(self.read, rows, self.then) if self.blame else rows)
        cards = [
            {"subject": subject, "title": next(iter(cells.values()))["title"], "fields": _content(cells)}
            for subject, cells in found.items()
        ]
        return sorted(cards, key=_card_rank)

    def of(self, cards: Sequence[Row]) -> list[Row]:
        """The same cards with these cells."""
        return self.cards(Filter(subjects=[card["subject"] for card in cards], include_removed=True))


def _cards_for(cells: _Cells, about: Filter, placing: Sequence[str], limit: int | None) -> tuple[list[Row], bool]:
    """All cards, and whether they have all their cells: if there are many, they have only what says where they are."""
    few = PART if cells.blame else FEW
    if limit is None or _number(cells.read, about, cells.then, few + 1) <= few:
        return cells.cards(about), True
    read_before = cells.read.bounds.read
    light = replace(cells, fields=placing, blame=False).cards(about)
    cells.read.bounds.release(read_before)
    cells.read.bounds.keep(len(light) * CARD_BYTES)
    return light, False


def _number(read: Read, about: Filter, then: ResolvedTime, most: int) -> int:
    """How many subjects fit, counted up to a number."""
    where, parameters = subjects_where(read, about, then, "c.subject")
    sql = f"""select count(*) from (select c.subject from cell c where c.field = 'exists' and {then.in_turn("c")}
        and {where} limit :most) counted"""
    found = read.one(sql, {**parameters, "most": most})
    return int(found[0]) if found else 0


def _shown(card: Row, fields: Sequence[str], target: str | None) -> Row:
    """The card with only the cells that are to be shown."""
    cells = {
        name: cell
        for name, cell in card["fields"].items()
        if any(_fits(name, field) for field in fields) and (target in (None, name) or not _fits(name, TARGETS))
    }
    return {**card, "fields": cells}


def _fits(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _content(found: dict[str, Row]) -> Row:
    return {name: {key: said for key, said in row.items() if key not in _OF_CARD} for name, row in found.items()}


_OF_CARD: Final = ("subject", "title", "field")


def _card_rank(card: Row) -> tuple[bool, int, str, str]:
    rank = card["fields"].get("rank", {}).get("value")
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
    value = as_one(cell["value"] if cell["value"] is not None else cell["source_value"], read.same)
    return value if isinstance(value, list) else [value]


def _rank(by: str, value: Value, order: Order) -> tuple[int, object]:
    if by == "release":
        return 0, order.key(value)
    known = _ORDERS.get(by, ())
    return (known.index(value), "") if value in known else (len(known), str(value).casefold())
