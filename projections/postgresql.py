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

from eventlog.dsn import redact, split_dsn, without_secret
from eventlog.errors import DatabaseUnavailableError
from projections import schema
from projections.bounds import UNBOUNDED, Bounds
from projections.database import MISSING, PROJECTOR, Near, Row, Rows, Span
from projections.schema import TABLES, VERSION
from projections.tokenizer import tokenize

IDLE: Final = 16
FEW: Final = 100
"""Rows that are sent along with other statements; more go in a stream of their own, which costs three round trips."""
CANCEL_TIMEOUT_S: Final = 2.0
_LONGEST_WORD: Final = 500
"""Characters; PostgreSQL takes no lexeme of 2,048 bytes."""
_LAST_PLACE: Final = 16_383
"""PostgreSQL counts words no further."""

_SEARCH: Final = """create table {p}search (
    rowid bigint primary key, subject text collate "C" not null, field text collate "C" not null,
    position bigint not null, content text collate "C" not null, words tsvector not null
)"""

_SPELLINGS: Final = (
    (re.compile("%"), "%%"),
    (re.compile(r"\bin members\(:(\w+)\)"), r"= any(:\1)"),
    (re.compile(r"\bpairs\(:(\w+)\)"), r"(select key, value from jsonb_each_text(:\1::text::jsonb))"),
    (re.compile(r"\bmatches\((\w+), :(\w+)\)"), r"\1.words @@ (replace(:\2, ' ', ':* & ') || ':*')::tsquery"),
    (re.compile(r"\brank\((\w+), :(\w+)\)"), r"-ts_rank(\1.words, (replace(:\2, ' ', ':* & ') || ':*')::tsquery)"),
    (re.compile(r"\binstr\("), "strpos("),
    (re.compile(r"(?<![:\w]):([a-z_]\w*)"), r"%(\1)s"),
)


@lru_cache(4096)
def spelt(sql: str) -> str:
    """A statement in PostgreSQL's words, with psycopg's parameters."""
    for word, spelling in _SPELLINGS:
        sql = word.sub(spelling, sql)
    return sql


def _bound(value: Any) -> Any:
    if isinstance(value, str):
        return schema.storable(value)
    if isinstance(value, list | tuple):
        return [_bound(item) for item in value]
    if isinstance(value, dict):
        return schema.storable(schema.dumps(value))
    return value


def tsvector(text: str) -> str:
    """The words of a text with their places. They are cut as the other database cuts them, not by PostgreSQL's parser."""
    return " ".join(f"{word[:_LONGEST_WORD]}:{min(n, _LAST_PLACE)}" for n, word in enumerate(tokenize(text), start=1))


Connection = psycopg.Connection[Row]


def _asking(connection: Connection) -> Callable[[str, Mapping[str, Any]], psycopg.Cursor[Row]]:
    def rows(sql: str, parameters: Mapping[str, Any]) -> psycopg.Cursor[Row]:
        bound = {name: _bound(value) for name, value in parameters.items()}
        return connection.execute(cast("Any", spelt(sql)), bound)

    return rows


