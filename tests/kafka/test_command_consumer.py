"""Commands from a topic are applied as over HTTP and answered."""

import asyncio
import base64
import json
from collections import Counter
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaProducer
from pydantic import TypeAdapter

from api import answer_documentation, problems
from api.command_routes import public_receipt
from consumers.kafka.broker import MAX_MESSAGE_BYTES, Broker
from consumers.kafka.cloudevents import Message, get_header
from consumers.kafka.command_consumer import CommandConsumer
from consumers.kafka.command_messages import (
    MAX_COMMAND_BYTES,
    CommandMessage,
    build_reply,
    build_transaction,
    idempotency_key,
)
from consumers.kafka.topics import Topics
from domain import errors
from domain.catalog import COMMAND
from domain.examples import examples_for
from domain.problems import PROBLEM_NAMES, refusal_problem, validation_problem
from domain.product import DefineProduct
from eventlog.entry import Caller, Receipt, Transaction
from tests.kafka.support import everything_in, fits, open_log, reporter, running, send, until

CONSUMER = Caller("service:consumer", "local", "kafka")
SHOP = {"type": "DefineProduct", "key": "shop", "title": "Shop"}


def order(value, *headers, key=None, offset=7):
    raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    return CommandMessage(Message(key, raw, list(headers)), "t.commands", 2, offset, 1_700_000_000_000)


# Reading -------------------------------------------------------------------------------------------------------------


def test_every_command_becomes_a_transaction():
    """Each example of the catalog becomes the same transaction as over HTTP."""
    for example in examples_for("log:x"):
        assert build_transaction(order(example), CONSUMER) == Transaction(
            (COMMAND.validate_python(example),), CONSUMER, idempotency_key(order(example))
        )


def test_several_commands_become_one_transaction():
    """The commands of a batch become one transaction with the expected versions."""
    transaction = build_transaction(
        order({"commands": [SHOP, SHOP | {"key": "other"}], "expected": {"product:shop": 3}}), CONSUMER
    )

    assert [command.key for command in transaction.commands] == ["shop", "other"]
    assert transaction.expected == {"product:shop": 3}


def structured(**event):
    return order(
        {"specversion": "1.0", "type": "x", **event}, ("content-type", b"application/cloudevents+json; charset=utf-8")
    )


@pytest.mark.parametrize(
    ("given", "key"),
    [
        (order(SHOP, ("ce_source", b"/erp/1"), ("ce_id", b"42")), "/erp/1#42"),
        (order(SHOP, ("ce_source", b"/erp"), ("ce_id", b"1#42")), "/erp#1%2342"),
        (order(SHOP, ("ce_source", b"/erp#1"), ("ce_id", b"42")), "/erp%231#42"),
        (order(SHOP, ("ce_id", "ü 1".encode())), "#%C3%BC%201"),
        (structured(source="/erp/1", id="42", data=SHOP), "/erp/1#42"),
        (order(SHOP, ("ce_source", b"/erp/1")), "t.commands/2/7@1700000000000"),
        (order(SHOP), "t.commands/2/7@1700000000000"),
    ],
)
def test_the_idempotency_key(given, key):
    """The idempotency key is the source and id of the event; without an id, the position in the topic."""
    assert idempotency_key(given) == key
    assert build_transaction(given, CONSUMER).key == key


def test_a_long_key_is_hashed():
    """A long source is hashed, so that keys stay short, and different ids get different keys."""
    keys = {idempotency_key(order(SHOP, ("ce_source", b"x" * 300), ("ce_id", id_))) for id_ in (b"1", b"2")}

    assert len(keys) == 2
    assert all(len(key) <= 200 for key in keys)


