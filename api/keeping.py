"""The log itself, the directory of people, and the tokens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any, Final

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from api import answers
from api.asking import AskedFor, AskedKey, question
from api.bodies import body_as, json_body
from api.problems import HttpProblem, unprocessable
from api.security import Speaker, may
from api.services import Served
from api.v1 import v1
from domain.access import ADMIN_RIGHT
from domain.any_subject import ERASE_RIGHT, IMPORT_RIGHT
from domain.errors import Unknown
from domain.values import MAX_INTEGER, Code, Line, format_micros
from eventlog.log import DecisionLog, RawEntry
from eventlog.tokens import Token
from projections.query import NOW, Row, answer, resolve_time

_AT_ONCE: Final = 1000
_ENTRY_THREADS: Final = 2
_entry_threads: Final = RunVar[CapacityLimiter]("entry_threads")
_ENTRIES: Final[answers.Responses] = {
    200: {
        "description": "An entry as it is proved on each line.",
        "content": {"application/jsonl": {"schema": {"$ref": "#/components/schemas/Entry"}}},
    }
}


class Names(BaseModel):
    """Spellings of somebody for the directory."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"show": "Ann Bee", "identifiers": ["ann@example.org"]}]}
    )

    name: Line | None = Field(None, description="The name to show from now on; the old one is still understood.")
    identifiers: list[Line] = Field(
        default_factory=list, max_length=100, description="E-mails, handles, other spellings."
    )
    move: bool = Field(default=False, description="Take the spellings in `also` from whoever else has them.")


class NewToken(BaseModel):
    """Whom a token is for, and what it may do."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"holder": "Ann Bee", "rights": [], "label": "Laptop"}]}
    )

    holder: Code = Field(description="A person, by id or any name the directory knows, or a service as `service:KEY`.")
    rights: list[Annotated[str, Field(pattern=f"^({IMPORT_RIGHT}|{ERASE_RIGHT}|{ADMIN_RIGHT})$")]] = Field(
        default_factory=list, description=f"`{IMPORT_RIGHT}`, `{ERASE_RIGHT}`, `{ADMIN_RIGHT}`."
    )
    label: str = Field("", max_length=200, description="What it is for.")


def router() -> APIRouter:
    """The routes of what keeps the log."""
    routes = v1("Keep", [Depends(no_write_headers)])
    get, administer = routes.get, [Depends(may(ADMIN_RIGHT))]
    get("/log", summary="The log: its id, size, root and last instant", **answers.declared(answers.Head))(head)
    get("/status", summary="How far everything is that follows the log", **answers.declared(answers.Status))(status)
    get(
        "/log/entries",
        summary="Entries as they are proved, as JSON Lines",
        response_class=StreamingResponse,
        responses=_ENTRIES,
    )(entries)
    get("/log/entries/{position}", summary="One entry as it is proved", **answers.declared(answers.Entry))(entry)
    get("/people", summary="The directory of people", **answers.asked(answers.People))(question(people))
    get("/people/{key}", summary="One person's names", **answers.declared(answers.PersonRow))(person)
    routes.post(
        "/people/{key}/names",
        summary="Add names to a person",
        dependencies=administer,
        openapi_extra=json_body("Names"),
        **answers.declared(answers.PersonRow),
    )(add_names)
    routes.delete(
        "/people/{key}/names",
        summary="Forget a person's names",
        dependencies=administer,
        **answers.declared(answers.PersonRow),
    )(forget_names)
    get("/me", summary="Who you are, as your token says", **answers.declared(answers.Me))(me)
    get("/tokens", summary="All tokens there ever were", dependencies=administer, **answers.asked(answers.Tokens))(
        question(tokens)
    )
    routes.post(
        "/tokens",
        summary="Make a token",
        dependencies=administer,
        status_code=201,
        openapi_extra=json_body("NewToken"),
        **answers.declared(answers.MadeToken, status=201),
    )(create_token)
    routes.delete(
        "/tokens/{key}", summary="Revoke a token", dependencies=administer, **answers.declared(answers.TokenRow)
    )(revoke_token)
    return routes


async def no_write_headers(request: Request) -> None:
    """Refuses headers that only commands honour: who sends one must not believe that it worked."""
    for name in ("Idempotency-Key", "If-Match"):
        if name in request.headers:
            raise HttpProblem(400, f"`{name}` has no meaning here; it is for commands", field=name)


# The log -------------------------------------------------------------------------------------------------------------


def head(served: Served) -> dict[str, Any]:
    """Its size is the last position; its root is that of the Merkle tree (RFC 6962) over all entries, in hex."""
    now = served.log.head()
    return {
        "log": served.log.id, "size": now.size, "root": now.root, "recorded_at": format_micros(now.recorded_at),
        "read_model": served.runner.position,
    }  # fmt: skip


def status(served: Served) -> dict[str, Any]:
    """The read models, and the processes beside the server that publish, take in or copy, with what went wrong last."""
    extent = served.extent()
    workers = [sheet.told(extent["position"], working=working) for sheet, working in served.workers()]
    return {**extent, "workers": workers}


def entries(
    served: Served,
    cursor: Annotated[int, Query(ge=0, le=MAX_INTEGER, description="Begin behind this position.")] = 0,
    limit: Annotated[int | None, Query(ge=1, le=MAX_INTEGER, description="At most this many; all, if silent.")] = None,
) -> StreamingResponse:
    """Each line holds `entry` (canonical, byte for byte), its `leaf` in hex, and the `texts` beside it by JSON pointer."""
    parts = _in_few_threads(_lines(served.log, cursor, limit))
    return StreamingResponse(parts, media_type="application/jsonl")


async def _in_few_threads(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The parts, each read in one of the few threads for this, which leaves the others to short requests."""
    limiter = _entry_threads.get(None) or CapacityLimiter(_ENTRY_THREADS)
    _entry_threads.set(limiter)
    while (part := await to_thread.run_sync(next, parts, None, limiter=limiter)) is not None:
        yield part


