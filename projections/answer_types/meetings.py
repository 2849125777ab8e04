"""The minutes of meetings."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At, TableAnswer, TitledSubject

MinuteKind = Literal["advice", "dissent", "approval", "abstention", "decision", "task", "other"]
"""What an item of the minutes of a meeting is."""


class MinuteRow(TitledSubject):
    """Something that was recorded at a meeting."""

    kind: Annotated[MinuteKind, Field(description="What it is.")]
    type: Annotated[str, Field(description="The type of the event, such as `DecisionAccepted`.")]
    people: Annotated[list[str], Field(description="The people who said or decided it, or who own the task.")]
    said: Annotated[str | None, Field(description="The advice, the decision or the task; null if there is no text.")]
    why: Annotated[str | None, Field(description="The reason; null if none was given.")]
    due_on: Annotated[str | None, Field(description="Tasks only: the day by which the task is due.")]
    status: Annotated[str | None, Field(description="The status of the subject at the time asked.")]
    unconfirmed: Annotated[
        list[str],
        Field(description="Those of `people` for whom another person recorded it, and who have not confirmed it."),
    ]
    at: Annotated[At, Field(description="The time at which it took effect.")]
    position: Annotated[int, Field(description="The position of the event.")]


class MinutesSummary(TypedDict):
    """A meeting: its plan and its attendees."""

    subject: Annotated[str, Field(description="The meeting.")]
    status: Annotated[str | None, Field(description="`planned`, `held` or `canceled`.")]
    held_on: Annotated[str | None, Field(description="The day of the meeting.")]
    agenda: Annotated[list[str], Field(description="The decisions on the agenda, in order.")]
    invited: Annotated[list[str], Field(description="The people who were invited.")]
    attendees: Annotated[list[str], Field(description="The people who attended.")]
    notes: Annotated[str | None, Field(description="What else was said, or is to be discussed.")]
    recorded_by: Annotated[list[str], Field(description="Who wrote it up.")]
    claims: Annotated[int, Field(description="The number of items with unconfirmed people.")]


class Minutes(TableAnswer, MinutesSummary):
    """The minutes of a meeting: everything recorded in one transaction with it."""

    rows: Annotated[list[MinuteRow], Field(description="The items, in order.")]
