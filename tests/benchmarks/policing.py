"""What sign-in and the access policy cost a write: CPU of the process, compared with the same requests without both.

Each request goes through the whole application, in the process, 64 at a time, and is committed. The baseline lets every
caller in as who they are, without looking at a token, and decides without asking the policy. Short blocks of both alternate,
and the middle of the ratios of neighbors counts, so that what else the machine does concerns both alike.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from fastapi import FastAPI, Request

from api.app import create_app
from api.caller_lookup import TokenLookup
from api.services import Services
from cli.bootstrap import clock
from domain.catalog import COMMAND
from domain.credentials import LOCAL_CREDENTIAL
from domain.scopes import SCOPES
from eventlog.entry import Caller, Transaction
from eventlog.ids import EntropyPool
from identity.decision_log import DecisionLog
from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel
from projections.read_model.runner import Runner

CONNECTIONS: Final = 64
WRITES: Final = 256
"""In one block: about a tenth of a second."""
ROUNDS: Final = 40
OWNER: Final = Caller("person:owner", LOCAL_CREDENTIAL, "cli", frozenset(SCOPES))
MAX_RATIO: Final = 1.05
_KEYS: Final = itertools.count()
_DECISION: Final = {
    "title": "Sell gift cards",
    "decision": "Sell gift cards of 25, 50 and 100 euros in all shops, valid for three years.",
    "why": "One in six support requests of the last winter asked for them, and two of three competitors have them.",
    "accountable": "person:owner",
    "products": ["shop"],
}


def _setup(log: DecisionLog) -> dict[str, str]:
    """A product of a line, and callers whose role is found at once, through the line, and through a team; their tokens."""
    names = ("all", "line", "team")
    commands = [
        *({"type": "RegisterPerson", "key": each, "name": each.title()} for each in ("owner", *names)),
        {"type": "RegisterTeam", "key": "t", "title": "T"},
        {"type": "DefineProduct", "key": "line", "title": "Line"},
        {"type": "DefineProduct", "key": "shop", "title": "Shop", "line": "line"},
        {"type": "AssignOwnership", "subject": "team:t", "role": "member", "holders": ["person:team"]},
        {"type": "GrantRole", "subject": "person:all", "role": "manager"},
        {"type": "GrantRole", "subject": "person:line", "role": "manager", "product": "line"},
        {"type": "GrantRole", "subject": "team:t", "role": "manager", "product": "line"},
    ]
    asyncio.run(log.execute(Transaction(tuple(map(COMMAND.validate_python, commands)), OWNER)))
    return {each: log.tokens.create(f"person:{each}")[1] for each in names}


def _cpu_of_writes(app: FastAPI, secret: str) -> float:
    """Seconds of CPU for each request of a block."""
    bodies = [json.dumps({"key": f"d{next(_KEYS)}", **_DECISION}).encode() for _ in range(WRITES)]
    waiting = iter(bodies)

    async def send_requests() -> None:
        for body in waiting:
            assert await _post(app, body, secret) == 201

    async def send_all() -> None:
        await asyncio.gather(*(send_requests() for _ in range(CONNECTIONS)))

    begun = time.process_time()
    asyncio.run(send_all())
    return (time.process_time() - begun) / WRITES


async def _post(app: FastAPI, body: bytes, secret: str) -> int:
    status = 0
    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/decisions",
        "raw_path": b"/v1/decisions",
        "query_string": b"",
        "root_path": "",
        "headers": [*headers, (b"authorization", f"Bearer {secret}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    return status


@contextmanager
def _without_policy(caller: Caller) -> Iterator[None]:
    async def let_in(request: Request, _services: Services) -> Caller:
        request.state.caller = caller
        return caller

    with (
        patch("domain.policy.require_permission", lambda *_: None),
        patch("api.command_routes.authenticate_request", let_in),
    ):
        yield


def measure() -> Iterator[str]:
    """For each way in which a role is found, the middle of the ratios of neighboring blocks."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        entropy = EntropyPool(os.urandom)
        log = opened.enter_context(DecisionLog.open(folder / "log.sqlite3", clock=clock, entropy=entropy))
        secrets = _setup(log)
        model = ReadModel.open(opened.enter_context(closing(open_database(folder / "model.sqlite"))), log, clock)
        app = create_app(Services(log, model, Runner(log, model), TokenLookup(log.tokens)))
        for name, secret in secrets.items():
            token = log.tokens.find(secret)
            assert token is not None
            _cpu_of_writes(app, secret)
            judged, ratio = _rounds(lambda secret=secret: _cpu_of_writes(app, secret), token.caller("http"))  # type: ignore[misc]
            yield (
                f"role found through {name}: {judged * 1e6:.0f} µs of CPU a write with sign-in and policy, {ratio:.3f} times "
                f"that without them (wanted: {MAX_RATIO} at most)"
            )


def _rounds(write: Callable[[], float], caller: Caller) -> tuple[float, float]:
    """Return the middle of the CPU with policy, and of its ratio to the CPU without."""
    judged, ratios = [], []
    for n in range(ROUNDS):
        pair = {}
        for is_free in (True, False) if n % 2 else (False, True):
            with _without_policy(caller) if is_free else ExitStack():
                pair[is_free] = write()
        judged.append(pair[False])
        ratios.append(pair[False] / pair[True])
    return statistics.median(judged), statistics.median(ratios)
