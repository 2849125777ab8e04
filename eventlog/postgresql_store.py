"""The store in one schema of a PostgreSQL database, which any number of processes can write at the same time.

A writer locks the row of the head before it reads anything, so it sees everything committed before; no leader election
is needed. Where it wrote last itself, it sends what it expects with what it writes, and the database compares: one round
trip instead of two. Each commit notifies all processes, and each process also polls in case it missed a notification.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eventsourcing import persistence

from eventlog.dsn import TIMEOUTS, redact, split_dsn, without_secret
from eventlog.errors import DamagedLogError, DatabaseUnavailableError
from eventlog.merkle import pack_frontier
from eventlog.postgres_integrity import find_damage
from eventlog.records import Append, EntryRow, Expected, Head, Lookups, Outcome, UniqueClaim
from eventlog.sequencer import Sequencer
from eventlog.side_tables import write_side_tables
from eventlog.sql import HEAD, Session, parse_head, update_head
from eventlog.store import Store
from eventlog.store_errors import StoreUnavailableError, UnknownOutcomeError

try:
    import psycopg

    from eventlog.postgresql_pipeline import Pipeline
except ImportError as missing:  # an optional dependency
    raise DatabaseUnavailableError(
        "A postgresql:// address needs psycopg. Install it with `pip install 'decisionlog-server[postgresql]'` and retry."
    ) from missing

if TYPE_CHECKING:
    Connection = psycopg.Connection[tuple[Any, ...]]

LOGGER: Final = logging.getLogger("decisionlog.eventlog")
MIN_POSTGRES_VERSION: Final = 15
MAX_READ_CONNECTIONS: Final = 8
POLL_INTERVAL_S: Final = 1.0
"""How often a process polls the size of the log when it receives no notification."""
PAUSE_AFTER_OWN_COMMIT_S: Final = 0.02
"""How long a process that commits does not listen, or it would be woken by each of its own commits."""
ERASED: Final = " erased"
"""Appended to a notification when the commit erased texts."""
SCHEMA: Final = """
CREATE TABLE events (
  position bigint PRIMARY KEY, subject text COLLATE "C" NOT NULL, version bigint NOT NULL, type text COLLATE "C" NOT NULL,
  recorded_at bigint NOT NULL, event bytea NOT NULL, texts bytea, UNIQUE (subject, version));
CREATE TABLE head (
  one integer PRIMARY KEY CHECK (one = 1), size bigint NOT NULL, frontier bytea NOT NULL,
  recorded_at bigint NOT NULL) WITH (fillfactor = 10);
CREATE TABLE idempotency_records (
  scope text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, salt bytea, digest bytea NOT NULL,
  first bigint NOT NULL, count bigint NOT NULL, PRIMARY KEY (scope, key));
CREATE INDEX idempotency_records_by_position ON idempotency_records (first, count); -- for `verify`
CREATE TABLE names (
  normalized text COLLATE "C" NOT NULL, person text COLLATE "C" NOT NULL, name text COLLATE "C" NOT NULL,
  shown smallint NOT NULL, PRIMARY KEY (normalized, person, name));
CREATE INDEX names_by_person ON names (person);
CREATE TABLE tokens (
  id text COLLATE "C" PRIMARY KEY, hash bytea NOT NULL UNIQUE, actor text NOT NULL, scopes text NOT NULL,
  label text NOT NULL, created_at bigint NOT NULL, revoked_at bigint, expires_at bigint, used_at bigint);
CREATE INDEX active_tokens ON tokens (id) WHERE revoked_at IS NULL;
CREATE TABLE sessions (
  id text COLLATE "C" PRIMARY KEY, hash bytea NOT NULL UNIQUE, person text COLLATE "C" NOT NULL,
  provider_groups text NOT NULL, created_at bigint NOT NULL, used_at bigint NOT NULL, expires_at bigint NOT NULL,
  issuer text COLLATE "C" NOT NULL, subject text COLLATE "C" NOT NULL, provider_session text NOT NULL,
  id_token text NOT NULL);
