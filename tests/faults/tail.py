"""A tailing reader, while many write: it misses nothing and meets no gap.

Clients append units of a few events without pause; now and then the writer stands still inside the lock, and some
units are rolled back at the last moment. One reader follows by position, another by the library's subscription. In a
file the clients are of one process, on PostgreSQL of several.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from eventsourcing.persistence import PersistenceError

from cli.bootstrap import clock
from domain.any_subject import ChangeTitle
from domain.product import DefineProduct
from eventlog.entry import Caller, Receipt, Transaction
from identity.decision_log import DecisionLog
from tests.support_log import Ticking
from tests.support_postgresql import fresh_schema

CLIENTS: Final = 32
EVENTS_A_UNIT: Final = 10
PAUSES: Final = 200
ROLLED_BACK: Final = 0.05
PROCESSES: Final = 4
"""That write to PostgreSQL."""
TOLD_EVERY: Final = 10.0
"""Seconds between two reports."""
LONGEST_WAIT: Final = 60.0
"""Seconds for a reader to come to the end once all is written."""
ANN: Final = Caller("service:writer", "a-token", "http")


class Troubled(sqlite3.Connection):
    """Stands still inside the lock now and then, and fails at the last moment before a commit."""

    chance = Random(1)
    pause = 0.0
    failing = 0.0
    paused = 0
    rolled_back = 0

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        done = super().execute(sql, parameters)
        if sql.startswith("UPDATE head"):
            if self.chance.random() < Troubled.pause:
                Troubled.paused += 1
                time.sleep(self.chance.uniform(0.1, 1) * Troubled.longest)
            if self.chance.random() < Troubled.failing:
                Troubled.rolled_back += 1
                msg = "rolled back"
                raise sqlite3.OperationalError(msg)
        return done

    longest = 1.0


def open_troubled(path: Path, pauses: float, longest: float = 1.0) -> DecisionLog:
    """A log whose writer has `pauses` a group, each of 0.1 to 1 times `longest` seconds."""
    Troubled.pause, Troubled.longest, Troubled.rolled_back, Troubled.paused = pauses, longest, 0, 0
    Troubled.failing = 0.0  # the log itself is begun without trouble
    whole = sqlite3.connect
    sqlite3.connect = partial(whole, factory=Troubled)  # type: ignore[assignment]
    try:
        log = DecisionLog.open(path, clock=Ticking())
        log.default_role = "admin"
        Troubled.failing = ROLLED_BACK
        log.head()
        asyncio.run(write(log, 1, [0]))  # so that the writer's connection is made by now
    finally:
        sqlite3.connect = whole
    return log


async def write(log: DecisionLog, events: int, done: list[int], clients: int = CLIENTS, name: str = "c") -> None:
    """Writes until there are this many; what is rolled back is sent again."""

    async def client(name: str) -> None:
        n = 0
        while done[0] < events:
            n += 1
            key = f"{name}-{n}"
            commands = (
                DefineProduct(key=key, title="0"),
                *(ChangeTitle(subject=f"product:{key}", title=str(i)) for i in range(1, EVENTS_A_UNIT)),
            )
            transaction = Transaction(commands, ANN, key)
            while not await _send(log, transaction):
                pass
            done[0] += EVENTS_A_UNIT

    first = log.head().size
    await asyncio.gather(*(client(f"{name}{first}-{n}") for n in range(clients)))


async def _send(log: DecisionLog, transaction: Transaction) -> bool:
    try:
        (result,) = await log.execute_many([transaction])
    except PersistenceError:
        return False
    assert isinstance(result, Receipt), result
    return True


class Reader(threading.Thread):
    """Follows the log and notes the first position that is not the one that comes next."""

    def __init__(self, follow: Callable[[], Iterator[int]], upto: Callable[[int], bool]) -> None:
        super().__init__(daemon=True)
        self.last = 0
        self.wrong: str | None = None
        self._follow = follow
        self._upto = upto

    def run(self) -> None:
        for position in self._follow():
            if position != self.last + 1:
                self.wrong = f"position {position} came after {self.last}"
                return
            self.last = position
            if self._upto(position):
                return


def by_position(log: DecisionLog) -> Iterator[int]:
    """Positions in the order in which reading after the last one gives them."""
    last = 0
    while True:
        for row in log.rows(last, 1000):
            last = row.position
            yield last
        log.wait(last, 0.1)


def by_subscription(log: DecisionLog) -> Iterator[int]:
    """Positions in the order in which the library's subscription gives them."""
    with log.subscribe(0) as subscription:
        for notification in subscription:
            yield notification.id


