"""The field types of commands and events.

The type of each string field declares its kind, and a test rejects a field without one
(docs/decisions/0005-texts-lie-beside-the-entry.md):

* *code*: values of a fixed list, versions, short identifiers. Stored in the entry permanently.
* *subject*: the id of a subject. Stored like a code; only imports may reference a subject that is not in the log.
* *text*: what people write. The entry contains only a commitment; the text is stored separately and can be erased.
* *person*: a person, by id or by any name in the directory. Resolved to an id before it is stored.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    Strict,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)

from domain.ids import KEY_PATTERN, SUBJECT_KINDS, SUBJECT_PATTERN, is_subject, kind_of
from domain.times import (
    MAX_INTEGER,
    format_micros,
    format_timestamp,
    from_micros,
    parse_micros,
    parse_timestamp,
    to_micros,
)

__all__ = [  # noqa: RUF022  (ids, then times: what the field types are made of)
    "KEY_PATTERN",
    "SUBJECT_KINDS",
    "SUBJECT_PATTERN",
    "is_subject",
    "kind_of",
    "MAX_INTEGER",
    "format_micros",
    "format_timestamp",
    "from_micros",
    "parse_micros",
    "parse_timestamp",
    "to_micros",
]


class StringKind(StrEnum):
    """The kind of a string field; see the module docstring."""

    CODE = "code"
    SUBJECT = "subject"
    TEXT = "text"
    PERSON = "person"


SLUG_PATTERN: Final = r"[a-z0-9][a-z0-9_.-]{0,63}"
SHA256_PATTERN: Final = r"^[0-9a-f]{64}$"
NUMBER_PATTERN: Final = r"-?(?:0|[1-9][0-9]{0,14})(?:[.][0-9]{1,9})?"
_BLANKS: Final = r" \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_LINE: Final = rf"[{_BLANKS}]*[^\x00-\x20\x7f-\x9f\u2028\u2029{_BLANKS}][^\x00-\x1f\x7f-\x9f\u2028\u2029]*"
_END: Final = r"(?!\n)$"  # in some languages `$` alone also matches before a final line break
LINE_PATTERN: Final = rf"^{_LINE}{_END}"
"""What `Line` accepts, as JSON Schema (ECMA 262): one line, not blank, no control characters. It never backtracks."""
OPTIONAL_LINE_PATTERN: Final = rf"^(?:{_LINE})?{_END}"
"""A line that may be left empty."""
TEXT_PATTERN: Final = (
    rf"^[\t\n\r\u2028\u2029{_BLANKS}]*[^\x00-\x20\x7f-\x9f\u2028\u2029{_BLANKS}]"
    rf"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*{_END}"
)
"""What `Text` accepts: not blank, no control characters except tab and line breaks."""
RAW_TEXT_PATTERN: Final = rf"^[^\x00]*{_END}"
ERASED: Final = "[erased]"
WITHHELD: Final = "[withheld]"
"""What is shown in place of a text that the reader may not see."""
COMBINATION: Final = "combination"
"""The type of a pydantic error for fields that are valid on their own but not together."""

KEY_FORMAT: Final = "a key has 1 to 100 characters from a-z 0-9 . _ ~ - and starts with a letter or digit"
_KEY = re.compile(KEY_PATTERN)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_FORBIDDEN_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_FORBIDDEN_IN_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_C1 = re.compile(r"[\x80-\x9f]")
STORED: Final = {"stored": True}
"""The validation context for data read from a log: C1 controls, which were accepted in the past, are allowed."""


def _check_storable(value: str) -> str:
    """Reject what canonical JSON cannot represent: U+0000 and lone surrogates."""
    if _UNSTORABLE.search(value):
        raise ValueError(_describe_invalid_text(value))
    return value


def _check_text(value: str, info: ValidationInfo) -> str:
    if (
        not value
        or value.isspace()
        or (_FORBIDDEN_IN_TEXT.search(value) and _is_forbidden(_FORBIDDEN_IN_TEXT, value, info))
    ):
        raise ValueError(_describe_invalid_text(value))
    return value


def _check_line(value: str, info: ValidationInfo) -> str:
    if (
        not value
        or value.isspace()
        or (_FORBIDDEN_IN_LINE.search(value) and _is_forbidden(_FORBIDDEN_IN_LINE, value, info))
    ):
        raise ValueError(_describe_invalid_text(value))
    return value


def _is_forbidden(forbidden: re.Pattern[str], value: str, info: ValidationInfo) -> bool:
    """Return whether a text that contains forbidden characters is refused: read from a log, it may have C1 controls."""
    is_stored = bool(info.context and info.context.get("stored"))
    return not is_stored or forbidden.search(_C1.sub("", value)) is not None


def refuse_controls(value: str) -> str:
    """Return a line that is not stored in the log, such as the label of a token; it may be empty.

    Raises:
        ValueError: it contains control characters or line breaks.
    """
    if value and _FORBIDDEN_IN_LINE.search(value):
        raise ValueError(_describe_invalid_text(value))
    return value


def _describe_invalid_text(value: str) -> str:
    """Return the error message for an invalid text; only called after a faster check has failed."""
    if not value or value.isspace():
        return "must not be blank"
    if "\x00" in value:
        return "must not contain the character U+0000"
    if re.search(r"[\ud800-\udfff]", value):
        return "must not contain a lone surrogate"
    if _FORBIDDEN_IN_TEXT.search(value):
        return "must not contain control characters except tab and line breaks"
    return "must be a single line"


def _subject_validator(*kinds: str, default: str | None = None) -> Any:
    """Return a validator for ids of these kinds. A key alone is accepted as one of the `default` or only kind."""
    kind_of_key = default or (kinds[0] if len(kinds) == 1 else None)

    def check(value: object) -> object:
        if not isinstance(value, str):
            return value  # pydantic reports the wrong type
        full = f"{kind_of_key}:{value}" if kind_of_key and ":" not in value else value
        if not is_subject(full) or kind_of(full) not in kinds:
            raise ValueError(f"must be {' or '.join(f'{kind}:KEY' for kind in kinds)}; {KEY_FORMAT}")
        return full

    return BeforeValidator(check)


def _convert_integral(value: object) -> object:
    """Return `13` for `13.0`: in JSON they are the same number, and in JSON Schema both are integers."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_INTEGER else value


