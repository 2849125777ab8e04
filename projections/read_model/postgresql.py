"""A read model in a schema of a PostgreSQL database."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import lru_cache
from math import inf
from queue import Empty, Full, LifoQueue
from typing import Any, Final, cast

import psycopg
from eventsourcing import persistence
from psycopg import sql as names

from eventlog.dsn import TIMEOUTS, redact, split_dsn, without_secret
from eventlog.errors import DatabaseUnavailableError
from eventlog.postgres_integrity import find_wrong_indexes
from projections.read_model import schema
from projections.read_model.database import MISSING, PROJECTOR, NeighborRow, Row, RowRange, RunQuery
from projections.read_model.query_limits import UNBOUNDED, Bounds
from projections.read_model.schema import TABLES, UNSORTED, UNSORTED_REFS, UNSORTED_VALUES, VERSION
from projections.read_model.tokenizer import tokenize

MAX_IDLE_CONNECTIONS: Final = 16
MAX_INLINE_ROWS: Final = 100
"""Up to this many rows are sent with other statements. More are sent by COPY, which costs three round trips."""
CANCEL_TIMEOUT_S: Final = 2.0
_MAX_LEXEME_CHARS: Final = 500
"""PostgreSQL accepts lexemes of less than 2,048 bytes."""
_MAX_LEXEME_POSITION: Final = 16_383
"""PostgreSQL has no higher positions of words."""

_SEARCH: Final = """create table {p}search (
    rowid bigint primary key, subject text collate "C" not null, field text collate "C" not null,
    position bigint not null, content text collate "C" not null, words tsvector not null
)"""

_TRANSLATIONS: Final = (
    (re.compile("%"), "%%"),
    (re.compile(r"\bin members\(:(\w+)\)"), r"= any(:\1)"),
    (re.compile(r"\bpairs\(:(\w+)\)"), r"(select key, value from jsonb_each_text(:\1::text::jsonb))"),
    (re.compile(r"\bmember\(([\w.]+), '(\w+)'\)"), r"(\1::json ->> '\2')"),
    (
        re.compile(r"\brfc3339\(([\w.]+)\)"),
        r"""to_char(timestamp '1970-01-01' + \1 * interval '1 microsecond', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')""",
    ),
    (re.compile(r"\bmatches\((\w+), :(\w+)\)"), r"\1.words @@ (replace(:\2, ' ', ':* & ') || ':*')::tsquery"),
    (re.compile(r"\brank\((\w+), :(\w+)\)"), r"-ts_rank(\1.words, (replace(:\2, ' ', ':* & ') || ':*')::tsquery)"),
    (re.compile(r"\binstr\("), "strpos("),
    (re.compile(r"\bmain\."), ""),  # within its own definition, a table expression names the table
    (re.compile(r"(?<![:\w]):([a-z_]\w*)"), r"%(\1)s"),
)


@lru_cache(4096)
def translate(sql: str) -> str:
    """Return a statement in PostgreSQL's SQL with psycopg's parameters."""
    return schema.substitute(_TRANSLATIONS, sql)


def _bind(value: Any) -> Any:
    if isinstance(value, str):
        return schema.storable(value)
    if isinstance(value, list | tuple):
        return [_bind(item) for item in value]
    if isinstance(value, dict):
        return schema.storable(schema.dumps(value))
    return value


def tsvector(text: str) -> str:
    """Return the words of a text with their positions. They are split by `tokenize`, as for SQLite, not by PostgreSQL."""
    return " ".join(
        f"{word[:_MAX_LEXEME_CHARS]}:{min(n, _MAX_LEXEME_POSITION)}" for n, word in enumerate(tokenize(text), start=1)
    )


Connection = psycopg.Connection[Row]


