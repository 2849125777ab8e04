"""What it costs to keep a decision: requests a second with each store, beside the same route with no store."""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.benchmarks.load import Load, cpu_seconds, load
from tests.support_postgresql import fresh_schema, postmaster
from tests.support_serving import COMMAND, Serving, serving

SECONDS: Final = 4.0
ROUNDS: Final = 3
ROOT: Final = Path(__file__).parents[2]
NO_STORE: Final = (sys.executable, "-m", "tests.benchmarks.no_store")


@dataclass
class Measured:
    """A server, and what each round came to: the load, and the seconds of CPU of server and database."""

    server: Serving
    database: Callable[[], float]
    loads: list[Load] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)
    database_cpu: list[float] = field(default_factory=list)

    def run(self, request: Callable[[], bytes], connections: int, seconds: float) -> None:
        """One round of load."""
        pid = self.server.process.pid
        before = cpu_seconds(pid), self.database()
        found = load(self.server.address, request, connections, seconds)
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


def decision(server: Serving, path: str = "/v1/decisions", type_: str | None = None) -> Callable[[], bytes]:
    """Requests that record a decision, each under a key of its own."""
    count = itertools.count()
    body = {"title": "Sell gift cards", "decision": "Yes.", "why": "Asked for.", "accountable": "ann"}
    content = json.dumps(body | ({"type": type_} if type_ else {})).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\nIdempotency-Key: "
    ).encode()
    return lambda: b"%s%d\r\n\r\n%s" % (head, next(count), content)


@contextmanager
def servers(**settings: str) -> Iterator[dict[str, Measured]]:
    """One with no store, and one with each."""
    with ExitStack() as stack:
        new = lambda: Path(stack.enter_context(tempfile.TemporaryDirectory()))  # noqa: E731
        here = {"PYTHONPATH": str(ROOT), "DECISIONLOG_PROJECT": "beside", **settings}
        url = stack.enter_context(fresh_schema())
        start = lambda command=(COMMAND,), **more: stack.enter_context(  # noqa: E731
            serving(new(), command=command, **here, **more)
        )
        pid = postmaster()
        yield {
            "no store": Measured(start(NO_STORE), lambda: 0.0),
            "SQLite": Measured(start(), lambda: 0.0),
            "PostgreSQL": Measured(start(DECISIONLOG_STORE=url), lambda: cpu_seconds(pid) if pid else 0.0),
        }


def measure() -> Iterator[str]:
    """Medians of rounds taken in turn; shares are of the rate with no store."""
    for connections in (64, 8):
        with servers() as found:
            requests = {name: decision(each.server) for name, each in found.items()}
            for name, each in found.items():
                load(
                    each.server.address, requests[name], connections, SECONDS / 4
                )  # so that nothing is done for the first time
            for _ in range(ROUNDS):
                for name, each in found.items():
                    each.run(requests[name], connections, SECONDS)
        base = found["no store"]
        for name, each in found.items():
            yield f"{connections} connections, {name}: {told(each, base)}"


def told(one: Measured, base: Measured) -> str:
    """Rate, share, CPU and p99 beside those of the base."""
    server, database = (1000 * each for each in one.cpu)
    cpu = sum(one.cpu) / sum(base.cpu)
    refused = sum(each.refused for each in one.loads)
    return (
        f"{one.rate:.0f}/s, {one.rate / base.rate:.2f} of no store; CPU {server:.3f} + {database:.3f} ms, {cpu:.2f} times; "
        f"p99 {one.p99 * 1000:.0f} ms, {one.p99 / base.p99:.2f} times{f'; {refused} REFUSED' if refused else ''}"
    )
