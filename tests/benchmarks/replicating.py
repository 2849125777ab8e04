"""How fast a replica takes in what is published, beside how fast the projector of the log itself reads the log."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from cli.bootstrap import clock
from consumers.kafka.broker import Broker
from consumers.kafka.event_consumer import TopicFeed
from consumers.kafka.publisher import Publisher
from consumers.kafka.replica_session import ReplicaSession
from consumers.kafka.status_reporter import StatusReporter
from consumers.kafka.topics import Topics
from eventlog.worker_status import workers_at
from identity.decision_log import DecisionLog
from projections.read_model.database import Database
from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel, content_hash
from projections.read_model.runner import Runner
from tests.faults.logs import write_log
from tests.kafka.broker import Cluster, fresh_prefix
from tests.support_postgresql import fresh_schema

EVENTS = 20_000
ROUNDS = 3


def measure() -> Iterator[str]:
    """Events a second from nothing to the end, in turn, on both databases; both read models hold the same in the end."""
    with tempfile.TemporaryDirectory() as folder, Cluster(Path(folder) / "kafka") as cluster:
        path = Path(folder) / "log"
        write_log(path, EVENTS, 11)
        broker, topics = Broker.from_addresses(cluster.bootstrap_servers), Topics(fresh_prefix())
        with DecisionLog.open(path, clock=clock) as log:
            log.default_role = "admin"
            publish(log, path, broker, topics)
            for name, databases in _places(Path(folder)):
                yield _compare(name, log, broker, topics, databases)


def publish(log: DecisionLog, path: Path, broker: Broker, topics: Topics) -> None:
    """Publishes all there is of a log."""
    reporter = StatusReporter(workers_at(path), "publisher", topics.events.name, clock)
    publisher = Publisher(log, broker, topics, reporter)
    running = threading.Thread(target=publisher.run)
    running.start()
    while reporter._status.position < log.head().size:
        time.sleep(0.05)
    publisher.stop()
    running.join()


def _places(folder: Path) -> Iterator[tuple[str, Callable[[], Database]]]:
    yield "SQLite", lambda: open_database(Path(tempfile.mkdtemp(dir=folder)) / "model")
    with fresh_schema() as url:
        yield "PostgreSQL", lambda: open_database(url)


def _compare(name: str, log: DecisionLog, broker: Broker, topics: Topics, place: Callable[[], Database]) -> str:
    local, copied, hashes = [], [], set()
    for _ in range(ROUNDS):
        for seconds, work in (
            (local, lambda database: _local(log, database)),
            (copied, lambda database: _replica(log.head().size, broker, topics, database)),
        ):
            database = place()
            database.recreate()
            begun = time.perf_counter()
            work(database)
            seconds.append(time.perf_counter() - begun)
            hashes.add(content_hash(ReadModel(database, clock)))
            database.close()
    assert len(hashes) == 1, "they do not hold the same"
    size, rates = log.head().size, [statistics.median(each) for each in (local, copied)]
    return (
        f"{name}: projector {size / rates[0]:,.0f} events/s, replica {size / rates[1]:,.0f}/s: "
        f"{rates[0] / rates[1]:.2f} of it (wanted: 0.85)"
    )


def _local(log: DecisionLog, database: Database) -> None:
    runner = Runner(log, ReadModel(database, clock))
    runner.start()
    assert runner.wait_for(log.head().size, 600)
    runner.stop()


def _replica(size: int, broker: Broker, topics: Topics, database: Database) -> None:
    feed, model = TopicFeed(broker, topics), ReadModel(database, clock)
    with closing(feed), closing(database.writer()) as writer:
        turn = ReplicaSession(model, writer, feed, None, clock)
        while model.position < size:
            turn.step()
