"""The roadmap as a board, a timeline of releases and dates, or a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal

from domain.fields import EXISTS, Value
from projections.blame import add_blame
from projections.field_groups import field_state, group_fields
from projections.field_values import all_field_values, by_subject
from projections.filters import Filter, subjects_where
from projections.ordering import TargetOrder, resolve_people
from projections.paging import Answer, Row, build_answer, build_until_full, encode_cursor, page_after
from projections.read_model import Read
from projections.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.titles import find_titles

Layout = Literal["board", "timeline", "table"]

UNPLANNED: Final = "unplanned"
BATCH_ROWS: Final = 250
"""Cards whose fields are all read at once."""
MAX_FULL_CARDS: Final = 1_000
"""Up to this many cards without blame, all fields of all cards are read at once."""
CARD_BYTES: Final = 1_500
"""The approximate size in memory of a card that has only the fields that place it."""
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
"""The fields that a card shows by default."""

_COLUMN_ORDERS: Final = {
    "horizon": ("now", "next", "later"),
    "status": ("proposed", "accepted", "committed", "started", "paused", "shipped", "dropped"),
}


def roadmap(
    read: Read,
    selection: Filter | None = None,
    when: TimePoint = NOW,
    *,
    layout: Layout = "board",
    columns: str = "horizon",
    milestone: str | None = None,
    fields: Sequence[str] = FIELDS,
    blame: bool = False,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer:
    """Return features, or the kinds in `selection.kinds`, as cards with their fields, sorted by rank, then title.

    A board has columns by `horizon`, `status`, `release`, `owner` (who is accountable), `owner.ROLE` or any field. A
    timeline has columns by release and date. A card is in every column it belongs to, or else in `unplanned`. A table
    has only cards.

    Conditions on fields in `selection` select the cards that have such a field; `fields` are those shown on each card.
    With a `limit`, only that many cards are shown, fewer if the page reaches its size; the `count` of a column is that
    of all its cards. With a `milestone`, other targets are ignored, and a table has only cards with that target.
    """
    time = resolve_time(read, when)
    selection = selection or Filter()
    selection = replace(selection, kinds=selection.kinds or ("feature",))
    by = "release" if layout == "timeline" else columns
    target = None if milestone is None else f"target.{milestone}"
    column_field = target or TARGETS if by == "release" else _column_field(by)
    placing_fields = (column_field, *([target] if target else ()))
    subjects = _select_subjects(read, selection, time)
    if subjects is None:
        return build_answer(time, [])
    reader = _CardReader(read, time, (*fields, *placing_fields), blame=blame)
    all_cards, is_complete = _find_cards(reader, subjects, placing_fields, limit)
    if layout == "table" and target:
        all_cards = [card for card in all_cards if target in card["fields"]]
    page, next_cursor = page_after(all_cards, _card_rank, (bool, int, str, str), limit, cursor)
    cards = page if is_complete else build_until_full(read, page, reader.complete, BATCH_ROWS)
    if len(cards) < len(page):
        next_cursor = encode_cursor(*_card_rank(cards[-1]))
    if layout == "table":
        return build_answer(time, [_trim_card(card, fields, target) for card in cards], next_cursor=next_cursor)
    order = TargetOrder(read, time)
    counted = [] if len(cards) == len(all_cards) else all_cards
    counts = Counter(key for card in counted for key, _, _ in _card_columns(read, card["fields"], column_field))
    cards_by_key: dict[str, list[Row]] = {}
    values: dict[str, Value] = {}
    for card in cards:
        shown = _trim_card(card, fields, target)
        for key, value, name in _card_columns(read, card["fields"], column_field):
            values[key] = value
            milestone_of = {"milestone": name.partition(".")[2]} if by == "release" and name else {}
            cards_by_key.setdefault(key, []).append({**shown, **milestone_of})
    keys = sorted(cards_by_key, key=lambda key: (key == UNPLANNED, *_column_rank(by, values[key], order)))
    titles = find_titles(read, [key for key in keys if ":" in key], time)
    rows = [
        {
            "column": key,
            "title": titles.get(key),
            "count": counts[key] or len(cards_by_key[key]),
            "cards": cards_by_key[key],
        }
        for key in keys
    ]
    return build_answer(time, rows, next_cursor=next_cursor)


def _column_field(by: str) -> str:
    """Return the field that decides in which columns a card is."""
    first, _, role = by.partition(".")
    return f"role.{role or 'accountable'}" if first == "owner" else by


def _select_subjects(read: Read, selection: Filter, time: ResolvedTime) -> Filter | None:
    """Return a filter for the subjects that have a field as selected; None if there are none."""
    subjects = selection.of_subjects()
    if selection.fields or selection.values or selection.source_values or selection.holders:
        found = {row["subject"] for row in all_field_values(read, selection, time)}
        return replace(subjects, subjects=sorted(found)) if found else None
    return subjects


@dataclass(frozen=True, slots=True)
class _CardReader:
    """Reads cards with some of their fields, with or without blame."""

    read: Read
    time: ResolvedTime
    fields: Sequence[str]
    blame: bool

    def find_cards(self, subjects: Filter) -> list[Row]:
        """Return the cards that match, sorted, each with these fields and its rank."""
        rows = all_field_values(self.read, replace(subjects, fields=(*self.fields, "rank", EXISTS)), self.time)
        found = by_subject(add_blame(self.read, rows, self.time) if self.blame else rows)
        cards = [
            {
                "subject": subject,
                "title": next(iter(fields.values()))["title"],
                "fields": {name: field_state(row) for name, row in fields.items()},
            }
            for subject, fields in found.items()
        ]
        return sorted(cards, key=_card_rank)

    def complete(self, cards: Sequence[Row]) -> list[Row]:
        """Return the same cards with these fields."""
        return self.find_cards(Filter(subjects=[card["subject"] for card in cards], include_removed=True))


def _find_cards(
    reader: _CardReader, subjects: Filter, placing_fields: Sequence[str], limit: int | None
) -> tuple[list[Row], bool]:
    """Return all cards, and whether they have all their fields: if there are many, they have only those that place them."""
    most = BATCH_ROWS if reader.blame else MAX_FULL_CARDS
    if limit is None or _count_subjects(reader.read, subjects, reader.time, most + 1) <= most:
        return reader.find_cards(subjects), True
    bounds = reader.read.bounds
    kept_bytes = bounds.kept_bytes
    light = replace(reader, fields=placing_fields, blame=False).find_cards(subjects)
    bounds.release_to(kept_bytes)
    bounds.count_bytes(len(light) * CARD_BYTES)
    return light, False


def _count_subjects(read: Read, subjects: Filter, time: ResolvedTime, most: int) -> int:
    """Return how many subjects match, counting no further than `most`."""
    where, parameters = subjects_where(read, subjects, time, "c.subject")
    sql = f"""select count(*) from (select c.subject from field_value c
        where c.field = 'exists' and {time.is_last_started("c")} and {where} limit :most) counted"""
    found = read.one(sql, {**parameters, "most": most})
    return int(found[0]) if found else 0


def _trim_card(card: Row, fields: Sequence[str], target: str | None) -> Row:
    """Return the card with only the fields to show, in groups."""
    patterns = tuple(fields)
    shown = {
        name: row
        for name, row in card["fields"].items()
        if _matches_any(name, patterns) and (target in (None, name) or not _matches(name, TARGETS))
    }
    return {**card, **group_fields(shown)}


@lru_cache(4096)  # a roadmap asks the same of every card
def _matches_any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(_matches(name, pattern) for pattern in patterns)


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _card_rank(card: Row) -> tuple[bool, int, str, str]:
    rank = card["fields"].get("rank", {}).get("value")
    has_rank = isinstance(rank, int)
    return not has_rank, rank if has_rank else 0, str(card["title"] or "").casefold(), card["subject"]


def _card_columns(read: Read, fields: Row, column_field: str) -> list[tuple[str, Value, str]]:
    """Return the columns that a card belongs to: the key, the value, and the field it comes from."""
    found = [
        (str(value), value, name)
        for name, row in fields.items()
        if _matches(name, column_field)
        for value in _items(read, row)
    ]
    return found or [(UNPLANNED, None, "")]


def _items(read: Read, row: Row) -> list[Value]:
    """Return the items of a field's value; of its source value if it has no other."""
    value = resolve_people(row["value"] if row["value"] is not None else row["source_value"], read.merged_into)
    return value if isinstance(value, list) else [value]


def _column_rank(by: str, value: Value, order: TargetOrder) -> tuple[int, object]:
    if by == "release":
        return 0, order.key(value)
    known = _COLUMN_ORDERS.get(by, ())
    return (known.index(value), "") if value in known else (len(known), str(value).casefold())
