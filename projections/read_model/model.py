"""The read model: opened, reset if it cannot be used, and read in snapshots."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from eventsourcing.persistence import OperationalError

from domain.fields import CHANGES_PER_EVENT
from eventlog.errors import DatabaseUnavailableError
from eventlog.sqlite_disk import explain_disk_error
from eventlog.sqlite_integrity import describe
from projections.read_model import schema
from projections.read_model.cached_property import CachedProperty
from projections.read_model.database import MISSING, PROJECTOR, REBUILD, Database, Row, RunQuery
from projections.read_model.projector import Source, WrongPositionError
from projections.read_model.query_limits import UNBOUNDED, Bounds

_log: Final = logging.getLogger("decisionlog.projections")

LOCK_POLL_INTERVAL_S: Final = 0.1
"""Between two attempts to lock a read model that another process resets."""

Clock = Callable[[], int]


@dataclass(frozen=True)
class Read:
    """A snapshot of the read model. All queries on it cover the same position."""

    run: RunQuery
    clock: Clock
    bounds: Bounds = field(default=UNBOUNDED, kw_only=True)
    reads_accounts_of: Callable[[str], bool] = field(default=lambda _person: True, kw_only=True)
    """Whether the reader may see the sign-in accounts of a person."""
    unabridged: RunQuery | None = field(default=None, kw_only=True)
    """For a limited reader, to compute hashes: runs queries whose results still name hidden subjects."""
    complete: RunQuery | None = field(default=None, kw_only=True)
    """For a limited reader, to find facts that name no hidden subject: runs queries on hidden subjects, too."""
    abridge: Callable[[Any], Any] = field(default=lambda value: value, kw_only=True)
    """Return the results of such queries without the hidden subjects."""

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Row]:
        """Return the rows of a statement in the SQL dialect of `projections.read_model.schema`, within the bounds."""
        found = self._execute(sql, parameters)
        return self.bounds.keep_rows(found) if self.bounds.is_bounded else iter(found)

    def stream(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Row]:
        """Return the rows for a caller that does not keep them; only the time is bounded."""
        return self.bounds.stream_rows(self._execute(sql, parameters))

    def _execute(self, sql: str, parameters: Mapping[str, Any]) -> Iterable[Row]:
        return self.bounds.out_of_turn(lambda: self.run(sql, parameters))

    def one(self, sql: str, parameters: Mapping[str, Any]) -> Row | None:
        """Return the first row, or None."""
        return next(self.rows(sql, parameters), None)

    @CachedProperty
    def _last_entry(self) -> tuple[int, int]:
        """The position and the time of the last entry in the snapshot."""
        sql = """select projection.position, projection.version, last.position, last.recorded_at from projection
            left join (select position, recorded_at from main.event order by position desc limit 1) last on true
            where projection.name = 'fields'"""
        found = self.one(sql, {})
        if found is None:
            raise WrongPositionError("its position is missing")
        position, version, last, recorded_at = found
        if version != schema.VERSION:  # another process has rebuilt it since
            raise WrongPositionError(f"it has version {version}, and this program needs version {schema.VERSION}")
        if position != (last or 0):
            raise WrongPositionError(f"it is at position {position}, and its last entry is at {last}")
        return position, recorded_at or 0

    @property
    def position(self) -> int:
        """The last position in the snapshot."""
        return self._last_entry[0]

    @CachedProperty
    def now(self) -> int:
        """The current time in microseconds; never before the last entry, even if this machine's clock is."""
        return max(self.clock(), self._last_entry[1])

    @CachedProperty
    def merged_into(self) -> Mapping[str, str]:
        """The surviving id of each merged person, as now known."""
        rows = self.rows(
            "select subject, value from field_value where field = 'merged_into' and value is not null and valid_to is null",
            {},
        )
        return _resolve_merges({str(subject): str(schema.loads(value)) for subject, value in rows})

    @CachedProperty
    def titles(self) -> dict[tuple[int, int], dict[str, str | None]]:
        """What `projections.queries.titles` has read so far, by time and position."""
        return {}

    def surviving_id(self, who: str) -> str:
        """Return the id that a person is shown under after merges."""
        return self.merged_into.get(who, who)

    def all_ids(self, who: str) -> list[str]:
        """Return all ids of a person."""
        one = self.surviving_id(who)
        return [one, *self._merged_ids.get(one, ())]

    @CachedProperty
    def _merged_ids(self) -> Mapping[str, Sequence[str]]:
        """The other ids of each person who has several."""
        found: dict[str, list[str]] = {}
        for other, one in self.merged_into.items():
            if other != one:
                found.setdefault(one, []).append(other)
        return found


