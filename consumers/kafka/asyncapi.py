"""Build the AsyncAPI 3 document of the topics and their messages from the catalog of commands and events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from consumers.kafka.cloudevents import CONFIRMED_HEADER, EVENT_TYPE_PREFIX, LEAF_HEADER, TEXTS_HEADER
from consumers.kafka.command_messages import APPLIED_TYPE, REJECTED_TYPE
from consumers.kafka.topics import Topic, Topics
from domain.catalog import COMMANDS, EVENTS, Batch
from domain.examples import EXAMPLES
from domain.messages import Event, Message, Reference, string_paths
from domain.values import SUBJECT_PATTERN, StringKind

Schema = dict[str, Any]


def _ref(*path: str) -> Schema:
    return {"$ref": "#/" + "/".join(path)}


_HASH: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_COMMITMENT: Final = _ref("components", "schemas", "Commitment")
_TIMESTAMP: Final = {"type": "string", "format": "date-time"}
_COUNT: Final = {"type": "integer", "minimum": 1}
_SUBJECT: Final = _ref("components", "schemas", "Subject")
_SHARED: Final[Schema] = {
    "Commitment": _HASH | {"description": "HMAC-SHA-256 of a text with its salt; both are in the header `texts`."},
    "Subject": {"type": "string", "pattern": f"^{SUBJECT_PATTERN}$"},
}
_NUMBER: Final = {"type": "string", "pattern": "^[0-9]+$"}
_TEXT: Final = {"type": "string"}
_REF: Final = "#/components/schemas/{model}"


def build_document(topics: Topics) -> Schema:
    """Return the document for these topics."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Decision log",
            "version": version("decisionlog-server"),
            "description": "The messages that a decision log publishes to Apache Kafka, and the commands that it consumes. Messages "
            "are CloudEvents 1.0 in binary mode, except for names, where each message replaces the one before. Events are "
            "delivered at least once, in the order of their positions: ignore duplicates, and wait if a position is missing.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": _channel(topics.events, "All entries of the log, in order.", EVENTS),
            "commands": _channel(topics.commands, "Commands for the log.", [*COMMANDS, "Batch"]),
            "results": _channel(
                topics.results,
                "Receipts of the commands that were applied.",
                [APPLIED_TYPE.removeprefix(EVENT_TYPE_PREFIX)],
            ),
            "rejected": _channel(
                topics.rejected,
                "Problems with the commands that were not applied.",
                [REJECTED_TYPE.removeprefix(EVENT_TYPE_PREFIX)],
            ),
            "people": _channel(
                topics.people,
                "Names of people by id, if enabled. Only the last message of each id counts.",
                [NAMES],
            ),
        },
        "operations": {
            "publish": _operation("send", "events", "`decisionlog publish` sends every entry."),
            "consume": _operation("receive", "commands", "`decisionlog consume` applies each command.")
            | {"reply": {"channel": _ref("channels", "results")}},
            "reply": _operation("send", "results", "`decisionlog consume` replies with the receipt."),
            "reject": _operation("send", "rejected", "`decisionlog consume` replies with the problem."),
            "publishNames": _operation("send", "people", "`decisionlog publish` sends every change in the directory."),
        },
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _channel(topic: Topic, description: str, messages: Iterable[str]) -> Schema:
    configs = topic.configs
    configuration = {"cleanup.policy": [configs["cleanup.policy"]]} | (
        {"retention.ms": int(configs["retention.ms"])} if "retention.ms" in configs else {}
    )
    partitions = {"partitions": topic.partitions} if topic.partitions else {}
    return {
        "address": topic.name,
        "description": description,
        "messages": {name: _ref("components", "messages", name) for name in messages},
        "bindings": {"kafka": {"topic": topic.name, "topicConfiguration": configuration} | partitions},
    }


def _operation(action: str, channel: str, summary: str) -> Schema:
    return {"action": action, "channel": _ref("channels", channel), "summary": summary}


# Messages ------------------------------------------------------------------------------------------------------------


def _messages() -> Schema:
    events = {
        name: _message(
            name,
            _first_line(event),
            _ref("components", "schemas", f"Entry.{name}"),
            _event_headers(name),
            "The subject of the entry.",
        )
        for name, event in EVENTS.items()
    }
    commands = {
        name: _message(
            name,
            _first_line(command),
            _ref("components", "schemas", name),
            _COMMAND_HEADERS,
            _ANY_KEY,
        )
        | {"examples": [{"payload": EXAMPLES[name]}]}
        for name, command in COMMANDS.items()
    }
    batch = _message("Batch", _first_line(Batch), _ref("components", "schemas", "Batch"), _COMMAND_HEADERS, _ANY_KEY)
    applied_name, rejected_name = (kind.removeprefix(EVENT_TYPE_PREFIX) for kind in (APPLIED_TYPE, REJECTED_TYPE))
    applied = _message(
        applied_name, "The receipt of a command.", _RECEIPT, _reply_headers(APPLIED_TYPE, "application/json"), _SAME_KEY
    )
    rejected = _message(
        rejected_name,
        "Why a command was not applied, as a problem document (RFC 9457).",
        _PROBLEM,
        _reply_headers(REJECTED_TYPE, "application/problem+json"),
        _SAME_KEY,
    ) | {"contentType": "application/problem+json"}
    names = _message(
        NAMES,
        "The names of a person. A message without a payload erases them.",
        _NAMES,
        _NAMES_HEADERS,
        "The person's id.",
    )
    return {**events, **commands, "Batch": batch, applied_name: applied, rejected_name: rejected, NAMES: names}