class PostgresqlDatabase:
    """A schema, which is made where there is none, with a few connections that are reused.

    `url` is a `postgresql://` address; the schema is `decisionlog`, unless `?schema=` names another.
    """

    transient_errors: Final = (psycopg.OperationalError, psycopg.InterfaceError)

    def __init__(self, url: str) -> None:
        self._url, self._namespace = split_dsn(url)
        self._idle: LifoQueue[Connection] = LifoQueue(maxsize=IDLE)

    def __str__(self) -> str:
        return f"schema {self._namespace}"

    def connect(self) -> Connection:
        """A connection on which transactions are begun by hand.

        What is asked again is planned once, for that takes as long as most answers; nothing is compiled, as none takes
        long enough.

        Raises:
            NoStoreError: the address is not in order.
            psycopg.Error: the server cannot be had; neither message holds the password.
        """
        try:
            connection = psycopg.connect(
                self._url, autocommit=True, prepare_threshold=2, client_encoding="utf8",
                application_name="decisionlog projections",
            )  # fmt: skip
        except psycopg.ProgrammingError as error:
            msg = f"{without_secret(self._url)} cannot be used: {redact(str(error), self._url).strip()}."
            raise DatabaseUnavailableError(msg) from None
        except psycopg.Error as error:
            raise type(error)(redact(str(error), self._url)) from None
        path = names.SQL("set search_path = {}; set jit = off").format(names.Identifier(self._namespace))
        connection.execute(path)
        return connection

    def check(self) -> str | None:
        """Why there is no model to read, or None."""
        with closing(self.connect()) as connection:
            found = connection.execute("select to_regclass('projection') is null").fetchone()
        return MISSING if found is None or found[0] else None

    def is_damage(self, error: BaseException) -> bool:
        """Whether an error says that a table or an index is damaged, or gone."""
        return isinstance(error, _DAMAGE)

    def find_damage(self) -> list[str]:
        """Indexes of the model that are not valid, and what the server cannot read."""
        sql = """select i.relname from pg_index x join pg_class i on i.oid = x.indexrelid
            where i.relnamespace = to_regnamespace(%s) and not (x.indisvalid and x.indisready)"""
        with closing(self.connect()) as connection:
            found = connection.execute(sql, (self._namespace,)).fetchall()
        return [f"the index {name} is not valid" for (name,) in found]

    def has(self, table: str) -> bool:
        """Whether there is a table in the schema."""
        with closing(self.connect()) as connection:
            found = connection.execute("select to_regclass(%s) is not null", (table,)).fetchone()
        return bool(found and found[0])

    def renew(self) -> None:
        """Drops the tables, and makes them empty. Readers see the old ones until then."""
        with closing(self.writer()) as writer:
            writer.renew()

    @contextmanager
    def reading(self, bounds: Bounds = UNBOUNDED) -> Iterator[Rows]:
        """A snapshot. Keep it short: an old one keeps deleted rows alive, and a rebuild from taking over.

        Raises:
            OperationalError: the library's; the server cannot be reached, or went away meanwhile.
        """
        with self._out_of_reach():
            connection = self._begun(bounds)
            try:
                if bounds.is_bounded:
                    bounds.on_interrupt(lambda: _cancel(connection))
                yield _asking(connection)
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
    def _out_of_reach(self) -> Iterator[None]:
        """Says in the library's words, which whoever asks knows, that the server cannot be had."""
        try:
            yield
        except self.transient_errors as error:
            msg = f"{self} cannot be read: {' '.join(str(error).split())}"
            raise persistence.OperationalError(msg) from error

    def _begun(self, bounds: Bounds) -> Connection:
        """A connection in a new snapshot; those that broke while nobody used them are left aside."""
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
        """A connection that writes."""
        return PostgresqlWriter(self.connect(), self._namespace)

    def has_active_writer(self) -> bool:
        """Whether a process writes the model now."""
        with closing(self.writer()) as writer:
            return not writer.claim(PROJECTOR)

    def scrub(self) -> bool:
        """Lets the server write over deleted rows. Its own log and its backups are beyond our reach."""
        with closing(self.connect()) as connection:
            connection.execute("vacuum cell, cell_ref, act, search")
        return True

    def close(self) -> None:
        """Closes the connections that nobody is using."""
        while not self._idle.empty():
            self._idle.get_nowait().close()


_DAMAGE: Final = (
    psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted, psycopg.errors.InternalError_,
    psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn,
)  # fmt: skip


def _cancel(connection: Connection) -> None:
    """Asks the server to end what a connection is running, without waiting for it."""
    threading.Thread(target=_try_to_cancel, args=(connection,), name="cancel", daemon=True).start()


def _try_to_cancel(connection: Connection) -> None:
    with suppress(psycopg.Error):  # `statement_timeout` ends it then
        connection.cancel_safe(timeout=CANCEL_TIMEOUT_S)


