"""What recording a decision costs, beside servers that a stranger would write (`tests.benchmarks.outsiders`).

All get the same body over the same load generator, in turn, in one run: the bare FastAPI route that stores nothing, the
`eventsourcing` library with its own recorders, Emmett where node is installed, and this server on both databases. Rates
depend on what else the machine does; processor time per request, of the server and of its database, hardly does.
The projector runs in a process of its own, and only in the rounds with a projector.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Final
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.benchmarks.load import Load, cpu_seconds, load
from tests.support_postgresql import fresh_databases, postmaster
from tests.support_serving import COMMAND, serving, surroundings

REQUESTS: Final = 4000
ROUNDS: Final = 3
IN_A_BATCH: Final = 200
CATCH_UP_TIMEOUT_S: Final = 300.0
START_TIMEOUT_S: Final = 30.0
ROOT: Final = Path(__file__).parents[2]
OUTSIDERS: Final = Path(__file__).with_name("outsiders")
DECISION: Final = {
    "title": "Offer gift cards from the spring season on",
    "decision": "Sell gift cards of 25, 50 and 100 euros in all shops and online, valid for three years, and leave the "
    "personalized card out until the first figures are in.",
    "why": "One in six support requests of the last winter asked for them; two of three competitors have them, and the "
    "payment provider sells the feature without a fixed fee, so we can end it again at no cost.",
    "accountable": "ann",
}
BARE: Final = "bare FastAPI route, no store"

Requests = Callable[[], bytes]
Start = Callable[[ExitStack, str], "Contender"]


@dataclass
class Contender:
    """A running server, and the results of its rounds: the load, and the seconds of CPU of server and database."""

    pid: int
    address: str
    path: str = "/decisions"
    token: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    uses_postgresql: bool = False
    loads: list[Load] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)
    database_cpu: list[float] = field(default_factory=list)

    def run(self, requests: Requests, connections: int, count: int) -> None:
        """Measure one round."""
        database = (postmaster() if self.uses_postgresql else None) or None
        before = cpu_seconds(self.pid), cpu_seconds(database) if database else 0.0
        found = load(self.address, requests, connections, count)
        assert not found.refused, f"{found.refused} requests to {self.address}{self.path} were refused"
        self.server_cpu.append((cpu_seconds(self.pid) - before[0]) / found.answered)
        self.database_cpu.append(((cpu_seconds(database) if database else 0.0) - before[1]) / found.answered)
        self.loads.append(found)

    def forget(self) -> None:
        """Forget the rounds so far."""
        self.loads, self.server_cpu, self.database_cpu = [], [], []

    def median(self, name: str) -> float:
        """The middle of all rounds: a rate, or a percentile in seconds."""
        return statistics.median(getattr(each, name) for each in self.loads)

    @property
    def cpu(self) -> tuple[float, float]:
        """Seconds of CPU per request, of the server and of its database."""
        return statistics.median(self.server_cpu), statistics.median(self.database_cpu)

    def post(self, path: str, body: Callable[[int], object], *, keyed: bool = False) -> Requests:
        """Return requests to a path; `body` gets a number that is new for each."""
        numbers = itertools.count()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"Authorization: Bearer {self.token}\r\n" if self.token else ""

        def build() -> bytes:
            n = next(numbers)
            content = json.dumps(body(n)).encode()
            key = f"Idempotency-Key: {n}\r\n" if keyed else ""
            return f"{head}{key}Content-Length: {len(content)}\r\n\r\n".encode() + content

        return build


# Contenders -----------------------------------------------------------------------------------------------------------


def _start_outsider(stack: ExitStack, command: Sequence[str | Path], **more: str) -> Contender:
    """Start a server of a stranger on a free port, and wait until it answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PORT": str(port), **more}
    process = Popen(command, env=environment, stdout=DEVNULL)
    stack.callback(process.wait)
    stack.callback(process.kill)
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return Contender(process.pid, f"http://127.0.0.1:{port}")
        time.sleep(0.05)
    raise AssertionError(f"{command} does not answer")