def _has_wrong_words(connection: Connection) -> bool:
    """Return whether the words of any text that is searched are not the words that it has."""
    after, batch = -1, 1_000
    while True:
        sql = "select rowid, content from search where rowid > %s order by rowid limit %s"
        rows = connection.execute(sql, (after, batch)).fetchall()
        if not rows:
            return False
        after = rows[-1][0]
        wrong = """select 1 from unnest(%s::bigint[], %s::text[], %s::text[]) as e (rowid, content, words)
            join search s on s.rowid = e.rowid and s.content = e.content where s.words <> e.words::tsvector limit 1"""
        parameters = ([row[0] for row in rows], [row[1] for row in rows], [tsvector(row[1]) for row in rows])
        if connection.execute(wrong, parameters).fetchone():
            return True


def _query_runner(connection: Connection) -> Callable[[str, Mapping[str, Any]], psycopg.Cursor[Row]]:
    def rows(sql: str, parameters: Mapping[str, Any]) -> psycopg.Cursor[Row]:
        bound = {name: _bind(value) for name, value in parameters.items()}
        return connection.execute(cast("Any", translate(sql)), bound)

    return rows


class PostgresqlDatabase:
    """A schema of a PostgreSQL database, created if it is missing, with a pool of connections that read.

    `url` is a `postgresql://` URL. The schema is `decisionlog` unless `?schema=` names another.
    """

    transient_errors: Final = (psycopg.OperationalError, psycopg.InterfaceError)

    def __init__(self, url: str) -> None:
        self._url, self._namespace = split_dsn(url)
        self._idle: LifoQueue[Connection] = LifoQueue(maxsize=MAX_IDLE_CONNECTIONS)

    def __str__(self) -> str:
        return f"schema {self._namespace}"

    def connect(self) -> Connection:
        """Open a connection with manual transactions.

        Statements are prepared on their second use, because planning takes as long as most queries. JIT compilation is
        off, because no query runs long enough to gain from it.

        Raises:
            DatabaseUnavailableError: the URL is not valid.
            psycopg.Error: the server cannot be reached. Neither message has the password.
        """
        try:
            connection = psycopg.connect(
                psycopg.conninfo.make_conninfo("", **{**TIMEOUTS, **psycopg.conninfo.conninfo_to_dict(self._url)}),
                autocommit=True,
                prepare_threshold=2,
                client_encoding="utf8",
                application_name="decisionlog projections",
            )
        except psycopg.ProgrammingError as error:
            reason = redact(str(error), self._url).strip()
            raise DatabaseUnavailableError(f"{without_secret(self._url)} cannot be used: {reason}.") from None
        except psycopg.Error as error:
            raise type(error)(redact(str(error), self._url)) from None
        path = names.SQL("set search_path = {}; set jit = off").format(names.Identifier(self._namespace))
        try:
            connection.execute(path)
        except BaseException:
            connection.close()
            raise
        return connection

    def check(self) -> str | None:
        """Return why there is no read model to read, or None."""
        with closing(self.connect()) as connection:
            found = connection.execute("select to_regclass('projection') is null").fetchone()
        return MISSING if found is None or found[0] else None

    def is_damage(self, error: BaseException) -> bool:
        """Whether an error means that a table or an index is damaged or missing."""
        return isinstance(error, _DAMAGE_ERRORS)

    def find_damage(self) -> list[str]:
        """Return the indexes that are not valid or differ from their tables, and whether texts have other words."""
        sql = """select i.relname from pg_index x join pg_class i on i.oid = x.indexrelid
            where i.relnamespace = to_regnamespace(%s) and not (x.indisvalid and x.indisready)"""
        with closing(self.connect()) as connection:
            invalid = connection.execute(sql, (self._namespace,)).fetchall()
            if invalid or connection.execute("select to_regclass('search') is null").fetchone() != (False,):
                return [f"the index {name} is not valid" for (name,) in invalid]
            found = list(find_wrong_indexes(connection, self._namespace, schema.TABLES))
            return found + ["the words of a text are not those that it has"] * _has_wrong_words(connection)

    def has_table(self, table: str) -> bool:
        """Whether the schema has a table."""
        with closing(self.connect()) as connection:
            found = connection.execute("select to_regclass(%s) is not null", (table,)).fetchone()
        return bool(found and found[0])

    def recreate(self) -> None:
        """Drop the tables, and create empty ones. Readers see the old ones until then."""
        with closing(self.writer()) as writer:
            writer.recreate()

    @contextmanager
    def snapshot(self, bounds: Bounds = UNBOUNDED) -> Iterator[RunQuery]:
        """Open a snapshot. Keep it short: an old one keeps deleted rows alive and delays the end of a rebuild.

        Raises:
            eventsourcing.persistence.OperationalError: the server cannot be reached, or the connection was lost.
        """
        with self._convert_errors():
            connection = self._begin_snapshot(bounds)
            try:
                if bounds.is_bounded:
                    bounds.on_interrupt(lambda: _cancel(connection))
                yield _query_runner(connection)
                bounds.on_interrupt(None)
                connection.execute("rollback")
            except BaseException:
                bounds.on_interrupt(None)
                connection.close()
                raise
        try:
            self._idle.put_nowait(connection)
        except Full:
            connection.close()

    @contextmanager
    def _convert_errors(self) -> Iterator[None]:
        """Raise errors of the connection as those of the library, which callers handle."""
        try:
            yield
        except self.transient_errors as error:
            reason = " ".join(str(error).split())
            raise persistence.OperationalError(f"{self} cannot be read: {reason}") from error

    def _begin_snapshot(self, bounds: Bounds) -> Connection:
        """Return a connection in a new snapshot. Idle connections that were lost are discarded."""
        while True:
            try:
                connection = self._idle.get_nowait()
            except Empty:
                return _begin(self.connect(), bounds)
            try:
                return _begin(connection, bounds)
            except self.transient_errors:
                continue

    def writer(self) -> PostgresqlWriter:
        """Open a connection that writes."""
        return PostgresqlWriter(self.connect(), self._namespace)

    def has_active_writer(self) -> bool:
        """Whether a process writes the read model now."""
        with closing(self.writer()) as writer:
            return not writer.try_lock(PROJECTOR)

    def scrub(self) -> bool:
        """Let the server reuse the space of deleted rows. Its write-ahead log and its backups are not covered."""
        with closing(self.connect()) as connection:
            connection.execute("vacuum field_value, field_ref, event, search")
        return True

    def close(self) -> None:
        """Close the idle connections."""
        while not self._idle.empty():
            self._idle.get_nowait().close()


