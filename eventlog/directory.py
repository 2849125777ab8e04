"""The directory of people: every name, e-mail, handle and other spelling of an id. It stands outside the log.

A spelling is found whatever its case, and kept as it was written. Two people may share one; whoever names them by it
is asked to use an id.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from domain.errors import AlreadyExists, Unknown
from eventlog.committer import Name
from eventlog.sqlite import SqliteStore


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person or service as the directory knows them: the name to show, and every spelling seen."""

    id: str
    name: str
    spellings: tuple[str, ...]


def folded(spelling: str) -> str:
    """What two spellings share that differ only in case, white space or the composition of accents."""
    return unicodedata.normalize("NFC", " ".join(spelling.split())).casefold()


def names_of(person: str, shown: str, also: Iterable[str]) -> tuple[Name, ...]:
    """The spellings of somebody new, the first the one to show; the same one said twice counts once."""
    spellings = dict.fromkeys((shown, *also))
    return tuple(Name(person, spelling, folded(spelling), spelling == shown) for spelling in spellings)


class Directory:
    """Who is meant by a name, and what somebody is called. Every change is committed when the call returns."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def find(self, spelling: str) -> tuple[str, ...]:
        """The ids of all who go by this spelling, in order."""
        return self.known_as(folded(spelling))

    def known_as(self, fold: str) -> tuple[str, ...]:
        """The ids behind a folded spelling."""
        found = self._store.read("SELECT DISTINCT person FROM names WHERE folded = ? ORDER BY person", (fold,))
        return tuple(person for (person,) in found)

    def name(self, person: str) -> str | None:
        """The name to show for an id, or None when the directory has none."""
        found = self._store.read(
            "SELECT spelling FROM names WHERE person = ? ORDER BY shown DESC, spelling LIMIT 1", (person,)
        )
        return str(found[0][0]) if found else None

    def everybody(self) -> Iterator[Somebody]:
        """All there are, in the order of their ids."""
        spelled: dict[str, list[str]] = {}
        for person, spelling in self._store.read(
            "SELECT person, spelling FROM names ORDER BY person, shown DESC, spelling"
        ):
            spelled.setdefault(person, []).append(spelling)
        return (Somebody(person, spellings[0], tuple(spellings)) for person, spellings in spelled.items())

    def spellings(self, person: str) -> tuple[str, ...]:
        """Every spelling of an id, the one to show first."""
        found = self._store.read("SELECT spelling FROM names WHERE person = ? ORDER BY shown DESC, spelling", (person,))
        return tuple(spelling for (spelling,) in found)

    def add(self, person: str, *spellings: str, shared: bool = False) -> None:
        """Adds spellings. With `shared`, one may be somebody else's as well.

        Raises:
            AlreadyExists: a spelling is somebody else's.
        """

        def write(connection: sqlite3.Connection) -> None:
            if not shared:
                _must_be_free(connection, person, spellings)
            _insert(connection, person, spellings, shown=not _is_known(connection, person))

        self._store.run(write)

    def rename(self, person: str, name: str) -> None:
        """Shows somebody (or a service) under another name from now on; the old one is still understood.

        Raises:
            AlreadyExists: the name is somebody else's.
        """

        def write(connection: sqlite3.Connection) -> None:
            _must_be_free(connection, person, [name])
            connection.execute("UPDATE names SET shown = 0 WHERE person = ?", (person,))
            connection.execute("DELETE FROM names WHERE person = ? AND spelling = ?", (person, name))
            _insert(connection, person, [name], shown=True)

        self._store.run(write)

    def forget(self, person: str, spelling: str | None = None) -> None:
        """Forgets one spelling of somebody, or all of them; the id stays.

        Raises:
            Unknown: there is no such spelling.
        """
        where, chosen = ("", (person,)) if spelling is None else (" AND spelling = ?", (person, spelling))

        def write(connection: sqlite3.Connection) -> None:
            if not connection.execute(f"DELETE FROM names WHERE person = ?{where}", chosen).rowcount:
                msg = f"the directory has no such name of {person}"
                raise Unknown(msg)

        self._store.run(write)


def _must_be_free(connection: sqlite3.Connection, person: str, spellings: Iterable[str]) -> None:
    for spelling in spellings:
        found = connection.execute(
            "SELECT person FROM names WHERE folded = ? AND person <> ?", (folded(spelling), person)
        ).fetchone()
        if found:
            raise taken(spelling, found[0])


def taken(spelling: str, person: str, field: str | None = None) -> AlreadyExists:
    """The refusal of a spelling that is somebody's already."""
    return AlreadyExists(f"{spelling!r} is {person} already", field=field, subject=person)


def _is_known(connection: sqlite3.Connection, person: str) -> bool:
    return connection.execute("SELECT 1 FROM names WHERE person = ?", (person,)).fetchone() is not None


def _insert(connection: sqlite3.Connection, person: str, spellings: Iterable[str], *, shown: bool) -> None:
    connection.executemany(
        "INSERT OR IGNORE INTO names VALUES (?, ?, ?, ?)",
        [(folded(spelling), person, spelling, shown and n == 0) for n, spelling in enumerate(spellings)],
    )
