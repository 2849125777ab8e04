"""The read model: opened, or thrown away and begun again when it cannot be trusted; read in snapshots."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from eventsourcing.persistence import OperationalError

from domain.fields import CHANGES_PER_EVENT
from eventlog.sqlite_integrity import describe
from projections import schema
from projections.bounds import UNBOUNDED, Bounds
from projections.database import MISSING, PROJECTOR, REBUILD, Database, Row, Rows
from projections.projector import Source

_log: Final = logging.getLogger("decisionlog.projections")

_LOOK: Final = 0.1
"""Seconds between two looks at a model that another process is putting in order."""

Clock = Callable[[], int]


@dataclass(frozen=True)
class Read:
    """One snapshot of the read model; every question put to it speaks up to the same position."""

    ask: Rows
    clock: Clock
    bounds: Bounds = field(default=UNBOUNDED, kw_only=True)

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Row]:
        """The rows of a statement in the language of `projections.schema`, as far as the bounds allow."""
        found = self.ask(sql, parameters)
        return self.bounds.kept(found) if self.bounds.is_bounded else iter(found)

    def stream(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Row]:
        """The same for a caller that keeps none of the rows, so that only their time is bounded."""
        return self.bounds.streamed(self.ask(sql, parameters))

    def one(self, sql: str, parameters: Mapping[str, Any]) -> Row | None:
        """The first row, or None."""
        return next(self.rows(sql, parameters), None)

    @cached_property
    def _end(self) -> tuple[int, int]:
        """The position and the instant of the last entry the snapshot has read."""
        sql = "select position, (select recorded_at from act order by position desc limit 1) from projection where name = 'fields'"
        position, recorded_at = self.one(sql, {}) or (0, None)
        return position, recorded_at or 0

    @property
    def position(self) -> int:
        """The last position the snapshot has read."""
        return self._end[0]

    @cached_property
    def now(self) -> int:
        """The present in microseconds: never before what is recorded, even if this machine's clock is."""
        return max(self.clock(), self._end[1])

    @cached_property
    def same(self) -> Mapping[str, str]:
        """For each person id that was joined with another the one id they are read as, as now known."""
        rows = self.rows(
            "select subject, value from cell where field = 'merged_into' and value is not null and et is null", {}
        )
        return _ends({str(subject): str(json.loads(value)) for subject, value in rows})

    def one_of(self, who: str) -> str:
        """The id somebody is read as."""
        return self.same.get(who, who)

    def all_of(self, who: str) -> list[str]:
        """Every id of somebody."""
        one = self.one_of(who)
        return [one, *(other for other, end in self.same.items() if end == one and other != one)]


@dataclass(frozen=True)
class PinnedRead(Read):
    """A snapshot in which nobody is joined but who was by a position, so that what it answers stays the same."""

    pin: int

    @cached_property
    def same(self) -> Mapping[str, str]:
        """For each person id that was joined with another by then the one id they are read as."""
        sql = """select subject, value from cell where field = 'merged_into' and value is not null and id < :b
            and (void is null or void > :p) order by subject, eff, id"""
        rows = self.rows(sql, {"b": (self.pin + 1) * CHANGES_PER_EVENT, "p": self.pin})
        return _ends({str(subject): str(json.loads(value)) for subject, value in rows})


