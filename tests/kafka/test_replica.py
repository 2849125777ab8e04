"""A replica on a real broker follows the topic, fetches missing entries, and holds one log only."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import build_message
from consumers.kafka.event_consumer import TopicFeed
from consumers.kafka.name_replicator import NameReplicator, NoNames
from consumers.kafka.people_publisher import PeoplePublisher
from consumers.kafka.replica_session import UpstreamLog, WrongLog
from consumers.kafka.replica_worker import ReplicaWorker
from consumers.kafka.topics import InvalidTopic, Topics
from eventlog.sequencer import EntryRow
from identity.decision_log import DecisionLog
from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel, content_hash
from projections.read_model.projector import Projector
from projections.read_model.rebuild import rebuild
from projections.read_model.replica_state import Replica
from projections.read_model.sqlite import SqliteDatabase
from tests.faults.logs import write_log
from tests.kafka.support import PATIENCE, everything_in, matches, running, send, until
from tests.support_log import LocalService, Ticking
from tests.support_postgresql import fresh_schema


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DecisionLog]:
    path = tmp_path_factory.mktemp("log") / "log"
    write_log(path, 260, 4)
    with DecisionLog.open(path, clock=Ticking()) as opened:
        opened.default_role = "admin"
        yield opened


@pytest.fixture
def topics(bootstrap_servers: str, prefix: str) -> Topics:
    made = Topics(prefix)
    with Broker.from_addresses(bootstrap_servers).admin() as admin:
        made.ensure_topic(admin, made.events)
    return made


class Api:
    """The log's API, with no server between."""

    transient_errors = (ConnectionError,)

    def __init__(self, log: DecisionLog) -> None:
        self.log = log

    def size(self) -> tuple[str, int]:
        return self.log.id, self.log.head().size

    def rows(self, after: int, limit: int) -> Sequence[EntryRow]:
        return self.log.rows(after, limit)


def send_rows(servers: str, topics: Topics, rows: Sequence[EntryRow], log: str) -> None:
    messages = (build_message(row, log) for row in rows)
    send(servers, topics.events.name, *((each.key, each.value, each.headers) for each in messages))


def follower(
    servers: str, topics: Topics, model: ReadModel, upstream: UpstreamLog | None = None, **more: Any
) -> ReplicaWorker:
    return ReplicaWorker(
        model, TopicFeed(Broker.from_addresses(servers), topics), upstream, lambda: time.time_ns() // 1000, **more
    )


def at_most(one: ReplicaWorker, seconds: float = PATIENCE) -> None:
    """Lets a follower run until it ends, or for so long."""
    ending = threading.Timer(seconds, one.stop)
    ending.start()
    try:
        one.run()
    finally:
        ending.cancel()


@contextmanager
def place(kind: str, folder: Path) -> Iterator[ReadModel]:
    """A place for a replica in a database of either kind."""
    with fresh_schema() as url:
        model = ReadModel(open_database(url if kind == "postgresql" else folder / "replica"), Ticking())
        yield model
        model.close()


def peaceful(log: DecisionLog, folder: Path) -> str:
    """The content of a read model compared with the log."""
    with closing(ReadModel.open(SqliteDatabase(folder / "peaceful"), log, Ticking())) as model:
        rebuild(log, model)
        return content_hash(model)


def stands(model: ReadModel) -> Any:
    """How a replica stands, once there is one."""
    return (
        until(lambda: model.database.check() is None and model.database.has_table("replica"))
        and Replica(model).read_state()
    )


def test_another_history_of_the_log_is_refused(
    bootstrap_servers: str, topics: Topics, log: DecisionLog, tmp_path: Path
) -> None:
    """A log that was restored, continued differently, and is published again, stops the replica and its API."""
    model, republished = (
        ReadModel(SqliteDatabase(tmp_path / "replica"), Ticking()),
        replace(topics, prefix=f"{topics.prefix}-2"),
    )
    send_rows(bootstrap_servers, topics, log.rows(0, 5), log.id)
    with running(follower(bootstrap_servers, topics, model)):
        until(lambda: stands(model).position == 5)
    with Broker.from_addresses(bootstrap_servers).admin() as admin:
        republished.ensure_topic(admin, republished.events)
    other = log.rows(4, 1)[0]
    send_rows(
        bootstrap_servers, republished, [*log.rows(0, 4), other._replace(recorded_at=other.recorded_at + 1)], log.id
    )

    with pytest.raises(WrongLog, match=r"position 5 of .* differs from the entry in the replica"):
        at_most(follower(bootstrap_servers, republished, model))
    shorter = Api(log)
    shorter.size = lambda: (log.id, 4)  # type: ignore[method-assign]
    with pytest.raises(WrongLog, match="ends at position 4, and the replica is at 5"):
        at_most(follower(bootstrap_servers, topics, model, shorter))
    assert model.position == 5
    assert "ends at position 4" in stands(model).error, "its status shows why it ended"
    model.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_expired_messages_are_fetched_from_the_log(
    bootstrap_servers: str, topics: Topics, log: DecisionLog, tmp_path: Path, kind: str
) -> None:
    """Expired messages and holes are fetched from the log's API, and foreign messages are ignored."""
    rows, size = log.rows(0, 1_000), log.head().size
    send_rows(bootstrap_servers, topics, rows[100:150], log.id)
    send(bootstrap_servers, topics.events.name, (b"who", b"knows what this is", []))
    send_rows(bootstrap_servers, topics, [*rows[140:200], *rows[210:]], log.id)

    with place(kind, tmp_path) as model:
        with running(follower(bootstrap_servers, topics, model, Api(log))):
            until(lambda: stands(model).position == size)

        found = Replica(model).read_state()
        assert (found.log, found.lag, found.missing_position) == (log.id, 0, None)
        assert "has no valid entry" in found.error
        assert content_hash(model) == peaceful(log, tmp_path)


