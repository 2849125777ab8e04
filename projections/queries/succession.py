"""Succession: everything that a person holds, owes and waits for, and the commands that hand it over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from domain.decision_messages import OPEN as OPEN_DECISION
from domain.fields import STATUS, Value, without_nones
from domain.ownership import DELEGATION_PREFIX
from domain.values import format_micros, kind_of
from projections.answer_types.ownership import Relation, SuccessionRow, SuccessionSummary
from projections.answer_types.parts import TitledSubject
from projections.queries.debt import DebtFilter, DebtFinder
from projections.queries.expected_outcomes import find_expectations
from projections.queries.field_values import all_field_values, as_ids, planned_field_values
from projections.queries.filters import Filter
from projections.queries.paging import Answer, build_answer
from projections.queries.report_state import ENDED_STATUSES
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.read_model.model import Read

MAX_COMMANDS: Final = 1_000
"""The most commands of one transaction."""


def succession(
    read: Read, person: str, when: TimePoint = NOW, *, to: str | None = None
) -> Answer[SuccessionRow, SuccessionSummary]:
    """Return everything that a person or team holds or will hold, owes and waits for, in this order.

    With `to`, `commands` are those that hand over all roles in one transaction; `truncated` says that there are more
    than one transaction takes.
    """
    resolved = resolve_time(read, when)
    rows = [
        *_find_held(read, person, resolved),
        *_find_owed(read, person, resolved),
        *_find_awaited(read, person, resolved),
    ]
    commands = [] if to is None else list(_build_commands(read, person, to, rows, format_micros(resolved.as_of)))
    about: SuccessionSummary = {
        "person": read.surviving_id(person),
        "to": to,
        "commands": commands[:MAX_COMMANDS],
        "truncated": len(commands) > MAX_COMMANDS,
    }
    return build_answer(resolved, rows, about=about)


def _row(
    relation: Relation,
    code: str,
    about: TitledSubject,
    since: str,
    part: str | None = None,
    holders: Sequence[str] = (),
    detail: Mapping[str, Value] | None = None,
) -> SuccessionRow:
    return {
        "relation": relation,
        "code": code,
        "subject": about["subject"],
        "title": about["title"],
        "part": part,
        "since": since,
        "holders": list(holders),
        "detail": dict(detail or {}),
    }


def _find_held(read: Read, person: str, resolved: ResolvedTime) -> Iterator[SuccessionRow]:
    """Yield the roles and delegations that a person has, or will have, on what is not closed."""
    asked = Filter(holders=(person,), fields=("role.*", f"{DELEGATION_PREFIX}*"))
    rows = [*all_field_values(read, asked, resolved), *planned_field_values(read, asked, resolved)]
    rows.sort(key=lambda row: (row["subject"], row["field"], row["since"]))
    ended = _find_ended(read, {row["subject"] for row in rows}, resolved)
    for row in rows:
        if row["subject"] in ended:
            continue
        if row["field"].startswith(DELEGATION_PREFIX):
            if isinstance(row["value"], dict) and row["value"].get("to") in read.all_ids(person):
                key, given = row["field"].removeprefix(DELEGATION_PREFIX), {**row["value"], "until": row["until"]}
                yield _row("holds", "delegation", row, row["since"], key, detail=given)
        elif isinstance(row["value"], list):
            part, ends = row["field"].removeprefix("role."), without_nones(until=row["until"])
            yield _row("holds", "role", row, row["since"], part, as_ids(row["value"]), ends)


def _find_ended(read: Read, subjects: set[str], resolved: ResolvedTime) -> set[str]:
    if not subjects:
        return set()
    rows = all_field_values(read, Filter(subjects=sorted(subjects), fields=(STATUS,)), resolved)
    return {row["subject"] for row in rows if row["value"] in ENDED_STATUSES}


def _find_owed(read: Read, person: str, resolved: ResolvedTime) -> Iterator[SuccessionRow]:
    finder = DebtFinder(read, DebtFilter(owners=(person,)), resolved)
    for item in sorted(finder.find(), key=lambda each: (each.since, each.subject, each.code, each.part)):
        row = finder.build_row(item)
        yield _row("owes", item.code, row, row["since"], row["part"], detail=row["detail"])
    ids, today = read.all_ids(person), format_micros(resolved.as_of)[:10]
    for each in find_expectations(read, Filter(), resolved):  # those that are overdue are debt
        if each.judge in ids and each.state(today) == "open":
            judged: TitledSubject = {"subject": each.subject, "title": each.title}
            yield _row("owes", "open_outcome", judged, each.at, each.key)


def _find_awaited(read: Read, person: str, resolved: ResolvedTime) -> Iterator[SuccessionRow]:
    """Yield the open decisions that a person proposed, and what they expect whose outcome is not recorded."""
    asked = Filter(kinds=("decision",), holders=(person,), fields=("proposed_by",), statuses=sorted(OPEN_DECISION))
    for row in all_field_values(read, asked, resolved):
        yield _row("waits_for", "open_decision", row, row["since"])
    ids = read.all_ids(person)
    today = format_micros(resolved.as_of)[:10]
    for each in find_expectations(read, Filter(), resolved):
        if each.by in ids and each.outcome is None:
            expected: TitledSubject = {"subject": each.subject, "title": each.title}
            yield _row("waits_for", f"{each.state(today)}_outcome", expected, each.at, each.key)


def _build_commands(
    read: Read, person: str, to: str, rows: Sequence[SuccessionRow], now: str
) -> Iterator[dict[str, Value]]:
    """Yield the commands that hand over the roles of a person, each for the rest of its period.

    Delegations stay, because others gave them.
    """
    ids = read.all_ids(person)
    for row in rows:
        is_team = kind_of(row["subject"]) == "team"
        if row["code"] != "role" or (is_team and row["part"] != "accountable"):
            continue
        period = {**({"from": row["since"]} if row["since"] > now else {}), **row["detail"]}
        if row["part"] == "accountable" and len(row["holders"]) == 1:
            yield {"type": "HandOverOwnership", "subject": row["subject"], "to": to, **period}
        else:
            holders: list[Value] = list(dict.fromkeys(to if holder in ids else holder for holder in row["holders"]))
            yield {
                "type": "AssignOwnership",
                "subject": row["subject"],
                "role": row["part"],
                "holders": holders,
                **period,
            }
