"""Turn the values of another system into field values of the log, by the rule for each field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain.any_subject import ImportedChange
from domain.fields import EXISTS
from domain.values import MAX_INTEGER, Code
from interchange.person_matching import MAX_NAME_CHARACTERS, PersonMatcher, distinct_key, match_name
from interchange.times import TimeReader

ValueType = Literal["text", "code", "mapped", "date", "release", "people", "teams", "records"]
MAX_DATE_CHARACTERS: Final = 80
_CODE: Final[TypeAdapter[str]] = TypeAdapter(Code)
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ].*)?")


_NAMELESS: Final = re.compile(r".{1,200} \(no name in the export\)", re.DOTALL)


def nameless(number: object) -> str:
    """Return what stands for a person, release or status of which an export gives only the number.

    It is kept as the source value and reported, and no person or release of that name is created.
    """
    return f"{number} (no name in the export)"


def fold_word(text: str) -> str:
    """Return a word of a tracker in the form in which two are compared: `Won’t Do` is `won't do`."""
    return text.strip().casefold().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


class FieldRule(BaseModel):
    """Which field of the log a source field becomes, and how its values are parsed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str
    as_: ValueType = Field("text", alias="as")
    values: dict[str, str] = {}
    patterns: dict[str, str] = {}
    separator: str | None = None
    several: bool | None = None

    @cached_property
    def values_by_case(self) -> dict[str, str]:
        """The table `values` by the folded source value."""
        return {fold_word(source_value): value for source_value, value in self.values.items()}

    @cached_property
    def compiled_patterns(self) -> tuple[tuple[re.Pattern[str], str], ...]:
        """The table `patterns`, in its order."""
        return tuple((re.compile(pattern, re.IGNORECASE), value) for pattern, value in self.patterns.items())

    def map_value(self, text: str) -> str | None:
        """Return the value that a source value is mapped to: by the table, else by the first pattern that matches."""
        bare = text.strip()
        found = self.values_by_case.get(fold_word(bare))
        if found is not None or len(bare) > MAX_NAME_CHARACTERS:
            return found
        return next((value for pattern, value in self.compiled_patterns if pattern.fullmatch(bare)), None)


@dataclass(frozen=True, slots=True)
class ParsedValue:
    """A parsed value: the keyword arguments of an `ImportedChange`, besides the field.

    `unknown` are the source values that were not understood, `releases` the versions that are named.
    """

    change: dict[str, Any] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()


