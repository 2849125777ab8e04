"""How fast a log goes out to a real topic and commands come in, each beside what could be had at best."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx2
from kafka import KafkaConsumer, TopicPartition

from cli.bootstrap import clock
from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import CONFIRMED_HEADER, build_message
from consumers.kafka.command_consumer import CommandConsumer
from consumers.kafka.publisher import MAX_IN_FLIGHT, Publisher
from consumers.kafka.status_reporter import StatusReporter
from consumers.kafka.topics import Topics
from eventlog.entry import Caller
from identity.decision_log import DecisionLog
from tests.faults.logs import write_log
from tests.faults.streams import Watched
from tests.kafka.broker import Cluster, missing
from tests.support_serving import COMMAND, run, serving, surroundings

EVENTS: Final = 20_000
COMMANDS: Final = 4_000
ROUNDS: Final = 3
CONNECTIONS: Final = 64


def measure() -> Iterator[str]:
    """Entries a second out, and commands a second in."""
    if reason := missing(own=True):
        yield reason
        return
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder) / "kafka") as cluster:
        yield f"the broker runs; writing {EVENTS:,} entries and sending them {2 * ROUNDS} times"
        yield from _out(Path(folder), cluster.bootstrap_servers)
        yield from _in(Path(folder), cluster.bootstrap_servers)


# Out -----------------------------------------------------------------------------------------------------------------


def _out(folder: Path, servers: str) -> Iterator[str]:
    """The publisher compared with a bare producer with the same bytes and settings, in turn."""
    write_log(folder / "log.sqlite3", EVENTS, 1)
    with DecisionLog.open(folder / "log.sqlite3", clock=clock, read_only=True) as log:
        size, messages = log.head().size, _messages(log)
        bare, ours = [], []
        for n in range(ROUNDS):
            bare.append(_bare(servers, f"bare-{n}.events", messages))
            ours.append(_publish(servers, log, f"ours-{n}"))
    best, median = sorted(bare)[ROUNDS // 2], sorted(ours)[ROUNDS // 2]
    yield (
        f"publishing {size:,} entries: {size / median:,.0f}/s, a bare producer {size / best:,.0f}/s: {best / median:.2f} of it "
        "(wanted: at least 0.80)"
    )


def _messages(log: DecisionLog) -> list[Any]:
    messages = [build_message(row, log.id) for row in log.rows(0, EVENTS * 2)]
    for n, message in enumerate(messages):
        message.headers.append((CONFIRMED_HEADER, b"%d" % max(0, n - MAX_IN_FLIGHT)))
    return messages


def _bare(servers: str, topic: str, messages: list[Any]) -> float:
    """Seconds until a producer of kafka-python has sent it all, with as many under way, and has heard that it arrived."""
    with closing(Broker.from_addresses(servers).admin()) as admin:
        admin.create_topics({topic: {"num_partitions": 1}}, wait_for_metadata=True)
    with closing(Broker.from_addresses(servers).producer()) as producer:
        producer.partitions_for(topic)
        begun, under_way = time.perf_counter(), deque[Any]()
        for message in messages:
            sent = producer.send(topic, key=message.key, value=message.value, headers=message.headers, partition=0)
            under_way.append(sent)
            if len(under_way) > MAX_IN_FLIGHT:
                under_way.popleft().get(60)
        for future in under_way:
            future.get(60)
        return time.perf_counter() - begun


def _publish(servers: str, log: DecisionLog, prefix: str) -> float:
    """Seconds from when the publisher knows where to begin until all has arrived."""
    begun: list[float] = []
    sheets = Watched()
    seconds = count(1)
    reporter = StatusReporter(sheets, "publisher", prefix, lambda: next(seconds) * 1_000_000)
    publisher = Publisher(
        log,
        Broker.from_addresses(servers),
        Topics(prefix),
        reporter,
        notify=lambda _said: begun.append(time.perf_counter()),
    )
    thread = threading.Thread(target=publisher.run)
    thread.start()
    while sheets.position < log.head().size:
        time.sleep(0.002)
    taken = time.perf_counter() - begun[0]
    publisher.stop()
    thread.join()
    return taken


# In ------------------------------------------------------------------------------------------------------------------


def _in(folder: Path, servers: str) -> Iterator[str]:
    """Commands from a topic, compared with the same over HTTP; each into a log of its own, and each until all are answered."""
    with serving(folder / "http", DECISIONLOG_PROJECTION="beside") as server:
        http = asyncio.run(_post(server.address, server.token))
    alone = _taken_in(folder / "alone", servers, "alone")
    with serving(folder / "beside", DECISIONLOG_PROJECTION="beside"):
        secret = run(folder / "beside", "token", "create", "service:consumer").stdout.split()[-1]
        beside = _taken_in_by_command(folder / "beside", servers, "beside", secret)
    yield (
        f"taking in {COMMANDS:,} commands: {COMMANDS / alone:,.0f}/s, through a server {COMMANDS / beside:,.0f}/s; over HTTP, "
        f"{CONNECTIONS} connections, {COMMANDS / http:,.0f}/s: {http / alone:.2f} and {http / beside:.2f} of it (wanted: at least 1.00)"
    )


def _commands() -> list[dict[str, Any]]:
    return [
        {
            "type": "DefineProduct",
            "key": f"p{n}",
            "title": f"Product {n}",
            "description": "Where something is sold. " * 10,
        }
        for n in range(COMMANDS)
    ]


async def _post(address: str, token: str) -> float:
    waiting = iter(_commands())

    async def client() -> None:
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=address, headers=headers, trust_env=False, timeout=60) as http:
            for command in waiting:
                answer = await http.post("/v1/commands", json=command, headers={"Idempotency-Key": command["key"]})
                assert answer.status_code == 201, answer.text

    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return time.perf_counter() - begun


def _order(servers: str, prefix: str) -> None:
    """The commands stand on the topic before anybody looks."""
    topics = Topics(prefix)
    with closing(Broker.from_addresses(servers).admin()) as admin:
        for topic in (topics.commands, topics.results, topics.rejected):
            topics.ensure_topic(admin, topic)
    with closing(Broker.from_addresses(servers).producer()) as producer:
        for command in _commands():
            producer.send(
                topics.commands.name, value=json.dumps(command).encode(), headers=[("ce_id", command["key"].encode())]
            )
        producer.flush(60)


def _count_answers(servers: str, prefix: str) -> int:
    topics, answers = Topics(prefix), 0
    with closing(KafkaConsumer(bootstrap_servers=servers)) as consumer:
        for topic in (topics.results, topics.rejected):
            place = TopicPartition(topic.name, 0)
            answers += consumer.end_offsets([place])[place]
    return answers


def _taken_in(folder: Path, servers: str, prefix: str) -> float:
    folder.mkdir()
    _order(servers, prefix)
    begun: list[float] = []
    caller = Caller("service:consumer", "local", "kafka")
    with DecisionLog.open(folder / "log.sqlite3", clock=clock) as log:
        log.default_role = "admin"
        consumer = CommandConsumer(
            log,
            Broker.from_addresses(servers),
            Topics(prefix),
            caller,
            StatusReporter(Watched(), "consumer", prefix, clock),
            log_id=log.id,
            clock=clock,
            notify=lambda _said: begun.append(time.perf_counter()),
        )
        thread = threading.Thread(target=consumer.run)
        thread.start()
        while _count_answers(servers, prefix) < COMMANDS:
            time.sleep(0.05)
        taken = time.perf_counter() - begun[0]
        consumer.stop()
        thread.join()
    return taken


def _taken_in_by_command(folder: Path, servers: str, prefix: str, secret: str) -> float:
    _order(servers, prefix)
    more = {
        "DECISIONLOG_KAFKA_BOOTSTRAP_SERVERS": servers,
        "DECISIONLOG_KAFKA_PREFIX": prefix,
        "DECISIONLOG_TOKEN": secret,
        "PYTHONUNBUFFERED": "1",
    }
    process = subprocess.Popen(
        [COMMAND, "consume"], env=surroundings(folder, **more), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it says that it takes commands in
        begun = time.perf_counter()
        while _count_answers(servers, prefix) < COMMANDS:
            time.sleep(0.05)
        return time.perf_counter() - begun
    finally:
        process.terminate()
        process.communicate(timeout=30)
