"""Expected outcomes, what came of them, and how good the forecasts were."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At, GroupedFields, TableAnswer, TitledSubject

OutcomeState = Literal["open", "overdue", "recorded"]
"""Whether the outcome of an expectation is recorded, overdue, or still to come."""


class ExpectedOutcomeRow(TitledSubject):
    """What a decision or feature was expected to bring, and what came of it."""

    expectation: Annotated[str, Field(description="Its number or key on the subject.")]
    state: Annotated[OutcomeState, Field(description="Whether its outcome is recorded.")]
    measure: Annotated[str, Field(description="What is measured.")]
    baseline: Annotated[str | None, Field(description="The value when it was stated; null if none was given.")]
    target: Annotated[str, Field(description="The value or state that counts as met.")]
    due_on: Annotated[str, Field(description="The date by which it is expected.")]
    days_late: Annotated[int, Field(description="The days since that date, if its outcome is overdue; otherwise 0.")]
    probability: Annotated[
        int | None, Field(description="How likely it was held to be, in percent; null if not stated.")
    ]
    by: Annotated[str, Field(description="The person who expected it.")]
    is_claim: Annotated[bool, Field(description="Whether another person said that they expected it.")]
    judge: Annotated[str | None, Field(description="Who is to say what came of it; null for the owner.")]
    replaces: Annotated[str | None, Field(description="The earlier forecast that it replaces; null if none.")]
    stated_at: Annotated[At, Field(description="The time from which it was expected.")]
    position: Annotated[int, Field(description="The position of the event that stated it.")]
    result: Annotated[str | None, Field(description="`met`, `not-met` or `unclear`; null if not recorded.")]
    actual: Annotated[str | None, Field(description="The value that was measured.")]
    finding: Annotated[str | None, Field(description="How it was found, and what it means.")]
    evidence: Annotated[list[str], Field(description="The evidence for it.")]
    judged_by: Annotated[str | None, Field(description="The person who judged it.")]
    judged_at: Annotated[At | None, Field(description="The time from which it was known.")]
    outcome_position: Annotated[int | None, Field(description="The position of the event that recorded it.")]


class OutcomeCounts(TypedDict):
    """How many expected outcomes there are, by state and result."""

    open: Annotated[int, Field(description="Those whose date is still to come.")]
    overdue: Annotated[int, Field(description="Those without an outcome after their date.")]
    met: Annotated[int, Field(description="Those that were met.")]
    not_met: Annotated[int, Field(description="Those that were not met.")]
    unclear: Annotated[int, Field(description="Those whose result is unclear.")]


class ExpectedOutcomesSummary(TypedDict):
    """How many expected outcomes match."""

    counts: Annotated[OutcomeCounts, Field(description="How many match, by state and result.")]


class ExpectedOutcomes(TableAnswer, ExpectedOutcomesSummary):
    """What decisions and features were expected to bring, ordered by date."""

    rows: Annotated[list[ExpectedOutcomeRow], Field(description="The expected outcomes.")]


class ReviewFinding(TypedDict):
    """One review of a decision, of its reasoning or of its result."""

    judgment: Annotated[str, Field(description="`sound`, `partly-sound`, `unsound`; `better`, `as-expected`, `worse`.")]
    finding: Annotated[str | None, Field(description="What the review found.")]
    learned: Annotated[str | None, Field(description="What to do differently next time.")]
    by: Annotated[list[str], Field(description="The people who reviewed it.")]
    at: Annotated[At, Field(description="The time from which it is in effect.")]
    position: Annotated[int, Field(description="The position of the event.")]


class KnownThen(GroupedFields):
    """A decision as it was known when it was decided."""

    rests_on: Annotated[list[TitledSubject], Field(description="The decisions that its events were based on.")]


class ReviewSummary(TypedDict):
    """A decision as it was known when it was decided, and its reviews."""

    subject: Annotated[str, Field(description="The decision, as `decision:key`.")]
    title: Annotated[str | None, Field(description="The title.")]
    decided_at: Annotated[At | None, Field(description="The time from which it was in effect; null if open.")]
    recorded_at: Annotated[At | None, Field(description="The time at which that was recorded.")]
    then: Annotated[KnownThen | None, Field(description="What was known then; null if it is not decided.")]
    reasoning: Annotated[ReviewFinding | None, Field(description="The review of the reasoning; null if there is none.")]
    result: Annotated[ReviewFinding | None, Field(description="The review of the result; null if none or hidden.")]
    result_hidden: Annotated[
        bool, Field(description="Whether the result is left out because the reasoning has not been reviewed.")
    ]


class DecisionReview(TableAnswer, ReviewSummary):
    """A decision for its review: what was known then, how it was reasoned, and what came of it."""

    rows: Annotated[list[ExpectedOutcomeRow], Field(description="What was expected, with what came of it if shown.")]


class CurvePoint(TypedDict):
    """A point of the reliability curve. All but `count` are in percent."""

    probability: Annotated[int, Field(description="A probability that was given.")]
    count: Annotated[int, Field(description="How many forecasts gave it.")]
    observed: Annotated[float, Field(description="How often such forecasts came true, by isotonic regression.")]
    low: Annotated[
        float, Field(description="The lower end of the range expected by chance if the forecasts are calibrated.")
    ]
    high: Annotated[float, Field(description="The upper end of that range.")]


class ScoreParts(TypedDict):
    """The parts of a Brier score: miscalibration − discrimination + uncertainty."""

    miscalibration: Annotated[float, Field(description="How far the probabilities are from what came true.")]
    discrimination: Annotated[float, Field(description="How well they distinguish what comes true from what does not.")]
    uncertainty: Annotated[float, Field(description="How hard the questions were.")]


class CalibrationScore(TypedDict):
    """How good forecasts were."""

    score: Annotated[float | None, Field(description="The Brier score: 0 is perfect, always saying 50% gives 0.25.")]
    low: Annotated[float | None, Field(description="The lower end of its 90% interval.")]
    high: Annotated[float | None, Field(description="The upper end of that interval.")]
    climate: Annotated[float | None, Field(description="The score of always saying how often they came true.")]
    parts: Annotated[ScoreParts | None, Field(description="Its parts; null below 30 forecasts.")]


class CalibrationSummary(CalibrationScore):
    """Whose forecasts were scored, and how good they were, as far as it is shown."""

    who: Annotated[str | None, Field(description="The person; null for all together.")]
    shown: Annotated[bool, Field(description="Whether the score is shown to the caller.")]
    why_not: Annotated[str | None, Field(description="Why it is not shown; null if it is.")]
    counts: Annotated[
        dict[str, int], Field(description="How many forecasts are `counted`, and how many are not, by the reason.")
    ]


class Calibration(TableAnswer, CalibrationSummary):
    """How good the forecasts of a person, or of all people together, were; the rows are the reliability curve."""

    rows: Annotated[list[CurvePoint], Field(description="The curve; empty below 30 forecasts.")]
