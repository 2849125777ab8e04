"""The access matrix of the topics: each topic and command × each role × own and other product × each state of a token.

What is expected is in tables that are written by hand. A topic or a command without a row fails. No broker is needed.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import httpx2
import pytest
from eventsourcing.persistence import OperationalError
from kafka import TopicPartition
from pydantic import SecretStr

from cli.commands.consume import LocalSink, RemoteSink, find_holder, resolve_service
from cli.errors import CommandFailed
from cli.settings import Settings
from consumers.kafka.cloudevents import LEAF_HEADER, InvalidMessage, Message, parse_message
from consumers.kafka.command_consumer import CommandConsumer
from consumers.kafka.people_topic import decode_names
from consumers.kafka.topics import Topics
from domain.catalog import COMMAND, COMMANDS
from domain.errors import Forbidden
from domain.roles import Role
from domain.scopes import SCOPES
from eventlog.entry import Caller, Receipt, Transaction
from eventlog.merkle import leaf_hash
from identity.decision_log import DecisionLog
from tests.kafka.support import reporter
from tests.support_access import LEVELS, NEEDS, command_message, content, expected_outcome
from tests.support_log import Ticking
from tests.support_serving import forked_server

CALLERS: Final = [(role, where) for role in LEVELS for where in ("own", "other", "all")]
SETUP: Final = Caller("service:setup", "local", "cli", frozenset(SCOPES))
TOPICS: Final = {
    "commands": "read by the consumer, which sends each command as the service of its token",
    "results": "written by the consumer",
    "rejected": "written by the consumer",
    "events": "read by replicas, which record nothing",
    "people": "read by replicas, which record nothing",
}
"""Each topic with what reads or writes it."""


class Exchange:
    """The broker's part: it gives a consumer its messages, and keeps its replies and how many commits there were."""

    def __init__(self, topics: Topics, values: Sequence[bytes]) -> None:
        self.partition = TopicPartition(topics.commands.name, 0)
        self.records = [
            SimpleNamespace(
                key=None, value=value, headers=[], topic=topics.commands.name, partition=0, offset=n, timestamp=0
            )
            for n, value in enumerate(values)
        ]
        self.replies: list[tuple[str, dict[str, Any]]] = []
        self.commits = 0

    def poll(self, **_limits: int) -> dict[TopicPartition, list[Any]]:
        return {self.partition: self.records}

    def partitions_for_topic(self, _name: str) -> set[int]:
        return {0}

    def assignment(self) -> set[TopicPartition]:
        return {self.partition}

    def end_offsets(self, _partitions: object, **_limits: int) -> dict[TopicPartition, int]:
        return {}

    def commit(self) -> None:
        self.commits += 1

    def send(self, topic: str, *, value: bytes, **_more: object) -> SimpleNamespace:
        self.replies.append((topic, json.loads(value)))
        return SimpleNamespace(get=lambda _seconds: None)


