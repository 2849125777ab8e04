"""The log in one schema of a PostgreSQL database, which any number of processes may write at the same time.

Whoever commits a group first locks the row of the head, and so sees everything that was committed before; nobody has to
be elected. A commit notifies all processes, and each looks again now and then in case it missed one.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from eventsourcing import persistence

from eventlog.appender import Append, Appender, EntryRow, Head, Lookups, UniqueClaim
from eventlog.dsn import redact, split_dsn, without_secret
from eventlog.errors import DamagedLogError, DatabaseUnavailableError
from eventlog.postgres_integrity import find_damage
from eventlog.store import HEAD, Outcome, Result, Session, Store, UnknownOutcomeError, head_of, put_beside, put_head

try:
    import psycopg
except ImportError as missing:  # an extra, and imported only where it is asked for
    raise DatabaseUnavailableError(
        "A postgresql:// address needs psycopg. Install it with `pip install 'decisionlog[postgresql]'`, and try again."
    ) from missing

if TYPE_CHECKING:
    Connection = psycopg.Connection[tuple[Any, ...]]

LOGGER: Final = logging.getLogger("decisionlog.eventlog")
OLDEST: Final = 15
READERS: Final = 8
"""Connections that read at the same time, at most."""
LOOK: Final = 1.0
"""Seconds after which a process looks whether the log has grown, if nobody told it."""
FORGOTTEN: Final = " forgotten"
SCHEMA: Final = """
CREATE TABLE events (
  position bigint PRIMARY KEY, subject text COLLATE "C" NOT NULL, version bigint NOT NULL, type text COLLATE "C" NOT NULL,
  recorded_at bigint NOT NULL, event bytea NOT NULL, texts bytea, UNIQUE (subject, version));
CREATE TABLE head (
  one integer PRIMARY KEY CHECK (one = 1), size bigint NOT NULL, frontier bytea NOT NULL,
  recorded_at bigint NOT NULL) WITH (fillfactor = 10);
CREATE TABLE answers (
  scope text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, salt bytea, digest bytea NOT NULL,
  first bigint NOT NULL, count bigint NOT NULL, PRIMARY KEY (scope, key));
CREATE INDEX answers_by_position ON answers (first, count); -- so that `verify` need not look up their rows
CREATE TABLE names (
  folded text COLLATE "C" NOT NULL, person text COLLATE "C" NOT NULL, spelling text COLLATE "C" NOT NULL,
  shown smallint NOT NULL, PRIMARY KEY (folded, person, spelling));
CREATE INDEX names_by_person ON names (person);
CREATE TABLE tokens (
  id text COLLATE "C" PRIMARY KEY, hash bytea NOT NULL UNIQUE, actor text NOT NULL, rights text NOT NULL,
  label text NOT NULL, created_at bigint NOT NULL, revoked_at bigint);
