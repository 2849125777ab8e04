"""What it costs to keep a decision: requests a second with each store, beside the same route with no store.

With no store everything is done but the storing: sign-in, parsing, the rules, canonical bytes, the tree (`no_store`).
The server's projections are off but where they are said to keep up; then `decisionlog project` runs beside it.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Final

import httpx2

from tests.benchmarks.load import Load, cpu_seconds, load
from tests.support_postgresql import fresh_schema, postmaster
from tests.support_serving import COMMAND, Serving, serving, surroundings

SECONDS: Final = 4.0
ROUNDS: Final = 3
IN_A_BATCH: Final = 200
PATIENCE: Final = 300.0
"""Seconds within which read models must have caught up."""
ROOT: Final = Path(__file__).parents[2]
NO_STORE: Final = (sys.executable, "-m", "tests.benchmarks.no_store")
DECISION: Final = {"title": "Sell gift cards", "decision": "Yes.", "why": "Asked for.", "accountable": "ann"}

Requests = Callable[[], bytes]


@dataclass
class Measured:
    """A server, and what each round came to: the load, and the seconds of CPU of server and database."""

    server: Serving
    database: Callable[[], float]
    store: dict[str, str]
    loads: list[Load] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)
    database_cpu: list[float] = field(default_factory=list)

    def run(self, requests: Requests, connections: int, seconds: float) -> None:
        """One round of load."""
        pid = self.server.process.pid
        before = cpu_seconds(pid), self.database()
        found = load(self.server.address, requests, connections, seconds)
        self.server_cpu.append((cpu_seconds(pid) - before[0]) / found.answered)
        self.database_cpu.append((self.database() - before[1]) / found.answered)
        self.loads.append(found)

    @property
    def rate(self) -> float:
        """Answers a second, in the middle round."""
        return statistics.median(each.rate for each in self.loads)

    @property
    def p99(self) -> float:
        """The slowest of a hundred answers, in seconds, in the middle round."""
        return statistics.median(each.p99 for each in self.loads)

    @property
    def cpu(self) -> tuple[float, float]:
        """Seconds of CPU an answer, of the server and of its database, in the middle rounds."""
        return statistics.median(self.server_cpu), statistics.median(self.database_cpu)


def decisions(server: Serving) -> Requests:
    """Requests that record one decision each, under a key of its own."""
    return _posting(server, "/v1/decisions", json.dumps(DECISION).encode(), keyed=True)


def commands(server: Serving) -> Requests:
    """The same by the quick route."""
    return _posting(server, "/v1/commands", json.dumps({"type": "RecordDecision", **DECISION}).encode(), keyed=True)


def batches(server: Serving) -> Requests:
    """Requests that record many decisions each, every one a unit of its own."""
    transaction = {"commands": [{"type": "RecordDecision", **DECISION}]}
    return _posting(server, "/v1/bulk", json.dumps({"transactions": [transaction] * IN_A_BATCH}).encode(), keyed=False)


def _posting(server: Serving, path: str, body: bytes, *, keyed: bool) -> Requests:
    count = itertools.count()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    ).encode()
    key = "Idempotency-Key: %d\r\n" if keyed else ""
    return lambda: head + (key % next(count) if keyed else "").encode() + b"\r\n" + body


@contextmanager
def servers() -> Iterator[dict[str, Measured]]:
    """One with no store, and one with each."""
    with ExitStack() as stack:
        pid = postmaster()

        def start(command: Sequence[str | Path], database: Callable[[], float], **store: str) -> Measured:
            store["DECISIONLOG_DATA"] = stack.enter_context(tempfile.TemporaryDirectory())
            more = {"PYTHONPATH": str(ROOT), "DECISIONLOG_PROJECTION": "external", **store}
            data = Path(more.pop("DECISIONLOG_DATA"))
            return Measured(stack.enter_context(serving(data, command=command, **more)), database, store)

        url = stack.enter_context(fresh_schema())
        yield {
            "no store": start(NO_STORE, lambda: 0.0),
            "SQLite": start((COMMAND,), lambda: 0.0),
            "PostgreSQL": start((COMMAND,), lambda: cpu_seconds(pid) if pid else 0.0, DECISIONLOG_STORE=url),
        }


def measure() -> Iterator[str]:
    """Medians of rounds taken in turn; shares are of the rate with no store."""
    for name, requests, connections in (
        ("a decision a request, 64 connections", decisions, 64),
        ("a decision a request, 8 connections", decisions, 8),
        ("the quick route, 64 connections", commands, 64),
        (f"{IN_A_BATCH} decisions a request, 8 connections", batches, 8),
    ):
        with servers() as found:
            yield from _shares(name, found, requests, connections)
    with servers() as found:
        yield from _keeping_up(found)


def _shares(
    name: str, found: dict[str, Measured], requests: Callable[[Serving], Requests], connections: int
) -> Iterator[str]:
    made = {store: requests(each.server) for store, each in found.items()}
    for store, each in found.items():  # so that nothing is done for the first time
        load(each.server.address, made[store], connections, SECONDS / 4)
    for _ in range(ROUNDS):
        for store, each in found.items():
            each.run(made[store], connections, SECONDS)
    base = found["no store"]
    for store, each in found.items():
        yield f"{name}, {store}: {told(each, base)}"


def _keeping_up(found: dict[str, Measured]) -> Iterator[str]:
    """The same with a projector beside each server that has a store: the rate, and how long until all of it can be read."""
    with ExitStack() as stack:
        for store, each in found.items():
            if store != "no store":
                stack.enter_context(_projecting(each))
        yield from _shares("64 connections, projections keeping up", found, decisions, 64)
        for store, each in found.items():
            if store != "no store":
                position, seconds = _caught_up(each.server)
                yield f"{store}: {position} entries could be read {seconds:.1f} s after the last answer (wanted: 2 at most)"


@contextmanager
def _projecting(one: Measured) -> Iterator[None]:
    store = dict(one.store)
    process = Popen(
        [COMMAND, "project"], env=surroundings(Path(store.pop("DECISIONLOG_DATA")), **store), stdout=DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _caught_up(server: Serving) -> tuple[int, float]:
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE:
        health = httpx2.get(f"{server.address}/v1/health", trust_env=False).json()
        if not health["lag"]:
            return int(health["position"]), time.monotonic() - begun
        time.sleep(0.05)
    return int(health["read_model"]), float("inf")


def told(one: Measured, base: Measured) -> str:
    """Rate, share, CPU and p99 beside those of the base."""
    server, database = (1000 * each for each in one.cpu)
    cpu = sum(one.cpu) / sum(base.cpu)
    refused = sum(each.refused for each in one.loads)
    return (
        f"{one.rate:.0f}/s, {one.rate / base.rate:.2f} of no store; CPU {server:.3f} + {database:.3f} ms, {cpu:.2f} times; "
        f"p99 {one.p99 * 1000:.0f} ms, {one.p99 / base.p99:.2f} times{f'; {refused} REFUSED' if refused else ''}"
    )