class World:
    """A log with an own and another product, and consumers for services with each role."""

    def __init__(self, folder: Path, *, limited: bool) -> None:
        self.clock, self.topics = Ticking(), Topics("t")
        self.log = DecisionLog.open(folder / "log.sqlite3", clock=self.clock)
        self.log.default_role = "admin"
        self.reporter = reporter(folder, "consumer", self.topics.commands.name)
        for commands in content():
            self.record(*commands)
        self.tokens = {f"{role}-{where}": self._create_service(role, where) for role, where in CALLERS}
        self.log.default_role = None
        self.log.limits_reading = limited
        self.messages = {command: _encode(_expecting_another_version(self._message(command))) for command in COMMANDS}

    def record(self, *commands: dict[str, Any], caller: Caller = SETUP) -> None:
        transaction = Transaction(tuple(map(COMMAND.validate_python, commands)), caller)
        (result,) = asyncio.run(self.log.execute_many([transaction]))
        assert isinstance(result, Receipt), result

    def _create_service(self, role: str, where: str) -> str:
        """Create a token for a service with a role, and return its secret."""
        product = None if where == "all" else f"product:{where}"
        return self.create_token(f"service:{role}-{where}", role=cast("Role", role), product=product)

    def create_token(self, holder: str, **more: Any) -> str:
        return self.log.tokens.create(holder, scopes=SCOPES, by=SETUP, **more)[1]

    def _message(self, command: str) -> dict[str, Any]:
        message = command_message(command, self.log.id)
        return message | {"key": "new"} if COMMANDS[command].creates else message

    def consume(self, consumer: tuple[Caller, LocalSink], values: Sequence[bytes]) -> list[str]:
        """Let a consumer process messages, and return what became of each."""
        exchange = self.exchange(consumer, values)
        assert exchange.commits == 1
        return [_outcome(topic, reply) for topic, reply in exchange.replies]

    def exchange(self, consumer: tuple[Caller, LocalSink], values: Sequence[bytes]) -> Exchange:
        """Let a consumer process messages, unless it cannot, and return what it did with them."""
        exchange = Exchange(self.topics, values)
        caller, sink = consumer
        broker: Any = None
        running = CommandConsumer(sink, broker, self.topics, caller, self.reporter, log_id=self.log.id, clock=lambda: 0)
        with suppress(Forbidden):
            running._process_batch(cast("Any", exchange), cast("Any", exchange))
        return exchange

    def start(self, secret: str) -> tuple[Caller, LocalSink]:
        """Return the service of a token and the sink of its commands, as `decisionlog consume` finds them."""
        settings = Settings(token=SecretStr(secret))
        return resolve_service(settings, lambda text: find_holder(self.log, text)), LocalSink(self.log, settings)


def _expecting_another_version(message: dict[str, Any]) -> dict[str, Any]:
    """Return a batch that changes nothing, as a caller who may send the command learns that the version is another one."""
    return {"commands": [message], "expected": {COMMAND.validate_python(message).subject_id(): 999}}


