"""From the log to the topic: every entry, in order, at least once.

How far it is stands in the topic itself. Each message also says up to which position all before it had arrived when it
was sent (`confirmed`), so that whoever goes on after a publisher that died finds, from the topic's end, the position up
to which a reader has everything. Nothing else is trusted: not the client library, not the process before.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from eventsourcing.persistence import PersistenceError

from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import LEAF, Message, header, message_of, position_of
from consumers.kafka.status_reporter import Reporter
from consumers.kafka.topics import State, Topics, UnfitTopic
from eventlog.appender import EntryRow, Head
from eventlog.codec import compose
from eventlog.merkle import leaf_hash

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer
    from kafka.producer.future import FutureRecordMetadata

CONFIRMED: Final = "confirmed"
"""The header with the position up to which everything had arrived when a message was sent."""
AT_ONCE: Final = 500
"""Rows read at once."""
WINDOW: Final = 4_000
"""Messages that may be under way."""
POLL: Final = 0.05
"""Seconds between two looks at a log that has not grown."""
AGAIN: Final = 1.0
"""Seconds until what failed is tried again."""
UNEASY: Final = 5.0
"""Seconds without a message arriving after which that is said."""
PATIENCE: Final = 60.0
"""Seconds without a message arriving after which the connections are made anew."""
ENDING: Final = 10.0
"""Seconds that messages under way have to arrive when it is told to end."""
NEVER: Final = 2**31 - 1
"""Milliseconds. The client must not give a message up on its own: those behind it would arrive without it."""


class Source(Protocol):
    """A log, as far as a publisher needs it."""

    @property
    def id(self) -> str:
        """The subject that is the log itself."""

    def head(self) -> Head:
        """Its head."""

    def rows(self, after: int, limit: int) -> list[EntryRow]:
        """At most `limit` rows after a position."""

    def wait(self, after: int, timeout: float | None = None) -> int:
        """Waits until the log is longer; its size."""


class CannotPublish(Exception):
    """The log and the topic do not belong together; going on would mix two histories."""


class Publisher:
    """Follows a log from where the topic ends. Run by one process at a time, though a second would do no harm."""

    def __init__(
        self, source: Source, broker: Broker, topics: Topics, reporter: Reporter, *,
        tell: Callable[[str], None] = lambda _sentence: None,
    ) -> None:  # fmt: skip
        self._source = source
        self._broker = broker
        self._topics = topics
        self._reporter = reporter
        self._tell = tell
        self._stop = threading.Event()

    def stop(self) -> None:
        """Has `run` come to its end."""
        self._stop.set()

    def run(self) -> None:
        """Publishes until it is stopped; what fails in passing is tried again.

        Raises:
            UnfitTopic: the topic is not what it must be.
            CannotPublish: the topic holds another log, or another history of this one.
        """
        from kafka.errors import KafkaError  # noqa: PLC0415  (only who speaks to a broker needs it)

        while not self._stop.is_set():
            try:
                self._publish()
            except (KafkaError, PersistenceError, OSError) as error:
                self._reporter.failed(error)
                self._stop.wait(AGAIN)
            except (UnfitTopic, CannotPublish) as error:
                self._reporter.failed(error)
                raise

    def _publish(self) -> None:
        with closing(self._broker.admin()) as admin:
            state = self._topics.made(admin, self._topics.events)
        position = self._left_off(state)
        self._tell(f"Publishing to {self._topics.events.name} from position {position + 1}: {state}.")
        with _sending(self._broker, state.largest) as producer:
            stream = Stream(producer, self._topics.events.name, self._source.id, position)
            self._follow(stream, state)

    def _follow(self, stream: Stream, state: State) -> None:
        self._report(stream, state)
        while not self._stop.is_set():
            rows = self._source.rows(stream.sent, AT_ONCE)
            self._send(stream, state, rows)
            if rows:
                self._settle(stream, state, WINDOW)
            elif stream.sent > stream.confirmed:
                self._settle(stream, state, 0)
            else:
                self._source.wait(stream.sent, POLL)
                self._report(stream, state)
        self._finish(stream, state)

    def _send(self, stream: Stream, state: State, rows: Sequence[EntryRow]) -> None:
        from kafka.errors import MessageSizeTooLargeError  # noqa: PLC0415

        try:
            stream.send(rows)
        except MessageSizeTooLargeError as error:
            self._settle(stream, state, 0)
            raise MessageSizeTooLargeError(
                f"position {stream.sent + 1} is larger than {self._topics.events.name} takes: raise max.message.bytes on it "
                f"(it is {state.largest})"
            ) from error

    def _settle(self, stream: Stream, state: State, under_way: int) -> None:
        """Waits until no more than so many messages are under way."""
        begun = time.monotonic()
        while not stream.settled(under_way, UNEASY):
            waited = time.monotonic() - begun
            trouble = silent(f"no message has arrived at {self._broker} for {waited:.0f} s")
            if waited > PATIENCE or self._stop.is_set():
                raise trouble
            self._reporter.failed(trouble)
        self._report(stream, state)

    def _finish(self, stream: Stream, state: State) -> None:
        if stream.settled(0, ENDING):
            self._report(stream, state)
        self._reporter.last()

    def _report(self, stream: Stream, state: State) -> None:
        self._reporter.done(stream.confirmed, topic=state.id)

    # Where it left off

    def _left_off(self, state: State) -> int:
        """The position up to which a reader of the topic has everything.

        Raises:
            CannotPublish: the topic is not of this log, or not of this history of it.
        """
        name = self._topics.events.name
        with closing(self._broker.consumer()) as consumer:
            reader = Reader(consumer, name)
            messages = left_off(reader, self._source.id, name)
        if messages is None:  # nothing is kept any more, so what the process before said is all there is
            before = self._reporter.before
            known = before.position if before and before.topic == state.id and reader.end else 0
            return min(known, self._source.head().size)
        position, leaf = messages
        self._must_be_this_history(position, leaf)
        return position

    def _must_be_this_history(self, position: int, leaf: str | None) -> None:
        rows = self._source.rows(position - 1, 1) if position else []
        if position and (not rows or (leaf is not None and leaf != leaf_hash(compose(rows[0])).hex())):
            raise CannotPublish(
                f"{self._topics.events.name} has an entry at position {position} which the log does not have: the log was "
                "put back to an earlier state. Publish it under another DECISIONLOG_KAFKA_PREFIX, and have its readers "
                "begin anew there."
            )


class Stream:
    """Messages on their way: sent in order, and known to have arrived up to `confirmed`."""

    def __init__(self, producer: KafkaProducer, topic: str, log_id: str, position: int) -> None:
        self._producer = producer
        self._topic = topic
        self._log_id = log_id
        self._under_way: deque[FutureRecordMetadata] = deque()
        self.sent = position
        self.confirmed = position

    def send(self, rows: Sequence[EntryRow]) -> None:
        """Sends rows that follow the one sent last.

        Raises:
            CannotPublish: they do not follow.
        """
        confirmed = (CONFIRMED, b"%d" % self.confirmed)
        for row in rows:
            if row.position != self.sent + 1:
                raise CannotPublish(f"the log goes on at position {row.position} after {self.sent}")
            message = message_of(row, self._log_id)
            message.headers.append(confirmed)
            self._under_way.append(
                self._producer.send(
                    self._topic, key=message.key, value=message.value, headers=message.headers, partition=0
                )
            )
            self.sent = row.position

    def settled(self, under_way: int, timeout: float) -> bool:
        """Waits until no more than so many are under way, at most so many seconds for the next; whether it is so.

        Raises:
            KafkaError: a message did not arrive.
        """
        from kafka.errors import KafkaTimeoutError  # noqa: PLC0415

        while len(self._under_way) > under_way or (self._under_way and self._under_way[0].is_done):
            first = self._under_way[0]
            if not first.is_done:
                with suppress(KafkaTimeoutError):
                    first.get(timeout)
            if not first.is_done:
                return False
            if first.failed():
                raise first.exception
            self._under_way.popleft()
            self.confirmed += 1
        return True


@contextmanager
def _sending(broker: Broker, largest: int) -> Iterator[KafkaProducer]:
    """A producer that at the end gives up what has not arrived, so that nothing of it comes later."""
    producer = broker.producer(delivery_timeout_ms=NEVER, request_timeout_ms=10_000, max_request_size=largest)
    try:
        yield producer
    finally:
        # Its own `close` waits for what is under way, and leaves the thread that sends it behind when it does not come.
        producer._sender.force_close()  # noqa: SLF001
        producer._sender.join(ENDING)  # noqa: SLF001
        with suppress(Exception):
            producer.close(timeout=0)


def silent(sentence: str) -> Exception:
    """A broker that does not answer, as the client library would say it; to be tried again."""
    from kafka.errors import KafkaTimeoutError  # noqa: PLC0415

    error: Exception = KafkaTimeoutError(sentence)
    return error


# The end of the topic ------------------------------------------------------------------------------------------------


class Reader:
    """The one partition of a topic, between its oldest message and its end as it was at the beginning."""

    def __init__(self, consumer: KafkaConsumer, topic: str) -> None:
        from kafka import TopicPartition  # noqa: PLC0415

        self._consumer = consumer
        self._place = TopicPartition(topic, 0)
        consumer.assign([self._place])
        self.begin: int = consumer.beginning_offsets([self._place])[self._place]
        self.end: int = consumer.end_offsets([self._place])[self._place]

    def read(self, start: int) -> Iterator[Message]:
        """The messages from an offset on."""
        self._consumer.seek(self._place, start)
        patience = time.monotonic() + PATIENCE
        while self._consumer.position(self._place) < self.end:
            found = self._consumer.poll(timeout_ms=500, max_records=5_000).get(self._place, [])
            for record in found:
                yield Message(record.key, record.value, record.headers)
            patience = time.monotonic() + PATIENCE if found else patience
            if time.monotonic() > patience:
                raise silent(f"{self._place.topic} has messages that do not come")


def left_off(reader: Any, log_id: str, topic: str) -> tuple[int, str | None] | None:
    """The position up to which a reader of the topic has everything, and the leaf of its entry as the topic has it.

    None where the topic has no message of a log in it.

    Raises:
        CannotPublish: it has messages of another log.
    """
    span = 1
    while True:
        start = max(reader.begin, reader.end - span)
        messages = [message for message in reader.read(start) if _is_ours(message, log_id, topic)]
        known = _confirmed(messages[-1]) if messages else None
        after = [n for n, message in enumerate(messages) if known is not None and position_of(message) == known]
        if start == reader.begin or after:
            return _followed(messages[after[-1] :] if after else messages, known or 0) if messages else None
        span *= 64


def _is_ours(message: Message, log_id: str, topic: str) -> bool:
    """Whether a message is one of this log; a stranger's that is of none is passed over."""
    source = header(message, "ce_source")
    if source is not None and source != log_id and position_of(message) is not None:
        raise CannotPublish(
            f"{topic} has entries of {source}, and this is {log_id}. Choose another name with DECISIONLOG_KAFKA_PREFIX."
        )
    return source == log_id and position_of(message) is not None and _confirmed(message) is not None


def _confirmed(message: Message) -> int | None:
    said = header(message, CONFIRMED)
    return int(said) if said is not None and said.isascii() and said.isdecimal() else None


def _followed(messages: Sequence[Message], position: int) -> tuple[int, str | None]:
    """How far a reader gets who has everything up to a position, drops what it has seen and stops at a hole."""
    leaf = None
    for message in messages:
        if position_of(message) in (position, position + 1):
            position = position_of(message) or position
            leaf = header(message, LEAF)
    return position, leaf