@pytest.mark.parametrize(
    ("value", "kind", "detail"),
    [
        (None, "malformed", "no value"),
        (b"", "malformed-json", "not JSON"),
        (b"\xff", "malformed-json", "not JSON"),
        (b'{"type": NaN}', "malformed-json", "not JSON"),
        (b"[" * 100_000, "malformed-json", "not JSON"),
        (b"[]", "malformed", "must be an object"),
        (b"{}", "malformed", "needs a `type`"),
        ({"type": "Nonsense"}, "malformed", "unknown command"),
        (b'{"type": "RegisterTeam", "title": "A", "title": "B"}', "malformed", "`title` is given twice; send it once"),
        (SHOP | {"titel": "x"}, "malformed", "no such field; the fields are"),
        ({"commands": []}, "malformed", "commands"),
        ({"commands": [SHOP], "token": "dlog_x"}, "malformed", "token: no such field"),
        (b" " * (MAX_COMMAND_BYTES + 1), "too-large", "a message can have"),
        ({"type": "RegisterPerson", "name": "n", "identifiers": [0] * 100_001}, "too-large", "members"),
    ],
)
def test_an_invalid_message_becomes_a_problem(value, kind, detail):
    """An invalid message becomes a problem that says what is wrong."""
    problem = build_transaction(order(value), CONSUMER)

    assert problem["type"] == f"urn:decisionlog:problem:{kind}"
    assert detail in problem["detail"]


def test_a_name_that_a_structured_event_gives_twice_is_refused():
    """The data of an event in structured mode is checked as it was sent."""
    event = b'{"id": "1", "source": "s", "data": {"type": "RegisterTeam", "title": "A", "title": "B"}}'

    problem = build_transaction(order(event, ("content-type", b"application/cloudevents+json")), CONSUMER)

    assert (problem["field"], problem["detail"]) == ("title", "`title` is given twice; send it once")


@given(st.binary(max_size=200))
def test_any_bytes_can_be_processed(value):
    """Any value becomes a transaction or a problem, and the reply contains the whole value."""
    given = order(value)
    transaction = build_transaction(given, CONSUMER)

    if isinstance(transaction, dict):
        told = json.loads(build_reply(given, transaction, "log:x", 0).value)
        whole = told["message"].encode() if "message" in told else base64.b64decode(told["message_base64"])
        assert whole == value


LONG = b"x" * (MAX_COMMAND_BYTES * 7)


@pytest.mark.parametrize("value", [SHOP, {"commands": [SHOP], "expected": {"x" * (MAX_COMMAND_BYTES - 200): 1}}])
@pytest.mark.parametrize(
    ("key", "headers"),
    [
        (LONG, []),
        (None, [("ce_id", LONG)]),
        (None, [("ce_source", LONG), ("ce_id", b"1")]),
        (None, [("x" * len(LONG), b"")]),
        (None, [("x", b"")] * 70_000),
    ],
)
def test_no_key_or_header_makes_a_reply_too_large(value, key, headers):
    """A message with a long key or long headers is refused, and its reply fits into the topic, so that others are served."""
    given = order(value, *headers, key=key)
    problem = build_transaction(given, CONSUMER)
    reply = build_reply(given, problem, "log:x", 0)

    assert problem["type"] == "urn:decisionlog:problem:too-large"
    sizes = [len(name) + len(text) for name, text in reply.headers]
    assert len(reply.key or b"") + len(reply.value) + sum(sizes) < MAX_MESSAGE_BYTES


