"""The log in one SQLite file. One connection writes; readers share a few others, and see only what is committed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cache, cached_property
from pathlib import Path
from queue import Empty, Full, LifoQueue
from typing import Any, Final

from eventsourcing import persistence

from eventlog.appender import Append, Appender, UniqueClaim
from eventlog.errors import DamagedLogError, DiskFullError, NewerLogError
from eventlog.sqlite_integrity import (
    DAMAGE_ERRORS,
    BackgroundCheck,
    SchemaObjects,
    describe,
    find_page_damage,
    find_schema_damage,
    read_schema,
)
from eventlog.store import AMONG_ANSWERS, HEAD, Outcome, Session, Store, head_of, put_beside, put_head, valued

COPIED_AT_ONCE: Final = 1024
"""Pages of a backup between two words about its progress."""
KEPT_CONNECTIONS: Final = 8
BUSY_SECONDS: Final = 30
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
CREATE INDEX answers_by_position ON answers (first, count); -- so that `verify` need not look up their rows
CREATE TABLE names (
  folded TEXT NOT NULL, person TEXT NOT NULL, spelling TEXT NOT NULL, shown INTEGER NOT NULL,
  PRIMARY KEY (folded, person, spelling)) STRICT, WITHOUT ROWID;
CREATE INDEX names_by_person ON names (person);
CREATE TABLE tokens (
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, actor TEXT NOT NULL, rights TEXT NOT NULL, label TEXT NOT NULL,
  created_at INTEGER NOT NULL, revoked_at INTEGER) STRICT;
CREATE INDEX tokens_good ON tokens (id) WHERE revoked_at IS NULL;
INSERT INTO head VALUES (1, 0, x'', 0);
"""
OWNERS: Final = """CREATE TABLE IF NOT EXISTS owners (
  name TEXT PRIMARY KEY, person TEXT NOT NULL) STRICT, WITHOUT ROWID"""
SEAL_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS seal (why TEXT NOT NULL) STRICT"
CHECKED_AT_OPEN_BYTES: Final = 16 * 1024 * 1024
"""A file up to this size is checked before it is written, in less than a tenth of a second; a larger one meanwhile."""
LAST_VERSIONS: Final = """
CREATE TEMP TABLE last_versions (subject TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR REPLACE INTO temp.last_versions
  SELECT subject, version FROM main.events NOT INDEXED WHERE true ORDER BY position;
CREATE TEMP TRIGGER keep_last_versions AFTER INSERT ON main.events BEGIN
  INSERT OR REPLACE INTO last_versions VALUES (new.subject, new.version);
END;
"""
"""The last version of each subject as the rows of the table say it, worked out without any index when a writer begins,
and kept up with what it inserts. In the writer's own temporary database: no file of the log changes by it."""