_DAMAGE_ERRORS: Final = (
    psycopg.errors.DataCorrupted,
    psycopg.errors.IndexCorrupted,
    psycopg.errors.InternalError_,
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedColumn,
)


def _cancel(connection: Connection) -> None:
    """Ask the server to cancel what a connection runs, without waiting."""
    threading.Thread(target=_try_to_cancel, args=(connection,), name="cancel", daemon=True).start()


def _try_to_cancel(connection: Connection) -> None:
    with suppress(psycopg.Error):  # then `statement_timeout` ends it
        connection.cancel_safe(timeout=CANCEL_TIMEOUT_S)


def _begin(connection: Connection, bounds: Bounds) -> Connection:
    # Locked before the snapshot is taken: a reader that waited for `swap_tables` sees all of the new tables.
    try:
        begin = "begin isolation level repeatable read read only; lock projection in access share mode"
        if bounds.seconds < inf:
            begin += f"; set local statement_timeout = {max(1, int(bounds.seconds * 1000))}"
        connection.execute(cast("Any", begin))
    except BaseException:
        connection.close()
        raise
    return connection


class PostgresqlWriter:
    """A connection that writes. A transaction waits for other writers of the same tables.

    Within a transaction, statements without rows are pipelined: a small batch takes as long as its round trips. Their
    errors are raised by a later statement or at the end of the transaction.
    """

    def __init__(self, connection: Connection, namespace: str) -> None:
        self._connection = connection
        self._namespace = namespace
        self._pipeline = ExitStack()
        self._late: list[str] = []
        # Plans made while the tables are small must still be good when they have grown. Commits need not be durable: the
        # position is in the same transaction, so what a crash of the server loses is read from the log again.
        connection.execute("set enable_seqscan = off; set synchronous_commit = off")

    def try_lock(self, what: str) -> bool:
        """Take an advisory lock, unless it is held. The server releases it when this connection ends."""
        found = self._connection.execute(
            "select pg_try_advisory_lock(hashtextextended(%s, 0))", (f"decisionlog {self._namespace} {what}",)
        ).fetchone()
        return bool(found and found[0])

    @contextmanager
    def transaction(self, p: str = "") -> Iterator[None]:
        """Run a transaction, alone among the writers of these tables."""
        connection = self._connection
        try:
            with self._pipeline:
                self._pipeline.enter_context(connection.pipeline())
                connection.execute("begin")
                connection.execute(cast("Any", f"lock {p}projection in share row exclusive mode"))
                yield
                connection.execute("commit")
        except BaseException:
            if not connection.closed and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                connection.execute("rollback")
            raise

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Run one statement."""
        bound = {name: _bind(value) for name, value in parameters.items()}
        done = self._connection.execute(cast("Any", translate(sql)), bound)
        return done.fetchall() if sql.lstrip().startswith("select") else ()

    def insert(self, p: str, table: str, rows: Sequence[Row]) -> None:
        """Insert rows: a few in the pipeline, many by COPY."""
        if not rows:
            return
        columns = schema.columns_of(table)
        if table == "search":
            columns, rows = f"{columns}, words", [(*row, tsvector(row[-1])) for row in rows]
        if len(rows) <= MAX_INLINE_ROWS:
            values = schema.dumps([dict(zip(columns.split(", "), row, strict=True)) for row in rows])
            sql = f"insert into {p}{table} ({columns}) select {columns} from json_populate_recordset(null::{p}{table}, %s)"
            self._connection.execute(cast("Any", sql), (values,))
            return
        self._pipeline.close()  # COPY does not work in a pipeline
        with (
            self._connection.cursor() as cursor,
            cursor.copy(cast("Any", f"copy {p}{table} ({columns}) from stdin")) as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def neighbors(self, p: str, spans: Sequence[RowRange]) -> Iterable[NeighborRow]:
        """Return the rows in some ranges that are not void, and for each range the row before it and the row after it."""
        if not spans:
            return []
        of_field = f"""select c.valid_from, c.id, c.valid_to, c.next_id from {p}field_value c
            where c.subject = s.subject and c.field = s.field and c.voided_by is null"""
        sql = f"""select s.n - 1, c.* from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::bigint[]) with ordinality as s (subject, field, valid_from, id, last_valid_from, last_id, n) cross join lateral (
            ({of_field} and (c.valid_from, c.id) < (s.valid_from, s.id) order by c.valid_from desc, c.id desc limit 1)
            union all ({of_field} and (c.valid_from, c.id) >= (s.valid_from, s.id) and (c.valid_from, c.id) <= (s.last_valid_from, s.last_id))
            union all ({of_field} and (c.valid_from, c.id) > (s.last_valid_from, s.last_id) order by c.valid_from, c.id limit 1)) c"""
        columns = zip(*((subject, name, *first, *last) for subject, name, first, last in spans), strict=True)
        found = self._connection.execute(cast("Any", sql), [list(column) for column in columns]).fetchall()
        return cast("Iterable[NeighborRow]", found)

    def update_validity(self, p: str, rows: Sequence[Row]) -> None:
        """Set `valid_to`, `next_id` and `voided_by` of rows of `field_value` in one statement."""
        if not rows:
            return
        sql = f"""update {p}field_value c set valid_to = s.valid_to, next_id = s.next_id, voided_by = s.voided_by
            from unnest(%s::text[], %s::text[],
            %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
            as s (subject, field, valid_from, id, valid_to, next_id, voided_by)
            where c.subject = s.subject and c.field = s.field and c.valid_from = s.valid_from and c.id = s.id"""
        self._connection.execute(cast("Any", sql), [list(column) for column in zip(*rows, strict=True)])

    def optimize_search(self, p: str) -> None:
        """Do nothing: the words are in the deleted row."""

    def create_tables(self, p: str) -> None:
        """Create the tables."""
        text, keyed = 'text collate "C"', "with (fillfactor = 80)"  # space to update `valid_to` in place
        tables, late = schema.ddl(p=p, tag=self._free_tag(), text=text, integer="bigint", keyed=keyed)
        for statement in (*tables, _SEARCH.format(p=p)):
            self._connection.execute(cast("Any", statement))
        words = f"create index on {p}search using gin (words)"
        self._late = [*late, words, f"create index on {p}search (position)"]
        self.insert(p, "projection", [("fields", 0, VERSION)])

    def create_indexes(self, p: str) -> Iterator[None]:  # noqa: ARG002  (the statements have the prefix)
        """Create the other indexes."""
        for statement in self._late:
            self._connection.execute(cast("Any", statement))
            yield

    def create_unsorted(self, p: str) -> None:
        """Create the tables of rows in the order of the log."""
        text = 'text collate "C"'
        for statement in schema.unsorted_ddl(p=p, unlogged="unlogged", text=text, integer="bigint", keyed=""):
            self._connection.execute(cast("Any", statement))

    def move_unsorted(self, p: str) -> Iterator[None]:
        """Move these rows to `field_value`, with their next rows, and `field_ref`, in the order of the key.

        It locks nothing that others use, so the steps may be long.
        """
        columns = TABLES["field_value"][0]
        linked = f"""select subject, field, valid_from, id,
            case when voided_by is null then lead(valid_from) over w else valid_from end,
            case when voided_by is null then lead(id) over w else id end,
            ends_at, voided_by, value, source_value from {p}{UNSORTED_VALUES}
            window w as (partition by subject, field, voided_by is null order by valid_from, id)"""
        self._connection.execute(cast("Any", f"insert into {p}field_value ({columns}) {linked}"))
        self._connection.execute(cast("Any", f"drop table {p}{UNSORTED_VALUES}"))
        yield
        columns, key = TABLES["field_ref"]
        ordered = f"select {columns} from {p}{UNSORTED_REFS} order by {key}"
        self._connection.execute(cast("Any", f"insert into {p}field_ref ({columns}) {ordered}"))
        self._connection.execute(cast("Any", f"drop table {p}{UNSORTED_REFS}"))

    def drop_tables(self, p: str) -> None:
        """Drop the tables."""
        tables = ", ".join(f"{p}{table}" for table in (*TABLES, *UNSORTED))
        self._connection.execute(cast("Any", f"drop table if exists {tables}"))

    def swap_tables(self, p: str) -> None:
        """Replace the tables without a prefix by those with this one.

        Every reader locks `projection` first, so the exclusive lock on it waits for all readers.
        """
        self._connection.execute("lock projection in access exclusive mode")
        self.drop_tables("")
        for table in TABLES:
            self._connection.execute(cast("Any", f"analyze {p}{table}"))
            self._connection.execute(cast("Any", f"alter table {p}{table} rename to {table}"))

    def recreate(self) -> None:
        """Create the schema if it is missing, and empty tables. Concurrent calls run one after the other.

        Like `swap_tables`, it waits for all readers first: dropping one table after the other could deadlock with a reader.
        """
        with self._connection.transaction():
            self._connection.execute("select pg_advisory_xact_lock(hashtextextended('decisionlog schema', 0))")
            self._connection.execute(
                names.SQL("create schema if not exists {}").format(names.Identifier(self._namespace))
            )
            exists = self._connection.execute("select to_regclass('projection') is not null").fetchone()
            if exists and exists[0]:
                self._connection.execute("lock projection in access exclusive mode")
            self.drop_tables("")
            self.create_tables("")
            for _ in self.create_indexes(""):
                pass

    def _free_tag(self) -> str:
        """Return the one of two index name prefixes that is not in use. A renamed table keeps its index names."""
        taken = "select 1 from pg_indexes where schemaname = current_schema() and indexname like 'a\\_%'"
        return "b" if self._connection.execute(cast("Any", taken)).fetchone() else "a"

    def close(self) -> None:
        """Close the connection, and release its locks explicitly, because a server may notice a lost connection late."""
        with suppress(psycopg.Error):
            self._connection.execute("select pg_advisory_unlock_all()")
        self._connection.close()
