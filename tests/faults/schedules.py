"""What can happen to messages on their way, without a broker: they come twice, early, late or never, and readers die.

A schedule says what is in the topic in which order, how much of it each look brings, when the reader is killed, and
whether the log's API is there. However it went, the replica ends equal to one that read the log in peace, or stands
before the first hole that nobody could fill.
"""

from __future__ import annotations

import itertools
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from consumers.kafka.replica_session import ReceivedEntry, ReplicaSession
from domain.any_subject import TextsErased
from domain.examples import examples_for
from eventlog.codec import decode_row
from eventlog.records import EntryRow
from identity.decision_log import DecisionLog
from projections.read_model.database import Database, Writer
from projections.read_model.model import ReadModel, content_hash
from projections.read_model.projector import Projector
from projections.read_model.sqlite import SqliteDatabase
from tests.faults.logs import ENDS, START, do
from tests.projections.support import delete_rows

SECOND = 1_000_000
LOG = "log:a"
QUIET = 6
"""Looks in a row that change nothing: then nothing will."""


class Killed(BaseException):
    """The process is gone, wherever it was."""


# What was published -----------------------------------------------------------------------------------------------


@cache
def published() -> list[EntryRow]:
    """The rows of a log as each was published when it was recorded, with all its texts."""
    ticks = itertools.count(START, SECOND)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        with DecisionLog.open(
            path, clock=lambda: next(ticks), entropy=lambda n: sha256(next(ticks).to_bytes(8)).digest()[:n]
        ) as log:
            log.default_role = "admin"
            rows = log.rows(0, 10)
            log.on_append(lambda _size: rows.extend(log.rows(len(rows), 1000)))
            for n, command in enumerate(examples_for(log.id)):
                if command["type"] not in ENDS:
                    do(log, [[command]])
                if n % 12 == 11:
                    gone = [len(rows) - 3, len(rows) - 1]
                    do(log, [[{"type": "EraseTexts", "subject": log.id, "positions": gone}]])
            return rows


@cache
def entry_rows(size: int) -> list[EntryRow]:
    """The rows of the log of that size, as it holds them: without what was forgotten by then."""
    rows = list(published()[:size])
    for event in [decode_row(row).event for row in rows]:
        if isinstance(event, TextsErased):
            for position in event.positions:
                rows[position - 1] = rows[position - 1]._replace(texts=None)
    return rows


@contextmanager
def databases() -> Iterator[tuple[Database, Callable[[int], str]]]:
    """A database for replicas, one after the other; and what the content of one is that read some entries in peace."""
    with tempfile.TemporaryDirectory() as folder:
        one, other = (SqliteDatabase(Path(folder) / name) for name in ("replica", "clean"))
        for database in (one, other):
            database.recreate()
        hashes: dict[int, str] = {}

        def clean(size: int) -> str:
            if size not in hashes:
                delete_rows(other)
                with closing(other.writer()) as writer, writer.transaction():
                    Projector(writer).apply([decode_row(row) for row in published()[:size]])
                hashes[size] = content_hash(ReadModel(other, lambda: START))
            return hashes[size]

        yield one, clean
        one.close()
        other.close()


# What happens to it -----------------------------------------------------------------------------------------------


@dataclass
class Schedule:
    """`topic` holds positions by offset: negative for copies without what was forgotten since, None for nonsense.

    Such copies are only there with the API, which sees to it that the forgetting itself always arrives.
    """

    topic: list[int | None]
    oldest: int
    looks: list[int]
    kills: list[tuple[str, int]]
    api: bool
    batch: int
    room: int

    @property
    def size(self) -> int:
        """The last position that was published."""
        return max((abs(position) for position in self.topic if position), default=0)


