"""The strict parser accepts exactly what the writer writes."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog import EVENTS
from domain.messages import string_fields
from eventlog.canonical import SAFE_INTEGER, NotCanonicalError, canonical
from eventlog.canonical_reader import MAX_DEPTH, parse_canonical
from eventlog.sqlite_store import SqliteStore
from tests.eventlog.test_canonical import keys, scalars
from tests.faults.logs import write_log

values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner), max_leaves=9)


def depth(value: Any) -> int:
    """How many lists and objects are within one another."""
    members = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if members is None else 1 + max(map(depth, members), default=0)


def is_written(stored: bytes, value: Any) -> bool:
    """Whether the writer would write these bytes for a value."""
    try:
        return canonical(value) == stored
    except NotCanonicalError:
        return False


@given(values.filter(lambda value: depth(value) <= MAX_DEPTH))
def test_canonical_bytes_are_parsed(value: Any) -> None:
    """The parser returns every value that the writer wrote."""
    assert parse_canonical(canonical(value)) == value


def test_every_character_is_parsed() -> None:
    """The parser accepts every character as the writer writes it, also in strings with an escaped backslash."""
    every = "".join(map(chr, [*range(1, 0xD800), *range(0xE000, 0x110000)]))

    for text in (every, "\\u0000", "a\\u0000b", "Ü\\u0000"):
        assert parse_canonical(canonical({"a": text})) == {"a": text}


@pytest.mark.parametrize(
    "stored",
    [
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":null}',
        b"null",
        b'{"a":[[null]]}',
        b"%d" % (SAFE_INTEGER + 1),
        b'{"a":-0}',
        b'{"a":01}',
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1} ',
        b' {"a":1}',
        b'{"a":"\\u0061"}',
        b'{"a":"\\/"}',
        b'{"a":"\\u0000"}',
        b'{"\\u0000":1}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\u00dc"}',
        '{"ü":1}'.encode(),
        b"NaN",
        b"Infinity",
        b"1e400",
        b"",
        b"{",
        b'{"a":1}{"a":1}',
        b'\xef\xbb\xbf{"a":1}',
        b"[" * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    ],
)
def test_other_bytes_are_refused(stored: bytes) -> None:
    """Another form of the same value, a value that is not allowed, and invalid JSON are refused."""
    with pytest.raises(NotCanonicalError):
        parse_canonical(stored)


@pytest.mark.parametrize("stored", [None, 1, 1.5])
def test_a_value_that_is_not_bytes_is_refused(stored: Any) -> None:
    """SQLite may return a value of any type from a damaged row."""
    with pytest.raises((TypeError, NotCanonicalError)):
        parse_canonical(stored)


def test_no_event_is_nested_deeper_than_the_parser_allows() -> None:
    """Metadata adds two levels around the data of an event, and the deepest event still fits."""
    deepest = max(len(leaf.path) for model in EVENTS.values() for leaf in string_fields(model))

    assert deepest + 2 < MAX_DEPTH


def test_randomly_changed_bytes_are_refused_unless_canonical(tmp_path: Path) -> None:
    """Of stored bytes with one byte changed, the parser accepts only those that the writer would write."""
    path = tmp_path / "log.sqlite"
    write_log(path, 200, 1)
    store = SqliteStore(path, clock=lambda: 0, read_only=True)
    stored = [part for row in store.rows(0, 1_000) for part in (row.event, row.texts) if part]
    store.close()
    chance, read = Random(1), 0
    for _ in range(5_000):
        one = bytearray(chance.choice(stored))
        one[chance.randrange(len(one))] = chance.choice((*b'"\\{}[],:0 un\xff', chance.randrange(256)))
        try:
            value = parse_canonical(bytes(one))
        except NotCanonicalError:
            continue
        read += 1
        assert is_written(bytes(one), value)

    assert read