def _start_bare(stack: ExitStack, _database: str) -> Contender:
    return _start_outsider(stack, [sys.executable, "-m", "tests.benchmarks.outsiders.bare"])


def _start_stock(stack: ExitStack, database: str) -> Contender:
    command = [sys.executable, "-m", "tests.benchmarks.outsiders.stock"]
    if not database:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        more = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": f"{folder}/decisions.db"}
        return _start_outsider(stack, command, **more)
    url = urlsplit(database)
    more = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": url.path[1:],
        "POSTGRES_HOST": url.hostname or parse_qs(url.query)["host"][0],
        "POSTGRES_PORT": str(url.port or 5432),
        "POSTGRES_USER": url.username or "",
        "POSTGRES_PASSWORD": url.password or "none",
    }
    return _start_outsider(stack, command, **more)


def _start_emmett(stack: ExitStack, database: str) -> Contender:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    for name in ("package.json", "emmett.mjs"):
        shutil.copy(OUTSIDERS / name, folder)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True)
    return _start_outsider(stack, ["node", folder / "emmett.mjs"], DATABASE_URL=database, NODE_ENV="production")


def _start_ours(stack: ExitStack, database: str) -> Contender:
    data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    more = {"DECISIONLOG_PROJECTION": "external"} | ({"DECISIONLOG_STORE": database} if database else {})
    server = stack.enter_context(serving(data, **more))
    environment = {"DECISIONLOG_DATA": str(data), **more}
    return Contender(server.process.pid, server.address, "/v1/decisions", server.token, environment)


CONTENDERS: Final[dict[str, tuple[Start, bool]]] = {
    BARE: (_start_bare, False),
    "eventsourcing, SQLite": (_start_stock, False),
    "eventsourcing, PostgreSQL": (_start_stock, True),
    "Emmett, PostgreSQL": (_start_emmett, True),
    "ours, SQLite": (_start_ours, False),
    "ours, PostgreSQL": (_start_ours, True),
}
"""Each with whether it uses PostgreSQL, and then a database of its own."""
OURS: Final = tuple(name for name in CONTENDERS if name.startswith("ours"))


@contextmanager
def contenders(names: Sequence[str] = tuple(CONTENDERS)) -> Iterator[dict[str, Contender]]:
    """Start some contenders: those that this machine can run."""
    runnable = [name for name in names if not name.startswith("Emmett") or shutil.which("npm")]
    with ExitStack() as stack:
        databases = iter(stack.enter_context(fresh_databases(sum(CONTENDERS[name][1] for name in runnable))))
        started = {}
        for name in runnable:
            start, uses_postgresql = CONTENDERS[name]
            started[name] = start(stack, next(databases) if uses_postgresql else "")
            started[name].uses_postgresql = uses_postgresql
        yield started


# Requests -------------------------------------------------------------------------------------------------------------


def decisions(server: Contender) -> Requests:
    """Requests that record one decision each."""
    return server.post(server.path, lambda n: {"key": f"gift-cards-{n}", **DECISION})


def keyed_decisions(server: Contender) -> Requests:
    """The same, each with an idempotency key."""
    return server.post(server.path, lambda n: {"key": f"keyed-{n}", **DECISION}, keyed=True)


def any_commands(server: Contender) -> Requests:
    """The same, through the route that takes any command."""
    return server.post("/v1/commands", lambda n: {"type": "RecordDecision", "key": f"any-{n}", **DECISION})


def proposals(server: Contender) -> Requests:
    """Requests that propose one decision each."""
    return server.post("/v1/decisions/propose", lambda n: {"key": f"proposed-{n}", **DECISION})


def features(server: Contender) -> Requests:
    """Requests that propose one feature each, of a product that this defines."""
    headers = {"Authorization": f"Bearer {server.token}"}
    httpx2.post(
        f"{server.address}/v1/products", json={"key": "shop", "title": "Shop"}, headers=headers, trust_env=False
    )
    return server.post("/v1/features", lambda n: {"key": f"feature-{n}", "title": "Gift cards", "products": ["shop"]})


