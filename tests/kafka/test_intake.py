"""Commands from a topic: read, applied as over HTTP, answered."""

import asyncio
import base64
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from api import answers, problems
from api.commands import answer_of as told_by_http
from consumers.kafka.broker import Broker
from consumers.kafka.cloudevents import Message, header
from consumers.kafka.command_consumer import LARGEST, Intake, Order, answer_of, key_of, unit_of
from consumers.kafka.problem_details import name_of, of_refusal, of_validation
from consumers.kafka.topics import Topics
from domain import errors
from domain.catalog import COMMAND
from domain.examples import examples_for
from domain.product import DefineProduct
from eventlog.entry import Caller, Transaction
from tests.kafka.support import everything_in, fits, open_log, reporter, running, send, until

INTAKE = Caller("service:intake", "local", "kafka")
SHOP = {"type": "DefineProduct", "key": "shop", "title": "Shop"}


def order(value, *headers, key=None, offset=7):
    raw = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    return Order(Message(key, raw, list(headers)), "t.commands", 2, offset, 1_700_000_000_000)


# Reading -------------------------------------------------------------------------------------------------------------


def test_every_command_is_understood():
    """Each example of the catalogue is the unit that it is over HTTP, in the name of the intake."""
    for example in examples_for("log:x"):
        assert unit_of(order(example), INTAKE) == Transaction(
            (COMMAND.validate_python(example),), INTAKE, key_of(order(example))
        )


def test_several_commands_are_one_unit():
    """They are applied whole or not at all, on the versions that were seen."""
    transaction = unit_of(order({"commands": [SHOP, SHOP | {"key": "other"}], "expected": {"product:shop": 3}}), INTAKE)

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
    """It is the event's source and id, in either mode; without an id it is the place in the topic."""
    assert key_of(given) == key
    assert unit_of(given, INTAKE).key == key


def test_a_long_key_is_a_hash():
    """Whatever the source is, the key has the length a key may have, and another id is another key."""
    keys = {key_of(order(SHOP, ("ce_source", b"x" * 300), ("ce_id", id_))) for id_ in (b"1", b"2")}

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
        (SHOP | {"titel": "x"}, "malformed", "there is no such field; there are"),
        ({"commands": []}, "malformed", "commands"),
        ({"commands": [SHOP], "token": "dlog_x"}, "malformed", "token: there is no such field"),
        (b" " * (LARGEST + 1), "too-large", "a message can have"),
    ],
)
def test_what_cannot_be_read_is_a_problem(value, kind, detail):
    """Poison is told from a command, with what is wrong and what would be right."""
    problem = unit_of(order(value), INTAKE)

    assert problem["type"] == f"urn:decisionlog:problem:{kind}"
    assert detail in problem["detail"]


@given(st.binary(max_size=200))
def test_no_bytes_break_it(value):
    """Whatever the bytes, they are a unit or a problem, and the answer holds them whole."""
    given = order(value)
    transaction = unit_of(given, INTAKE)

    if isinstance(transaction, dict):
        told = json.loads(answer_of(given, transaction, "log:x", 0).value)
        whole = told["message"].encode() if "message" in told else base64.b64decode(told["message_base64"])
        assert whole == value


# Answering -----------------------------------------------------------------------------------------------------------


def all_below(kind):
    return [kind, *(found for below in kind.__subclasses__() for found in all_below(below))]


@pytest.mark.parametrize("kind", all_below(errors.Refused))
def test_refusals_are_called_what_http_calls_them(kind):
    """A problem on the topic is the one over HTTP, without the status that only HTTP has."""
    refused = kind("no", subject="product:a", version=3) if kind is errors.Stale else kind("no", field="key")
    over_http = problems.of_refusal(refused).model_dump(exclude_none=True)
    del over_http["status"]

    assert of_refusal(refused) == over_http
    assert over_http["type"].endswith(name_of(kind))


def test_faults_are_told_as_http_tells_them():
    """Every field that is wrong, in the same words."""
    with pytest.raises(ValueError, match="validation") as found:
        COMMAND.validate_python({"type": "DefineProduct", "titel": "x", "identifiers": 1})
    wrong = found.value.errors(include_url=False, include_input=False)
    over_http = problems.of_validation(wrong).model_dump(exclude_none=True)
    del over_http["status"]

    assert of_validation(wrong) == over_http