def _check_slug(value: str) -> str:
    if not re.fullmatch(SLUG_PATTERN, value):
        raise ValueError(
            "must have 1 to 64 characters from a-z 0-9 . _ - and start with a letter or digit, such as `lead-pm`"
        )
    return value


def _check_day(value: str) -> str:
    try:
        if _DAY.fullmatch(value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    raise ValueError("must be a valid date, such as 2025-03-01")


def _check_number(value: str) -> str:
    if not re.fullmatch(NUMBER_PATTERN, value):
        raise ValueError("must be a decimal number with at most 15 digits before and 9 after the point, such as `4.2`")
    return value


def _check_key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise ValueError(KEY_FORMAT)
    return value


def _subject_pattern(*kinds: str) -> str:
    """Return the JSON Schema pattern for ids of these kinds; with a single kind, the key alone is accepted too."""
    prefix = "|".join(kinds)
    return rf"^(?:{prefix}:)?{KEY_PATTERN}$" if len(kinds) == 1 else rf"^(?:{prefix}):{KEY_PATTERN}$"


def _name_pattern(*kinds: str) -> str:
    """Return the JSON Schema pattern of what `_name_validator` accepts."""
    others = rf"(?!(?:{'|'.join(SUBJECT_KINDS)}):)"
    return rf"^(?:(?:{'|'.join(kinds)}):{KEY_PATTERN}|{others}{_LINE})$"


def documented(**schema: Any) -> Any:
    """Return JSON Schema keywords that document what a validator of the same type enforces."""
    return Field(json_schema_extra=schema)


def _name_validator(*kinds: str) -> AfterValidator:
    """Return a validator for ids of these kinds, and for names to look up in the directory."""

    def check(value: str, info: ValidationInfo) -> str:
        kind, colon, _ = value.partition(":")
        if colon and kind in SUBJECT_KINDS and not (kind in kinds and is_subject(value)):
            raise ValueError(f"must be {' or '.join(f'{kind}:KEY' for kind in kinds)}, or a name in the directory")
        return _check_line(value, info)

    return AfterValidator(check)


_id_schema = {"type": "string", "pattern": f"^{SUBJECT_PATTERN}$", "description": "The id of a subject, `KIND:KEY`."}
YEAR_PATTERN: Final = "^(?!0000)[0-9]{4}-"
TIME_PATTERN: Final = (
    "^(?!0000|0001-01-01.*[+](?!00:00)|9999-12-31.*-(?!00:00)[0-9]{2}:[0-9]{2}$)[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"[Tt][0-9]{2}:[0-9]{2}:[0-5][0-9](?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-5][0-9])$"
)
"""RFC 3339 times that Python has: without leap seconds, and in the years 1 to 9999 also in UTC.

An offset can move the first and the last day out of that range, so they have none.
"""
_time_schema = {
    "anyOf": [
        {"type": "string", "format": "date-time", "pattern": TIME_PATTERN},
        {"type": "string", "format": "date", "pattern": YEAR_PATTERN},
    ],
    "examples": ["2025-03-01T09:30:00Z", "2025-03-01"],
}
_TIME: Final = re.compile(TIME_PATTERN)


