"""The log."""

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At


class Head(TypedDict):
    """The head of the log."""

    log: Annotated[str, Field(description="The id of the log.")]
    size: Annotated[int, Field(description="The number of entries, which is the last position.")]
    root: Annotated[str, Field(description="The root of the Merkle tree over all entries (RFC 6962), in hex.")]
    recorded_at: Annotated[At, Field(description="The time at which the last entry was recorded.")]
    read_model: Annotated[int, Field(description="The position that answers of the read model cover.")]


class Entry(TypedDict):
    """An entry in the form that is hashed."""

    entry: Annotated[
        dict[str, Any], Field(description="The entry. In JSON Lines it is in its canonical form, byte for byte.")
    ]
    leaf: Annotated[str, Field(description="The SHA-256 of a zero byte and the canonical entry, in hex.")]
    texts: Annotated[
        dict[str, Annotated[list[str], Field(min_length=2, max_length=2)]],
        Field(description="Its texts that were not erased, each as a pair of salt and text, by JSON pointer."),
    ]