@contextmanager
def library_errors() -> Iterator[None]:
    """SQLite's errors under the library's names, which are the same."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise persistence.DatabaseError(describe(error)) from error
    except sqlite3.Error as error:
        kind: type[Exception] = getattr(persistence, type(error).__name__, persistence.PersistenceError)
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            kind = DiskFullError
        raise kind(str(error)) from error


def _reading_mode(path: Path) -> str:
    """How to open a file that is only read.

    SQLite wants files beside it even then. Where they cannot be made and there are none, nobody has the file open, and
    it can be read as one that does not change.
    """
    alone = not path.with_name(path.name + "-wal").exists() and not os.access(path.parent, os.W_OK)
    return "ro&immutable=1" if alone else "ro"


class SqliteStore(Store):
    """The tables of one log file."""

    def __init__(self, path: Path, *, clock: Callable[[], int], read_only: bool = False, whole: bool = True) -> None:
        super().__init__(str(path), read_only=read_only)
        self.path = path
        self._clock = clock
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue(maxsize=KEPT_CONNECTIONS)
        self._check: BackgroundCheck | None = None
        self._prepare(whole=whole)
        if not read_only:
            self._writer.start()
            self._run_first(self._learn_last_versions)

    # Opening and closing

    def _prepare(self, *, whole: bool) -> None:
        """Creates the tables of a new file; refuses a file that is not ours or not whole."""
        try:
            with self._reading() as connection:
                if not self.read_only and connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                    self._create(connection)
                self._must_be_ours(connection)
                if not self.read_only:
                    connection.execute(SEAL_SCHEMA)
                    connection.execute(OWNERS)
                    self._must_be_sound(connection)
            if whole:
                self._must_be_whole()
        except (*DAMAGE_ERRORS, persistence.DatabaseError) as error:
            self.close()
            raise DamagedLogError(self.path, describe(error)) from error
        except (DamagedLogError, NewerLogError):
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

    def _must_be_ours(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            raise DamagedLogError(self.path, "it is not a decision log")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > SCHEMA_VERSION:
            raise NewerLogError(self.path, found, SCHEMA_VERSION)
        if found < SCHEMA_VERSION:
            raise DamagedLogError(self.path, f"its schema version is {found}, which there never was")

    def _must_be_sound(self, connection: sqlite3.Connection) -> None:
        """Compares pages, indexes and schema before anything is written; the pages of a large file in the background.

        Raises:
            DamagedLogError: something is wrong.
        """
        for what in find_schema_damage(read_schema(connection), _expected_schema()):
            raise DamagedLogError(self.path, what)
        if self.path.stat().st_size > CHECKED_AT_OPEN_BYTES:
            self._check = BackgroundCheck(self._connect, self.stop_writing)
            return
        for what in find_page_damage(connection):
            raise DamagedLogError(self.path, what)

    def find_damage(self) -> list[str]:
        """What is wrong with the file itself: damaged pages, indexes unlike their tables, what its schema is not."""
        with library_errors(), self._reading() as connection:
            schema = find_schema_damage(read_schema(connection), _expected_schema())
            return [*schema, *find_page_damage(connection)]

    def _connect(self) -> sqlite3.Connection:
        mode = _reading_mode(self.path) if self.read_only else "rwc"
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None,
            check_same_thread=False, timeout=BUSY_SECONDS, cached_statements=256,
        )  # fmt: skip
        if not self.read_only:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
        return connection

    @cached_property
    def _writing(self) -> sqlite3.Connection:
        """The one connection that writes; the writer's thread alone uses it."""
        return self._connect()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with; a few are kept, so that threads may come and go."""
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = self._connect()
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        try:
            self._idle.put_nowait(connection)
        except Full:
            connection.close()

    def _disconnect(self) -> None:
        if self._check:
            self._check.stop()
        while not self._idle.empty():
            self._idle.get_nowait().close()
        if "_writing" in self.__dict__:
            self._writing.close()

    def _tidy(self) -> bool:
        connection = self._writing
        connection.execute("PRAGMA busy_timeout = 0")  # whoever waits to write must not wait for a reader
        try:
            return not connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        finally:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")

    def _compact(self) -> None:
        connection = self._writing
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def library_errors(self) -> AbstractContextManager[None]:
        """SQLite's errors under the library's names."""
        return library_errors()

    # Reading and writing

    def read(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query, as of the last commit."""
        with library_errors(), self._reading() as connection:
            return connection.execute(statement, parameters).fetchall()

    def _learn_last_versions(self) -> None:
        """Works out the last version of each subject from the rows alone. The writer's first task."""
        try:
            self._writing.executescript(LAST_VERSIONS)
        except DAMAGE_ERRORS as error:
            self.stop_writing(f"its entries cannot be read ({describe(error)})")

    @contextmanager
    def _transaction(self) -> Iterator[_Session]:
        self.must_not_be_damaged()
        connection = self._writing
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield _Session(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _transact(self, appends: Sequence[Append]) -> list[Outcome]:
        with self._transaction() as session:
            core = Appender(head_of(session.execute(HEAD).fetchall()), self._clock)
            wanted = core.missing(appends)
            core.provide(
                self._versions(session, wanted.streams),
                _taken(session, wanted.claims),
                _known_as(session, wanted.names),
            )
            outcomes: list[Outcome] = [core.append(append) for append in appends]
            try:
                _write(session, appends, outcomes)
            except sqlite3.IntegrityError as error:  # what was judged under this lock can only fit
                raise self.stop_writing(f"an index knows what no entry says ({describe(error)})") from error
            put_head(session, core.head)
        self.saw(core.head)
        return outcomes

    def _versions(self, session: _Session, streams: Sequence[str]) -> dict[str, int | None]:
        """The last version of each stream, on which the index and the rows of the table must agree.

        Raises:
            DamagedStoreError: they do not; from then on nothing is written.
        """
        versions: dict[str, int | None] = {}
        for subject, indexed, stored in session.ask(VERSIONS, [(stream,) for stream in streams]):
            if indexed != stored:
                said = f"its index says version {indexed or 0} of {subject}, and its entries say {stored or 0}"
                raise self.stop_writing(said)
            versions[subject] = stored
        return versions


class _Session:
    """The writer's transaction, as the statements that both stores share want it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.execute = connection.execute
        self.executemany = connection.executemany

    def insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Adds rows to a table, in few statements."""
        for marks, values in valued(rows):
            self.execute(f"INSERT INTO {table} VALUES {marks}", values)

    def ask(self, question: str, rows: Sequence[Sequence[Any]]) -> list[Any]:
        """All rows of a question about many things, which stand where it has `{marks}`."""
        return [
            row
            for marks, values in valued(rows)
            for row in self.execute(question.format(marks=marks), values).fetchall()
        ]


@cache
def _expected_schema() -> SchemaObjects:
    """The schema of a log as SQLite describes it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(f"{SCHEMA} {SEAL_SCHEMA}; {OWNERS}")
        return read_schema(connection)


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
        reader.execute(
            "SELECT size FROM head"
        ).fetchone()  # from here on it sees this moment, or each commit would make the copying begin again
        reader.backup(writer, pages=COPIED_AT_ONCE, progress=lambda _, left, of: tell(of - left, of), sleep=0)


def _write(session: Session, appends: Sequence[Append], outcomes: Sequence[Outcome]) -> None:
    """Writes what has found its place in a group: entries, and what goes with them."""
    placed = [(append, rows) for append, rows in zip(appends, outcomes, strict=True) if isinstance(rows, list)]
    session.insert("events", [row for _, rows in placed for row in rows])
    put_beside(session, placed)


# Each asks for many in one statement: every statement lets go of the interpreter, and waits for it again.


VERSIONS: Final = (
    "SELECT column1, (SELECT max(version) FROM events WHERE subject = column1),"
    " (SELECT version FROM temp.last_versions WHERE subject = column1) FROM (VALUES {marks})"
)


def _taken(session: _Session, claims: Sequence[UniqueClaim]) -> dict[UniqueClaim, bool]:
    keys = [(claim.scope, claim.key) for claim in claims if claim.kind == "key"]
    answered = session.ask(f"SELECT scope, key FROM {AMONG_ANSWERS}", keys)
    named = _known_as(session, [claim.key for claim in claims if claim.kind == "name"])
    return {
        **dict.fromkeys(claims, False),
        **{UniqueClaim("key", scope, key): True for scope, key in answered},
        **{UniqueClaim("name", "", fold): True for fold, persons in named.items() if persons},
    }


def _known_as(session: _Session, folds: Sequence[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {fold: set() for fold in folds}
    sql = "SELECT folded, person FROM names WHERE folded IN (VALUES {marks})"
    for fold, person in session.ask(sql, [(fold,) for fold in folds]):
        found[fold].add(person)
    return found
