"""Changes of fields, one by one, counted, and between two times."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.fields import WithState
from projections.answer_types.parts import (
    Absence,
    At,
    Blame,
    Direction,
    FieldValue,
    ListDifference,
    SubjectField,
    TableAnswer,
    Value,
)


class FieldChange(ListDifference):
    """One change of one field."""

    field: Annotated[str, Field(description="The name of the field.")]
    before: Annotated[FieldValue, Field(description="The value before the change.")]
    after: Annotated[FieldValue, Field(description="The value after the change.")]
    direction: Annotated[Direction, Field(description="The kind of change.")]
    at: Annotated[At, Field(description="The time at which the change took effect.")]
    ended: Annotated[
        bool, Field(description="Whether the value ended because its period was over; there is no event for that.")
    ]


class NextValue(FieldValue):
    """The value that followed another one."""

    position: Annotated[int, Field(description="The position of the event that ended the earlier value.")]


class Held(TypedDict):
    """How long a value held."""

    until: Annotated[At | None, Field(description="The time of the next change to another value; null if it holds.")]
    days: Annotated[
        float,
        Field(
            description="The duration in days of 24 hours; for a value that still holds, up to the time of the answer."
        ),
    ]
    next: Annotated[NextValue | None, Field(description="The value that followed; null if it still holds.")]


class FieldChangeRow(FieldChange, SubjectField, WithState):
    """One change of one field of a subject, with the event that made it."""

    position: Annotated[int, Field(description="The position of the event that made the change.")]
    held: NotRequired[
        Annotated[Held, Field(description="How long the value of the change held; present if asked for.")]
    ]
    blame: Annotated[Blame, Field(description="Who made the change, when and why.")]


class VoidedEvent(TypedDict):
    """An event that was voided."""

    position: Annotated[int, Field(description="The position of the voided event.")]
    reason: Annotated[str, Field(description="Why it was voided.")]
    blame: Annotated[Blame, Field(description="Who voided it, when and why.")]


class FieldDifference(ListDifference, SubjectField):
    """A field whose values at two times differ."""

    before: Annotated[FieldValue, Field(description="The value at the first time.")]
    after: Annotated[FieldValue, Field(description="The value at the second time.")]
    direction: Annotated[Direction, Field(description="The kind of change, all changes taken together.")]
    missing_before: NotRequired[
        Annotated[
            Absence,
            Field(description="Why the subject has no value at the first time: it did not exist yet, or was removed."),
        ]
    ]
    missing_after: NotRequired[
        Annotated[
            Absence,
            Field(description="Why the subject has no value at the second time: it did not exist yet, or was removed."),
        ]
    ]
    changes: Annotated[list[FieldChangeRow], Field(description="The changes between the two times, in order.")]
    voided: Annotated[list[VoidedEvent], Field(description="The events on this field that were voided in between.")]


_FromValue = TypedDict(
    "_FromValue",
    {"from": NotRequired[Annotated[Value, Field(description="The value before the changes; null if there is none.")]]},
)


class FieldChangeCount(_FromValue):
    """A number of changes; the other keys are those that `group` names."""

    subject: NotRequired[Annotated[str, Field(description="The subject.")]]
    field: NotRequired[Annotated[str, Field(description="The name of the field.")]]
    direction: NotRequired[Annotated[Direction, Field(description="The kind of change.")]]
    actor: NotRequired[Annotated[str, Field(description="Who recorded the changes.")]]
    principal: NotRequired[Annotated[str, Field(description="On whose behalf they were recorded.")]]
    kind: NotRequired[Annotated[str | None, Field(description="The kind of the subject.")]]
    product: NotRequired[Annotated[str | None, Field(description="A product of the subject; null if it has none.")]]
    from_source_value: NotRequired[Annotated[str | None, Field(description="The source value before the changes.")]]
    to: NotRequired[Annotated[Value, Field(description="The value after the changes; null if there is none.")]]
    to_source_value: NotRequired[Annotated[str | None, Field(description="The source value after the changes.")]]
    year: NotRequired[Annotated[str | None, Field(description="The year in UTC, such as `2024`.")]]
    quarter: NotRequired[Annotated[str | None, Field(description="The quarter in UTC, such as `2024-Q1`.")]]
    month: NotRequired[Annotated[str | None, Field(description="The month in UTC, such as `2024-03`.")]]
    week: NotRequired[Annotated[str | None, Field(description="The ISO 8601 week in UTC, such as `2024-W09`.")]]
    count: Annotated[int, Field(description="The number of changes.")]


class FieldChangeTable(TableAnswer):
    """Changes of fields, in the order in which they took effect."""

    rows: Annotated[list[FieldChangeRow], Field(description="The changes.")]


class FieldChangeCounts(TableAnswer):
    """Numbers of changes, largest first; numbers by year, quarter, month or week in chronological order."""

    rows: Annotated[list[FieldChangeCount], Field(description="The counts.")]


class Since(TypedDict):
    """The first of two times."""

    position: Annotated[int, Field(description="The position of the log that it covers.")]
    as_of: Annotated[At, Field(description="The valid time.")]
    known_at: Annotated[At | None, Field(description="The transaction time; null if everything is included.")]


ComparedTimes = TypedDict("ComparedTimes", {"from": Annotated[Since, Field(description="The first time.")]})


class Changes(TableAnswer, ComparedTimes):
    """The differences between two times; `as_of` and `known_at` are the second."""

    rows: Annotated[list[FieldDifference], Field(description="The fields that differ.")]