@st.composite
def schedules(draw: Callable[[Any], Any]) -> Schedule:
    """Most messages in order; some twice, some early or late, some never; a topic whose beginning may be gone."""
    size = draw(st.integers(5, len(published())))
    topic: list[int | None] = list(range(1, size + 1))
    api = draw(st.booleans())
    for at, far in draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(1, 12)), max_size=6)):
        topic.insert(min(at + far, len(topic)), topic.pop(at))
    for at, to in draw(st.lists(st.tuples(st.integers(0, size - 1), st.integers(0, size)), max_size=6)):
        copy = topic[at]
        topic.insert(max(at, to), -abs(copy) if copy and api else copy)
    for at in draw(st.lists(st.integers(0, size - 1), max_size=3)):
        topic[at] = draw(st.sampled_from([None, topic[at]]))
    looks = draw(st.lists(st.integers(0, 40), min_size=1, max_size=20))
    kinds = st.sampled_from(["look", "before the commit", "after the commit", "between two"])
    kills = draw(st.lists(st.tuples(kinds, st.integers(0, 25)), max_size=4))
    oldest = draw(st.sampled_from([0, 0, 0, 1, 3, size // 2]))
    return Schedule(topic, oldest, looks, kills, api, draw(st.integers(1, 20)), draw(st.integers(2, 60)))


@dataclass
class Outcome:
    """When the process is killed: after this many chances of a kind."""

    kills: list[tuple[str, int]]
    seen: dict[str, int] = field(default_factory=dict)

    def may_strike(self, kind: str) -> None:
        self.seen[kind] = self.seen.get(kind, 0) + 1
        for kill in self.kills:
            if kill[0] == kind and self.seen[kind] > kill[1]:
                self.kills.remove(kill)
                raise Killed


@dataclass
class MemoryFeed:
    """A topic that grows as it is looked at."""

    schedule: Schedule
    outcome: Outcome
    transient_errors: tuple[type[Exception], ...] = ()
    topic: str = "events"
    at: int = 0
    looks: Iterator[int] = field(init=False)

    def __post_init__(self) -> None:
        self.looks = itertools.cycle([*self.schedule.looks, 7])

    def seek(self, offset: int | None) -> None:
        self.at = self.schedule.oldest if offset is None else max(offset, self.schedule.oldest)

    def poll(self, seconds: float) -> Sequence[ReceivedEntry]:
        self.outcome.may_strike("look")
        first, self.at = self.at, min(len(self.schedule.topic), self.at + next(self.looks))
        return [self._arrival(offset) for offset in range(first, self.at)]

    def _arrival(self, offset: int) -> ReceivedEntry:
        position = self.schedule.topic[offset]
        if position is None:
            return ReceivedEntry(offset, "", None, "it is nonsense")
        rows = published() if position > 0 else entry_rows(self.schedule.size)
        return ReceivedEntry(offset, LOG, rows[abs(position) - 1])

    def unread(self) -> int:
        return len(self.schedule.topic) - self.at


class MemoryApi:
    """The log's API, which gives what the log holds now."""

    transient_errors = (ConnectionError,)

    def __init__(self, size: int) -> None:
        self._size = size

    def size(self) -> tuple[str, int]:
        return LOG, self._size

    def rows(self, after: int, limit: int) -> Sequence[EntryRow]:
        return entry_rows(self._size)[after : after + limit]


class Mortal:
    """A writer whose process may be killed around a commit."""

    def __init__(self, writer: Writer, outcome: Outcome) -> None:
        self._writer = writer
        self._outcome = outcome

    def __getattr__(self, name: str) -> Any:
        return getattr(self._writer, name)

    @contextmanager
    def transaction(self, p: str = "") -> Iterator[None]:
        self._outcome.may_strike("between two")
        with self._writer.transaction(p):
            yield
            self._outcome.may_strike("before the commit")
        self._outcome.may_strike("after the commit")


def outcome(
    schedule: Schedule, database: Database, clean: Callable[[int], str], turn: type[ReplicaSession] = ReplicaSession
) -> list[str]:
    """What is wrong with the replica after a schedule, in words."""
    delete_rows(database)
    with closing(database.writer()) as writer, writer.transaction():
        for table in ("replica", "replica_name"):
            writer.rows(f"drop table if exists {table}", {})
    model, outcome, ticks = (
        ReadModel(database, lambda: START),
        Outcome(list(schedule.kills)),
        itertools.count(START, SECOND),
    )
    size, feed = schedule.size, MemoryFeed(schedule, outcome)
    api = MemoryApi(size) if schedule.api else None
    try:
        quiet = _until_quiet(model, database, feed, api, ticks, schedule, outcome, turn)
    except Exception as error:  # noqa: BLE001  (a sabotaged replica may fail in any way)
        return [f"it ends with {error!r}"]
    there = {abs(position) for position in schedule.topic[schedule.oldest :] if position}
    hole = next(position for position in itertools.count(1) if position not in there)
    expected = size if schedule.api else hole - 1
    with model.read() as read:
        waits_for = next(iter(read.rows("select missing_position from replica", {})))[0]
    wrong = [] if quiet else ["it never comes to rest"]
    if model.position != expected:
        wrong.append(f"it is at {model.position}, not at {expected}")
    elif content_hash(model) != clean(expected):
        wrong.append(f"its content at {expected} is not that of a clean run")
    if waits_for != (hole if not schedule.api and any(each > hole for each in there) else None):
        wrong.append(f"it says that it waits for {waits_for}")
    return wrong


def _until_quiet(
    model: ReadModel,
    database: Database,
    feed: MemoryFeed,
    api: MemoryApi | None,
    ticks: Iterator[int],
    schedule: Schedule,
    outcome: Outcome,
    turn: type[ReplicaSession],
) -> bool:
    for _ in range(len(schedule.kills) + 1):
        with closing(database.writer()) as writer:
            try:
                at_work = turn(
                    model,
                    Mortal(writer, outcome),
                    feed,
                    api,
                    lambda: next(ticks),
                    schedule.batch,
                    schedule.room,  # type: ignore[arg-type]
                )
                still, before = 0, -1
                for _ in range(3_000):
                    at_work.step()
                    still, before = (still + 1 if model.position == before and not feed.unread() else 0), model.position
                    if still > QUIET:
                        return True
            except Killed:
                continue
            else:
                return False
    return False


def check(times: int, turn: type[ReplicaSession] = ReplicaSession, *, of: int = 0) -> int:
    """Runs a number of random schedules, and returns how many. The same each time.

    Raises:
        AssertionError: one of them left the replica wrong; hypothesis tells the smallest that it found.
    """
    done = 0
    with databases() as (database, clean):

        @seed(of)
        @settings(
            max_examples=times,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate] if turn is not ReplicaSession else [Phase.generate, Phase.shrink],
        )
        @given(schedule=schedules())
        def whatever_happens(schedule: Schedule) -> None:
            nonlocal done
            done += 1
            wrong = outcome(schedule, database, clean, turn)
            assert not wrong, wrong

        whatever_happens()
    return done


def run(times: int) -> Iterator[str]:
    """Run many schedules, then each sabotaged replica until it is detected."""
    from tests.faults.test_schedules import SABOTAGED_SESSIONS

    logging.disable(logging.WARNING)  # every hole is logged
    begun = time.monotonic()
    done = check(times)
    yield f"{done:,} schedules: the replica always as it must be, {time.monotonic() - begun:.0f} s"
    for sabotaged in SABOTAGED_SESSIONS:
        try:
            check(times, sabotaged)
        except AssertionError as error:
            yield f"{sabotaged.__name__} was detected: {str(error).splitlines()[0]}"
        else:
            yield f"{sabotaged.__name__} was not detected"
            raise SystemExit(1)
