"""The directory of people: every name, e-mail, handle and other spelling of an id. It stands outside the log.

A spelling is found whatever its case, and kept as it was written. Two people may share a name; whoever names them by it
is asked to use an id. An e-mail, a handle or another identifier is one person's, and a name that is spelled like it does
not stand in its way. Every change leaves an entry that says who made it, without the names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from domain.access import ChangeNames
from domain.errors import AlreadyExists, Unknown
from domain.messages import Command
from eventlog.appender import IDENTIFIER, OTHER_NAME, SHOWN, NameRow
from eventlog.entry import Caller
from eventlog.store import SideTables, Store

Recorder = Callable[[Sequence[Command], "Callable[[SideTables], object]", "Caller | None"], None]
"""Records commands of a caller, or of the log itself, and does a write in the same transaction."""

CACHED_NAMES: Final = 20_000

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class DirectoryPerson:
    """A person or service as the directory knows them: the name to show, and every spelling seen."""

    id: str
    name: str
    spellings: tuple[str, ...]


def normalize_name(spelling: str) -> str:
    """What two spellings share that differ only in case, white space or the composition of accents.

    A control character counts as U+FFFD, in whose place it was registered.
    """
    plain = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", " ".join(spelling.split()))
    return unicodedata.normalize("NFC", plain).casefold()


def name_rows(person: str, shown: str, also: Iterable[str]) -> tuple[NameRow, ...]:
    """The spellings of somebody new, the first the one to show; the same one said twice counts once."""
    spellings = dict.fromkeys((shown, *also))
    return tuple(NameRow(person, each, normalize_name(each), _kind_of(each, shown)) for each in spellings)


def _kind_of(spelling: str, shown: str) -> int:
    if spelling == shown:
        return SHOWN
    return OTHER_NAME if normalize_name(spelling) == normalize_name(shown) else IDENTIFIER


class Directory:
    """Who is meant by a name, and what somebody is called. Every change is committed when the call returns."""

    def __init__(self, store: Store, record: Recorder) -> None:
        self._store = store
        self._record = record
        self._at_hand: dict[str, tuple[str, ...]] = {}

    def find(self, spelling: str) -> tuple[str, ...]:
        """The ids of all who go by this spelling, in order; where it identifies somebody, of those alone."""
        fold = normalize_name(spelling)
        found = self.find_people(fold)
        return (self.identified_by(fold) or found) if len(found) > 1 else found

    def identified_by(self, fold: str) -> tuple[str, ...]:
        """The ids that a folded spelling identifies."""
        return self._store.identified_by(fold)

    def find_people(self, fold: str) -> tuple[str, ...]:
        """The ids behind a folded spelling."""
        found = self._store.find_people(fold)
        if len(self._at_hand) >= CACHED_NAMES:
            self._at_hand.clear()
        self._at_hand[fold] = found
        return found

    def cached_people(self, fold: str) -> tuple[str, ...]:
        """The same as it was last known here, which may be wrong by now: for those who look again before they write."""
        found = self._at_hand.get(fold)
        return self.find_people(fold) if found is None else found

    def name(self, person: str) -> str | None:
        """The name to show for an id, or None when the directory has none."""
        return next(iter(self.spellings(person)), None)

    def list_people(self) -> Iterator[DirectoryPerson]:
        """All there are, in the order of their ids."""
        spelled: dict[str, list[str]] = {}
        for person, spelling in self._store.spellings():
            spelled.setdefault(person, []).append(spelling)
        return (DirectoryPerson(person, spellings[0], tuple(spellings)) for person, spellings in spelled.items())

    def spellings(self, person: str) -> tuple[str, ...]:
        """Every spelling of an id, the one to show first."""
        return tuple(spelling for _, spelling in self._store.spellings(person))

    def add(
        self, person: str, *spellings: str, shared: bool = False, move: bool = False, by: Caller | None = None
    ) -> None:  # fmt: skip
        """Add spellings. With `shared`, one may be somebody else's name as well; with `move`, it is taken from whoever has it.

        Raises:
            AlreadyExists: a spelling is somebody else's.
            Unknown: the log knows no such person.
        """
        losers = self._others(person, spellings) if move else {}

        def write(beside: SideTables) -> None:
            for loser, folds in losers.items():
                for fold in folds:
                    beside.drop_folded(loser, fold)
            if not shared:
                _must_be_free(beside, person, spellings)
            first = 0 if not beside.is_known(person) else None
            other = OTHER_NAME if shared else IDENTIFIER
            beside.put_names(
                NameRow(person, spelling, normalize_name(spelling), SHOWN if n == first else other)
                for n, spelling in enumerate(spellings)
            )

        changes = [ChangeNames(subject=loser, change="moved") for loser in losers]
        self._record([ChangeNames(subject=person, change="moved" if losers else "added"), *changes], write, by)

    def _others(self, person: str, spellings: Iterable[str]) -> dict[str, list[str]]:
        """Who else goes by some spellings, with those, folded."""
        found: dict[str, list[str]] = {}
        for fold in map(normalize_name, spellings):
            for other in self._store.find_people(fold):
                if other != person:
                    found.setdefault(other, []).append(fold)
        return found

    def rename(self, person: str, name: str, *, by: Caller | None = None) -> None:
        """Show a person or a service under another name from now on; the old one is still understood.

        Raises:
            AlreadyExists: the name is somebody else's.
            Unknown: the log knows no such person.
        """

        def write(beside: SideTables) -> None:
            _must_be_free(beside, person, [name])
            beside.hide_names(person)
            beside.drop_names(person, name)
            beside.put_names([NameRow(person, name, normalize_name(name), SHOWN)])

        self._record([ChangeNames(subject=person, change="renamed")], write, by)

    def forget(self, person: str, spelling: str | None = None, *, by: Caller | None = None) -> None:
        """Erase one spelling of somebody, or all of them; the id stays.

        Raises:
            Unknown: there is no such spelling, or the log knows no such person.
        """
        known = self.spellings(person)
        if not known or (spelling is not None and spelling not in known):
            msg = f"the directory has no such name of {person}"
            raise Unknown(msg)
        erase = [ChangeNames(subject=person, change="erased")]
        self._record(erase, lambda beside: beside.drop_names(person, spelling), by)
        self._store.truncate_wal()


class Names(Protocol):
    """What people are called."""

    def name(self, person: str) -> str | None:
        """The name to show for an id."""


def names_in(value: Any, names: Names) -> dict[str, str]:
    """The names to show for the people and services named anywhere in an answer."""
    named = ((who, names.name(who)) for who in sorted(set(_people_in(value))))
    return {who: name for who, name in named if name is not None}


def _people_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(("person:", "service:")):
            yield value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _people_in(key)
            yield from _people_in(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _people_in(member)


def _must_be_free(beside: SideTables, person: str, spellings: Iterable[str]) -> None:
    for spelling in spellings:
        owner = beside.owner(normalize_name(spelling), other_than=person)
        if owner:
            raise name_taken_error(spelling, owner)


def name_taken_error(spelling: str, person: str, field: str | None = None) -> AlreadyExists:
    """The refusal of a spelling that is somebody's already."""
    return AlreadyExists(f"{spelling!r} is {person} already", field=field, subject=person)
