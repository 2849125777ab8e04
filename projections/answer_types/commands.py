"""The results of commands."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At
from projections.answer_types.problems import Problem


class RecordedEvent(TypedDict):
    """A recorded event."""

    position: Annotated[int, Field(description="The position in the log.")]
    subject: Annotated[str, Field(description="The subject in whose stream it is.")]
    version: Annotated[int, Field(description="The version of the subject after the event.")]
    type: Annotated[str, Field(description="The stored name, such as `DecisionAccepted.v1`.")]
    recorded_at: Annotated[At, Field(description="The time at which it was recorded.")]


class Receipt(TypedDict):
    """The result of a transaction."""

    position: Annotated[
        int, Field(description="The last position written; pass it as `min_position` to read your own write.")
    ]
    subject: Annotated[str, Field(description="The subject of the first command.")]
    version: Annotated[int, Field(description="The current version of that subject; also the ETag.")]
    recorded: Annotated[list[RecordedEvent], Field(description="The recorded events, in order.")]
    replayed: Annotated[
        bool, Field(description="Whether this repeats the result of an earlier request with the same idempotency key.")
    ]


class Outcome(TypedDict):
    """The result of one transaction of a bulk request: a receipt or a problem."""

    receipt: NotRequired[Annotated[Receipt, Field(description="The receipt, if it was recorded.")]]
    refused: NotRequired[Annotated[Problem, Field(description="The problem, if it was refused.")]]


class Outcomes(TypedDict):
    """The results of a bulk request."""

    results: Annotated[list[Outcome], Field(description="The result of each transaction, in the order of the request.")]
