"""Apply the entries of the events topic to a replica's read models, in the order of the log.

Duplicates are ignored, early entries wait, and a hole is filled from the log's HTTP API. Without that API, the replica
waits for the missing entry and reports it. The offset to resume at is stored in the transaction of the rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from consumers.kafka.reorder_buffer import DEFAULT_CAPACITY, ReorderBuffer
from eventlog.codec import decode_row
from eventlog.records import EntryRow
from projections.read_model import replica_state, schema
from projections.read_model.database import MISSING, Writer
from projections.read_model.model import ReadModel
from projections.read_model.projector import Projector
from projections.read_model.replica_state import ReplicaState

_log: Final = logging.getLogger("decisionlog.replica")

BATCH_ROWS: Final = 4_000
POLL_INTERVAL_S: Final = 0.2
HOLE_TIMEOUT_US: Final = 1_000_000
"""How long a hole may last while more entries arrive, and the time between two requests to fill one."""
STATE_INTERVAL_US: Final = 1_000_000
"""How often an unchanged state is stored."""


@dataclass(frozen=True, slots=True)
class ReceivedEntry:
    """The message at an offset of the topic: a row of a log, or the error in it."""

    offset: int
    log_id: str
    row: EntryRow | None
    error: str = ""


class EventFeed(Protocol):
    """The events topic, read in order from an offset."""

    @property
    def topic(self) -> str:
        """The name of the topic."""
        ...

    @property
    def transient_errors(self) -> tuple[type[Exception], ...]:
        """The errors after which one retries."""
        ...

    def seek(self, offset: int | None) -> None:
        """Continue at an offset; at the oldest message if it is None or no longer in the topic."""
        ...

    def poll(self, seconds: float) -> Sequence[ReceivedEntry]:
        """Return the next messages, and wait for the first of them."""
        ...

    def unread(self) -> int | None:
        """Return how many messages follow the last one read; None if that is unknown."""
        ...

    def close(self) -> None:
        """Close the connections; the next `seek` opens new ones."""
        ...


class UpstreamLog(Protocol):
    """The log's HTTP API, from which holes are filled."""

    @property
    def transient_errors(self) -> tuple[type[Exception], ...]:
        """The errors after which one retries."""
        ...

    def size(self) -> tuple[str, int]:
        """Return the log's id and its last position."""
        ...

    def rows(self, after: int, limit: int) -> Sequence[EntryRow]:
        """Return at most `limit` rows after a position, in order, checked against their leaf hashes."""
        ...


class WrongLog(Exception):
    """The replica holds another log, or another history of it; the message says what to do."""


