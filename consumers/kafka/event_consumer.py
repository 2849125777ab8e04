"""Read entries from the events topic, from any offset, for a replica."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import InvalidMessage, Message, get_header, parse_message
from consumers.kafka.replica_session import ReceivedEntry
from consumers.kafka.topics import InvalidTopic, Topics

if TYPE_CHECKING:
    from kafka import KafkaConsumer

MAX_POLL_MESSAGES: Final = 4_000


def open_topic_consumer(broker: Broker, topic: str, **more: Any) -> KafkaConsumer:
    """Return a consumer of the only partition of a topic, without a consumer group.

    Raises:
        InvalidTopic: the topic has more than one partition.
        KafkaError: the topic does not exist yet, or no broker answers.
    """
    from kafka import TopicPartition  # noqa: PLC0415  (imported only if Kafka is used)
    from kafka.errors import UnknownTopicOrPartitionError  # noqa: PLC0415

    # Each entry is checked against its leaf hash, which is stronger than the client's checksum, and faster.
    consumer = broker.consumer(max_poll_records=MAX_POLL_MESSAGES, check_crcs=False, **more)
    partitions = consumer.partitions_for_topic(topic)
    if len(partitions) == 1:
        consumer.assign([TopicPartition(topic, 0)])
        return consumer
    consumer.close()
    if partitions:
        raise InvalidTopic(
            f"the topic {topic} has {len(partitions)} partitions, and must have 1, so that readers see one order."
        )
    raise UnknownTopicOrPartitionError(f"the topic {topic} does not exist yet; `decisionlog publish` creates it")


class TopicFeed:
    """The messages of the events topic as rows of the log."""

    def __init__(self, broker: Broker, topics: Topics) -> None:
        from kafka.errors import KafkaError  # noqa: PLC0415

        self.transient_errors: tuple[type[Exception], ...] = (KafkaError,)
        self._broker = broker
        self.topic = topics.events.name
        self._consumer: KafkaConsumer | None = None

    def seek(self, offset: int | None) -> None:
        """Continue at an offset; at the oldest message if it is None or no longer in the topic."""
        if self._consumer is None:
            self._consumer = open_topic_consumer(self._broker, self.topic)
        (partition,) = self._consumer.assignment()
        if offset is None:
            self._consumer.seek_to_beginning(partition)
        else:
            self._consumer.seek(partition, offset)

    def poll(self, seconds: float) -> Sequence[ReceivedEntry]:
        """Return the next messages, and wait for the first of them."""
        assert self._consumer is not None, "call `seek` before `poll`"
        found = self._consumer.poll(timeout_ms=round(seconds * 1000))
        return [self._parse(record) for records in found.values() for record in records]

    def unread(self) -> int | None:
        """Return how many messages follow the last one read; None until the broker has reported it."""
        if self._consumer is None:
            return None
        (partition,) = self._consumer.assignment()
        end = self._consumer.highwater(partition)
        return None if end is None else max(0, end - self._consumer.position(partition))

    def close(self) -> None:
        """Close the connections; the next `seek` opens new ones."""
        if self._consumer is not None:
            with suppress(*self.transient_errors):
                self._consumer.close()
            self._consumer = None

    def _parse(self, record: Any) -> ReceivedEntry:
        message = Message(record.key, record.value, record.headers)
        try:
            return ReceivedEntry(record.offset, get_header(message, "ce_source") or "", parse_message(message))
        except InvalidMessage as error:
            return ReceivedEntry(record.offset, "", None, str(error))
