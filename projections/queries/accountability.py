"""Who is accountable for what at any time, and what has no accountable person or team."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from domain.fields import STATUS, Value
from domain.ownership import ACCOUNTABLE_FIELD, DELEGATION_PREFIX
from domain.values import kind_of
from projections.answer_types.changes import FieldChangeRow
from projections.answer_types.fields import FieldCount, FieldRow
from projections.answer_types.ownership import RoleRow, UnownedRow
from projections.queries.field_history import ChangeFilter, iterate_changes
from projections.queries.field_values import all_field_values, as_ids, count_fields, field_values
from projections.queries.filters import Filter, subjects_where
from projections.queries.paging import DEFAULT_LIMIT, Answer, build_answer, decode_cursor, encode_cursor, take_page
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.read_model.model import Read
from projections.read_model.schema import kind, pairs

ROLE_PREFIX: Final = "role."
HOLDER_KINDS: Final = ("person", "team")
OWNED_KINDS: Final = ("product", "decision", "feature", "goal")
"""The kinds of subjects that should have an accountable person or team."""


def roles_of_subject(
    read: Read,
    subject: str,
    when: TimePoint = NOW,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Answer[RoleRow]:
    """Return every role and delegation on a subject, with who holds it, since when and until when, and who set it."""
    fields = ("role.*", f"{DELEGATION_PREFIX}*", "acknowledged.*")
    selection = Filter(subjects=(subject,), fields=fields, include_removed=True)
    return _add_roles(read, field_values(read, selection, when, blame=True, limit=limit, cursor=cursor))


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
) -> Answer[RoleRow]:
    """Return the roles that a person or team holds, all or some, each with the `status` of its subject.

    Superseded and dropped subjects are included; their status tells them apart.
    """
    fields = [f"role.{role}" for role in roles] or ("role.*",)
    selection = replace(selection or Filter(), holders=(holder,), fields=fields)
    return _add_roles(read, field_values(read, selection, when, blame=blame, limit=limit, cursor=cursor))


def count_holders(
    read: Read,
    when: TimePoint = NOW,
    *,
    roles: Sequence[str] = (),
    selection: Filter | None = None,
    min_count: int = 1,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Answer[FieldCount]:
    """Return how many roles each person or team holds, most first; all roles or some."""
    selection = replace(selection or Filter(), fields=[f"role.{role}" for role in roles] or ("role.*",))
    return count_fields(read, selection, "holder", when, min_count=min_count, limit=limit, cursor=cursor)


def _add_roles(read: Read, found: Answer[FieldRow]) -> Answer[RoleRow]:
    statuses = _find_statuses(read, {row["subject"] for row in found.rows}, found.time)
    rows: list[RoleRow] = [
        {**row, "role": _role_of(row["field"]), "status": statuses.get(row["subject"])} for row in found.rows
    ]
    return build_answer(found.time, rows, next_cursor=found.next)


def _role_of(field: str) -> str | None:
    return field.removeprefix(ROLE_PREFIX) if field.startswith(ROLE_PREFIX) else None


def _find_statuses(read: Read, subjects: Collection[str], time: ResolvedTime) -> dict[str, str]:
    """Return the status of each subject, or the source's value if it has no other."""
    selection = Filter(subjects=sorted(subjects), fields=(STATUS,), include_removed=True)
    rows = all_field_values(read, selection, time) if subjects else []
    return {row["subject"]: str(row["value"] or row["source_value"]) for row in rows}


def unowned(
    read: Read,
    selection: Filter | None = None,
    when: TimePoint = NOW,
    *,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Answer[UnownedRow]:
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
    shown, is_more = take_page(read, read.rows(sql, parameters), limit)
    next_cursor = encode_cursor(shown[-1][0]) if is_more else None
    return build_answer(time, [_build_row(*row) for row in shown], next_cursor=next_cursor)


def _build_row(subject: str, title: str | None, holders: str | None, source_value: str | None) -> UnownedRow:
    return {
        "subject": subject,
        "title": None if title is None else json.loads(title),
        "left": [] if holders is None else [*as_ids(json.loads(holders))],
        "source_value": source_value,
    }


def find_vacancies(read: Read, subjects: Iterable[str], time: ResolvedTime) -> dict[str, FieldChangeRow]:
    """Return the change by which each of these subjects lost its accountable people and teams: a release, or the end of a
    period. Those that have some, or never had any, are left out.
    """
    asked = Filter(subjects=sorted(subjects), fields=(ACCOUNTABLE_FIELD,), include_removed=True)
    found: dict[str, FieldChangeRow] = {}
    for change in iterate_changes(read, ChangeFilter(fields=asked), time) if asked.subjects else ():
        if has_holder(change["after"]["value"]):
            found.pop(change["subject"], None)
        elif has_holder(change["before"]["value"]):
            found[change["subject"]] = change
    return found


def has_holder(value: Value) -> bool:
    """Return whether the value of a role names a person or a team."""
    return any(kind_of(str(each)) in HOLDER_KINDS for each in (value if isinstance(value, list) else [value]))
