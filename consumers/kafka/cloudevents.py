"""Convert entries of the log to CloudEvents 1.0 messages in binary mode, and back. No broker is involved."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pydantic_core import from_json

from domain.catalog import EVENTS
from domain.values import format_micros, parse_micros
from eventlog.canonical_reader import parse_canonical
from eventlog.codec import compose, find_broken_text, parse_texts
from eventlog.merkle import leaf_hash
from eventlog.records import EntryRow

EVENT_TYPE_PREFIX: Final = "decisionlog."
"""The prefix of the stored name of an event in `ce_type`."""
JSON_TYPE: Final = b"application/json"
LEAF_HEADER: Final = "leaf"
TEXTS_HEADER: Final = "texts"
CONFIRMED_HEADER: Final = "confirmed"
"""The position up to which all entries had been delivered when a message was sent."""
Headers = list[tuple[str, bytes]]

_EVENT_PREFIX: Final = b'{"event":'
_POSITION_PREFIX: Final = b',"position":'


_POSITION: Final = re.compile("[0-9]{1,19}")


class Message(NamedTuple):
    """A Kafka message: its key, value and headers."""

    key: bytes | None
    value: bytes | None
    headers: Headers


class InvalidMessage(Exception):
    """The message is not an entry of a decision log, or does not match its headers."""


def build_message(row: EntryRow, log_id: str) -> Message:
    """Return the message for an entry. `log_id` is the id of its log, `log:KEY`."""
    value = compose(row)
    subject = row.subject.encode()
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_type", b"decisionlog.%b" % row.type.encode()),
        ("ce_source", log_id.encode()),
        ("ce_id", b"%d" % row.position),
        ("ce_subject", subject),
        ("ce_time", format_micros(row.recorded_at).encode()),
        ("content-type", JSON_TYPE),
        (LEAF_HEADER, leaf_hash(value).hex().encode()),
    ]
    if row.texts is not None:
        headers.append((TEXTS_HEADER, row.texts))
    return Message(subject, value, headers)


def get_header(message: Message, name: str) -> str | None:
    """Return the text of a header, or None if it is missing or not UTF-8."""
    for key, value in message.headers:
        if key == name and value is not None:
            try:
                return value.decode()
            except UnicodeDecodeError:
                return None
    return None


def get_position(message: Message) -> int | None:
    """Return the position in the headers of a message, or None if there is none."""
    text = get_header(message, "ce_id") or ""
    return int(text) if _POSITION.fullmatch(text) else None


def parse_message(message: Message) -> EntryRow:
    """Return the row of the log in a message: the inverse of `message_of`.

    Raises:
        Unreadable: there is no entry, its leaf hash or texts do not match it, or its type is unknown.
    """
    if message.value is None:
        raise InvalidMessage("the message has no value")
    texts = next((bytes(value) for name, value in message.headers if name == TEXTS_HEADER), None)
    row = parse_entry(message.value, get_header(message, LEAF_HEADER), texts)
    _require_matching_headers(message, row)
    return row


def parse_entry(entry: bytes, leaf: str | None, texts: bytes | None) -> EntryRow:
    """Return the row of a published entry, given its leaf hash in hex and its texts.

    Raises:
        Unreadable: the leaf hash or texts do not match, or this version does not know such an entry.
    """
    if leaf != leaf_hash(entry).hex():
        raise InvalidMessage(f"the leaf hash of the entry is {leaf_hash(entry).hex()}, and the message says {leaf}")
    try:
        row = _split_entry(entry, texts)
        if compose(row) != entry:
            raise InvalidMessage("the entry is not in canonical form")
        _require_valid_event(row)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidMessage(f"the value is not an entry of a decision log: {error}") from error
    return row


def _split_entry(entry: bytes, texts: bytes | None) -> EntryRow:
    """Return the row of an entry, without parsing its event."""
    event_end = entry.rindex(_POSITION_PREFIX)
    rest = from_json(b"{" + entry[event_end + 1 :])
    recorded_at = parse_micros(rest["recorded_at"])
    event = entry[len(_EVENT_PREFIX) : event_end]
    return EntryRow(rest["position"], rest["subject"], rest["version"], rest["type"], recorded_at, event, texts)


def _require_valid_event(row: EntryRow) -> None:
    """Check that the type is known, and that the texts match their commitments or were erased."""
    model = EVENTS.get(row.type)
    if model is None:
        raise InvalidMessage(
            f"position {row.position} is a {row.type}, which this version does not know; upgrade decisionlog"
        )
    event = parse_canonical(row.event)
    if row.texts is not None and (path := find_broken_text(model, event, parse_texts(row.texts))) is not None:
        raise InvalidMessage(f"the texts of position {row.position} do not match its entry, at {path}")


def _require_matching_headers(message: Message, row: EntryRow) -> None:
    headers = (get_header(message, "ce_id"), get_header(message, "ce_type"), message.key)
    if headers != (str(row.position), EVENT_TYPE_PREFIX + row.type, row.subject.encode()):
        raise InvalidMessage(
            f"the headers say {headers}, and the entry is position {row.position}, {row.type} of {row.subject}"
        )
