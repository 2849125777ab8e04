"""The types every message is made of.

Each string of a command or event is declared, by its type, to be one of these, and a test refuses a field that
is not (docs/decisions/0005-texts-lie-beside-the-entry.md):

* *code*: words of a fixed list, versions, short references. Kept in the entry, for ever.
* *subject*: the id of something the log speaks of. Code as well, and an ordinary command may name only what is there.
* *text*: what people write. The entry keeps only a commitment; the words lie beside it and can be forgotten.
* *person*: somebody, by id or by any spelling the directory knows. Always an id by the time it is stored.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
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


class StringKind(StrEnum):
    """What a string field holds; see the module."""

    CODE = "code"
    SUBJECT = "subject"
    TEXT = "text"
    PERSON = "person"


SUBJECT_KINDS: Final = (
    "product", "decision", "feature", "goal", "release", "person", "team", "service", "evidence", "assumption", "log",
)  # fmt: skip
KEY_PATTERN: Final = r"[a-z0-9][a-z0-9._~-]{0,99}"
SLUG_PATTERN: Final = r"[a-z0-9][a-z0-9_.-]{0,63}"
SUBJECT_PATTERN: Final = rf"(?:{'|'.join(SUBJECT_KINDS)}):{KEY_PATTERN}"
_BLANKS: Final = r" \xa0\u1680\u2000-\u200a\u202f\u205f\u3000"
_LINE: Final = rf"[{_BLANKS}]*[^\x00-\x20\x7f-\x9f\u2028\u2029{_BLANKS}][^\x00-\x1f\x7f-\x9f\u2028\u2029]*"
_END: Final = r"(?!\n)$"  # in some languages `$` alone also matches in front of a last line break
LINE_PATTERN: Final = rf"^{_LINE}{_END}"
"""What `Line` accepts, for JSON Schema (ECMA 262): one line, not blank, without control characters. It never backtracks."""
TEXT_PATTERN: Final = (
    rf"^[\t\n\r\u2028\u2029{_BLANKS}]*[^\x00-\x20\x7f-\x9f\u2028\u2029{_BLANKS}]"
    rf"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*{_END}"
)
"""What `Text` accepts: not blank, without control characters other than tab and line breaks."""
RAW_TEXT_PATTERN: Final = rf"^[^\x00]*{_END}"
ERASED: Final = "[erased]"
COMBINATION: Final = "combination"
"""The type of pydantic's error where each field is as documented, but some of them do not go together."""
MAX_INTEGER: Final = 2**53 - 1
"""The greatest integer that every reader of JSON reads exactly (RFC 8785)."""

_SUBJECT = re.compile(SUBJECT_PATTERN)
_KEY = re.compile(KEY_PATTERN)
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_UNFIT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_UNFIT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_C1 = re.compile(r"[\x80-\x9f]")
STORED: Final = {"stored": True}
"""The validation context of what a log holds already: C1 controls, which were taken once, are let pass."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_IN_UTC: Final = _EPOCH.replace(tzinfo=None)
_MICROSECOND: Final = timedelta(microseconds=1)


def is_subject(text: str) -> bool:
    """Whether `text` has the shape `kind:key` of a subject."""
    return _SUBJECT.fullmatch(text) is not None


def kind_of(subject: str) -> str:
    """The kind of a subject: `feature` of `feature:gift-cards`."""
    return subject.partition(":")[0]


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970-01-01T00:00Z, negative before it; exact over all years."""
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """The inverse of `micros`."""
    return _EPOCH + timedelta(microseconds=value)


