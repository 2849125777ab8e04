"""`decisionlog replica`: the read models in another database, fed from the topic.

The same projector as beside the log, fed from what arrives. It applies position after position: what comes again is
ignored, what comes early waits, and a hole is filled from the log's API, where that was given, else it waits and says so.
The offset to go on at is written in the transaction of the rows.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final, Protocol

from consumers.kafka.reorder_buffer import ROOM, Arrivals
from eventlog.appender import EntryRow
from eventlog.codec import read_back
from projections import replica_state, schema
from projections.database import MISSING, PROJECTOR, Writer
from projections.projector import Projector
from projections.read_model import ReadModel
from projections.replica_state import ReplicaState

_log: Final = logging.getLogger("decisionlog.replica")

BATCH: Final = 4_000
LOOK: Final = 0.2
"""Seconds between two looks at whether it is this one's turn; and at the topic, where it has nothing new."""
AGAIN: Final = 1.0
"""Seconds until what failed is tried again."""
PATIENCE: Final = 1_000_000
"""Microseconds that a hole may last while more is coming; and between two requests to fill one."""
TELL: Final = 1_000_000
"""Microseconds between two notes of how it stands, where nothing moves."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What stands at an offset of the topic: a row of a log, or what is wrong with it."""

    offset: int
    log: str
    row: EntryRow | None
    trouble: str = ""


class Feed(Protocol):
    """The topic, read in order from an offset."""

    @property
    def topic(self) -> str:
        """What the topic is called."""
        ...

    @property
    def passing(self) -> tuple[type[Exception], ...]:
        """The errors that may be over when one tries again."""
        ...

    def seek(self, offset: int | None) -> None:
        """Goes on at an offset, or at the oldest that there is: where None is given, or the offset is no longer there."""
        ...

    def poll(self, seconds: float) -> Sequence[Arrival]:
        """What comes next; waits so long for it, and not at all where something is there."""
        ...

    def unread(self) -> int | None:
        """How many messages there are behind the last that was read; None while that is not known."""
        ...

    def close(self) -> None:
        """Ends the connections; the next `seek` makes others."""
        ...


class Upstream(Protocol):
    """The log's API, from which a hole is filled."""

    @property
    def passing(self) -> tuple[type[Exception], ...]:
        """The errors that may be over when one tries again."""
        ...

    def size(self) -> tuple[str, int]:
        """The log's id, and its last position."""
        ...

    def rows(self, after: int, limit: int) -> Sequence[EntryRow]:
        """At most so many rows after a position, in order; each fits its leaf."""
        ...


class Beside(Protocol):
    """What else the one active replica keeps in its database."""

    def step(self, writer: Writer) -> None:
        """Looks for news and writes them, in transactions of its own; takes no time where there are none."""
        ...

    def close(self) -> None:
        """Ends the connections; the next step makes others."""
        ...


class OtherLog(Exception):
    """The replica's place holds something else than the log that is sent; the message says what, and what to do."""


class Follower:
    """Keeps one replica, or stands by while another process does."""

    def __init__(
        self, model: ReadModel, feed: Feed, upstream: Upstream | None, clock: Callable[[], int], *,
        beside: Iterable[Beside] = (), tell: Callable[[str], None] = lambda _sentence: None,
    ) -> None:  # fmt: skip
        """`clock` gives microseconds since 1970."""
        self._model = model
        self._feed = feed
        self._upstream = upstream
        self._clock = clock
        self._beside = tuple(beside)
        self._tell = tell
        self._told = ""
        self._stop = threading.Event()

    def stop(self) -> None:
        """Has `run` come to its end."""
        self._stop.set()

    def run(self) -> None:
        """Follows the topic until it is stopped; what fails in passing is tried again.

        Raises:
            OtherLog: the topic carries another log than the replica holds.
            UnfitTopic: the topic is not what it must be.
        """
        while not self._stop.is_set():
            try:
                self._try()
            except (*self._model.database.transient_errors, *self._feed.passing) as error:
                _log.warning("The replica will be tried again: %s", error)
                self._stop.wait(AGAIN)
            finally:
                self._feed.close()
                for each in self._beside:
                    each.close()

    def _try(self) -> None:
        with closing(self._model.database.writer()) as writer:
            while not writer.claim(PROJECTOR):
                self._say("Standing by: another process keeps this replica.")
                if self._stop.wait(LOOK):
                    return
            turn = Turn(self._model, writer, self._feed, self._upstream, self._clock)
            self._say(f"Keeping the replica in {self._model.database}.")
            while not self._stop.is_set():
                turn.step()
                for each in self._beside:
                    each.step(writer)

    def _say(self, sentence: str) -> None:
        if sentence != self._told:
            self._tell(sentence)
        self._told = sentence


