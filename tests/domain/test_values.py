"""What strangers send, and what of it is taken."""

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


def taken(kind: Any, value: object) -> object:
    return TypeAdapter(kind).validate_python(value)


def refused(kind: Any, value: object) -> None:
    with pytest.raises(ValidationError):
        taken(kind, value)


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
    """Text in every script is taken, just as it was sent."""
    assert taken(kind, text) == text


@pytest.mark.parametrize("char", [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0))])
def test_control_characters(char):
    """Prose takes no control characters but tab and line breaks, a line not even these."""
    if char in "\t\n\r":
        assert taken(Text, f"a{char}b") == f"a{char}b"
    else:
        refused(Text, f"a{char}b")
    refused(Line, f"a{char}b")
    refused(Code, f"a{char}b")


@pytest.mark.parametrize("char", ["\x85", "\u2028", "\u2029"])
def test_line_breaks_of_other_worlds(char):
    """A line is a single line by everybody's reckoning."""
    refused(Line, f"a{char}b")


@pytest.mark.parametrize("kind", [Text, Line, RawText, Code, Person, Holder, Key, Slug, SubjectId, Day, Timestamp])
@pytest.mark.parametrize("value", ["a\x00b", "a\ud800b", "\x00", "\udfff", 7, 1.5, True, None, [], {}])
def test_what_canonical_json_cannot_carry(kind, value):
    """No string takes U+0000, a lone surrogate, or what is no string."""
    refused(kind, value)


@pytest.mark.parametrize("kind", [Text, Line, Code, Person, Key, Slug, SubjectId])
@pytest.mark.parametrize("value", ["", " ", "\u3000\u00a0", "\t"])
def test_blank(kind, value):
    """What must say something is not blank."""
    refused(kind, value)


@pytest.mark.parametrize("kind", [Text, Line, Code, Person])
def test_a_log_that_holds_c1_controls_is_read(kind):
    """What was taken before C1 controls were refused is read back; other controls never were."""
    read = TypeAdapter(kind).validate_python
    assert read("a\x9bb", context=STORED) == "a\x9bb"
    for text in ("a\x9bb", "a\x1b\x9bb"):
        with pytest.raises(ValidationError):
            read(text, context=STORED if "\x1b" in text else None)


def test_an_archive_may_be_blank():
    """What an archive held is taken as it was: blank, or with control characters."""
    assert taken(RawText, "") == ""
    assert taken(RawText, " \x07\n") == " \x07\n"


@pytest.mark.parametrize(
    ("kind", "longest"),
    [(Text, 20_000), (Line, 500), (RawText, 200_000), (Code, 200), (Person, 300), (Key, 100), (Slug, 64)],
)
def test_lengths(kind, longest):
    """Every string has a greatest length."""
    assert taken(kind, "a" * longest) == "a" * longest
    refused(kind, "a" * (longest + 1))


@pytest.mark.parametrize(
    "value",
    ["decision:", "decision:-x", "decision:X", "decision:a b", "decision:a\n", "\ndecision:a", "thing:a", "a", "decision:a:b",
     "decision:ä", "decision:" + "a" * 101, "decision:１"],
)  # fmt: skip
def test_ids_of_no_shape(value):
    """An id has one shape and no other; a line break at its end does not slip through."""
    refused(SubjectId, value)


def test_ids():
    """A subject goes by its kind and key; where only one kind will do, the key is enough."""
    assert taken(SubjectId, "feature:gift-cards~2") == "feature:gift-cards~2"
    assert taken(ProductId, "shop") == taken(ProductId, "product:shop") == "product:shop"
    refused(ProductId, "feature:shop")
    refused(Key, "a\n")


@pytest.mark.parametrize("value", ["team:core", "service:ci", "product:shop", "person:", "person:Ann Lee"])
def test_a_person_is_a_person(value):
    """Where a person is asked for, the id of anything else is refused; any other spelling is for the directory."""
    refused(Person, value)
    assert taken(Person, "person:ann") == "person:ann"
    assert taken(Person, "Re: Ann") == "Re: Ann"


def test_a_holder_is_a_person_or_a_team():
    """Where somebody is to answer for something, a person or a team is taken."""
    assert taken(Holder, "team:core") == "team:core"
    refused(Holder, "service:ci")
    refused(Holder, "product:shop")


@pytest.mark.parametrize(
    "value", ["2025-02-29", "2025-13-01", "0000-01-01", "2025-1-1", "२०२५-०१-०१", "2025-01-01\n", ""]
)
def test_no_days(value):
    """A day is one of the calendar's, written in one way."""
    refused(Day, value)


def test_numbers():
    """A number is a whole one, also where JSON writes it as 3.0, and no text that looks like one."""
    assert taken(Integer, 3) == 3
    assert repr(taken(Integer, 3.0)) == "3"
    for value in ("3", 3.5, True, 2**53, 2.0**53, float("inf"), float("nan")):
        refused(Integer, value)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2025-03-01", "2025-03-01T00:00:00.000000Z"),
        ("2025-03-01T10:30:00+01:00", "2025-03-01T09:30:00.000000Z"),
        ("2025-03-01t09:30:00.5z", "2025-03-01T09:30:00.500000Z"),
        ("2025-03-01 09:30:00-00:00", "2025-03-01T09:30:00.000000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
        ("0001-01-01T00:00:00-01:00", "0001-01-01T01:00:00.000000Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_instants(text, stored):
    """An instant is taken with any offset and has one spelling."""
    assert format_timestamp(taken(Timestamp, text)) == stored
    assert format_micros(to_micros(taken(Timestamp, text))) == stored


@pytest.mark.parametrize(
    "value",
    ["0000-01-01T00:00:00Z", "0000-01-01", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "10000-01-01",
     "2025-03-01T09:30:00", "2025-03-01T09:30:60Z", "2025-02-30T00:00:00Z", "2025-03-01T25:00:00Z", "yesterday", "1740821400",
     1740821400, "2025-03-01T09:30:00+99:00", "2025-03-01T\ud800", "٢٠٢٥-٠٣-٠١", "2025-03-01T09:30:00Z\n"],
)  # fmt: skip
def test_no_instants(value):
    """What is no instant of the years 1 to 9999 with its offset is refused."""
    refused(Timestamp, value)


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_are_exact(value):
    """An instant and its microseconds since 1970 are one and the same, over all years."""
    assert from_micros(to_micros(value)) == value
    assert taken(Timestamp, format_timestamp(value)) == value
    assert len(format_timestamp(value)) == 27


@given(st.integers(-62 * 10**15, 253 * 10**15), st.integers(-1439, 1439))
def test_offsets_do_not_matter(value, minutes):
    """The same instant written with any offset is stored alike."""
    abroad = from_micros(value).astimezone(timezone(timedelta(minutes=minutes)))

    assert format_timestamp(taken(Timestamp, abroad.isoformat())) == format_micros(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({"type": st.sampled_from(["RecordDecision", "ImportChanges", "AssignOwnership", "?"]), "subject": JSON,
                              "changes": JSON, "title": JSON, "holders": JSON, "effective_at": JSON, "corrects": JSON}))  # fmt: skip
def test_whatever_a_stranger_sends(command):
    """Anything that is no command is refused as such, and nothing else goes wrong."""
    refused_or_taken = False
    try:
        COMMAND.validate_python(command)
    except ValidationError:
        refused_or_taken = True

    assert refused_or_taken, "it lacks what is required, or has what is not known"
