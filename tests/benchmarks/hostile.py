"""What one caller can do to a server by what they send: whether it lives, and how long all others wait meanwhile.

A server in a process of its own, on a log of some length, gets each attack sixteen times at once. Meanwhile, three others
go on: one asks for the health, one reads what is cheap, one writes. The server is killed as soon as it has more than 512 MB
resident, which is what a container of that size does. (A limit on its address space would say little, as its libraries
reserve far more than they use.)
"""

from __future__ import annotations

import asyncio
import http.client
import json
import multiprocessing
import os
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel
from projections.read_model.rebuild import rebuild
from tests.benchmarks.filling import filled
from tests.benchmarks.local_service import system_clock
from tests.support_postgresql import fresh_schema
from tests.support_serving import Serving, serving

MEMORY_LIMIT_MB: Final = 512
AT_ONCE: Final = 16
LOOK_S: Final = 0.02
TOO_MANY: Final = frozenset({422, 429, 503})
"""The statuses with which a server refuses questions that are too many or too much."""
TOO_LARGE: Final = frozenset({400, 413, 422, 503})
"""The statuses with which a server refuses bodies that are wrong, too long, or too many at a time."""
CLOSED: Final = "closed"
LATE: Final = "no answer"
MIB: Final = 1 << 20


@dataclass(frozen=True)
class Sizes:
    """How much an attack sends, and for how long its answers are waited for."""

    body: int = 4_000_000
    header: int = 64 * MIB
    connections: int = 200
    seconds: float = 25.0
    quiet_seconds: float = 3.0
    hurried: int = 45
    rounds: int = 40


SHORT: Final = Sizes(body=400_000, header=4 * MIB, connections=40, seconds=6.0, quiet_seconds=0.7, hurried=20, rounds=1)


@dataclass(frozen=True)
class Victim:
    """A server and the tokens of those who speak to it."""

    server: Serving
    tokens: dict[str, str]
    feature: str

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        found = urlsplit(self.server.address)
        assert found.hostname
        assert found.port
        return found.hostname, found.port

    @property
    def alive(self) -> bool:
        """Whether its process is still there."""
        return self.server.process.poll() is None


Bytes = Callable[[Victim], Iterator[bytes]]


@dataclass(frozen=True)
class Attack:
    """What is sent over each connection, part by part. With `leaves` the caller disconnects after this many seconds.

    It is sent `rounds` times, each time over as many new connections, so that an attack that is over at once
    affects other callers too.
    `refusals` are the statuses with which it may be refused.
    """

    name: str
    parts: Bytes
    times: int = AT_ONCE
    refusals: frozenset[int] = TOO_MANY
    leaves: float | None = None
    rounds: int = 1


@dataclass
class Seen:
    """How long others waited, in seconds."""

    health: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)
    write: list[float] = field(default_factory=list)
    failed: int = 0


def _get(path: str) -> Bytes:
    def parts(victim: Victim) -> Iterator[bytes]:
        yield _head("GET", path, victim) + b"\r\n"

    return parts


def _head(method: str, path: str, victim: Victim, who: str = "attacker") -> bytes:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {victim.tokens[who]}\r\n"
    ).encode()


def _post(path: str, body: bytes) -> Bytes:
    def parts(victim: Victim) -> Iterator[bytes]:
        head = _head("POST", path, victim) + b"Content-Type: application/json\r\n"
        yield head + f"Content-Length: {len(body)}\r\n\r\n".encode()
        yield body

    return parts


def questions(sizes: Sizes) -> list[Attack]:
    """The questions that cost most."""
    paths = (
        "/v1/products/p0/report?since=2020-01-01",
        "/v1/fields/history/count?group=subject&group=field&group=principal",
        "/v1/roadmap?blame=true&limit=10000",
        "/v1/roadmap?layout=timeline",
        "/v1/changes?since=0001-01-01&limit=10000",
        "/v1/slips?limit=10000",
        "/v1/fields/history?limit=10000",
        "/v1/fields?blame=true&limit=10000",
        "/v1/fields/count?group=subject&limit=10000",
        "/v1/decisions?limit=10000",
        "/v1/features?limit=10000",
        "/v1/audit?limit=10000",
        "/v1/accountability/count",
        "/v1/unowned?limit=10000",
        "/v1/search?text=the&limit=1000",
        "/v1/log/entries",
    )
    crowd = _get("/v1/fields/history/count?group=subject&group=field")
    return [
        *(Attack(f"GET {path}", _get(path)) for path in paths),
        Attack(f"GET /v1/fields/history/count by {sizes.hurried}", crowd, times=sizes.hurried),
        Attack("GET /v1/fields/history/count, and leave", crowd, leaves=0.2),
    ]


