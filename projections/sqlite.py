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

from eventlog.sqlite_integrity import (
    DAMAGE_ERRORS,
    SchemaObjects,
    describe,
    find_page_damage,
    find_schema_damage,
    is_damage,
    read_schema,
)
from projections import schema
from projections.bounds import OPCODES, UNBOUNDED, Bounds
from projections.database import MISSING, PROJECTOR, Near, Row, Rows, Span
from projections.schema import TABLES, VERSION
from projections.tokenizer import tokenize

IDLE: Final = 16
READER_CACHE_KIB: Final = 8_000
"""Of each connection that reads: there are several, and the system keeps what is read as well."""
_KIND: Final = 0xFF
"""Of an error's code: the rest tells more of the same."""
_OF_THE_DISK: Final = {
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY,
}  # fmt: skip
"""Errors that say nothing of what is in a file: it must not be thrown away for them."""
_SUFFIXES: Final = ("", "-wal", "-shm")
_SEARCH: Final = """create virtual table {p}search using fts5(
    subject unindexed, field unindexed, position unindexed, content unindexed, words)"""

_SPELLINGS: Final = (
    (re.compile(r"\bmembers\((:\w+)\)"), r"(select value from json_each(\1))"),
    (re.compile(r"\bpairs\((:\w+)\)"), r"(select key, value from json_each(\1))"),
    (re.compile(r"\bmatches\((\w+), (:\w+)\)"), r"""\1.search match '"' || replace(\2, ' ', '"* "') || '"*'"""),
    (re.compile(r"\brank\((\w+), :\w+\)"), r"\1.rank"),
)


@lru_cache(4096)
def spelt(sql: str) -> str:
    """A statement in SQLite's words."""
    for word, spelling in _SPELLINGS:
        sql = word.sub(spelling, sql)
    return sql


def _bound(value: Any) -> Any:
    if isinstance(value, str):
        return schema.storable(value)
    if isinstance(value, list | tuple | dict):
        return schema.storable(schema.dumps(value))
    return value


def connect(path: Path, cache_kib: int = 32_000) -> sqlite3.Connection:
    """A connection on which transactions are begun by hand, and from which nothing deleted can be read again."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=60, cached_statements=512)
    try:
        for pragma in (
            "journal_mode = wal", "synchronous = normal", "secure_delete = on", "temp_store = memory",
            f"cache_size = -{cache_kib}",
        ):  # fmt: skip
            connection.execute(f"pragma {pragma}").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _asking(connection: sqlite3.Connection) -> Callable[[str, Mapping[str, Any]], sqlite3.Cursor]:
    def rows(sql: str, parameters: Mapping[str, Any]) -> sqlite3.Cursor:
        return connection.execute(spelt(sql), {name: _bound(value) for name, value in parameters.items()})

    return rows


class SqliteDatabase:
    """A file, with a few connections that are reused."""

    transient_errors: Final = (sqlite3.OperationalError,)

    def __init__(self, path: Path) -> None:
        self.path = path
        self._idle: LifoQueue[tuple[sqlite3.Connection, int]] = LifoQueue(maxsize=IDLE)
        """Each with the number of the file that it has open."""

    def __str__(self) -> str:
        return str(self.path)

    def check(self) -> str | None:
        """Why the file cannot be read, or None.

        Raises:
            sqlite3.OperationalError: the disk is full, or fails; of the file nothing can be said.
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
            if getattr(error, "sqlite_errorcode", 0) & _KIND in _OF_THE_DISK:
                raise
            return f"the file is damaged ({describe(error)})"
        return None

    def is_damage(self, error: BaseException) -> bool:
        """Whether an error says that the file is damaged."""
        return is_damage(error)

    def find_damage(self) -> list[str]:
        """What is wrong with the file: its pages, indexes unlike their tables, its schema, the index of words."""
        try:
            with closing(connect(self.path)) as connection:
                found = {each for each in read_schema(connection, _plain_name) if not _BESIDE.match(each[2])}
                schema_damage = find_schema_damage(found, _expected_schema())
                return [*schema_damage, *find_page_damage(connection), *_find_word_damage(connection)]
        except DAMAGE_ERRORS as error:
            if not is_damage(error):
                raise
            return [describe(error)]

    def has(self, table: str) -> bool:
        """Whether there is a table in the file, if there is a file."""
        if not self.path.exists():  # asking would begin an empty one
            return False
        with self.reading() as ask:
            return (
                next(iter(ask("select 1 from sqlite_master where name = :table", {"table": table})), None) is not None
            )

    def renew(self) -> None:
        """Removes the file and begins another. Nobody else may have it open."""
        self.close()
        for suffix in _SUFFIXES:
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        with closing(self.writer()) as writer, writer.transaction():
            writer.create("")
            for _ in writer.index(""):
                pass

    @contextmanager
    def reading(self, bounds: Bounds = UNBOUNDED) -> Iterator[Rows]:
        """A snapshot. Keep it short: an old one keeps the file from being tidied."""
        connection, number = self._connection()
        try:
            if bounds.is_bounded:
                connection.set_progress_handler(bounds.is_over, OPCODES)
            connection.execute("begin")
            yield _asking(connection)
            connection.set_progress_handler(None, OPCODES)
            connection.execute("rollback")
        except BaseException:
            connection.close()
            raise
        try:
            self._idle.put_nowait((connection, number))
        except Full:
            connection.close()

    def _connection(self) -> tuple[sqlite3.Connection, int]:
        """One that is at hand, or another; another process may have put another file in the place of the one it has open."""
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
        """A connection that writes."""
        return SqliteWriter(self.path)

    def has_active_writer(self) -> bool:
        """Whether a process has the lock beside the file."""
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
        """Empties the write-ahead log, where deleted texts may still stand; whether it could, or a reader was in the way.

        In the file itself nothing deleted remains: connections overwrite what they delete.
        """
        with closing(connect(self.path)) as connection:
            return not connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]

    def close(self) -> None:
        """Closes the connections that nobody is using."""
        while not self._idle.empty():
            self._idle.get_nowait()[0].close()