CREATE INDEX sessions_by_person ON sessions (person);
CREATE INDEX sessions_by_account ON sessions (issuer, subject);
CREATE TABLE one_time_codes (
  hash bytea PRIMARY KEY, kind text NOT NULL, data text NOT NULL, expires_at bigint NOT NULL);
CREATE INDEX one_time_codes_by_expiry ON one_time_codes (expires_at);
CREATE TABLE provider_accounts (
  issuer text COLLATE "C" NOT NULL, subject text COLLATE "C" NOT NULL, person text COLLATE "C" NOT NULL,
  PRIMARY KEY (issuer, subject));
CREATE TABLE access_journal (
  number bigint PRIMARY KEY, at bigint NOT NULL, kind text NOT NULL, who text NOT NULL, credential text NOT NULL,
  what text NOT NULL, reason text NOT NULL, times bigint NOT NULL, hash bytea NOT NULL);
CREATE INDEX access_journal_by_time ON access_journal (at);
CREATE TABLE access_journal_head (
  one integer PRIMARY KEY CHECK (one = 1), first bigint NOT NULL, start bytea NOT NULL, last bigint NOT NULL,
  hash bytea NOT NULL);
CREATE TABLE owners (name text COLLATE "C" PRIMARY KEY, person text COLLATE "C" NOT NULL);
CREATE TABLE read_only (reason text NOT NULL);
INSERT INTO head VALUES (1, 0, '', 0);
INSERT INTO access_journal_head VALUES (1, 1, '', 0, '')
"""
UNAVAILABLE: Final = ("08", "28", "40", "42501", "53", "55", "57")
"""The beginnings of the codes of errors that say nothing about what is stored: of the connection, its role, locks,
resources, and what an operator does. An error without a code comes from the client: it has no connection.
"""
BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
VERSIONS: Final = """
SELECT * FROM (SELECT subject, (SELECT max(version) FROM events WHERE events.subject = wanted.subject) AS version
FROM unnest(?::text[]) AS wanted (subject)) AS found WHERE version IS NOT NULL
"""
VERSIONS_BETWEEN: Final = (
    "SELECT subject, max(version) FROM events WHERE position > ? AND position <= ? GROUP BY subject"
)
USED_KEYS: Final = """
SELECT scope, key FROM idempotency_records JOIN unnest(?::text[], ?::text[]) AS wanted (scope, key) USING (scope, key)
"""
AS_EXPECTED: Final = """
SELECT 1 / (
  (SELECT frontier FROM head) = ?
  AND NOT EXISTS (
    SELECT FROM unnest(?::text[], ?::bigint[]) AS expected (subject, version)
    WHERE (SELECT max(version) FROM events WHERE events.subject = expected.subject) IS DISTINCT FROM expected.version)
  AND NOT EXISTS (
    SELECT FROM unnest(?::text[], ?::text[]) AS expected (normalized, people)
    WHERE (
      SELECT coalesce(string_agg(DISTINCT person, ' ' ORDER BY person), '') FROM names
      WHERE names.normalized = expected.normalized) <> expected.people)
)::integer
"""
"""Divides by zero, which ends the transaction, unless the new head is stored and all was as expected before."""
PEOPLE: Final = "SELECT normalized, person FROM names WHERE normalized = ANY (?::text[])"


def connect(url: str, *, read_only: bool = False, **options: str) -> Connection:
    """Open a connection in autocommit mode, with the log's schema as search path.

    Sequential scans are off, because plans made while the tables are small would scan them forever, and every query here
    has an index. JIT is off too: without sequential scans the one row of `head` looks so expensive that before
    PostgreSQL 18 its query would be compiled each time, which takes a hundred times as long as reading it.

    Raises:
        psycopg.Error: the server cannot be reached; the message does not contain the password.
    """
    try:
        return _connect(url, read_only=read_only, **options)
    except psycopg.Error as error:
        raise type(error)(redact(str(error), url)) from None


def _connect(url: str, *, read_only: bool, **options: str) -> Connection:
    conninfo, schema = split_dsn(url)
    settings = {
        "search_path": schema,
        "synchronous_commit": "on",
        "default_transaction_isolation": r"read\ committed",  # who waits for a lock sees what was committed before
        "enable_seqscan": "off",
        "jit": "off",
        "client_min_messages": "warning",
        "default_transaction_read_only": "on" if read_only else "off",
        **options,
    }
    given = psycopg.conninfo.conninfo_to_dict(conninfo)
    flags = " ".join([str(given.pop("options", "")), *(f"-c {name}={value}" for name, value in settings.items())])
    defaults = {**TIMEOUTS, "application_name": "decisionlog"}
    fixed = {"client_encoding": "utf8", "options": flags.strip()}
    whole = psycopg.conninfo.make_conninfo("", **{**defaults, **given, **fixed})
    return psycopg.connect(whole, autocommit=True, prepare_threshold=0)


class PostgresStore(Store):
    """The tables of one log in a schema."""

    def __init__(self, url: str, *, clock: Callable[[], int], read_only: bool = False, whole: bool = True) -> None:
        super().__init__(without_secret(url), read_only=read_only)
        self.url = url
        self._clock = clock
        self._channel = split_dsn(url)[1]
        self._last_remote = 0
        """The size of the log up to which the writes of other processes are known."""
        self._writer: Pipeline | None = None
        self._write_backend = 0
        self._is_alone = False
        """Whether this process wrote last, so that it can expect the head to be where it left it."""
        self._idle: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(MAX_READ_CONNECTIONS):
            self._idle.put(None)  # a slot for a connection that is opened when it is needed
        self._stopping = threading.Event()
        self._prepare(whole=whole)
        self._last_notified = self._last_remote = self.head().size
        self._listener = threading.Thread(target=self._listen_until_closed, name="decisionlog-listener", daemon=True)
        self._listener.start()
        if not read_only:
            self._queue.start()

    # Opening and closing

    def _prepare(self, *, whole: bool) -> None:
        """Create the schema if it does not exist, and check the server and the log."""
        try:
            with connect(self.url, read_only=self.read_only) as connection:
                self._must_be_supported(connection)
                self._create(connection)
            if whole:
                self._must_be_complete()
        except psycopg.Error as error:
            self.close()
            raise DatabaseUnavailableError(
                f"{self.name} cannot be used: {_one_line(error)}. Check its address and the server, then retry."
            ) from error
        except BaseException:
            self.close()
            raise

    def _must_be_supported(self, connection: Connection) -> None:
        version = connection.info.server_version // 10_000
        if version < MIN_POSTGRES_VERSION:
            raise DatabaseUnavailableError(
                f"{self.name} is PostgreSQL {version}; a decision log needs version {MIN_POSTGRES_VERSION} or later."
            )
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise DatabaseUnavailableError(
                f"The encoding of {self.name} is {encoding}; a decision log needs a database with the encoding UTF8."
            )

    def _create(self, connection: Connection) -> None:
        """Create the tables once: processes that start together wait here for the first."""
        if _exists(connection, self._channel, "head"):
            self._must_be_accessible(connection)
            return
        if self.read_only:
            raise DatabaseUnavailableError(f"No log in {self.name}. Create one with `decisionlog serve`.")
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"decisionlog {self._channel}",))
            if _exists(connection, self._channel, "head"):
                return
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._channel}".encode())
            if _exists(connection, self._channel, "events"):
                raise DamagedLogError(self.name, "the schema contains other tables")
            connection.execute(SCHEMA.encode(), prepare=False)

    def _must_be_accessible(self, connection: Connection) -> None:
        """Check the right without which PostgreSQL says that the tables do not exist."""
        sql = "SELECT current_user, has_schema_privilege(%s, 'USAGE')"
        ((role, is_accessible),) = connection.execute(sql, (self._channel,)).fetchall()
        if not is_accessible:
            raise DatabaseUnavailableError(
                f"{self.name} cannot be used: the role {role} has no right to use the schema {self._channel}. "
                "Connect as the role that created the log, and retry."
            )

    def _disconnect(self) -> None:
        self._stopping.set()
        if hasattr(self, "_listener"):
            with suppress(psycopg.Error):
                self._read("SELECT pg_notify(?, '')", (self._channel,))  # wakes the listener
            self._listener.join()
        self._drop_idle()
        if self._writer:
            self._writer.connection.close()

    def _vacuum(self) -> None:
        self._open_writer().connection.execute("VACUUM (FULL) events, idempotency_records, names")

    def find_damage(self) -> list[str]:
        """Describe differences from the expected schema, and indexes that differ from their tables."""
        with self.library_errors(), connect(self.url, read_only=True) as connection:
            return list(find_damage(connection, self._channel))

    def library_errors(self) -> AbstractContextManager[None]:
        """Raise psycopg's errors as the errors of the `eventsourcing` library, which have the same names."""
        return library_errors()

    # Reading

    def read(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a query, as of the last commit; retry once if the connection was lost while idle."""
        with self.library_errors():
            try:
                return self._read(statement, parameters)
            except psycopg.OperationalError as error:
                if error.sqlstate and not error.sqlstate.startswith(("08", "57P")):
                    raise
                self._drop_idle()
                return self._read(statement, parameters)

    def _read(self, statement: str, parameters: Sequence[Any]) -> list[Any]:
        connection = self._idle.get()
        try:
            if connection is None or connection.closed:
                connection = connect(self.url, read_only=self.read_only)
            return connection.execute(_to_psycopg(statement), parameters, binary=True).fetchall()
        finally:
            if connection and self._stopping.is_set():
                connection.close()  # closing the store closes only idle connections
            self._idle.put(connection if connection and not connection.closed else None)

    def _drop_idle(self) -> None:
        """Close all idle connections: if one was lost, the others most likely were too."""
        idle: list[Connection | None] = []
        with suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for connection in idle:
            if connection:
                connection.close()
            self._idle.put(None)

    # Writing

    def _open_writer(self) -> Pipeline:
        """Return the writer's connection; a new one if it was lost."""
        if self._writer is None or self._writer.connection.closed:
            self._writer = Pipeline(connect(self.url))
            self._write_backend = self._writer.connection.info.backend_pid
        return self._writer

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        self.must_not_be_damaged()
        writer = self._begin(Lookups([], [], [])).writer
        try:
            with self._unknown_outcome_if_lost(writer):
                yield writer
                status = writer.execute("COMMIT").status
            self._must_be_committed(status)
        finally:
            _roll_back(writer)

    def _append_group(self, appends: Sequence[Append]) -> list[Outcome]:
        self.must_not_be_damaged()
        head = self.cached_head
        if self._is_alone and (outcomes := self._append_as_expected(appends)) is not None:
            return outcomes
        sequencer = Sequencer(Head(), self._clock)
        locked = self._begin(sequencer.missing(appends))
        try:
            self._is_alone = locked.head == head
            sequencer.head = locked.head
            sequencer.provide(locked.versions, locked.claimed, locked.people)
            outcomes = [sequencer.append(append) for append in appends]
            written = _find_written(appends, outcomes)
            if written:
                self._write(locked.writer, sequencer.head, written)
        finally:
            _roll_back(locked.writer)
        self.cache_head(sequencer.head)
        return outcomes

    def _append_as_expected(self, appends: Sequence[Append]) -> list[Outcome] | None:
        """Append a group in one round trip, if the log is as these appends expect; else nothing is written: None."""
        self._is_alone = False
        writer = self._open_writer()
        if any(append.alongside for append in appends) or writer.is_lost():
            return None
        before = self.cached_head
        sequencer = Sequencer(before, self._clock)
        expected = sequencer.provide_expected(appends)
        outcomes: list[Outcome] = [sequencer.append(append) for append in appends]
        written = _find_written(appends, outcomes)
        if len(written) < len(appends):  # a conflict, or what looks like one
            return None
        try:
            self._write(writer, sequencer.head, written, _Basis(before, expected))
        except (psycopg.errors.DivisionByZero, psycopg.errors.UniqueViolation):
            return None
        finally:
            _roll_back(writer)
        self._is_alone = True
        self.cache_head(sequencer.head)
        return outcomes

    def _begin(self, wanted: Lookups) -> _LockedLog:
        """Begin a transaction that locks the head. Retry once if the connection was lost while idle."""
        writer = self._open_writer()
        try:
            return _begin(writer, wanted)
        except psycopg.OperationalError:
            if not writer.connection.closed:
                raise
            return _begin(self._open_writer(), wanted)  # nothing was written yet, so a retry is safe

    def _write(
        self,
        writer: Pipeline,
        head: Head,
        written: list[tuple[Append, list[EntryRow]]],
        basis: _Basis | None = None,
    ) -> None:
        """Write a group and commit it, in one round trip. With a basis, begin the transaction and check the basis first."""
        notification = f"{head.size}{ERASED if any(append.erased_positions for append, _ in written) else ''}"
        with self._unknown_outcome_if_lost(writer):
            if basis is not None:
                writer.execute(BEGIN)
            # This locks the head, so what is read after it is what was committed before.
            update_head(
                writer,
                head,
                basis.head if basis else None,
                " RETURNING pg_notify(?, ?)",
                (self._channel, notification),
            )
            if basis is not None:
                _check_expected(writer, head, basis.expected)
            writer.insert("events", [row for _, rows in written for row in rows])
            write_side_tables(writer, written)
            status = writer.execute("COMMIT").status
        self._must_be_committed(status)

    def _must_be_committed(self, status: str) -> None:
        if status != "COMMIT":  # COMMIT of a failed transaction answers ROLLBACK, without an error
            raise persistence.OperationalError(f"{self.name} rolled the transaction back")

    @contextmanager
    def _unknown_outcome_if_lost(self, writer: Pipeline) -> Iterator[None]:
        """If the connection is lost in this context, it is unknown whether it committed before.

        Raises:
            UnknownOutcomeError: it was lost.
        """
        try:
            yield
        except psycopg.Error as error:
            if writer.connection.closed:
                raise UnknownOutcomeError(self.name) from error
            raise

    # Commits of other processes

    def _listen_until_closed(self) -> None:
        last_warning = ""
        while not self._stopping.is_set():
            try:
                with connect(self.url, read_only=self.read_only) as connection:
                    connection.execute(f"LISTEN {self._channel}".encode())
                    self._on_remote_commit(self.head().size, has_erased=True)  # notifications may have been missed
                    last_warning = ""
                    while not self._stopping.is_set():
                        self._receive_notification(connection)
            except (psycopg.Error, persistence.PersistenceError) as error:
                warning = _one_line(error)
                if not self._stopping.wait(POLL_INTERVAL_S) and warning != last_warning:
                    LOGGER.warning("Cannot listen for notifications of %s (%s); retrying", self.name, warning)
                    last_warning = warning

    def _receive_notification(self, connection: Connection) -> None:
        """Wait for a notification, or poll if none arrives in time."""
        notifications = list(connection.notifies(timeout=POLL_INTERVAL_S, stop_after=1))
        own = all(notification.pid == self._write_backend for notification in notifications)
        for notification in notifications:
            size, _, erased = notification.payload.partition(" ")
            if size and notification.pid == self._write_backend:
                self._last_remote = int(size)  # notifications arrive in the order of commits
            elif size:
                self._on_remote_commit(int(size), has_erased=bool(erased))
        if not notifications:
            self._poll(connection)
        elif own:
            self._stopping.wait(PAUSE_AFTER_OWN_COMMIT_S)

    def _poll(self, connection: Connection) -> None:
        """Check the size of the log, in case a notification was missed; this also detects a lost connection."""
        ((size,),) = connection.execute("SELECT size FROM head").fetchall()
        if size > self._last_notified:
            self._on_remote_commit(size, has_erased=True)

    def _on_remote_commit(self, size: int, *, has_erased: bool) -> None:
        """Update the caches after another process may have committed, then notify the listeners."""
        self.head()
        self._call_listener(self.on_remote_change, dict(self.read(VERSIONS_BETWEEN, (self._last_remote, size))))
        if has_erased:
            self._call_listener(self.on_remote_erasure, size)
        self._last_remote = size
        self._notify_listeners(size)


class _Basis(NamedTuple):
    """What a group is based on: the head before it, and what its appends expect."""

    head: Head
    expected: Expected


class _LockedLog(NamedTuple):
    """A transaction that holds the lock of the head, and what was read in it."""

    writer: Pipeline
    head: Head
    versions: dict[str, int | None]
    claimed: dict[UniqueClaim, bool]
    people: dict[str, set[str]]


def _begin(writer: Pipeline, wanted: Lookups) -> _LockedLog:
    """Begin a transaction, lock the head, and then read; nothing is left of the transaction if that fails."""
    try:
        return _lock_and_read(writer, wanted)
    except BaseException:
        _roll_back(writer)
        raise


def _lock_and_read(writer: Pipeline, wanted: Lookups) -> _LockedLog:
    """Lock the head, and then read: each statement sees all that was committed before it began."""
    keys = [claim for claim in wanted.claims if claim.kind == "key"]
    new_names = [claim.key for claim in wanted.claims if claim.kind == "name"]
    names = list({*wanted.names, *new_names})
    writer.execute(BEGIN)
    head = writer.execute(f"{HEAD} FOR UPDATE")
    versions = writer.execute(VERSIONS, (wanted.streams,))
    used = writer.execute(USED_KEYS, ([key.scope for key in keys], [key.key for key in keys])) if keys else None
    found = writer.execute(PEOPLE, (names,)) if names else None
    writer.run()
    people: dict[str, set[str]] = {name: set() for name in names}
    for name, person in found.fetchall() if found else ():
        people[name].add(person)
    claimed = dict.fromkeys(wanted.claims, False)
    claimed |= {UniqueClaim("name", "", name): bool(people[name]) for name in new_names}
    if used:
        claimed |= {UniqueClaim("key", scope, key): True for scope, key in used.fetchall()}
    known = {**dict.fromkeys(wanted.streams), **dict(versions.fetchall())}
    return _LockedLog(writer, parse_head(head.fetchall()), known, claimed, people)


def _check_expected(writer: Pipeline, head: Head, expected: Expected) -> None:
    """End the transaction by an error unless the head was moved, and the versions and people are as expected."""
    versions, people = expected
    values = (
        pack_frontier(head.frontier),
        [*versions],
        [*versions.values()],
        [*people],
        [" ".join(ids) for ids in people.values()],
    )
    writer.execute(AS_EXPECTED, values)


def _find_written(appends: Sequence[Append], outcomes: Sequence[Outcome]) -> list[tuple[Append, list[EntryRow]]]:
    """Return the appends that have no conflict, with their rows."""
    return [(append, rows) for append, rows in zip(appends, outcomes, strict=True) if isinstance(rows, list)]


def _roll_back(writer: Pipeline) -> None:
    """Roll back a transaction that is not committed."""
    writer.discard()
    connection = writer.connection
    if not connection.closed and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        with suppress(psycopg.Error):  # a connection that cannot even roll back is closed afterwards
            writer.execute("ROLLBACK")
            writer.run()


@cache
def _to_psycopg(statement: str) -> bytes:
    return statement.replace("?", "%s").encode()


def _exists(connection: Connection, schema: str, table: str) -> bool:
    """Whether a table exists now. Reads the catalog, because the session may cache a name that it resolved before."""
    statement = "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = %s AND tablename = %s"
    ((found,),) = connection.execute(statement, (schema, table)).fetchall()
    return bool(found)


@contextmanager
def library_errors() -> Iterator[None]:
    """Raise psycopg's errors as the errors of the `eventsourcing` library, which have the same names."""
    try:
        yield
    except psycopg.Error as error:
        raise _to_library_error(error) from error


def _to_library_error(error: psycopg.Error) -> persistence.PersistenceError:
    is_of_client = error.sqlstate is None and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if is_of_client or (error.sqlstate or "").startswith(UNAVAILABLE):
        return StoreUnavailableError(_one_line(error))
    names = (kind.__name__ for kind in type(error).__mro__)
    kind = next((getattr(persistence, name) for name in names if hasattr(persistence, name)), persistence.DatabaseError)
    return kind(_one_line(error))


def _one_line(error: Exception) -> str:
    """Return the message of an error in one line, without the questions by which the client library gives advice."""
    lines = (line.strip() for line in str(error).splitlines())
    return "; ".join(line for line in lines if line and not line.endswith("?"))
