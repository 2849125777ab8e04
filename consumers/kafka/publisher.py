"""Publish the log to the events topic: every entry, in order, at least once.

The topic itself stores how far publishing got. Each message has a header `confirmed`: the position up to which all
entries had been delivered when it was sent. So a publisher that takes over from a crashed one finds, at the end of the
topic, the position up to which a reader has everything. Neither the client library nor the previous process is trusted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Final, Protocol

from eventsourcing.persistence import PersistenceError

from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import CONFIRMED_HEADER, build_message
from consumers.kafka.status_reporter import StatusReporter, without_repeats
from consumers.kafka.topic_reader import CannotPublish, TopicReader, broker_timeout, find_resume_position
from consumers.kafka.topics import InvalidTopic, Topics, TopicState
from eventlog.codec import compose
from eventlog.merkle import leaf_hash
from eventlog.records import EntryRow, Head

if TYPE_CHECKING:
    from kafka import KafkaProducer
    from kafka.producer.future import FutureRecordMetadata

BATCH_ROWS: Final = 500
MAX_IN_FLIGHT: Final = 4_000
"""How many messages may be sent and not yet delivered."""
POLL_INTERVAL_S: Final = 0.05
RETRY_DELAY_S: Final = 1.0
WARN_AFTER_S: Final = 5.0
"""How long no message may be delivered before that is reported."""
RECONNECT_AFTER_S: Final = 60.0
"""How long no message may be delivered before the publisher reconnects."""
SHUTDOWN_TIMEOUT_S: Final = 10.0
"""How long messages in flight may take after the publisher was stopped."""
NO_TIMEOUT_MS: Final = 2**31 - 1
"""The client must not give up on a message by itself: the messages after it would be delivered without it."""


class EntrySource(Protocol):
    """A log that can be published."""

    @property
    def id(self) -> str:
        """The id of the log."""

    def head(self) -> Head:
        """Return the head of the log."""

    def rows(self, after: int, limit: int) -> list[EntryRow]:
        """Return at most `limit` rows after a position."""

    def wait(self, after: int, timeout: float | None = None) -> int:
        """Wait until the log is longer, and return its size."""


class Publisher:
    """Publishes a log from where its topic ends. One process runs it at a time, though a second would do no harm."""

    def __init__(
        self,
        source: EntrySource,
        broker: Broker,
        topics: Topics,
        reporter: StatusReporter,
        *,
        notify: Callable[[str], None] = lambda _message: None,
    ) -> None:
        self._source = source
        self._broker = broker
        self._topics = topics
        self._reporter = reporter
        self._notify = without_repeats(notify)
        self._stop = threading.Event()

    def stop(self) -> None:
        """Make `run` return."""
        self._stop.set()

    def run(self) -> None:
        """Publish until stopped, and retry after transient errors.

        Raises:
            InvalidTopic: the topic does not have the required configuration.
            CannotPublish: the topic has another log, or another history of this one.
        """
        from kafka.errors import KafkaError  # noqa: PLC0415  (imported only if Kafka is used)

        while not self._stop.is_set():
            try:
                self._publish()
            except (KafkaError, PersistenceError, OSError) as error:
                self._reporter.report_failure(error)
                self._stop.wait(RETRY_DELAY_S)
            except (InvalidTopic, CannotPublish) as error:
                self._reporter.report_failure(error, final=True)
                raise

    def _publish(self) -> None:
        with closing(self._broker.admin()) as admin:
            state = self._topics.ensure_topic(admin, self._topics.events)
        position = self._resume_position(state)
        self._notify(f"Publishing to {self._topics.events.name} from position {position + 1}: {state}.")
        with open_producer(self._broker, state.max_message_bytes) as producer:
            stream = EntryStream(producer, self._topics.events.name, self._source.id, position)
            self._follow(stream, state)

    def _follow(self, stream: EntryStream, state: TopicState) -> None:
        self._report_progress(stream, state)
        while not self._stop.is_set():
            rows = self._source.rows(stream.sent, BATCH_ROWS)
            self._send(stream, state, rows)
            if rows:
                self._wait_for_delivery(stream, state, MAX_IN_FLIGHT)
            elif stream.sent > stream.confirmed:
                self._wait_for_delivery(stream, state, 0)
            else:
                self._source.wait(stream.sent, POLL_INTERVAL_S)
                self._report_progress(stream, state)
        self._finish(stream, state)

    def _send(self, stream: EntryStream, state: TopicState, rows: Sequence[EntryRow]) -> None:
        from kafka.errors import MessageSizeTooLargeError  # noqa: PLC0415

        try:
            stream.send(rows)
        except MessageSizeTooLargeError as error:
            self._wait_for_delivery(stream, state, 0)
            raise MessageSizeTooLargeError(
                f"position {stream.sent + 1} is larger than {self._topics.events.name} allows: raise its "
                f"max.message.bytes (currently {state.max_message_bytes})"
            ) from error

    def _wait_for_delivery(self, stream: EntryStream, state: TopicState, max_in_flight: int) -> None:
        """Wait until at most `max_in_flight` messages are in flight."""
        started = time.monotonic()
        while not stream.wait_for_delivery(max_in_flight, WARN_AFTER_S):
            waited = time.monotonic() - started
            error = broker_timeout(f"{self._broker} has not confirmed a message for {waited:.0f} s")
            if waited > RECONNECT_AFTER_S or self._stop.is_set():
                raise error
            self._reporter.report_failure(error)
        self._report_progress(stream, state)

    def _finish(self, stream: EntryStream, state: TopicState) -> None:
        if stream.wait_for_delivery(0, SHUTDOWN_TIMEOUT_S):
            self._report_progress(stream, state)
        self._reporter.flush()

    def _report_progress(self, stream: EntryStream, state: TopicState) -> None:
        self._reporter.report_progress(stream.confirmed, topic=state.id)

    def _resume_position(self, state: TopicState) -> int:
        """Return the position up to which a reader of the topic has everything.

        Raises:
            CannotPublish: the topic has another log, or another history of this one.
        """
        name = self._topics.events.name
        with closing(self._broker.consumer()) as consumer:
            reader = TopicReader(consumer, name)
            found = find_resume_position(reader, self._source.id, name)
        if found is None:  # all messages have expired, so only the last report of the previous process is left
            previous = self._reporter.previous
            reported = previous.position if previous and previous.topic == state.id and reader.end else 0
            return min(reported, self._source.head().size)
        position, leaf = found
        self._require_same_history(position, leaf)
        return position

    def _require_same_history(self, position: int, leaf: str | None) -> None:
        rows = self._source.rows(position - 1, 1) if position else []
        if position and (not rows or (leaf is not None and leaf != leaf_hash(compose(rows[0])).hex())):
            raise CannotPublish(
                f"the topic {self._topics.events.name} has an entry at position {position} that the log does not have: the log was "
                "restored to an earlier state. Publish it with another DECISIONLOG_KAFKA_PREFIX, and let its readers start "
                "from the beginning there."
            )


class EntryStream:
    """Sends entries in order. `sent` is the position sent last, `confirmed` the position delivered last."""

    def __init__(self, producer: KafkaProducer, topic: str, log_id: str, position: int) -> None:
        self._producer = producer
        self._topic = topic
        self._log_id = log_id
        self._in_flight: deque[FutureRecordMetadata] = deque()
        self.sent = position
        self.confirmed = position

    def send(self, rows: Sequence[EntryRow]) -> None:
        """Send rows that follow the one sent last.

        Raises:
            CannotPublish: they do not follow it.
        """
        confirmed = (CONFIRMED_HEADER, b"%d" % self.confirmed)
        for row in rows:
            if row.position != self.sent + 1:
                raise CannotPublish(f"the log continues at position {row.position} after {self.sent}")
            message = build_message(row, self._log_id)
            message.headers.append(confirmed)
            future = self._producer.send(
                self._topic, key=message.key, value=message.value, headers=message.headers, partition=0
            )
            self._in_flight.append(future)
            self.sent = row.position

    def wait_for_delivery(self, max_in_flight: int, timeout_s: float) -> bool:
        """Wait until at most `max_in_flight` messages are in flight. False if one takes longer than the timeout.

        Raises:
            KafkaError: a message was not delivered.
        """
        from kafka.errors import KafkaTimeoutError  # noqa: PLC0415

        while len(self._in_flight) > max_in_flight or (self._in_flight and self._in_flight[0].is_done):
            first = self._in_flight[0]
            if not first.is_done:
                with suppress(KafkaTimeoutError):
                    first.get(timeout_s)
            if not first.is_done:
                return False
            if first.failed():
                raise first.exception
            self._in_flight.popleft()
            self.confirmed += 1
        return True


@contextmanager
def open_producer(broker: Broker, max_message_bytes: int) -> Iterator[KafkaProducer]:
    """Open a producer that on exit discards what was not delivered, so that nothing of it is delivered later."""
    producer = broker.producer(
        delivery_timeout_ms=NO_TIMEOUT_MS, request_timeout_ms=10_000, max_request_size=max_message_bytes
    )
    try:
        yield producer
    finally:
        # `close` alone waits for messages in flight, and leaks the sender thread if they are not delivered.
        producer._sender.force_close()  # noqa: SLF001
        producer._sender.join(SHUTDOWN_TIMEOUT_S)  # noqa: SLF001
        with suppress(Exception):  # the error that ended publishing matters more
            producer.close(timeout=0)