def format_timestamp(instant: datetime) -> str:
    """RFC 3339 in UTC with six digits and `Z`, the one spelling in entries and answers."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def format_micros(value: int) -> str:
    """`format_instant` of microseconds since 1970."""
    return (_EPOCH_IN_UTC + timedelta(microseconds=value)).isoformat(timespec="microseconds") + "Z"


def parse_timestamp(value: object) -> datetime:
    """Reads an RFC 3339 instant with an offset, or a bare date, which means midnight UTC.

    Raises:
        ValueError: it is neither, has no offset, or lies outside the years 1 to 9999.
    """
    if isinstance(value, datetime):
        instant = value
    elif isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        instant = datetime.combine(date.fromisoformat(value), time(0), tzinfo=UTC)
    elif isinstance(value, str) and re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]", value):
        instant = _from_iso(value)
    else:
        msg = "an instant is written like 2025-03-01T09:30:00Z, or 2025-03-01 for midnight UTC"
        raise ValueError(msg)
    if instant.tzinfo is None:
        msg = "an instant needs its offset from UTC, like 2025-03-01T09:30:00Z or 2025-03-01T10:30:00+01:00"
        raise ValueError(msg)
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        msg = "an instant must lie between the years 1 and 9999 in UTC"
        raise ValueError(msg) from None


def _from_iso(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value.upper())
    except ValueError:
        hint = "; in an address `+` is written `%2B`" if re.search(r" [0-9]{2}:?[0-9]{2}$", value) else ""
        msg = f"{value!r} is no instant; one is written like 2025-03-01T09:30:00Z or 2025-03-01T10:30:00+01:00{hint}"
        raise ValueError(msg) from None


def _storable(value: str) -> str:
    """Refuses what canonical JSON cannot carry: U+0000 and lone surrogates."""
    if _UNSTORABLE.search(value):
        raise ValueError(_what_is_wrong(value))
    return value


def _prose(value: str, info: ValidationInfo) -> str:
    if not value or value.isspace() or (_UNFIT.search(value) and not _was_taken(_UNFIT, value, info)):
        raise ValueError(_what_is_wrong(value))
    return value


def _one_line(value: str, info: ValidationInfo) -> str:
    if (
        not value
        or value.isspace()
        or (_UNFIT_IN_A_LINE.search(value) and not _was_taken(_UNFIT_IN_A_LINE, value, info))
    ):
        raise ValueError(_what_is_wrong(value))
    return value


def _was_taken(unfit: re.Pattern[str], value: str, info: ValidationInfo) -> bool:
    """Whether a text is read back from a log and has nothing unfit in it but C1 controls."""
    return bool(info.context and info.context.get("stored")) and not unfit.search(_C1.sub("", value))


def refuse_controls(value: str) -> str:
    """Return a line that stands outside the log, such as the label of a token, which may be empty.

    Raises:
        ValueError: it has control characters or line breaks in it.
    """
    if value and _UNFIT_IN_A_LINE.search(value):
        raise ValueError(_what_is_wrong(value))
    return value


def _what_is_wrong(value: str) -> str:
    """The sentence for a text that was refused; finding it may take longer than the check that nearly all texts pass."""
    if not value or value.isspace():
        return "must not be blank"
    if "\x00" in value:
        return "must not contain the character U+0000"
    if re.search(r"[\ud800-\udfff]", value):
        return "must not contain a lone surrogate"
    if _UNFIT.search(value):
        return "must not contain control characters other than tab and line breaks"
    return "must be a single line"


def _subject_of(*kinds: str) -> Any:
    """A validator of ids of these kinds; of a single kind the bare key will do."""

    def check(value: object) -> object:
        if not isinstance(value, str):
            return value  # pydantic says what was expected
        full = f"{kinds[0]}:{value}" if len(kinds) == 1 and ":" not in value else value
        if not is_subject(full) or kind_of(full) not in kinds:
            wanted = " or ".join(f"{kind}:KEY" for kind in kinds)
            msg = f"must be {wanted}, where KEY is 1 to 100 of a-z 0-9 . _ ~ - and starts with a letter or digit"
            raise ValueError(msg)
        return full

    return BeforeValidator(check)


def _integral(value: object) -> object:
    """Return `13` for `13.0`, which is the same number in JSON and an integer in JSON Schema."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_INTEGER else value


def _check_word(value: str) -> str:
    if not re.fullmatch(SLUG_PATTERN, value):
        msg = "must be one word of 1 to 64 of a-z 0-9 . _ - that starts with a letter or digit, such as `lead-pm`"
        raise ValueError(msg)
    return value


def _check_day(value: str) -> str:
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass
    msg = "must be a day there is, written like 2025-03-01"
    raise ValueError(msg)


def _check_key(value: str) -> str:
    if not _KEY.fullmatch(value):
        msg = "a key is 1 to 100 of a-z 0-9 . _ ~ - and starts with a letter or digit"
        raise ValueError(msg)
    return value


def _pattern_of(*kinds: str) -> str:
    """The JSON Schema pattern of ids of these kinds; of a single kind the bare key will do."""
    prefix = f"{'|'.join(kinds)}"
    return rf"^(?:{prefix}:)?{KEY_PATTERN}$" if len(kinds) == 1 else rf"^(?:{prefix}):{KEY_PATTERN}$"