CREATE INDEX tokens_good ON tokens (id) WHERE revoked_at IS NULL;
CREATE TABLE owners (name text COLLATE "C" PRIMARY KEY, person text COLLATE "C" NOT NULL);
CREATE TABLE seal (why text NOT NULL);
INSERT INTO head VALUES (1, 0, '', 0)
"""
COLUMNS_OF: Final = {
    "events": ("bigint", "text", "bigint", "text", "bigint", "bytea", "bytea"),
    "answers": ("text", "text", "bytea", "bytea", "bigint", "bigint"),
    "names": ("text", "text", "text", "smallint"),
    "tokens": ("text", "bytea", "text", "text", "text", "bigint", "bigint"),
    "owners": ("text", "text"),
}
VERSIONS: Final = """
SELECT subject, (SELECT max(version) FROM events WHERE events.subject = wanted.subject)
FROM unnest(%b::text[]) AS wanted (subject)
"""
MOVED: Final = "SELECT subject, max(version) FROM events WHERE position > ? AND position <= ? GROUP BY subject"
TAKEN_KEYS: Final = """
SELECT scope, key FROM answers JOIN unnest(%b::text[], %b::text[]) AS wanted (scope, key) USING (scope, key)
"""
KNOWN_AS: Final = "SELECT folded, person FROM names WHERE folded = ANY (%b::text[])"


def connected(url: str, *, read_only: bool = False, **options: str) -> Connection:
    """A connection that commits each statement by itself and finds the log's tables by their names.

    Plans made while tables are small would read them from end to end for ever; every question here has an index. What has
    none, such as the one row of the head, then looks so dear that before PostgreSQL 18 it would be compiled each time,
    which takes a hundred times as long as reading it.

    Raises:
        psycopg.Error: the server cannot be had; the message does not hold the password.
    """
    try:
        return _connected(url, read_only=read_only, **options)
    except psycopg.Error as error:
        raise type(error)(redact(str(error), url)) from None


def _connected(url: str, *, read_only: bool, **options: str) -> Connection:
    conninfo, schema = split_dsn(url)
    settings = {
        "search_path": schema, "synchronous_commit": "on", "enable_seqscan": "off", "jit": "off",
        "client_min_messages": "warning", "default_transaction_read_only": "on" if read_only else "off", **options,
    }  # fmt: skip
    given = psycopg.conninfo.conninfo_to_dict(conninfo)
    flags = " ".join([str(given.pop("options", "")), *(f"-c {name}={value}" for name, value in settings.items())])
    defaults = {"connect_timeout": "10", "tcp_user_timeout": "10000", "application_name": "decisionlog"}
    whole = psycopg.conninfo.make_conninfo("", **{**defaults, **given, "options": flags.strip()})
    return psycopg.connect(whole, autocommit=True, prepare_threshold=0)


class PostgresStore(Store):
    """The tables of one log in a schema."""

    def __init__(self, url: str, *, clock: Callable[[], int], read_only: bool = False, whole: bool = True) -> None:
        super().__init__(without_secret(url), read_only=read_only)
        self.url = url
        self._clock = clock
        self._channel = split_dsn(url)[1]
        self._heard = 0
        """Up to where it is known what others have written."""
        self._writing: Connection | None = None
        self._writing_as = 0
        self._idle: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(READERS):
            self._idle.put(None)  # a place for a connection that is made when it is needed
        self._stopping = threading.Event()
        self._prepare(whole=whole)
        self._told = self._heard = self.head().size
        self._listener = threading.Thread(target=self._listen_until_closed, name="decisionlog-listener", daemon=True)
        self._listener.start()
        if not read_only:
            self._writer.start()

    # Opening and closing

    def _prepare(self, *, whole: bool) -> None:
        """Creates the schema where there is none; refuses a server too old and a log not whole."""
        try:
            with connected(self.url, read_only=self.read_only) as connection:
                self._must_be_fit(connection)
                self._create(connection)
            if whole:
                self._must_be_whole()
        except psycopg.Error as error:
            self.close()
            msg = f"{self.name} cannot be used: {_one_line(error)}. Check DECISIONLOG_STORE and the server, and try again."
            raise DatabaseUnavailableError(msg) from error
        except BaseException:
            self.close()
            raise

    def _must_be_fit(self, connection: Connection) -> None:
        version = connection.info.server_version // 10_000
        if version < OLDEST:
            raise DatabaseUnavailableError(
                f"{self.name} is PostgreSQL {version}; a decision log needs {OLDEST} or later."
            )
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise DatabaseUnavailableError(
                f"{self.name} is encoded in {encoding}; a decision log needs a database in UTF8."
            )

    def _create(self, connection: Connection) -> None:
        """Creates the tables, once: processes that start together wait here for the first."""
        if _exists(connection, self._channel, "head"):
            return
        if self.read_only:
            raise DatabaseUnavailableError(f"There is no log in {self.name}. Begin one with `decisionlog serve`.")
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"decisionlog {self._channel}",))
            if _exists(connection, self._channel, "head"):
                return
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {self._channel}".encode())
            if _exists(connection, self._channel, "events"):
                raise DamagedLogError(self.name, "the schema holds something else")
            connection.execute(SCHEMA.encode(), prepare=False)

    def _disconnect(self) -> None:
        self._stopping.set()
        if hasattr(self, "_listener"):
            with suppress(psycopg.Error):
                self._read("SELECT pg_notify(?, '')", (self._channel,))  # so that nobody waits for the next look
            self._listener.join()
        self._drop_idle()
        if self._writing:
            self._writing.close()

    def _compact(self) -> None:
        self._connection().execute("VACUUM (FULL) events, answers, names")

    def find_damage(self) -> list[str]:
        """What in the schema is not as it was created, and indexes that do not agree with their tables."""
        with self.library_errors(), connected(self.url, read_only=True) as connection:
            return list(find_damage(connection, self._channel))

    @contextmanager
    def library_errors(self) -> Iterator[None]:
        """Psycopg's errors under the library's names, which are the same."""
        try:
            yield
        except psycopg.Error as error:
            raise _in_library_terms(error) from error

    # Reading

    def read(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query, as of the last commit; asked again where the connection had died meanwhile."""
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
                connection = connected(self.url, read_only=self.read_only)
            return connection.execute(_translated(statement), parameters, binary=True).fetchall()
        finally:
            if connection and self._stopping.is_set():
                connection.close()  # whoever closes the store sees only what is idle then
            self._idle.put(connection if connection and not connection.closed else None)

    def _drop_idle(self) -> None:
        """If one connection has died, so have most likely all that wait beside it."""
        idle: list[Connection | None] = []
        with suppress(queue.Empty):
            while True:
                idle.append(self._idle.get_nowait())
        for connection in idle:
            if connection:
                connection.close()
            self._idle.put(None)

    # Writing

    def _connection(self) -> Connection:
        """The writer's connection; a new one where it was lost."""
        if self._writing is None or self._writing.closed:
            self._writing = connected(self.url)
            self._writing_as = self._writing.info.backend_pid
        return self._writing

    @contextmanager
    def _transaction(self) -> Iterator[Session]:
        connection = self._begun(Lookups([], [], []))[0]
        try:
            with self._committing(connection):
                yield _Session(connection.cursor())
                done = connection.execute("COMMIT")
            self._must_be_committed(done)
        finally:
            _roll_back(connection)

    def _transact(self, appends: Sequence[Append]) -> list[Outcome]:
        core = Appender(Head(), self._clock)
        connection, core.head, versions, taken, named = self._begun(core.missing(appends))
        try:
            core.provide(versions, taken, named)
            outcomes: list[Outcome] = [core.append(append) for append in appends]
            placed = [(append, rows) for append, rows in zip(appends, outcomes, strict=True) if isinstance(rows, list)]
            if placed:
                self._write(connection, core.head, placed)
        finally:
            _roll_back(connection)
        self.saw(core.head)
        return outcomes

    def _begun(self, wanted: Lookups) -> Begun:
        """A transaction that holds the head, with what is to be known in it; a connection that died idle is replaced."""
        try:
            return _begin(self._connection(), wanted)
        except psycopg.OperationalError:
            if self._writing and not self._writing.closed:
                _roll_back(self._writing)
                raise
            return _begin(self._connection(), wanted)  # nothing was written yet, so it may be tried again

    def _write(self, connection: Connection, head: Head, placed: list[tuple[Append, list[EntryRow]]]) -> None:
        """Writes a group and commits it, in one round trip."""
        news = f"{head.size}{FORGOTTEN if any(append.erased_positions for append, _ in placed) else ''}"
        session = _Session(connection.cursor())
        with self._committing(connection), connection.pipeline():
            session.insert("events", [row for _, rows in placed for row in rows])
            put_beside(session, placed)
            put_head(session, head)
            connection.execute("SELECT pg_notify(%s, %s)", (self._channel, news))
            done = connection.execute("COMMIT")
        self._must_be_committed(done)

    def _must_be_committed(self, done: psycopg.Cursor[tuple[Any, ...]]) -> None:
        if done.statusmessage != "COMMIT":  # a transaction that had failed says ROLLBACK, and no error
            msg = f"{self.name} rolled it back"
            raise persistence.OperationalError(msg)

    @contextmanager
    def _committing(self, connection: Connection) -> Iterator[None]:
        """A connection that is lost in here may have committed first.

        Raises:
            UnknownOutcomeError: it was lost.
        """
        try:
            yield
        except psycopg.Error as error:
            if connection.closed:
                raise UnknownOutcomeError(self.name) from error
            raise

    # Hearing of others

    def _listen_until_closed(self) -> None:
        while not self._stopping.is_set():
            try:
                with connected(self.url, read_only=self.read_only) as connection:
                    connection.execute(f"LISTEN {self._channel}".encode())
                    self._news(self.head().size, forgotten=True)  # whatever was said meanwhile
                    while not self._stopping.is_set():
                        self._hear(connection)
            except (psycopg.Error, persistence.PersistenceError) as error:
                if not self._stopping.wait(LOOK):
                    LOGGER.warning("%s cannot be listened to (%s); trying again", self.name, _one_line(error))

    def _hear(self, connection: Connection) -> None:
        heard = list(connection.notifies(timeout=LOOK, stop_after=1))
        for note in heard:
            size, _, forgotten = note.payload.partition(" ")
            if size and note.pid == self._writing_as:
                self._heard = int(size)  # notes come in the order of commits
            elif size:
                self._news(int(size), forgotten=bool(forgotten))
        if not heard:
            self._look(connection)

    def _look(self, connection: Connection) -> None:
        """In case something was not heard; and a connection that has died is found out."""
        ((size,),) = connection.execute("SELECT size FROM head").fetchall()
        if size > self._told:
            self._news(size, forgotten=True)

    def _news(self, size: int, *, forgotten: bool) -> None:
        """Somebody else has written, or may have: what is at hand here may be older."""
        self.head()
        self._tell(self.moved, dict(self.read(MOVED, (self._heard, size))))
        if forgotten:
            self._tell(self.forget, size)
        self._heard = size
        self._announce(size)