def bodies(sizes: Sizes) -> list[Attack]:
    """Bodies of millions of members, each of which is wrong."""

    def many(before: str, member: str, after: str) -> bytes:
        return (before + ",".join([member] * (sizes.body // (len(member) + 1))) + after).encode()

    pairs = ",".join(f'"{n}":0' for n in range(sizes.body // 10))
    sent = {
        "identifiers": ("/v1/commands", many('{"type":"RegisterPerson","name":"n","identifiers":[', '""', "]}")),
        "commands {}": ("/v1/commands", many('{"commands":[', "{}", "]}")),
        "commands 0": ("/v1/commands", many('{"commands":[', "0", "]}")),
        "commands null": ("/v1/commands", many('{"commands":[', "null", "]}")),
        "changes": ("/v1/commands", many('{"type":"ImportChanges","subject":"feature:x","changes":[', "{}", "]}")),
        "transactions": ("/v1/bulk", many('{"transactions":[', "{}", "]}")),
        "expected": ("/v1/commands", f'{{"commands":[],"expected":{{{pairs}}}}}'.encode()),
        "depth": ("/v1/commands", b"[" * (sizes.body // 2)),
        "spaces": ("/v1/commands", b" " * sizes.body),
        "too long": ("/v1/commands", b'{"x":"' + b"y" * sizes.body * 3),
    }
    return [
        Attack(f"POST {name}", _post(path, body), refusals=TOO_LARGE, rounds=sizes.rounds)
        for name, (path, body) in sent.items()
    ]


def headers(sizes: Sizes) -> list[Attack]:
    """Headers without an end, and too many of them, from callers without a token."""

    def endless(_: Victim) -> Iterator[bytes]:
        yield b"GET /v1/health HTTP/1.1\r\nHost: x\r\nX: "
        for _n in range(sizes.header // MIB):
            yield b"y" * MIB
        yield b"\r\nConnection: close\r\n\r\n"

    def target(_: Victim) -> Iterator[bytes]:
        yield b"GET /v1/health?"
        for _n in range(sizes.header // MIB):
            yield b"y" * MIB
        yield b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    def many(_: Victim) -> Iterator[bytes]:
        yield b"GET /v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        yield b"".join(b"X-%d: y\r\n" % n for n in range(sizes.header // 640)) + b"\r\n"

    return [
        Attack("a header without an end", endless, refusals=frozenset({431})),
        Attack("an address without an end", target, refusals=frozenset({414})),
        Attack("many headers", many, refusals=frozenset({431})),
    ]


def connections(sizes: Sizes) -> list[Attack]:
    """Connections that send half a request and wait."""

    def half_head(_: Victim) -> Iterator[bytes]:
        yield b"GET /v1/health HTTP/1.1\r\nHost: x\r\n"

    def half_body(victim: Victim) -> Iterator[bytes]:
        yield _head("POST", "/v1/commands", victim) + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"

    return [
        Attack("half a head", half_head, times=sizes.connections, refusals=frozenset({408})),
        Attack("half a body", half_body, times=sizes.connections, refusals=frozenset({408})),
        Attack("nothing", lambda _: iter(()), times=sizes.connections, refusals=frozenset({408})),
    ]


def measure(events: int) -> Iterator[str]:
    """Everything: bodies, headers, connections and questions."""
    yield from _measure(
        events, Sizes(), lambda sizes: [*bodies(sizes), *headers(sizes), *connections(sizes), *questions(sizes)]
    )


def measure_bodies(events: int) -> Iterator[str]:
    """Measure only the request bodies."""
    yield from _measure(events, Sizes(), bodies)


def measure_questions(events: int) -> Iterator[str]:
    """Only the questions."""
    yield from _measure(events, Sizes(), questions)


def _measure(events: int, sizes: Sizes, attacks: Callable[[Sizes], list[Attack]]) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, fresh_schema() as url:
        for name, store in (("SQLite", ""), ("PostgreSQL", url)):
            place = Path(folder) / name
            place.mkdir()
            fill(place, events, store)
            for outcome in outcomes(place, sizes, attacks(sizes)):
                yield f"{name}: {outcome}"


@dataclass(frozen=True)
class Outcome:
    """What came of one attack."""

    attack: Attack
    statuses: Counter[int | str]
    during: Seen
    quiet: Seen
    memory_mb: float
    alive: bool
    cpu_after: float
    """Of a second after the attack, how much of it the server still worked."""

    def __str__(self) -> str:
        said = ", ".join(f"{number} × {status}" for status, number in sorted(self.statuses.items(), key=str))
        return (
            f"{self.attack.name}: {'alive' if self.alive else 'KILLED'}, {self.memory_mb:.0f} MB; {said}; "
            f"health p50 {_ms(self.during.health)}, max {_ms(self.during.health, max)}; reading {_ms(self.during.read)} "
            f"(quiet {_ms(self.quiet.read)}), max {_ms(self.during.read, max)}; writing {_ms(self.during.write)} (quiet "
            f"{_ms(self.quiet.write)}), max {_ms(self.during.write, max)}; {self.during.failed} of others failed; "
            f"{self.cpu_after:.0%} busy afterwards"
        )


def _ms(seconds: Sequence[float], of: Callable[[Sequence[float]], float] = statistics.median) -> str:
    return f"{of(seconds) * 1000:.0f} ms" if seconds else "no answer"


def fill(folder: Path, events: int, store: str = "") -> None:
    """A log of this many events with its read model, as a server expects them in a folder or at an address."""
    with (
        filled(store or folder / "log.sqlite3", events) as (log, history),
        closing(open_database(store or folder / "views.sqlite3")) as database,
    ):
        rebuild(log, ReadModel.open(database, log, system_clock))
        tokens = {
            who: log.tokens.create(f"person:p{n}", role="admin")[1]
            for n, who in enumerate(("attacker", "reader", "writer"), start=1)
        }
    known = {"tokens": tokens, "feature": history.features[0], "store": store}
    (folder / "tokens.json").write_text(json.dumps(known))


def outcomes(folder: Path, sizes: Sizes, attacks: Sequence[Attack]) -> Iterator[Outcome]:
    """What came of each attack; a server that was killed is started again for the next."""
    left = list(attacks)
    while left:
        with _victim(folder) as victim:
            quiet, _ = _watch(victim, lambda: time.sleep(sizes.quiet_seconds))
            while left and victim.alive:
                yield _outcome(victim, left.pop(0), quiet, sizes)


@contextmanager
def _victim(folder: Path) -> Iterator[Victim]:
    known = json.loads((folder / "tokens.json").read_text())
    with (
        suppress(ProcessLookupError, subprocess.TimeoutExpired),
        serving(folder, DECISIONLOG_STORE=known["store"]) as server,
    ):
        victim = Victim(server, known["tokens"], known["feature"])
        ended = threading.Event()
        guard = threading.Thread(target=_kill_if_too_large, args=(victim, ended))
        guard.start()
        try:
            yield victim
        finally:
            ended.set()
            guard.join()


def _kill_if_too_large(victim: Victim, ended: threading.Event) -> None:
    while not ended.wait(LOOK_S) and victim.alive:
        if _memory_mb(victim, "VmRSS") > MEMORY_LIMIT_MB:
            victim.server.process.send_signal(signal.SIGKILL)


def _memory_mb(victim: Victim, what: str) -> float:
    with suppress(OSError, IndexError):
        status = Path(f"/proc/{victim.server.process.pid}/status").read_text()
        return int(status.split(f"{what}:")[1].split()[0]) / 1024
    return 0.0


def _outcome(victim: Victim, attack: Attack, quiet: Seen, sizes: Sizes) -> Outcome:
    with suppress(OSError):
        Path(f"/proc/{victim.server.process.pid}/clear_refs").write_text("5")  # resets the peak
    peak = [0.0]

    def run() -> Counter[int | str]:
        found = _in_background(lambda: asyncio.run(_attack(victim, attack, sizes.seconds)))
        peak[0] = _memory_mb(victim, "VmHWM")
        return found

    during, statuses = _watch(victim, run)
    busy = _busy(victim)
    return Outcome(attack, statuses, during, quiet, peak[0] or MEMORY_LIMIT_MB, victim.alive, busy)


def _busy(victim: Victim) -> float:
    from tests.benchmarks.load import cpu_seconds

    with suppress(OSError):
        begun = cpu_seconds(victim.server.process.pid)
        time.sleep(1.0)
        return cpu_seconds(victim.server.process.pid) - begun
    return 0.0


def _in_background(work: Callable[[], Counter[int | str]]) -> Counter[int | str]:
    """Run in a process with the lowest priority: a real attacker does not share the server's processors."""
    context = multiprocessing.get_context("fork")
    found = context.SimpleQueue()

    def run() -> None:
        os.nice(19)
        found.put(work())

    process = context.Process(target=run)
    process.start()
    try:
        return found.get()
    finally:
        process.join()


async def _attack(victim: Victim, attack: Attack, seconds: float) -> Counter[int | str]:
    found: Counter[int | str] = Counter()
    for _ in range(attack.rounds):
        sent = [_attack_once(victim, attack, attack.leaves or seconds) for _ in range(attack.times)]
        found += Counter(await asyncio.gather(*sent))
    return found


async def _attack_once(victim: Victim, attack: Attack, seconds: float) -> int | str:
    """The status with which one connection was answered."""
    writer = None
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(*victim.place)
            sending = asyncio.create_task(_send(writer, attack.parts(victim)))
            try:
                line = await reader.readline()
                while await reader.read(MIB):
                    pass
            finally:
                sending.cancel()
            return int(line.split()[1]) if line else CLOSED
    except TimeoutError:
        return "left" if attack.leaves else LATE
    except OSError:
        return CLOSED
    finally:
        if writer:
            writer.transport.abort()  # closes at once, also where the server reads nothing any more
            await asyncio.sleep(0)


async def _send(writer: asyncio.StreamWriter, parts: Iterator[bytes]) -> None:
    with suppress(OSError):
        for part in parts:
            writer.write(part)
            await writer.drain()


# Others ---------------------------------------------------------------------------------------------------------------


def _watch(victim: Victim, work: Callable[[], Any]) -> tuple[Seen, Any]:
    """What others saw while something ran. They are in a process of their own, so that the attack does not slow them."""
    context = multiprocessing.get_context("fork")
    ended, found = context.Event(), context.SimpleQueue()
    process = context.Process(target=_others, args=(victim.place, victim.tokens, victim.feature, ended, found))
    process.start()
    try:
        result = work()
    finally:
        ended.set()
        seen = found.get()
        process.join()
    return seen, result


def _others(place: tuple[str, int], tokens: dict[str, str], feature: str, ended: Any, found: Any) -> None:
    seen = Seen()
    numbers = iter(range(1 << 30))

    def write() -> tuple[str, str, bytes | None]:
        said = {"name": "x.size", "value": f"{time.time_ns()} {next(numbers)}"}
        return "POST", f"/v1/subjects/{feature}/attributes", json.dumps(said).encode()

    cheap = iter([f"/v1/{path}" for path in ("me", "log", "products/p0", "status")] * (1 << 16))
    threads = [
        threading.Thread(target=_ask_until, args=(ended, place, tokens[who], request, times, seen))
        for who, request, times in (
            ("reader", lambda: ("GET", "/v1/health", None), seen.health),
            ("reader", lambda: ("GET", next(cheap), None), seen.read),
            ("writer", write, seen.write),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.put(seen)


def _ask_until(
    ended: Any,
    place: tuple[str, int],
    token: str,
    request: Callable[[], tuple[str, str, bytes | None]],
    times: list[float],
    seen: Seen,
) -> None:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    while not ended.is_set():
        begun = time.perf_counter()
        connection = http.client.HTTPConnection(*place, timeout=60)
        try:
            method, path, body = request()
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            seen.failed += answer.status >= http.HTTPStatus.BAD_REQUEST
            times.append(time.perf_counter() - begun)
        except (OSError, http.client.HTTPException):
            seen.failed += 1
        finally:
            connection.close()
        ended.wait(0.05)
