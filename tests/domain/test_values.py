"""The field types of commands and events: what they accept and reject."""

from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.catalog import COMMAND
from domain.values import (
    STORED,
    Code,
    Day,
    Holder,
    Integer,
    Key,
    Line,
    Person,
    ProductId,
    RawText,
    Slug,
    SubjectId,
    Text,
    Timestamp,
    format_micros,
    format_timestamp,
    from_micros,
    to_micros,
)


def parse(kind: Any, value: object) -> object:
    return TypeAdapter(kind).validate_python(value)


def assert_rejected(kind: Any, value: object) -> None:
    with pytest.raises(ValidationError):
        parse(kind, value)


SCRIPTS = [
    "Zürich",
    "東京の決定",
    "قرار",
    "החלטה",
    "निर्णय",
    "การตัดสินใจ",
    "👩🏽‍🚀 go",
    "e\u0301",
    "\u202eabc",
    "\ufdfa",
    "\U0010ffff",
]


@pytest.mark.parametrize("text", SCRIPTS)
@pytest.mark.parametrize("kind", [Text, Line, RawText, Code, Person])
def test_every_script(kind, text):
    """Text in any script is accepted unchanged."""
    assert parse(kind, text) == text


@pytest.mark.parametrize("char", [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))])
def test_control_characters(char):
    """Text can contain no control characters except tab and line breaks; a line cannot contain even those."""
    if char in "\t\n\r":
        assert parse(Text, f"a{char}b") == f"a{char}b"
    else:
        assert_rejected(Text, f"a{char}b")
    assert_rejected(Line, f"a{char}b")
    assert_rejected(Code, f"a{char}b")


@pytest.mark.parametrize("char", ["\x85", "\u2028", "\u2029"])
def test_unusual_line_breaks(char):
    """A line cannot contain any character that some software treats as a line break."""
    assert_rejected(Line, f"a{char}b")


@pytest.mark.parametrize("kind", [Text, Line, RawText, Code, Person, Holder, Key, Slug, SubjectId, Day, Timestamp])
@pytest.mark.parametrize("value", ["a\x00b", "a\ud800b", "\x00", "\udfff", 7, 1.5, True, None, [], {}])
def test_invalid_strings(kind, value):
    """No string field accepts U+0000, a lone surrogate, or a value that is not a string."""
    assert_rejected(kind, value)


@pytest.mark.parametrize("kind", [Text, Line, Code, Person, Key, Slug, SubjectId])
@pytest.mark.parametrize("value", ["", " ", "\u3000\u00a0", "\t"])
def test_blank(kind, value):
    """Blank values are rejected."""
    assert_rejected(kind, value)


@pytest.mark.parametrize("kind", [Text, Line, Code, Person])
def test_stored_c1_controls(kind):
    """C1 controls are accepted when reading a log, and rejected in new text."""
    read = TypeAdapter(kind).validate_python
    assert read("a\x9bb", context=STORED) == "a\x9bb"
    for text in ("a\x9bb", "a\x1b\x9bb"):
        with pytest.raises(ValidationError):
            read(text, context=STORED if "\x1b" in text else None)


def test_raw_text():
    """Raw text from an import can be blank and contain control characters."""
    assert parse(RawText, "") == ""
    assert parse(RawText, " \x07\n") == " \x07\n"


@pytest.mark.parametrize(
    ("kind", "max_length"),
    [(Text, 20_000), (Line, 500), (RawText, 200_000), (Code, 200), (Person, 300), (Key, 100), (Slug, 64)],
)
def test_lengths(kind, max_length):
    """Every string type has a maximum length."""
    assert parse(kind, "a" * max_length) == "a" * max_length
    assert_rejected(kind, "a" * (max_length + 1))


@pytest.mark.parametrize(
    "value",
    [
        "decision:",
        "decision:-x",
        "decision:X",
        "decision:a b",
        "decision:a\n",
        "\ndecision:a",
        "thing:a",
        "a",
        "decision:a:b",
        "decision:ä",
        "decision:" + "a" * 101,
        "decision:１",
    ],
)
def test_invalid_ids(value):
    """An id that is not exactly `kind:key` is rejected, also with a trailing line break."""
    assert_rejected(SubjectId, value)