def people(server: Contender) -> Requests:
    """Requests that register one person each."""
    return server.post("/v1/people", lambda n: {"key": f"person-{n}", "name": f"Person {n}"})


def references(server: Contender) -> Requests:
    """Requests that record a decision with an earlier one as its reason, and two people who decided."""
    more = {"because": ["decision:gift-cards-0"], "deciders": ["ann"], "note": "Agreed in the weekly meeting."}
    return server.post(server.path, lambda n: {"key": f"based-{n}", **DECISION, **more})


def batches(server: Contender) -> Requests:
    """Requests that record many decisions each, every one in a transaction of its own."""
    transaction = {"commands": [{"type": "RecordDecision", **DECISION}]}
    body = {"transactions": [transaction] * IN_A_BATCH}
    return server.post("/v1/bulk", lambda _: body)


OTHER_COMMANDS: Final = {
    "a decision with an idempotency key": keyed_decisions,
    "a decision through /v1/commands": any_commands,
    "a decision with references": references,
    "a proposed decision": proposals,
    "a feature": features,
    "a person": people,
}

# Measuring ------------------------------------------------------------------------------------------------------------


def measure() -> Iterator[str]:
    """Yield medians of rounds that are taken in turn; ratios are to the bare route."""
    with contenders() as found:
        yield from compare("one decision a request, 64 connections", found, decisions, 64)
        # The same servers, so with other keys.
        yield from compare("one decision a request, 8 connections", found, _renumber(decisions, "more"), 8)
        ours = {name: found[name] for name in OURS}
        yield from _compare_commands(ours)
        yield from _compare_batches(ours)
    yield from _keep_up()


