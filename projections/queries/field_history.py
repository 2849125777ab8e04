"""The history of fields: every change of every field, in the order in which the changes took effect."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final, NamedTuple

from domain.fields import CHANGES_PER_EVENT, Value
from domain.values import format_micros
from projections.answer_types.changes import FieldChangeRow
from projections.answer_types.changes import Held as HeldShape
from projections.answer_types.parts import Direction
from projections.queries.blame import EVENT_COLUMNS, build_blame
from projections.queries.conditions import DAY_US, Condition, ConditionSql, check_field_names, field_names
from projections.queries.filters import Filter, fields_where, json_spellings, within
from projections.queries.ordering import FieldContent, TargetOrder, add_list_difference, change_direction
from projections.queries.paging import DEFAULT_LIMIT, Answer, build_answer, decode_cursor, encode_cursor, take_page
from projections.queries.timelines import NextChange, find_next_changes, find_states
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.read_model.model import Read
from projections.read_model.query_limits import memory_bytes
from projections.read_model.schema import loads, members

BATCH_ROWS: Final = 256
"""The changes whose durations are found at once."""
_FIRST_TIME: Final = -(1 << 63)


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Which changes a query covers.

    `fields` selects the fields; its conditions on values are ignored here in favor of `from_*` and `to_*`, which match
    the value or source value just before and just after the change. `by` is the actor or the principal. Periods are
    half open and in microseconds: `span` is when the change took effect, `recorded` when it was recorded; `positions`
    is the latter by position. `conditions` are on the change and on the fields of its subject at the time of the change.
    `held` is how long the value of the change held, in microseconds: at least the first, less than the second; a value
    that still holds counts until the time of the query. `is_open` is whether it still holds. `then_values` and
    `then_source_values` are those that followed it. Changes of removed subjects are included unless `existing_only`. A change to an equal value is left out unless `include_unchanged`.
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
    conditions: Sequence[Condition] = ()
    held: tuple[int | None, int | None] = (None, None)
    is_open: bool | None = None
    then_values: Sequence[str] = ()
    then_source_values: Sequence[str] = ()
    existing_only: bool = False
    include_unchanged: bool = False

    @property
    def asks_duration(self) -> bool:
        """Whether it depends on how long a value held, or on what followed."""
        return self.held != (None, None) or self.is_open is not None or self.asks_following

    @property
    def asks_following(self) -> bool:
        """Whether it depends on the value that followed."""
        return bool(self.then_values or self.then_source_values)


def field_history(
    read: Read,
    selection: ChangeFilter,
    when: TimePoint = NOW,
    *,
    state: Sequence[str] = (),
    durations: bool = False,
    newest_first: bool = False,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Answer[FieldChangeRow]:
    """Return the changes that match and took effect by the time asked for, in the order in which they took effect.

    Each has `before` and `after` (`value` and `source_value`), its `direction`, `at` (when it took effect), whether it
    is the end of a period (`ended`), what a list gained and lost, and its `blame`; with `state`, also what these fields
    of the subject were at that time; with `durations`, or if the selection depends on it, how long its value `held`.

    Raises:
        UnknownField: `state` or a condition names a field that does not exist.
    """
    time = resolve_time(read, when)
    check_field_names(read, state)
    after = decode_cursor(cursor, int, int, int) if cursor is not None else None
    reading = ChangeReading(durations=durations, newest_first=newest_first, after=after, page_rows=limit + 1)
    changes = _select(read, selection, time, reading)
    found, is_more = take_page(read, changes, limit)
    next_cursor = encode_cursor(*found[-1][0]) if is_more else None
    rows = [row for _, row in found]
    if state:
        states = find_states(read, [(row["subject"], key[0]) for key, row in found], state, time)
        rows = [{**row, "state": each} for row, each in zip(rows, states, strict=True)]
    return build_answer(time, rows, next_cursor=next_cursor)


def iterate_changes(read: Read, selection: ChangeFilter, time: ResolvedTime) -> Iterator[FieldChangeRow]:
    """Yield the changes that match in the order in which they took effect, for a caller that does not keep them.

    A target that is set after it was cleared is compared with the last one, which is its `before`, if they have an order.
    """
    return (row for _, row in _select(read, selection, time, ChangeReading(keeps=False, across_clearing=True)))


def all_field_history(
    read: Read, selection: ChangeFilter, time: ResolvedTime, *, across_clearing: bool = False
) -> list[FieldChangeRow]:
    """Return all changes that match, unpaged, as a part of other answers."""
    return [row for _, row in _select(read, selection, time, ChangeReading(across_clearing=across_clearing))]


class ChangeReading(NamedTuple):
    """How changes are read."""

    durations: bool = False
    """Whether the duration of each is wanted, although the selection does not ask for it."""
    newest_first: bool = False
    after: tuple[int, ...] | None = None
    """The sort key after which to begin."""
    page_rows: int | None = None
    """How many changes the caller takes; None for all."""
    keeps: bool = True
    """Whether the caller keeps the rows, so that they count toward the bounds."""
    across_clearing: bool = False
    """Whether a target that is set after it was cleared is compared with the last one."""


def _select(
    read: Read, selection: ChangeFilter, time: ResolvedTime, reading: ChangeReading
) -> Iterator[tuple[tuple[int, int, int], FieldChangeRow]]:
    """Yield each change with its sort key: when it took effect, the row's id, and whether it is the end of a period."""
    for row, direction, held in select_rows(read, selection, time, reading):
        yield (row[3], row[4], row[5]), _build_row(row, direction, held, read)


