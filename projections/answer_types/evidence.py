"""What rests on evidence and assumptions, and what waited for them."""

from typing import Annotated, Literal

from pydantic import Field

from projections.answer_types.parts import At, TableAnswer, TitledSubject, Value

ArrivalReason = Literal[
    "evidence_recorded", "assumption_confirmed", "assumption_broken", "decision_settled", "release_due", "day_reached"
]
"""What a deferred decision waited for has happened."""

GroundStance = Literal["for", "against", "under"]
"""How a ground bears on a subject."""
FlagReason = Literal[
    "broken_assumption", "withdrawn_evidence", "superseded_evidence", "expired_evidence", "unchecked_assumption"
]
"""What is wrong with a ground."""


class FlagRow(TitledSubject):
    """A subject, or one of its fields, that rests on a ground that no longer holds."""

    field: Annotated[str | None, Field(description="The field of the roadmap; null for the whole subject.")]
    reason: Annotated[FlagReason, Field(description="What is wrong with the ground.")]
    cause: Annotated[str, Field(description="The ground: an assumption or a piece of evidence.")]
    through: Annotated[
        list[str], Field(description="The decisions and assumptions that lead from the ground to it; empty if direct.")
    ]
    since: Annotated[At, Field(description="The time from which it rests on a ground that does not hold.")]
    position: Annotated[
        int | None,
        Field(description="The position of the event that ended the ground; null if a date has passed."),
    ]
    accountable: Annotated[list[str], Field(description="The people or teams accountable for it.")]


class ArrivalRow(TitledSubject):
    """A deferred decision, and something it waited for that has come."""

    reason: Annotated[ArrivalReason, Field(description="What has happened.")]
    awaited: Annotated[str | None, Field(description="What it waited for; null for a day.")]
    since: Annotated[At, Field(description="The time from which the wait is over.")]
    accountable: Annotated[list[str], Field(description="The people or teams accountable for it.")]


class GroundRow(TitledSubject):
    """Evidence or an assumption behind a subject."""

    stance: Annotated[
        GroundStance, Field(description="Evidence `for` or `against` the subject, or an assumption `under` it.")
    ]
    status: Annotated[Value, Field(description="The status; null if it has none.")]
    kind: Annotated[Value, Field(description="The kind of evidence, such as `research`; null for an assumption.")]
    strength: Annotated[Value, Field(description="How strong the evidence is; null if not stated.")]
    valid_until: Annotated[Value, Field(description="The last day on which the evidence is valid; null if unlimited.")]
    confidence: Annotated[
        Value, Field(description="How likely the assumption is to be true, in percent; null if not stated.")
    ]
    check_on: Annotated[Value, Field(description="The day on which to check the assumption; null if none.")]


class Flags(TableAnswer):
    """What rests on grounds that no longer hold, the oldest first."""

    rows: Annotated[list[FlagRow], Field(description="The flags.")]


class Arrivals(TableAnswer):
    """Deferred decisions whose wait is over, the oldest first."""

    rows: Annotated[list[ArrivalRow], Field(description="The decisions, one row for each thing that has arrived.")]