def _message(name: str, summary: str, payload: Schema, headers: Schema, key: str) -> Schema:
    binding = {"kafka": {"key": {"type": "string", "description": key}}}
    return {"name": name, "summary": summary, "payload": payload, "headers": headers, "bindings": binding}


def _first_line(thing: type) -> str:
    return (thing.__doc__ or "").strip().partition("\n")[0]


def _object(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, *, closed: bool = True
) -> Schema:
    properties = {**required, **(optional or {})}
    schema: Schema = {"type": "object", "properties": properties, "required": list(required)}
    return schema | {"additionalProperties": False} if closed else schema


def _event_headers(name: str) -> Schema:
    type_schema = {"properties": {"ce_type": {"const": EVENT_TYPE_PREFIX + name}}}
    return {"allOf": [_ref("components", "schemas", "EventHeaders"), type_schema]}


_EVENT_HEADERS: Final = _object(
    {
        "ce_specversion": {"const": "1.0"},
        "ce_type": _TEXT,
        "ce_source": _SUBJECT,
        "ce_id": _NUMBER | {"description": "The position."},
        "ce_subject": _SUBJECT,
        "ce_time": _TIMESTAMP | {"description": "When it was recorded."},
        "content-type": {"const": "application/json"},
        LEAF_HEADER: _HASH
        | {"description": "The leaf of the entry in the log's Merkle tree: SHA-256(0x00 ‖ payload)."},
        CONFIRMED_HEADER: _NUMBER
        | {"description": "All entries up to this position had been delivered when this message was sent."},
    },
    {TEXTS_HEADER: _TEXT | {"description": "JSON: the salt in hex and the text, by JSON pointer into `event`."}},
)
_ANY_KEY: Final = "Use one key for commands that must stay in order: commands in one partition are applied in order."
_SAME_KEY: Final = "The key of the command."
_COMMAND_HEADERS: Final = _object(
    {},
    {
        "ce_source": _TEXT
        | {"description": "The sender, as a URI reference. Together with `ce_id` it is the idempotency key."},
        "ce_id": _TEXT
        | {
            "description": "A command that is sent again with the same id is applied once. Without an id, its position in the topic is used."
        },
    },
    closed=False,
)


def _reply_headers(kind: str, content: str) -> Schema:
    return _object(
        {
            "ce_specversion": {"const": "1.0"},
            "ce_type": {"const": kind},
            "ce_source": _SUBJECT,
            "ce_id": _TEXT | {"description": "The idempotency key of the command; a repeated reply has the same one."},
            "ce_time": _TIMESTAMP,
            "content-type": {"const": content},
        },
        {
            "ce_commandsource": _TEXT | {"description": "The command's source."},
            "ce_commandid": _TEXT | {"description": "The command's id."},
        },
    )


NAMES: Final = "Names"
_NAMES_HEADERS: Final = _object({"content-type": {"const": "application/json"}})
_NAMES: Final = _object(
    {
        "person": _SUBJECT,
        "name": _TEXT | {"description": "The name to show."},
        "spellings": {
            "type": "array",
            "items": _TEXT,
            "minItems": 1,
            "description": "All names, the one to show first.",
        },
    }
)
_RECEIPT: Final = _object(
    {
        "position": _COUNT | {"description": "The last position that the command has written."},
        "subject": _SUBJECT,
        "version": _COUNT | {"description": "The current version of the subject."},
        "replayed": {"type": "boolean", "description": "Whether the command had been applied before."},
        "recorded": {
            "type": "array",
            "items": _object(
                {
                    "position": _COUNT,
                    "subject": _SUBJECT,
                    "version": _COUNT,
                    "type": {"enum": list(EVENTS)},
                    "recorded_at": _TIMESTAMP,
                }
            ),
        },
    }
)
_PROBLEM: Final = _object(
    {
        "type": _TEXT | {"description": "The kind of problem, as `urn:decisionlog:problem:KIND`."},
        "title": _TEXT,
        "detail": _TEXT | {"description": "What is wrong, and how to fix it."},
        "topic": _TEXT | {"description": "The topic of the command."},
        "partition": {"type": "integer", "minimum": 0},
        "offset": {"type": "integer", "minimum": 0},
    },
    {
        "field": _TEXT | {"description": "The path of the first invalid field."},
        "subject": _SUBJECT,
        "version": {"type": "integer", "minimum": 0, "description": "The current version of the subject."},
        "errors": {"type": "array", "items": _object({"field": _TEXT, "detail": _TEXT})},
        "message": _TEXT | {"description": "The value of the command as it was sent, if it is text."},
        "message_base64": _TEXT | {"description": "The value of the command in Base64, if it is not text."},
    },
)