Begun = tuple["Connection", Head, dict[str, "int | None"], dict[UniqueClaim, bool], dict[str, set[str]]]


def _begin(connection: Connection, wanted: Lookups) -> Begun:
    """Locks the head, and only then looks: each statement sees all that was committed before it began."""
    keys = [claim for claim in wanted.claims if claim.kind == "key"]
    new = [claim.key for claim in wanted.claims if claim.kind == "name"]
    names = list({*wanted.names, *new})
    with connection.pipeline():
        connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        head = connection.execute(f"{HEAD} FOR UPDATE".encode(), binary=True)
        versions = connection.execute(VERSIONS, (wanted.streams,), binary=True)
        answered = (
            connection.execute(TAKEN_KEYS, ([key.scope for key in keys], [key.key for key in keys])) if keys else None
        )
        found = connection.execute(KNOWN_AS, (names,)) if names else None
    named: dict[str, set[str]] = {fold: set() for fold in names}
    for fold, person in found.fetchall() if found else ():
        named[fold].add(person)
    taken = dict.fromkeys(wanted.claims, False) | {UniqueClaim("name", "", fold): bool(named[fold]) for fold in new}
    if answered:
        taken |= {UniqueClaim("key", scope, key): True for scope, key in answered.fetchall()}
    return connection, head_of(head.fetchall()), dict(versions.fetchall()), taken, named