def _encode(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()


def _outcome(topic: str, reply: dict[str, Any]) -> str:
    if topic != "t.rejected":
        return "applied"
    problem = reply["type"].rpartition(":")[2]
    return {"forbidden": "refused", "unknown": "hidden", "stale": "allowed"}.get(
        problem, f"{problem}: {reply['detail']}"
    )


@pytest.fixture(params=[True, False], ids=["own", "all"])
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    found = World(tmp_path, limited=request.param)
    yield found
    found.log.close()


def test_every_topic_and_every_command_has_a_row() -> None:
    """The tables name exactly the topics of a log and the commands that a message can have."""
    assert TOPICS.keys() == {name for name, part in vars(Topics).items() if isinstance(part, property)}
    assert NEEDS.keys() == COMMANDS.keys()


def test_expected_equals_actual(world: World) -> None:
    """Each role sends on its own, another and all products what the table says; what is hidden does not exist."""
    size, wrong = world.log.head().size, {}
    for role, where in CALLERS:
        outcomes = world.consume(world.start(world.tokens[f"{role}-{where}"]), [*world.messages.values()])
        for command, actual in zip(world.messages, outcomes, strict=True):
            expected = expected_outcome(NEEDS[command], role, where, limited=world.log.limits_reading)
            if actual != expected:
                wrong[f"{command} {role} {where}"] = f"{actual}, not {expected}"
    assert not wrong, "\n".join(f"{key}: {value}" for key, value in wrong.items())
    assert world.log.head().size == size


def test_a_service_whose_role_was_revoked_sends_nothing(world: World) -> None:
    """Once its role is revoked, each command of a running consumer is refused."""
    consumer = world.start(world.tokens["contributor-all"])
    values = [*world.messages.values()]
    before = Counter(world.consume(consumer, values))["allowed"]
    world.record({"type": "RevokeRole", "subject": consumer[0].actor, "role": "contributor"})
    size = world.log.head().size
    assert before > 20
    assert {*world.consume(consumer, values)} <= {"refused", "hidden"}
    assert world.log.head().size == size


@pytest.mark.parametrize("state", ["revoked", "expired"])
def test_commands_wait_while_the_token_of_the_consumer_has_ended(world: World, state: str) -> None:
    """Once its token expires or is revoked, a running consumer neither applies nor rejects a command: it stays unread."""
    expires_at = world.clock() + 1_000_000 if state == "expired" else None
    consumer = world.start(world.create_token("service:manager-all", expires_at=expires_at))
    values = [*world.messages.values()]
    before = Counter(world.consume(consumer, values))["allowed"]
    if state == "revoked":
        world.log.tokens.revoke(consumer[0].credential, by=SETUP)
    world.clock.now += 2_000_000
    size = world.log.head().size
    exchange = world.exchange(consumer, values)
    assert before > 20
    assert (exchange.replies, exchange.commits) == ([], 0)
    assert world.log.head().size == size


def test_commands_wait_while_the_server_is_away_or_refuses_the_token(tmp_path: Path) -> None:
    """A consumer next to a server goes on when the server was started again, also at another address."""
    with forked_server(tmp_path) as server:
        secret = httpx2.post(
            f"{server.address}/v1/tokens",
            json={"holder": "service:erp", "role": "manager"},
            headers={"Authorization": f"Bearer {server.token}"},
        ).json()["secret"]
        sink = RemoteSink(Settings(data=tmp_path, token=SecretStr(secret)))
        refused = RemoteSink(Settings(data=tmp_path, token=SecretStr("dlog_" + "x" * 43)))
        shop = Transaction((COMMAND.validate_python({"type": "DefineProduct", "key": "a", "title": "A"}),), SETUP, "1")
        (first,) = asyncio.run(sink.execute_many([shop]))
        with pytest.raises(Forbidden, match="restart the consumer"):
            asyncio.run(refused.execute_many([shop]))
    with pytest.raises(OperationalError, match="not running; start it"):
        asyncio.run(sink.execute_many([shop]))
    with forked_server(tmp_path):
        (again,) = asyncio.run(sink.execute_many([shop]))

    assert isinstance(first, Receipt)
    assert isinstance(again, Receipt)
    assert (again.position, again.replayed) == (first.position, True)


def test_without_a_valid_token_of_a_service_no_consumer_starts(world: World) -> None:
    """An unknown, revoked or expired token, or that of a person, does not start a consumer."""
    world.record({"type": "RegisterPerson", "key": "gone", "name": "Gone"})
    secrets = {
        "unknown": "dlog_" + "x" * 43,
        "of a person": world.create_token("person:somebody", role="admin"),
        "of a person who left": world.create_token("person:gone", role="admin"),
        "revoked": world.create_token("service:admin-all"),
        "expired": world.create_token("service:admin-own", expires_at=world.clock() + 1_000_000),
    }
    world.log.tokens.revoke(world.start(secrets["revoked"])[0].credential, by=SETUP)
    world.record({"type": "RecordPersonLeft", "subject": "person:gone"})
    world.clock.now += 2_000_000
    for state, secret in secrets.items():
        with pytest.raises(CommandFailed, match="must belong to one"):
            pytest.fail(f"{state}: {world.start(secret)}")


def test_a_service_does_not_act_for_a_person_who_left_or_gave_no_delegation(world: World) -> None:
    """Whatever its role, a service acts on behalf of a person only while a delegation of that person is in force."""
    world.record({"type": "RegisterPerson", "key": "gone", "name": "Gone"})
    delegation = {"type": "DelegateActions", "subject": "person:gone", "to": "service:admin-all"}
    world.record(delegation, caller=Caller("person:gone", "local", "cli", frozenset(SCOPES)))
    admin = world.start(world.tokens["admin-all"])
    goal = {"type": "SetGoal", "title": "More", "products": ["own"]}
    on_behalf = [_encode(goal | {"on_behalf_of": f"person:{key}"}) for key in ("gone", "somebody")]
    assert [each == "applied" for each in world.consume(admin, on_behalf)] == [True, False]
    world.record({"type": "RecordPersonLeft", "subject": "person:gone"})
    assert "applied" not in world.consume(admin, [value.replace(b"More", b"Less") for value in on_behalf])


def test_messages_on_other_topics_are_no_commands() -> None:
    """A command in the topics that replicas read is neither an entry nor a name."""
    for command in COMMANDS:
        value = _encode(command_message(command, "log:x"))
        with pytest.raises(InvalidMessage):
            parse_message(Message(None, value, [("ce_id", b"1"), (LEAF_HEADER, leaf_hash(value).hex().encode())]))
        assert decode_names("person:somebody", value) == ()
