"""What is recognised without being parsed is what parsing would find."""

from __future__ import annotations

import hmac
import re
from binascii import unhexlify
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from domain.catalogue import EVENTS
from eventlog import forms
from eventlog.canonical import parsed
from eventlog.codec import broken_text, text_places
from eventlog.committer import Row
from eventlog.forms import Forms, are_committed
from eventlog.sqlite import SqliteStore
from tests.faults.logs import write_log

CHANGES = 4_000
SPELLINGS = ((b'"pros"', b'"Pros"'), (b'","', b'", "'), (b"\\n", b"\\u000a"), (b"a", b"\\u0061"), (b"/", b"\\/"),
             (b'"place":1', b'"place":1.0'), (b'"place":1', b'"place":01'), (b'"place":1', b'"place":null'),
             ("Ü".encode(), b"\\u00dc"), ("Ü".encode(), b"\xed\xa0\x80"))  # fmt: skip
"""The same or nearly the same in other bytes."""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """The rows of an honest log with something of everything in it, escapes and other alphabets too."""
    path: Path = tmp_path_factory.mktemp("forms") / "log.sqlite"
    write_log(path, 500, 1)
    store = SqliteStore(path, clock=lambda: 0, read_only=True)
    found = store.rows(0, 1_000)
    store.close()
    return found


def learnt(rows: list[Row]) -> Forms:
    known = Forms()
    for row in rows:
        known.learn(row, EVENTS[row.type], parsed(row.event))
    return known


def place_if_it_fits(row: Row) -> int | None:
    """The slow way: the place in its unit of an entry that nothing is wrong with."""
    try:
        own = parsed(row.event)
        if row.texts is not None and broken_text(EVENTS[row.type], own, parsed(row.texts)):
            return None
        place: int = own["unit"]["place"]
    except (ValueError, TypeError, LookupError, AttributeError):
        return None
    return place


def forged(row: Row, chance: Random) -> Row:
    """A text in other words, and the commitment to just these bytes in the place of that to the old ones."""
    said = list(re.finditer(rb'\["([0-9a-f]{32})","([^"\\]*)"\]', row.texts or b""))
    if not said:
        return row
    one = chance.choice(said)
    salt, words = unhexlify(one[1]), chance.choice((b"other", b"\xff", b"\xed\xa0\x80", b"\x01", b"\xc3\x9c", b"\x7f"))
    old, new = (hmac.digest(salt, text, "sha256").hex().encode() for text in (one[2], words))
    assert row.texts
    return row._replace(
        event=row.event.replace(old, new, 1), texts=row.texts[: one.start(2)] + words + row.texts[one.end(2) :]
    )


def changed(rows: list[Row], chance: Random) -> Iterator[Row]:
    """Rows with something changed: a byte, a part of another row, a spelling, a text with its commitment."""
    for _ in range(CHANGES):
        row, other = chance.sample(rows, 2)
        yield forged(row, chance)
        column = chance.choice(("event", "texts"))
        stored: bytes = getattr(row, column) or b"{}"
        at = chance.randrange(len(stored))
        another: bytes = getattr(other, column) or b""
        yield row._replace(**{
            column: chance.choice((
                stored[:at] + bytes([chance.randrange(256)]) + stored[at + 1 :],
                stored[:at] + another[at:],
                stored.replace(*chance.choice(SPELLINGS), 1),
            ))
        })  # fmt: skip


def differences(rows: list[Row]) -> int:
    """How many rows are recognised, and yet parsing refuses them or reads something else."""
    known, found = learnt(rows), 0
    for row in changed(rows, Random(1)):
        try:
            seen = known.recognised(row.type, row.event, row.texts)
            if seen and (row.texts is None or are_committed(seen, row.texts)):
                places, said = seen
                found += place_if_it_fits(row) != int(said[places])
        except ValueError:
            found += 1
    return found


def test_most_entries_are_recognised_and_read_as_parsing_reads_them(rows: list[Row]) -> None:
    """Of the everyday entries nine in ten have a form; their commitments and their place are those that parsing finds."""
    known, recognised = learnt(rows), 0
    everyday = rows[100:]
    for row in everyday:
        if seen := known.recognised(row.type, row.event, row.texts):
            places, said = seen
            own = parsed(row.event)
            committed = [said for _, said in sorted(text_places(EVENTS[row.type], own))]
            assert ([one.decode() for one in said[:places]], int(said[places])) == (committed, own["unit"]["place"])
            assert row.texts is None or are_committed(seen, row.texts)
            recognised += 1

    assert recognised > 0.9 * len(everyday)


def test_nothing_is_recognised_that_parsing_would_refuse(rows: list[Row]) -> None:
    """Whatever byte is changed: what is recognised still is canonical, and its texts are those it is committed to."""
    assert differences(rows) == 0


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("_STRING", rb'"(%b[^"]*)"'),
        ("_NUMBER", rb"(%b0*1(?:\.0)?)"),
        ("_SAID", rb'\["([0-9a-f]{32})","([^"]*)"\]'),
        ("are_committed", lambda *_: True),
        ("_is_utf8", lambda *_: True),
    ],
)
def test_a_form_that_takes_too_much_is_caught(
    rows: list[Row], monkeypatch: pytest.MonkeyPatch, part: str, instead: object
) -> None:
    """A form with a looser idea of a string or a number, or texts that are not compared, and the test above would say so."""
    monkeypatch.setattr(forms, part, instead)
    monkeypatch.setitem(globals(), "are_committed", forms.are_committed)
    monkeypatch.setattr(forms, "_expression", re.compile)

    assert differences(rows)
