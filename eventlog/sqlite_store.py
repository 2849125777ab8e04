"""The store in one SQLite file. One connection writes; a few others read, and see only what is committed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from functools import cache, cached_property
from pathlib import Path
from queue import Empty, Full, LifoQueue
from typing import Any, Final

from eventsourcing import persistence

from eventlog.errors import DamagedLogError, DatabaseUnavailableError, NewerLogError
from eventlog.records import Append, Outcome, UniqueClaim
from eventlog.sequencer import Sequencer
from eventlog.side_tables import write_side_tables
from eventlog.sql import AMONG_RESULTS, HEAD, Session, iter_values, parse_head, update_head
from eventlog.sqlite_disk import explain_disk_error, is_disk_error
from eventlog.sqlite_integrity import (
    DAMAGE_ERRORS,
    BackgroundCheck,
    SchemaObjects,
    describe,
    find_page_damage,
    find_schema_damage,
    read_schema,
)
from eventlog.store import Store
from eventlog.store_errors import FileUnavailableError

BACKUP_PAGES_PER_STEP: Final = 1024
MAX_IDLE_CONNECTIONS: Final = 8
BUSY_TIMEOUT_S: Final = 30
APPLICATION_ID: Final = 0x64_6C_6F_67  # "dlog": marks a file as a decision log
MIN_SQLITE_VERSION: Final = (3, 37)
"""The first with tables that check the types of their columns."""
SCHEMA_VERSION: Final = 1
SCHEMA: Final = """
CREATE TABLE events (
  position INTEGER PRIMARY KEY, subject TEXT NOT NULL, version INTEGER NOT NULL, type TEXT NOT NULL,
  recorded_at INTEGER NOT NULL, event BLOB NOT NULL, texts BLOB, UNIQUE (subject, version)) STRICT;
CREATE TABLE head (
  one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, frontier BLOB NOT NULL,
  recorded_at INTEGER NOT NULL) STRICT;
CREATE TABLE idempotency_records (
  scope TEXT NOT NULL, key TEXT NOT NULL, salt BLOB, digest BLOB NOT NULL, first INTEGER NOT NULL,
  count INTEGER NOT NULL, PRIMARY KEY (scope, key)) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_records_by_position ON idempotency_records (first, count); -- for `verify`
CREATE TABLE names (
  normalized TEXT NOT NULL, person TEXT NOT NULL, name TEXT NOT NULL, shown INTEGER NOT NULL,
  PRIMARY KEY (normalized, person, name)) STRICT, WITHOUT ROWID;
CREATE INDEX names_by_person ON names (person);
CREATE TABLE tokens (
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, actor TEXT NOT NULL, scopes TEXT NOT NULL, label TEXT NOT NULL,
  created_at INTEGER NOT NULL, revoked_at INTEGER, expires_at INTEGER, used_at INTEGER) STRICT;
CREATE INDEX active_tokens ON tokens (id) WHERE revoked_at IS NULL;
CREATE TABLE sessions (
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, person TEXT NOT NULL, provider_groups TEXT NOT NULL,
  created_at INTEGER NOT NULL, used_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,
  issuer TEXT NOT NULL, subject TEXT NOT NULL, provider_session TEXT NOT NULL, id_token TEXT NOT NULL) STRICT;