def test_a_result_is_the_receipt(tmp_path):
    """It is the answer that HTTP gives, and says which command it answers."""
    with open_log(tmp_path) as log:
        receipt = asyncio.run(log.execute(Transaction((DefineProduct(key="shop", title="Shop"),), INTAKE)))
    answer = answer_of(order(SHOP, ("ce_source", b"/erp"), ("ce_id", b"1"), key=b"k"), receipt, "log:x", 1_000_000)

    assert json.loads(answer.value) == told_by_http(receipt, "product:shop").model_dump()
    assert TypeAdapter(answers.Receipt).validate_json(answer.value)
    assert answer.key == b"k"
    assert {name: header(answer, name) for name, _ in answer.headers} == {
        "ce_specversion": "1.0", "ce_type": "decisionlog.CommandApplied.v1", "ce_source": "log:x", "ce_id": "/erp#1",
        "ce_time": "1970-01-01T00:00:01.000000Z", "ce_commandsource": "/erp", "ce_commandid": "1",
        "content-type": "application/json",
    }  # fmt: skip


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
def intake(tmp_path, bootstrap_servers, prefix):
    def make(log, sink=None):
        kept = reporter(tmp_path, "intake", f"{prefix}.commands")
        broker, topics = Broker.at(bootstrap_servers), Topics(prefix)
        return Intake(sink or log, broker, topics, INTAKE, kept, log_id=log.id, clock=lambda: 0)

    return make


def made(servers, prefix):
    topics = Topics(prefix)
    with Broker.at(servers).admin() as admin:
        for topic in (topics.commands, topics.results, topics.rejected):
            topics.made(admin, topic)


def test_commands_are_applied_and_answered(tmp_path, bootstrap_servers, prefix, intake):
    """What can be applied is, in order, whatever poison stands between; each has one answer; a repeated one the same."""
    made(bootstrap_servers, prefix)
    named = [("ce_source", b"/erp"), ("ce_id", b"1")]
    feature = {"type": "ProposeFeature", "key": "f", "title": "F", "products": ["shop"]}
    messages = [SHOP, b"poison", None, feature, SHOP | {"title": "Another"}]
    raw = [value if isinstance(value, bytes) or value is None else json.dumps(value).encode() for value in messages]
    with open_log(tmp_path) as log:
        with running(intake(log)):
            send(
                bootstrap_servers,
                f"{prefix}.commands",
                *((b"k", value, named * (n == 0)) for n, value in enumerate(raw)),
            )
            send(bootstrap_servers, f"{prefix}.commands", (b"k", raw[0], named))
            until(lambda: len(everything_in(bootstrap_servers, f"{prefix}.results")) == 3)
        entries = log.read(1, 100)

    assert [(each.subject, each.metadata.actor, each.metadata.source.channel) for each in entries] == [
        ("product:shop", "service:intake", "kafka"),
        ("feature:f", "service:intake", "kafka"),
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


def test_nothing_is_lost_where_the_log_fails(tmp_path, bootstrap_servers, prefix, intake):
    """A store that loses its connection after it has written is asked again: each command counts once, and is answered."""
    made(bootstrap_servers, prefix)
    commands = [(None, json.dumps(SHOP | {"key": f"p{n}"}).encode(), []) for n in range(20)]
    send(bootstrap_servers, f"{prefix}.commands", *commands)
    with open_log(tmp_path) as log:
        sink = Counting(log, fail={1, 2})
        with running(intake(log, sink)):
            until(lambda: len(everything_in(bootstrap_servers, f"{prefix}.results")) == 20)
        size = log.head().size
        with running(intake(log, sink)):
            send(bootstrap_servers, f"{prefix}.commands", (None, json.dumps(SHOP).encode(), []))
            until(lambda: len(everything_in(bootstrap_servers, f"{prefix}.results")) == 21)

    assert size == 21
    assert sink.sent.most_common(1)[0][1] == 3
    assert min(sink.sent.values()) == 1, "what was answered is not taken once more"


def test_an_intake_that_ticks_off_first_is_caught(tmp_path, bootstrap_servers, prefix, intake, monkeypatch):
    """The sabotaged twin says that messages are done before they are: the failure above then loses them."""
    made(bootstrap_servers, prefix)
    send(bootstrap_servers, f"{prefix}.commands", (None, json.dumps(SHOP).encode(), []))
    whole = Intake._take

    def hasty(self, consumer, producer):
        poll = consumer.poll

        def polled(**asked):
            found = poll(**asked)
            if found:
                consumer.commit()
            return found

        consumer.poll = polled
        whole(self, consumer, producer)

    monkeypatch.setattr(Intake, "_take", hasty)
    with open_log(tmp_path) as log:
        sink = Counting(log, fail={1})
        with running(intake(log, sink)):
            until(lambda: sink.calls)
            send(bootstrap_servers, f"{prefix}.commands", (None, json.dumps(SHOP | {"key": "late"}).encode(), []))
            until(lambda: everything_in(bootstrap_servers, f"{prefix}.results"))

    answered = [json.loads(each.value)["subject"] for each in everything_in(bootstrap_servers, f"{prefix}.results")]
    assert answered == ["product:late"]