class ReplicaSession:
    """Keeps a replica from the time it is claimed until the session is stopped or fails."""

    def __init__(
        self,
        model: ReadModel,
        writer: Writer,
        feed: EventFeed,
        upstream: UpstreamLog | None,
        clock: Callable[[], int],
        batch_rows: int = BATCH_ROWS,
        buffer_capacity: int = DEFAULT_CAPACITY,
    ) -> None:
        self._model = model
        self._writer = writer
        self._feed = feed
        self._upstream = upstream
        self._clock = clock
        self._batch_rows = batch_rows
        self._prepare_database()
        self._projector = Projector(writer)
        self._buffer = ReorderBuffer(buffer_capacity)
        self._must_scrub = True  # the session before may have ended between an erasure and its scrub
        self._is_complete = False  # whether the log was asked for entries that the topic no longer has
        self._hole_since: int | None = None
        self._next_request_at = 0
        self._state = self._resume()
        self._stored_state = self._state

    def step(self) -> None:
        """Read the next messages and apply the entries that are ready."""
        is_next_ready = self._buffer.first_waiting() == self._state.position + 1
        received = self._feed.poll(0 if is_next_ready else POLL_INTERVAL_S)
        for each in received:
            self._receive(each)
        received_rows = [each.row for each in received if each.row]
        self._update_known_position(max((row.position for row in received_rows), default=0))
        self._require_same_history(received_rows)
        unread = self._feed.unread()
        rows: Sequence[EntryRow] = self._buffer.pop_ready(self._state.position, self._batch_rows)
        rows = rows or self._find_missing(is_topic_read=not received and unread == 0)
        self._state = replace(self._state, unread_messages=unread or 0, polled_at=self._clock())
        if rows:
            self._apply(rows)
        else:
            self._store_state()
        self._must_scrub = self._must_scrub and not self._model.scrub()

    def store_problem(self, problem: str) -> None:
        """Store a problem that ends this session, so that the status of the replica shows it."""
        self._report_problem(problem)
        self._store_state()

    def _prepare_database(self) -> None:
        """Create the read model if it is missing or has another version. Readers may have it open."""
        database = self._model.database
        problem = database.check()
        if problem:
            _log.log(logging.INFO if problem == MISSING else logging.WARNING, "Creating the replica: %s.", problem)
            database.recreate()
        version = self._writer.rows("select version from projection", {})[0][0]
        if version != schema.VERSION:
            _log.warning(
                "Rebuilding the replica: it has version %s, and this program needs %s.", version, schema.VERSION
            )
            with self._writer.transaction():
                self._writer.drop_tables("")
                self._writer.create_tables("")

    def _resume(self) -> ReplicaState:
        """Seek to the stored offset, if it belongs to this topic and to the position of the model."""
        with self._writer.transaction():
            replica_state.create_tables(self._writer)
            position, found = self._projector.position(), replica_state.read_state(self._writer.rows)
        if position and not found.log:
            raise WrongLog(
                f"{self._model.database} has read models that are not a replica; name another file or database with --into"
            )
        if (found.topic, found.position) != (self._feed.topic, position) or not position:
            found = ReplicaState(log=found.log if position else "", topic=self._feed.topic, position=position)
        self._feed.seek(found.next_offset or None)
        self._buffer.seek(found.next_offset, position)
        return replace(found, missing_position=None)

    def _receive(self, received: ReceivedEntry) -> None:
        if received.row is None:
            self._report_problem(f"offset {received.offset} of the topic has no valid entry: {received.error}")
        else:
            self._require_log(received.log_id)
        self._buffer.add(received.offset, received.row, self._state.position)

    def _update_known_position(self, position: int) -> None:
        self._state = replace(self._state, known_position=max(self._state.known_position, position))

    def _report_problem(self, problem: str) -> None:
        if problem != self._state.error:
            _log.warning("The replica: %s", problem)
        self._state = replace(self._state, error=problem, error_at=self._clock())

    def _require_log(self, log_id: str) -> None:
        if log_id == self._state.log:
            return
        if self._state.log:
            raise WrongLog(
                f"the replica holds {self._state.log}, and the topic has {log_id}; keep each log in a replica of its own "
                "(--into), from a topic of its own"
            )
        self._state = replace(self._state, log=log_id)

    def _require_same_history(self, rows: Sequence[EntryRow]) -> None:
        """Compare the latest duplicate with the replica: it may come from another history of the same log."""
        duplicate = max((row for row in rows if row.position <= self._state.position), default=None)
        if duplicate is None:
            return
        sql = "select recorded_at, subject, version, type from event where position = :position"
        stored = self._writer.rows(sql, {"position": duplicate.position})
        if list(stored) != [(duplicate.recorded_at, duplicate.subject, duplicate.version, duplicate.type)]:
            raise self._restored_log_error(
                f"position {duplicate.position} of {self._state.log} differs from the entry in the replica"
            )

    def _restored_log_error(self, finding: str) -> WrongLog:
        return WrongLog(
            f"{finding}: the log was restored to an earlier state and has continued differently; start a new replica in "
            "an empty place"
        )

    # Holes

    def _find_missing(self, *, is_topic_read: bool) -> Sequence[EntryRow]:
        """Return rows that the topic does not have, from the log's API; none while they may still arrive."""
        offset = self._buffer.pop_reread_offset(self._state.position)
        if offset is not None:
            self._seek(offset)
            return ()
        first_waiting = self._buffer.first_waiting()
        if first_waiting is None and self._is_complete:
            self._hole_since = None
            return ()
        now = self._clock()
        self._hole_since = self._hole_since or now
        if (not is_topic_read and now - self._hole_since < HOLE_TIMEOUT_US) or now < self._next_request_at:
            return ()
        rows = self._fetch_missing(first_waiting)
        if not rows:
            self._next_request_at = now + HOLE_TIMEOUT_US
            if first_waiting is not None:
                self._wait_for(self._state.position + 1)
        return rows

    def _fetch_missing(self, first_waiting: int | None) -> Sequence[EntryRow]:
        """Fetch the rows before the first one that waits; if none waits, those after the position of the replica."""
        if self._upstream is None:
            self._is_complete = True
            return ()
        position = self._state.position
        try:
            log_id, size = self._upstream.size()
            last = self._upstream.rows(position - 1, 1) if first_waiting is None and 0 < position <= size else ()
            count = min(self._batch_rows, (size if first_waiting is None else first_waiting - 1) - position)
            rows = self._upstream.rows(position, count) if count > 0 else ()
        except self._upstream.transient_errors as error:
            self._report_problem(f"the log does not answer: {error}")
            return ()
        self._require_log(log_id)
        if size < position:
            raise self._restored_log_error(f"{log_id} ends at position {size}, and the replica is at {position}")
        self._require_same_history(last)
        self._update_known_position(size)
        self._is_complete = self._is_complete or (first_waiting is None and position + len(rows) >= size)
        return rows

    def _wait_for(self, position: int) -> None:
        """Read the whole topic once more for a position that cannot be fetched, and then wait for it."""
        if self._state.missing_position == position:
            return
        _log.warning("Position %d is missing; the replica waits for it.", position)
        self._state = replace(self._state, missing_position=position)
        self._seek(None)

    def _seek(self, offset: int | None) -> None:
        self._feed.seek(offset)
        self._buffer.seek(offset or 0, self._state.position)

    # Writing

    def _apply(self, rows: Sequence[EntryRow]) -> None:
        position = rows[-1].position
        state = replace(
            self._state,
            position=position,
            next_offset=self._buffer.resume_offset(),
            known_position=max(self._state.known_position, position),
            missing_position=None,
        )
        entries = [decode_row(row) for row in rows]
        with self._writer.transaction():
            has_erased = self._projector.apply(entries)
            replica_state.write_state(self._writer, state)
        self._state = self._stored_state = state
        self._hole_since = None
        self._must_scrub = self._must_scrub or has_erased

    def _store_state(self) -> None:
        """Store the state if it has changed, and at intervals to show that the replica is working."""
        comparable = replace(self._state, polled_at=self._stored_state.polled_at)
        is_recent = self._state.polled_at - self._stored_state.polled_at < STATE_INTERVAL_US
        if comparable == self._stored_state and is_recent:
            return
        with self._writer.transaction():
            replica_state.write_state(self._writer, self._state)
        self._stored_state = self._state
