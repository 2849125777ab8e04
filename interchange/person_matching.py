"""Match spellings of names to people and teams, and build the commands that register new people."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256

from pydantic import TypeAdapter, ValidationError

from domain.messages import Command
from domain.names import normalize_name
from domain.people import MergePeople, RegisterPerson
from domain.values import ERASED, KEY_PATTERN, Person, Timestamp

Since = Callable[[Sequence[str]], Timestamp | None]

MAX_NAME_CHARACTERS = 1000
"""A longer text is not the name of a person, team or release, and no pattern is tried on it."""
MAX_NAMES_KEPT = 4096
_PERSON: TypeAdapter[str] = TypeAdapter(Person)
_KEY = re.compile(KEY_PATTERN)
_DEFAULT_HANDLE = re.compile(r"@([^\s@]+)")
"""`@ann` and `ann` are one person, whatever a mapping says about handles."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_IN_KEY = re.compile(r"[^a-z0-9._~-]+")
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class PersonNames:
    """One person: the name to show, further names, and names that mean this person in one file only."""

    name: str
    aliases: Sequence[str] = ()
    local_aliases: Sequence[str] = ()


class PersonMatcher:
    """Decides which person or team a spelling means."""

    def __init__(
        self,
        *,
        teams: Mapping[str, Iterable[str]],
        people: Iterable[PersonNames] = (),
        team_pattern: str | None = None,
        handle_pattern: str | None = None,
        display_as: str = "{}",
        services: Mapping[str, Iterable[str]] | None = None,
        service_pattern: str | None = None,
    ) -> None:
        """`teams` and `services` are lists of names by key. The patterns have one group around the part that counts."""
        people = tuple(people)
        # A file repeats few names many times.
        self._normalized = lru_cache(MAX_NAMES_KEPT)(normalize_name)
        self._team_of_name = lru_cache(MAX_NAMES_KEPT)(self._find_team)
        self._service_pattern = re.compile(service_pattern) if service_pattern else None
        self._services = {normalize_name(name): key for key, names in (services or {}).items() for name in names}
        self._known: dict[str, str] = {}
        self._erased: set[str] = set()
        self._erased_spellings: list[str] = []
        self._team_pattern = re.compile(team_pattern) if team_pattern else None
        self._handle_pattern = re.compile(handle_pattern) if handle_pattern else None
        self._display_as = display_as
        self._teams = {normalize_name(name): key for key, names in teams.items() for name in names}
        self._local = {normalize_name(name): person.name for person in people for name in person.local_aliases}
        self._people = {
            self._comparable(printable(name)): person for person in people for name in (person.name, *person.aliases)
        }

    def find_team(self, spelling: str) -> str | None:
        """Return the key of the team that a spelling means, or None if it does not mean a team."""
        return self._team_of_name(spelling) if len(spelling) <= MAX_NAME_CHARACTERS else self._find_team(spelling)

    def _find_team(self, spelling: str) -> str | None:
        if not self._teams and self._team_pattern is None:
            return None
        key = self._teams.get(self._normalize(spelling))
        if key is not None:
            return key
        handle = match_name(self._team_pattern, spelling)
        return team_key(handle) if handle is not None else None

    def find_service(self, spelling: str) -> str | None:
        """Return the key of the service that a spelling means, or None if it does not mean a service."""
        if not self._services and self._service_pattern is None:
            return None
        key = self._services.get(self._normalize(spelling))
        if key is not None:
            return key
        handle = match_name(self._service_pattern, spelling)
        return team_key(handle) if handle is not None else None

    def person_name(self, spelling: str) -> str | None:
        """Return the name to use for a person in a command, or None if the spelling cannot be a name."""
        name = printable(self._local.get(self._normalize(spelling), spelling))
        if not _is_person_name(name):
            return None
        return self._known.get(self._normalize(name), name)

    @property
    def has_erased(self) -> bool:
        """Whether any spelling means a person who was erased."""
        return bool(self._erased)

    def is_erased(self, spelling: str) -> bool:
        """Whether the person that a spelling means was erased, so that it must not be recorded again."""
        return bool(self._erased) and self._normalize(printable(spelling)) in self._erased

    def mark_erased(self, spellings: Iterable[str]) -> None:
        """Remember the spellings of people who were erased."""
        spellings = list(spellings)
        self._erased.update(normalize_name(printable(spelling)) for spelling in spellings)
        self._erased_spellings += sorted(spellings, key=len, reverse=True)

    def redact(self, text: str) -> str:
        """Return a text without the names of people who were erased."""
        for spelling in self._erased_spellings:
            text = text.replace(spelling, ERASED)
        return text

    def match_known(self, groups: Iterable[list[str]], known: Collection[str]) -> list[list[str]]:
        """Return the groups of spellings that the directory does not know yet.

        A handle that is known with or without its `@` is used as the directory has it, and is not registered again.
        `known` are the normalized spellings in the directory.
        """
        by_handle: dict[str, str] = {}
        for spelling in known:
            by_handle.setdefault(self._comparable(spelling), spelling)
        new = []
        for spellings in groups:
            unknown = [one for one in spellings if normalize_name(one) not in known]
            for one in list(unknown):
                other = by_handle.get(self._comparable(one))
                if other is not None:
                    self._known[normalize_name(one)] = other
                    unknown.remove(one)
            if unknown:
                new.append([one for one in spellings if normalize_name(one) not in self._known])
        return new

    def group_by_person(self, spellings: Iterable[str]) -> list[list[str]]:
        """Return the spellings of each person, the name to show first."""
        found: dict[str, dict[str, str]] = {}
        for spelling in spellings:
            name = self.person_name(spelling)
            if name is None:
                continue
            person = self._people.get(self._comparable(name))
            names = (person.name, *person.aliases, name) if person else (self._display_name(name), name)
            known = found.setdefault(self._comparable(names[0]), {})
            for each in map(printable, names):
                known.setdefault(normalize_name(each), each)
        return [list(names.values()) for names in found.values()]

    def _normalize(self, name: str) -> str:
        return self._normalized(name) if len(name) <= MAX_NAME_CHARACTERS else normalize_name(name)

    def _comparable(self, spelling: str) -> str:
        """Return what all spellings of one handle have in common; the normalized spelling if it is not a handle."""
        return self._normalize(self._handle_in(spelling) or match_name(_DEFAULT_HANDLE, spelling) or spelling)

    def _display_name(self, spelling: str) -> str:
        """Return the name to show for a person known by one spelling. A bare handle is shown unchanged."""
        handle = self._handle_in(spelling)
        return self._display_as.replace("{}", handle) if handle and handle != spelling.strip() else spelling

    def _handle_in(self, spelling: str) -> str | None:
        return match_name(self._handle_pattern, spelling)


