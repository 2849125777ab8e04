"""Reviewing a decision: what was known when it was made, how it was reasoned, and what came of it, apart.

People who know the result judge the reasoning by it. So what was known then comes first, and the result is left out until
the reasoning was reviewed, unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from domain.values import format_micros, parse_micros
from projections.answer_types.outcomes import ExpectedOutcomeRow, KnownThen, ReviewFinding, ReviewSummary
from projections.answer_types.parts import FieldState
from projections.answer_types.subjects import SubjectDetails
from projections.queries.decisions import subject_page
from projections.queries.expected_outcomes import expected_outcomes
from projections.queries.field_groups import add_fields, flat_fields
from projections.queries.field_values import as_ids, as_text
from projections.queries.filters import Filter
from projections.queries.paging import Answer, build_answer
from projections.queries.timepoint import NOW, TimePoint, resolve_time
from projections.read_model.model import Read

REASONING: Final = ("review.reasoning", "review.reasoning_finding", "review.reasoning_by")
RESULT: Final = ("review.outcome", "review.finding", "review.by")
LEARNED: Final = "review.learned"


def review(
    read: Read, subject: str, when: TimePoint = NOW, *, with_result: bool = False
) -> Answer[ExpectedOutcomeRow, ReviewSummary]:
    """Return a decision as it was known when it was decided, the review of its reasoning, and what came of it.

    `result_hidden` says that the result is left out because the reasoning was not reviewed yet. An open decision has no
    `then`.

    Raises:
        NotFound: the log has no such decision.
    """
    resolved = resolve_time(read, when)
    about = subject_page(read, subject, when).about
    fields = dict(flat_fields(about))
    then = _find_moment(read, fields)
    is_hidden = REASONING[0] not in fields and not with_result and then is not None
    expected = expected_outcomes(read, Filter(subjects=(subject,)), when).rows
    rows = [_without_outcome(row) for row in expected] if is_hidden else expected
    summary: ReviewSummary = {
        "subject": subject,
        "title": about["title"],
        "decided_at": None if then is None else format_micros(then.as_of or 0),
        "recorded_at": None if then is None else format_micros(then.known_at or 0),
        "then": None if then is None else _known_then(subject_page(read, subject, then).about),
        "reasoning": _build_review(fields, REASONING),
        "result": None if is_hidden else _build_review(fields, RESULT),
        "result_hidden": is_hidden,
    }
    return build_answer(resolved, rows, about=summary)


def _find_moment(read: Read, fields: Mapping[str, FieldState]) -> TimePoint | None:
    """Return when it was decided and when that was recorded; None if no decider is recorded."""
    if "deciders" not in fields:
        return None
    sql = "select recorded_at from main.event where position = :position"
    found = read.one(sql, {"position": fields["deciders"]["position"]})
    return None if found is None else TimePoint(parse_micros(fields["deciders"]["since"]), int(found[0]))


def _known_then(about: SubjectDetails) -> KnownThen:
    known: KnownThen = {"fields": {}, "rests_on": about["rests_on"]}
    add_fields(known, dict(flat_fields(about)))
    return known


def _build_review(fields: Mapping[str, FieldState], names: tuple[str, str, str]) -> ReviewFinding | None:
    """Return a review, with what was learned if the same event says it; None if there is none."""
    judgment, finding, by = (fields.get(name) for name in names)
    if judgment is None:
        return None
    learned = fields.get(LEARNED)
    return {
        "judgment": str(judgment["value"] or judgment["source_value"]),
        "finding": as_text(finding["value"]) if finding else None,
        "learned": as_text(learned["value"]) if learned and learned["position"] == judgment["position"] else None,
        "by": list(as_ids(by["value"])) if by else [judgment["blame"]["principal"]],
        "at": judgment["since"],
        "position": judgment["position"],
    }


def _without_outcome(row: ExpectedOutcomeRow) -> ExpectedOutcomeRow:
    """Return what was expected without what came of it, and without whether it is known."""
    return {
        **row,
        "state": "open",
        "days_late": 0,
        "result": None,
        "actual": None,
        "finding": None,
        "evidence": [],
        "judged_by": None,
        "judged_at": None,
        "outcome_position": None,
    }
