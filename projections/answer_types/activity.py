"""The whole audit trail: entries of the log and rows of the access journal."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At, TableAnswer


class ActivityRow(TypedDict):
    """An entry of the log, or a row of the access journal."""

    at: Annotated[
        At, Field(description="The time of recording; for a row of the journal, the time of the first attempt.")
    ]
    source: Annotated[Literal["log", "access"], Field(description="`log` for an entry, `access` for a row.")]
    kind: Annotated[
        str,
        Field(description="The type of the event, such as `RoleGranted.v1`, or the kind of access, such as `denied`."),
    ]
    who: Annotated[str | None, Field(description="The person or service, according to the token; null if unknown.")]
    on_behalf_of: Annotated[str | None, Field(description="The person on whose behalf it was; null if there is none.")]
    credential: Annotated[str | None, Field(description="The id of the token or session; null if unknown.")]
    subject: Annotated[str | None, Field(description="The subject of the event; null for access.")]
    what: Annotated[str | None, Field(description="The method and path of a request; null for an event.")]
    because: Annotated[
        list[str], Field(description="The decisions and the like behind the event, by id; empty for access.")
    ]
    reason: Annotated[
        str | None, Field(description="Why it was refused, or the reason or note of the event; null without one.")
    ]
    mentions: Annotated[
        list[str],
        Field(description="The ids of the people and subjects that `what` and `reason` name; empty for an event."),
    ]
    times: Annotated[int, Field(description="The number of identical attempts within about a second; 1 for an event.")]
    position: Annotated[int | None, Field(description="The position of the entry; null for access.")]
    number: Annotated[int | None, Field(description="The number of the row of the journal; null for an event.")]


class ActivityCounts(TypedDict):
    """How much there is of what matches, on all pages."""

    types: Annotated[dict[str, int], Field(description="The number of events of each type.")]
    kinds: Annotated[dict[str, int], Field(description="The number of attempts of each kind of access.")]


class Activity(TableAnswer, ActivityCounts):
    """Events and access by time of recording, newest first."""

    rows: Annotated[list[ActivityRow], Field(description="The events and the access.")]
