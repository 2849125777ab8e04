"""What decisions and features were expected to bring, and what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from domain.outcome import EXPECTATION_PREFIX, OUTCOME_PREFIX
from domain.values import format_micros, to_micros
from projections.answer_types.fields import FieldRow
from projections.answer_types.outcomes import ExpectedOutcomeRow, ExpectedOutcomesSummary, OutcomeCounts, OutcomeState
from projections.queries.field_values import all_field_values, as_text
from projections.queries.filters import Filter
from projections.queries.paging import Answer, build_answer, page_after
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.read_model.model import Read
from projections.read_model.schema import members

KINDS: Final = ("decision", "feature")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an expected outcome, and who judged it. Times are microseconds since 1970."""

    result: str
    by: str
    is_claim: bool
    actual: str | None
    finding: str | None
    evidence: tuple[str, ...]
    at: str
    recorded_at: int
    position: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a subject was expected to bring. People are shown under the id they are known by."""

    subject: str
    title: str | None
    key: str
    measure: str
    baseline: str | None
    target: str
    due_on: str
    probability: int | None
    by: str
    judge: str | None
    replaces: str | None
    is_claim: bool
    at: str
    recorded_at: int
    position: int
    outcome: Outcome | None

    def state(self, today: str) -> OutcomeState:
        """Return whether its outcome is recorded, overdue or still to come, on a day such as 2026-07-01."""
        if self.outcome is not None:
            return "recorded"
        return "overdue" if self.due_on < today else "open"


def end_of_day(day: Any) -> int | None:
    """Return when a day has passed, in UTC; None for the last one, and for what is no day, as imports can have."""
    try:
        return to_micros(datetime.combine(date.fromisoformat(str(day)) + timedelta(days=1), time(), tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def find_expectations(read: Read, selection: Filter, resolved: ResolvedTime) -> list[Expectation]:
    """Return what the subjects that match were expected to bring, ordered by date."""
    kinds = [kind for kind in KINDS if not selection.kinds or kind in selection.kinds]
    if not kinds:
        return []
    fields = (f"{EXPECTATION_PREFIX}*", f"{OUTCOME_PREFIX}*")
    about = replace(selection.of_subjects(), kinds=kinds, fields=fields)
    # Imported history, which no rule checks, can have anything in these fields.
    rows = [row for row in all_field_values(read, about, resolved) if isinstance(row["value"], dict)]
    recorded = _find_recorded_times(read, (row["position"] for row in rows))
    outcomes = {
        (row["subject"], row["field"].removeprefix(OUTCOME_PREFIX)): _build_outcome(row, recorded, read)
        for row in rows
        if row["field"].startswith(OUTCOME_PREFIX)
    }
    found = (
        _build_expectation(row, recorded, outcomes, read) for row in rows if row["field"].startswith(EXPECTATION_PREFIX)
    )
    return sorted(found, key=_sort_key)


def _sort_key(each: Expectation) -> tuple[str, str, str]:
    return each.due_on, each.subject, each.key


def _find_recorded_times(read: Read, positions: Iterable[int]) -> dict[int, int]:
    sql = f"select position, recorded_at from main.event where position in {members('positions')}"
    return {int(position): int(at) for position, at in read.rows(sql, {"positions": sorted(set(positions))})}


def _person(value: Any, read: Read) -> str | None:
    return None if value is None else read.surviving_id(str(value))


def _object_in(row: FieldRow) -> Mapping[str, Any]:
    assert isinstance(row["value"], dict)
    return row["value"]


def _build_outcome(row: FieldRow, recorded: dict[int, int], read: Read) -> Outcome:
    value = _object_in(row)
    return Outcome(
        result=value["result"],
        by=read.surviving_id(value["by"]),
        is_claim=bool(value.get("is_claim")),
        actual=as_text(value.get("actual")),
        finding=as_text(value.get("finding")),
        evidence=tuple(value.get("evidence", ())),
        at=row["since"],
        recorded_at=recorded[row["position"]],
        position=row["position"],
    )


def _build_expectation(
    row: FieldRow, recorded: dict[int, int], outcomes: dict[tuple[str, str], Outcome], read: Read
) -> Expectation:
    value, key = _object_in(row), row["field"].removeprefix(EXPECTATION_PREFIX)
    return Expectation(
        subject=row["subject"],
        title=row["title"],
        key=key,
        measure=value["measure"],
        baseline=as_text(value.get("baseline")),
        target=value["target"],
        due_on=value["due_on"],
        probability=value.get("probability"),
        by=read.surviving_id(value["by"]),
        judge=_person(value.get("judge"), read),
        replaces=as_text(value.get("replaces")),
        is_claim=bool(value.get("is_claim")),
        at=row["since"],
        recorded_at=recorded[row["position"]],
        position=row["position"],
        outcome=outcomes.get((row["subject"], key)),
    )


def expected_outcomes(
    read: Read,
    selection: Filter,
    when: TimePoint = NOW,
    *,
    states: Sequence[str] = (),
    by: Sequence[str] = (),
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[ExpectedOutcomeRow, ExpectedOutcomesSummary]:
    """Return what was expected of the subjects that match, each with what came of it, ordered by date.

    `states` and `by` (who expected it) select among them. `counts` counts all that match, by state and result.
    """
    resolved = resolve_time(read, when)
    today = format_micros(resolved.as_of)[:10]
    people = {read.surviving_id(each) for each in by}
    found = [
        each
        for each in find_expectations(read, selection, resolved)
        if (not states or each.state(today) in states) and (not people or each.by in people)
    ]
    shown, next_cursor = page_after(found, _sort_key, (str, str, str), limit, cursor)
    rows = [_build_row(each, today) for each in shown]
    about: ExpectedOutcomesSummary = {"counts": _count(found, today)}
    return build_answer(resolved, rows, next_cursor=next_cursor, about=about)


def _count(found: Sequence[Expectation], today: str) -> OutcomeCounts:
    counts = Counter(each.outcome.result if each.outcome else each.state(today) for each in found)
    return {
        "open": counts["open"],
        "overdue": counts["overdue"],
        "met": counts["met"],
        "not_met": counts["not-met"],
        "unclear": counts["unclear"],
    }


def _build_row(each: Expectation, today: str) -> ExpectedOutcomeRow:
    outcome = each.outcome
    late = (date.fromisoformat(today) - date.fromisoformat(each.due_on)).days if not outcome else 0
    return {
        "subject": each.subject,
        "title": each.title,
        "expectation": each.key,
        "state": each.state(today),
        "measure": each.measure,
        "baseline": each.baseline,
        "target": each.target,
        "due_on": each.due_on,
        "days_late": max(0, late),
        "probability": each.probability,
        "by": each.by,
        "is_claim": each.is_claim,
        "judge": each.judge,
        "replaces": each.replaces,
        "stated_at": each.at,
        "position": each.position,
        "result": outcome.result if outcome else None,
        "actual": outcome.actual if outcome else None,
        "finding": outcome.finding if outcome else None,
        "evidence": list(outcome.evidence) if outcome else [],
        "judged_by": outcome.by if outcome else None,
        "judged_at": outcome.at if outcome else None,
        "outcome_position": outcome.position if outcome else None,
    }
