"""What a mapping file says: how the lines of one tracker's history are to be read.

Every key is described for its users in docs/how-to/import-a-tracker.md; a test keeps the two together.
"""

from __future__ import annotations

import re
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain import decision, feature
from domain.any_subject import FieldName
from domain.validation_messages import describe_error
from domain.values import Code, Key, Line, Text
from interchange.tracker.regular_files import read_regular

Reading = Literal["text", "code", "words", "day", "release", "people", "teams", "records"]
STATUSES: Final = {
    "decision": decision.OPEN | decision.REOPENABLE | decision.REVIEWABLE,
    "feature": feature.OPEN | feature.CLOSED,
}
MAX_MAPPING_BYTES: Final = 1024 * 1024
MAX_NAME_CHARACTERS: Final = 1000
"""What is longer is no name of a person, team or release, and no pattern of a mapping is tried on it."""
_FIELD: Final = TypeAdapter(FieldName)


class MappingError(Exception):
    """The mapping file is not in order; the message names each key and what is wrong with it."""


def _expression(pattern: str) -> str:
    """Refuses what is no regular expression, or has no group to say which part counts."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        msg = f"is no regular expression: {error}"
        raise ValueError(msg) from None
    if not groups:
        msg = "needs a group in parentheses around the part that counts"
        raise ValueError(msg)
    return pattern


Pattern = Annotated[str, AfterValidator(_expression)]
Names = tuple[str, ...]


class Part(BaseModel):
    """A table of the file. Keys it does not know are refused, so that a misspelt one is not silently without effect."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Product(Part):
    """The product that everything in the file belongs to."""

    key: Key
    title: Line
    description: Text | None = None
    releases: Names = ()


class Columns(Part):
    """Which column of a line says what."""

    when: str
    record: str
    field: str
    to: str
    from_: str | None = Field(None, alias="from")
    kind: str | None = None
    who: str | None = None
    id: str | None = None
    source_at: str | None = None
    note: Names = ()
    reference: Names = ()
    references: Names = ()
    leave_out: Names = ()

    def named(self) -> frozenset[str]:
        """Every column the mapping speaks of."""
        one = (self.when, self.record, self.field, self.to, self.from_, self.kind, self.who, self.id, self.source_at)
        many = (*self.note, *self.reference, *self.references, *self.leave_out)
        return frozenset(column for column in (*one, *many) if column is not None)


class Kinds(Part):
    """Which kinds of line are more than the change of one field."""

    begin: Names = ()
    strike: Names = ()
    restore: Names = ()
    rename: Names = ()
    unannounced: Literal["refuse", "begin"] = "refuse"


class Someone(Part):
    """One person, and all the ways in which the file spells them."""

    name: Line
    also: Names = ()
    here: Names = ()


class People(Part):
    """How spellings are read as persons and teams."""

    handle: Pattern | None = None
    show: str = "{}"
    team: Pattern | None = None
    teams: dict[Key, Names] = {}


class Releases(Part):
    """How releases are spelt."""

    pattern: Pattern | None = None


class Rule(Part):
    """What a field of the tracker is in the log."""

    cell: str
    as_: Reading = Field("text", alias="as")
    words: dict[str, str] = {}
    separator: str | None = None

    @cached_property
    def meanings(self) -> dict[str, str]:
        """The meanings by the folded word: trackers are seldom sure of their capitals."""
        return {word.casefold(): meaning for word, meaning in self.words.items()}


class Subject(Part):
    """What a record becomes."""

    kind: Literal["decision", "feature"]
    when: str | None = None
    link: str | None = None
    fields: dict[str, Rule]

    def rule(self, field: str) -> Rule | None:
        """The rule for a field: its own, else that of the longest prefix, with the rest put in the place of `*`."""
        found = self.fields.get(field)
        if found is not None:
            return found
        prefixes = [name for name in self.fields if name.endswith("*") and field.startswith(name[:-1])]
        if not prefixes:
            return None
        prefix = max(prefixes, key=len)
        rule = self.fields[prefix]
        return rule.model_copy(update={"cell": rule.cell.replace("*", cell_part(field[len(prefix) - 1 :]))})


class Mapping(Part):
    """A whole mapping file."""

    system: Code
    product: Product
    columns: Columns
    kinds: Kinds = Kinds()
    nothing: Names = ()
    releases: Releases = Releases()
    people: People = People()
    person: tuple[Someone, ...] = ()
    subject: Annotated[tuple[Subject, ...], Field(min_length=1)]