# Schemas -------------------------------------------------------------------------------------------------------------


def _schemas() -> Schema:
    models: list[type[BaseModel]] = [*COMMANDS.values(), Batch]
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    schemas: Schema = {name: _without_titles(schema) for name, schema in found["$defs"].items()}
    for name in COMMANDS:
        schemas[name]["required"] = [*schemas[name].get("required", []), "type"]
    # A discriminator is an object in OpenAPI and not in AsyncAPI; the constant `type` of each command replaces it.
    schemas["Batch"]["properties"]["commands"]["items"].pop("discriminator", None)
    shared = {
        **_SHARED,
        "EventHeaders": _EVENT_HEADERS,
        "StoredReference": _stored_schema(Reference),
        "StoredSource": _SOURCE,
    }
    return schemas | shared | {f"Entry.{name}": _entry(name, event) for name, event in EVENTS.items()}


_SOURCE: Final = _object({"channel": _TEXT}, {"system": _TEXT, "reference": _TEXT, "at": _TIMESTAMP})


def _entry(name: str, event: type[Event]) -> Schema:
    data = _stored_schema(event)
    # An event of which all fields are left out has no data at all.
    required, optional = ({"data": data}, {}) if data.get("required") else ({}, {"data": data})
    event_schema = _object(
        {
            "id": _TEXT,
            "transaction": _object({"id": _TEXT, "index": _COUNT}),
            "actor": _SUBJECT,
            "credential": _TEXT,
            "source": _ref("components", "schemas", "StoredSource"),
            **required,
        },
        {
            "on_behalf_of": {"type": "array", "items": _object({"who": _SUBJECT}, {"delegation": _COUNT})},
            "effective_at": _TIMESTAMP,
            "because": {"type": "array", "items": _SUBJECT},
            "references": {"type": "array", "items": _ref("components", "schemas", "StoredReference")},
            "note": _COMMITMENT,
            "corrects": _COUNT,
            **optional,
        },
    )
    return _object(
        {
            "event": event_schema,
            "position": _COUNT,
            "recorded_at": _TIMESTAMP,
            "subject": _SUBJECT,
            "type": {"const": name},
            "version": _COUNT,
        }
    )


def _stored_schema(model: type[Message]) -> Schema:
    """Return the schema of a message as it is stored: with commitments for texts, and ids for people."""
    schema = model.model_json_schema(mode="validation")
    whole: Schema = _inline(schema, schema.pop("$defs", {}))
    for kind, replacement in ((StringKind.TEXT, _COMMITMENT), (StringKind.PERSON, _SUBJECT)):
        for path in string_paths(model, kind):
            whole = _replace_strings(whole, path, replacement)
    return whole


def _inline(schema: Any, defs: Schema) -> Any:
    """Return a schema with every reference replaced by its definition."""
    if isinstance(schema, list):
        return [_inline(each, defs) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(defs[schema["$ref"].rpartition("/")[2]], defs)
    return {name: _inline(each, defs) for name, each in _without_titles(schema).items()}


def _without_titles(schema: Any) -> Any:
    """Return a schema without the titles that only repeat the name of a field."""
    if isinstance(schema, list):
        return [_without_titles(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _without_titles(each) for name, each in schema.items() if name != "title" or isinstance(each, dict)}


def _replace_strings(schema: Schema, path: tuple[str, ...], replacement: Schema) -> Schema:
    """Return a schema with the strings at a path replaced by another schema."""
    if "anyOf" in schema:
        return schema | {"anyOf": [_replace_strings(each, path, replacement) for each in schema["anyOf"]]}
    if not path:
        kept = {
            name: schema[name]
            for name in ("description", "title")
            if name in schema and "description" not in replacement
        }
        return replacement | kept if schema.get("type") == "string" else schema
    head, *rest = path
    if head == "*":
        return (
            schema | {"items": _replace_strings(schema["items"], tuple(rest), replacement)}
            if "items" in schema
            else schema
        )
    if head not in schema.get("properties", {}):
        return schema
    properties = schema["properties"]
    return schema | {"properties": properties | {head: _replace_strings(properties[head], tuple(rest), replacement)}}
