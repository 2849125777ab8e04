"""Messages of the people topic: the names of people by id. The topic is compacted, so only the last message counts.

A message without a value erases all names of an id, and lets the broker delete its earlier messages. The log does not
depend on this topic: without it, replicas show ids.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter
from pydantic_core import from_json

from eventlog.canonical import canonical

if TYPE_CHECKING:
    from kafka import KafkaConsumer

_log: Final = logging.getLogger("decisionlog.people")

_SPELLINGS: Final = TypeAdapter(tuple[str, ...])
BROKER_TIMEOUT_MS: Final = 5_000
_POLL_TIMEOUT_S: Final = 0.5

Names = Mapping[str, tuple[str, ...]]
"""The spellings of people by id, the one to show first."""


def encode_names(person: str, spellings: tuple[str, ...]) -> bytes:
    """Return the value of a message with the names of a person."""
    return canonical({"person": person, "name": spellings[0], "spellings": list(spellings)})


def decode_names(person: str, value: bytes | None) -> tuple[str, ...]:
    """Return the spellings in a message; none if they were erased or the message is invalid."""
    try:
        spellings = _SPELLINGS.validate_python(from_json(value)["spellings"]) if value else ()
    except (ValueError, TypeError, KeyError):
        spellings = ()
    if value and not spellings:
        _log.warning("The message about %s in the people topic is invalid.", person)
    return spellings


def read_all_names(consumer: KafkaConsumer) -> dict[str, tuple[str, ...]]:
    """Read the whole topic and return the names by id; an empty tuple for erased ones.

    Raises:
        KafkaError: the broker does not answer.
    """
    (partition,) = consumer.assignment()
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition], timeout_ms=BROKER_TIMEOUT_MS)[partition]
    found: dict[str, tuple[str, ...]] = {}
    while consumer.position(partition) < end:
        found |= poll_names(consumer, _POLL_TIMEOUT_S)
    return found


def poll_names(consumer: KafkaConsumer, timeout_s: float) -> dict[str, tuple[str, ...]]:
    """Return the names in the next messages, and wait for the first of them."""
    records = [each for some in consumer.poll(timeout_ms=round(timeout_s * 1000)).values() for each in some]
    people = [(record.key.decode(errors="replace"), record.value) for record in records if record.key]
    return {person: decode_names(person, value) for person, value in people}
