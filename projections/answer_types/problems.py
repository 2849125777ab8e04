"""Problem documents."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict


class FieldProblem(TypedDict):
    """What is wrong with one field."""

    field: Annotated[str, Field(description="The path of the field; empty for the whole.")]
    detail: Annotated[str, Field(description="What is wrong with it, and how to fix it.")]


class Problem(TypedDict):
    """A problem document (RFC 9457)."""

    type: Annotated[str, Field(description="The type of problem, as `urn:decisionlog:problem:TYPE`.")]
    title: Annotated[str, Field(description="The type in words.")]
    status: Annotated[int, Field(description="The HTTP status.")]
    detail: Annotated[str, Field(description="What is wrong, and how to fix it.")]
    field: NotRequired[
        Annotated[str | None, Field(description="The path of the first field, parameter or header that is wrong.")]
    ]
    subject: NotRequired[Annotated[str | None, Field(description="The subject that the problem is about.")]]
    version: NotRequired[Annotated[int | None, Field(description="The current version of that subject.")]]
    errors: NotRequired[Annotated[list[FieldProblem] | None, Field(description="Every field that is wrong.")]]