@dataclass
class Followed:
    """What is going on, for reports."""

    readers: list[Reader] = field(default_factory=list)
    paused: int = 0
    rolled_back: int = 0


@contextmanager
def _follow_twice(log: DecisionLog, wrong: list[str], followed: Followed) -> Iterator[None]:
    """Two readers from the beginning to the end of what is written meanwhile; what they met that is wrong."""
    written = threading.Event()
    ended = lambda position: written.is_set() and position >= log.head().size  # noqa: E731
    followed.readers += [Reader(partial(follow, log), ended) for follow in (by_position, by_subscription)]
    for reader in followed.readers:
        reader.start()
    yield
    written.set()
    asyncio.run(write(log, 1, [0], name="last"))  # so that waiting readers are woken once more
    for reader in followed.readers:
        reader.join(LONGEST_WAIT)
        if reader.wrong:
            wrong.append(reader.wrong)
        if reader.is_alive():
            wrong.append(f"a reader is at {reader.last}, and the log at {log.head().size}")
    finding = log.verify()
    if finding:
        wrong.append(str(finding))


def tail(path: Path, events: int, pauses: float, longest: float = 1.0, followed: Followed | None = None) -> list[str]:
    """Writes to a file and follows, `pauses` a group; tells what was wrong."""
    wrong: list[str] = []
    followed = followed or Followed()
    with open_troubled(path, pauses, longest) as log, _follow_twice(log, wrong, followed):
        asyncio.run(write(log, events, [0]))
    followed.paused, followed.rolled_back = Troubled.paused, Troubled.rolled_back
    return wrong


def tail_on_postgresql(
    store: str,
    events: int,
    pauses: int,
    longest: float = 1.0,
    followed: Followed | None = None,
    *,
    processes: int = PROCESSES,
    rolled_back: float = ROLLED_BACK,
    gap: int | None = None,
) -> list[str]:
    """Writes from several processes and follows in this one, `pauses` in all; tells what was wrong."""
    from tests.faults.tail_writer import Task, command

    wrong: list[str] = []
    followed = followed or Followed()
    chance = Random(events)
    sizes = [chance.randrange(1, events) for _ in range(pauses)]
    with DecisionLog.open(store, clock=clock) as log, _follow_twice(log, wrong, followed):
        log.default_role = "admin"
        tasks = [
            Task(f"w{n}-", events // processes, CLIENTS // processes, sizes[n::processes], longest, rolled_back, gap)
            for n in range(processes)
        ]
        running = [subprocess.Popen(command(store, task), stdout=subprocess.PIPE, text=True) for task in tasks]
        for process in running:
            said = process.communicate()[0]
            if process.returncode:
                wrong.append(f"a process that writes ended with {process.returncode}")
                continue
            paused, rolled_back = json.loads(said)
            followed.paused += paused
            followed.rolled_back += rolled_back
    return wrong


def run(events: int, kind: str = "sqlite") -> Iterator[str]:
    """Many events; says as it goes how many were followed, and through how many pauses and rollbacks."""
    begun, followed = time.monotonic(), Followed()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        if kind == "sqlite":
            groups = events / (CLIENTS * EVENTS_A_UNIT)
            doing = pool.submit(tail, Path(folder) / "log.sqlite3", events, PAUSES / groups, 1.0, followed)
            yield from _report(doing, followed, begun)
        else:
            with fresh_schema() as store:
                doing = pool.submit(tail_on_postgresql, store, events, PAUSES, 1.0, followed)
                yield from _report(doing, followed, begun)
    wrong = doing.result()
    yield (
        f"{kind}: {events:,} events by {CLIENTS} clients in {time.monotonic() - begun:.0f} s, {followed.paused} pauses, "
        f"{followed.rolled_back} rollbacks; {len(wrong)} things wrong"
    )
    yield from wrong
    if wrong:
        raise SystemExit(1)


def _report(doing: Future[list[str]], followed: Followed, begun: float) -> Iterator[str]:
    while not doing.done():
        try:
            doing.exception(TOLD_EVERY)
        except TimeoutError:
            where = " and ".join(f"{reader.last:,}" for reader in followed.readers)
            yield f"{time.monotonic() - begun:.0f} s: the readers are at {where}"