def test_a_hole_without_an_upstream_is_waited_for(
    bootstrap_servers: str, topics: Topics, log: DecisionLog, tmp_path: Path
) -> None:
    """Without an upstream, the replica waits for a missing entry, reports it, and continues when it arrives."""
    rows, size = log.rows(0, 1_000), log.head().size
    send_rows(bootstrap_servers, topics, [*rows[:50], *rows[51:]], log.id)
    said: list[str] = []

    with place("sqlite", tmp_path) as model:
        with running(follower(bootstrap_servers, topics, model, notify=said.append)) as first:
            until(lambda: stands(model).missing_position == 51)
            assert (stands(model).position, stands(model).lag) == (50, size - 50)
            with running(follower(bootstrap_servers, topics, model, notify=said.append)):
                until(lambda: "Standing by: another process keeps this replica." in said)
                first.stop()
                until(lambda: said[2:])
                send_rows(bootstrap_servers, topics, rows[50:51], log.id)
                until(lambda: stands(model).position == size)
        assert content_hash(model) == peaceful(log, tmp_path)


def test_two_logs_cannot_share_a_replica(
    bootstrap_servers: str, topics: Topics, log: DecisionLog, tmp_path: Path
) -> None:
    """A replica refuses entries of another log, and a database with the read models of a log."""
    send_rows(bootstrap_servers, topics, log.rows(0, 3), log.id)
    model = ReadModel(SqliteDatabase(tmp_path / "replica"), Ticking())
    with running(follower(bootstrap_servers, topics, model)):
        until(lambda: stands(model).position == 3)
    send_rows(bootstrap_servers, topics, log.rows(3, 1), "log:other")
    with pytest.raises(WrongLog, match="and the topic has log:other"):
        at_most(follower(bootstrap_servers, topics, model))
    assert model.position == 3
    model.close()
    database = SqliteDatabase(tmp_path / "views")
    database.recreate()
    with closing(database.writer()) as writer, writer.transaction():
        Projector(writer).apply(log.read(0, 5))
    with pytest.raises(WrongLog, match="not a replica"):
        at_most(follower(bootstrap_servers, topics, ReadModel(database, Ticking())))


def test_a_topic_must_have_one_partition(bootstrap_servers: str, prefix: str, tmp_path: Path) -> None:
    """A topic with two partitions has no order that a replica could follow."""
    topics = Topics(prefix)
    with Broker.from_addresses(bootstrap_servers).admin() as admin:
        made = {topics.events.name: {"num_partitions": 2, "replication_factor": 1}}
        admin.create_topics(made, wait_for_metadata=True)

    with pytest.raises(InvalidTopic, match="must have 1"):
        at_most(follower(bootstrap_servers, topics, ReadModel(SqliteDatabase(tmp_path / "r"), Ticking())))


def test_names_are_replicated(bootstrap_servers: str, topics: Topics, log: DecisionLog, tmp_path: Path) -> None:
    """Names are added, changed and erased in the replica, and deleted if they are switched off."""
    broker, clock = Broker.from_addresses(bootstrap_servers), lambda: time.time_ns() // 1000
    send_rows(bootstrap_servers, topics, log.rows(0, 3), log.id)
    model = ReadModel(SqliteDatabase(tmp_path / "replica"), Ticking())
    names = Replica(model).directory

    def shown_names() -> dict[str, tuple[str, ...]]:
        return {each.id: each.spellings for each in names.list_people()} if model.database.has_table("replica") else {}

    with LocalService(tmp_path) as service:
        directory = service.log.directory
        wanted: Callable[[], Any] = lambda: {each.id: each.spellings for each in directory.list_people()}  # noqa: E731
        bob = service.person("Bob")
        with (
            _publishing(service, broker, topics),
            running(_worker_of(bootstrap_servers, topics, model, NameReplicator(broker, topics, clock))),
        ):
            until(lambda: shown_names() == wanted() != {})
            directory.rename(bob, "Robert")
            until(lambda: shown_names() == wanted())
            assert names.name(bob) == "Robert"
        directory.erase_names(bob)
        with (
            _publishing(service, broker, topics),
            running(_worker_of(bootstrap_servers, topics, model, NameReplicator(broker, topics, clock))),
        ):
            until(lambda: shown_names() == wanted())
            assert names.find("bob") == ()

    with running(_worker_of(bootstrap_servers, topics, model, NoNames())):
        until(lambda: not shown_names())
    messages = everything_in(bootstrap_servers, topics.people.name)
    assert [each.value for each in messages if each.key == bob.encode()][-1] is None
    for each in messages:
        matches("Names", "headers", {key: value.decode() for key, value in each.headers})
    model.close()


def _worker_of(servers: str, topics: Topics, model: ReadModel, people: Any) -> ReplicaWorker:
    return follower(servers, topics, model, extensions=[people])


@contextmanager
def _publishing(service: LocalService, broker: Broker, topics: Topics) -> Iterator[None]:
    people = PeoplePublisher(service.log.directory, broker, topics)
    people.start()
    yield
    people.stop()