def test_ids():
    """An id is `kind:key`; where only one kind is possible, the key is enough."""
    assert parse(SubjectId, "feature:gift-cards~2") == "feature:gift-cards~2"
    assert parse(ProductId, "shop") == parse(ProductId, "product:shop") == "product:shop"
    assert_rejected(ProductId, "feature:shop")
    assert_rejected(Key, "a\n")


@pytest.mark.parametrize("value", ["team:core", "service:ci", "product:shop", "person:", "person:Ann Lee"])
def test_person(value):
    """A person field rejects ids of other kinds; anything else is a name to look up in the directory."""
    assert_rejected(Person, value)
    assert parse(Person, "person:ann") == "person:ann"
    assert parse(Person, "Re: Ann") == "Re: Ann"


def test_holder():
    """A holder is a person or a team."""
    assert parse(Holder, "team:core") == "team:core"
    assert_rejected(Holder, "service:ci")
    assert_rejected(Holder, "product:shop")


@pytest.mark.parametrize(
    "value", ["2025-02-29", "2025-13-01", "0000-01-01", "2025-1-1", "२०२५-०१-०१", "2025-01-01\n", ""]
)
def test_invalid_days(value):
    """A day is a valid date in the format YYYY-MM-DD."""
    assert_rejected(Day, value)


def test_integers():
    """An integer can be written as 3.0, but not as a string, a fraction or a boolean."""
    assert parse(Integer, 3) == 3
    assert repr(parse(Integer, 3.0)) == "3"
    for value in ("3", 3.5, True, 2**53, 2.0**53, float("inf"), float("nan")):
        assert_rejected(Integer, value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-01", "2025-03-01T00:00:00.000000Z"),
        ("2025-03-01T10:30:00+01:00", "2025-03-01T09:30:00.000000Z"),
        ("2025-03-01t09:30:00.5z", "2025-03-01T09:30:00.500000Z"),
        ("2025-03-01T09:30:00-00:00", "2025-03-01T09:30:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("0001-01-01T00:00:00-01:00", "0001-01-01T01:00:00.000000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_timestamps(text, expected):
    """A timestamp is accepted with any offset, and formatted in only one way."""
    assert format_timestamp(parse(Timestamp, text)) == expected
    assert format_micros(to_micros(parse(Timestamp, text))) == expected


@pytest.mark.parametrize(
    "value",
    [
        "0000-01-01T00:00:00Z",
        "0000-01-01",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01",
        "2025-03-01T09:30:00",
        "2025-03-01T09:30:60Z",
        "2025-02-30T00:00:00Z",
        "2025-03-01T25:00:00Z",
        "yesterday",
        "1740821400",
        1740821400,
        "2025-03-01T09:30:00+99:00",
        "2025-03-01T\ud800",
        "٢٠٢٥-٠٣-٠١",
        "2025-03-01T09:30:00Z\n",
        "2025-03-01T0930Z",
        "2025-03-01 09:30:00Z",
        "2025-03-01T09:30:00\x00Z",
        "2025-03-01T09:30:00+0100",
        "2025-03-01T09:30:00+00:60",
        "0001-01-01T12:00:00+01:00",
    ],
)
def test_invalid_timestamps(value):
    """A timestamp without an offset, or outside the years 1 to 9999, is rejected."""
    assert_rejected(Timestamp, value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_are_exact(value):
    """Converting a time to microseconds since 1970 and back is exact for all years."""
    assert from_micros(to_micros(value)) == value
    assert parse(Timestamp, format_timestamp(value)) == value
    assert len(format_timestamp(value)) == 27


@given(st.integers(-62 * 10**15, 253 * 10**15), st.integers(-1439, 1439))
def test_offsets_do_not_matter(value, minutes):
    """The same time with any offset is stored identically."""
    with_offset = from_micros(value).astimezone(timezone(timedelta(minutes=minutes)))

    assert format_timestamp(parse(Timestamp, with_offset.isoformat())) == format_micros(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["RecordDecision", "ImportChanges", "AssignOwnership", "?"]),
            "subject": JSON,
            "changes": JSON,
            "title": JSON,
            "holders": JSON,
            "effective_at": JSON,
            "corrects": JSON,
        }
    )
)
def test_arbitrary_json_is_rejected(command):
    """Arbitrary JSON raises a ValidationError, and no other exception."""
    with pytest.raises(ValidationError):
        COMMAND.validate_python(command)