def _roll_back(connection: Connection) -> None:
    """Ends a transaction that is not committed."""
    if not connection.closed and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        with suppress(psycopg.Error):  # a connection that cannot even do that is closed by then
            connection.execute("ROLLBACK")


class _Session:
    """The writer's transaction, as the statements that both stores share want it."""

    def __init__(self, cursor: psycopg.Cursor[tuple[Any, ...]]) -> None:
        self._cursor = cursor

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Result:
        return self._cursor.execute(_translated(statement), parameters)

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]], /) -> None:
        self._cursor.executemany(_translated(statement), parameters)

    def insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Adds rows to a table in one statement, however many."""
        if rows:
            self._cursor.execute(_insertion(table), [*map(list, zip(*rows, strict=True))])


@cache
def _insertion(table: str) -> bytes:
    arrays = ", ".join(f"%b::{kind}[]" for kind in COLUMNS_OF[table])
    return f"INSERT INTO {table} SELECT * FROM unnest({arrays})".encode()


@cache
def _translated(statement: str) -> bytes:
    return statement.replace("?", "%s").encode()


def _exists(connection: Connection, schema: str, table: str) -> bool:
    """Whether a table is there by now. Asked of the catalogue: a name that was looked up before could be remembered."""
    statement = "SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = %s AND tablename = %s"
    ((found,),) = connection.execute(statement, (schema, table)).fetchall()
    return bool(found)


def _in_library_terms(error: psycopg.Error) -> persistence.PersistenceError:
    names = (kind.__name__ for kind in type(error).__mro__)
    kind = next((getattr(persistence, name) for name in names if hasattr(persistence, name)), persistence.DatabaseError)
    return kind(_one_line(error))


def _one_line(error: Exception) -> str:
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip())
