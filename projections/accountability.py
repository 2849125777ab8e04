"""Who answers for what, at any instant; and what nobody answers for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from domain.fields import STATUS, Value
from projections import field_values as cells_of
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
    loads,
    page,
    resolve_time,
    subjects_where,
)
from projections.read_model import Read
from projections.schema import kind, pairs

ROLE: Final = "role."
OWNED: Final = ("product", "decision", "feature", "goal")
"""What somebody ought to be accountable for."""


def of_subject(read: Read, subject: str, when: TimePoint = NOW, *, blame: bool = True) -> Answer:
    """Every role on a subject and every delegation of it, each with who holds it, since when and until when."""
    asked = Filter(subjects=(subject,), fields=("role.*", "delegation.*", "acknowledged.*"), include_removed=True)
    return _with_roles(cells_of.field_values(read, asked, when, blame=blame))


def of_person(
    read: Read, who: str, when: TimePoint = NOW, *, roles: Sequence[str] = (), asked: Filter | None = None,
    blame: bool = False, limit: int = LIMIT, cursor: str | None = None,
) -> Answer:  # fmt: skip
    """Everything a person or team holds, in some roles or in any, each with the `status` of what is held.

    What was superseded or dropped has its holder still; the status tells it apart.
    """
    about = replace(asked or Filter(), holders=(who,), fields=[f"role.{role}" for role in roles] or ("role.*",))
    held = _with_roles(cells_of.field_values(read, about, when, blame=blame, limit=limit, cursor=cursor))
    statuses = _statuses(read, {row["subject"] for row in held.rows}, resolve_time(read, when))
    return replace(held, rows=[{**row, "status": statuses.get(row["subject"])} for row in held.rows])


def counted(
    read: Read, when: TimePoint = NOW, *, roles: Sequence[str] = (), asked: Filter | None = None, min_count: int = 1
) -> Answer:
    """How many cells of some roles, or of any, each holder is named in, most first."""
    about = replace(asked or Filter(), fields=[f"role.{role}" for role in roles] or ("role.*",))
    return cells_of.count_fields(read, about, "holder", when, min_count=min_count)


def _with_roles(found: Answer) -> Answer:
    """The same rows, those of roles with the `role`."""
    rows = ((row, row["field"]) for row in found.rows)
    return replace(
        found, rows=[{**row, "role": name[len(ROLE) :] if name.startswith(ROLE) else None} for row, name in rows]
    )


def _statuses(read: Read, subjects: Collection[str], then: ResolvedTime) -> dict[str, Value]:
    """The status of each, by our meaning or else the source's word."""
    about = Filter(subjects=sorted(subjects), fields=(STATUS,), include_removed=True)
    rows = cells_of.all_field_values(read, about, then) if subjects else []
    return {row["subject"]: row["value"] or row["source_value"] for row in rows}


def unowned(
    read: Read, asked: Filter | None = None, when: TimePoint = NOW, *, limit: int = LIMIT, cursor: str | None = None
) -> Answer:
    """Subjects on the record that nobody is accountable for: nobody was named, or all who were have departed.

    A name that could not be understood (`TBD`) is nobody; it is shown as `word`.
    """
    then = resolve_time(read, when)
    about = replace(asked or Filter(), kinds=(asked.kinds if asked else ()) or OWNED)
    where, parameters = subjects_where(read, about, then, "c.subject")
    if cursor is not None:
        (parameters["after"],) = decode_cursor(cursor, str)
        where += " and c.subject > :after"
    sql = f"""select c.subject, {then.value("c.subject", "title")}, o.value, o.word
        from cell c left join cell o on o.subject = c.subject and o.field = 'role.accountable' and {then.holds("o")}
        where c.field = 'exists' and c.value = 'true' and {then.holds("c")} and {where}
        and not exists (select 1 from cell_ref r where r.subject = o.subject and r.field = o.field and r.eff = o.eff
            and r.id = o.id and {kind("r.ref")} in ('person', 'team') and not exists (
            select 1 from cell d where d.subject = coalesce((select s.value from {pairs("same")} s where s.key = r.ref), r.ref)
            and d.field = 'status' and d.value = '"departed"' and {then.holds("d")}))
        order by c.subject limit :limit"""
    rows = [_unowned(*row) for row in read.rows(sql, {**parameters, "same": dict(read.same), "limit": limit + 1})]
    shown, following = page(rows, limit, ("subject",))
    return answer(then, shown, following=following)


def _unowned(subject: str, title: str | None, holders: str | None, word: str | None) -> Row:
    return {"subject": subject, "title": loads(title), "departed": loads(holders) or [], "source_value": word}
