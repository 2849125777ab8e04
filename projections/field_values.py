"""What every cell holds at an instant, as known at an instant: the first of the two general questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from domain.fields import CHANGES_PER_EVENT
from domain.values import format_micros
from projections.query import (
    LIMIT,
    NOW,
    Answer,
    Filter,
    ResolvedTime,
    Row,
    TimePoint,
    answer,
    decode_cursor,
    encode_cursor,
    fields_where,
    find_blames,
    loads,
    resolve_time,
    taken,
    titles,
)  # fmt: skip
from projections.read_model import Read
from projections.schema import kind, pairs

Group = Literal["holder", "value", "source_value", "field", "kind", "product", "subject"]

FULL: Final = "(c.word is not null or (c.value is not null and c.value <> '[]'))"
"""SQL: the cell holds something. An emptied cell is as if it had never been."""


def field_values(
    read: Read,
    asked: Filter,
    when: TimePoint = NOW,
    *,
    blame: bool = False,
    limit: int = LIMIT,
    cursor: str | None = None,
) -> Answer:
    """The cells that fit, ordered by subject and field.

    Each with the subject's title, `since` (when it came to hold this), `until` if its term ends, and the position that
    says so; with `blame`, also who, when and why.
    """
    then = resolve_time(read, when)
    where, parameters = fields_where(read, asked, then)
    if cursor is not None:
        parameters["after_subject"], parameters["after_field"] = decode_cursor(cursor, str, str)
        where += " and (c.subject, c.field) > (:after_subject, :after_field)"
    found = _select(read, then, where, {**parameters, "limit": limit + 1}, "order by c.subject, c.field limit :limit")
    shown, is_more = taken(read, found, limit)
    following = encode_cursor(*shown[-1][:2]) if is_more else None
    rows = _titled(read, shown, then)
    return answer(then, with_blame(read, rows, then) if blame else rows, following=following)


def all_field_values(read: Read, asked: Filter, then: ResolvedTime) -> list[Row]:
    """The cells that fit at a moment, all of them: what other answers are made of."""
    where, parameters = fields_where(read, asked, then)
    return _titled(read, list(_select(read, then, where, parameters, "order by c.subject, c.field")), then)


def _select(
    read: Read, then: ResolvedTime, where: str, parameters: dict[str, Any], tail: str
) -> Iterator[tuple[Any, ...]]:
    sql = f"""select c.subject, c.field, c.value, c.word, c.eff, c.until, c.id / {CHANGES_PER_EVENT}
        from cell c where {where} and {then.holds("c")} and {FULL} {tail}"""
    return read.rows(sql, parameters)


def _titled(read: Read, found: list[tuple[Any, ...]], then: ResolvedTime) -> list[Row]:
    called = titles(read, {row[0] for row in found}, then)
    return [_cell(row, called.get(row[0])) for row in found]


def _cell(row: Sequence[Any], title: str | None) -> Row:
    subject, name, value, word, since, until, position = row
    return {
        "subject": subject, "title": title, "field": name, "value": loads(value), "source_value": word,
        "since": format_micros(since), "until": None if until is None else format_micros(until), "position": position,
    }  # fmt: skip


def with_blame(read: Read, rows: list[Row], then: ResolvedTime) -> list[Row]:
    """The same rows, each with who, when and why."""
    found = find_blames(read, (row["position"] for row in rows), then)
    return [{**row, "blame": found[row["position"]]} for row in rows]


_GROUPS: Final[dict[str, str]] = {
    "value": "c.value",
    "source_value": "c.word",
    "field": "c.field",
    "subject": "c.subject",
    "kind": kind("c.subject"),
    "holder": "coalesce(same.value, r.ref)",
    "product": "m.ref",
}


def count_fields(
    read: Read, asked: Filter, by: Group, when: TimePoint = NOW, *, min_count: int = 1, limit: int = LIMIT
) -> Answer:
    """How many of the cells that fit there are for each holder, value, word, field, kind, product or subject.

    A cell with several holders counts for each of them, and one whose subject belongs to several products likewise.
    `truncated` says that there are more counts than `limit`.
    """
    then = resolve_time(read, when)
    where, parameters = fields_where(read, asked, then)
    joins = ""
    if by == "holder":
        joins = f"""join cell_ref r on r.subject = c.subject and r.field = c.field and r.eff = c.eff and r.id = c.id
            and {kind("r.ref")} in ('person', 'team') left join {pairs("same")} same on same.key = r.ref"""
        parameters["same"] = dict(read.same)
    if by == "product":
        joins = f"""join cell p on p.subject = c.subject and p.field = 'products' and {then.holds("p")}
            join cell_ref m on m.subject = p.subject and m.field = p.field and m.eff = p.eff and m.id = p.id"""
    sql = f"""select g, count(distinct cell) from (
            select {_GROUPS[by]} as g, c.subject || ' ' || c.field as cell from cell c {joins}
            where {where} and {then.holds("c")} and {FULL}) counted
        group by g having count(distinct cell) >= :least order by count(distinct cell) desc, g nulls first limit :limit"""
    found = list(read.rows(sql, {**parameters, "least": min_count, "limit": limit + 1}))
    decode = loads if by == "value" else str
    rows = [{by: None if group is None else decode(group), "count": count} for group, count in found[:limit]]
    return answer(then, rows, about={"truncated": len(found) > limit})


def subject_fields(read: Read, subject: str, then: ResolvedTime, *, blame: bool = False) -> dict[str, Row]:
    """Every cell of one subject by field, whether or not it is on the record."""
    rows = all_field_values(read, Filter(subjects=(subject,), include_removed=True), then)
    return {row["field"]: row for row in (with_blame(read, rows, then) if blame else rows)}


def by_subject(rows: Sequence[Row]) -> dict[str, dict[str, Row]]:
    """Cells by subject and field, in the order they came."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row["subject"], {})[row["field"]] = row
    return found