_BESIDE: Final = re.compile(r"replica(_\w+)?$|shadow_")
"""What else may be in the file: what a replica keeps, and the tables of a rebuild that is under way."""


def _plain_name(name: str) -> str:
    """A name or a statement as if no rebuild had ever put other tables and indexes in the place of the first."""
    return re.sub(r"\b[ab]_(?=cell|act)", "a_", name.replace('"', "").replace("'", ""))


@cache
def _expected_schema() -> SchemaObjects:
    """The schema of a read model as SQLite describes it."""
    with closing(SqliteWriter(Path(":memory:"))) as writer:
        writer.create("")
        for _ in writer.index(""):
            pass
        return read_schema(writer.connection, _plain_name)


def _find_word_damage(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield what is wrong with the index of words: it must hold just the words of the rows."""
    connection.execute("begin immediate")
    try:
        connection.execute("insert into search (search) values ('integrity-check')")
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        yield f"the index of words does not fit the texts ({describe(error)})"
    finally:
        connection.execute("rollback")


def _lock_file(path: Path, what: str) -> Path:
    return path.with_name(f"{path.name}.{what}.lock")


class SqliteWriter:
    """The file's one writing connection at a time: a transaction waits for its turn before it reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._claims: list[int] = []
        self._late: list[str] = []

    @cached_property
    def _connection(self) -> sqlite3.Connection:
        # Made when it is needed: a claim must be had before a damaged file is touched.
        return connect(self._path)

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection that it writes with."""
        return self._connection

    def claim(self, what: str) -> bool:
        """Takes a lock on a file beside the model; the system releases it when the process dies."""
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
        """All or nothing."""
        self._connection.execute("begin immediate")
        try:
            yield
            self._connection.execute("commit")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Runs one statement."""
        return _asking(self._connection)(sql, parameters).fetchall()

    def insert(self, p: str, table: str, rows: Sequence[Row]) -> None:
        """Adds rows."""
        columns = TABLES[table][0]
        if table == "search":
            columns, rows = f"{columns}, words", [(*row, " ".join(tokenize(row[-1]))) for row in rows]
        holes = ", ".join("?" * (columns.count(",") + 1))
        self._connection.executemany(f"insert into {p}{table} ({columns}) values ({holes})", rows)

    def neighbors(self, p: str, spans: Sequence[Span]) -> Iterable[Near]:
        """The rows that count in some spans, the one before each and the one after."""
        of_cell = f"select eff, id, et, et_id from {p}cell where subject = ?1 and field = ?2 and void is null"
        sql = f"""select * from ({of_cell} and (eff, id) < (?3, ?4) order by eff desc, id desc limit 1)
            union all {of_cell} and (eff, id) >= (?3, ?4) and (eff, id) <= (?5, ?6)
            union all select * from ({of_cell} and (eff, id) > (?5, ?6) order by eff, id limit 1)"""
        for n, (subject, name, first, last) in enumerate(spans):
            for row in self._connection.execute(sql, (subject, name, *first, *last)):
                yield n, *row

    def update_validity(self, p: str, rows: Sequence[Row]) -> None:
        """Gives rows of cells their `et`, `et_id` and `void`."""
        this = "subject = ?1 and field = ?2 and eff = ?3 and id = ?4"
        self._connection.executemany(f"update {p}cell set et = ?5, et_id = ?6, void = ?7 where {this}", rows)

    def merge_words(self, p: str) -> None:
        """The index of words keeps deleted ones until its parts are merged."""
        self._connection.execute(f"insert into {p}search ({p}search) values ('optimize')")

    def create(self, p: str) -> None:
        """Makes the tables."""
        tag = self._free_tag()
        tables, self._late = schema.ddl(p=p, tag=tag, text="text", integer="integer", keyed="without rowid")
        for statement in (*tables, _SEARCH.format(p=p)):
            self._connection.execute(statement)
        self.insert(p, "projection", [("fields", 0, VERSION)])

    def index(self, p: str) -> Iterator[None]:  # noqa: ARG002  (they were spelt for these tables)
        """Makes the other indexes."""
        for statement in self._late:
            self._connection.execute(statement)
            yield

    def drop(self, p: str) -> None:
        """Drops the tables."""
        for table in TABLES:
            self._connection.execute(f"drop table if exists {p}{table}")

    def swap(self, p: str) -> None:
        """Puts the tables of this prefix in the place of those without one."""
        self.drop("")
        for table in TABLES:
            self._connection.execute(f"alter table {p}{table} rename to {table}")

    def _free_tag(self) -> str:
        """Of two names for a set of indexes the one not in use: an index keeps its name when its table gets another."""
        taken = "select 1 from sqlite_master where type = 'index' and name like 'a\\_%' escape '\\'"
        return "b" if self._connection.execute(taken).fetchone() else "a"

    def close(self) -> None:
        """Ends it, and gives back what it claimed."""
        if "_connection" in self.__dict__:
            self._connection.close()
        while self._claims:
            os.close(self._claims.pop())