class ValueParser:
    """Parses values by field rules. `find_record` returns the subject that a record's name means at that point."""

    def __init__(
        self,
        people: PersonMatcher,
        find_record: Callable[[str], str | None],
        *,
        empty_values: Sequence[str] = (),
        product: str = "",
        release_pattern: str | None = None,
        times: TimeReader | None = None,
    ) -> None:
        self._people = people
        self._find_record = find_record
        self._product = product
        self._release_pattern = re.compile(release_pattern) if release_pattern else None
        self._times = times or TimeReader()
        self._empty_values = {value.casefold() for value in empty_values}

    def parse(self, rule: FieldRule, value: Any) -> ParsedValue:
        """Parse a value by a rule. None empties the field."""
        if value is None:
            return ParsedValue()
        if rule.as_ == "text":
            members = self.split(rule, value) if isinstance(value, list) or rule.separator else None
            return ParsedValue({"text": as_text(value)} if members is None else {"texts": members})
        if rule.as_ == "code":
            return _parse_code(value)
        if rule.as_ in ("people", "teams", "records"):
            return self._parse_list(rule, value)
        if rule.as_ == "release" and (isinstance(value, list) or rule.separator):
            return self._parse_releases(self.split(rule, value))
        return self._parse_single(rule, value)

    def split(self, rule: FieldRule, value: Any) -> list[str]:
        """Return the members of a list, or of a text that the rule's separator splits."""
        members = [as_text(member) for member in value] if isinstance(value, list) else [as_text(value)]
        if rule.separator is None:
            return members
        return [part.strip() for member in members for part in member.split(rule.separator) if part.strip()]

    def people_in(self, rule: FieldRule, value: Any) -> Iterator[tuple[str, str | None]]:
        """Yield each spelling in a list of people or teams, with the team's key if it is a team."""
        members = (one for one in self.split(rule, value) if not self.is_empty(one) and not _NAMELESS.fullmatch(one))
        return ((member, self._find_team(rule, member)) for member in members)

    def is_empty(self, text: str) -> bool:
        """Whether a text is blank or one of the words that mean "nothing"."""
        bare = text.strip()
        return not bare or bare.casefold() in self._empty_values

    def release_version(self, text: str) -> str | None:
        """Return the version in the name of a release, or None if the text does not name one."""
        return None if _NAMELESS.fullmatch(text) else match_name(self._release_pattern, text)

    def release_id(self, version: str) -> str:
        """Return the subject of a release of the product."""
        return f"release:{self._product[:90]}-{distinct_key(version)}"[: len("release:") + 100]

    def release_changes(self, version: str) -> tuple[ImportedChange, ...]:
        """Return the changes that create a release."""
        return (
            ImportedChange(field=EXISTS, value=True),
            ImportedChange(field="version", value=version),
            ImportedChange(field="products", subjects=(f"product:{self._product}",)),
        )

    def _parse_single(self, rule: FieldRule, value: Any) -> ParsedValue:
        """Parse a value that is mapped, a date or a release. The source value is kept if it differs."""
        text = as_text(value)
        if self.is_empty(text):
            return ParsedValue({"source_value": text})
        version = self.release_version(text) if rule.as_ == "release" else None
        if version is not None:
            return ParsedValue({"value": self.release_id(version), "source_value": text}, releases=(version,))
        parsed = self._parse_day(text) if rule.as_ == "date" else rule.map_value(text)
        if parsed is None:
            return ParsedValue({"source_value": text}, unknown=(text,))
        is_same = rule.as_ == "date" and parsed == text
        return ParsedValue({"value": parsed} if is_same else {"value": parsed, "source_value": text})

    def _parse_day(self, text: str) -> str | None:
        """Return a day in ISO format, also of a time, by the formats and the zone of the mapping."""
        if len(text) <= MAX_DATE_CHARACTERS:
            with suppress(ValueError):
                return self._times.read_day(text).isoformat()
        return _parse_date(text)

    def _parse_releases(self, names: list[str]) -> ParsedValue:
        """Parse several releases: none empties the field, one is its value, and more are a list."""
        named = [name for name in names if not self.is_empty(name)]
        if not named:
            return ParsedValue({"source_value": ", ".join(names)} if names else {})
        found = [(name, self.release_version(name)) for name in named]
        versions = tuple(version for _, version in found if version is not None)
        unknown = tuple(name for name, version in found if version is None)
        text = ", ".join(named)
        if not versions:
            return ParsedValue({"source_value": text}, unknown=unknown)
        ids = tuple(self.release_id(version) for version in versions)
        value: dict[str, Any] = {"value": ids[0]} if len(ids) == 1 else {"subjects": ids}
        return ParsedValue({**value, "source_value": text}, unknown=unknown, releases=versions)

    def _parse_list(self, rule: FieldRule, value: Any) -> ParsedValue:
        """Parse a list of people, teams or records. If a member is left out, the whole list is kept as source value."""
        members = self.split(rule, value)
        parsed = [self._parse_member(rule, member) for member in members]
        found = tuple(one for one in parsed if one is not None)
        unknown = tuple(
            member for member, one in zip(members, parsed, strict=True) if one is None and not self.is_empty(member)
        )
        change: dict[str, Any] = {"subjects" if rule.as_ == "records" else "holders": found}
        is_complete = len(found) == (len(value) if isinstance(value, list) else 1)
        return ParsedValue(change if is_complete else {**change, "source_value": as_text(value)}, unknown=unknown)

    def _parse_member(self, rule: FieldRule, member: str) -> str | None:
        if self.is_empty(member) or _NAMELESS.fullmatch(member):
            return None
        if rule.as_ == "records":
            return self._find_record(member)
        team = self._find_team(rule, member)
        if team is not None:
            return f"team:{team}"
        return self._people.person_name(member) if rule.as_ == "people" else None

    def _find_team(self, rule: FieldRule, member: str) -> str | None:
        team = self._people.find_team(member)
        return distinct_key(member) if team is None and rule.as_ == "teams" else team


def as_text(value: Any) -> str:
    """Return a JSON value as text, without losing anything of it. Some programs write 1.0 for 1."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def field_name_part(name: str) -> str:
    """Return a name in the characters that the name of a field may have.

    Other alphabets are written in Punycode (RFC 3492), so that two names never become one.
    """
    folded = name.casefold()
    folded = folded[:MAX_NAME_CHARACTERS]  # the time that Punycode takes grows with the square of the length
    plain = folded if folded.isascii() else folded.encode("punycode").decode()
    letters = re.sub(r"[^a-z0-9_.~-]+", "_", plain.lower()).strip("_.~-")[:100]
    return letters or name.encode(errors="backslashreplace").hex()[:100] or "unnamed"


def _parse_code(value: Any) -> ParsedValue:
    if isinstance(value, bool) or (isinstance(value, int) and abs(value) <= MAX_INTEGER):
        return ParsedValue({"value": value})
    try:
        return ParsedValue({"value": _CODE.validate_python(value)})
    except ValidationError:
        return ParsedValue({"source_value": as_text(value)}, unknown=(as_text(value),))


def _parse_date(text: str) -> str | None:
    """Return the day that a text begins with in ISO format, whatever follows it."""
    match = _DATE.fullmatch(text)
    try:
        return date(*map(int, match.groups())).isoformat() if match else None
    except ValueError:
        return None
