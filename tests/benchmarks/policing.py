"""What sign-in and the access policy cost a write: CPU of the server, compared with the same requests without both.

The requests come over 64 connections from another process and are committed, as on any server. The baseline lets every
caller in as who they are, without looking at a token, and decides without asking the policy. Short blocks of both alternate,
and the middle of the ratios of neighbors counts, so that what else the machine does concerns both alike.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from threading import Thread
from typing import Final
from unittest.mock import patch

import uvicorn
from fastapi import FastAPI, Request

from api.app import create_app
from api.caller_lookup import TokenLookup
from api.connections import Pool, protocol_of
from api.services import Services
from cli.bootstrap import clock
from cli.commands.serve import SWITCH_INTERVAL_S
from domain.catalog import COMMAND
from domain.credentials import LOCAL_CREDENTIAL
from domain.scopes import SCOPES
from eventlog.entry import Caller, Transaction
from eventlog.ids import EntropyPool
from identity.decision_log import DecisionLog
from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel
from projections.read_model.runner import Runner
from tests.benchmarks.load import load

CONNECTIONS: Final = 64
WRITES: Final = 512
"""In one block: about a tenth of a second."""
ROUNDS: Final = 40
WARM_UP: Final = 40
"""Blocks before the first that is measured."""
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


@contextmanager
def _serving(app: FastAPI) -> Iterator[str]:
    """Serve as `decisionlog serve` does, but in a thread of this process, and yield the address."""
    protocol = protocol_of(Pool())
    config = uvicorn.Config(app, log_level="warning", access_log=False, http=protocol, ws="none", server_header=False)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _cpu_of_writes(sender: Executor, address: str, secret: str) -> float:
    """Seconds of CPU of this process for each request of a block."""
    requests = [_request({"key": f"d{next(_KEYS)}", **_DECISION}, secret) for _ in range(WRITES)]
    begun = time.process_time()
    assert sender.submit(_send, address, requests).result() == 0
    return (time.process_time() - begun) / WRITES


def _request(decision: dict[str, object], secret: str) -> bytes:
    body = json.dumps(decision).encode()
    head = f"POST /v1/decisions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _send(address: str, requests: list[bytes]) -> int:
    """Send a block of requests; return how many were refused. Runs in a process of its own."""
    return load(address, iter(requests).__next__, CONNECTIONS, len(requests)).refused


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
        address = opened.enter_context(_serving(app))
        sender = opened.enter_context(ProcessPoolExecutor(1, get_context("spawn")))
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        for _ in range(WARM_UP):  # else the first of the three is measured in a process that still speeds up
            _cpu_of_writes(sender, address, secrets["all"])
        for name, secret in secrets.items():
            token = log.tokens.find(secret)
            assert token is not None
            write = partial(_cpu_of_writes, sender, address, secret)
            write()
            judged, ratio = _rounds(write, token.caller("http"))
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