def _compare_commands(ours: dict[str, Contender], count: int = REQUESTS // 2, rounds: int = 5) -> Iterator[str]:
    """Measure other single commands in turn with one decision, so that the noise of the machine affects all alike."""
    for name, each in ours.items():
        made = {
            label: requests(each) for label, requests in {"": _renumber(decisions, "also"), **OTHER_COMMANDS}.items()
        }
        cpu: dict[str, list[float]] = {label: [] for label in made}
        for _ in range(rounds):
            for label, build in made.items():
                each.forget()
                each.run(build, 64, count)
                cpu[label].append(sum(each.cpu))
        single, *others = (statistics.median(found) for found in cpu.values())
        for label, found in zip(OTHER_COMMANDS, others, strict=True):
            yield f"{label}, {name}: CPU {1000 * found:.3f} ms, {found / single:.2f} times one decision ({1000 * single:.3f})"


def _compare_batches(ours: dict[str, Contender], rounds: int = 5) -> Iterator[str]:
    """Measure requests of many decisions in turn with requests of one."""
    for name, each in ours.items():
        made = {"single": (_renumber(decisions, "else")(each), 64, REQUESTS), "batch": (batches(each), 8, 48)}
        rates: dict[str, list[float]] = {label: [] for label in made}
        cpu: dict[str, list[float]] = {label: [] for label in made}
        for _ in range(rounds):
            for label, (build, connections, count) in made.items():
                each.forget()
                each.run(build, connections, count)
                events = IN_A_BATCH if label == "batch" else 1
                rates[label].append(each.median("rate") * events)
                cpu[label].append(sum(each.cpu) / events)
        single, batch = (statistics.median(found) for found in rates.values())
        cpu_of_single, cpu_of_batch = (1000 * statistics.median(found) for found in cpu.values())
        yield (
            f"{IN_A_BATCH} decisions a request, {name}: {batch:.0f} events/s, {batch / single:.1f} times single requests "
            f"(target: at least 3.0); CPU {cpu_of_batch:.3f} ms an event, that of a single request is "
            f"{cpu_of_single / cpu_of_batch:.1f} times it"
        )


def _renumber(requests: Callable[[Contender], Requests], prefix: str) -> Callable[[Contender], Requests]:
    """Return the same requests with new keys: the body's `key` gets a prefix."""

    def build(server: Contender) -> Requests:
        made = requests(server)
        return lambda: made().replace(b'"key": "gift', f'"key": "{prefix}'.encode())

    return build


def run_rounds(
    found: dict[str, Contender],
    requests: Callable[[Contender], Requests],
    connections: int,
    count: int,
    rounds: int = ROUNDS,
) -> None:
    """Send a number of requests to each contender in each round, after a warm-up."""
    made = {name: requests(each) for name, each in found.items()}
    for name, each in found.items():
        each.forget()
        load(each.address, made[name], connections, count // 4)
    for _ in range(rounds):
        for name, each in found.items():
            each.run(made[name], connections, count)


def compare(
    label: str,
    found: dict[str, Contender],
    requests: Callable[[Contender], Requests],
    connections: int,
    count: int = REQUESTS,
    rounds: int = ROUNDS,
) -> Iterator[str]:
    """Run rounds and yield a line for each contender."""
    run_rounds(found, requests, connections, count, rounds)
    for name, each in found.items():
        yield f"{label}, {name}: {describe(each, found[BARE])}"


def describe(one: Contender, base: Contender) -> str:
    """Return rate, percentiles and CPU, each with the base."""
    server, database = (1000 * each for each in one.cpu)
    return (
        f"{one.median('rate'):.0f}/s, {one.median('rate') / base.median('rate'):.2f} of bare; "
        f"p50 {one.median('p50') * 1000:.1f} ms, p99 {one.median('p99') * 1000:.1f} ms, "
        f"{one.median('p99') / base.median('p99'):.2f} times; CPU {server:.3f} + {database:.3f} ms, "
        f"{sum(one.cpu) / sum(base.cpu):.2f} times"
    )


def _keep_up(count: int = REQUESTS, rounds: int = 5) -> Iterator[str]:
    """Measure each of our servers in turn without a projector and with one, and how long until everything can be read."""
    with contenders(OURS) as without, contenders(OURS) as projecting, ExitStack() as stack:
        for each in projecting.values():
            stack.enter_context(_projecting(each))
        for name in OURS:
            pair = {"without": without[name], "with": projecting[name]}
            made = {label: decisions(each) for label, each in pair.items()}
            lags = []
            for _ in range(rounds + 1):
                for label, each in pair.items():
                    each.run(made[label], 64, count)
                lags.append(_catch_up(projecting[name]))
            for each in pair.values():
                del each.loads[0], each.server_cpu[0], each.database_cpu[0]  # a warm-up
            rates = [each.median("rate") for each in pair.values()]
            yield (
                f"64 connections, {name}: {rates[0]:.0f}/s without and {rates[1]:.0f}/s with a projector, "
                f"{rates[1] / rates[0]:.2f} (target: at least 0.80); the read model has caught up {statistics.median(lags):.2f} s, at "
                f"most {max(lags):.2f} s, after the last answer (target: at most 2)"
            )


@contextmanager
def _projecting(one: Contender) -> Iterator[None]:
    settings = dict(one.environment)
    data = Path(settings.pop("DECISIONLOG_DATA"))
    process = Popen([COMMAND, "project"], env=surroundings(data, **settings), stdout=DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _catch_up(server: Contender) -> float:
    """Return how many seconds it takes until the read model has everything."""
    begun = time.monotonic()
    while time.monotonic() - begun < CATCH_UP_TIMEOUT_S:
        if not httpx2.get(f"{server.address}/v1/health", trust_env=False).json()["lag"]:
            return time.monotonic() - begun
        time.sleep(0.01)
    return float("inf")


def main() -> None:
    """`python -m tests.benchmarks.writing [NAME ...]`: a quick look at some contenders."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.writing", description=main.__doc__)
    parser.add_argument("names", nargs="*", help=f"parts of {', '.join(map(repr, CONTENDERS))}; default: all")
    parser.add_argument("--connections", type=int, nargs="+", default=[64, 8])
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    chosen = [
        name for name in CONTENDERS if not given.names or name == BARE or any(part in name for part in given.names)
    ]
    for connections in given.connections:
        with contenders(chosen) as found:
            label = f"{connections} connections"
            for line in compare(label, found, decisions, connections, given.requests, given.rounds):
                sys.stdout.write(line + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
