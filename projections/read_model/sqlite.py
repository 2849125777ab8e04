"""A read model in an SQLite file."""

from __future__ import annotations

import fcntl
import os
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache, cached_property, lru_cache
from pathlib import Path
from queue import Empty, Full, LifoQueue
from typing import Any, Final

from eventlog.sql import iter_values
from eventlog.sqlite_disk import is_disk_error
from eventlog.sqlite_integrity import (
    DAMAGE_ERRORS,
    SchemaObjects,
    describe,
    find_page_damage,
    find_schema_damage,
    is_damage,
    read_schema,
)
from projections.read_model import schema
from projections.read_model.database import MISSING, PROJECTOR, NeighborRow, Row, RowRange, RunQuery
from projections.read_model.query_limits import OPCODES_PER_CHECK, UNBOUNDED, Bounds
from projections.read_model.schema import TABLES, UNSORTED, UNSORTED_REFS, UNSORTED_VALUES, VERSION
from projections.read_model.tokenizer import tokenize

MAX_IDLE_CONNECTIONS: Final = 16
REBUILD_CHECKPOINT_PAGES: Final = 20_000
"""80 MB. A rebuild inserts rows in no order of their keys, so each batch changes most pages. With a long write-ahead log,
each page is copied to the file less often, unless a projector commits meanwhile, which copies all there are."""
ROWS_PER_MOVE: Final = 100_000
"""About half a second of work."""
READER_CACHE_KIB: Final = 8_000
"""The page cache of each connection that reads; small, because there are several and the system caches the file too."""
_SUFFIXES: Final = ("", "-wal", "-shm")
_SEARCH: Final = """create virtual table {p}search using fts5(
    subject unindexed, field unindexed, position unindexed, content unindexed, words)"""

_TRANSLATIONS: Final = (
    (re.compile(r"\bmembers\((:\w+)\)"), r"(select value from json_each(\1))"),
    (re.compile(r"\bpairs\((:\w+)\)"), r"(select key, value from json_each(\1))"),
    (re.compile(r"\bmember\(([\w.]+), '(\w+)'\)"), r"json_extract(\1, '$.\2')"),
    (
        re.compile(r"\brfc3339\(([\w.]+)\)"),
        r"(strftime('%Y-%m-%dT%H:%M:%S', \1 / 1000000, 'unixepoch') || printf('.%06dZ', \1 % 1000000))",
    ),
    (re.compile(r"\bmatches\((\w+), (:\w+)\)"), r"""\1.search match '"' || replace(\2, ' ', '"* "') || '"*'"""),
    (re.compile(r"\brank\((\w+), :\w+\)"), r"\1.rank"),
)


_FOUND: Final = """select s.n, c.valid_from, c.id, c.valid_to, c.next_id from s cross join {p}field_value c
    where c.subject = s.subject and c.field = s.field and c.voided_by is null and (c.valid_from, c.id)"""
_NEXT_TO: Final = """(select b.valid_from, b.id from {p}field_value b where b.subject = s.subject and b.field = s.field
    and b.voided_by is null and (b.valid_from, b.id)"""
_NEIGHBORS: Final = f"""with s (n, subject, field, valid_from, id, last_valid_from, last_id) as (values {{marks}})
    {_FOUND} = {_NEXT_TO} < (s.valid_from, s.id) order by b.valid_from desc, b.id desc limit 1)
    union all {_FOUND} >= (s.valid_from, s.id) and (c.valid_from, c.id) <= (s.last_valid_from, s.last_id)
    union all {_FOUND} = {_NEXT_TO} > (s.last_valid_from, s.last_id) order by b.valid_from, b.id limit 1)"""


_LAST_OF_MOVE: Final = "select subject from {p}unsorted_field_value where subject > ? order by subject limit 1 offset ?"
_LINKED: Final = """select subject, field, valid_from, id, lead(valid_from) over w, lead(id) over w,
    ends_at, null, value, source_value from {p}unsorted_field_value
    where voided_by is null and subject > :first and subject <= :last
    window w as (partition by subject, field order by valid_from, id)
    union all select subject, field, valid_from, id, valid_from, id, ends_at, voided_by, value, source_value
    from {p}unsorted_field_value where voided_by is not null and subject > :first and subject <= :last"""
