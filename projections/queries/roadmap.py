"""The roadmap as a board, a timeline of releases and dates, or a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from domain.fields import EXISTS, Value
from projections.answer_types.parts import FieldState
from projections.answer_types.roadmap import Card, Column
from projections.queries.blame import add_blame
from projections.queries.field_groups import add_fields, field_state
from projections.queries.field_values import all_field_values, by_subject
from projections.queries.filters import Filter, json_spellings, match_fields, starts_with, subjects_where
from projections.queries.ordering import TargetOrder, resolve_people
from projections.queries.paging import Answer, build_answer, build_until_full, encode_cursor, page_after
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import Read
from projections.read_model.schema import dumps, members

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
) -> Answer[Column] | Answer[Card]:
    """Return features, or the kinds in `selection.kinds`, as cards with their fields, sorted by rank, then title.

    A board has columns by `horizon`, `status`, `release`, `owner` (who is accountable), `owner.ROLE` or any field. A
    timeline has columns by release and date. A card is in every column it belongs to, or else in `unplanned`. A table
    has only cards.

    Conditions on fields in `selection` select the cards that have such a field; `fields` are those shown on each card.
    With a `limit`, only that many cards are shown, fewer if the page reaches its size; the `count` of a column is that
    of all its cards. With a `milestone`, other targets are ignored, and a table has only cards with that target.
    """
    if layout == "table":
        return roadmap_table(
            read, selection, when, milestone=milestone, fields=fields, blame=blame, limit=limit, cursor=cursor
        )
    by = "release" if layout == "timeline" else columns
    return roadmap_columns(
        read, selection, when, by=by, milestone=milestone, fields=fields, blame=blame, limit=limit, cursor=cursor
    )


def roadmap_table(
    read: Read,
    selection: Filter | None = None,
    when: TimePoint = NOW,
    *,
    milestone: str | None = None,
    fields: Sequence[str] = FIELDS,
    blame: bool = False,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[Card]:
    """Return the cards of a `roadmap` without columns."""
    target = _target_field(milestone)
    placing = (target or TARGETS,)
    reader = _CardReader(read, resolve_time(read, when), (*fields, *placing), blame=blame)
    found = _page_cards(reader, selection or Filter(), placing, limit, cursor, required=target)
    return build_answer(
        reader.time, [_trim_card(card, fields, target) for card in found.shown], next_cursor=found.next_cursor
    )


def roadmap_columns(
    read: Read,
    selection: Filter | None = None,
    when: TimePoint = NOW,
    *,
    by: str = "horizon",
    milestone: str | None = None,
    fields: Sequence[str] = FIELDS,
    blame: bool = False,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[Column]:
    """Return the columns of a `roadmap`; those of a timeline are by `release`."""
    time, target = resolve_time(read, when), _target_field(milestone)
    column_field = target or TARGETS if by == "release" else _column_field(by)
    placing = (column_field, *([target] if target else ()))
    reader = _CardReader(read, time, (*fields, *placing), blame=blame)
    found = _page_cards(reader, selection or Filter(), placing, limit, cursor)
    counted = [] if len(found.shown) == len(found.all) else found.all
    counts = Counter(key for card in counted for key, _, _ in _card_columns(read, card.fields, column_field))
    cards: dict[str, list[Card]] = {}
    values: dict[str, Value] = {}
    for card in found.shown:
        shown = _trim_card(card, fields, target)
        for key, value, name in _card_columns(read, card.fields, column_field):
            values[key] = value
            placed = shown.copy()
            if by == "release" and name:
                placed["milestone"] = name.partition(".")[2]
            cards.setdefault(key, []).append(placed)
    order = TargetOrder(read, time)
    keys = sorted(cards, key=lambda key: (key == UNPLANNED, *_column_rank(by, values[key], order)))
    titles = find_titles(read, [key for key in keys if ":" in key], time)
    rows: list[Column] = [
        {"column": key, "title": titles.get(key), "count": counts[key] or len(cards[key]), "cards": cards[key]}
        for key in keys
    ]
    return build_answer(time, rows, next_cursor=found.next_cursor)


def features_of_horizon(read: Read, horizon: str, time: ResolvedTime) -> set[str]:
    """Return the features with a horizon, as a value or a source value."""
    of_horizon = Filter(kinds=("feature",), fields=("horizon",))
    asked = (replace(of_horizon, values=(horizon,)), replace(of_horizon, source_values=(horizon,)))
    return {row["subject"] for each in asked for row in all_field_values(read, each, time)}


def features_perhaps_due(read: Read, today: str, releases: Collection[str], time: ResolvedTime) -> set[str]:
    """Return all features with a target before a day or in one of these releases, and few others.

    The others have a target that is neither a release nor a day, which SQL cannot tell from a day in another spelling.
    """
    parameters = {**time.parameters, "releases": json_spellings(releases), "today": dumps(today)}
    where = (
        f"{match_fields((TARGETS,), 'c', parameters)} and {starts_with('c.subject', 'feature', 'feature:', parameters)}"
    )
    sql = f"""select distinct c.subject from field_value c where {where} and {time.is_in_effect("c")}
        and (c.value in {members("releases")} or c.value is null
            or not (c.value like '"release:%' or (c.value like '"____-__-__"' and c.value >= :today)))"""
    return {subject for (subject,) in read.rows(sql, parameters)}


def _target_field(milestone: str | None) -> str | None:
    return None if milestone is None else f"target.{milestone}"


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


class _FoundCard(NamedTuple):
    """A card before its fields are grouped."""

    subject: str
    title: str | None
    fields: dict[str, FieldState]


@dataclass(frozen=True, slots=True)
class _CardReader:
    """Reads cards with some of their fields, with or without blame."""

    read: Read
    time: ResolvedTime
    fields: Sequence[str]
    blame: bool

    def find_cards(self, subjects: Filter) -> list[_FoundCard]:
        """Return the cards that match, sorted, each with these fields and its rank."""
        rows = all_field_values(self.read, replace(subjects, fields=(*self.fields, "rank", EXISTS)), self.time)
        found = by_subject(add_blame(self.read, rows, self.time) if self.blame else rows)
        cards = [
            _FoundCard(
                subject,
                next(iter(fields.values()))["title"],
                {name: field_state(row) for name, row in fields.items()},
            )
            for subject, fields in found.items()
        ]
        return sorted(cards, key=_card_rank)

    def complete(self, cards: Sequence[_FoundCard]) -> list[_FoundCard]:
        """Return the same cards with these fields."""
        return self.find_cards(Filter(subjects=[card.subject for card in cards], include_removed=True))


class _CardPage(NamedTuple):
    """The cards of a page, all cards there are, and the cursor of the next page."""

    shown: list[_FoundCard]
    all: list[_FoundCard]
    next_cursor: str | None


def _page_cards(
    reader: _CardReader,
    selection: Filter,
    placing_fields: Sequence[str],
    limit: int | None,
    cursor: str | None,
    required: str | None = None,
) -> _CardPage:
    """Return a page of the cards that match, of those that have the `required` field if there is one."""
    chosen = replace(selection, kinds=selection.kinds or ("feature",))
    subjects = _select_subjects(reader.read, chosen, reader.time)
    if subjects is None:
        return _CardPage([], [], None)
    cards, is_complete = _find_cards(reader, subjects, placing_fields, limit)
    if required:
        cards = [card for card in cards if required in card.fields]
    page, next_cursor = page_after(cards, _card_rank, (bool, int, str, str), limit, cursor)
    shown = page if is_complete else build_until_full(reader.read, page, reader.complete, BATCH_ROWS)
    if len(shown) < len(page):
        next_cursor = encode_cursor(*_card_rank(shown[-1]))
    return _CardPage(shown, cards, next_cursor)


def _find_cards(
    reader: _CardReader, subjects: Filter, placing_fields: Sequence[str], limit: int | None
) -> tuple[list[_FoundCard], bool]:
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


def _trim_card(card: _FoundCard, fields: Sequence[str], target: str | None) -> Card:
    """Return the card with only the fields to show, in groups."""
    patterns = tuple(fields)
    shown = {
        name: row
        for name, row in card.fields.items()
        if _matches_any(name, patterns) and (target in (None, name) or not _matches(name, TARGETS))
    }
    row: Card = {"subject": card.subject, "title": card.title, "fields": {}}
    add_fields(row, shown)
    return row


@lru_cache(4096)  # a roadmap asks the same of every card
def _matches_any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(_matches(name, pattern) for pattern in patterns)


def _matches(name: str, pattern: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def _card_rank(card: _FoundCard) -> tuple[bool, int, str, str]:
    rank = card.fields["rank"]["value"] if "rank" in card.fields else None
    name = (card.title or "").casefold()
    return (False, rank, name, card.subject) if isinstance(rank, int) else (True, 0, name, card.subject)


def _card_columns(read: Read, fields: Mapping[str, FieldState], column_field: str) -> list[tuple[str, Value, str]]:
    """Return the columns that a card belongs to: the key, the value, and the field it comes from."""
    found = [
        (str(value), value, name)
        for name, row in fields.items()
        if _matches(name, column_field)
        for value in _items(read, row)
    ]
    return found or [(UNPLANNED, None, "")]


def _items(read: Read, row: FieldState) -> list[Value]:
    """Return the items of a field's value; of its source value if it has no other."""
    value = resolve_people(row["value"] if row["value"] is not None else row["source_value"], read.merged_into)
    return value if isinstance(value, list) else [value]


def _column_rank(by: str, value: Value, order: TargetOrder) -> tuple[int, object]:
    if by == "release":
        return 0, order.key(value)
    known = _COLUMN_ORDERS.get(by, ())
    return (known.index(value), "") if value in known else (len(known), str(value).casefold())
