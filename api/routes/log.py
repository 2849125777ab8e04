"""The log itself: its head, its entries as they are hashed, the state of its followers, and erasure."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Annotated, Any, Final

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import StreamingResponse

from api import answer_documentation
from api.access_journal import record_read
from api.problems import HttpProblem, unprocessable
from api.routing import v1_router
from api.services import ServiceDependency, Services
from domain import any_subject
from domain.messages import Command
from domain.read_access import ACCOUNT_EVENTS
from domain.values import MAX_INTEGER, format_micros
from eventlog.log import RawEntry
from identity.decision_log import DecisionLog

COMMANDS: Final[Mapping[type[Command], str]] = {any_subject.EraseTexts: "/log/erase"}

_BATCH_SIZE: Final = 100
"""Entries that are read at once. Each client that reads slowly holds that many in memory."""
_READER_THREADS: Final = 2
_reader_threads: Final = RunVar[CapacityLimiter]("reader_threads")
_ENTRIES: Final[answer_documentation.Responses] = {
    200: {
        "description": "JSON Lines: one entry on each line.",
        "content": {"application/jsonl": {"schema": {"$ref": "#/components/schemas/Entry"}}},
    }
}


def router() -> APIRouter:
    """Return the routes that read the log."""
    routes = v1_router("Log", [Depends(refuse_command_headers)])
    get = routes.get
    get("/log", summary="Get the head of the log", **answer_documentation.describe_route(answer_documentation.Head))(
        get_log
    )
    get(
        "/status",
        summary="Get the status of everything that follows the log",
        **answer_documentation.describe_route(answer_documentation.Status),
    )(get_status)
    get("/log/entries", summary="Export entries", response_class=StreamingResponse, responses=_ENTRIES)(list_entries)
    get(
        "/log/entries/{position}",
        summary="Get an entry",
        **answer_documentation.describe_route(answer_documentation.Entry),
    )(get_entry)
    return routes


async def refuse_command_headers(request: Request) -> None:
    """Refuse headers that only commands honor, so that no client relies on them.

    Raises:
        HttpProblem: 400 naming the header.
    """
    for name in ("Idempotency-Key", "If-Match"):
        if name in request.headers:
            raise HttpProblem(400, f"`{name}` is not supported on this endpoint, only on commands", field=name)


def get_log(services: ServiceDependency) -> answer_documentation.Head:
    """The id of the log, its size (the last position), and the root of the Merkle tree (RFC 6962) over its entries."""
    head = services.log.head()
    return {
        "log": services.log.id,
        "size": head.size,
        "root": head.root,
        "recorded_at": format_micros(head.recorded_at),
        "read_model": services.runner.position,
    }


def get_status(services: ServiceDependency) -> dict[str, Any]:
    """The position of the read model and of every worker that publishes, imports or replicates, with its last error."""
    positions = services.positions()
    workers = [status.to_dict(positions["position"], working=working) for status, working in services.workers()]
    return {**positions, "workers": workers}


def list_entries(
    request: Request,
    services: ServiceDependency,
    cursor: Annotated[int, Query(ge=0, le=MAX_INTEGER, description="Start after this position.")] = 0,
    limit: Annotated[
        int | None, Query(ge=1, le=MAX_INTEGER, description="Maximum number of entries. Default: all.")
    ] = None,
) -> StreamingResponse:
    """Each line has the canonical bytes of the `entry`, their hash (`leaf`, in hex), and its `texts` by JSON pointer.

    Erased texts are left out. For readers who may not audit, so are the sign-in accounts of other people; and for readers
    of some products only, the entries about others.
    """
    size = services.log.head().size
    if cursor > size:
        raise unprocessable(f"the log ends at position {size}, before {cursor}", field="cursor")
    record_read(request, is_file=True)
    parts = _iterate_in_threads(_read_lines(services.log, services, cursor, size - cursor if limit is None else limit))
    return StreamingResponse(parts, media_type="application/jsonl")


async def _iterate_in_threads(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Yield the parts, each read in one of a few dedicated threads, so that the others stay free for short requests."""
    limiter = _reader_threads.get(None) or CapacityLimiter(_READER_THREADS)
    _reader_threads.set(limiter)
    while (part := await to_thread.run_sync(next, parts, None, limiter=limiter)) is not None:
        yield part


def _read_lines(log: DecisionLog, services: Services, position: int, left: int) -> Iterator[bytes]:
    """Yield the lines of the next entries that the caller may read, as many as are left to send, in parts."""
    batch_size = _BATCH_SIZE if services.products is not None else min(left, _BATCH_SIZE)
    while left > 0 and (found := list(log.raw(position, batch_size))):
        position = found[-1].position
        readable = [each for each in found if services.is_entry_readable(each)][:left]
        left -= len(readable)
        part = b"".join(_format_line(services, each) + b"\n" for each in readable)
        found.clear()  # the client may take minutes to read the part
        readable.clear()
        yield part


def _format_line(services: Services, raw: RawEntry) -> bytes:
    # The entry has only commitments to its texts, so it can be verified without them.
    is_withheld = raw.type in ACCOUNT_EVENTS and not services.reads_accounts_of(raw.subject)
    texts = json.dumps({} if is_withheld else raw.texts, ensure_ascii=False).encode()
    return b'{"entry":%b,"leaf":"%b","texts":%b}' % (raw.entry, raw.leaf.encode(), texts)


def get_entry(
    services: ServiceDependency,
    position: Annotated[int, Path(description="The position in the log, counted from 1.")],
) -> answer_documentation.Entry:
    """The entry at a position, with its leaf hash and its texts."""
    size = services.log.head().size
    found = list(services.log.raw(position - 1, 1)) if 0 < position <= size else []
    if not found or not services.is_entry_readable(found[0]):
        raise HttpProblem(404, f"there is no position {position}; the log ends at {size}", field="position")
    entry: answer_documentation.Entry = json.loads(_format_line(services, found[0]))
    return entry
