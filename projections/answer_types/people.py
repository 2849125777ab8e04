"""People in the directory."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import TableAnswer


class PersonRow(TypedDict):
    """A person in the directory."""

    id: Annotated[str, Field(description="The id, as `person:key`.")]
    name: Annotated[str | None, Field(description="The display name; null if it was erased.")]
    spellings: Annotated[list[str], Field(description="All names, email addresses and handles of the person.")]
    merged_into: NotRequired[
        Annotated[str, Field(description="The id of the person whom this one was found to be, and who is kept.")]
    ]


class People(TableAnswer):
    """The people in the directory."""

    rows: Annotated[list[PersonRow], Field(description="The people.")]