def _ends(into: Mapping[str, str]) -> Mapping[str, str]:
    return {person: _end(person, into) for person in into}


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
    """The read model in a database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """`clock` gives microseconds since 1970."""
        self.database = database
        self._clock = clock
        self.damage = ""
        """What is wrong with the model, until it was built again; nothing is answered from it meanwhile."""
        self.begun_anew = ""
        """Why it was emptied when it was opened, where it was not missing."""
        self.on_damage: Callable[[str], None] = lambda _what: None
        """Called with what a reader found damaged."""

    @classmethod
    def open(cls, database: Database, source: Source, clock: Clock) -> ReadModel:
        """Opens the model; one that is missing, damaged, of another schema or not of this log is begun again, empty.

        Where another process writes it, that one has seen to this, or is about to.

        Raises:
            OperationalError: the library's; the database cannot be had, or has no room.
        """
        try:
            return cls._opened(database, source, clock)
        except database.transient_errors as error:
            msg = f"{database} cannot be used: {error}"
            raise OperationalError(msg) from error

    @classmethod
    def _opened(cls, database: Database, source: Source, clock: Clock) -> ReadModel:
        model = cls(database, clock)
        with closing(database.writer()) as writer:
            while not writer.claim(PROJECTOR):
                if database.check() is None:
                    return model
                time.sleep(_LOOK)
            model._put_in_order(source)
            if writer.claim(REBUILD):  # what an interrupted rebuild has left hears of no forgetting
                with writer.transaction():
                    writer.drop(schema.SHADOW)
        return model

    def _put_in_order(self, source: Source) -> None:
        reason = self.database.check() or self._distrust_or_damage(source)
        if reason:
            level = logging.INFO if reason == MISSING else logging.WARNING
            _log.log(level, "The read model in %s is built anew: %s.", self.database, reason)
            self.database.renew()
            self.begun_anew = "" if reason == MISSING else reason

    @contextmanager
    def read(self, bounds: Bounds = UNBOUNDED) -> Iterator[Read]:
        """A snapshot to ask questions of. Keep it short.

        Raises:
            ReadModelDamagedError: the model is damaged, or reading it shows that it is.
            QuestionEnded: a question went over its bounds, or its caller has gone.
        """
        if self.damage:
            raise ReadModelDamagedError(self.damage)
        try:
            with self.snapshot(bounds) as read:
                yield read
        except Exception as error:
            bounds.check()  # a statement that was ended is no failure of the database
            if not self.is_damage(error):
                raise
            what = describe(error)
            self.on_damage(what)
            raise ReadModelDamagedError(what) from error

    @contextmanager
    def snapshot(self, bounds: Bounds = UNBOUNDED) -> Iterator[Read]:
        """The same for those who keep the model, also while it is damaged."""
        with self.database.reading(bounds) as ask:
            yield Read(ask, self._clock, bounds=bounds)

    def is_damage(self, error: BaseException) -> bool:
        """Whether an error shows that what is stored is damaged: it cannot be read, or is not what was written."""
        return isinstance(error, _UNREADABLE) or self.database.is_damage(error)

    @property
    def position(self) -> int:
        """The last position the model has read."""
        with self.snapshot() as read:
            return read.position

    def scrub(self) -> bool:
        """Removes what is left of forgotten texts; whether it could, or a reader was in the way."""
        return self.database.scrub()

    def close(self) -> None:
        """Closes the connections that nobody is using."""
        self.database.close()

    def _distrust_or_damage(self, source: Source) -> str | None:
        try:
            return self.distrust(source)
        except Exception as error:
            if not self.is_damage(error):
                raise
            return f"it is damaged ({describe(error)})"

    def distrust(self, source: Source) -> str | None:
        """Why the model cannot be trusted, or None."""
        with self.snapshot() as read:
            position, version = read.one("select position, version from projection", {}) or (0, None)
            if version != schema.VERSION:
                return f"it is of version {version}, and this program writes {schema.VERSION}"
            if position > source.head().size:
                return f"it stands at {position}, ahead of the log"
            return None if _agrees(read, source, position) else "it was made from another log"


_UNREADABLE: Final = (UnicodeDecodeError, json.JSONDecodeError)
"""What is raised where a stored value is no text, or no JSON, any more."""


class ReadModelDamagedError(OperationalError):
    """The read model is damaged. It is built again from the log; until then nothing is answered from it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the read model is damaged ({what}) and is being built again from the log; ask again soon")


def content_hash(model: ReadModel) -> str:
    """SHA-256 over all rows of all tables in the order of their keys, in hexadecimal; the same on every database."""
    digest = hashlib.sha256()
    with model.snapshot() as read:
        for table, (columns, key) in schema.TABLES.items():
            digest.update(f"{table}\n".encode())
            for row in read.rows(f"select {columns} from {table} order by {key}", {}):
                digest.update(spell_row(row) + b"\n")
    return digest.hexdigest()


def spell_row(row: Row) -> bytes:
    """The bytes that are hashed for a row; in a damaged one there may be values of which there is no JSON."""
    try:
        return schema.dumps(row).encode()
    except (TypeError, UnicodeEncodeError):
        return repr(row).encode(errors="backslashreplace")


def _agrees(read: Read, source: Source, position: int) -> bool:
    """Whether the last entry it has read is the one that stands there in the log."""
    if not position:
        return True
    entry = source.read(position - 1, 1)[0]
    sql = "select recorded_at, subject, version, type from act where position = :p"
    return read.one(sql, {"p": position}) == (entry.recorded_at, entry.subject, entry.version, entry.type)
