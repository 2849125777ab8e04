"""Read the end of the events topic, to find the position from which a publisher must resume."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from consumers.kafka.cloudevents import CONFIRMED_HEADER, LEAF_HEADER, Message, get_header, get_position

if TYPE_CHECKING:
    from kafka import KafkaConsumer

READ_TIMEOUT_S: Final = 60.0
"""How long to wait for the next message before the broker counts as unavailable."""
_FIRST_SPAN: Final = 1
_SPAN_FACTOR: Final = 64


class CannotPublish(Exception):
    """The log and the topic have different histories, which publishing would mix."""


class TopicReader:
    """Reads the only partition of a topic, from its oldest message to its end at the time of creation."""

    def __init__(self, consumer: KafkaConsumer, topic: str) -> None:
        from kafka import TopicPartition  # noqa: PLC0415  (imported only if Kafka is used)

        self._consumer = consumer
        self._partition = TopicPartition(topic, 0)
        consumer.assign([self._partition])
        self.begin: int = consumer.beginning_offsets([self._partition])[self._partition]
        self.end: int = consumer.end_offsets([self._partition])[self._partition]

    def read(self, start: int) -> Iterator[Message]:
        """Yield the messages from an offset on."""
        self._consumer.seek(self._partition, start)
        deadline = time.monotonic() + READ_TIMEOUT_S
        while self._consumer.position(self._partition) < self.end:
            found = self._consumer.poll(timeout_ms=500, max_records=5_000).get(self._partition, [])
            for record in found:
                yield Message(record.key, record.value, record.headers)
            deadline = time.monotonic() + READ_TIMEOUT_S if found else deadline
            if time.monotonic() > deadline:
                raise broker_timeout(f"no message arrives from {self._partition.topic}, although it has more")


def broker_timeout(message: str) -> Exception:
    """Return the client library's error for a broker that does not answer, after which one retries."""
    from kafka.errors import KafkaTimeoutError  # noqa: PLC0415

    error: Exception = KafkaTimeoutError(message)
    return error


def find_resume_position(reader: Any, log_id: str, topic: str) -> tuple[int, str | None] | None:
    """Return the position up to which a reader of the topic has everything, and the leaf hash of its entry there.

    None if the topic has no message of a log.

    Raises:
        CannotPublish: the topic has messages of another log.
    """
    span = _FIRST_SPAN
    while True:
        start = max(reader.begin, reader.end - span)
        messages = [message for message in reader.read(start) if _is_of_log(message, log_id, topic)]
        confirmed = _confirmed_position(messages[-1]) if messages else None
        found = [
            n for n, message in enumerate(messages) if confirmed is not None and get_position(message) == confirmed
        ]
        if start == reader.begin or found:
            return _last_contiguous(messages[found[-1] :] if found else messages, confirmed or 0) if messages else None
        span *= _SPAN_FACTOR


def _is_of_log(message: Message, log_id: str, topic: str) -> bool:
    """Whether a message is an entry of this log. Messages that are no entries are ignored."""
    source = get_header(message, "ce_source")
    if source is not None and source != log_id and get_position(message) is not None:
        raise CannotPublish(
            f"the topic {topic} has entries of {source}, and this is {log_id}. Choose another prefix with DECISIONLOG_KAFKA_PREFIX."
        )
    return source == log_id and get_position(message) is not None and _confirmed_position(message) is not None


def _confirmed_position(message: Message) -> int | None:
    text = get_header(message, CONFIRMED_HEADER)
    return int(text) if text is not None and text.isascii() and text.isdecimal() else None


def _last_contiguous(messages: Sequence[Message], position: int) -> tuple[int, str | None]:
    """Return how far a reader gets that has everything up to a position, ignores duplicates and stops at a hole."""
    leaf = None
    for message in messages:
        if get_position(message) in (position, position + 1):
            position = get_position(message) or position
            leaf = get_header(message, LEAF_HEADER)
    return position, leaf