@dataclass(frozen=True, slots=True)
class Held:
    """How long the value of a change held."""

    micros: int
    following: NextChange | None
    """The change to another value, or None if it still holds."""

    def matches(self, selection: ChangeFilter) -> bool:
        """Return whether it is as long as asked for, and followed by what was asked for."""
        least, limit = selection.held
        return (
            (least is None or self.micros >= least)
            and (limit is None or self.micros < limit)
            and selection.is_open in (None, self.following is None)
            and (not selection.asks_following or self._is_followed(selection.then_values, selection.then_source_values))
        )

    def _is_followed(self, values: Sequence[str], source_values: Sequence[str]) -> bool:
        if self.following is None:
            return False
        value, source_value = self.following.content
        members = value if isinstance(value, list) else [value]
        return source_value in source_values or any(each in values or str(each) in values for each in members)

    def describe(self) -> HeldShape:
        """Return it ready for JSON."""
        following = self.following
        if following is None:
            return {"until": None, "days": self.days, "next": None}
        value, source_value = following.content
        return {
            "until": format_micros(following.at),
            "days": self.days,
            "next": {"value": value, "source_value": source_value, "position": following.position},
        }

    @property
    def days(self) -> float:
        """The duration in days of 24 hours."""
        return round(self.micros / DAY_US, 3)


@dataclass(frozen=True, slots=True)
class Period:
    """The changes from one time on, until before another one; each has the id of a row, by which equal times are sorted."""

    begin: tuple[int, int]
    end: tuple[int, int]

    @property
    def parameters(self) -> dict[str, int]:
        """The parameters of the SQL that `has` returns."""
        names = ("begin_at", "begin_id", "end_at", "end_id")
        return dict(zip(names, (*self.begin, *self.end), strict=True))

    def has(self, at: str, id_: str) -> str:
        """SQL: the period has a change, by its time and the id of its row."""
        # The times alone tell PostgreSQL how many there are. SQLite must not use them for its index: it would begin with
        # the first of many changes at one time, and it does not invert a condition.
        return f"""(not {at} < :begin_at and not {at} > :end_at
            and ({at}, {id_}) >= (:begin_at, :begin_id) and ({at}, {id_}) < (:end_at, :end_id))"""


def select_rows(
    read: Read, selection: ChangeFilter, time: ResolvedTime, reading: ChangeReading
) -> Iterator[tuple[Sequence[Any], Direction, Held | None]]:
    """Yield the database rows of matching changes with their direction, and how long each held if that is asked for."""
    asks = selection.asks_duration
    found = _select_changes(read, selection, time, reading._replace(keeps=reading.keeps and not asks))
    if not asks and not reading.durations:
        yield from ((row, direction, None) for row, direction in found)
        return
    while batch := list(islice(found, BATCH_ROWS)):
        for row, direction, held in _add_durations(read, batch, time):
            if held.matches(selection):
                if reading.keeps and asks:
                    read.bounds.count_bytes(memory_bytes([tuple(row)]))
                yield row, direction, held


def _add_durations(
    read: Read, batch: Sequence[tuple[Sequence[Any], Direction]], time: ResolvedTime
) -> Iterator[tuple[Sequence[Any], Direction, Held]]:
    keys = [((row[0], row[2]), (row[3], row[4], row[5])) for row, _ in batch]
    following = find_next_changes(read, keys, time)
    for key, (row, direction) in zip(keys, batch, strict=True):
        ended = following[key]
        yield row, direction, Held((time.as_of if ended is None else ended.at) - row[3], ended)


