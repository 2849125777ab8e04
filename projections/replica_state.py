"""What a replica keeps beside its read model, in the same database: how it stands, and what people are called.

The offset belongs to a position and is written with it in one transaction; where the model stands elsewhere, such as at
its beginning, the offset counts for nothing. Everything here can be had again from the topics and the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from typing import Final

from domain.fields import SubjectState
from eventlog.application import fold
from eventlog.directory import DirectoryPerson, normalize_name
from eventlog.entry import Entry
from projections.database import Rows, Writer
from projections.event_rows import COLUMNS, entry_from_row
from projections.read_model import ReadModel

_DDL: Final = (
    """create table if not exists replica (
        one integer primary key, log text not null, topic text not null, position bigint not null, next bigint not null,
        known bigint not null, unread bigint not null, heard_at bigint not null, waits_for bigint,
        trouble text not null, trouble_at bigint
    )""",
    """create table if not exists replica_name (
        person text not null, place integer not null, spelling text not null, folded text not null,
        primary key (person, place)
    )""",
)


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """How a replica stands.

    `log` is the log it follows, `next` the offset in `topic` to go on at from `position`, `known` the last position it
    has heard of, `unread` how many messages it has not read, `heard_at` when it last looked, `waits_for` the position that
    is missing, `trouble` what went wrong last, in words, and `trouble_at` when. Instants are in microseconds.
    """

    log: str = ""
    topic: str = ""
    position: int = 0
    next: int = 0
    known: int = 0
    unread: int = 0
    heard_at: int = 0
    waits_for: int | None = None
    trouble: str = ""
    trouble_at: int | None = None

    @property
    def lag(self) -> int:
        """How many entries it is behind, as far as it knows."""
        return max(self.known - self.position, self.unread)


_COLUMNS: Final = ", ".join(each.name for each in fields(ReplicaState))
_HOLES: Final = ", ".join(f":{each.name}" for each in fields(ReplicaState))


def begin(writer: Writer) -> None:
    """Makes the tables where there are none. Called by the one that writes the model, in its transaction."""
    for statement in _DDL:
        writer.rows(statement, {})


def read_state(rows: Rows) -> ReplicaState:
    """How the replica stands; as at the beginning where nothing was written yet."""
    found = [*rows(f"select {_COLUMNS} from replica", {})]
    return ReplicaState(*found[0]) if found else ReplicaState()


def write_state(writer: Writer, standing: ReplicaState) -> None:
    """Writes how it stands."""
    writer.rows("delete from replica", {})
    values = dict(zip((each.name for each in fields(ReplicaState)), astuple(standing), strict=True))
    writer.rows(f"insert into replica (one, {_COLUMNS}) values (1, {_HOLES})", values)


# People --------------------------------------------------------------------------------------------------------------


def put_names(writer: Writer, person: str, spellings: Sequence[str]) -> None:
    """Puts the spellings of somebody, the one to show first, in the place of those there were; none: forgets them."""
    writer.rows("delete from replica_name where person = :person", {"person": person})
    for place, spelling in enumerate(spellings):
        row = {"person": person, "place": place, "spelling": spelling, "folded": normalize_name(spelling)}
        writer.rows("insert into replica_name values (:person, :place, :spelling, :folded)", row)


def drop_names_but(writer: Writer, persons: Sequence[str]) -> None:
    """Forgets everybody else."""
    known = {person for (person,) in writer.rows("select distinct person from replica_name", {})}
    for person in sorted(known - set(persons)):
        put_names(writer, person, ())


class Names:
    """The directory of people as a replica knows it; empty where it is not told of people."""

    def __init__(self, model: ReadModel) -> None:
        self._model = model

    def find(self, spelling: str) -> tuple[str, ...]:
        """The ids of all who go by this spelling, in order."""
        found = self._rows(
            "select distinct person from replica_name where folded = :folded", folded=normalize_name(spelling)
        )
        return tuple(sorted(person for (person,) in found))

    def name(self, person: str) -> str | None:
        """The name to show for an id, or None when there is none."""
        return next(iter(self.spellings(person)), None)

    def spellings(self, person: str) -> tuple[str, ...]:
        """Every spelling of an id, the one to show first."""
        sql = "select spelling from replica_name where person = :person order by place"
        return tuple(spelling for (spelling,) in self._rows(sql, person=person))

    def list_people(self) -> Iterator[DirectoryPerson]:
        """All there are, in the order of their ids."""
        spelled: dict[str, list[str]] = {}
        for person, spelling in self._rows("select person, spelling from replica_name order by place"):
            spelled.setdefault(person, []).append(spelling)
        return (DirectoryPerson(person, spelled[person][0], tuple(spelled[person])) for person in sorted(spelled))

    def _rows(self, sql: str, **parameters: str) -> list[tuple[str, ...]]:
        with self._model.read() as read:
            return list(read.rows(sql, parameters))


# In the log's place --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class End:
    """Where what a replica has read of the log ends: its size, and its last instant in microseconds."""

    size: int
    recorded_at: int


class Replica:
    """What questions need of a log, answered from a replica of it."""

    def __init__(self, model: ReadModel) -> None:
        self._model = model
        self.directory = Names(model)

    def is_kept(self) -> bool:
        """Whether anybody ever kept a replica there."""
        return self._model.database.has("replica")

    def standing(self) -> ReplicaState:
        """How it stands."""
        with self._model.read() as read:
            return read_state(read.rows)

    def head(self) -> End:
        """Where what it has read ends."""
        with self._model.read() as read:
            found = read.one("select position, recorded_at from act order by position desc limit 1", {})
        return End(*found) if found else End(0, 0)

    def state(self, subject: str) -> SubjectState:
        """A subject as far as it has read; version 0 when it has never heard of it."""
        with self._model.read() as read:
            rows = read.rows(
                f"select {COLUMNS} from act where subject = :subject order by position", {"subject": subject}
            )
            return fold(SubjectState(subject), map(entry_from_row, rows))

    def cached_state(self, subject: str) -> SubjectState:
        """The same: a replica is always behind a little."""
        return self.state(subject)

    def state_cached(self, _subject: str) -> SubjectState | None:
        """None: a replica keeps no states, and reads each."""
        return None

    def read(self, after: int, limit: int) -> list[Entry]:
        """At most `limit` entries after a position, in order."""
        sql = f"select {COLUMNS} from act where position > :after order by position limit :limit"
        with self._model.read() as read:
            return [entry_from_row(row) for row in read.rows(sql, {"after": after, "limit": limit})]
