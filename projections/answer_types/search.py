"""What a search found."""

from typing import Annotated

from pydantic import Field

from projections.answer_types.parts import SubjectField, TableAnswer


class SearchHit(SubjectField):
    """A text that contains the words of a search."""

    position: Annotated[int, Field(description="The position of the event that contains the text.")]
    snippet: Annotated[str, Field(description="An excerpt in which each match is between « and ».")]
    current: Annotated[bool, Field(description="Whether the field still has this text.")]


class SearchResults(TableAnswer):
    """The texts that a search found, best match first."""

    rows: Annotated[list[SearchHit], Field(description="The texts.")]
