"""Consume commands from a topic, apply them as the HTTP API does, and reply to each.

Offsets are committed after the replies were sent. A consumer that takes over from a crashed one repeats some messages,
which their idempotency keys make harmless. A command that cannot be applied is rejected and does not block others.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any, Final

from eventsourcing.persistence import PersistenceError

from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import Message
from consumers.kafka.command_messages import CommandMessage, Outcome, build_reply, build_transaction
from consumers.kafka.publisher import RETRY_DELAY_S, SHUTDOWN_TIMEOUT_S
from consumers.kafka.status_reporter import REPORT_INTERVAL_US, StatusReporter, without_repeats
from consumers.kafka.topic_reader import broker_timeout
from consumers.kafka.topics import InvalidTopic, Topics
from domain.errors import Refused
from domain.problems import refusal_problem
from eventlog.entry import Caller, Receipt, Sink, Transaction

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer

MAX_POLL_MESSAGES: Final = 500
REPLY_TIMEOUT_S: Final = 30.0
BROKER_TIMEOUT_MS: Final = 5_000


class CommandConsumer:
    """Consumes commands until it is stopped. One process runs it at a time, though a second would do no harm.

    The broker stores the offsets, but the consumer assigns itself all partitions: with kafka-python 3.0.12, a group
    whose partitions the broker assigns can hang without an error if processing takes longer than a poll.
    """

    def __init__(
        self,
        sink: Sink,
        broker: Broker,
        topics: Topics,
        caller: Caller,
        reporter: StatusReporter,
        *,
        log_id: str,
        clock: Callable[[], int],
        notify: Callable[[str], None] = lambda _message: None,
        transient_errors: tuple[type[Exception], ...] = (),
    ) -> None:
        """`transient_errors` are errors of the sink after which it is tried again, besides those of a store."""
        self._sink = sink
        self._broker = broker
        self._topics = topics
        self._caller = caller
        self._reporter = reporter
        self._log_id = log_id
        self._clock = clock
        self._notify = without_repeats(notify)
        self._transient_errors = transient_errors
        self._stop = threading.Event()
        self._report_at = 0.0
        self._position = reporter.previous.position if reporter.previous else 0

    def stop(self) -> None:
        """Make `run` return."""
        self._stop.set()

    def run(self) -> None:
        """Consume commands until stopped, and retry after transient errors.

        Raises:
            InvalidTopic: a topic does not have the required configuration.
        """
        from kafka.errors import KafkaError  # noqa: PLC0415  (imported only if Kafka is used)

        while not self._stop.is_set():
            try:
                self._consume()
            except InvalidTopic as error:
                self._reporter.report_failure(error, final=True)
                raise
            except (KafkaError, PersistenceError, OSError, Refused, *self._transient_errors) as error:
                # `Refused` for a whole batch means that the consumer itself lacks a scope; no command is to blame.
                self._reporter.report_failure(error)
                self._stop.wait(RETRY_DELAY_S)

    def _consume(self) -> None:
        topics = self._topics
        with closing(self._broker.admin()) as admin:
            state = topics.ensure_topic(admin, topics.commands)
            replies = [topics.ensure_topic(admin, topic) for topic in (topics.results, topics.rejected)]
        self._notify(f"Consuming commands from {topics.commands.name} as {self._caller.actor}: {state}.")
        consumer = self._broker.consumer(
            group_id=f"{topics.prefix}.consumer",
            max_poll_records=MAX_POLL_MESSAGES,
            fetch_max_wait_ms=200,
            isolation_level="read_committed",  # not what a producer sent and then took back
        )
        producer = self._broker.producer(max_request_size=min(each.max_message_bytes for each in replies))
        try:
            self._assign_partitions(consumer)
            while not self._stop.is_set():
                self._process_batch(consumer, producer)
        finally:
            with suppress(Exception):  # the error that ended the loop matters more
                producer.close(timeout=SHUTDOWN_TIMEOUT_S)
            consumer.close()
            self._reporter.flush()

    def _assign_partitions(self, consumer: KafkaConsumer) -> None:
        """Assign all partitions of the topic, including those added since."""
        from kafka import TopicPartition  # noqa: PLC0415

        name = self._topics.commands.name
        partitions = {TopicPartition(name, number) for number in consumer.partitions_for_topic(name) or ()}
        if not partitions:
            raise broker_timeout(f"{self._broker} does not return the partitions of {name}")
        if partitions != consumer.assignment():
            consumer.assign(sorted(partitions))

    def _process_batch(self, consumer: KafkaConsumer, producer: KafkaProducer) -> None:
        """Execute the next commands, reply to them, and commit their offsets."""
        found = consumer.poll(timeout_ms=200, max_records=MAX_POLL_MESSAGES)
        commands = [_command_message(record) for records in found.values() for record in records]
        if commands:
            outcomes = asyncio.run(self._execute(commands))
            self._send_replies(producer, zip(commands, outcomes, strict=True))
            consumer.commit()
        self._report_progress(consumer)

    def _report_progress(self, consumer: KafkaConsumer) -> None:
        """Report the number of messages left, once per interval. A broker that does not answer raises an error."""
        if time.monotonic() < self._report_at:
            return
        self._report_at = time.monotonic() + REPORT_INTERVAL_US / 1_000_000
        self._assign_partitions(consumer)
        ends = consumer.end_offsets(sorted(consumer.assignment()), timeout_ms=BROKER_TIMEOUT_MS)
        lag = sum(
            end - (consumer.position(partition, timeout_ms=BROKER_TIMEOUT_MS) or 0) for partition, end in ends.items()
        )
        self._reporter.report_progress(self._position, lag)

    async def _execute(self, commands: Sequence[CommandMessage]) -> list[Outcome]:
        """Return the outcomes of some commands, in their order."""
        transactions = [build_transaction(command, self._caller) for command in commands]
        valid = [transaction for transaction in transactions if isinstance(transaction, Transaction)]
        results = iter(await self._sink.execute_many(valid))
        return [
            self._outcome(next(results)) if isinstance(transaction, Transaction) else transaction
            for transaction in transactions
        ]

    def _outcome(self, result: Receipt | Refused) -> Outcome:
        if isinstance(result, Refused):
            return refusal_problem(result)
        self._position = max(self._position, result.position)
        return result

    def _send_replies(self, producer: KafkaProducer, outcomes: Iterable[tuple[CommandMessage, Outcome]]) -> None:
        """Send the replies and wait until all are delivered."""
        topics, now = self._topics, self._clock()
        in_flight = []
        for command, outcome in outcomes:
            reply = build_reply(command, outcome, self._log_id, now)
            topic = topics.results if isinstance(outcome, Receipt) else topics.rejected
            in_flight.append(producer.send(topic.name, key=reply.key, value=reply.value, headers=reply.headers))
        end = time.monotonic() + REPLY_TIMEOUT_S
        for future in in_flight:
            future.get(max(0.0, end - time.monotonic()))


def _command_message(record: Any) -> CommandMessage:
    message = Message(record.key, record.value, list(record.headers))
    return CommandMessage(message, record.topic, record.partition, record.offset, record.timestamp)
