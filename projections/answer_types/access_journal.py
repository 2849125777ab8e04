"""The access journal."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At, TableAnswer


class AccessJournalRow(TypedDict):
    """A row of the access journal."""

    number: Annotated[int, Field(description="The number of the row; numbers have no gaps.")]
    at: Annotated[At, Field(description="The time of the first of the attempts.")]
    kind: Annotated[
        str, Field(description="`sign-in`, `denied`, `refused` (a command), `export`, `audit`, or `lost` (rows).")
    ]
    who: Annotated[str | None, Field(description="The person or service; null if unknown.")]
    credential: Annotated[str | None, Field(description="The id of their token or session; null if unknown.")]
    what: Annotated[str | None, Field(description="The method and path; null for a sign-in.")]
    reason: Annotated[str | None, Field(description="Why it was refused; null if it was not.")]
    mentions: Annotated[
        list[str], Field(description="The ids of the people and subjects that `what` and `reason` name.")
    ]
    times: Annotated[int, Field(description="The number of identical attempts within about a second.")]


class AccessJournal(TableAnswer):
    """Rows of the access journal, newest first."""

    rows: Annotated[list[AccessJournalRow], Field(description="The rows.")]
