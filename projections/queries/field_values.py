"""The values of fields as of one time, as known at another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from domain.fields import CHANGES_PER_EVENT, Value
from domain.values import format_micros
from projections.answer_types.fields import FieldCount, FieldRow
from projections.queries.blame import add_blame
from projections.queries.conditions import check_field_names
from projections.queries.filters import Filter, fields_where
from projections.queries.paging import DEFAULT_LIMIT, Answer, build_answer, decode_cursor, encode_cursor, take_page
from projections.queries.timelines import find_states
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import Read
from projections.read_model.schema import kind, loads, pairs

Group = Literal["holder", "value", "source_value", "field", "kind", "product", "subject"]

HAS_CONTENT: Final = "(c.source_value is not null or (c.value is not null and c.value <> '[]'))"
"""SQL: the field has a value. A cleared field is like one that was never set."""


def field_values(
    read: Read,
    selection: Filter,
    when: TimePoint = NOW,
    *,
    blame: bool = False,
    state: Sequence[str] = (),
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Answer[FieldRow]:
    """Return the fields that match and have a value, ordered by subject and field.

    Each has the subject's title, `since` (when it got this value), `until` if the period of the value ends, and the
    position of the event that set it; with `blame`, also who set it, when and why; with `state`, also these fields of the
    same subject.

    Raises:
        UnknownField: `state` or a condition names a field that does not exist.
    """
    time = resolve_time(read, when)
    check_field_names(read, state)
    where, parameters = fields_where(read, selection, time)
    if cursor is not None:
        parameters["after_subject"], parameters["after_field"] = decode_cursor(cursor, str, str)
        where += " and (c.subject, c.field) > (:after_subject, :after_field)"
    found = _select(read, time, where, {**parameters, "limit": limit + 1}, "order by c.subject, c.field limit :limit")
    shown, is_more = take_page(read, found, limit)
    next_cursor = encode_cursor(*shown[-1][:2]) if is_more else None
    rows = _build_rows(read, shown, time)
    if state:
        states = find_states(read, [(row["subject"], time.as_of) for row in rows], state, time)
        rows = [{**row, "state": each} for row, each in zip(rows, states, strict=True)]
    return build_answer(time, add_blame(read, rows, time) if blame else rows, next_cursor=next_cursor)


def all_field_values(read: Read, selection: Filter, time: ResolvedTime) -> list[FieldRow]:
    """Return all fields that match and have a value, unpaged, as a part of other answers."""
    where, parameters = fields_where(read, selection, time)
    return _build_rows(read, list(_select(read, time, where, parameters, "order by c.subject, c.field")), time)


def planned_field_values(read: Read, selection: Filter, time: ResolvedTime) -> list[FieldRow]:
    """Return all values that matching fields have been given by a time for a period after it, unpaged."""
    where, parameters = fields_where(read, selection, time)
    where += f""" and c.valid_from > :as_of and exists (
        select 1 from event e where e.position = c.id / {CHANGES_PER_EVENT} and e.valid_from <= :as_of)"""
    order = "order by c.subject, c.field, c.valid_from"
    return _build_rows(read, list(_select(read, time, where, parameters, order, at="c.valid_from")), time)


def _select(
    read: Read, time: ResolvedTime, where: str, parameters: dict[str, Any], tail: str, at: str = ":as_of"
) -> Iterator[tuple[Any, ...]]:
    sql = f"""select c.subject, c.field, c.value, c.source_value, c.valid_from, c.ends_at, c.id / {CHANGES_PER_EVENT}
        from field_value c where {time.is_in_effect("c", at)} and {where} and {HAS_CONTENT} {tail}"""
    return read.rows(sql, parameters)


def _build_rows(read: Read, found: list[tuple[Any, ...]], time: ResolvedTime) -> list[FieldRow]:
    titles = find_titles(read, {row[0] for row in found}, time)
    return [_build_row(row, titles.get(row[0])) for row in found]


def _build_row(columns: Sequence[Any], title: str | None) -> FieldRow:
    subject, field, value, source_value, valid_from, ends_at, position = columns
    return {
        "subject": subject,
        "title": title,
        "field": field,
        "value": loads(value),
        "source_value": source_value,
        "since": format_micros(valid_from),
        "until": None if ends_at is None else format_micros(ends_at),
        "position": position,
    }


_GROUPS: Final[dict[str, str]] = {
    "value": "c.value",
    "source_value": "c.source_value",
    "field": "c.field",
    "subject": "c.subject",
    "kind": kind("c.subject"),
    "holder": "coalesce(merged.value, r.ref)",
    "product": "m.ref",
}


def count_fields(
    read: Read,
    selection: Filter,
    by: Group,
    when: TimePoint = NOW,
    *,
    min_count: int = 1,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Answer[FieldCount]:
    """Return how many of the matching fields there are for each holder, value, source value, field, kind, product or
    subject, most first.

    A field with several holders counts for each of them, as does one whose subject belongs to several products.
    """
    time = resolve_time(read, when)
    where, parameters = fields_where(read, selection, time)
    joins = ""
    if by == "holder":
        joins = f"""join field_ref r on r.subject = c.subject and r.field = c.field and r.valid_from = c.valid_from
            and r.id = c.id and {kind("r.ref")} in ('person', 'team')
            left join {pairs("merged_into")} merged on merged.key = r.ref"""
        parameters["merged_into"] = dict(read.merged_into)
    if by == "product":
        joins = f"""join field_value p on p.subject = c.subject and p.field = 'products' and {time.is_in_effect("p")}
            join field_ref m on m.subject = p.subject and m.field = p.field and m.valid_from = p.valid_from
            and m.id = p.id"""
    after = ""
    if cursor is not None:
        parameters["after_count"], parameters["after_group"] = decode_cursor(cursor, int, str)
        after = """ and (count(distinct field_key) < :after_count
            or (count(distinct field_key) = :after_count and coalesce(g, '') > :after_group))"""
    sql = f"""select g, count(distinct field_key) from (
            select {_GROUPS[by]} as g, c.subject || ' ' || c.field as field_key from field_value c {joins}
            where {where} and {time.is_in_effect("c")} and {HAS_CONTENT}) counted
        group by g having count(distinct field_key) >= :least{after}
        order by count(distinct field_key) desc, coalesce(g, '') limit :limit"""
    found = read.rows(sql, {**parameters, "least": min_count, "limit": limit + 1})
    shown, is_more = take_page(read, found, limit)
    next_cursor = encode_cursor(shown[-1][1], shown[-1][0] or "") if is_more else None
    return build_answer(time, [_build_count(by, group, count) for group, count in shown], next_cursor=next_cursor)


def _build_count(by: Group, group: str | None, count: int) -> FieldCount:
    row: FieldCount = {"count": count}
    row[by] = json.loads(group) if by == "value" and group is not None else group
    return row


def subject_fields(read: Read, subject: str, time: ResolvedTime, *, blame: bool = False) -> dict[str, FieldRow]:
    """Return all fields of one subject by name, also if the subject is removed."""
    rows = all_field_values(read, Filter(subjects=(subject,), include_removed=True), time)
    return {row["field"]: row for row in (add_blame(read, rows, time) if blame else rows)}


def by_subject(rows: Sequence[FieldRow]) -> dict[str, dict[str, FieldRow]]:
    """Return rows of fields by subject and field, in their order."""
    found: dict[str, dict[str, FieldRow]] = {}
    for row in rows:
        found.setdefault(row["subject"], {})[row["field"]] = row
    return found


def find_accountable(read: Read, subjects: Sequence[str], time: ResolvedTime) -> dict[str, list[str]]:
    """Return the people and teams accountable for each of these subjects that has any."""
    if not subjects:
        return {}
    rows = all_field_values(read, Filter(subjects=subjects, fields=("role.accountable",)), time)
    return {row["subject"]: list(as_ids(row["value"])) for row in rows}


def as_ids(value: Value) -> tuple[str, ...]:
    """Return the subjects in a list; none for any other value."""
    return tuple(map(str, value)) if isinstance(value, list) else ()


def value_of(fields: Mapping[str, FieldRow], name: str) -> Any:
    """Return the value of one of the fields of a subject; None if it has none."""
    return fields[name]["value"] if name in fields else None


def as_text(value: Value) -> str | None:
    """Return a value as text; None if there is none."""
    return None if value is None else str(value)