def _select_changes(
    read: Read, selection: ChangeFilter, time: ResolvedTime, reading: ChangeReading
) -> Iterator[tuple[Sequence[Any], Direction]]:
    """Yield the database rows of changes that match but for their duration, with their direction."""
    targets = TargetOrder(read, time)
    for period in _find_periods(read, selection, time, reading):
        for found in _read_changes(read, selection, time, reading, period):
            row, direction = _compare_sides(found, targets)
            if direction == "unchanged" and not selection.include_unchanged:
                continue
            if not selection.directions or direction in selection.directions:
                yield row, direction


def _compare_sides(row: Sequence[Any], targets: TargetOrder) -> tuple[Sequence[Any], Direction]:
    """Return the row of a change with its direction, and with the last value as the one before if it moved from that."""
    before, after, last = ((loads(row[n]), row[n + 1]) for n in (6, 8, -2))
    times = row[3], row[3]
    direction = change_direction(before, after, targets, times)
    if direction == "first" and (move := change_direction(last, after, targets, times)) in ("later", "earlier"):
        return (*row[:6], *row[-2:], *row[8:]), move
    return row, direction


def _read_changes(
    read: Read, selection: ChangeFilter, time: ResolvedTime, reading: ChangeReading, period: Period
) -> Iterator[Sequence[Any]]:
    points, parameters = _change_points(read, selection, time, period, across_clearing=reading.across_clearing)
    where = _match_changes(read, selection, time, parameters)
    order = "desc" if reading.newest_first else "asc"
    sql = f"""with point as ({points}),
        change as (select subject, field, at, id, ended, before_id,
            case when ends_at <= at then null else value end as value,
            case when ends_at <= at then null else source_value end as source_value,
            case when is_over then null else before_value end as before_value,
            case when is_over then null else before_source_value end as before_source_value, title,
            last_value, last_source_value from point)
        select s.subject, s.title, s.field, s.at, s.id, s.ended, s.before_value, s.before_source_value, s.value,
            s.source_value, {EVENT_COLUMNS},
            s.last_value, s.last_source_value
        from change s join event a on a.position = s.id / {CHANGES_PER_EVENT}
        where {where} order by s.at {order}, s.id {order}, s.ended {order}"""
    return (read.rows if reading.keeps else read.stream)(sql, parameters)


def _change_points(
    read: Read, selection: ChangeFilter, time: ResolvedTime, period: Period, *, across_clearing: bool
) -> tuple[str, dict[str, Any]]:
    """Return SQL for the times at which fields change: rows, each with the row before it, and ends of periods."""
    where, parameters = _match_fields(read, selection, time)
    events = _match_events(read, selection, parameters)
    if events != _ANY_EVENT:
        # Narrow to the subjects of these events, so that a rare actor does not cost a scan of all fields.
        where += f" and c.subject in (select a.subject from event a where {events})"
    parameters |= period.parameters
    title = time.value("c.subject", "title")
    before = f"""from field_value n where n.subject = c.subject and n.field = c.field
        and (n.valid_from, n.id) < (c.valid_from, c.id) and {time.is_known("n")}
        order by n.valid_from desc, n.id desc limit 1"""
    ends = f"""not exists (select 1 from field_value n where n.subject = c.subject and n.field = c.field
        and (n.valid_from, n.id) > (c.valid_from, c.id) and n.valid_from <= c.ends_at and {time.is_known("n")})"""
    is_over = "(b.ends_at is not null and (b.ends_at < c.valid_from or b.ends_at <= b.valid_from))"
    was_cleared = f"{is_over} or (b.id is not null and coalesce(b.value, b.source_value) is null)"
    last = f"""from field_value n where n.subject = c.subject and n.field = c.field
        and (n.valid_from, n.id) < (c.valid_from, c.id) and {time.is_known("n")}
        and coalesce(n.value, n.source_value) is not null order by n.valid_from desc, n.id desc limit 1"""
    last_columns = ", ".join(
        f"case when {was_cleared} then (select n.{column} {last}) end as last_{column}"
        if across_clearing
        else f"null as last_{column}"
        for column in ("value", "source_value")
    )
    sql = f"""select c.subject, c.field, c.valid_from as at, c.id, 0 as ended, c.value, c.source_value, c.ends_at,
            b.value as before_value, b.source_value as before_source_value, b.id as before_id, {is_over} as is_over,
            {title} as title, {last_columns}
        from field_value c left join field_value b
            on b.subject = c.subject and b.field = c.field
            and b.valid_from = (select n.valid_from {before}) and b.id = (select n.id {before})
        where {where} and {time.is_known("c")} and {period.has("c.valid_from", "c.id")}
        union all
        select c.subject, c.field, c.ends_at, c.id, 1, null, null, null, c.value, c.source_value, c.id, 0 = 1, {title}, null, null
        from field_value c
        where {where} and {time.is_known("c")} and c.ends_at > c.valid_from and {ends}
            and {period.has("c.ends_at", "c.id")}"""
    return sql, parameters