def _parse_time(value: object) -> datetime:
    """Parse a time or a date as `parse_timestamp` does, but only as RFC 3339 writes them.

    ISO 8601 has more, such as `20250301T0930+01`, which few other parsers read.
    """
    parsed = parse_timestamp(value)
    if isinstance(value, str) and not _DAY.fullmatch(value) and not _TIME.fullmatch(value):
        raise ValueError(
            f"{value!r} is not an RFC 3339 time between the years 1 and 9999 in UTC; write it like 2025-03-01T09:30:00Z"
        )
    return parsed


Timestamp = Annotated[
    datetime,
    BeforeValidator(_parse_time),
    PlainSerializer(format_timestamp, return_type=str),
    WithJsonSchema(_time_schema),
]
Integral: Final = BeforeValidator(_convert_integral)
Integer = Annotated[int, Strict(), Field(ge=-MAX_INTEGER, le=MAX_INTEGER), Integral]
Position = Annotated[int, Strict(), Field(ge=1, le=MAX_INTEGER), Integral]
Version = Annotated[int, Strict(), Field(ge=0, le=MAX_INTEGER), Integral]
Day = Annotated[
    str,
    StringKind.CODE,
    AfterValidator(_check_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": YEAR_PATTERN, "examples": ["2025-03-01"]}),
]
Text = Annotated[
    str,
    StringKind.TEXT,
    AfterValidator(_check_text),
    Field(max_length=20_000),
    documented(minLength=1, pattern=TEXT_PATTERN),
]
Line = Annotated[
    str,
    StringKind.TEXT,
    AfterValidator(_check_line),
    Field(max_length=500),
    documented(minLength=1, pattern=LINE_PATTERN),
]
RawText = Annotated[
    str,
    StringKind.TEXT,
    AfterValidator(_check_storable),
    Field(max_length=200_000),
    documented(pattern=RAW_TEXT_PATTERN),
]
Code = Annotated[
    str,
    StringKind.CODE,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_check_line),
    documented(pattern=LINE_PATTERN),
]
Slug = Annotated[
    str,
    StringKind.CODE,
    AfterValidator(_check_slug),
    WithJsonSchema({"type": "string", "pattern": f"^{SLUG_PATTERN}$"}),
]
Sha256 = Annotated[str, StringKind.CODE, StringConstraints(pattern=SHA256_PATTERN)]
Number = Annotated[
    str,
    StringKind.CODE,
    AfterValidator(_check_number),
    WithJsonSchema({"type": "string", "pattern": f"^{NUMBER_PATTERN}$", "examples": ["4.2"]}),
]
"""A decimal number, exact and as written: entries contain no floating-point numbers."""
Key = Annotated[str, StringKind.CODE, AfterValidator(_check_key), documented(pattern=f"^{KEY_PATTERN}$")]
SubjectId = Annotated[str, StringKind.SUBJECT, _subject_validator(*SUBJECT_KINDS), WithJsonSchema(_id_schema)]
ProductId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("product"),
    Field(description="A product: `product:KEY`, or only the key."),
    documented(pattern=_subject_pattern("product")),
]
DecisionId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("decision"),
    Field(description="A decision: `decision:KEY`, or only the key."),
    documented(pattern=_subject_pattern("decision")),
]
FeatureId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("feature"),
    Field(description="A feature: `feature:KEY`, or only the key."),
    documented(pattern=_subject_pattern("feature")),
]
GoalId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("goal"),
    Field(description="A goal: `goal:KEY`, or only the key."),
    documented(pattern=_subject_pattern("goal")),
]
ReleaseId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("release"),
    Field(description="A release: `release:KEY`, or only the key."),
    documented(pattern=_subject_pattern("release")),
]
EvidenceId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("evidence"),
    Field(description="A piece of evidence: `evidence:KEY`, or only the key."),
    documented(pattern=_subject_pattern("evidence")),
]
AssumptionId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("assumption"),
    Field(description="An assumption: `assumption:KEY`, or only the key."),
    documented(pattern=_subject_pattern("assumption")),
]
GroundId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("decision", "evidence", "assumption", default="decision"),
    Field(description="A decision, by its key or as `decision:KEY`; or `evidence:KEY` or `assumption:KEY`."),
    documented(pattern=rf"^(?:(?:decision|evidence|assumption):)?{KEY_PATTERN}$"),
]
"""What an action can be based on."""
DependentId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("decision", "feature", "goal"),
    Field(description="`decision:KEY`, `feature:KEY` or `goal:KEY`."),
    documented(pattern=_subject_pattern("decision", "feature", "goal")),
]
"""What can rest on an assumption."""
SupportedId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("decision", "feature", "goal", "assumption"),
    Field(description="`decision:KEY`, `feature:KEY`, `goal:KEY` or `assumption:KEY`."),
    documented(pattern=_subject_pattern("decision", "feature", "goal", "assumption")),
]
"""What evidence can be for or against."""
AwaitedId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("evidence", "assumption", "decision", "release"),
    Field(description="`evidence:KEY`, `assumption:KEY`, `decision:KEY` or `release:KEY`."),
    documented(pattern=_subject_pattern("evidence", "assumption", "decision", "release")),
]
"""What a deferred decision can wait for."""
MeetingId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("meeting"),
    Field(description="A meeting: `meeting:KEY`, or only the key."),
    documented(pattern=_subject_pattern("meeting")),
]
TaskId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("task"),
    Field(description="A task: `task:KEY`, or only the key."),
    documented(pattern=_subject_pattern("task")),
]
PersonId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("person"),
    Field(description="A person: `person:KEY`, or only the key."),
    documented(pattern=_subject_pattern("person")),
]
DecisionOrFeatureId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("decision", "feature"),
    Field(description="A decision or a feature: `decision:KEY` or `feature:KEY`."),
    documented(pattern=_subject_pattern("decision", "feature")),
]
TeamId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_validator("team"),
    Field(description="A team: `team:KEY`, or only the key."),
    documented(pattern=_subject_pattern("team")),
]
Person = Annotated[
    str,
    StringKind.PERSON,
    StringConstraints(min_length=1, max_length=300),
    _name_validator("person"),
    Field(description="A person: `person:KEY`, or any name, email address or handle in the directory."),
    documented(pattern=_name_pattern("person")),
]
Holder = Annotated[
    str,
    StringKind.PERSON,
    StringConstraints(min_length=1, max_length=300),
    _name_validator("person", "team"),
    Field(description="A person or a team: `person:KEY`, `team:KEY`, or any name in the directory."),
    documented(pattern=_name_pattern("person", "team")),
]
Actor = Annotated[
    str,
    StringKind.PERSON,
    StringConstraints(min_length=1, max_length=300),
    _name_validator("person", "service"),
    Field(description="Who acts: `person:KEY`, `service:KEY`, or any name in the directory."),
    documented(pattern=_name_pattern("person", "service")),
]
