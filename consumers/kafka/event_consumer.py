"""The topic of events, read by a replica: from wherever it says, in the topic's order."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import Message, Unreadable, header, row_of
from consumers.kafka.replica import Arrival
from consumers.kafka.topics import Topics, UnfitTopic

if TYPE_CHECKING:
    from kafka import KafkaConsumer

AT_ONCE: Final = 4_000
"""Messages taken at once."""


def reading(broker: Broker, topic: str, **more: Any) -> KafkaConsumer:
    """A consumer of the one partition of a topic, of no group: whoever reads says from where.

    Raises:
        UnfitTopic: it has more partitions than one.
        KafkaError: there is no such topic yet, or no broker answers.
    """
    from kafka import TopicPartition  # noqa: PLC0415  (only who speaks to a broker needs it)
    from kafka.errors import UnknownTopicOrPartitionError  # noqa: PLC0415

    # Each entry is held against its leaf hash, which is a better sum than the client's, and a faster one.
    consumer = broker.consumer(max_poll_records=AT_ONCE, check_crcs=False, **more)
    partitions = consumer.partitions_for_topic(topic)
    if len(partitions) == 1:
        consumer.assign([TopicPartition(topic, 0)])
        return consumer
    consumer.close()
    if partitions:
        raise UnfitTopic(f"{topic} has {len(partitions)} partitions, and must have 1, so that readers see one order.")
    raise UnknownTopicOrPartitionError(f"there is no topic {topic} yet; `decisionlog publish` makes it")


class TopicFeed:
    """The messages of the topic of events as rows of the log."""

    def __init__(self, broker: Broker, topics: Topics) -> None:
        from kafka.errors import KafkaError  # noqa: PLC0415

        self.passing: tuple[type[Exception], ...] = (KafkaError,)
        self._broker = broker
        self.topic = topics.events.name
        self._consumer: KafkaConsumer | None = None

    def seek(self, offset: int | None) -> None:
        """Goes on at an offset, or at the oldest message; also where the topic no longer has that offset."""
        if self._consumer is None:
            self._consumer = reading(self._broker, self.topic)
        (place,) = self._consumer.assignment()
        if offset is None:
            self._consumer.seek_to_beginning(place)
        else:
            self._consumer.seek(place, offset)

    def poll(self, seconds: float) -> Sequence[Arrival]:
        """What comes next, at most so many messages; waits so long for the first."""
        assert self._consumer is not None, "a feed is read after it was told from where"
        found = self._consumer.poll(timeout_ms=round(seconds * 1000))
        return [self._arrival(record) for records in found.values() for record in records]

    def unread(self) -> int | None:
        """How many messages there are behind the last that was read; None until the broker has said."""
        if self._consumer is None:
            return None
        (place,) = self._consumer.assignment()
        end = self._consumer.highwater(place)
        return None if end is None else max(0, end - self._consumer.position(place))

    def close(self) -> None:
        """Ends the connections; the next `seek` makes others."""
        if self._consumer is not None:
            with suppress(*self.passing):
                self._consumer.close()
            self._consumer = None

    def _arrival(self, record: Any) -> Arrival:
        message = Message(record.key, record.value, record.headers)
        try:
            return Arrival(record.offset, header(message, "ce_source") or "", row_of(message))
        except Unreadable as error:
            return Arrival(record.offset, "", None, str(error))
