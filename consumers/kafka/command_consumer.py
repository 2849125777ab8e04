"""From a topic to the log: commands, on the very path that HTTP takes, and an answer for each of them.

A message is put to the log, answered, and only then ticked off; whoever goes on after an intake that died does some of
them once more, which the idempotency keys make harmless. What cannot be applied is rejected, and holds nobody up.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import quote

from eventsourcing.persistence import PersistenceError
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import PREFIX, Headers, Message, header
from consumers.kafka.problem_details import TOO_LARGE, of_fault, of_refusal, of_validation
from consumers.kafka.publisher import AGAIN, ENDING, silent
from consumers.kafka.status_reporter import OFTEN, Reporter
from consumers.kafka.topics import Topics, UnfitTopic
from domain.catalog import COMMAND, Batch
from domain.errors import Refused
from domain.values import format_micros
from eventlog.entry import Caller, Receipt, Transaction

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer

APPLIED: Final = PREFIX + "CommandApplied.v1"
REJECTED: Final = PREFIX + "CommandRejected.v1"
LARGEST: Final = 1024 * 1024
"""Bytes of one message."""
AT_ONCE: Final = 500
"""Messages taken at once."""
LONGEST_KEY: Final = 200
ARRIVING: Final = 30.0
"""Seconds that answers have to arrive."""
ANSWERING: Final = 5_000
"""Milliseconds that a broker has to say how much there is."""
STRUCTURED: Final = "application/cloudevents"
_BATCH: Final = TypeAdapter(Batch)


class Sink(Protocol):
    """A log, as far as the intake needs it."""

    async def execute_many(self, transactions: Sequence[Transaction]) -> Sequence[Receipt | Refused]:
        """Applies units in order, each with its own fate."""


@dataclass(frozen=True, slots=True)
class Order:
    """A message of the commands topic, with where it stands, and when it was sent (milliseconds since 1970)."""

    message: Message
    topic: str
    partition: int
    offset: int
    sent: int


Problem = dict[str, Any]
Outcome = Receipt | Problem


# Reading -------------------------------------------------------------------------------------------------------------


def asked(order: Order) -> tuple[bytes | None, str | None, str | None]:
    """What a message asks for, and its source and id as CloudEvents, whichever of the two modes it is in."""
    value = order.message.value
    if value and (header(order.message, "content-type") or "").startswith(STRUCTURED):
        with suppress(ValueError):
            event = from_json(value, allow_inf_nan=False)
            if isinstance(event, dict) and "data" in event:
                source, id_ = (
                    event.get(name) if isinstance(event.get(name), str) else None for name in ("source", "id")
                )
                return json.dumps(event["data"]).encode(), source, id_
    return value, header(order.message, "ce_source"), header(order.message, "ce_id")


def key_of(order: Order) -> str:
    """The idempotency key of a message: its source and id; without an id, the place where it stands."""
    _, source, id_ = asked(order)
    if id_:
        key = f"{quote(source or '', safe=':/?@')}#{quote(id_)}"
        return key if len(key) <= LONGEST_KEY else f"sha256:{sha256(key.encode()).hexdigest()}"
    # A topic that was deleted and made anew counts its offsets from the beginning again.
    return f"{order.topic}/{order.partition}/{order.offset}@{order.sent}"


def unit_of(order: Order, caller: Caller) -> Transaction | Problem:
    """The unit that a message is, or what is wrong with it."""
    value, _, _ = asked(order)
    if value is None:
        return of_fault("malformed", "the message has no value; send a command as JSON")
    if len(value) > LARGEST:
        return of_fault(TOO_LARGE, f"a message can have {LARGEST} bytes; send large imports in several units")
    try:
        told = from_json(value, allow_inf_nan=False)
    except ValueError as error:
        return of_fault("malformed-json", f"the value is not JSON: {error}")
    try:
        if isinstance(told, dict) and "commands" in told:
            batch = _BATCH.validate_json(value)
            return Transaction(tuple(batch.commands), caller, key_of(order), dict(batch.expected))
        return Transaction((COMMAND.validate_json(value),), caller, key_of(order))
    except ValidationError as error:
        return of_validation(error.errors(include_url=False, include_input=False))


# Answering -----------------------------------------------------------------------------------------------------------


def receipt_of(receipt: Receipt) -> dict[str, Any]:
    """A receipt, as HTTP answers it."""
    recorded = [
        {
            "position": each.position, "subject": each.subject, "version": each.version, "type": each.type,
            "recorded_at": format_micros(each.recorded_at),
        }
        for each in receipt.recorded
    ]  # fmt: skip
    subject = receipt.recorded[0].subject
    version = {each.subject: each.version for each in receipt.recorded}[subject]
    return {
        "position": receipt.position, "subject": subject, "version": version, "recorded": recorded,
        "replayed": receipt.replayed,
    }  # fmt: skip


def answer_of(order: Order, outcome: Outcome, log_id: str, now: int) -> Message:
    """The message that says what became of another."""
    if isinstance(outcome, Receipt):
        value, kind, content = receipt_of(outcome), APPLIED, "application/json"
    else:
        value, kind, content = outcome | _whole(order), REJECTED, "application/problem+json"
    _, source, id_ = asked(order)
    attributes = {
        "ce_specversion": "1.0", "ce_type": kind, "ce_source": log_id, "ce_id": key_of(order), "ce_time": format_micros(now),
        "ce_commandsource": source, "ce_commandid": id_, "content-type": content,
    }  # fmt: skip
    headers: Headers = [(name, said.encode()) for name, said in attributes.items() if said]
    return Message(order.message.key, json.dumps(value, ensure_ascii=False).encode(), headers)


def _whole(order: Order) -> dict[str, Any]:
    """The message itself, readable where it is text, and where it stood."""
    where = {"topic": order.topic, "partition": order.partition, "offset": order.offset}
    value = order.message.value
    if value is None or len(value) > LARGEST:
        return where
    with suppress(UnicodeDecodeError):
        text = value.decode()
        if len(json.dumps(text, ensure_ascii=False)) < 2 * len(value) + 100:
            return where | {"message": text}
    return where | {"message_base64": base64.b64encode(value).decode()}


# Taking in -----------------------------------------------------------------------------------------------------------


class Intake:
    """Takes commands in until it is stopped. Run by one process at a time, though a second would do no harm.

    The broker keeps how far it is; it does not deal out the partitions. A group of consumers that is dealt them may stand
    still for ever where one of its steps takes longer than a poll (seen with kafka-python 3.0.12), and says nothing of it.
    """

    def __init__(
        self, sink: Sink, broker: Broker, topics: Topics, caller: Caller, reporter: Reporter, *,
        log_id: str, clock: Callable[[], int], tell: Callable[[str], None] = lambda _sentence: None,
    ) -> None:  # fmt: skip
        self._sink = sink
        self._broker = broker
        self._topics = topics
        self._caller = caller
        self._reporter = reporter
        self._log_id = log_id
        self._clock = clock
        self._tell = tell
        self._stop = threading.Event()
        self._report_at = 0.0
        self._position = reporter.before.position if reporter.before else 0

    def stop(self) -> None:
        """Has `run` come to its end."""
        self._stop.set()

    def run(self) -> None:
        """Takes in until it is stopped; what fails in passing is tried again.

        Raises:
            UnfitTopic: a topic is not what it must be.
        """
        from kafka.errors import KafkaError  # noqa: PLC0415  (only who speaks to a broker needs it)

        while not self._stop.is_set():
            try:
                self._take_in()
            except UnfitTopic as error:
                self._reporter.failed(error)
                raise
            except (KafkaError, PersistenceError, OSError, Refused) as error:
                # A refusal of all that was sent says that the intake itself may not speak; no command is to blame.
                self._reporter.failed(error)
                self._stop.wait(AGAIN)

    def _take_in(self) -> None:
        topics = self._topics
        with closing(self._broker.admin()) as admin:
            state = topics.made(admin, topics.commands)
            largest = min(topics.made(admin, answers).largest for answers in (topics.results, topics.rejected))
        self._tell(f"Taking commands from {topics.commands.name} as {self._caller.actor}: {state}.")
        consumer = self._broker.consumer(
            group_id=f"{topics.prefix}.intake", max_poll_records=AT_ONCE, fetch_max_wait_ms=200
        )
        producer = self._broker.producer(max_request_size=largest)
        try:
            self._assign(consumer)
            while not self._stop.is_set():
                self._take(consumer, producer)
        finally:
            with suppress(Exception):  # what has gone wrong is on its way up already
                producer.close(timeout=ENDING)
            consumer.close()
            self._reporter.last()

    def _assign(self, consumer: KafkaConsumer) -> None:
        """Takes every partition there is, also those that were added since."""
        from kafka import TopicPartition  # noqa: PLC0415

        name = self._topics.commands.name
        places = {TopicPartition(name, number) for number in consumer.partitions_for_topic(name) or ()}
        if not places:
            raise silent(f"{self._broker} does not say what partitions {name} has")
        if places != consumer.assignment():
            consumer.assign(sorted(places))

    def _take(self, consumer: KafkaConsumer, producer: KafkaProducer) -> None:
        """Takes what there is, answers it, and ticks it off."""
        found = consumer.poll(timeout_ms=200, max_records=AT_ONCE)
        orders = [_order(record) for records in found.values() for record in records]
        if orders:
            outcomes = asyncio.run(self._fates(orders))
            self._answer(producer, zip(orders, outcomes, strict=True))
            consumer.commit()
        self._report(consumer)

    def _report(self, consumer: KafkaConsumer) -> None:
        """Says now and then how much is left; a broker that does not tell is one that does not answer."""
        if time.monotonic() < self._report_at:
            return
        self._report_at = time.monotonic() + OFTEN / 1_000_000
        self._assign(consumer)
        ends = consumer.end_offsets(sorted(consumer.assignment()), timeout_ms=ANSWERING)
        behind = sum(end - (consumer.position(place, timeout_ms=ANSWERING) or 0) for place, end in ends.items())
        self._reporter.done(self._position, behind)

    async def _fates(self, orders: Sequence[Order]) -> list[Outcome]:
        """What becomes of some messages, in their order."""
        transactions = [unit_of(order, self._caller) for order in orders]
        results = iter(
            await self._sink.execute_many(
                [transaction for transaction in transactions if isinstance(transaction, Transaction)]
            )
        )
        return [
            self._outcome(next(results)) if isinstance(transaction, Transaction) else transaction
            for transaction in transactions
        ]

    def _outcome(self, result: Receipt | Refused) -> Outcome:
        if isinstance(result, Refused):
            return of_refusal(result)
        self._position = max(self._position, result.position)
        return result

    def _answer(self, producer: KafkaProducer, outcomes: Iterable[tuple[Order, Outcome]]) -> None:
        """Sends the answers, and waits until each has arrived."""
        topics, now = self._topics, self._clock()
        under_way = []
        for order, outcome in outcomes:
            answer = answer_of(order, outcome, self._log_id, now)
            topic = topics.results if isinstance(outcome, Receipt) else topics.rejected
            under_way.append(producer.send(topic.name, key=answer.key, value=answer.value, headers=answer.headers))
        end = time.monotonic() + ARRIVING
        for future in under_way:
            future.get(max(0.0, end - time.monotonic()))


def _order(record: Any) -> Order:
    message = Message(record.key, record.value, list(record.headers))
    return Order(message, record.topic, record.partition, record.offset, record.timestamp)
