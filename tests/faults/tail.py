"""A tailing reader, while many write: it misses nothing and meets no gap.

Clients append units of a few events without pause; now and then the writer stands still inside the lock, and some
units are rolled back at the last moment. One reader follows by position, another by the library's subscription.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from eventsourcing.persistence import PersistenceError

from domain.product import DefineProduct
from domain.record import Retitle
from eventlog.entry import Caller, Receipt, Unit
from eventlog.log import DecisionLog
from tests.support_house import Ticking

CLIENTS: Final = 32
EVENTS_A_UNIT: Final = 10
PAUSES: Final = 200
ROLLED_BACK: Final = 0.05
ANN: Final = Caller("service:writer", "a-token", "http")


class Troubled(sqlite3.Connection):
    """Stands still inside the lock now and then, and fails at the last moment before a commit."""

    chance = Random(1)
    pause = 0.0
    rolled_back = 0

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        done = super().execute(sql, parameters)
        if sql.startswith("UPDATE head"):
            if self.chance.random() < Troubled.pause:
                time.sleep(self.chance.uniform(0.1, 1) * Troubled.longest)
            if self.chance.random() < ROLLED_BACK:
                Troubled.rolled_back += 1
                msg = "rolled back"
                raise sqlite3.OperationalError(msg)
        return done

    longest = 1.0


def open_troubled(path: Path, pauses: float, longest: float = 1.0) -> DecisionLog:
    """A log whose writer has `pauses` a group, each of 0.1 to 1 times `longest` seconds."""
    Troubled.pause, Troubled.longest, Troubled.rolled_back = pauses, longest, 0
    whole = sqlite3.connect
    sqlite3.connect = partial(whole, factory=Troubled)  # type: ignore[assignment]
    try:
        log = DecisionLog.open(path, clock=Ticking())
        log.head()
        asyncio.run(_write(log, 1, [0]))  # so that the writer's connection is made by now
    finally:
        sqlite3.connect = whole
    return log


async def _write(log: DecisionLog, events: int, done: list[int]) -> None:
    """Writes until there are so many; what is rolled back is sent again."""

    async def client(name: str) -> None:
        n = 0
        while done[0] < events:
            n += 1
            key = f"{name}-{n}"
            commands = (
                DefineProduct(key=key, title="0"),
                *(Retitle(subject=f"product:{key}", title=str(i)) for i in range(1, EVENTS_A_UNIT)),
            )
            unit = Unit(commands, ANN, key)
            while not await _sent(log, unit):
                pass
            done[0] += EVENTS_A_UNIT

    first = log.head().size
    await asyncio.gather(*(client(f"c{first}-{n}") for n in range(CLIENTS)))


async def _sent(log: DecisionLog, unit: Unit) -> bool:
    try:
        (result,) = await log.execute_many([unit])
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


def tail(path: Path, events: int, pauses: float, longest: float = 1.0) -> Iterator[str]:
    """Writes and follows; tells what was wrong, and at the end what happened."""
    with open_troubled(path, pauses, longest) as log:
        written = threading.Event()
        ended = lambda position: written.is_set() and position >= log.head().size  # noqa: E731
        readers = [Reader(partial(follow, log), ended) for follow in (by_position, by_subscription)]
        for reader in readers:
            reader.start()
        asyncio.run(_write(log, events, [0]))
        written.set()
        asyncio.run(_write(log, 1, [0]))  # so that whoever waits is woken once more
        for reader in readers:
            reader.join(60)
            if reader.wrong:
                yield reader.wrong
            if reader.is_alive():
                yield f"a reader stands at {reader.last}, and the log at {log.head().size}"
        finding = log.verify()
        if finding:
            yield str(finding)


def run(events: int) -> Iterator[str]:
    """Many events; says how many were followed, through how many pauses and rollbacks."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        groups = events / (CLIENTS * EVENTS_A_UNIT)
        wrong = list(tail(Path(folder) / "log.sqlite3", events, PAUSES / groups))
    yield (
        f"{events:,} events by {CLIENTS} clients in {time.monotonic() - begun:.0f} s, {Troubled.rolled_back} rollbacks; "
        f"{len(wrong)} things wrong"
    )
    yield from wrong
    if wrong:
        raise SystemExit(1)
