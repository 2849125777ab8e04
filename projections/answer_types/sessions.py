"""Sessions and sign-in links."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At, TableAnswer


class SessionRow(TypedDict):
    """A session: a person who signed in with a browser."""

    id: Annotated[str, Field(description="The id, which is needed to end it.")]
    person: Annotated[str, Field(description="The person who signed in.")]
    current: Annotated[bool, Field(description="Whether this request was made in this session.")]
    provider: Annotated[str | None, Field(description="The OpenID provider; null for a sign-in link.")]
    created_at: Annotated[At, Field(description="The time of the sign-in.")]
    used_at: Annotated[At, Field(description="The time of the last request, accurate to a few minutes.")]
    expires_at: Annotated[At, Field(description="The time at which it ends, even if it is in use.")]


class Sessions(TableAnswer):
    """The sessions of a person, newest first."""

    rows: Annotated[list[SessionRow], Field(description="The sessions.")]


class MadeSignInLink(TypedDict):
    """A new sign-in link."""

    person: Annotated[str, Field(description="The person who can sign in with it.")]
    url: Annotated[str, Field(description="The link. It works once, and is shown only in this answer.")]
    expires_at: Annotated[At, Field(description="The time until which it works.")]


class EndedSessions(TypedDict):
    """How many sessions were ended."""

    ended: Annotated[int, Field(description="The number of sessions that were ended.")]
