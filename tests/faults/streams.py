"""Publishing while everything dies: the publisher, the only broker, the leader of three.

The one question at the end: does a reader who reads the topic from its beginning, drops what they have and stops at a
hole, end up with every entry of the log, byte for byte, with its texts?
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final, Self

from kafka import KafkaConsumer, TopicPartition

from cli.bootstrap import clock
from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import InvalidMessage, Message, get_position, parse_message
from consumers.kafka.publisher import Publisher
from consumers.kafka.status_reporter import REPORT_INTERVAL_US, StatusReporter
from consumers.kafka.topics import Topics
from eventlog.worker_status import WorkerStatus
from identity.decision_log import DecisionLog
from tests.faults.logs import do, write_log
from tests.kafka.broker import Cluster, Node
from tests.support_serving import COMMAND, surroundings

PREFIX: Final = "decisionlog"
EVENTS: Final = f"{PREFIX}.events"
SOON: Final = 15.0
"""Seconds after a broker is back within which the publisher must be at work again."""
SABOTAGED_PUBLISHER: Final = (sys.executable, "-m", "tests.faults.sabotaged_publisher")
KILLS: Final = 20
"""How often the brokers are killed while the events are published."""


# What a reader makes of the topic ------------------------------------------------------------------------------------


@dataclass
class Read:
    """A reader who read the whole topic."""

    position: int = 0
    messages: int = 0
    seen: int = 0
    early: int = 0
    wrong: str | None = None

    def __str__(self) -> str:
        return f"{self.messages:,} messages, {self.seen} seen before, {self.early} before their turn"


def read(servers: str, topic: str, log: DecisionLog) -> Read:
    """Reads all that is in a topic, and compares it with the log."""
    told = Read()
    rows = {row.position: row for row in _rows(log)}
    for message in _messages(servers, topic):
        told.messages += 1
        position = get_position(message)
        if position is not None and position <= told.position:
            told.seen += 1
        elif position != told.position + 1:
            told.early += 1  # a hole, which is filled further on, or not
        else:
            told.position = position
            told.wrong = told.wrong or _wrong(message, rows.get(position))
    return told


def _rows(log: DecisionLog) -> Iterator[Any]:
    after = 0
    while found := log.rows(after, 5000):
        yield from found
        after = found[-1].position


def _wrong(message: Message, row: Any) -> str | None:
    try:
        return (
            None if parse_message(message) == row else f"position {get_position(message)} is not what the log has there"
        )
    except InvalidMessage as error:
        return str(error)


def _messages(servers: str, topic: str) -> Iterator[Message]:
    place = TopicPartition(topic, 0)
    with closing(KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, max_poll_records=5000)) as consumer:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        end = consumer.end_offsets([place])[place]
        while consumer.position(place) < end:
            for records in consumer.poll(timeout_ms=500).values():
                yield from (Message(record.key, record.value, list(record.headers)) for record in records)


def wrong_with(servers: str, topic: str, log: DecisionLog) -> tuple[Read, list[str]]:
    """What a reader found, and what is wrong with it, in words."""
    told, size = read(servers, topic, log), log.head().size
    missing = [f"a reader is at {told.position}, and the log at {size}"] if told.position != size else []
    return told, missing + ([told.wrong] if told.wrong else [])


# The publisher dies --------------------------------------------------------------------------------------------------


def kill_publisher(
    servers: str, data: Path, log: DecisionLog, prefix: str, chance: Random, command: Sequence[str | Path] = (COMMAND,)
) -> None:
    """One round: the log grows while it is published, and the publisher is killed at any moment."""
    with _publishing(servers, data, prefix, command) as process:
        threading.Timer(chance.uniform(0, 0.6), process.kill).start()
        while process.poll() is None:
            grow(log, 100)


@contextmanager
def _publishing(
    servers: str, data: Path, prefix: str, command: Sequence[str | Path]
) -> Iterator[subprocess.Popen[str]]:
    more = {
        "DECISIONLOG_KAFKA_BOOTSTRAP_SERVERS": servers,
        "DECISIONLOG_KAFKA_PREFIX": prefix,
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    process = subprocess.Popen([*command, "publish"], env=surroundings(data, **more), stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it says that it publishes
        yield process
    finally:
        process.kill()
        process.communicate()


def grow(log: DecisionLog, transactions: int) -> None:
    """Records this many products."""
    size = log.head().size
    do(
        log,
        [
            [{"type": "DefineProduct", "key": f"p{size + n}", "title": f"Product {size + n}"}]
            for n in range(transactions)
        ],
    )


def finish(servers: str, data: Path, log: DecisionLog, prefix: str, command: Sequence[str | Path] = (COMMAND,)) -> None:
    """Publishes the rest, and ends well."""
    with _publishing(servers, data, prefix, command) as process:
        end = time.monotonic() + 60
        while _end_of(servers, f"{prefix}.events") < log.head().size and time.monotonic() < end:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _end_of(servers: str, topic: str) -> int:
    """The position of the last message, or 0."""
    place = TopicPartition(topic, 0)
    with closing(KafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)) as consumer:
        consumer.assign([place])
        end: int = consumer.end_offsets([place])[place]
        if not end:
            return 0
        consumer.seek(place, end - 1)
        found = consumer.poll(timeout_ms=2000).get(place, [])
        return get_position(Message(None, None, list(found[-1].headers))) or 0 if found else 0


def run_publisher(rounds: int) -> Iterator[str]:
    """Many rounds on one log and one topic; says what a reader found."""
    chance, begun = Random(rounds), time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder) / "kafka") as cluster:
        data, servers = Path(folder) / "data", cluster.bootstrap_servers
        data.mkdir()
        with DecisionLog.open(data / "log.sqlite3", clock=clock) as log:
            log.default_role = "admin"
            for number in range(1, rounds + 1):
                kill_publisher(servers, data, log, PREFIX, chance)
                if number % 20 == 0:
                    yield f"{number} kills, {log.head().size:,} entries, {time.monotonic() - begun:.0f} s"
            finish(servers, data, log, PREFIX)
            yield from _verdict(servers, EVENTS, log)


def _verdict(servers: str, topic: str, log: DecisionLog) -> Iterator[str]:
    told, wrong = wrong_with(servers, topic, log)
    yield f"{log.head().size:,} entries: {told}; {len(wrong)} things wrong"
    yield from wrong
    if wrong:
        raise SystemExit(1)


# The brokers die -----------------------------------------------------------------------------------------------------


class Watched:
    """The sheets of one process, kept in memory."""

    def __init__(self) -> None:
        self.sheet: WorkerStatus | None = None
        self.failed = 0

    def save(self, sheet: WorkerStatus) -> None:
        self.failed += sheet.failing
        self.sheet = sheet

    def all(self) -> list[WorkerStatus]:
        return [self.sheet] if self.sheet else []

    def find(self, _: str) -> WorkerStatus | None:
        return self.sheet

    @property
    def position(self) -> int:
        return self.sheet.position if self.sheet else 0


class Unacknowledged(Broker):
    """A sabotaged producer: it does not wait for acknowledgments."""

    def producer(self, **more: Any) -> Any:
        return super().producer(**more | {"acks": 0, "enable_idempotence": False})


@dataclass
class Publishing:
    """A publisher in a thread of this process."""

    log: DecisionLog
    broker: Broker
    topics: Topics

    def __post_init__(self) -> None:
        ticks = iter(range(REPORT_INTERVAL_US, sys.maxsize, REPORT_INTERVAL_US))
        self.sheets = Watched()
        reporter = StatusReporter(self.sheets, "publisher", self.topics.events.name, lambda: next(ticks))
        self.publisher = Publisher(self.log, self.broker, self.topics, reporter)
        self.thread = threading.Thread(target=self.publisher.run)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.publisher.stop()
        self.thread.join(60)
        assert not self.thread.is_alive()

    def reach(self, position: int, patience: float) -> bool:
        """Waits until it has published so far."""
        end = time.monotonic() + patience
        while self.sheets.position < position and time.monotonic() < end:
            time.sleep(0.005)
        return self.sheets.position >= position


def kill_brokers(
    log: DecisionLog, cluster: Cluster, kills: int, chance: Random, broker: type[Broker] = Broker, prefix: str = PREFIX
) -> Iterator[str]:
    """Publishes a whole log while brokers are killed and started again; what is wrong, in words.

    With several brokers it is always the leader that dies.
    """
    size, longest = log.head().size, 0.0
    topics = Topics(prefix, replication_factor=min(3, cluster.size))
    with Publishing(log, broker.from_addresses(cluster.bootstrap_servers), topics) as publishing:
        for n in range(1, kills + 1):
            goal = size * n // (kills + 1)
            if not publishing.reach(goal, 300):
                yield f"before kill {n} the publisher is at {publishing.sheets.position} of {goal}"
                return
            node = leader(cluster)
            node.kill()
            time.sleep(chance.uniform(0, 1.5))
            before = publishing.sheets.position
            node.start()
            node.wait()
            back = time.monotonic()
            if not publishing.reach(min(before + 1, size), SOON + 45):
                yield f"after kill {n} the publisher stands still at {publishing.sheets.position}"
                return
            longest = max(longest, time.monotonic() - back)
        if not publishing.reach(size, 300):
            yield f"the publisher is at {publishing.sheets.position} of {size}"
    if longest > SOON:
        yield f"it took {longest:.1f} s after a broker was back until something was published again"


def leader(cluster: Cluster) -> Node:
    """The broker that leads the topic; of one broker itself."""
    if cluster.size == 1:
        return cluster.nodes[0]
    with closing(Broker.from_addresses(cluster.bootstrap_servers).admin()) as admin:
        (partition,) = admin.describe_topics([EVENTS])[0]["partitions"]
    return next(node for node in cluster.nodes if node.id == partition["leader_id"])


def _run_brokers(events: int, brokers: int) -> Iterator[str]:
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.sqlite3"
        write_log(path, events, events)
        yield f"a log of {events:,} entries in {time.monotonic() - begun:.0f} s"
        begun = time.monotonic()
        with (
            DecisionLog.open(path, clock=clock, read_only=True) as log,
            Cluster(Path(folder) / "kafka", brokers) as cluster,
        ):
            wrong = list(kill_brokers(log, cluster, KILLS, Random(events)))
            yield f"published through {KILLS} kills in {time.monotonic() - begun:.0f} s; {len(wrong)} things wrong"
            yield from wrong
            if wrong:
                raise SystemExit(1)
            yield from _verdict(cluster.bootstrap_servers, EVENTS, log)


def run_broker(events: int) -> Iterator[str]:
    """One broker."""
    return _run_brokers(events, 1)


def run_cluster(events: int) -> Iterator[str]:
    """Three brokers, of which the leader dies."""
    return _run_brokers(events, 3)
