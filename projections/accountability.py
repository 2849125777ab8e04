"""Who is accountable for what at any time, and what has no accountable person or team."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from domain.fields import STATUS, Value
from projections.field_values import all_field_values, count_fields, field_values
from projections.filters import Filter, subjects_where
from projections.paging import DEFAULT_LIMIT, Answer, Row, build_answer, decode_cursor, split_page
from projections.read_model import Read
from projections.schema import kind, loads, pairs
from projections.timepoint import NOW, ResolvedTime, TimePoint, resolve_time

ROLE_PREFIX: Final = "role."
OWNED_KINDS: Final = ("product", "decision", "feature", "goal")
"""The kinds of subjects that should have an accountable person or team."""


def roles_of_subject(read: Read, subject: str, when: TimePoint = NOW, *, blame: bool = True) -> Answer:
    """Return every role and delegation on a subject, with who holds it, since when and until when."""
    fields = ("role.*", "delegation.*", "acknowledged.*")
    selection = Filter(subjects=(subject,), fields=fields, include_removed=True)
    return _add_roles(field_values(read, selection, when, blame=blame))


def roles_of_holder(
    read: Read,
    holder: str,
    when: TimePoint = NOW,
    *,
    roles: Sequence[str] = (),
    selection: Filter | None = None,
    blame: bool = False,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Answer:
    """Return the roles that a person or team holds, all or some, each with the `status` of its subject.

    Superseded and dropped subjects are included; their status tells them apart.
    """
    fields = [f"role.{role}" for role in roles] or ("role.*",)
    selection = replace(selection or Filter(), holders=(holder,), fields=fields)
    found = _add_roles(field_values(read, selection, when, blame=blame, limit=limit, cursor=cursor))
    statuses = _find_statuses(read, {row["subject"] for row in found.rows}, resolve_time(read, when))
    return replace(found, rows=[{**row, "status": statuses.get(row["subject"])} for row in found.rows])


def count_holders(
    read: Read,
    when: TimePoint = NOW,
    *,
    roles: Sequence[str] = (),
    selection: Filter | None = None,
    min_count: int = 1,
) -> Answer:
    """Return how many roles each person or team holds, most first; all roles or some."""
    selection = replace(selection or Filter(), fields=[f"role.{role}" for role in roles] or ("role.*",))
    return count_fields(read, selection, "holder", when, min_count=min_count)


def _add_roles(answer: Answer) -> Answer:
    rows = ((row, row["field"]) for row in answer.rows)
    return replace(
        answer,
        rows=[
            {**row, "role": name.removeprefix(ROLE_PREFIX) if name.startswith(ROLE_PREFIX) else None}
            for row, name in rows
        ],
    )


def _find_statuses(read: Read, subjects: Collection[str], time: ResolvedTime) -> dict[str, Value]:
    """Return the status of each subject, or the source's value if it has no other."""
    selection = Filter(subjects=sorted(subjects), fields=(STATUS,), include_removed=True)
    rows = all_field_values(read, selection, time) if subjects else []
    return {row["subject"]: row["value"] or row["source_value"] for row in rows}


def unowned(
    read: Read,
    selection: Filter | None = None,
    when: TimePoint = NOW,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Answer:
    """Return subjects without an accountable person or team: none was named, or all who were have left.

    An unresolved name such as `TBD` is no holder; it is shown as `source_value`.
    """
    time = resolve_time(read, when)
    selection = selection or Filter()
    where, parameters = subjects_where(
        read, replace(selection, kinds=selection.kinds or OWNED_KINDS), time, "c.subject"
    )
    if cursor is not None:
        (parameters["after"],) = decode_cursor(cursor, str)
        where += " and c.subject > :after"
    person_id = f"coalesce((select s.value from {pairs('merged_into')} s where s.key = r.ref), r.ref)"
    sql = f"""select c.subject, {time.value("c.subject", "title")}, o.value, o.source_value
        from field_value c left join field_value o
            on o.subject = c.subject and o.field = 'role.accountable' and {time.is_in_effect("o")}
        where c.field = 'exists' and c.value = 'true' and {time.is_in_effect("c")} and {where}
        and not exists (select 1 from field_ref r where r.subject = o.subject and r.field = o.field
            and r.valid_from = o.valid_from and r.id = o.id and {kind("r.ref")} in ('person', 'team') and not exists (
            select 1 from field_value d where d.subject = {person_id}
            and d.field = 'status' and d.value in ('"left"', '"disbanded"') and {time.is_in_effect("d")}))
        order by c.subject limit :limit"""
    parameters |= {"merged_into": dict(read.merged_into), "limit": limit + 1}
    shown, next_cursor = split_page([_build_row(*row) for row in read.rows(sql, parameters)], limit, ("subject",))
    return build_answer(time, shown, next_cursor=next_cursor)


def _build_row(subject: str, title: str | None, holders: str | None, source_value: str | None) -> Row:
    return {
        "subject": subject,
        "title": loads(title),
        "left": loads(holders) or [],
        "source_value": source_value,
    }
