"""The log in one SQLite file: its tables, and the one thread that writes them.

Appends wait in a queue; the writer takes all that wait and commits them as one group, with one lock and one fsync.
Readers have a connection per thread and see only what is committed.
"""

from __future__ import annotations

import json
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from eventsourcing import persistence

from eventlog.committer import Append, Claim, Committer, Conflict, Head, Row
from eventlog.errors import DamagedLogError
from eventlog.merkle import packed, unpacked

T = TypeVar("T")
Outcome = list[Row] | Conflict | Exception

LOGGER: Final = logging.getLogger("decisionlog.eventlog")
GROUP_LIMIT: Final = 1000
COPIED_AT_ONCE: Final = 1024
"""Pages of a backup between two words about its progress."""
COLUMNS: Final = "position, subject, version, type, recorded_at, event, texts"
APPLICATION_ID: Final = 0x64_6C_6F_67  # "dlog": tells our files from others
SCHEMA_VERSION: Final = 1
SCHEMA: Final = """
CREATE TABLE events (
  position INTEGER PRIMARY KEY, subject TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL,
  recorded_at INTEGER NOT NULL, event BLOB NOT NULL, texts BLOB, UNIQUE (subject, version)) STRICT;
CREATE TABLE head (
  one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL,
  recorded_at INTEGER NOT NULL) STRICT;
CREATE TABLE answers (
  scope TEXT NOT NULL, key TEXT NOT NULL, salt BLOB, digest BLOB NOT NULL, first INTEGER NOT NULL,
  count INTEGER NOT NULL, PRIMARY KEY (scope, key)) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_position ON answers (first);
CREATE TABLE names (
  folded TEXT NOT NULL, person TEXT NOT NULL, spelling TEXT NOT NULL, shown INTEGER NOT NULL,
  PRIMARY KEY (folded, person, spelling)) STRICT, WITHOUT ROWID;
CREATE INDEX names_by_person ON names (person);
CREATE TABLE tokens (
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, actor TEXT NOT NULL, rights TEXT NOT NULL, label TEXT NOT NULL,
  created_at INTEGER NOT NULL, revoked_at INTEGER) STRICT;
INSERT INTO head VALUES (1, 0, x'', 0);
"""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Appends of one caller, in order; each has its own fate."""

    appends: Sequence[Append]
    future: Future[list[Outcome]] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Task:
    """A write beside the log, such as a new spelling; a transaction of its own."""

    work: Callable[[sqlite3.Connection], Any]
    future: Future[Any] = field(default_factory=Future)


@contextmanager
def library_errors() -> Iterator[None]:
    """SQLite's errors under the library's names, which are the same."""
    try:
        yield
    except sqlite3.Error as error:
        raise as_library_error(error) from error


def as_library_error(error: Exception) -> Exception:
    """The library's error for one of SQLite's; any other stays as it is."""
    if not isinstance(error, sqlite3.Error):
        return error
    kind: type[Exception] = getattr(persistence, type(error).__name__, persistence.PersistenceError)
    return kind(str(error))


class SqliteStore:
    """The tables of one log file.

    After each commit, in the writer's thread, `learn` is told of every append and its rows, before its caller is; then
    `listeners` are called with the new size of the log.
    """

    def __init__(self, path: Path, *, clock: Callable[[], int], read_only: bool = False, whole: bool = True) -> None:
        self.path = path
        self.listeners: list[Callable[[int], None]] = []
        self.learn: Callable[[Append, Sequence[Row]], None] = lambda _append, _rows: None
        self._clock = clock
        self._read_only = read_only
        self._whole = whole
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._waiting: queue.SimpleQueue[_Batch | _Task | None] = queue.SimpleQueue()
        self._closed = False
        self._prepare()
        self._writer = threading.Thread(target=self._write_until_closed, name="decisionlog-writer", daemon=True)
        if not read_only:
            self._writer.start()

    # Opening and closing

    def _prepare(self) -> None:
        """Creates the tables of a new file; refuses a file that is not ours or not whole."""
        try:
            connection = self._connection()
            if not self._read_only and connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                self._create(connection)
            self._must_be_whole(connection)
        except sqlite3.DatabaseError as error:
            self.close()
            raise DamagedLogError(self.path, str(error)) from error
        except DamagedLogError:
            self.close()
            raise

    def _create(self, connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise DamagedLogError(self.path, "it holds something else")
        connection.execute("PRAGMA journal_mode = WAL")  # kept in the file
        connection.executescript(
            f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT"
        )

    def _must_be_whole(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise DamagedLogError(self.path, "it is not a decision log")
        if not self._whole:
            return
        last = connection.execute("SELECT max(position), count(*) FROM events").fetchone()
        size = _head(connection).size
        if (last[0] or 0) != size or last[1] != size:
            raise DamagedLogError(self.path, f"its head says {size} entries, but it holds {last[1]} up to {last[0]}")

    def _connection(self) -> sqlite3.Connection:
        """The connection of the thread that asks."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            mode = "ro" if self._read_only else "rwc"
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None,
                check_same_thread=False, timeout=30, cached_statements=256,
            )  # fmt: skip
            self._connections.append(connection)
            self._local.connection = connection
            if not self._read_only:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA secure_delete = ON")
        return connection

    def close(self) -> None:
        """Ends the writer once all that waits is written, and closes every connection."""
        if self._closed:
            return
        self._closed = True
        writer = getattr(self, "_writer", None)
        if writer is not None and writer.is_alive():
            self._waiting.put(None)
            writer.join()
        for connection in self._connections:
            connection.close()

    def compact(self) -> None:
        """Rewrites the file, so that no byte of what was deleted is left in it or beside it."""

        def rewrite(connection: sqlite3.Connection) -> None:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        self.run(rewrite, transaction=False)

    # Reading

    def read(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query, as of the last commit."""
        with library_errors():
            return self._connection().execute(statement, parameters).fetchall()

    def head(self) -> Head:
        """The head as last committed."""
        with library_errors():
            return _head(self._connection())

    def rows(self, where: str, parameters: Sequence[Any], tail: str = "ORDER BY position") -> list[Row]:
        """Rows of the log."""
        found = self.read(f"SELECT {COLUMNS} FROM events WHERE {where} {tail}", parameters)
        return [Row._make(row) for row in found]

    # Writing

    def submit(self, appends: Sequence[Append]) -> Future[list[Outcome]]:
        """Puts appends into the queue, in order. What comes of each is known once its group is committed."""
        batch = _Batch(appends)
        self._enqueue(batch)
        return batch.future

    def run(self, work: Callable[[sqlite3.Connection], T], *, transaction: bool = True) -> T:
        """Has the writer do something beside the log, and waits for it."""
        task = _Task(_in_transaction(work) if transaction else work)
        self._enqueue(task)
        with library_errors():
            done: T = task.future.result()
        return done

    def _enqueue(self, item: _Batch | _Task) -> None:
        if self._read_only or self._closed:
            msg = f"{self.path} is {'open for reading only' if self._read_only else 'closed'}"
            raise persistence.OperationalError(msg)
        self._waiting.put(item)

    def _write_until_closed(self) -> None:
        while (item := self._waiting.get()) is not None:
            if isinstance(item, _Task):
                self._do(item)
                continue
            group, after = self._gather(item)
            self._commit(group)
            if isinstance(after, _Task):
                self._do(after)
            elif after is _CLOSE:
                return

    def _gather(self, first: _Batch) -> tuple[list[_Batch], object]:
        """All batches that wait, up to the first thing that is none."""
        group, size = [first], len(first.appends)
        while size < GROUP_LIMIT:
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                break
            if not isinstance(item, _Batch):
                return group, _CLOSE if item is None else item
            group.append(item)
            size += len(item.appends)
        return group, None

    def _do(self, task: _Task) -> None:
        if not task.future.set_running_or_notify_cancel():
            return
        try:
            done = task.work(self._connection())
        except Exception as error:  # noqa: BLE001  (whoever waits for it gets it)
            task.future.set_exception(error)
        else:
            task.future.set_result(done)

    def _commit(self, group: list[_Batch]) -> None:
        """Commits a group. If it fails as a whole, each append is tried alone, so that one cannot spoil the rest."""
        group = [batch for batch in group if batch.future.set_running_or_notify_cancel()]
        appends = [append for batch in group for append in batch.appends]
        try:
            outcomes = self._transact(appends)
        except Exception as error:  # noqa: BLE001  (whoever waits for it gets it)
            outcomes = [error] if len(appends) == 1 else [self._alone(append) for append in appends]
        for append, rows in zip(appends, outcomes, strict=True):
            if isinstance(rows, list):
                self._tell(self.learn, append, rows)
        size = max((rows[-1].position for rows in outcomes if isinstance(rows, list) and rows), default=0)
        rest = iter(outcomes)
        for batch in group:
            batch.future.set_result([next(rest) for _ in batch.appends])
        for listener in tuple(self.listeners) if size else ():
            self._tell(listener, size)

    def _tell(self, listener: Callable[..., None], *news: Any) -> None:
        try:
            listener(*news)
        except Exception:  # the entries are committed; whoever listens badly must not stop the writer
            LOGGER.exception("a listener of %s failed", self.path)

    def _alone(self, append: Append) -> Outcome:
        try:
            return self._transact([append])[0]
        except Exception as error:  # noqa: BLE001  (whoever waits for it gets it)
            return error

    def _transact(self, appends: Iterable[Append]) -> list[Outcome]:
        return _in_transaction(lambda connection: _write(connection, appends, self._clock))(self._connection())


_CLOSE: Final = object()


def copy(source: Path, target: Path, tell: Callable[[int, int], None]) -> None:
    """Copies a log file as it is at this moment, also while a process writes it; `tell` hears pages done, and of how many.

    Raises:
        DatabaseError: the copy could not be written, or the file could not be read.
    """
    target.touch(mode=0o600)
    with (
        library_errors(),
        closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as reader,
        closing(sqlite3.connect(target)) as writer,
    ):
        reader.execute("BEGIN")
        _head(reader)  # from here on it sees this moment, or each commit would make the copying begin again
        reader.backup(writer, pages=COPIED_AT_ONCE, progress=lambda _, left, of: tell(of - left, of), sleep=0)


def _in_transaction(work: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    def whole(connection: sqlite3.Connection) -> T:
        connection.execute("BEGIN IMMEDIATE")
        try:
            done = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return done

    return whole


def _head(connection: sqlite3.Connection) -> Head:
    found = connection.execute("SELECT size, frontier, recorded_at FROM head").fetchone()
    if found is None:
        raise sqlite3.IntegrityError("it has no head")
    size, frontier, recorded_at = found
    return Head(size, unpacked(frontier), recorded_at)


def _write(connection: sqlite3.Connection, appends: Iterable[Append], clock: Callable[[], int]) -> list[Outcome]:
    """Judges and writes a group inside a transaction; the head moves last."""
    core = Committer(_head(connection), clock)
    outcomes: list[Outcome] = []
    written: list[Row] = []
    for append in appends:
        subjects, claims = core.unknown(append)
        core.learn(
            {subject: _version(connection, subject) for subject in subjects},
            {claim: _is_taken(connection, claim) for claim in claims},
        )
        outcome = core.place(append)
        if isinstance(outcome, list):
            written += outcome
            _write_beside(connection, append, outcome)
        outcomes.append(outcome)
    connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", written)
    connection.execute(
        "UPDATE head SET size = ?, frontier = ?, recorded_at = ?",
        (core.head.size, packed(core.head.frontier), core.head.recorded_at),
    )
    return outcomes


def _version(connection: sqlite3.Connection, subject: str) -> int | None:
    last: int | None = connection.execute("SELECT max(version) FROM events WHERE subject = ?", (subject,)).fetchone()[0]
    return last


def _is_taken(connection: sqlite3.Connection, claim: Claim) -> bool:
    if claim.kind == "name":
        found = connection.execute("SELECT 1 FROM names WHERE folded = ? LIMIT 1", (claim.key,))
    else:
        found = connection.execute("SELECT 1 FROM answers WHERE scope = ? AND key = ?", (claim.scope, claim.key))
    return found.fetchone() is not None


def _write_beside(connection: sqlite3.Connection, append: Append, rows: list[Row]) -> None:
    """What a unit writes beside its entries: names for the directory, and the answer under its key."""
    if append.names:
        connection.executemany(
            "INSERT OR IGNORE INTO names VALUES (?, ?, ?, ?)",
            [(name.folded, name.person, name.spelling, name.shown) for name in append.names],
        )
    if append.answer:
        claim = append.answer.claim
        connection.execute(
            "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            (claim.scope, claim.key, append.answer.salt, append.answer.digest, rows[0].position, len(rows)),
        )
    if append.forget:
        _forget(connection, append.forget)


def _forget(connection: sqlite3.Connection, positions: Sequence[int]) -> None:
    """Takes the texts of these positions out of the log, and the salts of the answers to their units."""
    chosen = (json.dumps(positions),)
    connection.execute("UPDATE events SET texts = NULL WHERE position IN (SELECT value FROM json_each(?))", chosen)
    connection.execute(
        "UPDATE answers SET salt = NULL WHERE first IN ("
        " SELECT unit.first FROM json_each(?) AS chosen JOIN answers AS unit"
        " ON unit.first = (SELECT max(first) FROM answers WHERE first <= chosen.value)"
        " AND unit.first + unit.count > chosen.value)",
        chosen,
    )
