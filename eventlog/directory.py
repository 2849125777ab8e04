"""The directory of people: every name, e-mail, handle and other spelling of an id. It stands outside the log.

A spelling is found whatever its case, and kept as it was written. Two people may share one; whoever names them by it
is asked to use an id.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from domain.errors import AlreadyExists, Unknown
from eventlog.committer import Name
from eventlog.store import Beside, Store

SPELLINGS_AT_HAND: Final = 20_000


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

    def __init__(self, store: Store) -> None:
        self._store = store
        self._at_hand: dict[str, tuple[str, ...]] = {}

    def find(self, spelling: str) -> tuple[str, ...]:
        """The ids of all who go by this spelling, in order."""
        return self.known_as(folded(spelling))

    def known_as(self, fold: str) -> tuple[str, ...]:
        """The ids behind a folded spelling."""
        found = self._store.known_as(fold)
        if len(self._at_hand) >= SPELLINGS_AT_HAND:
            self._at_hand.clear()
        self._at_hand[fold] = found
        return found

    def known_at_hand(self, fold: str) -> tuple[str, ...]:
        """The same as it was last known here, which may be wrong by now: for those who look again before they write."""
        found = self._at_hand.get(fold)
        return self.known_as(fold) if found is None else found

    def name(self, person: str) -> str | None:
        """The name to show for an id, or None when the directory has none."""
        return next(iter(self.spellings(person)), None)

    def everybody(self) -> Iterator[Somebody]:
        """All there are, in the order of their ids."""
        spelled: dict[str, list[str]] = {}
        for person, spelling in self._store.spellings():
            spelled.setdefault(person, []).append(spelling)
        return (Somebody(person, spellings[0], tuple(spellings)) for person, spellings in spelled.items())

    def spellings(self, person: str) -> tuple[str, ...]:
        """Every spelling of an id, the one to show first."""
        return tuple(spelling for _, spelling in self._store.spellings(person))

    def add(self, person: str, *spellings: str, shared: bool = False) -> None:
        """Adds spellings. With `shared`, one may be somebody else's as well.

        Raises:
            AlreadyExists: a spelling is somebody else's.
        """

        def write(beside: Beside) -> None:
            if not shared:
                _must_be_free(beside, person, spellings)
            first = 0 if not beside.is_known(person) else None
            beside.put_names(
                Name(person, spelling, folded(spelling), n == first) for n, spelling in enumerate(spellings)
            )

        self._store.change(write)

    def rename(self, person: str, name: str) -> None:
        """Shows somebody (or a service) under another name from now on; the old one is still understood.

        Raises:
            AlreadyExists: the name is somebody else's.
        """

        def write(beside: Beside) -> None:
            _must_be_free(beside, person, [name])
            beside.hide_names(person)
            beside.drop_names(person, name)
            beside.put_names([Name(person, name, folded(name), shown=True)])

        self._store.change(write)

    def forget(self, person: str, spelling: str | None = None) -> None:
        """Forgets one spelling of somebody, or all of them; the id stays.

        Raises:
            Unknown: there is no such spelling.
        """

        def write(beside: Beside) -> None:
            if not beside.drop_names(person, spelling):
                msg = f"the directory has no such name of {person}"
                raise Unknown(msg)

        self._store.change(write)
        self._store.tidy()


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


def _must_be_free(beside: Beside, person: str, spellings: Iterable[str]) -> None:
    for spelling in spellings:
        owner = beside.owner(folded(spelling), other_than=person)
        if owner:
            raise taken(spelling, owner)


def taken(spelling: str, person: str, field: str | None = None) -> AlreadyExists:
    """The refusal of a spelling that is somebody's already."""
    return AlreadyExists(f"{spelling!r} is {person} already", field=field, subject=person)
