"""The store: what every database of a log has in common. Queries, groups of appends, and the calls after a commit.

A database adds how to read, how to open the writer's transaction, how to write and commit a group of appends, and how to
vacuum: `eventlog.sqlite_store` and `eventlog.postgresql_store`. The statements themselves are in `eventlog.sql`, and the
thread that groups what waits and hands it over is in `eventlog.writer_thread`.
"""

from __future__ import annotations

import itertools
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

from eventsourcing.persistence import OperationalError

from eventlog.entry import RecordedEvent
from eventlog.errors import DamagedLogError, ReadOnlyLogError
from eventlog.records import Append, EntryRow, Head, Outcome, Span, StoredResult, TokenRow, UniqueClaim
from eventlog.side_tables import SideTables
from eventlog.sql import AMONG_RESULTS, COLUMNS, HEAD, LAST, SIDE_TABLE_KEYS, Session, iter_values, parse_head
from eventlog.store_errors import DamagedStoreError, UnknownOutcomeError
from eventlog.writer_thread import WriterThread

T = TypeVar("T")

MAX_PARAMETERS: Final = 10_000
"""The most parameters of one statement; both databases take more."""

LOGGER: Final = logging.getLogger("decisionlog.eventlog")


class Store(ABC):
    """The tables of one log.

    After each commit the writer's thread calls `on_committed` for every append, then answers its caller, and then calls
    the `listeners` with the new size of the log. After a commit of another process, `on_remote_change` is called with
    the new versions of its streams and `on_remote_erasure` if it erased texts, and then the `listeners`.
    """

    def __init__(self, name: str, *, read_only: bool) -> None:
        self.name = name
        """The name of the store in messages."""
        self.listeners: list[Callable[[int], None]] = []
        self.on_committed: Callable[[Append, Sequence[EntryRow]], None] = lambda _append, _rows: None
        self.on_remote_change: Callable[[Mapping[str, int]], None] = lambda _versions: None
        self.on_remote_erasure: Callable[[int], None] = lambda _size: None
        self.cached_head = Head()
        """The latest head that this process has seen; another process may have moved it since."""
        self.damage: DamagedStoreError | None = None
        """The damage that was found while the log was open. A damaged log is not written any more."""
        self.read_only = read_only
        self._last_notified = 0
        self._notify_lock = threading.Lock()
        self._cached_head_lock = threading.Lock()
        self._queue = WriterThread(name, self._write_group, self._publish_group)

    # What a database adds

    @abstractmethod
    def read(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query, as of the last commit."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Session]:
        """The writer's transaction, which excludes every other writer and is committed unless it fails."""

    @abstractmethod
    def _append_group(self, appends: Sequence[Append]) -> list[Outcome]:
        """Check appends for conflicts and write those that have none, in one transaction."""

    @abstractmethod
    def _vacuum(self) -> None:
        """Rewrite the tables that hold texts. Called in the writer's thread."""

    def _truncate_wal(self) -> bool:
        """Truncate the write-ahead log; return False to be called again. Called in the writer's thread."""
        return True

    @abstractmethod
    def find_damage(self) -> list[str]:
        """Describe what is damaged in the database itself, whatever its rows say: pages, indexes, schema."""

    @abstractmethod
    def library_errors(self) -> AbstractContextManager[None]:
        """Raise the database's errors as the errors of the `eventsourcing` library, which have the same names."""

    @abstractmethod
    def _disconnect(self) -> None:
        """Close every connection. The writer's thread has ended."""

    # Opening and closing

    def _must_be_complete(self) -> None:
        """Check that the entries are those that the head counts.

        Raises:
            DamagedLogError: they are not.
        """
        # One statement, so that no other process can write between two.
        last, count, size = self.read("SELECT max(position), count(*), (SELECT size FROM head) FROM events")[0]
        if (last or 0) != size or count != size:
            raise DamagedLogError(self.name, f"its head says {size} entries, but it holds {count} up to {last}")

    def must_be_writable(self) -> None:
        """Check that the log was not made read-only.

        Raises:
            ReadOnlyLogError: it was; the error says why.
        """
        if reason := self.read_only_reason():
            raise ReadOnlyLogError(self.name, reason)

    def close(self) -> None:
        """Write all that waits, then close every connection."""
        if self._queue.close():
            self._disconnect()

    # Reading entries

    def head(self) -> Head:
        """Return the head as last committed."""
        head = parse_head(self.read(HEAD))
        self.cache_head(head)
        return head

    def cache_head(self, head: Head) -> None:
        """Keep a head, if it is the latest."""
        with self._cached_head_lock:  # not the lock held while listeners are called, as they may read the head
            if head.size > self.cached_head.size:
                self.cached_head = head

    def rows(self, after: int, limit: int, *, until: int = LAST, types: Sequence[str] = ()) -> list[EntryRow]:
        """Return at most `limit` rows after a position and up to another, in order: all, or those of some types."""
        condition = f" AND type IN ({', '.join('?' * len(types))})" if types else ""
        rows = self.read(
            f"SELECT {COLUMNS} FROM events WHERE position > ? AND position <= ?{condition} ORDER BY position LIMIT ?",
            (after, until, *types, limit),
        )
        return [EntryRow._make(row) for row in rows]

    def stream(
        self, subject: str, *, after: int = -1, until: int = LAST, limit: int = LAST, descending: bool = False
    ) -> list[EntryRow]:
        """Return the rows of a stream after a version and up to another, in order of version.

        Raises:
            DamagedStoreError: the index returned other rows, or damage was found before.
        """
        self.must_not_be_damaged()
        order = "DESC" if descending else "ASC"
        found = self.read(
            f"SELECT {COLUMNS} FROM events WHERE subject = ? AND version > ? AND version <= ?"
            f" ORDER BY version {order} LIMIT ?",
            (subject, after, until, limit),
        )
        rows = [EntryRow._make(row) for row in found]
        if problem := _find_index_error(subject, rows, -1 if descending else 1):
            raise DamagedStoreError(self.name, problem)
        return rows

    def subjects(self, after: str, limit: int) -> list[str]:
        """Return at most `limit` subjects after another, in alphabetical order."""
        sql = "SELECT subject FROM events WHERE subject > ? AND version <= 1 GROUP BY subject ORDER BY subject LIMIT ?"
        return [subject for (subject,) in self.read(sql, (after, limit))]

    def subjects_at(self, positions: Sequence[int]) -> set[str]:
        """Return the subjects of the entries at some positions."""
        sql = "SELECT subject FROM (VALUES {marks}) AS wanted CROSS JOIN events WHERE position = column1"
        pages = iter_values([(position,) for position in positions])
        return {subject for marks, values in pages for (subject,) in self.read(sql.format(marks=marks), values)}

    def recorded_events(self, results: Iterable[StoredResult]) -> dict[int, RecordedEvent]:
        """Return what receipts say about the entries of some stored results, by position."""
        sql = (
            "SELECT position, subject, version, type, recorded_at FROM (VALUES {marks}) AS wanted"
            " CROSS JOIN events WHERE position BETWEEN column1 AND column2"
        )
        pages = iter_values([(one.first, one.first + one.count - 1) for one in results])
        rows = itertools.chain.from_iterable(self.read(sql.format(marks=marks), values) for marks, values in pages)
        return {row[0]: RecordedEvent(*row) for row in rows}

    # Reading side tables

    def find_results(self, claims: Sequence[UniqueClaim]) -> dict[UniqueClaim, StoredResult]:
        """Return the results stored under some idempotency keys."""
        found: dict[UniqueClaim, StoredResult] = {}
        for marks, keys in iter_values([(claim.scope, claim.key) for claim in claims]):
            sql = f"SELECT scope, key, salt, digest, first, count FROM {AMONG_RESULTS.format(marks=marks)}"
            found |= {UniqueClaim("key", scope, key): StoredResult(*rest) for scope, key, *rest in self.read(sql, keys)}
        return found

    def keys_with_prefix(self, scope: str, prefix: str) -> list[str]:
        """Return the first ten idempotency keys of a scope that start with a prefix, in order."""
        sql = "SELECT key FROM idempotency_records WHERE scope = ? AND key >= ? AND key < ? ORDER BY key LIMIT 10"
        return [key for (key,) in self.read(sql, (scope, prefix, f"{prefix}\x7f"))]

    def find_people(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of all people with a normalized name, in order."""
        found = self.read("SELECT DISTINCT person FROM names WHERE normalized = ? ORDER BY person", (normalized,))
        return tuple(person for (person,) in found)

    def identified_by(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of the people whom a normalized email address, handle or other identifier identifies."""
        sql = "SELECT DISTINCT person FROM names WHERE normalized = ? AND shown = 0 ORDER BY person"
        return tuple(person for (person,) in self.read(sql, (normalized,)))

    def names(self, person: str | None = None) -> list[tuple[str, str]]:
        """Return every name with its person's id, of all people or of one; the display name of each comes first."""
        condition, values = (" WHERE person = ?", (person,)) if person is not None else ("", ())
        sql = f"SELECT person, name FROM names{condition} ORDER BY person, shown DESC, name"
        return [(who, name) for who, name in self.read(sql, values)]

    def display_names(self, people: Sequence[str]) -> dict[str, str]:
        """Return the display name of each of these people and services that has one."""
        found: dict[str, str] = {}
        for begin in range(0, len(people), MAX_PARAMETERS):
            batch = people[begin : begin + MAX_PARAMETERS]
            values = ", ".join("?" * len(batch))
            sql = f"SELECT person, name FROM names WHERE person IN ({values}) ORDER BY person, shown, name DESC"
            found |= dict(self.read(sql, batch))  # the display name comes last
        return found

    def token(self, hash_: bytes) -> TokenRow | None:
        """Return the active token that has a hash, or None."""
        found = self.read("SELECT * FROM tokens WHERE hash = ? AND revoked_at IS NULL", (hash_,))
        # Compared with the row once more: a damaged index could lead to the token of another person.
        return next((row for row in map(TokenRow._make, found) if row.hash == hash_), None)

    def tokens(self) -> list[TokenRow]:
        """Return all tokens, revoked ones included, oldest first."""
        return [TokenRow._make(row) for row in self.read("SELECT * FROM tokens ORDER BY created_at, id")]

    def active_tokens(self, now: int) -> list[tuple[str, str, str]]:
        """Return the id, holder and scopes of each token that is not revoked and does not expire until a time."""
        sql = (
            "SELECT id, actor, scopes FROM tokens WHERE revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > ?) ORDER BY id"
        )
        return [(token, actor, scopes) for token, actor, scopes in self.read(sql, (now,))]

    def session_holders(self) -> frozenset[str]:
        """Return the people who have a session."""
        return frozenset(person for (person,) in self.read("SELECT DISTINCT person FROM sessions"))

    def find_token_holder(self, token: str) -> str | None:
        """Return the holder of a token, also of a revoked one, or None."""
        found = self.read("SELECT actor FROM tokens WHERE id = ?", (token,))
        return str(found[0][0]) if found else None

    def owners(self) -> list[tuple[str, str]]:
        """Return the local owners: the hash of each one's name and the id of the person."""
        return [(name, person) for name, person in self.read("SELECT name, person FROM owners ORDER BY name")]

    def read_only_reason(self) -> str:
        """Return why the log is read-only, as a sentence; empty if it can be written."""
        return "".join(reason for (reason,) in self.read("SELECT reason FROM read_only"))

    def read_side_table(self, table: str, after: Sequence[Any] | None, limit: int) -> list[Any]:
        """Return at most `limit` rows of a side table after a key, in the order of its primary key."""
        key = SIDE_TABLE_KEYS[table]
        marks = ", ".join("?" * len(key.split(",")))
        condition = f" WHERE ({key}) > ({marks})" if after is not None else ""
        return self.read(f"SELECT * FROM {table}{condition} ORDER BY {key} LIMIT ?", (*(after or ()), limit))

    def result_spans(self, first: int, limit: int) -> list[Span]:
        """Return the entries that idempotency records refer to, in order, from a position on."""
        sql = "SELECT first, count FROM idempotency_records WHERE first >= ? ORDER BY first LIMIT ?"
        return self.read(sql, (first, limit))

    def is_salted(self, first: int) -> bool:
        """Whether the idempotency record of the transaction that starts at a position still has its salt."""
        sql = "SELECT 1 FROM idempotency_records WHERE first = ? AND salt IS NOT NULL"
        return bool(self.read(sql, (first,)))

    # Damage

    def must_not_be_damaged(self) -> None:
        """Check that no damage was found.

        Raises:
            DamagedStoreError: it was; the error says what.
        """
        if self.damage:
            raise self.damage

    def stop_writing(self, problem: str) -> DamagedStoreError:
        """Remember that the store is damaged, so that it is not written any more; return the error to raise."""
        self.damage = self.damage or DamagedStoreError(self.name, problem)
        LOGGER.critical("%s", self.damage)
        return self.damage

    # Writing

    def submit(self, appends: Sequence[Append]) -> Future[list[Outcome]]:
        """Enqueue appends, in order; the future holds their outcomes once their group is committed."""
        self._must_not_be_read_only()
        return self._queue.submit(appends)

    async def commit(self, appends: Sequence[Append]) -> list[Outcome]:
        """Enqueue appends, in order, and return their outcomes once their group is committed."""
        self._must_not_be_read_only()
        return await self._queue.commit(appends)

    def run(self, work: Callable[[Session], T]) -> T:
        """Run a function in a transaction of its own in the writer's thread, and wait for its result."""

        def run_in_transaction() -> T:
            with self._transaction() as session:
                return work(session)

        return self._call(run_in_transaction)

    def change(self, work: Callable[[SideTables], T]) -> T:
        """Change names, tokens or owners in one transaction, and wait for it."""
        return self.run(lambda session: work(SideTables(session)))

    def vacuum(self) -> None:
        """Rewrite the tables that hold texts, so that no byte of erased text remains."""
        self._call(self._vacuum)

    def truncate_wal(self) -> None:
        """Truncate the write-ahead log, which may hold erased text, as soon as no reader prevents it."""
        self._call(self._truncate_wal_soon)

    def _call(self, work: Callable[[], T]) -> T:
        self._must_not_be_read_only()
        with self.library_errors():
            return self._queue.call(work)

    def _must_not_be_read_only(self) -> None:
        if self.read_only:
            raise OperationalError(f"{self.name} is open for reading only")

    def _truncate_wal_soon(self) -> None:
        self._queue.call_until_done(self._truncate_wal)

    def _write_group(self, appends: Sequence[Append]) -> list[Outcome]:
        """Write a group and update the caches, before its callers are answered."""
        outcomes = self._append_or_split_group(appends)
        for append, rows in zip(appends, outcomes, strict=True):
            if isinstance(rows, list):
                self._call_listener(self.on_committed, append, rows)
        return outcomes

    def _append_or_split_group(self, appends: Sequence[Append]) -> list[Outcome]:
        """Append a group. If it fails as a whole, retry each append alone, so that a bad one fails by itself."""
        try:
            with self.library_errors():
                return self._append_group(appends)
        except UnknownOutcomeError as error:  # a retry of what was committed after all would conflict with itself
            return [error] * len(appends)
        except Exception as error:  # noqa: BLE001  (passed on to the caller who waits)
            if len(appends) == 1:
                return [error]
            return [self._append_or_split_group([append])[0] for append in appends]

    def _publish_group(self, appends: Sequence[Append], outcomes: Sequence[Outcome]) -> None:
        """Notify the listeners, and truncate the write-ahead log if texts were erased."""
        self._notify_listeners(
            max((rows[-1].position for rows in outcomes if isinstance(rows, list) and rows), default=0)
        )
        if any(append.erased_positions for append in appends):
            self._truncate_wal_soon()

    def _notify_listeners(self, size: int) -> None:
        """Call the listeners with a new size, once for each size."""
        with self._notify_lock:
            if size <= self._last_notified:
                return
            self._last_notified = size
            for listener in tuple(self.listeners):
                self._call_listener(listener, size)

    def _call_listener(self, listener: Callable[..., None], *arguments: Any) -> None:
        try:
            listener(*arguments)
        except Exception:  # the entries are committed; a failing listener must not stop the writer
            LOGGER.exception("A listener of %s failed", self.name)


def _find_index_error(subject: str, rows: Sequence[EntryRow], step: int) -> str | None:
    """Describe how rows that an index returned are not consecutive versions of a subject, or return None."""
    for row, following in itertools.pairwise(rows):
        if following.version != row.version + step:
            return f"after version {row.version} of {subject} its index returns version {following.version}"
    other = next((row.subject for row in rows if row.subject != subject), None)
    return f"its index returns an entry of {other} for {subject}" if other else None
