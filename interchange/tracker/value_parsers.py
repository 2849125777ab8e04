"""From a value of the tracker to what a cell of the log holds, by the rule of the mapping."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from domain.any_subject import ImportedChange
from domain.fields import EXISTS
from domain.values import MAX_INTEGER, Code
from interchange.tracker.authors import People, team_key
from interchange.tracker.mapping import Mapping, Rule, match_name

_CODE: Final[TypeAdapter[str]] = TypeAdapter(Code)
_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ].*)?")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a value means: the fields of an `ImportedChange`, and what is to be said of it.

    `strange` are the words in it that could not be understood, `releases` the versions it names.
    """

    step: dict[str, Any] = field(default_factory=dict)
    strange: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()


class Meanings:
    """Reads values by rules. `record` tells the subject behind the name of a record, at this point of the file."""

    def __init__(self, mapping: Mapping, people: People, record: Callable[[str], str | None]) -> None:
        self._people = people
        self._record = record
        self._product = mapping.product.key
        self._release = re.compile(mapping.releases.pattern) if mapping.releases.pattern else None
        self._nothing = {word.casefold() for word in mapping.nothing}

    def read(self, rule: Rule, value: Any) -> Meaning:
        """What a value means in the cell of a rule. Nothing means an empty cell."""
        if value is None:
            return Meaning()
        if rule.as_ == "text":
            parts = self.parts(rule, value) if isinstance(value, list) or rule.separator else None
            return Meaning({"text": as_text(value)} if parts is None else {"texts": parts})
        if rule.as_ == "code":
            return _code(value)
        if rule.as_ in ("people", "teams", "records"):
            return self._named(rule, value)
        return self._word(rule, value)

    def parts(self, rule: Rule, value: Any) -> list[str]:
        """The members of a list, or of a text that is one by its separator."""
        members = [as_text(member) for member in (value if isinstance(value, list) else [value])]
        if rule.separator is None:
            return members
        return [part.strip() for member in members for part in member.split(rule.separator) if part.strip()]

    def somebodies(self, rule: Rule, value: Any) -> Iterator[tuple[str, str | None]]:
        """Each spelling in a list of people or teams that is not a word for nobody, with the key of its team, if it is one."""
        return ((member, self._team(rule, member)) for member in self.parts(rule, value) if not self.is_nothing(member))

    def is_nothing(self, word: str) -> bool:
        """Whether a word stands for nobody or nothing."""
        return not word.strip() or word.strip().casefold() in self._nothing

    def release_of(self, word: str) -> str | None:
        """The version that a word names, or None when it names none."""
        return match_name(self._release, word)

    def release_id(self, version: str) -> str:
        """The subject that is a release of the product."""
        slug = re.sub(r"[^a-z0-9._~-]+", "-", version.casefold()).strip("-._~")
        return f"release:{self._product}-{slug}"

    def release_steps(self, version: str) -> tuple[ImportedChange, ...]:
        """The first steps of a release."""
        return (
            ImportedChange(field=EXISTS, value=True),
            ImportedChange(field="version", value=version),
            ImportedChange(field="products", subjects=(f"product:{self._product}",)),
        )

    def _word(self, rule: Rule, value: Any) -> Meaning:
        """A single word with a meaning, kept beside it."""
        word = as_text(value)
        if self.is_nothing(word):
            return Meaning({"source_value": word})
        version = self.release_of(word) if rule.as_ == "release" else None
        if version is not None:
            return Meaning({"value": self.release_id(version), "source_value": word}, releases=(version,))
        meaning = _day(word) if rule.as_ == "day" else rule.meanings.get(word.strip().casefold())
        if meaning is None:
            return Meaning({"source_value": word}, strange=(word,))
        plain = rule.as_ == "day" and meaning == word
        return Meaning({"value": meaning} if plain else {"value": meaning, "source_value": word})

    def _named(self, rule: Rule, value: Any) -> Meaning:
        """A list of persons, teams or records. What names none of them is left out, and then the whole list stands as its word."""
        members = self.parts(rule, value)
        named = [self._one(rule, member) for member in members]
        found = tuple(one for one in named if one is not None)
        strange = tuple(
            member for member, one in zip(members, named, strict=True) if one is None and not self.is_nothing(member)
        )
        step: dict[str, Any] = {"subjects" if rule.as_ == "records" else "holders": found}
        whole = len(found) == (len(value) if isinstance(value, list) else 1)
        return Meaning(step if whole else {**step, "source_value": as_text(value)}, strange=strange)

    def _one(self, rule: Rule, member: str) -> str | None:
        if self.is_nothing(member):
            return None
        if rule.as_ == "records":
            return self._record(member)
        team = self._team(rule, member)
        if team is not None:
            return f"team:{team}"
        return self._people.person(member) if rule.as_ == "people" else None

    def _team(self, rule: Rule, member: str) -> str | None:
        team = self._people.team(member)
        return team_key(member) if team is None and rule.as_ == "teams" else team


def as_text(value: Any) -> str:
    """A value of any shape as text, so that nothing of it is lost."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _code(value: Any) -> Meaning:
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) <= MAX_INTEGER):
        return Meaning({"value": value})
    try:
        return Meaning({"value": _CODE.validate_python(value)})
    except ValidationError:
        return Meaning({"source_value": as_text(value)}, strange=(as_text(value),))


def _day(word: str) -> str | None:
    match = _DAY.fullmatch(word)
    try:
        return date(*map(int, match.groups())).isoformat() if match else None
    except ValueError:
        return None