@dataclass(frozen=True)
class PinnedRead(Read):
    """A snapshot in which only merges up to a position count, so that its answers never change."""

    pinned_position: int

    @CachedProperty
    def merged_into(self) -> Mapping[str, str]:
        """The surviving id of each person merged by that position."""
        sql = """select subject, value from field_value where field = 'merged_into' and value is not null and id < :b
            and (voided_by is null or voided_by > :p) order by subject, valid_from, id"""
        rows = self.rows(sql, {"b": (self.pinned_position + 1) * CHANGES_PER_EVENT, "p": self.pinned_position})
        return _resolve_merges({str(subject): str(schema.loads(value)) for subject, value in rows})


def _resolve_merges(into: Mapping[str, str]) -> Mapping[str, str]:
    """Return the last id of each chain of merges; the smallest id of a cycle, which only imported history can have."""
    survivors: dict[str, str] = {}
    for person in into:
        path: dict[str, None] = {}
        last = person
        while last in into and last not in path and last not in survivors:
            path[last] = None
            last = into[last]
        people = list(path)
        survivor = min(people[people.index(last) :]) if last in path else survivors.get(last, last)
        survivors |= dict.fromkeys(people, survivor)
    return survivors


class ReadModel:
    """The read model in a database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """`clock` returns microseconds since 1970."""
        self.database = database
        self._clock = clock
        self.damage = ""
        """What is wrong with the read model, until it was rebuilt; nothing is answered from it meanwhile."""
        self.reset_reason = ""
        """Why it was reset when it was opened; empty if it was missing or not reset."""
        self.on_damage: Callable[[str], None] = lambda _what: None
        """Called with a description of damage that a reader found."""

    def now(self) -> int:
        """Return the time that a query without a time would be answered for, in microseconds since 1970."""
        return self._clock()

    @classmethod
    def open(cls, database: Database, source: Source, clock: Clock) -> ReadModel:
        """Open the read model. One that is missing, damaged, of another version or of another log is reset to empty.

        If another process writes the read model, it is left to that process.

        Raises:
            OperationalError: the database cannot be used.
            DatabaseUnavailableError: a process of another version of this program writes it.
        """
        try:
            return cls._open(database, source, clock)
        except BaseException as error:
            database.close()
            if isinstance(error, database.transient_errors):
                raise explain_disk_error(error, Path(str(database))) or OperationalError(
                    f"{database} cannot be used: {error}"
                ) from error
            raise

    @classmethod
    def _open(cls, database: Database, source: Source, clock: Clock) -> ReadModel:
        model = cls(database, clock)
        with closing(database.writer()) as writer:
            while not writer.try_lock(PROJECTOR):
                if database.check() is None:
                    model._must_have_this_version()
                    return model
                time.sleep(LOCK_POLL_INTERVAL_S)
            model._reset_if_unusable(source)
            if writer.try_lock(REBUILD):  # erasure would miss the tables of a killed rebuild
                with writer.transaction():
                    writer.drop_tables(schema.SHADOW)
        return model

    def _must_have_this_version(self) -> None:
        with self.snapshot() as read:
            (version,) = read.one("select version from projection", {}) or (schema.VERSION,)
        if version != schema.VERSION:
            raise DatabaseUnavailableError(
                f"A process of another version of decisionlog writes the read model in {self.database}: it has version "
                f"{version}, and this program needs {schema.VERSION}. Stop or update that process, and retry."
            )

    def _reset_if_unusable(self, source: Source) -> None:
        reason = self.database.check() or self._find_mismatch_or_damage(source)
        if reason:
            level = logging.INFO if reason == MISSING else logging.WARNING
            _log.log(level, "Resetting the read model in %s: %s", self.database, reason)
            self.database.recreate()
            self.reset_reason = "" if reason == MISSING else reason

    @contextmanager
    def read(self, bounds: Bounds = UNBOUNDED) -> Iterator[Read]:
        """Open a snapshot for queries. Keep it short.

        Raises:
            ReadModelDamagedError: the read model is damaged.
            QuestionEnded: a query exceeded its bounds, or its caller disconnected.
        """
        if self.damage:
            raise ReadModelDamagedError(self.damage)
        try:
            with self.snapshot(bounds) as read:
                yield read
        except Exception as error:
            bounds.check()  # an interrupted statement is not a database failure
            if not self.is_damage(error):
                raise
            what = describe(error)
            self.on_damage(what)
            raise ReadModelDamagedError(what) from error

    @contextmanager
    def snapshot(self, bounds: Bounds = UNBOUNDED) -> Iterator[Read]:
        """Open a snapshot for maintenance, even of a damaged read model."""
        with self.database.snapshot(bounds) as ask:
            yield Read(ask, self._clock, bounds=bounds)

    def is_damage(self, error: BaseException) -> bool:
        """Whether an error means that stored data is damaged: unreadable, or not what was written."""
        return isinstance(error, _UNREADABLE) or self.database.is_damage(error)

    @property
    def position(self) -> int:
        """The last position in the read model."""
        with self.snapshot() as read:
            return read.position

    def scrub(self) -> bool:
        """Remove what is left of erased texts. Return False if a reader blocked it."""
        return self.database.scrub()

    def close(self) -> None:
        """Close the idle connections."""
        self.database.close()

    def _find_mismatch_or_damage(self, source: Source) -> str | None:
        try:
            return self.find_mismatch(source)
        except Exception as error:
            if not self.is_damage(error):
                raise
            return f"it is damaged ({describe(error)})"

    def find_mismatch(self, source: Source) -> str | None:
        """Return why the read model does not belong to this log or program, or None.

        Raises:
            WrongPositionError: the read model is damaged.
        """
        with self.snapshot() as read:
            (version,) = read.one("select version from projection", {}) or (None,)
            if version != schema.VERSION:
                return f"it has version {version}, and this program writes version {schema.VERSION}"
            position = read.position
            if position > source.head().size:
                return f"it is at position {position}, ahead of the log"
            return None if _is_from_log(read, source, position) else "it was made from another log"


_UNREADABLE: Final = (UnicodeDecodeError, json.JSONDecodeError, msgspec.DecodeError, WrongPositionError)
"""Errors raised when a stored value is no longer text or JSON, or the position is missing or wrong."""


class ReadModelDamagedError(OperationalError):
    """The read model is damaged. Nothing is answered from it until it was rebuilt from the log."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the read model is damaged ({what}) and is being rebuilt from the log; try again soon")


def content_hash(model: ReadModel) -> str:
    """Return the SHA-256 of all rows of all tables, sorted, in hexadecimal. It is the same on every database."""
    digest = hashlib.sha256()
    with model.snapshot() as read:
        for table, (columns, key) in schema.TABLES.items():
            digest.update(f"{table}\n".encode())
            for row in read.rows(f"select {columns} from {table} order by {key}", {}):
                digest.update(encode_row(row) + b"\n")
    return digest.hexdigest()


_encode_columns: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode_row(row: Row) -> bytes:
    """Return the bytes of a row that are hashed. A damaged row may have values that JSON cannot represent."""
    try:
        return _encode_columns(row).encode()
    except (TypeError, UnicodeEncodeError):
        return repr(row).encode(errors="backslashreplace")


def _is_from_log(read: Read, source: Source, position: int) -> bool:
    """Whether the last entry in the read model is the one at that position in the log."""
    if not position:
        return True
    entry = source.read(position - 1, 1)[0]
    sql = "select recorded_at, subject, version, type from event where position = :p"
    return read.one(sql, {"p": position}) == (entry.recorded_at, entry.subject, entry.version, entry.type)
