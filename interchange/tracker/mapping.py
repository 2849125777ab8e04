"""The mapping file: how the columns and fields of a tracker's history are read.

docs/how-to/import-a-tracker.md describes every key; a test keeps the two in step.
"""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from domain import decision_messages, feature
from domain.any_subject import FieldName
from domain.validation_messages import describe_error
from domain.values import Code, Key, Line, Text
from interchange.files import read_regular
from interchange.person_matching import PersonMatcher, PersonNames
from interchange.source_file import FileFormat
from interchange.times import TimeReader, parse_zone, to_strptime
from interchange.tracker.columns import check_path, first_part
from interchange.value_parsers import FieldRule, ValueParser, field_name_part

STATUSES: Final = {
    "decision": decision_messages.OPEN | decision_messages.REOPENABLE | decision_messages.REVIEWABLE,
    "feature": feature.OPEN | feature.CLOSED,
}
MAX_MAPPING_BYTES: Final = 1024 * 1024
_FIELD: Final = TypeAdapter(FieldName)


class MappingError(Exception):
    """The mapping file is invalid; the message names each key and what is wrong with it."""


def _require_group(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    if not groups:
        raise ValueError("needs a group in parentheses around the part that counts")
    return pattern


def _require_zone(name: str) -> str:
    parse_zone(name)
    return name


def _require_format(format_: str) -> str:
    if "%" not in to_strptime(format_):
        raise ValueError("is not a format; write it like `DD.MM.YYYY HH:mm` or `%d.%m.%Y %H:%M`")
    return format_


def _require_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise ValueError("is not an encoding; use a name such as `utf-8` or `windows-1252`") from None


Pattern = Annotated[str, AfterValidator(_require_group)]
Zone = Annotated[str, AfterValidator(_require_zone)]
TimeFormat = Annotated[str, AfterValidator(_require_format)]
Encoding = Annotated[str, AfterValidator(_require_encoding)]
Column = Annotated[str, AfterValidator(check_path)]
Names = tuple[str, ...]


class Table(BaseModel):
    """A table of the file. Unknown keys are refused, so that a misspelt key does not go unnoticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Product(Table):
    """The product that everything in the file belongs to."""

    key: Key
    title: Line
    description: Text | None = None
    releases: Names = ()


class FileTable(Table):
    """What the file is, where that is not recognized, and where a row keeps several items."""

    format: FileFormat | None = None
    encoding: Encoding | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    items: Column | None = None
    rows: Literal["changes", "records"] = "changes"


class TimeTable(Table):
    """How times are written."""

    formats: tuple[TimeFormat, ...] = ()
    zone: Zone | None = None


class Columns(Table):
    """The meaning of each column."""

    when: Column
    record: Column
    field: Column = ""
    to: Column = ""
    from_: Column | None = Field(None, alias="from")
    added: Column | None = None
    removed: Column | None = None
    identity: Column | None = None
    created: Column | None = None
    kind: Column | None = None
    who: Column | None = None
    id: Column | None = None
    source_at: Column | None = None
    note: tuple[Column, ...] = ()
    reference: tuple[Column, ...] = ()
    references: tuple[Column, ...] = ()
    ignore: tuple[Column, ...] = ()

    def all_names(self) -> frozenset[str]:
        """Return every column that the mapping names."""
        one = (self.when, self.record, self.field, self.to, self.from_, self.kind, self.who, self.id, self.source_at)
        more = (self.added, self.removed, self.identity, self.created)
        many = (*self.note, *self.reference, *self.references, *self.ignore)
        named = [column for column in (*one, *more, *many) if column]
        return frozenset((*named, *map(first_part, named)))


class LineKinds(Table):
    """The kinds of lines that do more than change one field."""

    create: Names = ()
    remove: Names = ()
    restore: Names = ()
    rename: Names = ()
    unknown_records: Literal["skip", "create"] = "skip"


class PersonTable(Table):
    """One person, and all spellings of their name in the file."""

    name: Line
    aliases: Names = ()
    local_aliases: Names = ()


class PeopleTable(Table):
    """How spellings are matched to people and teams."""

    handle: Pattern | None = None
    display_as: str = "{}"
    team: Pattern | None = None
    teams: dict[Key, Names] = {}
    service: Pattern | None = None
    services: dict[Key, Names] = {}


class ReleasesTable(Table):
    """How the names of releases are spelled."""

    pattern: Pattern | None = None


class SubjectTable(Table):
    """A subject that a record becomes."""

    kind: Literal["decision", "feature"]
    created_by: str | None = None
    link: str | None = None
    fields: dict[str, FieldRule]

    def find_rule(self, field: str) -> FieldRule | None:
        """Return the rule for a field: its own, else that of the longest prefix, with `*` replaced by the rest."""
        found = self.fields.get(field)
        if found is not None:
            return found
        prefixes = [name for name in self.fields if name.endswith("*") and field.startswith(name[:-1])]
        if not prefixes:
            return None
        prefix = max(prefixes, key=len)
        rule = self.fields[prefix]
        rest = field_name_part(field[len(prefix) - 1 :])
        return rule.model_copy(update={"field": rule.field.replace("*", rest)})


class Mapping(Table):
    """A whole mapping file."""

    system: Code
    product: Product
    columns: Columns
    file: FileTable = FileTable()
    time: TimeTable = TimeTable()
    kinds: LineKinds = LineKinds()
    empty_values: Names = ()
    releases: ReleasesTable = ReleasesTable()
    people: PeopleTable = PeopleTable()
    person: tuple[PersonTable, ...] = ()
    subject: Annotated[tuple[SubjectTable, ...], Field(min_length=1)]


def build_person_matcher(mapping: Mapping) -> PersonMatcher:
    """Return the matcher that the tables `people` and `person` describe."""
    return PersonMatcher(
        teams=mapping.people.teams,
        people=[PersonNames(person.name, person.aliases, person.local_aliases) for person in mapping.person],
        team_pattern=mapping.people.team,
        handle_pattern=mapping.people.handle,
        display_as=mapping.people.display_as,
        services=mapping.people.services,
        service_pattern=mapping.people.service,
    )


def build_value_parser(
    mapping: Mapping,
    people: PersonMatcher,
    find_record: Callable[[str], str | None],
    times: TimeReader | None = None,
) -> ValueParser:
    """Return the parser for values of the file. `find_record` returns the subject of a record by its name."""
    return ValueParser(
        people,
        find_record,
        empty_values=mapping.empty_values,
        product=mapping.product.key,
        release_pattern=mapping.releases.pattern,
        times=times or build_time_reader(mapping),
    )


def build_time_reader(mapping: Mapping) -> TimeReader:
    """Return the reader of times by the formats and the zone of the mapping."""
    return TimeReader(mapping.time.formats, mapping.time.zone)


def load_mapping(path: Path) -> Mapping:
    """Read a mapping file.

    Raises:
        MappingError: the file is not TOML, or not a valid mapping; the message names every invalid key.
        OSError: the file cannot be read.
    """
    try:
        content = read_regular(path, MAX_MAPPING_BYTES, follow=True)
        return parse_mapping(content.decode("utf-8").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        raise MappingError(f"{path}: this is not UTF-8 (byte {error.start + 1})") from None
    except MappingError as error:
        raise MappingError(f"{path}: {error}") from error


def parse_mapping(text: str) -> Mapping:
    """Parse the text of a mapping.

    Raises:
        MappingError: the text is not TOML, or not a valid mapping; the message names every invalid key.
    """
    try:
        mapping = Mapping.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"this is not TOML: {error}") from None
    except RecursionError:
        raise MappingError("this is nested too deeply") from None
    except ValidationError as error:
        lines = (f"{'.'.join(map(str, e['loc']))}: {describe_error(e)}" for e in error.errors())
        raise MappingError("\n".join(lines)) from None
    except ValueError:  # of Python itself
        raise MappingError("this has a number with too many digits") from None
    errors = [*_column_errors(mapping), *_subject_errors(mapping), *_people_errors(mapping)]
    if errors:
        raise MappingError("\n".join(errors))
    return mapping


def _column_errors(mapping: Mapping) -> list[str]:
    columns = mapping.columns
    if mapping.file.rows == "records":
        return []
    errors = [] if columns.field else ["columns.field: the column that names the field that changed is required"]
    if not columns.to and not columns.added:
        errors.append("columns.to: the column with the new value is required, or `added` and `removed`")
    return errors


def _subject_errors(mapping: Mapping) -> list[str]:
    errors = []
    kinds = [subject.kind for subject in mapping.subject]
    if mapping.subject[0].created_by is not None:
        errors.append("subject.0.created_by: every record becomes the first subject, so it cannot have `created_by`")
    if mapping.subject[0].link is not None:
        errors.append("subject.0.link: the other subjects link to the first, so it cannot have `link`")
    if len(set(kinds)) < len(kinds):
        errors.append("subject: a record can become only one subject of a kind; use each `kind` once")
    for n, subject in enumerate(mapping.subject):
        for name, rule in subject.fields.items():
            found = _rule_errors(mapping, subject, name, rule)
            errors += [f"subject.{n}.fields.{name}.{key}: {message}" for key, message in found]
    return errors


def _rule_errors(mapping: Mapping, subject: SubjectTable, name: str, rule: FieldRule) -> list[tuple[str, str]]:
    errors = []
    if name.endswith("*") != ("*" in rule.field):
        errors.append(("field", "must contain `*` if the tracker's field ends in `*`, and only then"))
    try:
        _FIELD.validate_python(rule.field.replace("*", "0"))
    except ValidationError:
        errors.append(("field", f"{rule.field!r} is not a field name; use `name` or `name.part` in a-z 0-9 _"))
    if bool(rule.values or rule.patterns) != (rule.as_ == "mapped"):
        errors.append(("values", 'a table of values is required with `as = "mapped"`, and not allowed otherwise'))
    errors += [
        ("patterns", f"{pattern!r} is not a regular expression") for pattern in rule.patterns if not _is_regex(pattern)
    ]
    if rule.as_ == "release" and mapping.releases.pattern is None:
        errors.append(("as", "to read releases, set `releases.pattern` to a pattern that matches their names"))
    if rule.field == "status":
        invalid = sorted({*rule.values.values(), *rule.patterns.values()} - STATUSES[subject.kind])
        if rule.as_ != "mapped" or invalid:
            allowed = ", ".join(sorted(STATUSES[subject.kind]))
            but = f", not {', '.join(invalid)}" if invalid else ""
            errors.append(("values", f"the status of a {subject.kind} is one of {allowed}{but}"))
    return errors


def _is_regex(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _people_errors(mapping: Mapping) -> list[str]:
    errors = []
    if mapping.people.display_as.count("{}") != 1:
        errors.append("people.display_as: must contain `{}` once, for the part of the handle that counts")
    seen: dict[str, int] = {}
    for n, person in enumerate(mapping.person):
        for spelling in {name.casefold() for name in (person.name, *person.aliases, *person.local_aliases)}:
            if spelling in seen:
                errors.append(
                    f"person.{n}: {spelling!r} is already in person.{seen[spelling]}; a spelling can mean one person only"
                )
            seen[spelling] = n
    return errors
