"""The server: its health, its version, and its catalog of commands and events."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At


class Positions(TypedDict):
    """How far the log and its read model are."""

    position: Annotated[int, Field(description="The number of entries in the log.")]
    read_model: Annotated[int, Field(description="The position that answers of the read model cover.")]
    lag: Annotated[int, Field(description="The number of entries that the read model is behind.")]


class Health(Positions):
    """Whether the server can answer."""

    status: Annotated[
        Literal["ok", "degraded", "behind"],
        Field(
            description="`ok`, `degraded` while expensive queries have to wait, or `behind` while no projector brings the "
            "read model up to date, or no process keeps a replica; a failure is answered with 503."
        ),
    ]


class Worker(TypedDict):
    """A process that publishes the log, or feeds it."""

    name: Annotated[str, Field(description="The kind of process: `publisher`, `consumer`, ...")]
    place: Annotated[str, Field(description="The topic or database that it works on.")]
    working: Annotated[
        bool, Field(description="Whether it works: it reported within the last seconds, and has no current error.")
    ]
    position: Annotated[int, Field(description="The last position that it has processed.")]
    lag: Annotated[int, Field(description="The number of entries or messages that it has left.")]
    seen_at: Annotated[At, Field(description="The time of its last report.")]
    error: Annotated[str | None, Field(description="Its last error, which may be over.")]
    error_at: Annotated[At | None, Field(description="The time of that error.")]


class Status(Positions):
    """The log, the read model, and the processes that publish or feed the log."""

    workers: Annotated[list[Worker], Field(description="Every process that ever reported; empty without a stream.")]


class Version(TypedDict):
    """The version of the server."""

    service: Annotated[str, Field(description="`decisionlog`.")]
    version: Annotated[str, Field(description="The version of the program.")]
    api: Annotated[str, Field(description="The version of the HTTP interface.")]


class Catalog(TypedDict):
    """All commands and events."""

    commands: Annotated[dict[str, str], Field(description="The description of each command, by name.")]
    events: Annotated[dict[str, list[str]], Field(description="The fields of each event, by stored name.")]
