"""Progress reports."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At, Blame, Direction, FieldValue, ReasonKind, TableAnswer, TitledSubject

Section = Literal[
    "goals",
    "releases",
    "course",
    "decisions",
    "shipped",
    "slipped",
    "overdue",
    "dropped",
    "moved",
    "handed_over",
    "next",
    "waiting",
    "unowned",
    "undecided",
    "late",
]
"""The sections of a progress report, in its order."""


GoalValue = Literal["baseline", "target", "current", "unit"]
"""The values of a goal, in the order of a progress report."""


class ReportChange(TypedDict):
    """A field that changed, or its value at the end of the period."""

    field: Annotated[str, Field(description="The name of the field, such as `status` or `target.ship`.")]
    before: NotRequired[
        Annotated[FieldValue, Field(description="The value before; missing if the field did not change.")]
    ]
    after: Annotated[FieldValue, Field(description="The value after the change, or at the end of the period.")]
    direction: NotRequired[
        Annotated[Direction, Field(description="The kind of change; missing if the field did not change.")]
    ]


class ReportSlips(TypedDict):
    """How often a target moved."""

    later: Annotated[
        int, Field(description="The number of moves to a later date, from the first target to the end of the period.")
    ]
    first: Annotated[FieldValue | None, Field(description="The first target; null if none was understood.")]


class ReportReason(TypedDict):
    """Why an event happened. A reason is never that of something else."""

    kind: Annotated[
        ReasonKind,
        Field(description="Whether the event states its reason, inherits that of a decision it cites, or has none."),
    ]
    text: Annotated[str | None, Field(description="Its own reason, or that of the first decision it cites.")]
    decisions: Annotated[
        list[str],
        Field(description="The decisions that it cites; if it is inherited and there are none, you may not read them."),
    ]


class ReleaseFeatures(TypedDict):
    """The features of a release."""

    planned: Annotated[int, Field(description="The number of features that have the release as a target.")]
    shipped: Annotated[int, Field(description="How many of them were shipped.")]


class GoalOutcome(TypedDict):
    """What a decision or feature for a goal was expected to bring, and what came of it."""

    subject: Annotated[str, Field(description="The decision or feature.")]
    measure: Annotated[str, Field(description="What is measured.")]
    expected: Annotated[str, Field(description="The value or state that counts as met.")]
    due_on: Annotated[str, Field(description="The date by which it is expected.")]
    by: Annotated[str, Field(description="The person who expected it.")]
    result: Annotated[str | None, Field(description="`met`, `not-met` or `unclear`; null if not recorded.")]
    actual: Annotated[str | None, Field(description="The value that was measured; null if there is none.")]
    judged_by: Annotated[str | None, Field(description="The person who judged it; null if no one has.")]
    evidence: Annotated[list[str], Field(description="The evidence for the result.")]


class ReportVoid(TypedDict):
    """By whom the issue of a report was voided, and why."""

    position: Annotated[int, Field(description="The position at which it was voided.")]
    by: Annotated[str, Field(description="Who voided it.")]
    at: Annotated[At, Field(description="When it was voided.")]
    why: Annotated[str, Field(description="The reason.")]


class ReportIssue(TypedDict):
    """By whom a report was issued."""

    position: Annotated[int, Field(description="The position at which it was issued.")]
    by: Annotated[str, Field(description="Who issued it.")]
    at: Annotated[At, Field(description="When it was issued.")]
    summary: Annotated[str | None, Field(description="The summary of who issued it; null if there is none.")]
    voided: NotRequired[
        Annotated[ReportVoid, Field(description="Who voided it since; the report stays as it was issued.")]
    ]


class ReportLine(TitledSubject):
    """A line of a progress report."""

    section: Annotated[Section, Field(description="The section of the report.")]
    at: Annotated[At, Field(description="The time at which it took effect.")]
    by: Annotated[list[str], Field(description="Who decided it, or on whose behalf it was recorded.")]
    reason: Annotated[ReportReason, Field(description="Why the event of this line happened.")]
    weight: Annotated[int, Field(description="Lines with a larger weight come first in a section about the past.")]
    changes: Annotated[list[ReportChange], Field(description="The fields that the line is about.")]
    blame: Annotated[Blame, Field(description="The event: who recorded it, based on what, with which note.")]
    link: Annotated[str, Field(description="The path of the subject.")]
    current: NotRequired[
        Annotated[
            bool,
            Field(
                description="Whether the fields still have these values at the end of the period; missing if they do."
            ),
        ]
    ]
    slips: NotRequired[
        Annotated[
            ReportSlips,
            Field(
                description="For a slipped target, a release, or a goal whose date slipped: how often, and from where."
            ),
        ]
    ]
    due: NotRequired[
        Annotated[str, Field(description="The day on which it is due at the end of the period, if there is one.")]
    ]
    measure: NotRequired[Annotated[str, Field(description="For a goal: how to measure whether it is met.")]]
    progress: NotRequired[
        Annotated[
            dict[GoalValue, str],
            Field(description="For a goal: its values when it was set, to reach, and last measured, with their unit."),
        ]
    ]
    outcomes: NotRequired[
        Annotated[
            list[GoalOutcome],
            Field(description="For a goal: the expected outcomes of the decisions and features for it, by date."),
        ]
    ]
    features: NotRequired[Annotated[ReleaseFeatures, Field(description="For a release: its features.")]]
    left: NotRequired[
        Annotated[
            list[str],
            Field(description="For what has no accountable person: those who were accountable and have left."),
        ]
    ]
    voids: NotRequired[Annotated[int, Field(description="For a correction: the position of the voided entry.")]]


class ReportContent(TypedDict):
    """What a report is about, and how much there is of it."""

    product: Annotated[str, Field(description="The product, as `product:key`.")]
    title: Annotated[str | None, Field(description="The title of the product; null if it has none.")]
    since: Annotated[At, Field(description="The start of the period.")]
    until: Annotated[At, Field(description="The end of the period, which it excludes; `as_of` is just before it.")]
    counts: Annotated[dict[Section, int], Field(description="The number of lines in each section.")]


class ReportSummary(ReportContent):
    """What a report is about, with the hash by which it can be recognized."""

    sha256: Annotated[str, Field(description="The SHA-256 of its canonical JSON without texts and titles, in hex.")]
    issued: NotRequired[
        Annotated[ReportIssue | None, Field(description="Who issued it, if it was asked for with `issued_at`.")]
    ]


class Report(TableAnswer, ReportSummary):
    """The progress of a product in a period, by section. Its CSV has a line for every field that changed."""

    rows: Annotated[list[ReportLine], Field(description="The lines.")]
