"""How good forecasts were: of one person or of all, with brakes in code.

What counts is decided here, not by who is judged: the first forecast of each question, made with one's own credentials
before its date, whose date has passed and whose outcome another person recorded as met or not met. Nothing is computed
from fewer than 10, no curve from fewer than 30, and of other people nothing from fewer than 20 or without their consent.
People are never compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from domain.outcome import MET, SHARING_FIELD, UNCLEAR
from domain.values import MAX_INTEGER, format_micros
from projections.answer_types.outcomes import CalibrationScore, CalibrationSummary, CurvePoint, ScoreParts
from projections.queries.calibration import Forecast, brier_interval, brier_score, decompose, reliability_curve
from projections.queries.expected_outcomes import Expectation, Outcome, end_of_day, find_expectations
from projections.queries.field_values import all_field_values
from projections.queries.filters import Filter
from projections.queries.paging import Answer, build_answer
from projections.queries.timepoint import NOW, TimePoint, resolve_time
from projections.read_model.model import Read

SCORE_FROM: Final = 10
OTHERS_FROM: Final = 20
CURVE_FROM: Final = 30
MIN_FORECASTERS: Final = 3
"""The fewest people whose forecasts are scored together without the consent of each, so that no one stands out."""

Standing = Literal[
    "counted", "open", "overdue", "unclear", "self_judged", "replaces", "claimed", "stated_late", "judged_early"
]
STANDINGS: Final[tuple[Standing, ...]] = get_args(Standing)
"""`counted`, or why a forecast with a probability does not count."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A forecast with its standing."""

    expectation: Expectation
    standing: Standing


def judge_standing(each: Expectation, today: str) -> Standing:
    """Return whether a forecast counts, on a day such as 2026-07-01, or the first reason why not."""
    if each.is_claim or each.replaces is not None:
        return "claimed" if each.is_claim else "replaces"
    if each.recorded_at >= (end_of_day(each.due_on) or MAX_INTEGER):
        return "stated_late"
    if each.outcome is None:
        return "overdue" if each.due_on < today else "open"
    return _judge_outcome(each, each.outcome, today)


def _judge_outcome(each: Expectation, outcome: Outcome, today: str) -> Standing:
    if outcome.recorded_at <= each.recorded_at:
        return "stated_late"
    if outcome.result == UNCLEAR:
        return "unclear"
    if outcome.is_claim or outcome.by == each.by:
        return "self_judged"
    return "counted" if each.due_on < today else "judged_early"


def calibration(
    read: Read,
    viewer: str,
    who: str | None = None,
    selection: Filter | None = None,
    when: TimePoint = NOW,
) -> Answer[CurvePoint, CalibrationSummary]:
    """Return how good the forecasts of a person, or of all people together, were.

    `shown` says whether the viewer sees it, and `why_not` why not; `counts` has the number of forecasts by standing. With
    30 or more that count, the rows are the points of the curve.
    """
    resolved = resolve_time(read, when)
    today = format_micros(resolved.as_of)[:10]
    person = None if who is None else read.surviving_id(who)
    forecasts = [
        Scored(each, judge_standing(each, today))
        for each in find_expectations(read, selection or Filter(), resolved)
        if each.probability is not None and person in (None, each.by)
    ]
    counted = [each.expectation for each in forecasts if each.standing == "counted"]
    why_not = _find_why_hidden(read, read.surviving_id(viewer), person, counted)
    is_public = person in (None, read.surviving_id(viewer)) or why_not is None
    counts = Counter(each.standing for each in forecasts) if is_public else Counter[Standing]()
    scored = [_forecast(each) for each in counted] if why_not is None else []
    about: CalibrationSummary = {
        "who": person,
        "shown": why_not is None,
        "why_not": why_not,
        "counts": {standing: counts[standing] for standing in STANDINGS},
        **_score(scored),
    }
    return build_answer(resolved, _build_curve(scored), about=about)


def _forecast(each: Expectation) -> Forecast:
    assert each.probability is not None
    assert each.outcome is not None
    return Forecast(each.probability / 100, each.outcome.result == MET)


def _find_why_hidden(read: Read, viewer: str, who: str | None, counted: Sequence[Expectation]) -> str | None:
    """Return why a score is not shown to a viewer; None if it is."""
    is_own = who == viewer
    needed = SCORE_FROM if is_own else OTHERS_FROM
    people = {each.by for each in counted}
    shared = _find_sharing(read, people | ({who} if who else set()))
    if who is not None and not is_own and who not in shared:
        return "only the person can see it, until they agree to show it to others"
    if who is None and len(people) < MIN_FORECASTERS and not people <= shared | {viewer}:
        return (
            f"the forecasts that count are by fewer than {MIN_FORECASTERS} people, not all of whom have agreed to show "
            "their calibration"
        )
    if len(counted) < needed:
        return f"it takes {needed} forecasts that count, and there are {len(counted)}"
    return None


def _find_sharing(read: Read, people: Iterable[str]) -> set[str]:
    """Return who of these people agrees now to show their calibration, whatever time is asked about."""
    ids = sorted({one for person in people for one in read.all_ids(person)})
    if not ids:
        return set()
    asked = Filter(subjects=ids, fields=(SHARING_FIELD,), include_removed=True)
    rows = all_field_values(read, asked, resolve_time(read, NOW))
    return {read.surviving_id(row["subject"]) for row in rows if row["value"] is True}


def _score(found: Sequence[Forecast]) -> CalibrationScore:
    """Return the score with its interval and its parts, each as far as the number of forecasts allows."""
    if len(found) < SCORE_FROM:
        return {"score": None, "low": None, "high": None, "climate": None, "parts": None}
    interval, rate = brier_interval(found), sum(each.came_true for each in found) / len(found)
    return {
        "score": _round(brier_score(found)),
        "low": _round(interval.low),
        "high": _round(interval.high),
        "climate": _round(rate * (1 - rate)),
        "parts": _build_parts(found) if len(found) >= CURVE_FROM else None,
    }


def _build_parts(found: Sequence[Forecast]) -> ScoreParts:
    parts = decompose(found)
    return {
        "miscalibration": _round(parts.miscalibration),
        "discrimination": _round(parts.discrimination),
        "uncertainty": _round(parts.uncertainty),
    }


def _build_curve(found: Sequence[Forecast]) -> list[CurvePoint]:
    """Return the points of the curve; none of too few forecasts."""
    if len(found) < CURVE_FROM:
        return []
    return [
        {
            "probability": round(point.probability * 100),
            "count": point.count,
            "observed": _round(100 * point.observed),
            "low": _round(100 * point.low),
            "high": _round(100 * point.high),
        }
        for point in reliability_curve(found)
    ]


def _round(value: float) -> float:
    return round(value, 6)
