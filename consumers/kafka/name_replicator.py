"""Copy the names of people from the people topic into a replica's database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from consumers.kafka.broker import Broker
from consumers.kafka.event_consumer import open_topic_consumer
from consumers.kafka.people_topic import poll_names, read_all_names
from consumers.kafka.topics import Topics
from projections.read_model import replica_state
from projections.read_model.database import Writer

if TYPE_CHECKING:
    from kafka import KafkaConsumer

RETRY_INTERVAL_US: Final = 1_000_000
REREAD_INTERVAL_US: Final = 6 * 60 * 60 * 1_000_000
"""How often the whole topic is read again. It is shorter than the time for which a message that erases names is kept."""


class NameReplicator:
    """Keeps the names in a replica's database equal to the topic."""

    def __init__(self, broker: Broker, topics: Topics, clock: Callable[[], int]) -> None:
        """`clock` returns microseconds since 1970."""
        self._broker = broker
        self._topic = topics.people.name
        self._clock = clock
        self._consumer: KafkaConsumer | None = None
        self._read_at = 0
        self._tried_at = 0

    def sync(self, writer: Writer) -> None:
        """Read the whole topic at first and at intervals, else only the new messages.

        Raises:
            KafkaError: the broker does not answer.
        """
        if self._consumer is None or self._clock() - self._read_at > REREAD_INTERVAL_US:
            self._read_all(writer)
        elif changed := poll_names(self._consumer, 0):
            with writer.transaction():
                for person, spellings in changed.items():
                    replica_state.replace_names(writer, person, spellings)

    def _read_all(self, writer: Writer) -> None:
        from kafka.errors import UnknownTopicOrPartitionError  # noqa: PLC0415  (imported only if Kafka is used)

        if self._clock() - self._tried_at < RETRY_INTERVAL_US:
            return
        self._tried_at = self._clock()
        try:
            consumer = self._consumer or open_topic_consumer(self._broker, self._topic)
        except UnknownTopicOrPartitionError:  # names are not published, or not yet
            return
        self._consumer = consumer
        found = read_all_names(consumer)
        with writer.transaction():
            replica_state.delete_names_except(writer, [person for person, spellings in found.items() if spellings])
            for person, spellings in found.items():
                replica_state.replace_names(writer, person, spellings)
        self._read_at = self._clock()

    def close(self) -> None:
        """Close the connections. The next `sync` opens new ones and reads the whole topic."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None


class NoNames:
    """Deletes the names in a replica's database, for a replica that is not to have any."""

    def __init__(self) -> None:
        self._are_deleted = False

    def sync(self, writer: Writer) -> None:
        """Delete the names, once."""
        if not self._are_deleted:
            with writer.transaction():
                replica_state.delete_names_except(writer, ())
            self._are_deleted = True

    def close(self) -> None:
        """Do nothing: there is no connection."""
