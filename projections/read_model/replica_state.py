"""The state of a replica, kept in the database of its read model: its progress, and the names of people.

The offset belongs to a position and is written with it in one transaction. If the read model is at another position,
such as 0, the offset is ignored. All of this can be restored from the topics and the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Final

from domain.fields import SubjectState
from domain.held_roles import FoundRoles
from domain.names import normalize_name
from eventlog.entry import Entry
from eventlog.library_application import fold
from identity.people_directory import DirectoryPerson
from projections.read_model.database import RunQuery, Writer
from projections.read_model.event_rows import COLUMNS, entry_from_row
from projections.read_model.model import ReadModel
from projections.read_model.schema import members

_DDL: Final = (
    """create table if not exists replica (
        one integer primary key, log text not null, topic text not null, position bigint not null,
        next_offset bigint not null, known_position bigint not null, unread_messages bigint not null,
        polled_at bigint not null, missing_position bigint, error text not null, error_at bigint
    )""",
    """create table if not exists replica_name (
        person text not null, rank integer not null, name text not null, normalized text not null,
        primary key (person, rank)
    )""",
)


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """The state of a replica.

    `log` is the log it follows, `next_offset` the offset in `topic` after `position`, `known_position` the last position
    of the log that it knows of, `polled_at` when it last asked for messages, `missing_position` the position that it
    waits for, `error` the last error, and `error_at` when it occurred. Times are in microseconds since 1970.
    """

    log: str = ""
    topic: str = ""
    position: int = 0
    next_offset: int = 0
    known_position: int = 0
    unread_messages: int = 0
    polled_at: int = 0
    missing_position: int | None = None
    error: str = ""
    error_at: int | None = None

    @property
    def lag(self) -> int:
        """How many entries it is behind, as far as it knows."""
        return max(self.known_position - self.position, self.unread_messages)


_COLUMNS: Final = ", ".join(each.name for each in fields(ReplicaState))
_PLACEHOLDERS: Final = ", ".join(f":{each.name}" for each in fields(ReplicaState))


def create_tables(writer: Writer) -> None:
    """Create missing tables, in the caller's transaction."""
    for statement in _DDL:
        writer.rows(statement, {})


def read_state(rows: RunQuery) -> ReplicaState:
    """Return the state; the initial state if none was written."""
    found = [*rows(f"select {_COLUMNS} from replica", {})]
    return ReplicaState(*found[0]) if found else ReplicaState()


def write_state(writer: Writer, state: ReplicaState) -> None:
    """Write the state."""
    writer.rows("delete from replica", {})
    values = dict(zip((each.name for each in fields(ReplicaState)), astuple(state), strict=True))
    writer.rows(f"insert into replica (one, {_COLUMNS}) values (1, {_PLACEHOLDERS})", values)


# People --------------------------------------------------------------------------------------------------------------


def replace_names(writer: Writer, person: str, spellings: Sequence[str]) -> None:
    """Replace the spellings of a person's name, the one to show first. An empty list deletes the person."""
    writer.rows("delete from replica_name where person = :person", {"person": person})
    for rank, name in enumerate(spellings):
        row = {"person": person, "rank": rank, "name": name, "normalized": normalize_name(name)}
        writer.rows("insert into replica_name values (:person, :rank, :name, :normalized)", row)


def delete_names_except(writer: Writer, persons: Sequence[str]) -> None:
    """Delete the names of all other people."""
    known = {person for (person,) in writer.rows("select distinct person from replica_name", {})}
    for person in sorted(known - set(persons)):
        replace_names(writer, person, ())


