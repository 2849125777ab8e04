"""Deferred decisions whose wait is over: the evidence, assumption, decision, release or day they wait for has come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain import assumption, decision_messages
from domain.fields import EXISTS, STATUS
from domain.values import format_micros, kind_of
from projections.answer_types.evidence import ArrivalReason, ArrivalRow
from projections.queries.field_values import all_field_values, find_accountable
from projections.queries.filters import Filter
from projections.queries.flags import start_of_day
from projections.queries.latest_values import LatestValue, latest_values
from projections.queries.paging import Answer, build_answer, page_after
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import Read

DEFERRED: Final = "deferred"
_SETTLED: Final[dict[str, ArrivalReason]] = {
    assumption.CONFIRMED: "assumption_confirmed",
    assumption.BROKEN: "assumption_broken",
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """Why a deferred decision is back: what it waited for, None for a day, and since when."""

    subject: str
    reason: ArrivalReason
    awaited: str | None
    since: int


def arrivals(
    read: Read,
    selection: Filter | None = None,
    when: TimePoint = NOW,
    *,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[ArrivalRow]:
    """Return the deferred decisions that are back, once for each thing that has come, the oldest first.

    Each has the `reason`, what it `awaited` (null for a day), `since` when, and who is accountable.
    """
    resolved = resolve_time(read, when)
    found = list(find_arrivals(read, resolved))
    subjects = sorted({each.subject for each in found})
    if selection is not None and subjects:
        asked = replace(selection.of_subjects(), subjects=_narrow(subjects, selection), fields=(EXISTS,))
        subjects = [row["subject"] for row in all_field_values(read, asked, resolved)] if asked.subjects else []
    rows = _build_rows(read, [each for each in found if each.subject in subjects], resolved)
    shown, next_cursor = page_after(sorted(rows, key=_sort_key), _sort_key, (str, str, str), limit, cursor)
    return build_answer(resolved, shown, next_cursor=next_cursor)


def _narrow(subjects: Sequence[str], selection: Filter) -> list[str]:
    return [each for each in subjects if not selection.subjects or each in selection.subjects]


def _sort_key(row: ArrivalRow) -> tuple[str, str, str]:
    return row["since"], row["subject"], row["awaited"] or ""


def _build_rows(read: Read, found: Sequence[Arrival], resolved: ResolvedTime) -> list[ArrivalRow]:
    subjects = sorted({each.subject for each in found})
    titles = find_titles(read, subjects, resolved)
    owners = find_accountable(read, subjects, resolved)
    return [
        {
            "subject": each.subject,
            "title": titles.get(each.subject),
            "reason": each.reason,
            "awaited": each.awaited,
            "since": format_micros(each.since),
            "accountable": owners.get(each.subject, []),
        }
        for each in found
    ]


def find_arrivals(read: Read, resolved: ResolvedTime) -> Iterator[Arrival]:
    """Yield why each deferred decision is back. What had come before the deferral counts from the deferral."""
    statuses = latest_values(read, resolved, STATUS, ("decision", "assumption"))
    deferred = {subject: row for subject, row in statuses.items() if row.value == DEFERRED}
    if not deferred:
        return
    existing = latest_values(read, resolved, EXISTS, ("evidence",))
    due = latest_values(read, resolved, "due_on", ("release",))
    for subject, row in latest_values(read, resolved, decision_messages.AWAITS, ("decision",)).items():
        for awaited in row.value if subject in deferred else ():
            found = _find_arrival(awaited, statuses, existing, due)
            if found is not None and found[1] <= resolved.as_of:
                yield Arrival(subject, found[0], awaited, max(found[1], deferred[subject].valid_from))
    for subject, row in latest_values(read, resolved, decision_messages.REVISIT_ON, ("decision",)).items():
        begin = start_of_day(str(row.value))
        if subject in deferred and begin is not None and begin <= resolved.as_of:
            yield Arrival(subject, "day_reached", None, max(begin, deferred[subject].valid_from))


def _find_arrival(
    awaited: str,
    statuses: dict[str, LatestValue],
    existing: dict[str, LatestValue],
    due: dict[str, LatestValue],
) -> tuple[ArrivalReason, int] | None:
    """Return how and when something that a decision waits for comes or came; None if that is not known yet."""
    kind = kind_of(awaited)
    if kind == "evidence" and awaited in existing:
        return "evidence_recorded", existing[awaited].valid_from
    if kind == "release" and awaited in due:
        begin = start_of_day(str(due[awaited].value))
        return None if begin is None else ("release_due", begin)
    status = statuses.get(awaited)
    if status is None:
        return None
    if kind == "assumption" and status.value in _SETTLED:
        return _SETTLED[status.value], status.valid_from
    if kind == "decision" and status.value not in decision_messages.OPEN:
        return "decision_settled", status.valid_from
    return None
