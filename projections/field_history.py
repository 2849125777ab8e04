"""The history of fields: every change of every field, in the order in which the changes took effect."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from domain.fields import CHANGES_PER_EVENT, Value
from domain.values import format_micros
from projections.answers import Direction, FieldChangeCount, FieldChangeRow
from projections.blame import EVENT_COLUMNS, build_blame
from projections.bounds import ReadTooMuch
from projections.filters import Filter, fields_where, json_spellings, within
from projections.ordering import FieldContent, TargetOrder, add_list_difference, change_direction
from projections.paging import DEFAULT_LIMIT, Answer, build_answer, decode_cursor, encode_cursor, page_after, take_page
from projections.read_model import Read
from projections.schema import loads, members
from projections.timepoint import NOW, ResolvedTime, TimePoint, resolve_time

MAX_GROUPS: Final = 200_000

Group = Literal["subject", "field", "direction", "actor", "principal"]


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Which changes a query covers.

    `fields` selects the fields; its conditions on values are ignored here in favor of `from_*` and `to_*`, which match
    the value or source value just before and just after the change. `by` is the actor or the principal. Periods are
    half open and in microseconds: `span` is when the change took effect, `recorded` when it was recorded; `positions`
    is the latter by position. Changes of removed subjects are included unless `existing_only`. A change to an equal value is
    left out unless `include_unchanged`.
    """

    fields: Filter = field(default_factory=Filter)
    from_values: Sequence[Value] = ()
    from_source_values: Sequence[str] = ()
    to_values: Sequence[Value] = ()
    to_source_values: Sequence[str] = ()
    directions: Sequence[str] = ()
    by: Sequence[str] = ()
    actors: Sequence[str] = ()
    principals: Sequence[str] = ()
    span: tuple[int | None, int | None] = (None, None)
    recorded: tuple[int | None, int | None] = (None, None)
    positions: range | None = None
    existing_only: bool = False
    include_unchanged: bool = False