_AFTER_ALL_SUBJECTS: Final = "\U0010ffff"


@lru_cache(4096)
def translate(sql: str) -> str:
    """Return a statement in SQLite's SQL."""
    return schema.substitute(_TRANSLATIONS, sql)


def _bind(value: Any) -> Any:
    if isinstance(value, str):
        return schema.storable(value)
    if isinstance(value, list | tuple | dict):
        return schema.storable(schema.dumps(value))
    return value


def connect(path: Path, cache_kib: int = 32_000) -> sqlite3.Connection:
    """Open a connection with manual transactions that overwrites what it deletes."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=60, cached_statements=512)
    try:
        for pragma in (
            "journal_mode = wal",
            "synchronous = normal",
            "secure_delete = on",
            "temp_store = memory",
            f"cache_size = -{cache_kib}",
        ):
            connection.execute(f"pragma {pragma}").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _query_runner(connection: sqlite3.Connection) -> Callable[[str, Mapping[str, Any]], sqlite3.Cursor]:
    def rows(sql: str, parameters: Mapping[str, Any]) -> sqlite3.Cursor:
        return connection.execute(translate(sql), {name: _bind(value) for name, value in parameters.items()})

    return rows


class SqliteDatabase:
    """An SQLite file, with a pool of connections that read."""

    transient_errors: Final = (sqlite3.OperationalError,)

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: LifoQueue[tuple[sqlite3.Connection, int]] = LifoQueue(maxsize=MAX_IDLE_CONNECTIONS)
        """Each with the number of the file that it has open."""

    def __str__(self) -> str:
        return str(self.path)

    def check(self) -> str | None:
        """Return why the file cannot be read, or None.

        Raises:
            sqlite3.OperationalError: the disk is full or fails, so nothing is known about the file.
        """
        if not self.path.exists():
            return MISSING
        try:
            with closing(connect(self.path)) as connection:
                checked = connection.execute("pragma quick_check(1)").fetchone()[0]
                if checked != "ok":
                    return f"the file is damaged ({checked})"
                if not connection.execute("select 1 from sqlite_master where name = 'projection'").fetchone():
                    return "the file holds no read model"
        except DAMAGE_ERRORS as error:
            if is_disk_error(error):
                raise
            return f"the file is damaged ({describe(error)})"
        return None

    def is_damage(self, error: BaseException) -> bool:
        """Whether an error means that the file is damaged."""
        return is_damage(error)

    def find_damage(self) -> list[str]:
        """Return what is wrong with the file: its pages, its indexes, its schema, its search index."""
        try:
            with closing(connect(self.path)) as connection:
                found = {each for each in read_schema(connection, _plain_name) if not _OTHER_TABLES.match(each[2])}
                schema_damage = find_schema_damage(found, _expected_schema())
                return [*schema_damage, *find_page_damage(connection), *_find_search_damage(connection)]
        except DAMAGE_ERRORS as error:
            if not is_damage(error):
                raise
            return [describe(error)]

    def has_table(self, table: str) -> bool:
        """Whether the file exists and has a table."""
        if not self.path.exists():  # connecting would create it
            return False
        with self.snapshot() as ask:
            return (
                next(iter(ask("select 1 from sqlite_master where name = :table", {"table": table})), None) is not None
            )

    def recreate(self) -> None:
        """Delete the file and create a new one. No other process may have it open."""
        self.close()
        for suffix in _SUFFIXES:
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        with closing(self.writer()) as writer, writer.transaction():
            writer.create_tables("")
            for _ in writer.create_indexes(""):
                pass

    @contextmanager
    def snapshot(self, bounds: Bounds = UNBOUNDED) -> Iterator[RunQuery]:
        """Open a snapshot. Keep it short: an old one prevents truncation of the write-ahead log."""
        connection, number = self._connection()
        try:
            if bounds.is_bounded:
                connection.set_progress_handler(bounds.is_over, OPCODES_PER_CHECK)
            connection.execute("begin")
            yield _query_runner(connection)
            connection.set_progress_handler(None, OPCODES_PER_CHECK)
            connection.execute("rollback")
        except BaseException:
            connection.close()
            raise
        try:
            self._idle.put_nowait((connection, number))
        except Full:
            connection.close()

    def _connection(self) -> tuple[sqlite3.Connection, int]:
        """Return an idle connection or a new one. Another process may have replaced the file that an idle one has open."""
        while not self._idle.empty():
            with suppress(Empty):
                connection, number = self._idle.get_nowait()
                if self.path.exists() and self.path.stat().st_ino == number:
                    return connection, number
                connection.close()
        connection = connect(self.path, READER_CACHE_KIB)
        connection.execute("pragma query_only = on")
        return connection, self.path.stat().st_ino

    def writer(self) -> SqliteWriter:
        """Open a connection that writes."""
        return SqliteWriter(self.path)

    def has_active_writer(self) -> bool:
        """Whether a process holds the lock file of the writer."""
        try:
            handle = os.open(_lock_file(self.path, PROJECTOR), os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def scrub(self) -> bool:
        """Truncate the write-ahead log, which may still hold deleted texts. Return False if a reader blocked it.

        The file itself holds nothing deleted: connections overwrite what they delete.
        """
        with closing(connect(self.path)) as connection:
            return not connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]

    def close(self) -> None:
        """Close the idle connections."""
        while not self._idle.empty():
            self._idle.get_nowait()[0].close()


_OTHER_TABLES: Final = re.compile(r"replica(_\w+)?$|shadow_")
"""Other tables that may be in the file: those of a replica, and those of a rebuild in progress."""


def _plain_name(name: str) -> str:
    """Return a name or a statement with the index names that it would have had before any rebuild."""
    return re.sub(r"\b[ab]_(?=field_|event)", "a_", name.replace('"', "").replace("'", ""))


@cache
def _expected_schema() -> SchemaObjects:
    """Return the schema of a read model as SQLite describes it."""
    with closing(SqliteWriter(Path(":memory:"))) as writer:
        writer.create_tables("")
        for _ in writer.create_indexes(""):
            pass
        return read_schema(writer.connection, _plain_name)


def _find_search_damage(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield what is wrong with the search index: it must hold exactly the words of the rows."""
    connection.execute("begin immediate")
    try:
        connection.execute("insert into search (search) values ('integrity-check')")
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        yield f"the search index does not match the texts ({describe(error)})"
    finally:
        connection.execute("rollback")


