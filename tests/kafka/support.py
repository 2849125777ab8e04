"""A log, and a plain Kafka client to send and read messages."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import jsonschema
import referencing
import referencing.jsonschema
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from consumers.kafka.asyncapi import build_document
from consumers.kafka.cloudevents import Message, get_header
from consumers.kafka.status_reporter import REPORT_INTERVAL_US, StatusReporter
from consumers.kafka.topics import Topics
from eventlog.worker_status import workers_at
from identity.decision_log import DecisionLog
from tests.support_log import Ticking

PATIENCE = 30.0


def open_log(folder: Path) -> DecisionLog:
    log = DecisionLog.open(folder / "log.sqlite3", clock=Ticking())
    log.default_role = "admin"
    return log


def reporter(folder: Path, name: str, place: str) -> StatusReporter:
    """One that says every step, as its clock runs fast."""
    seconds = count(1)
    return StatusReporter(workers_at(folder / "log.sqlite3"), name, place, lambda: next(seconds) * REPORT_INTERVAL_US)


def until(true: Callable[[], Any], what: str = "it") -> Any:
    """Waits until something holds; what it came to."""
    end = time.monotonic() + PATIENCE
    while not (found := true()):
        assert time.monotonic() < end, f"{what} did not come about"
        time.sleep(0.02)
    return found


@contextmanager
def running(worker: Any) -> Iterator[Any]:
    """A worker at work in a thread; what stopped it is raised at the end."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            worker.run()
        except BaseException as error:  # noqa: BLE001  (raised again below)
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()
    if failed:
        raise failed[0]


def send(servers: str, topic: str, *messages: tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]) -> None:
    """Sends messages as any client does."""
    with closing(KafkaProducer(bootstrap_servers=servers)) as producer:
        under_way = [producer.send(topic, key=key, value=value, headers=headers) for key, value, headers in messages]
        for future in under_way:
            future.get(PATIENCE)


def fits(message: Message) -> None:
    """Holds a message against what the AsyncAPI document says of it."""
    name = (get_header(message, "ce_type") or "").removeprefix("decisionlog.")
    matches(name, "payload", json.loads(message.value or b"null"))
    matches(name, "headers", {key: value.decode() for key, value in message.headers})


def matches(name: str, part: str, told: Any) -> None:
    """Holds a part of a message against the document."""
    jsonschema.Draft202012Validator(
        {"$ref": f"urn:topics#/components/messages/{name}/{part}"}, registry=_document()
    ).validate(told)


@cache
def _document() -> referencing.Registry[Any]:
    resource = referencing.jsonschema.DRAFT202012.create_resource(build_document(Topics()))
    return referencing.Registry().with_resource("urn:topics", resource)


def everything_in(servers: str, topic: str) -> list[Message]:
    """Every message of a topic of one partition, from its oldest to its end now."""
    place = TopicPartition(topic, 0)
    with closing(KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)) as consumer:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        end, found = consumer.end_offsets([place])[place], []
        while consumer.position(place) < end:
            for records in consumer.poll(timeout_ms=500).values():
                found += [Message(record.key, record.value, list(record.headers)) for record in records]
    return found
