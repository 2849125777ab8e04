"""The read model as a file: opened, or thrown away and begun again when it cannot be trusted; read in snapshots."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from queue import Empty, Full, LifoQueue
from typing import Any, Final

from projections import schema
from projections.projector import Source

_log: Final = logging.getLogger("decisionlog.projections")
_SUFFIXES: Final = ("", "-wal", "-shm")

Clock = Callable[[], int]


def storable(text: str) -> str:
    """The text without what no database can compare: lone surrogates and U+0000. No stored text has either."""
    return text.encode(errors="replace").decode().replace("\x00", "�")


@dataclass(frozen=True)
class Read:
    """One snapshot of the read model; every question put to it speaks up to the same position."""

    connection: sqlite3.Connection
    clock: Clock

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement. Lists and objects are passed as JSON (see `schema.members`)."""
        return iter(self.connection.execute(sql, {name: _bound(value) for name, value in parameters.items()}))

    def one(self, sql: str, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row, or None."""
        return next(self.rows(sql, parameters), None)

    @cached_property
    def position(self) -> int:
        """The last position the snapshot has read."""
        found = self.one("select position from projection where name = 'cells'", {})
        return int(found[0]) if found else 0

    @cached_property
    def now(self) -> int:
        """The present in microseconds: never before what is recorded, even if this machine's clock is."""
        found = self.one("select recorded_at from act order by position desc limit 1", {})
        return max(self.clock(), int(found[0]) if found else 0)

    @cached_property
    def same(self) -> Mapping[str, str]:
        """For each person id that was joined with another the one id they are read as, as now known."""
        rows = self.rows(
            "select subject, value from cell where field = 'joined_into' and value is not null and et is null", {}
        )
        into = {str(subject): str(json.loads(value)) for subject, value in rows}
        return {person: _end(person, into) for person in into}

    def one_of(self, who: str) -> str:
        """The id somebody is read as."""
        return self.same.get(who, who)

    def all_of(self, who: str) -> list[str]:
        """Every id of somebody."""
        one = self.one_of(who)
        return [one, *(other for other, end in self.same.items() if end == one and other != one)]


def _bound(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list | tuple | dict):
        return storable(schema.dumps(value))
    return value


def _end(person: str, into: Mapping[str, str]) -> str:
    """Where a chain of joins ends; in a circle, which only observed history can make, at its smallest id."""
    path = [person]
    while path[-1] in into:
        following = into[path[-1]]
        if following in path:
            return min(path[path.index(following) :])
        path.append(following)
    return path[-1]


class ReadModel:
    """The file of the read models, with a few connections that are reused."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._idle: LifoQueue[sqlite3.Connection] = LifoQueue(maxsize=16)

    @classmethod
    def open(cls, path: Path, source: Source, clock: Clock) -> ReadModel:
        """Opens the file; one that is missing, damaged, of another schema or not of this log is begun again, empty.

        `clock` gives microseconds since 1970. Nobody else may have the file open: what is wrong is removed.
        """
        reason = _why_not(path, source)
        if reason:
            _log.log(logging.WARNING if path.exists() else logging.INFO, "The read model is built anew: %s.", reason)
            for suffix in _SUFFIXES:
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            with closing(schema.connect(path)) as connection, transaction(connection):
                schema.create(connection)
        with closing(schema.connect(path)) as connection, transaction(connection):
            schema.drop(connection, schema.SHADOW)  # what an interrupted rebuild has left hears of no forgetting
        model = cls(path, clock)
        model.scrub()  # a crash may have come between forgetting and this
        return model

    @contextmanager
    def read(self) -> Iterator[Read]:
        """A snapshot to ask questions of. Keep it short: an old one keeps the file from being tidied."""
        try:
            connection = self._idle.get_nowait()
        except Empty:
            connection = schema.connect(self.path)
            connection.execute("pragma query_only = on")
        try:
            connection.execute("begin")
            yield Read(connection, self._clock)
            connection.execute("rollback")
        except BaseException:
            connection.close()
            raise
        try:
            self._idle.put_nowait(connection)
        except Full:
            connection.close()

    @property
    def position(self) -> int:
        """The last position the model has read."""
        with self.read() as read:
            return read.position

    def scrub(self) -> bool:
        """Empties the write-ahead log, where deleted texts may still stand; whether it could, or a reader was in the way.

        In the file itself nothing deleted remains: connections overwrite what they delete.
        """
        with closing(schema.connect(self.path)) as connection:
            return not connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]

    def close(self) -> None:
        """Closes the connections that nobody is using."""
        while not self._idle.empty():
            self._idle.get_nowait().close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that waits for its turn to write before it reads, so that what it read is still so."""
    connection.execute("begin immediate")
    try:
        yield
    except BaseException:
        connection.execute("rollback")
        raise
    connection.execute("commit")


def content_hash(model: ReadModel) -> str:
    """SHA-256 over all rows of all tables in the order of their keys, in hexadecimal."""
    digest = hashlib.sha256()
    with model.read() as read:
        for table, key in schema.TABLES.items():
            digest.update(f"{table}\n".encode())
            for row in read.rows(f"select * from {table} order by {key}", {}):
                digest.update(schema.dumps(row).encode() + b"\n")
    return digest.hexdigest()


def _why_not(path: Path, source: Source) -> str | None:
    """What is wrong with the file, or None."""
    if not path.exists():
        return "there is none yet"
    try:
        with closing(schema.connect(path)) as connection:
            return _distrust(connection, source)
    except sqlite3.DatabaseError as error:
        return f"the file is damaged ({error})"


def _distrust(connection: sqlite3.Connection, source: Source) -> str | None:
    checked = connection.execute("pragma quick_check(1)").fetchone()[0]
    if checked != "ok":
        return f"the file is damaged ({checked})"
    if not connection.execute("select 1 from sqlite_master where name = 'projection'").fetchone():
        return "the file holds no read model"
    position, version = connection.execute("select position, version from projection").fetchone() or (0, None)
    if version != schema.VERSION:
        return f"it is of version {version}, and this program writes {schema.VERSION}"
    if position > source.head().size:
        return f"it stands at {position}, ahead of the log"
    return None if _agrees(connection, source, position) else "it was made from another log"


def _agrees(connection: sqlite3.Connection, source: Source, position: int) -> bool:
    """Whether the last entry it has read is the one that stands there in the log."""
    if not position:
        return True
    entry = source.read(position - 1, 1)[0]
    last = connection.execute(
        "select recorded_at, subject, version, type from act where position = ?", (position,)
    ).fetchone()
    return bool(last == (entry.recorded_at, entry.subject, entry.version, entry.type))
