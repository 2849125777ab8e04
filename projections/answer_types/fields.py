"""Fields of subjects: their values, and how often each occurs."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import FieldState, FieldValue, SubjectField, TableAnswer, Value


class WithState(TypedDict):
    """What other fields of the subject are, or were at the time of a change."""

    state: NotRequired[
        Annotated[dict[str, FieldValue], Field(description="The fields that `show` names; present if asked for.")]
    ]


class FieldRow(FieldState, SubjectField, WithState):
    """A field of a subject with its value."""


class FieldCount(TypedDict):
    """A number of fields; the other key is the one that `group` names."""

    holder: NotRequired[Annotated[str | None, Field(description="The person or team that the value names.")]]
    value: NotRequired[Annotated[Value, Field(description="The value.")]]
    source_value: NotRequired[Annotated[str | None, Field(description="The value in the source system.")]]
    field: NotRequired[Annotated[str | None, Field(description="The name of the field.")]]
    kind: NotRequired[Annotated[str | None, Field(description="The kind of the subject.")]]
    product: NotRequired[Annotated[str | None, Field(description="A product of the subject.")]]
    subject: NotRequired[Annotated[str | None, Field(description="The subject.")]]
    count: Annotated[int, Field(description="The number of fields.")]


class FieldTable(TableAnswer):
    """Fields, by subject and name."""

    rows: Annotated[list[FieldRow], Field(description="The fields.")]


class FieldCounts(TableAnswer):
    """Numbers of fields, largest first."""

    rows: Annotated[list[FieldCount], Field(description="The counts.")]