def test_a_long_id_in_the_event_itself_is_not_repeated():
    """A structured event may have an id as long as a command; the reply has its hash, and not the id."""
    given = structured(source="/erp", id="1" * (MAX_COMMAND_BYTES // 2), data=SHOP)
    reply = build_reply(given, build_transaction(order(b"x"), CONSUMER), "log:x", 0)

    assert get_header(reply, "ce_id").startswith("sha256:")
    assert get_header(reply, "ce_commandid") is None
    assert get_header(reply, "ce_commandsource") == "/erp"


# Answering -----------------------------------------------------------------------------------------------------------


def all_below(kind):
    return [kind, *(found for below in kind.__subclasses__() for found in all_below(below))]


@pytest.mark.parametrize("kind", all_below(errors.Refused))
def test_problems_are_those_of_http(kind):
    """A refusal becomes the same problem as over HTTP, without the status."""
    refused = kind("no", subject="product:a", version=3) if kind is errors.Stale else kind("no", field="key")
    over_http = problems.of_refusal(refused)
    del over_http["status"]

    assert refusal_problem(refused) == over_http
    assert over_http["type"] == f"urn:decisionlog:problem:{PROBLEM_NAMES[kind]}"


def test_validation_errors_are_those_of_http():
    """Validation errors are reported as over HTTP."""
    with pytest.raises(ValueError, match="validation") as found:
        COMMAND.validate_python({"type": "DefineProduct", "titel": "x", "identifiers": 1})
    wrong = found.value.errors(include_url=False, include_input=False)
    over_http = problems.of_validation(wrong)
    del over_http["status"]

    assert validation_problem(wrong) == over_http


@pytest.mark.parametrize(
    ("scopes", "role", "refused"),
    [
        (("read", "write"), None, "need the role `manager` for all products"),
        (("read", "write"), "viewer", "need the role `manager` for all products"),
        (("read",), "manager", "does not have the scope `write`"),
        (("read", "write"), "manager", ""),
    ],
)
def test_commands_of_a_topic_are_judged_like_all_others(tmp_path, scopes, role, refused):
    """A message is recorded if the service of the consumer has the role and its token the scope, and else refused."""
    with open_log(tmp_path) as log:
        log.default_role = None
        secret = log.tokens.create("service:consumer", scopes=scopes, role=role)[1]
        caller = log.tokens.find(secret).caller("kafka")
        (result,) = asyncio.run(log.execute_many([build_transaction(order(SHOP), caller)]))
        assert (refused in str(result)) if refused else isinstance(result, Receipt), result


def test_a_result_is_the_receipt(tmp_path):
    """A result is the same receipt as over HTTP, and names its command."""
    with open_log(tmp_path) as log:
        receipt = asyncio.run(log.execute(Transaction((DefineProduct(key="shop", title="Shop"),), CONSUMER)))
    answer = build_reply(order(SHOP, ("ce_source", b"/erp"), ("ce_id", b"1"), key=b"k"), receipt, "log:x", 1_000_000)

    assert json.loads(answer.value) == public_receipt(receipt, "product:shop")
    assert TypeAdapter(answer_documentation.Receipt).validate_json(answer.value)
    assert answer.key == b"k"
    assert {name: get_header(answer, name) for name, _ in answer.headers} == {
        "ce_specversion": "1.0",
        "ce_type": "decisionlog.CommandApplied.v1",
        "ce_source": "log:x",
        "ce_id": "/erp#1",
        "ce_time": "1970-01-01T00:00:01.000000Z",
        "ce_commandsource": "/erp",
        "ce_commandid": "1",
        "content-type": "application/json",
    }


# On a real broker ----------------------------------------------------------------------------------------------------


class Counting:
    """A log that fails now and then, before or after what it was asked is done."""

    def __init__(self, log, fail=()):
        self.log, self.fail, self.calls, self.sent = log, set(fail), 0, Counter()

    async def execute_many(self, transactions):
        from eventsourcing.persistence import OperationalError

        self.calls += 1
        self.sent.update(transaction.key for transaction in transactions)
        done = await self.log.execute_many(transactions)
        if self.calls in self.fail:
            raise OperationalError("lost")
        return done


@pytest.fixture
def consumer(tmp_path, bootstrap_servers, prefix):
    def make(log, sink=None):
        kept = reporter(tmp_path, "consumer", f"{prefix}.commands")
        broker, topics = Broker.from_addresses(bootstrap_servers), Topics(prefix)
        return CommandConsumer(sink or log, broker, topics, CONSUMER, kept, log_id=log.id, clock=lambda: 0)

    return make


def create_topics(servers, prefix):
    topics = Topics(prefix)
    with Broker.from_addresses(servers).admin() as admin:
        for topic in (topics.commands, topics.results, topics.rejected):
            topics.ensure_topic(admin, topic)


def test_commands_are_applied_and_answered(tmp_path, bootstrap_servers, prefix, consumer):
    """Valid commands are applied in order, and every message gets one reply, also a repeated one."""
    create_topics(bootstrap_servers, prefix)
    named = [("ce_source", b"/erp"), ("ce_id", b"1")]
    feature = {"type": "ProposeFeature", "key": "f", "title": "F", "products": ["shop"]}
    messages = [SHOP, b"poison", None, feature, SHOP | {"title": "Another"}]
    raw = [value if isinstance(value, bytes) or value is None else json.dumps(value).encode() for value in messages]
    with open_log(tmp_path) as log:
        with running(consumer(log)):
            send(
                bootstrap_servers,
                f"{prefix}.commands",
                *((b"k", value, named * (n == 0)) for n, value in enumerate(raw)),
            )
            send(bootstrap_servers, f"{prefix}.commands", (b"k", raw[0], named))
            until(lambda: len(everything_in(bootstrap_servers, f"{prefix}.results")) == 3)
        entries = log.read(1, 100)

    assert [(each.subject, each.metadata.actor, each.metadata.source.channel) for each in entries] == [
        ("product:shop", "service:consumer", "kafka"),
        ("feature:f", "service:consumer", "kafka"),
    ]
    results = [json.loads(each.value) for each in everything_in(bootstrap_servers, f"{prefix}.results")]
    assert [(each["position"], each["replayed"]) for each in results] == [(2, False), (3, False), (2, True)]
    for answered in ("results", "rejected"):
        for each in everything_in(bootstrap_servers, f"{prefix}.{answered}"):
            fits(each)
    rejected = [json.loads(each.value) for each in everything_in(bootstrap_servers, f"{prefix}.rejected")]
    assert [(each["type"].rpartition(":")[2], each["offset"], each.get("message")) for each in rejected] == [
        ("malformed-json", 1, "poison"),
        ("malformed", 2, None),
        ("already-exists", 4, raw[4].decode()),
    ]


def test_a_command_that_its_producer_took_back_is_not_applied(tmp_path, bootstrap_servers, prefix, consumer):
    """Of a producer with transactions, only the commands of transactions that it committed are applied."""
    create_topics(bootstrap_servers, prefix)
    with closing(KafkaProducer(bootstrap_servers=bootstrap_servers, transactional_id=prefix)) as producer:
        producer.init_transactions()
        for key, end in (("taken-back", producer.abort_transaction), ("sent", producer.commit_transaction)):
            producer.begin_transaction()
            producer.send(f"{prefix}.commands", json.dumps(SHOP | {"key": key}).encode()).get(30)
            end()

    with open_log(tmp_path) as log:
        with running(consumer(log)):
            until(lambda: everything_in(bootstrap_servers, f"{prefix}.results"))
        subjects = [entry.subject for entry in log.read(1, 100)]

    assert subjects == ["product:sent"]


def test_no_command_is_lost_if_the_store_fails(tmp_path, bootstrap_servers, prefix, consumer):
    """If the store fails after a write, every command is still applied once and answered."""
    create_topics(bootstrap_servers, prefix)
    commands = [(None, json.dumps(SHOP | {"key": f"p{n}"}).encode(), []) for n in range(20)]
    send(bootstrap_servers, f"{prefix}.commands", *commands)
    with open_log(tmp_path) as log:
        sink = Counting(log, fail={1, 2})
        with running(consumer(log, sink)):
            until(lambda: len(everything_in(bootstrap_servers, f"{prefix}.results")) == 20)
        size = log.head().size
        with running(consumer(log, sink)):
            send(bootstrap_servers, f"{prefix}.commands", (None, json.dumps(SHOP).encode(), []))
            until(lambda: len(everything_in(bootstrap_servers, f"{prefix}.results")) == 21)

    assert size == 21
    assert sink.sent.most_common(1)[0][1] == 3
    assert min(sink.sent.values()) == 1, "what was answered is not taken once more"


def test_committing_offsets_too_early_is_detected(tmp_path, bootstrap_servers, prefix, consumer, monkeypatch):
    """A consumer that commits offsets before it has replied loses commands, and the test above detects it."""
    create_topics(bootstrap_servers, prefix)
    send(bootstrap_servers, f"{prefix}.commands", (None, json.dumps(SHOP).encode(), []))
    whole = CommandConsumer._process_batch

    def hasty(self, consumer, producer):
        poll = consumer.poll

        def polled(**asked):
            found = poll(**asked)
            if found:
                consumer.commit()
            return found

        consumer.poll = polled
        whole(self, consumer, producer)

    monkeypatch.setattr(CommandConsumer, "_process_batch", hasty)
    with open_log(tmp_path) as log:
        sink = Counting(log, fail={1})
        with running(consumer(log, sink)):
            until(lambda: sink.calls)
            send(bootstrap_servers, f"{prefix}.commands", (None, json.dumps(SHOP | {"key": "late"}).encode(), []))
            until(lambda: everything_in(bootstrap_servers, f"{prefix}.results"))

    answered = [json.loads(each.value)["subject"] for each in everything_in(bootstrap_servers, f"{prefix}.results")]
    assert answered == ["product:late"]
