"""The AsyncAPI document is valid and complete, and every message matches it."""

import gzip
import json
from pathlib import Path

import jsonschema
import pytest

from consumers.kafka.asyncapi import build_document
from consumers.kafka.cloudevents import CONFIRMED_HEADER, Message, build_message
from consumers.kafka.command_messages import CommandMessage, build_reply, build_transaction
from consumers.kafka.topics import Topics
from domain.catalog import COMMANDS, EVENTS
from domain.examples import EXAMPLES
from eventlog.entry import Caller, Receipt, RecordedEvent
from identity.decision_log import DecisionLog
from tests.faults.logs import write_log
from tests.kafka.support import fits, matches

SCHEMA = Path(__file__).with_name("asyncapi-3.0.0.json.gz")
"""The schema of AsyncAPI 3.0.0, as the npm package @asyncapi/specs has it (Apache License 2.0)."""


@pytest.fixture(scope="module")
def validator():
    return jsonschema.Draft7Validator(json.loads(gzip.decompress(SCHEMA.read_bytes())))


def test_the_document_is_valid(validator):
    """The document is valid AsyncAPI 3.0.0, and the check rejects an unknown keyword."""
    made = build_document(Topics())
    assert list(validator.iter_errors(made)) == []

    publish = made["operations"]["publish"] | {"action": "publish"}
    assert list(validator.iter_errors(made | {"operations": {"publish": publish}, "components": {}})) != []
    assert list(validator.iter_errors(made | {"components": {}})) == []


def test_every_message_is_in_a_channel():
    """Every command and event is a message of its channel, and every reference resolves."""
    made = build_document(Topics("acme"))

    assert set(made["channels"]["events"]["messages"]) == set(EVENTS)
    assert set(made["channels"]["commands"]["messages"]) == {*COMMANDS, "Batch"}
    assert {channel["address"] for channel in made["channels"].values()} == {
        "acme.events",
        "acme.commands",
        "acme.results",
        "acme.rejected",
        "acme.people",
    }
    assert [ref for ref in references(made) if not resolve(made, ref)] == []


def references(part):
    if isinstance(part, dict):
        yield from ([part["$ref"]] if isinstance(part.get("$ref"), str) else [])
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from references(each)


def resolve(made, ref):
    for name in ref.removeprefix("#/").split("/"):
        made = made.get(name, {})
    return made


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "log.sqlite3"
    write_log(path, 200, 2)
    with DecisionLog.open(path, clock=lambda: 0, read_only=True) as log:
        sent = [build_message(row, log.id) for row in log.rows(0, 1000)]
    for message in sent:
        message.headers.append((CONFIRMED_HEADER, b"0"))
    return sent


def test_events_match_the_document(messages):
    """Every entry matches its schema, and an entry with another member does not."""
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


def test_texts_are_commitments(messages):
    """The schema of an entry accepts commitments in place of texts, and not the texts."""
    message = next(each for each in messages if b"ProductDefined" in each.value)
    entry = json.loads(message.value)
    entry["event"]["data"]["title"] = "The words themselves"

    with pytest.raises(jsonschema.ValidationError, match="The words themselves"):
        fits(message._replace(value=json.dumps(entry).encode()))


@pytest.mark.parametrize("name", EXAMPLES)
def test_commands_match_the_document(name):
    """The example of a command matches its schema, and fails without its type or with another field."""
    matches(name, "payload", EXAMPLES[name])

    for wrong in (
        {**EXAMPLES[name], "more": 1},
        {key: value for key, value in EXAMPLES[name].items() if key != "type"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            matches(name, "payload", wrong)


@pytest.mark.parametrize("value", [b"x", b"\xff", None, b'{"type": "DefineProduct"}', b'{"commands": 1}'])
def test_rejections_match_the_document(value):
    """A rejection matches its schema, whatever was wrong with the command."""
    order = CommandMessage(Message(b"k", value, [("ce_id", b"1"), ("ce_source", b"/erp")]), "t", 0, 0, 0)
    fits(build_reply(order, build_transaction(order, Caller("service:x", "local", "kafka")), "log:x", 0))


def test_a_result_matches_the_document():
    """A receipt with all members matches its schema."""
    receipt = Receipt((RecordedEvent(4, "product:shop", 1, "ProductDefined.v1", 0),), replayed=True)
    fits(build_reply(CommandMessage(Message(None, b"{}", []), "t", 0, 0, 0), receipt, "log:x", 0))