def field_history(
    read: Read,
    selection: ChangeFilter,
    when: TimePoint = NOW,
    *,
    newest_first: bool = False,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Answer[FieldChangeRow]:
    """Return the changes that match and took effect by the time asked for, in the order in which they took effect.

    Each has `before` and `after` (`value` and `source_value`), its `direction`, `at` (when it took effect), whether it
    is the end of a period (`ended`), what a list gained and lost, and its `blame`.
    """
    time = resolve_time(read, when)
    after = decode_cursor(cursor, int, int, int) if cursor is not None else None
    found, is_more = take_page(read, _select(read, selection, time, newest_first=newest_first, after=after), limit)
    next_cursor = encode_cursor(*found[-1][0]) if is_more else None
    return build_answer(time, [row for _, row in found], next_cursor=next_cursor)


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
    """Return how many of the matching changes there are by subject, field, direction, actor or principal, or by several
    of these, most first.
    """
    time = resolve_time(read, when)
    counts = _count(read, selection, by, time)
    ranked: list[tuple[Any, ...]] = sorted((-count, *group) for group, count in counts.items() if count >= min_count)
    shown, next_cursor = page_after(ranked, tuple, (int, *(str for _ in by)), limit, cursor)
    return build_answer(
        time, [_build_count(-negative, by, group) for negative, *group in shown], next_cursor=next_cursor
    )


def _build_count(count: int, by: Sequence[Group], group: Sequence[Any]) -> FieldChangeCount:
    row: FieldChangeCount = {"count": count}
    for name, value in zip(by, group, strict=True):
        row[name] = value
    return row


def _count(read: Read, selection: ChangeFilter, by: Sequence[Group], time: ResolvedTime) -> Counter[tuple[str, ...]]:
    counts: Counter[tuple[str, ...]] = Counter()
    interned: dict[str, str] = {}  # keeps each string once
    for row, direction in _select_rows(read, selection, time, keeps=False):
        columns = {"subject": row[0], "field": row[2], "direction": direction, "actor": row[14], "principal": row[15]}
        group = [read.surviving_id(columns[name]) if name in ("actor", "principal") else columns[name] for name in by]
        counts[tuple([interned.setdefault(text, text) for text in group])] += 1
        if len(counts) > MAX_GROUPS and read.bounds.is_bounded:
            raise ReadTooMuch(f"it counts more than {MAX_GROUPS:,} groups")
    return counts


def iterate_changes(read: Read, selection: ChangeFilter, time: ResolvedTime) -> Iterator[FieldChangeRow]:
    """Yield the changes that match in the order in which they took effect, for a caller that does not keep them."""
    return (row for _, row in _select(read, selection, time, keeps=False))


def all_field_history(read: Read, selection: ChangeFilter, time: ResolvedTime) -> list[FieldChangeRow]:
    """Return all changes that match, unpaged, as a part of other answers."""
    return [row for _, row in _select(read, selection, time)]


def _select(
    read: Read,
    selection: ChangeFilter,
    time: ResolvedTime,
    *,
    newest_first: bool = False,
    after: tuple[int, ...] | None = None,
    keeps: bool = True,
) -> Iterator[tuple[tuple[int, int, int], FieldChangeRow]]:
    """Yield each change with its sort key: when it took effect, the row's id, and whether it is the end of a period."""
    for row, direction in _select_rows(read, selection, time, newest_first=newest_first, after=after, keeps=keeps):
        yield (row[3], row[4], row[5]), _build_row(row, direction, read)


def _select_rows(
    read: Read,
    selection: ChangeFilter,
    time: ResolvedTime,
    *,
    newest_first: bool = False,
    after: tuple[int, ...] | None = None,
    keeps: bool = True,
) -> Iterator[tuple[Sequence[Any], Direction]]:
    """Yield the database rows of matching changes with their direction. With `keeps` they count toward the bounds."""
    points, parameters = _change_points(read, selection, time)
    where = _match_changes(read, selection, parameters)
    order, sign = ("desc", "<") if newest_first else ("asc", ">")
    if after is not None:
        parameters |= {"c_at": after[0], "c_id": after[1], "c_ended": after[2]}
        where += f" and (s.at, s.id, s.ended) {sign} (:c_at, :c_id, :c_ended)"
    sql = f"""with point as ({points}),
        change as (select subject, field, at, id, ended, before_id,
            case when ends_at <= at then null else value end as value,
            case when ends_at <= at then null else source_value end as source_value,
            case when is_over then null else before_value end as before_value,
            case when is_over then null else before_source_value end as before_source_value, title from point)
        select s.subject, s.title, s.field, s.at, s.id, s.ended, s.before_value, s.before_source_value, s.value,
            s.source_value, {EVENT_COLUMNS}
        from change s join event a on a.position = s.id / {CHANGES_PER_EVENT}
        where {where} order by s.at {order}, s.id {order}, s.ended {order}"""
    targets = TargetOrder(read, time)
    for row in (read.rows if keeps else read.stream)(sql, parameters):
        direction = change_direction((loads(row[6]), row[7]), (loads(row[8]), row[9]), targets)
        if direction == "unchanged" and not selection.include_unchanged:
            continue
        if not selection.directions or direction in selection.directions:
            yield row, direction


def _change_points(read: Read, selection: ChangeFilter, time: ResolvedTime) -> tuple[str, dict[str, Any]]:
    """Return SQL for the times at which fields change: rows, each with the row before it, and ends of periods."""
    fields = replace(
        selection.fields, values=(), source_values=(), holders=(), include_removed=not selection.existing_only
    )
    where, parameters = fields_where(read, fields, time)
    events = _match_events(read, selection, parameters)
    if events != _ANY_EVENT:
        # Narrow to the subjects of these events, so that a rare actor does not cost a scan of all fields.
        where += f" and c.subject in (select a.subject from event a where {events})"
    title = time.value("c.subject", "title")
    before = f"""select n.valid_from, n.id from field_value n where n.subject = c.subject and n.field = c.field
        and (n.valid_from, n.id) < (c.valid_from, c.id) and {time.is_known("n")}
        order by n.valid_from desc, n.id desc limit 1"""
    ends = f"""not exists (select 1 from field_value n where n.subject = c.subject and n.field = c.field
        and (n.valid_from, n.id) > (c.valid_from, c.id) and n.valid_from <= c.ends_at and {time.is_known("n")})"""
    sql = f"""select c.subject, c.field, c.valid_from as at, c.id, 0 as ended, c.value, c.source_value, c.ends_at,
            b.value as before_value, b.source_value as before_source_value, b.id as before_id,
            b.ends_at is not null and (b.ends_at < c.valid_from or b.ends_at <= b.valid_from) as is_over,
            {title} as title
        from field_value c left join field_value b
            on b.subject = c.subject and b.field = c.field and (b.valid_from, b.id) = ({before})
        where {where} and {time.is_known("c")} and c.valid_from <= :as_of
            {within("c.valid_from", selection.span, "span", parameters)}
        union all
        select c.subject, c.field, c.ends_at, c.id, 1, null, null, null, c.value, c.source_value, c.id, 0 = 1, {title}
        from field_value c
        where {where} and {time.is_known("c")} and c.ends_at > c.valid_from and c.ends_at <= :as_of and {ends}
            {within("c.ends_at", selection.span, "span", parameters)}"""
    return sql, parameters


_ANY_EVENT: Final = "1 = 1"
_PERSON_COLUMNS: Final = {"actors": ("a.actor",), "principals": ("a.principal",), "by": ("a.actor", "a.principal")}


def _match_changes(read: Read, selection: ChangeFilter, parameters: dict[str, Any]) -> str:
    terms = [_match_events(read, selection, parameters)]
    for side, values, source_values in (
        ("before_", selection.from_values, selection.from_source_values),
        ("", selection.to_values, selection.to_source_values),
    ):
        if values or source_values:
            terms.append(_match_content(read, side, values, source_values, parameters))
    return " and ".join(terms)


def _match_events(read: Read, selection: ChangeFilter, parameters: dict[str, Any]) -> str:
    terms = [_ANY_EVENT]
    for name, columns in _PERSON_COLUMNS.items():
        person_ids = [person_id for person in getattr(selection, name) for person_id in read.all_ids(person)]
        if person_ids:
            parameters[name] = person_ids
            terms.append("(" + " or ".join(f"{column} in {members(name)}" for column in columns) + ")")
    if selection.positions is not None:
        parameters |= {"first": selection.positions.start, "past": selection.positions.stop}
        terms.append("a.position >= :first and a.position < :past")
    return " and ".join(terms) + within("a.recorded_at", selection.recorded, "recorded", parameters)


def _match_content(
    read: Read, side: str, values: Sequence[Value], source_values: Sequence[str], parameters: dict[str, Any]
) -> str:
    """SQL: just before or after the change the field had one of these values, alone or in a list, or source values."""
    spelled = [one for value in values for one in (read.all_ids(value) if isinstance(value, str) else [value])]
    parameters |= {
        f"{side}values": json_spellings(spelled),
        f"{side}members": [value for value in spelled if isinstance(value, str)],
        f"{side}source_values": list(source_values),
    }
    is_listed = f"""(s.{side}value like '[%' and s.{side}id in (select r.id from field_ref r
        where r.ref in {members(f"{side}members")} and r.field = s.field and r.subject = s.subject))"""
    return f"""(s.{side}value in {members(f"{side}values")} or {is_listed}
        or s.{side}source_value in {members(f"{side}source_values")})"""


def _build_row(columns: Sequence[Any], direction: Direction, read: Read) -> FieldChangeRow:
    subject, title, name, at, _, ended, before_value, before_source_value, value, source_value = columns[:10]
    before: FieldContent = (loads(before_value), before_source_value)
    after: FieldContent = (loads(value), source_value)
    row: FieldChangeRow = {
        "subject": subject,
        "title": None if title is None else json.loads(title),
        "field": name,
        "before": {"value": before[0], "source_value": before[1]},
        "after": {"value": after[0], "source_value": after[1]},
        "direction": direction,
        "at": format_micros(at),
        "position": columns[10],
        "ended": bool(ended),
        "blame": build_blame(columns[10:]),
    }
    add_list_difference(row, before[0], after[0], read.merged_into)
    return row