class Turn:
    """One turn at keeping a replica, from the claim until it ends or something fails."""

    def __init__(
        self, model: ReadModel, writer: Writer, feed: Feed, upstream: Upstream | None, clock: Callable[[], int],
        batch: int = BATCH, room: int = ROOM,
    ) -> None:  # fmt: skip
        self._model = model
        self._writer = writer
        self._feed = feed
        self._upstream = upstream
        self._clock = clock
        self._batch = batch
        self._put_in_order()
        self._projector = Projector(writer)
        self._arrivals = Arrivals(room)
        self._to_scrub = True  # the one before may have ended between forgetting and this
        self._complete = False  # whether the log was asked for what the topic did not bring when it was first read
        self._since: int | None = None
        self._not_before = 0
        self._standing = self._begin()
        self._noted = self._standing

    def step(self) -> None:
        """Reads what there is, and applies what can be applied."""
        came = self._feed.poll(0 if self._arrivals.ahead() == self._standing.position + 1 else LOOK)
        for each in came:
            self._take(each)
        self._heard_of(max((each.row.position for each in came if each.row), default=0))
        self._must_agree([each.row for each in came if each.row])
        unread = self._feed.unread()
        rows: Sequence[EntryRow] = self._arrivals.ready(self._standing.position, self._batch)
        rows = rows or self._missing(exhausted=not came and unread == 0)
        self._standing = replace(self._standing, unread=unread or 0, heard_at=self._clock())
        if rows:
            self._apply(rows)
        else:
            self._note()
        self._to_scrub = self._to_scrub and not self._model.scrub()

    def _put_in_order(self) -> None:
        """Begins the model where there is none, or one that this program cannot read; readers may have it open."""
        database = self._model.database
        trouble = database.check()
        if trouble:
            _log.log(logging.INFO if trouble == MISSING else logging.WARNING, "The replica is begun: %s.", trouble)
            database.renew()
        version = self._writer.rows("select version from projection", {})[0][0]
        if version != schema.VERSION:
            _log.warning("The replica is begun anew: it is of version %s, this is %s.", version, schema.VERSION)
            with self._writer.transaction():
                self._writer.drop("")
                self._writer.create("")

    def _begin(self) -> ReplicaState:
        """Where to go on: the offset counts only in its topic, and if it belongs to the position of the model."""
        with self._writer.transaction():
            replica_state.begin(self._writer)
            position, found = self._projector.position(), replica_state.read_state(self._writer.rows)
        if position and not found.log:
            msg = f"{self._model.database} holds read models that are no replica's; name another place with --into"
            raise OtherLog(msg)
        if (found.topic, found.position) != (self._feed.topic, position) or not position:
            found = ReplicaState(log=found.log if position else "", topic=self._feed.topic, position=position)
        self._feed.seek(found.next or None)
        self._arrivals.moved(found.next, position)
        return replace(found, waits_for=None)

    def _take(self, came: Arrival) -> None:
        if came.row is None:
            self._troubled(f"offset {came.offset} of the topic holds no entry: {came.trouble}")
        else:
            self._must_be_of(came.log)
        self._arrivals.take(came.offset, came.row, self._standing.position)

    def _heard_of(self, position: int) -> None:
        self._standing = replace(self._standing, known=max(self._standing.known, position))

    def _troubled(self, what: str) -> None:
        if what != self._standing.trouble:
            _log.warning("The replica: %s", what)
        self._standing = replace(self._standing, trouble=what, trouble_at=self._clock())

    def _must_be_of(self, log: str) -> None:
        if log == self._standing.log:
            return
        if self._standing.log:
            msg = (
                f"the replica holds {self._standing.log}, and it is sent {log}; keep each log in a replica of its own, "
                "with --into, from a topic of its own"
            )
            raise OtherLog(msg)
        self._standing = replace(self._standing, log=log)

    def _must_agree(self, rows: Sequence[EntryRow]) -> None:
        """Holds the latest of what comes again against what is here: it may be of another history of the same log."""
        again = max((row for row in rows if row.position <= self._standing.position), default=None)
        if again is None:
            return
        sql = "select recorded_at, subject, version, type from act where position = :position"
        here = self._writer.rows(sql, {"position": again.position})
        if list(here) != [(again.recorded_at, again.subject, again.version, again.type)]:
            raise self._put_back(f"position {again.position} of {self._standing.log} is another entry here")

    def _put_back(self, seen: str) -> OtherLog:
        return OtherLog(
            f"{seen}: the log was put back to an earlier state, and went on differently; begin the replica anew, in an "
            "empty place"
        )

    # Holes

    def _missing(self, *, exhausted: bool) -> Sequence[EntryRow]:
        """The rows that the topic does not bring, from wherever they can be had; none while they must be waited for."""
        again = self._arrivals.to_read_again(self._standing.position)
        if again is not None:
            self._go_to(again)
            return ()
        ahead = self._arrivals.ahead()
        if ahead is None and self._complete:
            self._since = None
            return ()
        now = self._clock()
        self._since = self._since or now
        if (not exhausted and now - self._since < PATIENCE) or now < self._not_before:
            return ()
        rows = self._filled(ahead)
        if not rows:
            self._not_before = now + PATIENCE
            if ahead is not None:
                self._wait_for(self._standing.position + 1)
        return rows

    def _filled(self, ahead: int | None) -> Sequence[EntryRow]:
        """What the log's API has of a hole; without one, of all that the topic has not brought when it was first read."""
        if self._upstream is None:
            self._complete = True
            return ()
        position = self._standing.position
        try:
            log, size = self._upstream.size()
            last = self._upstream.rows(position - 1, 1) if ahead is None and 0 < position <= size else ()
            wanted = min(self._batch, (size if ahead is None else ahead - 1) - position)
            rows = self._upstream.rows(position, wanted) if wanted > 0 else ()
        except self._upstream.passing as error:
            self._troubled(f"the log does not answer: {error}")
            return ()
        self._must_be_of(log)
        if size < position:
            raise self._put_back(f"{log} ends at position {size}, and the replica is at {position}")
        self._must_agree(last)
        self._heard_of(size)
        self._complete = self._complete or (ahead is None and position + len(rows) >= size)
        return rows

    def _wait_for(self, position: int) -> None:
        """A hole that nobody fills: looks through the whole topic once, and else waits."""
        if self._standing.waits_for == position:
            return
        _log.warning("Position %d has not come; the replica waits for it.", position)
        self._standing = replace(self._standing, waits_for=position)
        self._go_to(None)

    def _go_to(self, offset: int | None) -> None:
        self._feed.seek(offset)
        self._arrivals.moved(offset or 0, self._standing.position)

    # Writing

    def _apply(self, rows: Sequence[EntryRow]) -> None:
        position = rows[-1].position
        now = replace(
            self._standing, position=position, next=self._arrivals.resume(),
            known=max(self._standing.known, position), waits_for=None,
        )  # fmt: skip
        entries = [read_back(row) for row in rows]
        with self._writer.transaction():
            forgot = self._projector.apply(entries)
            replica_state.write_state(self._writer, now)
        self._standing = self._noted = now
        self._since = None
        self._to_scrub = self._to_scrub or forgot

    def _note(self) -> None:
        """Writes how it stands, where that has changed, and now and then that somebody looks."""
        told = replace(self._standing, heard_at=self._noted.heard_at)
        if told == self._noted and self._standing.heard_at - self._noted.heard_at < TELL:
            return
        with self._writer.transaction():
            replica_state.write_state(self._writer, self._standing)
        self._noted = self._standing