def match_name(pattern: re.Pattern[str] | None, name: str) -> str | None:
    """Return the group of a pattern that matches a whole name, or None if it does not match."""
    name = name.strip()
    match = pattern.fullmatch(name) if pattern and len(name) <= MAX_NAME_CHARACTERS else None
    return match.group(1) if match else None


def printable(name: str) -> str:
    """Return a name with its control characters replaced; a file in another encoding may have some."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", name)


@cache
def _is_person_name(spelling: str) -> bool:
    try:
        _PERSON.validate_python(spelling)
    except ValidationError:
        return False
    return True


def team_key(name: str) -> str | None:
    """Return the key of a team by its handle; None for several words, which may be a person's name."""
    return None if _SPACE.search(name.strip()) else distinct_key(name)


def distinct_key(name: str) -> str:
    """Return a key for a name in any script, so that two names never get the same one.

    A name that consists of the characters of a key is its own key; any other gets a hash of the name as a suffix.
    """
    folded = unicodedata.normalize("NFC", name.strip().removeprefix("@")).lower()[:MAX_NAME_CHARACTERS]
    plain = _NOT_IN_KEY.sub("-", folded).strip("-._~")[:80]
    if folded.strip("-._~") == plain and _KEY.fullmatch(plain):
        return plain
    suffix = sha256(folded.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{plain}~{suffix}" if plain and _KEY.fullmatch(plain) else suffix


def build_registrations(
    people: Iterable[list[str]], known: Collection[str], since: Since, new_key: Callable[[], str]
) -> Iterator[tuple[Command, ...]]:
    """Yield the commands after which the directory knows every spelling.

    A person of whom some spellings are known gets the others through a second id that is merged into the first. `since`
    returns when a person is first named.
    """
    for spellings in people:
        new = [spelling for spelling in spellings if normalize_name(spelling) not in known]
        if not new:
            continue
        key = new_key()
        register = RegisterPerson(key=key, name=new[0], identifiers=tuple(new[1:]), effective_at=since(spellings))
        existing = next((spelling for spelling in spellings if normalize_name(spelling) in known), None)
        if existing is None:
            yield (register,)
        else:
            yield register, MergePeople(subject=f"person:{key}", into=existing)