def _pattern_of_named(*kinds: str) -> str:
    """The JSON Schema pattern of what `_named` accepts."""
    others = rf"(?!(?:{'|'.join(SUBJECT_KINDS)}):)"
    return rf"^(?:(?:{'|'.join(kinds)}):{KEY_PATTERN}|{others}{_LINE})$"


def documented(**schema: Any) -> Any:
    """JSON Schema keywords that describe, for clients, what a validator of the same type enforces."""
    return Field(json_schema_extra=schema)


def _named(*kinds: str) -> AfterValidator:
    """A validator of ids of these kinds or, where it has not the shape of an id, of a name for the directory."""

    def check(value: str, info: ValidationInfo) -> str:
        kind, colon, _ = value.partition(":")
        if colon and kind in SUBJECT_KINDS and not (kind in kinds and is_subject(value)):
            msg = f"must be {' or '.join(f'{kind}:KEY' for kind in kinds)}, or a name the directory knows"
            raise ValueError(msg)
        return _one_line(value, info)

    return AfterValidator(check)


_id_schema = {"type": "string", "pattern": f"^{SUBJECT_PATTERN}$", "description": "A subject, as `kind:key`."}
YEAR_PATTERN: Final = "^(?!0000)[0-9]{4}-"

Timestamp = Annotated[
    datetime,
    BeforeValidator(parse_timestamp),
    PlainSerializer(format_timestamp, return_type=str),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "pattern": YEAR_PATTERN, "examples": ["2025-03-01T09:30:00Z"]}
    ),
]
Integral: Final = BeforeValidator(_integral)
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
    AfterValidator(_prose),
    Field(max_length=20_000),
    documented(minLength=1, pattern=TEXT_PATTERN),
]
Line = Annotated[
    str,
    StringKind.TEXT,
    AfterValidator(_one_line),
    Field(max_length=500),
    documented(minLength=1, pattern=LINE_PATTERN),
]
RawText = Annotated[
    str, StringKind.TEXT, AfterValidator(_storable), Field(max_length=200_000), documented(pattern=RAW_TEXT_PATTERN)
]
Code = Annotated[
    str,
    StringKind.CODE,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_one_line),
    documented(pattern=LINE_PATTERN),
]
Slug = Annotated[
    str,
    StringKind.CODE,
    AfterValidator(_check_word),
    WithJsonSchema({"type": "string", "pattern": f"^{SLUG_PATTERN}$"}),
]
Key = Annotated[str, StringKind.CODE, AfterValidator(_check_key), documented(pattern=f"^{KEY_PATTERN}$")]
SubjectId = Annotated[str, StringKind.SUBJECT, _subject_of(*SUBJECT_KINDS), WithJsonSchema(_id_schema)]
ProductId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_of("product"),
    Field(description="A product: `product:KEY`, or its key alone."),
    documented(pattern=_pattern_of("product")),
]
DecisionId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_of("decision"),
    Field(description="A decision: `decision:KEY`, or its key alone."),
    documented(pattern=_pattern_of("decision")),
]
FeatureId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_of("feature"),
    Field(description="A feature: `feature:KEY`, or its key alone."),
    documented(pattern=_pattern_of("feature")),
]
GoalId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_of("goal"),
    Field(description="A goal: `goal:KEY`, or its key alone."),
    documented(pattern=_pattern_of("goal")),
]
ReleaseId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_of("release"),
    Field(description="A release: `release:KEY`, or its key alone."),
    documented(pattern=_pattern_of("release")),
]
PersonId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_of("person"),
    Field(description="A person: `person:KEY`, or its key alone."),
    documented(pattern=_pattern_of("person")),
]
TeamId = Annotated[
    str,
    StringKind.SUBJECT,
    _subject_of("team"),
    Field(description="A team: `team:KEY`, or its key alone."),
    documented(pattern=_pattern_of("team")),
]
Person = Annotated[
    str,
    StringKind.PERSON,
    StringConstraints(min_length=1, max_length=300),
    _named("person"),
    Field(description="A person, by id (`person:KEY`) or by any name, e-mail or handle the directory knows."),
    documented(pattern=_pattern_of_named("person")),
]
Holder = Annotated[
    str,
    StringKind.PERSON,
    StringConstraints(min_length=1, max_length=300),
    _named("person", "team"),
    Field(description="A person or a team: `person:KEY`, `team:KEY`, or any name the directory knows."),
    documented(pattern=_pattern_of_named("person", "team")),
]