class Names:
    """The directory of people as a replica knows it; empty without a people topic."""

    def __init__(self, model: ReadModel) -> None:
        self._model = model

    def find(self, spelling: str) -> tuple[str, ...]:
        """Return the ids of all people with this spelling, sorted."""
        found = self._rows(
            "select distinct person from replica_name where normalized = :normalized",
            normalized=normalize_name(spelling),
        )
        return tuple(sorted(person for (person,) in found))

    def name(self, person: str) -> str | None:
        """Return the name to show for an id, or None."""
        return next(iter(self.spellings(person)), None)

    def display_names(self, people: Sequence[str]) -> dict[str, str]:
        """Return the display name of each of these people and services that has one, in one query."""
        sql = f"select person, name from replica_name where rank = 0 and person in {members('people')}"
        return {str(person): str(name) for person, name in self._rows(sql, people=list(people))}

    def spellings(self, person: str) -> tuple[str, ...]:
        """Return all spellings for an id, the one to show first."""
        sql = "select name from replica_name where person = :person order by rank"
        return tuple(spelling for (spelling,) in self._rows(sql, person=person))

    def list_people(self) -> Iterator[DirectoryPerson]:
        """Return all people, sorted by id."""
        by_person: dict[str, list[str]] = {}
        for person, spelling in self._rows("select person, name from replica_name order by rank"):
            by_person.setdefault(person, []).append(spelling)
        return (DirectoryPerson(person, by_person[person][0], tuple(by_person[person])) for person in sorted(by_person))

    def _rows(self, sql: str, **parameters: str | list[str]) -> list[tuple[str, ...]]:
        with self._model.read() as read:
            return list(read.rows(sql, parameters))


# As a log ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReplicaHead:
    """The end of the log as the replica has read it: its size, and the time of the last entry in microseconds."""

    size: int
    recorded_at: int


class Replica:
    """The parts of a log that queries need, answered from a replica."""

    def __init__(self, model: ReadModel) -> None:
        self._model = model
        self.directory = Names(model)
        self.default_role: str | None = None
        self.limits_reading = False
        self.found_roles = FoundRoles()

    def exists(self) -> bool:
        """Whether the database holds a replica."""
        return self._model.database.has_table("replica")

    def read_state(self) -> ReplicaState:
        """Return the state of the replica."""
        with self._model.read() as read:
            return read_state(read.rows)

    def teams_with_roles(self) -> frozenset[str]:
        """Return all teams that were ever granted a role."""
        sql = "select distinct subject from event where type = 'RoleGranted.v1' and subject >= 'team:' and subject < 'team;'"
        with self._model.read() as read:
            return frozenset(subject for (subject,) in read.rows(sql, {}))

    def head(self) -> ReplicaHead:
        """Return the end of what it has read."""
        with self._model.snapshot() as read:
            found = read.one("select position, recorded_at from event order by position desc limit 1", {})
        return ReplicaHead(*found) if found else ReplicaHead(0, 0)

    def state(self, subject: str) -> SubjectState:
        """Return the state of a subject as of the last entry read; version 0 if there is none."""
        with self._model.read() as read:
            rows = read.rows(
                f"select {COLUMNS} from event where subject = :subject order by position", {"subject": subject}
            )
            return fold(SubjectState(subject), map(entry_from_row, rows))

    def cached_state(self, subject: str) -> SubjectState:
        """Return the same: a replica is always slightly behind."""
        return self.state(subject)

    def find_cached_state(self, _subject: str) -> SubjectState | None:
        """Return None: a replica caches no states."""
        return None

    def stream(self, subject: str) -> list[Entry]:
        """Return all entries of one subject, in order."""
        sql = f"select {COLUMNS} from event where subject = :subject order by position"
        with self._model.snapshot() as read:
            return [entry_from_row(row) for row in read.rows(sql, {"subject": subject})]

    def subjects(self, after: str, limit: int) -> list[str]:
        """Return the next subjects that have entries, in order."""
        sql = "select distinct subject from event where subject > :after order by subject limit :limit"
        with self._model.snapshot() as read:
            return [str(subject) for (subject,) in read.rows(sql, {"after": after, "limit": limit})]

    def find_damage(self, _on_progress: Callable[[int, int], None], _rows_per_read: int) -> str:
        """Return an empty string: a replica has no Merkle tree to verify."""
        return ""

    def read(self, after: int, limit: int) -> list[Entry]:
        """Return at most `limit` entries after a position, in order."""
        sql = f"select {COLUMNS} from event where position > :after order by position limit :limit"
        with self._model.read() as read:
            return [entry_from_row(row) for row in read.rows(sql, {"after": after, "limit": limit})]