def _lines(log: DecisionLog, after: int, limit: int | None) -> Iterator[bytes]:
    left = log.head().size - after if limit is None else limit
    while left > 0:
        found = list(log.raw(after, min(left, _AT_ONCE)))
        if not found:
            return
        yield b"".join(_line(each) + b"\n" for each in found)
        after, left = found[-1].position, left - len(found)


def _line(raw: RawEntry) -> bytes:
    beside = json.dumps(raw.texts, ensure_ascii=False).encode()
    return b'{"entry":%b,"leaf":"%b","texts":%b}' % (raw.entry, raw.leaf.encode(), beside)


def entry(
    served: Served, position: Annotated[int, Path(description="Its place in the log, counted from 1.")]
) -> dict[str, Any]:
    """The entry at a position, with its leaf and its texts."""
    found = list(served.log.raw(position - 1, 1)) if 0 < position <= served.log.head().size else []
    if not found:
        raise HttpProblem(
            404, f"the log ends at position {served.log.head().size}; there is no {position}", field="position"
        )
    shown: dict[str, Any] = json.loads(_line(found[0]))
    return shown


# People --------------------------------------------------------------------------------------------------------------


def people(
    asked: AskedFor,
    served: Served,
    name: Annotated[str | None, Query(max_length=500, description="Only those who go by this name.")] = None,
) -> Response:
    """Everybody the directory knows, with the name to show and every spelling seen."""
    directory = served.book.directory
    found = None if name is None else set(directory.find(name))
    rows: list[Row] = [
        {"id": each.id, "name": each.name, "spellings": list(each.spellings)}
        for each in directory.list_people()
        if found is None or each.id in found
    ]
    return asked(lambda read: answer(resolve_time(read, NOW), rows))


def person(served: Served, key: AskedKey) -> dict[str, Any]:
    """What the directory knows of somebody; of one who was forgotten only the id is left."""
    who = f"person:{key}"
    if not served.book.state(who).version:
        raise Unknown(f"the log knows no {who}", field="key", subject=who)
    spellings = served.book.directory.spellings(who)
    return {"id": who, "name": served.book.directory.name(who), "spellings": list(spellings)}


def add_names(
    served: Served, speaker: Speaker, key: AskedKey, names: Annotated[Names, Depends(body_as(Names))]
) -> dict[str, Any]:
    """Adds spellings; `show` changes the name shown. Each change leaves an entry, without the name."""
    known = person(served, key)
    if names.identifiers:
        served.log.directory.add(known["id"], *names.identifiers, move=names.move, by=speaker)
    if names.name:
        served.log.directory.rename(known["id"], names.name, by=speaker)
    return person(served, key)


def forget_names(
    served: Served, speaker: Speaker, key: AskedKey,
    spelling: Annotated[str | None, Query(max_length=500, description="Only this one; all, if silent.")] = None,
) -> dict[str, Any]:  # fmt: skip
    """Forgets names. The id stays in the log, and means nobody any more."""
    served.log.directory.forget(person(served, key)["id"], spelling, by=speaker)
    return person(served, key)


# Tokens --------------------------------------------------------------------------------------------------------------


def _shown(token: Token) -> dict[str, Any]:
    return {
        "id": token.id, "holder": token.actor, "rights": sorted(token.rights), "label": token.label,
        "created_at": format_micros(token.created_at),
        "revoked_at": None if token.revoked_at is None else format_micros(token.revoked_at),
    }  # fmt: skip


def me(speaker: Speaker) -> dict[str, Any]:
    """Whom your token lets you speak for, its id, and its rights."""
    return {"actor": speaker.actor, "credential": speaker.credential, "rights": sorted(speaker.rights)}


def tokens(asked: AskedFor, served: Served) -> Response:
    """Whom they are for and what they may do; never the secrets, of which only hashes are kept."""
    rows = [_shown(token) for token in served.log.tokens.all()]
    return asked(lambda read: answer(resolve_time(read, NOW), rows))


def create_token(
    served: Served, speaker: Speaker, new: Annotated[NewToken, Depends(body_as(NewToken))]
) -> dict[str, Any]:
    """The `secret` is in this answer and never again. Nobody can give a right they do not have."""
    holder = served.somebody(new.holder, "holder")
    if not holder.startswith(("person:", "service:")):
        raise unprocessable("a token is for a person or a service", field="holder")
    token, secret = served.log.tokens.create(holder, rights=new.rights, label=new.label, by=speaker)
    return {"id": token, "holder": holder, "rights": sorted(new.rights), "secret": secret}


def revoke_token(
    served: Served, speaker: Speaker, key: Annotated[str, Path(description="The id of the token.")]
) -> dict[str, Any]:
    """Makes it worthless from now on. The last token that administers is revoked on the log's own machine only."""
    served.log.tokens.revoke(key, by=speaker)
    return next(_shown(token) for token in served.log.tokens.all() if token.id == key)
