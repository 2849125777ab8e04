"""The AsyncAPI document is valid, leaves nothing out, and says of every message what it is."""

import gzip
import json
from pathlib import Path

import jsonschema
import pytest

from consumers.kafka.asyncapi import document
from consumers.kafka.cloudevents import Message, message_of
from consumers.kafka.command_consumer import Order, answer_of, unit_of
from consumers.kafka.publisher import CONFIRMED
from consumers.kafka.topics import Topics
from domain.catalog import COMMANDS, EVENTS
from domain.examples import EXAMPLES
from eventlog.entry import Caller, Receipt, RecordedEvent
from eventlog.log import DecisionLog
from tests.faults.logs import write_log
from tests.kafka.support import fits, matches

SCHEMA = Path(__file__).with_name("asyncapi-3.0.0.json.gz")
"""The schema of AsyncAPI 3.0.0, as the npm package @asyncapi/specs has it (Apache License 2.0)."""


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft7Validator(json.loads(gzip.decompress(SCHEMA.read_bytes())))


def test_the_document_is_valid(validator):
    """It is an AsyncAPI 3.0.0 document; one with a word that AsyncAPI does not know is none."""
    made = document(Topics())
    assert list(validator.iter_errors(made)) == []

    publish = made["operations"]["publish"] | {"action": "publish"}
    assert list(validator.iter_errors(made | {"operations": {"publish": publish}, "components": {}})) != []
    assert list(validator.iter_errors(made | {"components": {}})) == []


def test_nothing_is_left_out():
    """Every command and every event is a message of its channel, and every reference leads somewhere."""
    made = document(Topics("acme"))

    assert set(made["channels"]["events"]["messages"]) == set(EVENTS)
    assert set(made["channels"]["commands"]["messages"]) == {*COMMANDS, "Batch"}
    assert {channel["address"] for channel in made["channels"].values()} == {
        "acme.events", "acme.commands", "acme.results", "acme.rejected", "acme.people",
    }  # fmt: skip
    assert [ref for ref in references(made) if not found(made, ref)] == []


def references(part):
    if isinstance(part, dict):
        yield from ([part["$ref"]] if isinstance(part.get("$ref"), str) else [])
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def found(made, ref):
    for name in ref.removeprefix("#/").split("/"):
        made = made.get(name, {})
    return made


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "log.sqlite3"
    write_log(path, 200, 2)
    with DecisionLog.open(path, clock=lambda: 0, read_only=True) as log:
        sent = [message_of(row, log.id) for row in log.rows(0, 1000)]
    for message in sent:
        message.headers.append((CONFIRMED, b"0"))
    return sent


def test_every_event_is_what_the_document_says(messages):
    """Each entry of a log with something of everything matches, and one with anything else in it does not."""
    for message in messages:
        fits(message)

    for message in (messages[5], messages[40]):
        for wrong in (
            message._replace(value=message.value.replace(b'"version":', b'"versoin":')),
            message._replace(value=message.value.replace(b'"actor":"person:', b'"actor":"Person ')),
            message._replace(headers=[each for each in message.headers if each[0] != "leaf"]),
            message._replace(headers=[*message.headers, ("ce_more", b"x")]),
        ):
            with pytest.raises(jsonschema.ValidationError):
                fits(wrong)


def test_texts_are_not_in_the_entry(messages):
    """The document says that a text stands there as a commitment: the words themselves do not match."""
    message = next(each for each in messages if b"ProductDefined" in each.value)
    entry = json.loads(message.value)
    entry["event"]["data"]["title"] = "The words themselves"

    with pytest.raises(jsonschema.ValidationError, match="The words themselves"):
        fits(message._replace(value=json.dumps(entry).encode()))


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_command_is_what_the_document_says(name):
    """The example of each matches; without its type, or with a field too many, it does not."""
    matches(name, "payload", EXAMPLES[name])

    for wrong in (
        {**EXAMPLES[name], "more": 1},
        {key: value for key, value in EXAMPLES[name].items() if key != "type"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            matches(name, "payload", wrong)


@pytest.mark.parametrize("value", [b"x", b"\xff", None, b'{"type": "DefineProduct"}', b'{"commands": 1}'])
def test_every_rejection_is_what_the_document_says(value):
    """Whatever was wrong with the command."""
    order = Order(Message(b"k", value, [("ce_id", b"1"), ("ce_source", b"/erp")]), "t", 0, 0, 0)
    fits(answer_of(order, unit_of(order, Caller("service:x", "local", "kafka")), "log:x", 0))


def test_a_result_is_what_the_document_says():
    """With all that a receipt has."""
    receipt = Receipt((RecordedEvent(4, "product:shop", 1, "ProductDefined.v1", 0),), replayed=True)
    fits(answer_of(Order(Message(None, b"{}", []), "t", 0, 0, 0), receipt, "log:x", 0))