CREATE INDEX sessions_by_person ON sessions (person);
CREATE INDEX sessions_by_account ON sessions (issuer, subject);
CREATE TABLE one_time_codes (
  hash BLOB PRIMARY KEY, kind TEXT NOT NULL, data TEXT NOT NULL, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX one_time_codes_by_expiry ON one_time_codes (expires_at);
CREATE TABLE provider_accounts (
  issuer TEXT NOT NULL, subject TEXT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (issuer, subject)) STRICT, WITHOUT ROWID;
CREATE TABLE access_journal (
  number INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL, credential TEXT NOT NULL,
  what TEXT NOT NULL, reason TEXT NOT NULL, times INTEGER NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE INDEX access_journal_by_time ON access_journal (at);
CREATE TABLE access_journal_head (
  one INTEGER PRIMARY KEY CHECK (one = 1), first INTEGER NOT NULL, start BLOB NOT NULL, last INTEGER NOT NULL,
  hash BLOB NOT NULL) STRICT;
INSERT INTO head VALUES (1, 0, x'', 0);
INSERT INTO access_journal_head VALUES (1, 1, x'', 0, x'');
"""
OWNERS: Final = """CREATE TABLE IF NOT EXISTS owners (
  name TEXT PRIMARY KEY, person TEXT NOT NULL) STRICT, WITHOUT ROWID"""
READ_ONLY: Final = "CREATE TABLE IF NOT EXISTS read_only (reason TEXT NOT NULL) STRICT"
MAX_CHECKED_AT_OPEN_BYTES: Final = 16 * 1024 * 1024
"""A file up to this size is checked before it is written, in under 0.1 s; a larger one is checked in the background."""
LAST_VERSIONS: Final = """
CREATE TEMP TABLE IF NOT EXISTS last_versions (subject TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR REPLACE INTO temp.last_versions
  SELECT subject, version FROM main.events NOT INDEXED WHERE true ORDER BY position;
CREATE TEMP TRIGGER IF NOT EXISTS keep_last_versions AFTER INSERT ON main.events BEGIN
  INSERT OR REPLACE INTO last_versions VALUES (new.subject, new.version);
END;
"""
"""The last version of each subject according to the rows of the table: computed without any index when the writer
starts, and updated by a trigger. It is in the writer's own temporary database, so the log's file does not change."""


SUBJECTS: Final = """
SELECT listed.subject, events.subject
FROM (SELECT subject, position FROM main.events WHERE subject > ? AND version <= 1
  GROUP BY subject ORDER BY subject LIMIT ?) AS listed
LEFT JOIN main.events NOT INDEXED ON events.position = listed.position
ORDER BY listed.subject
"""
"""Subjects according to the index, each with the subject in the row of the table that the index points to."""


@contextmanager
def library_errors(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as the errors of the `eventsourcing` library, which have the same names.

    Those of the disk that holds the file at `path` say what to do.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise persistence.DatabaseError(describe(error)) from error
    except sqlite3.Error as error:
        kind: type[Exception] = getattr(persistence, type(error).__name__, persistence.PersistenceError)
        raise explain_disk_error(error, path) or kind(str(error)) from error


def _must_be_writable(connection: sqlite3.Connection) -> None:
    """Write what is stored already, and roll it back: SQLite opens a file that it may not write without an error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    finally:
        connection.execute("ROLLBACK")


def _reading_mode(path: Path) -> str:
    """Return the mode in which to open a file for reading only.

    SQLite creates a write-ahead log even for readers. Where it cannot be created and does not exist, no other process
    has the file open, and it can be opened as immutable.
    """
    is_unused = not path.with_name(path.name + "-wal").exists() and not os.access(path.parent, os.W_OK)
    return "ro&immutable=1" if is_unused else "ro"


class SqliteStore(Store):
    """The tables of one log file."""

    def __init__(self, path: Path, *, clock: Callable[[], int], read_only: bool = False, whole: bool = True) -> None:
        super().__init__(str(path), read_only=read_only)
        self.path = path
        self._clock = clock
        self._idle_connections: LifoQueue[sqlite3.Connection] = LifoQueue(maxsize=MAX_IDLE_CONNECTIONS)
        self._background_check: BackgroundCheck | None = None
        self._has_last_versions = False
        self._prepare(whole=whole)
        if not read_only:
            self._queue.call_soon(self._load_last_versions_soon)
            self._queue.start()

    # Opening and closing

    def _prepare(self, *, whole: bool) -> None:
        """Create the tables of a new file, or check an existing one."""
        if sqlite3.sqlite_version_info < MIN_SQLITE_VERSION:
            raise DatabaseUnavailableError(
                f"This Python uses SQLite {sqlite3.sqlite_version}; a decision log needs version "
                f"{'.'.join(map(str, MIN_SQLITE_VERSION))} or later. Run it with another Python, such as one that "
                "`uv python install` installs."
            )
        if self.path.is_file() and not self.path.stat().st_size:  # SQLite takes it for a new database
            self.close()
            raise DamagedLogError(self.path, "it is empty, as a failed copy leaves it")
        try:
            with library_errors(self.path), self._read_connection() as connection:
                if not self.read_only and connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                    self._create(connection)
                self._must_be_a_log(connection)
                if not self.read_only:
                    _must_be_writable(connection)
                    connection.execute(READ_ONLY)
                    connection.execute(OWNERS)
                    self._must_be_undamaged(connection)
            if whole:
                self._must_be_complete()
        except FileUnavailableError:
            self.close()
            raise
        except persistence.DatabaseError as error:
            self.close()
            raise DamagedLogError(self.path, describe(error)) from error
        except (DamagedLogError, NewerLogError):
            self.close()
            raise

    def _create(self, connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise DamagedLogError(self.path, "it is another application's database")
        connection.execute("PRAGMA journal_mode = WAL")  # stored in the file
        connection.executescript(
            f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT"
        )

    def _must_be_a_log(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise DamagedLogError(self.path, "it is not a decision log")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > SCHEMA_VERSION:
            raise NewerLogError(self.path, found, SCHEMA_VERSION)
        if found < SCHEMA_VERSION:
            raise DamagedLogError(self.path, f"its schema version is {found}, which never existed")

    def _must_be_undamaged(self, connection: sqlite3.Connection) -> None:
        """Check pages, indexes and schema before anything is written; the pages of a large file in the background.

        Raises:
            DamagedLogError: something is wrong.
        """
        for problem in find_schema_damage(read_schema(connection), _expected_schema()):
            raise DamagedLogError(self.path, problem)
        if self.path.stat().st_size > MAX_CHECKED_AT_OPEN_BYTES:
            self._background_check = BackgroundCheck(self._connect, self.stop_writing)
            return
        for problem in find_page_damage(connection):
            raise DamagedLogError(self.path, problem)

    def find_damage(self) -> list[str]:
        """Describe damaged pages, indexes that differ from their tables, and differences from the expected schema."""
        with library_errors(self.path), self._read_connection() as connection:
            schema = find_schema_damage(read_schema(connection), _expected_schema())
            return [*schema, *find_page_damage(connection)]

    def _connect(self) -> sqlite3.Connection:
        mode = _reading_mode(self.path) if self.read_only else "rwc"
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=BUSY_TIMEOUT_S,
            cached_statements=256,
        )
        try:
            if not self.read_only:
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA secure_delete = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    @cached_property
    def _write_connection(self) -> sqlite3.Connection:
        """The only connection that writes, used by the writer's thread alone."""
        return self._connect()

    @contextmanager
    def _read_connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for reading; a few idle ones are kept for other threads."""
        try:
            connection = self._idle_connections.get_nowait()
        except Empty:
            connection = self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        try:
            self._idle_connections.put_nowait(connection)
        except Full:
            connection.close()

    def _disconnect(self) -> None:
        if self._background_check:
            self._background_check.stop()
        while not self._idle_connections.empty():
            self._idle_connections.get_nowait().close()
        if "_write_connection" in self.__dict__:
            self._write_connection.close()

    def _truncate_wal(self) -> bool:
        connection = self._write_connection
        connection.execute("PRAGMA busy_timeout = 0")  # writers must not wait for a reader
        try:
            return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000}")

    def _vacuum(self) -> None:
        connection = self._write_connection
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def library_errors(self) -> AbstractContextManager[None]:
        """Raise SQLite's errors as the errors of the `eventsourcing` library."""
        return library_errors(self.path)

    # Reading and writing

    def read(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query, as of the last commit."""
        with library_errors(self.path), self._read_connection() as connection:
            return connection.execute(statement, parameters).fetchall()

    def subjects(self, after: str, limit: int) -> list[str]:
        """Return at most `limit` subjects after another, in alphabetical order.

        Raises:
            DamagedStoreError: the index lists a subject that the row of the table does not have.
        """
        found = self.read(SUBJECTS, (after, limit))
        for subject, stored in found:
            if subject != stored:
                entry = f"an entry of {stored}" if stored else "no entry"
                raise self.stop_writing(f"its index lists {subject}, and its entries have {entry} in that place")
        return [subject for subject, _ in found]

    def _load_last_versions_soon(self) -> None:
        with suppress(sqlite3.Error):  # raised again by the first append, if it has not passed by then
            self._load_last_versions()

    def _load_last_versions(self) -> None:
        """Compute the last version of each subject from the rows alone. The writer's first task.

        While the disk fails, nothing can be appended; each append tries again.
        """
        try:
            self._write_connection.executescript(LAST_VERSIONS)
        except DAMAGE_ERRORS as error:
            if is_disk_error(error):
                raise
            self.stop_writing(f"its entries cannot be read ({describe(error)})")
        self._has_last_versions = True

    @contextmanager
    def _transaction(self) -> Iterator[_Session]:
        self.must_not_be_damaged()
        connection = self._write_connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield _Session(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _append_group(self, appends: Sequence[Append]) -> list[Outcome]:
        if not self._has_last_versions:
            self._load_last_versions()
        with self._transaction() as session:
            sequencer = Sequencer(parse_head(session.execute(HEAD).fetchall()), self._clock)
            missing = sequencer.missing(appends)
            sequencer.provide(
                self._find_versions(session, missing.streams),
                _find_claimed(session, missing.claims),
                _find_people(session, missing.names),
            )
            outcomes: list[Outcome] = [sequencer.append(append) for append in appends]
            try:
                _write(session, appends, outcomes)
            except sqlite3.IntegrityError as error:  # the appends were checked under this lock, so they must fit
                raise self.stop_writing(f"an index holds what no entry says ({describe(error)})") from error
            update_head(session, sequencer.head)
        self.cache_head(sequencer.head)
        return outcomes

    def _find_versions(self, session: _Session, streams: Sequence[str]) -> dict[str, int | None]:
        """Return the last version of each stream. The index and the rows of the table must agree on it.

        Raises:
            DamagedStoreError: they do not; from then on nothing is written.
        """
        versions: dict[str, int | None] = dict.fromkeys(streams)
        for subject, indexed, stored in session.query(VERSIONS, [(stream,) for stream in streams]):
            if indexed != stored:
                raise self.stop_writing(
                    f"its index says version {indexed or 0} of {subject}, and its entries say {stored or 0}"
                )
            versions[subject] = stored
        return versions


class _Session:
    """The writer's transaction, for the statements of `eventlog.sql`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.execute = connection.execute
        self.executemany = connection.executemany

    def insert(self, table: str, rows: Sequence[Sequence[Any]], on_conflict: str = "") -> None:
        """Insert many rows in few statements. `on_conflict` is the clause for rows whose key exists."""
        for marks, values in iter_values(rows):
            self.execute(f"INSERT INTO {table} VALUES {marks} {on_conflict}", values)

    def query(self, statement: str, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """Return all rows of a query over many values, which replace `{marks}` in it.

        One statement for many: each one releases the interpreter lock and waits to acquire it again.
        """
        return [
            row
            for marks, values in iter_values(rows)
            for row in self.execute(statement.format(marks=marks), values).fetchall()
        ]


@cache
def _expected_schema() -> SchemaObjects:
    """Return the schema of a new log as SQLite describes it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(f"{SCHEMA} {READ_ONLY}; {OWNERS}")
        return read_schema(connection)


def copy(source: Path, target: Path, on_progress: Callable[[int, int], None]) -> None:
    """Copy a log file as of this moment, also while a process writes it.

    `on_progress` is called with the number of pages copied and their total.

    Raises:
        DatabaseError: the copy could not be written, or the file could not be read.
    """
    target.touch(mode=0o600)
    with (
        library_errors(target),
        closing(_open_for_copying(source)) as reader,
        closing(sqlite3.connect(target)) as writer,
    ):
        reader.backup(
            writer,
            pages=BACKUP_PAGES_PER_STEP,
            progress=lambda _, left, total: on_progress(total - left, total),
            sleep=0,
        )


def _open_for_copying(source: Path) -> sqlite3.Connection:
    """Open a file in a read transaction. It fixes the snapshot; otherwise each commit would restart the copy."""
    uri = f"{source.absolute().as_uri()}?mode={_reading_mode(source)}"
    with library_errors(source):
        reader = sqlite3.connect(uri, uri=True, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT size FROM head").fetchone()
    return reader


def _write(session: Session, appends: Sequence[Append], outcomes: Sequence[Outcome]) -> None:
    """Write the entries of a group, and what goes with them."""
    written = [(append, rows) for append, rows in zip(appends, outcomes, strict=True) if isinstance(rows, list)]
    session.insert("events", [row for _, rows in written for row in rows])
    write_side_tables(session, written)


VERSIONS: Final = (
    "SELECT * FROM (SELECT column1, (SELECT max(version) FROM events WHERE subject = column1) AS indexed,"
    " (SELECT version FROM temp.last_versions WHERE subject = column1) AS stored FROM (VALUES {marks}))"
    " WHERE indexed IS NOT NULL OR stored IS NOT NULL"
)
"""Without new subjects: each row that is fetched releases the interpreter lock."""


def _find_claimed(session: _Session, claims: Sequence[UniqueClaim]) -> dict[UniqueClaim, bool]:
    keys = [(claim.scope, claim.key) for claim in claims if claim.kind == "key"]
    used = session.query(f"SELECT scope, key FROM {AMONG_RESULTS}", keys)
    people = _find_people(session, [claim.key for claim in claims if claim.kind == "name"])
    return {
        **dict.fromkeys(claims, False),
        **{UniqueClaim("key", scope, key): True for scope, key in used},
        **{UniqueClaim("name", "", name): True for name, ids in people.items() if ids},
    }


def _find_people(session: _Session, names: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in names}
    sql = "SELECT normalized, person FROM names WHERE normalized IN (VALUES {marks})"
    for name, person in session.query(sql, [(name,) for name in names]):
        found[name].add(person)
    return found
