"""Who is meant by a spelling, as the mapping says; and the commands that make the log's directory know them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache

from pydantic import TypeAdapter, ValidationError

from domain.messages import Command
from domain.people import MergePeople, RegisterPerson
from domain.values import KEY_PATTERN, Person, Timestamp
from eventlog.directory import normalize_name
from interchange.tracker.mapping import Mapping, match_name

_PERSON: TypeAdapter[str] = TypeAdapter(Person)
_KEY = re.compile(KEY_PATTERN)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class People:
    """The persons and teams of a mapping."""

    def __init__(self, mapping: Mapping) -> None:
        self._team = re.compile(mapping.people.team) if mapping.people.team else None
        self._handle = re.compile(mapping.people.handle) if mapping.people.handle else None
        self._show = mapping.people.show
        self._teams = {normalize_name(name): key for key, names in mapping.people.teams.items() for name in names}
        self._here = {normalize_name(name): someone.name for someone in mapping.person for name in someone.here}
        self._someone = {
            self._bare(printable(name)): someone for someone in mapping.person for name in (someone.name, *someone.also)
        }

    def team(self, spelling: str) -> str | None:
        """The key of the team that a spelling means, or None when it means no team."""
        named = self._teams.get(normalize_name(spelling))
        if named is not None:
            return named
        handle = match_name(self._team, spelling)
        return team_key(handle) if handle is not None else None

    def person(self, spelling: str) -> str | None:
        """What to call a person by in a command, or None where nobody can be called so."""
        said = printable(self._here.get(normalize_name(spelling), spelling))
        return said if _can_be_called(said) else None

    def persons(self, spellings: Iterable[str]) -> list[list[str]]:
        """Everybody behind some spellings: for each of them all their spellings, the name to show first."""
        found: dict[str, dict[str, str]] = {}
        for spelling in spellings:
            said = self.person(spelling)
            if said is None:
                continue
            someone = self._someone.get(self._bare(said))
            names = (someone.name, *someone.also, said) if someone else (self._shown(said), said)
            known = found.setdefault(self._bare(names[0]), {})
            for name in map(printable, names):
                known.setdefault(normalize_name(name), name)
        return [list(names.values()) for names in found.values()]

    def _bare(self, spelling: str) -> str:
        """What all spellings of one handle share; the whole spelling where it is no handle."""
        return normalize_name(self._handle_in(spelling) or spelling)

    def _shown(self, spelling: str) -> str:
        """The name to show for somebody known by this spelling alone. A word that is a handle bare is left as it is."""
        handle = self._handle_in(spelling)
        return self._show.replace("{}", handle) if handle and handle != spelling.strip() else spelling

    def _handle_in(self, spelling: str) -> str | None:
        return match_name(self._handle, spelling)


def printable(name: str) -> str:
    """Return a name without control characters, which a file in another encoding may have in it."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", name)


@cache
def _can_be_called(spelling: str) -> bool:
    try:
        _PERSON.validate_python(spelling)
    except ValidationError:
        return False
    return True


def team_key(name: str) -> str | None:
    """The key of a team by its handle, or None for what is none: a name of several words may be a person's."""
    if re.search(r"\s", name.strip()):
        return None
    key = re.sub(r"[^a-z0-9._~-]+", "-", name.casefold()).strip("-._~")[:100]
    return key if _KEY.fullmatch(key) else None


def introductions(
    persons: Iterable[list[str]], known: Collection[str], since: Timestamp | None, new_key: Callable[[], str]
) -> Iterator[tuple[Command, ...]]:
    """The commands that make the directory understand every spelling.

    Whom it knows by some of their spellings gets the others by way of a second id that is joined with theirs.
    """
    for spellings in persons:
        new = [spelling for spelling in spellings if normalize_name(spelling) not in known]
        if not new:
            continue
        key = new_key()
        register = RegisterPerson(key=key, name=new[0], identifiers=tuple(new[1:]), effective_at=since)
        old = next((spelling for spelling in spellings if normalize_name(spelling) in known), None)
        if old is None:
            yield (register,)
        else:
            yield register, MergePeople(subject=f"person:{key}", into=old)
