"""Targets that moved, and what made them move."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.changes import FieldChangeRow
from projections.answer_types.parts import At, Blame, Direction, FieldValue, SubjectField, TableAnswer, Value

SlipReason = Literal["decision", "assumption", "dependency", "reason", "none"]
"""What made a target move."""


class Slip(SubjectField):
    """A target that moved: the release or day of a feature, or the due date of a release or a goal."""

    count: Annotated[int, Field(description="The number of matching moves.")]
    later: Annotated[int, Field(description="The number of moves to a later date or release.")]
    earlier: Annotated[int, Field(description="The number of moves to an earlier date or release.")]
    first: Annotated[FieldValue, Field(description="The first target.")]
    now: Annotated[FieldValue, Field(description="The current target.")]
    against_first: Annotated[
        Direction,
        Field(description="The current target compared with the first; `unchanged` if they are equal."),
    ]
    moves: Annotated[
        list[FieldChangeRow], Field(description="The matching moves, in order, each compared with the last target.")
    ]


class SlipTotals(TypedDict):
    """The number of moves of all targets that were asked about."""

    later: Annotated[int, Field(description="The number of moves to a later date or release.")]
    earlier: Annotated[int, Field(description="The number of moves to an earlier date or release.")]


class SlipSummary(TypedDict):
    """How often all targets moved."""

    totals: Annotated[SlipTotals, Field(description="All moves, including those that `min_count` leaves out.")]


class Slips(TableAnswer, SlipSummary):
    """Targets that moved, most frequent first."""

    rows: Annotated[list[Slip], Field(description="The targets.")]


class SlipCause(SubjectField):
    """One move of a target or a release to a later date."""

    before: Annotated[Value, Field(description="The target before the move; if it was cleared, the last one.")]
    after: Annotated[Value, Field(description="The target after the move.")]
    first: Annotated[Value, Field(description="The first target: what was promised first.")]
    days: Annotated[int | None, Field(description="The days by which it moved; null if it is not a date.")]
    days_from_first: Annotated[int | None, Field(description="The days from the first target; null if not a date.")]
    cause: Annotated[SlipReason, Field(description="The kind of cause.")]
    because: Annotated[
        list[str], Field(description="The assumption or dependency that it names, and what it is based on.")
    ]
    reason: Annotated[str | None, Field(description="The reason that the move itself gives; null if none.")]
    owners: Annotated[list[str], Field(description="Who was accountable for it at that time.")]
    quarter: Annotated[str, Field(description="The quarter in which it moved, such as `2026-Q2`.")]
    at: Annotated[At, Field(description="The time from which the new target was in effect.")]
    position: Annotated[int, Field(description="The position of the event that moved it.")]
    blame: Annotated[Blame, Field(description="Who moved it, when and why.")]


class SlipCauseCounts(TypedDict):
    """How many moves to a later date there were, by cause."""

    counts: Annotated[dict[SlipReason, int], Field(description="The number of moves by cause.")]


class SlipCauses(TableAnswer, SlipCauseCounts):
    """Each move of a target or a release to a later date, in order."""

    rows: Annotated[list[SlipCause], Field(description="The moves.")]


class SlipCount(TypedDict):
    """The number of moves to a later date in one group."""

    group: Annotated[str | None, Field(description="The cause, release, owner or quarter; null if there is none.")]
    count: Annotated[int, Field(description="The number of moves.")]
    decision: Annotated[int, Field(description="Those based on a decision.")]
    assumption: Annotated[int, Field(description="Those that name an assumption or evidence.")]
    dependency: Annotated[int, Field(description="Those that name a feature, release or other subject to wait for.")]
    reason: Annotated[int, Field(description="Those that give only a reason in words.")]
    none: Annotated[int, Field(description="Those that give no reason.")]


class SlipCounts(TableAnswer):
    """How many moves to a later date there were in each group."""

    rows: Annotated[list[SlipCount], Field(description="The groups.")]
