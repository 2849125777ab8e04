"""Entries of the log as CloudEvents 1.0 on Kafka, in binary mode: the value is the entry, headers say what it is.

Nothing here speaks to a broker.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pydantic_core import from_json

from domain.catalog import EVENTS
from domain.values import format_micros, parse_timestamp, to_micros
from eventlog.appender import EntryRow
from eventlog.canonical_reader import parse_canonical
from eventlog.codec import broken_text, compose, texts_of
from eventlog.merkle import leaf_hash

PREFIX: Final = "decisionlog."
"""Stands before the stored name of an event in `ce_type`."""
JSON: Final = b"application/json"
LEAF: Final = "leaf"
TEXTS: Final = "texts"
Headers = list[tuple[str, bytes]]

_BEFORE: Final = b'{"event":'
_BEHIND: Final = b',"position":'


class Message(NamedTuple):
    """A message as it is sent, or as it was received."""

    key: bytes | None
    value: bytes | None
    headers: Headers


class Unreadable(Exception):
    """A message is no entry of a decision log, or not the one it says it is."""


def message_of(row: EntryRow, log_id: str) -> Message:
    """The message that tells of one entry. `log_id` is the subject that is its log, `log:KEY`."""
    value = compose(row)
    subject = row.subject.encode()
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_type", b"decisionlog.%b" % row.type.encode()),
        ("ce_source", log_id.encode()),
        ("ce_id", b"%d" % row.position),
        ("ce_subject", subject),
        ("ce_time", format_micros(row.recorded_at).encode()),
        ("content-type", JSON),
        (LEAF, leaf_hash(value).hex().encode()),
    ]
    if row.texts is not None:
        headers.append((TEXTS, row.texts))
    return Message(subject, value, headers)


def header(message: Message, name: str) -> str | None:
    """What a header says; None where there is none, or no text in it."""
    for key, value in message.headers:
        if key == name and value is not None:
            try:
                return value.decode()
            except UnicodeDecodeError:
                return None
    return None


def position_of(message: Message) -> int | None:
    """The position that a message says it is of; None where it is of none."""
    said = header(message, "ce_id")
    return int(said) if said is not None and said.isascii() and said.isdecimal() else None


def row_of(message: Message) -> EntryRow:
    """The row of the log that a message tells of: the inverse of `message_of`.

    Raises:
        Unreadable: it has no entry in it, its leaf or its texts do not belong to it, or it is of a type from later times.
    """
    if message.value is None:
        raise Unreadable("the message has no value")
    texts = next((bytes(given) for name, given in message.headers if name == TEXTS), None)
    row = row_from(message.value, header(message, LEAF), texts)
    _must_be_told_right(message, row)
    return row


def row_from(entry: bytes, leaf: str | None, texts: bytes | None) -> EntryRow:
    """The row of an entry as it is published, with its leaf hash in hex and the texts beside it, wherever it comes from.

    Raises:
        Unreadable: leaf or texts do not belong to it, or it is no entry that this version knows.
    """
    if leaf != leaf_hash(entry).hex():
        raise Unreadable(f"the leaf hash of the entry is {leaf_hash(entry).hex()}, and the message says {leaf}")
    try:
        row = _taken_apart(entry, texts)
        if compose(row) != entry:
            raise Unreadable("the entry is not in its one canonical form")
        _must_fit(row)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unreadable(f"the value is no entry of a decision log: {error}") from error
    return row


def _taken_apart(entry: bytes, texts: bytes | None) -> EntryRow:
    """The row that an entry must be of, if it is composed of it; its own part is not looked into."""
    behind = entry.rindex(_BEHIND)
    rest = from_json(b"{" + entry[behind + 1 :])
    recorded_at = to_micros(parse_timestamp(rest["recorded_at"]))
    own = entry[len(_BEFORE) : behind]
    return EntryRow(rest["position"], rest["subject"], rest["version"], rest["type"], recorded_at, own, texts)


def _must_fit(row: EntryRow) -> None:
    """The type is known, and the texts beside the entry are those that it is committed to, or were forgotten."""
    model = EVENTS.get(row.type)
    if model is None:
        raise Unreadable(f"position {row.position} is a {row.type}, which this version does not know; take a later one")
    own = parse_canonical(row.event)
    if row.texts is not None and (place := broken_text(model, own, texts_of(row.texts))) is not None:
        raise Unreadable(f"the texts of position {row.position} are not those of its entry, at {place}")


def _must_be_told_right(message: Message, row: EntryRow) -> None:
    """What the headers say is what the entry says."""
    told = (header(message, "ce_id"), header(message, "ce_type"), message.key)
    if told != (str(row.position), PREFIX + row.type, row.subject.encode()):
        raise Unreadable(f"the message says it is {told}, and is position {row.position}, {row.type} of {row.subject}")