def _lock_file(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}.lock")


class SqliteWriter:
    """A connection that writes. A transaction waits for other writers before it reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._claims: list[int] = []
        self._late: list[str] = []

    @cached_property
    def _connection(self) -> sqlite3.Connection:
        # Opened on demand: a damaged file must not be touched before the lock is taken.
        return connect(self._path)

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection that this writes with."""
        return self._connection

    def try_lock(self, what: str) -> bool:
        """Lock a file next to the read model, unless it is locked. The system releases the lock when the process ends."""
        handle = os.open(_lock_file(self._path, what), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._claims.append(handle)
        return True

    @contextmanager
    def transaction(self, p: str = "") -> Iterator[None]:  # noqa: ARG002  (SQLite locks the whole file)
        """Run a transaction."""
        self._connection.execute("begin immediate")
        try:
            yield
            self._connection.execute("commit")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Run one statement."""
        return _query_runner(self._connection)(sql, parameters).fetchall()

    def insert(self, p: str, table: str, rows: Sequence[Row]) -> None:
        """Insert rows."""
        columns = schema.columns_of(table)
        if table == "search":
            columns, rows = f"{columns}, words", [(*row, " ".join(tokenize(row[-1]))) for row in rows]
        placeholders = ", ".join("?" * (columns.count(",") + 1))
        self._connection.executemany(f"insert into {p}{table} ({columns}) values ({placeholders})", rows)

    def neighbors(self, p: str, spans: Sequence[RowRange]) -> Iterable[NeighborRow]:
        """Return the rows in some ranges that are not void, and for each range the row before it and the row after it."""
        # One statement for many ranges: to start one takes longer than to find the rows of a range.
        numbered = [(n, subject, name, *first, *last) for n, (subject, name, first, last) in enumerate(spans)]
        for marks, values in iter_values(numbered):
            yield from self._connection.execute(_NEIGHBORS.format(p=p, marks=marks), values)

    def update_validity(self, p: str, rows: Sequence[Row]) -> None:
        """Set `valid_to`, `next_id` and `voided_by` of rows of `field_value`."""
        this = "subject = ? and field = ? and valid_from = ? and id = ?"
        self._connection.executemany(
            f"update {p}field_value set valid_to = ?, next_id = ?, voided_by = ? where {this}",
            [(*row[4:], *row[:4]) for row in rows],
        )

    def optimize_search(self, p: str) -> None:
        """Merge the parts of the search index, which keeps deleted words until then."""
        self._connection.execute(f"insert into {p}search ({p}search) values ('optimize')")

    def create_tables(self, p: str) -> None:
        """Create the tables."""
        tag = self._free_tag()
        if p == schema.SHADOW:
            self._connection.execute(f"pragma wal_autocheckpoint = {REBUILD_CHECKPOINT_PAGES}")
        tables, self._late = schema.ddl(p=p, tag=tag, text="text", integer="integer", keyed="without rowid")
        for statement in (*tables, _SEARCH.format(p=p)):
            self._connection.execute(statement)
        self.insert(p, "projection", [("fields", 0, VERSION)])

    def create_indexes(self, p: str) -> Iterator[None]:  # noqa: ARG002  (the statements have the prefix)
        """Create the other indexes."""
        for statement in self._late:
            self._connection.execute(statement)
            yield

    def create_unsorted(self, p: str) -> None:
        """Create the tables of rows in the order of the log."""
        for statement in schema.unsorted_ddl(p=p, unlogged="", text="text", integer="integer", keyed="without rowid"):
            self._connection.execute(statement)

    def move_unsorted(self, p: str) -> Iterator[None]:
        """Move these rows to `field_value`, with their next rows, and `field_ref`.

        They are copied in the order of the key, those of values some subjects at a time: to insert them one after the
        other, each where it belongs, would write most pages many times.
        """
        run, columns = self._connection.execute, TABLES["field_value"][0]
        run(f"create index {p}unsorted_by_key on {p}{UNSORTED_VALUES} (subject, field, valid_from, id, voided_by)")
        yield
        first = ""
        while True:
            found = run(_LAST_OF_MOVE.format(p=p), (first, ROWS_PER_MOVE)).fetchone()
            last = found[0] if found else _AFTER_ALL_SUBJECTS
            run(f"insert into {p}field_value ({columns}) {_LINKED.format(p=p)}", {"first": first, "last": last})
            yield
            if not found:
                break
            first = last
        run(f"drop table {p}{UNSORTED_VALUES}")
        yield
        columns, key = TABLES["field_ref"]
        run(f"insert into {p}field_ref ({columns}) select {columns} from {p}{UNSORTED_REFS} order by {key}")
        run(f"drop table {p}{UNSORTED_REFS}")

    def drop_tables(self, p: str) -> None:
        """Drop the tables."""
        for table in (*TABLES, *UNSORTED):
            self._connection.execute(f"drop table if exists {p}{table}")

    def swap_tables(self, p: str) -> None:
        """Replace the tables without a prefix by those with this one."""
        self.drop_tables("")
        for table in TABLES:
            self._connection.execute(f"alter table {p}{table} rename to {table}")

    def _free_tag(self) -> str:
        """Return the one of two index name prefixes that is not in use. A renamed table keeps its index names."""
        taken = "select 1 from sqlite_master where type = 'index' and name like 'a\\_%' escape '\\'"
        return "b" if self._connection.execute(taken).fetchone() else "a"

    def close(self) -> None:
        """Close the connection, and release its locks."""
        if "_connection" in self.__dict__:
            self._connection.close()
        while self._claims:
            os.close(self._claims.pop())