def _match_fields(read: Read, selection: ChangeFilter, time: ResolvedTime) -> tuple[str, dict[str, Any]]:
    fields = replace(
        selection.fields, values=(), source_values=(), holders=(), include_removed=not selection.existing_only
    )
    return fields_where(read, fields, time)


# The periods that are read -----------------------------------------------------------------------------------------


def _find_periods(read: Read, selection: ChangeFilter, time: ResolvedTime, reading: ChangeReading) -> Iterator[Period]:
    """Yield the periods to read, one after the other; together they are the one that is asked for.

    A page of the history of all fields is read along the index of their changes: first about as many as the caller
    takes, then a quarter as many, because some are left out, and twice as many each time after that. What is narrowed to
    some fields is found by other indexes, read at once, and sorted.
    """
    since, until = selection.span
    begin = (_FIRST_TIME if since is None else since, 0)
    end = (time.as_of + 1 if until is None else min(until, time.as_of + 1), 0)
    if reading.after is not None:
        at, id_ = reading.after[:2]
        begin, end = (begin, min(end, (at, id_))) if reading.newest_first else (max(begin, (at, id_ + 1)), end)
    rest = Period(begin, end)
    if (rows := reading.page_rows) is not None and _covers_all_fields(selection):
        following = rows // 4 + 1
        while (edge := _find_edge(read, rest, time, rows, newest_first=reading.newest_first)) is not None:
            earlier, later = Period(rest.begin, edge), Period(edge, rest.end)
            yield later if reading.newest_first else earlier
            rest = earlier if reading.newest_first else later
            rows, following = following, 2 * following
    yield rest


def _covers_all_fields(selection: ChangeFilter) -> bool:
    """Return whether no field is left out, and no event: only some of the changes may be."""
    narrowed = replace(selection.fields, values=(), source_values=(), holders=(), include_removed=False)
    events = (selection.by, selection.actors, selection.principals, selection.positions)
    return narrowed == Filter() and not any(events) and selection.recorded == (None, None)


def _find_edge(
    read: Read, period: Period, time: ResolvedTime, rows: int, *, newest_first: bool
) -> tuple[int, int] | None:
    """Return where the first changes of a period end, about as many as `rows`; None if there are fewer."""
    order = "desc" if newest_first else "asc"
    edges = " union all ".join(
        f"""select * from (select c.{column} as at, c.id from field_value c
            where {period.has(f"c.{column}", "c.id")} and c.id < :first_unknown
            order by c.{column} {order}, c.id {order} limit 1 offset :rows) {column}"""
        for column in ("valid_from", "ends_at")
    )
    sql = f"select at, id from ({edges}) edge order by at {order}, id {order} limit 1"
    found = read.one(sql, {**time.parameters, **period.parameters, "rows": rows})
    # A period has its begin, but not its end.
    return None if found is None else (found[0], found[1] + 1 if newest_first else found[1])


_ANY_EVENT: Final = "1 = 1"
_PERSON_COLUMNS: Final = {"actors": ("a.actor",), "principals": ("a.principal",), "by": ("a.actor", "a.principal")}


def _match_changes(read: Read, selection: ChangeFilter, time: ResolvedTime, parameters: dict[str, Any]) -> str:
    terms = [_match_events(read, selection, parameters)]
    if selection.conditions:
        check_field_names(read, field_names(selection.conditions))
        at_change = ConditionSql(read, time, parameters, "s.subject", at="s.at", event="a", prefix="h")
        terms += at_change.all_hold(selection.conditions)
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


def _build_row(columns: Sequence[Any], direction: Direction, held: Held | None, read: Read) -> FieldChangeRow:
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
        "blame": build_blame(columns[10:-2]),
    }
    if held is not None:
        row["held"] = held.describe()
    add_list_difference(row, before[0], after[0], read.merged_into)
    return row
