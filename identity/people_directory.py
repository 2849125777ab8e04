"""The people directory: every name, email address and handle of each person. It is stored outside the hashed log.

A name is found in any case and kept as it was written. Two people may share a name; a caller who uses it is asked for an
id. An email address, a handle or another identifier belongs to one person, and where another person has the same text
as a name, the identifier wins. Every change records an event that says who made it, without the names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.credentials import ChangeNames
from domain.errors import Unknown
from domain.messages import Command
from domain.names import name_taken_error, normalize_name
from eventlog.entry import Caller
from eventlog.name_cache import NameCache
from eventlog.records import IDENTIFIER, OTHER_NAME, SHOWN, NameRow
from eventlog.side_tables import SideTables
from eventlog.store import Store

Recorder = Callable[[Sequence[Command], "Callable[[SideTables], object]", "Caller | None"], None]
"""Records commands of a caller, or of the log itself, and writes side tables in the same transaction."""


@dataclass(frozen=True, slots=True)
class DirectoryPerson:
    """A person or service in the directory: the display name, and every name and identifier."""

    id: str
    name: str
    spellings: tuple[str, ...]


class Directory:
    """Finds people by name, and the names of people. Every change is committed when the call returns."""

    def __init__(self, store: Store, names: NameCache, record: Recorder) -> None:
        self._store = store
        self._names = names
        self._record = record

    def find(self, name: str) -> tuple[str, ...]:
        """Return the ids of all people with a name, in order; only those it identifies, where it is an identifier."""
        normalized = normalize_name(name)
        found = self.find_people(normalized)
        return (self.identified_by(normalized) or found) if len(found) > 1 else found

    def identified_by(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of the people whom a normalized identifier identifies."""
        return self._store.identified_by(normalized)

    def find_people(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of all people with a normalized name."""
        return self._names.find_people(normalized)

    def name(self, person: str) -> str | None:
        """Return the display name of a person, or None if the directory has none."""
        return next(iter(self.spellings(person)), None)

    def display_names(self, people: Sequence[str]) -> dict[str, str]:
        """Return the display name of each of these people and services that has one, in one query."""
        return self._store.display_names(people)

    def list_people(self) -> Iterator[DirectoryPerson]:
        """Return everyone in the directory, in the order of their ids."""
        names: dict[str, list[str]] = {}
        for person, name in self._store.names():
            names.setdefault(person, []).append(name)
        return (DirectoryPerson(person, each[0], tuple(each)) for person, each in names.items())

    def spellings(self, person: str) -> tuple[str, ...]:
        """Return every name and identifier of a person, the display name first."""
        return tuple(name for _, name in self._store.names(person))

    def add(
        self,
        person: str,
        *spellings: str,
        shared: bool = False,
        move: bool = False,
        name: str | None = None,
        by: Caller | None = None,
    ) -> None:
        """Add names to a person. With `shared`, another person may have them too; with `move`, others lose them.

        In the same transaction, `name` becomes the display name.

        Raises:
            AlreadyExists: a name belongs to another person.
            Unknown: the log has no such person.
        """
        previous = self._find_others(person, spellings) if move else {}

        def write(side_tables: SideTables) -> None:
            for other, names in previous.items():
                for normalized in names:
                    side_tables.delete_normalized(other, normalized)
            if not shared:
                for n, spelling in enumerate(spellings):
                    _must_be_free(side_tables, person, spelling, f"identifiers.{n}")
            display = None if side_tables.has_name(person) else 0
            kind = OTHER_NAME if shared else IDENTIFIER
            side_tables.insert_names(
                NameRow(person, spelling, normalize_name(spelling), SHOWN if n == display else kind)
                for n, spelling in enumerate(spellings)
            )
            if name is not None:
                _set_display_name(side_tables, person, name)

        changes = [ChangeNames(subject=person, change="moved" if previous else "added")]
        if name is not None:
            changes.append(ChangeNames(subject=person, change="renamed"))
        changes += [ChangeNames(subject=other, change="moved") for other in previous]
        self._record(changes, write, by)

    def _find_others(self, person: str, names: Iterable[str]) -> dict[str, list[str]]:
        """Return the other people who have some names, with these names, normalized."""
        found: dict[str, list[str]] = {}
        for normalized in map(normalize_name, names):
            for other in self._store.find_people(normalized):
                if other != person:
                    found.setdefault(other, []).append(normalized)
        return found

    def rename(self, person: str, name: str, *, by: Caller | None = None) -> None:
        """Change the display name of a person or service; the old name is still found.

        Raises:
            AlreadyExists: the name belongs to another person.
            Unknown: the log has no such person.
        """
        rename = [ChangeNames(subject=person, change="renamed")]
        self._record(rename, lambda side_tables: _set_display_name(side_tables, person, name), by)

    def erase_names(self, person: str, spelling: str | None = None, *, by: Caller | None = None) -> None:
        """Erase one name of a person, or all of them; the id stays.

        Raises:
            Unknown: the person has no such name, or the log has no such person.
        """
        known = self.spellings(person)
        if not known or (spelling is not None and spelling not in known):
            raise Unknown(f"the directory has no such name of {person}")
        erase = [ChangeNames(subject=person, change="erased")]
        self._record(erase, lambda side_tables: side_tables.delete_names(person, spelling), by)
        self._store.truncate_wal()


class Names(Protocol):
    """Finds display names of people."""

    def display_names(self, people: Sequence[str]) -> dict[str, str]:
        """Return the display name of each of these people and services that has one, in one query."""


def _set_display_name(side_tables: SideTables, person: str, name: str) -> None:
    _must_be_free(side_tables, person, name, "name")
    side_tables.hide_display_name(person)
    side_tables.delete_names(person, name)
    side_tables.insert_names([NameRow(person, name, normalize_name(name), SHOWN)])


def _must_be_free(side_tables: SideTables, person: str, name: str, field: str) -> None:
    owner = side_tables.find_owner(normalize_name(name), other_than=person)
    if owner:
        raise name_taken_error(name, owner, field)