def cell_part(name: str) -> str:
    """A name in the letters that the name of a cell is made of.

    Of another alphabet it is spelled as in the names of hosts (RFC 3492), so that two names never become one.
    """
    folded = name.casefold()
    folded = folded[:MAX_NAME_CHARACTERS]  # spelling it out takes the square of its length
    plain = folded if folded.isascii() else folded.encode("punycode").decode()
    letters = re.sub(r"[^a-z0-9_.~-]+", "_", plain.lower()).strip("_.~-")[:100]
    return letters or name.encode(errors="backslashreplace").hex()[:100] or "unnamed"


def match_name(pattern: re.Pattern[str] | None, name: str) -> str | None:
    """Return the part of a name that counts by a pattern of the mapping, or None where it does not fit."""
    name = name.strip()
    match = pattern.fullmatch(name) if pattern and len(name) <= MAX_NAME_CHARACTERS else None
    return match.group(1) if match else None


def load_mapping(path: Path) -> Mapping:
    """Reads a mapping file.

    Raises:
        MappingError: it is no TOML, or not a mapping; names every key that is wrong.
        OSError: it cannot be read.
    """
    try:
        content = read_regular(path, MAX_MAPPING_BYTES, follow=True)
        return parse_mapping(content.decode("utf-8").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        msg = f"{path}: this is not UTF-8 (byte {error.start + 1})"
        raise MappingError(msg) from None
    except MappingError as error:
        msg = f"{path}: {error}"
        raise MappingError(msg) from error


def parse_mapping(text: str) -> Mapping:
    """Reads the text of a mapping.

    Raises:
        MappingError: it is no TOML, or not a mapping; names every key that is wrong.
    """
    try:
        mapping = Mapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        msg = f"this is not TOML: {error}"
        raise MappingError(msg) from None
    except RecursionError:
        msg = "this is nested too deeply"
        raise MappingError(msg) from None
    except ValidationError as error:
        told = (f"{'.'.join(map(str, e['loc']))}: {describe_error(e)}" for e in error.errors())
        raise MappingError("\n".join(told)) from None
    wrong = [*_wrong_subjects(mapping), *_wrong_people(mapping)]
    if wrong:
        raise MappingError("\n".join(wrong))
    return mapping


def _wrong_subjects(mapping: Mapping) -> list[str]:
    wrong = []
    kinds = [subject.kind for subject in mapping.subject]
    if mapping.subject[0].when is not None:
        wrong.append("subject.0.when: the first subject is what every record becomes, so it has no `when`")
    if mapping.subject[0].link is not None:
        wrong.append("subject.0.link: the first subject is what the others link to, so it has no `link`")
    if len(set(kinds)) < len(kinds):
        wrong.append("subject: a record can become one subject of a kind, so give each `kind` once")
    for n, subject in enumerate(mapping.subject):
        for name, rule in subject.fields.items():
            wrong += [
                f"subject.{n}.fields.{name}.{key}: {what}" for key, what in _wrong_rule(mapping, subject, name, rule)
            ]
    return wrong


def _wrong_rule(mapping: Mapping, subject: Subject, name: str, rule: Rule) -> list[tuple[str, str]]:
    wrong = []
    if name.endswith("*") != ("*" in rule.cell):
        wrong.append(("cell", "a field that ends in `*` needs a cell with a `*`, and no other does"))
    try:
        _FIELD.validate_python(rule.cell.replace("*", "0"))
    except ValidationError:
        wrong.append(("cell", f"{rule.cell!r} is no name of a cell; write `name` or `name.part` in a-z 0-9 _"))
    if bool(rule.words) != (rule.as_ == "words"):
        wrong.append(("words", 'a table of words is needed with `as = "words"`, and only there'))
    if rule.as_ == "release" and mapping.releases.pattern is None:
        wrong.append(("as", "to read releases, say in `releases.pattern` what one looks like"))
    if rule.cell == "status":
        odd = sorted(set(rule.words.values()) - STATUSES[subject.kind])
        if rule.as_ != "words" or odd:
            allowed = ", ".join(sorted(STATUSES[subject.kind]))
            wrong.append(
                ("words", f"a status of a {subject.kind} is one of {allowed}{': not ' if odd else ''}{', '.join(odd)}")
            )
    return wrong


def _wrong_people(mapping: Mapping) -> list[str]:
    wrong = []
    if mapping.people.show.count("{}") != 1:
        wrong.append("people.show: needs `{}` once, where the part of a handle goes that counts")
    seen: dict[str, int] = {}
    for n, someone in enumerate(mapping.person):
        for spelling in {name.casefold() for name in (someone.name, *someone.also, *someone.here)}:
            if spelling in seen:
                wrong.append(
                    f"person.{n}: {spelling!r} is in person.{seen[spelling]} already; one spelling is one person"
                )
            seen[spelling] = n
    return wrong
