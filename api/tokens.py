"""Tokens over HTTP, for whoever has the right to administer; the command line beside a server comes in here too."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from api.security import Speaker
from api.services import Served, Services
from domain.errors import Forbidden, Malformed, Unknown
from domain.values import format_micros, is_subject, kind_of
from eventlog.entry import Caller
from eventlog.tokens import MAY_ADMINISTER, Token


class NewToken(BaseModel):
    """Who is to have a token, and what it may do."""

    model_config = ConfigDict(extra="forbid")

    holder: str = Field(
        min_length=1, max_length=300,
        description="A person, by id or any name the directory knows, or a service, `service:KEY`.",
    )  # fmt: skip
    rights: tuple[str, ...] = Field(
        (), max_length=10, description="`import`, `forget`, `administer`; none to record and read."
    )
    label: str = Field("", max_length=200, description="What it is for.")


class ListedToken(BaseModel):
    """A token as it is listed; its secret is known to nobody."""

    id: str
    actor: str
    rights: list[str]
    label: str
    created_at: str
    revoked_at: str | None


class CreatedToken(BaseModel):
    """A new token. The secret is told this once."""

    id: str
    actor: str
    secret: str


def router() -> APIRouter:
    """The routes of tokens."""
    routes = APIRouter(prefix="/tokens", tags=["Tokens"])

    @routes.post("", status_code=201, summary="Make a token")
    async def create(wanted: NewToken, served: Served, speaker: Speaker) -> CreatedToken:
        """Makes a token; its secret is in the answer and nowhere else."""
        _must_administer(speaker)
        actor = holder_of(served, wanted.holder)
        token, secret = served.log.tokens.create(actor, rights=wanted.rights, label=wanted.label)
        return CreatedToken(id=token, actor=actor, secret=secret)

    @routes.get("", summary="All tokens there ever were")
    async def listed(served: Served, speaker: Speaker) -> dict[str, list[ListedToken]]:
        """Lists tokens, oldest first, without their secrets."""
        _must_administer(speaker)
        return {"tokens": [ListedToken(**shown(token)) for token in served.log.tokens.all()]}

    @routes.post("/{id}/revoke", status_code=204, summary="Revoke a token")
    async def revoke(id: str, served: Served, speaker: Speaker) -> None:  # noqa: A002  (what the caller sees)
        """Makes a token worthless from now on; a second time changes nothing."""
        _must_administer(speaker)
        served.log.tokens.revoke(id)

    return routes


def holder_of(served: Services, holder: str) -> str:
    """The actor a token is to speak as.

    Raises:
        Unknown: nobody goes by this name, or the log knows no such person.
        Malformed: it is neither a person nor a service.
    """
    actor = served.somebody(holder, "holder")
    if not is_subject(actor) or kind_of(actor) not in ("person", "service"):
        raise Malformed("a token is for a person or for service:KEY", field="holder")
    if kind_of(actor) == "person" and not served.log.state(actor).version:
        raise Unknown(f"the log knows no {actor}", field="holder")
    return actor


def shown(token: Token) -> dict[str, Any]:
    """A token as it is listed."""
    return {
        "id": token.id, "actor": token.actor, "rights": sorted(token.rights), "label": token.label,
        "created_at": format_micros(token.created_at),
        "revoked_at": None if token.revoked_at is None else format_micros(token.revoked_at),
    }  # fmt: skip


def _must_administer(speaker: Caller) -> None:
    if MAY_ADMINISTER not in speaker.rights:
        raise Forbidden("only a token with the right to administer may do this")