def _begin(connection: Connection, bounds: Bounds) -> Connection:
    # Locked before the snapshot is taken: whoever waited for other tables to come in their place sees those, whole.
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
    """A connection that writes; whoever writes the same tables waits for its transaction to end.

    Within a transaction, what gives no rows is sent without waiting for the answer: a batch of few entries takes as long
    as its round trips. A failure is then told by a later statement, or by the end of the transaction.
    """

    def __init__(self, connection: Connection, namespace: str) -> None:
        self._connection = connection
        self._namespace = namespace
        self._pipeline = ExitStack()
        self._late: list[str] = []
        # Plans made while the tables are small must serve when they grow. And the position stands in the same transaction:
        # whatever a server that dies had not written to disk yet, is read from the log once more.
        connection.execute("set enable_seqscan = off; set synchronous_commit = off")

    def claim(self, what: str) -> bool:
        """Takes a lock that the server releases when this connection ends, however it ends."""
        found = self._connection.execute(
            "select pg_try_advisory_lock(hashtextextended(%s, 0))", (f"decisionlog {self._namespace} {what}",)
        ).fetchone()
        return bool(found and found[0])

    @contextmanager
    def transaction(self, p: str = "") -> Iterator[None]:
        """All or nothing, alone among writers of these tables."""
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
        """Runs one statement."""
        bound = {name: _bound(value) for name, value in parameters.items()}
        done = self._connection.execute(cast("Any", spelt(sql)), bound)
        return done.fetchall() if sql.lstrip().startswith("select") else ()

    def insert(self, p: str, table: str, rows: Sequence[Row]) -> None:
        """Adds rows: a few with other statements, many in one stream."""
        if not rows:
            return
        columns = TABLES[table][0]
        if table == "search":
            columns, rows = f"{columns}, words", [(*row, tsvector(row[-1])) for row in rows]
        if len(rows) <= FEW:
            given = schema.dumps([dict(zip(columns.split(", "), row, strict=True)) for row in rows])
            sql = f"insert into {p}{table} ({columns}) select {columns} from json_populate_recordset(null::{p}{table}, %s)"
            self._connection.execute(cast("Any", sql), (given,))
            return
        self._pipeline.close()  # in which there are no streams
        with (
            self._connection.cursor() as cursor,
            cursor.copy(cast("Any", f"copy {p}{table} ({columns}) from stdin")) as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def neighbors(self, p: str, spans: Sequence[Span]) -> Iterable[Near]:
        """The rows that count in some spans, the one before each and the one after."""
        if not spans:
            return []
        of_cell = f"""select c.eff, c.id, c.et, c.et_id from {p}cell c
            where c.subject = s.subject and c.field = s.field and c.void is null"""
        sql = f"""select s.n - 1, c.* from unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bigint[],
            %s::bigint[]) with ordinality as s (subject, field, eff, id, last_eff, last_id, n) cross join lateral (
            ({of_cell} and (c.eff, c.id) < (s.eff, s.id) order by c.eff desc, c.id desc limit 1)
            union all ({of_cell} and (c.eff, c.id) >= (s.eff, s.id) and (c.eff, c.id) <= (s.last_eff, s.last_id))
            union all ({of_cell} and (c.eff, c.id) > (s.last_eff, s.last_id) order by c.eff, c.id limit 1)) c"""
        columns = zip(*((subject, name, *first, *last) for subject, name, first, last in spans), strict=True)
        found = self._connection.execute(cast("Any", sql), [list(column) for column in columns]).fetchall()
        return cast("Iterable[Near]", found)

    def update_validity(self, p: str, rows: Sequence[Row]) -> None:
        """Gives rows of cells their `et`, `et_id` and `void`, all at once."""
        if not rows:
            return
        sql = f"""update {p}cell c set et = s.et, et_id = s.et_id, void = s.void from unnest(%s::text[], %s::text[],
            %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
            as s (subject, field, eff, id, et, et_id, void)
            where c.subject = s.subject and c.field = s.field and c.eff = s.eff and c.id = s.id"""
        self._connection.execute(cast("Any", sql), [list(column) for column in zip(*rows, strict=True)])

    def merge_words(self, p: str) -> None:
        """Nothing: the words stand in the row, and went with it."""

    def create(self, p: str) -> None:
        """Makes the tables."""
        text, keyed = 'text collate "C"', "with (fillfactor = 80)"  # room for a row's `et` beside it
        tables, late = schema.ddl(p=p, tag=self._free_tag(), text=text, integer="bigint", keyed=keyed)
        for statement in (*tables, _SEARCH.format(p=p)):
            self._connection.execute(cast("Any", statement))
        words = f"create index on {p}search using gin (words)"
        self._late = [*late, words, f"create index on {p}search (position)"]
        self.insert(p, "projection", [("fields", 0, VERSION)])

    def index(self, p: str) -> Iterator[None]:  # noqa: ARG002  (they were spelt for these tables)
        """Makes the other indexes."""
        for statement in self._late:
            self._connection.execute(cast("Any", statement))
            yield

    def drop(self, p: str) -> None:
        """Drops the tables."""
        self._connection.execute(cast("Any", "drop table if exists " + ", ".join(f"{p}{table}" for table in TABLES)))

    def swap(self, p: str) -> None:
        """Puts the tables of this prefix in the place of those without one.

        Every reader holds `projection` from its beginning; so who has it alone needs to wait for nobody any more.
        """
        self._connection.execute("lock projection in access exclusive mode")
        self.drop("")
        for table in TABLES:
            self._connection.execute(cast("Any", f"analyze {p}{table}"))
            self._connection.execute(cast("Any", f"alter table {p}{table} rename to {table}"))

    def renew(self) -> None:
        """Makes the schema where there is none, and the tables, empty. Two that do so at once do it one after the other."""
        with self._connection.transaction():
            self._connection.execute("select pg_advisory_xact_lock(hashtextextended('decisionlog schema', 0))")
            self._connection.execute(
                names.SQL("create schema if not exists {}").format(names.Identifier(self._namespace))
            )
            self.drop("")
            self.create("")
            for _ in self.index(""):
                pass

    def _free_tag(self) -> str:
        """Of two names for a set of indexes the one not in use: an index keeps its name when its table gets another."""
        taken = "select 1 from pg_indexes where schemaname = current_schema() and indexname like 'a\\_%'"
        return "b" if self._connection.execute(cast("Any", taken)).fetchone() else "a"

    def close(self) -> None:
        """Ends it, and gives back what it claimed: said in words, for a server notices an end only after a while."""
        with suppress(psycopg.Error):
            self._connection.execute("select pg_advisory_unlock_all()")
        self._connection.close()
