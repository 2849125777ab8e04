"""The topics and their messages as an AsyncAPI 3 document, made from the catalogue and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from consumers.kafka.cloudevents import LEAF, PREFIX, TEXTS
from consumers.kafka.command_consumer import APPLIED, REJECTED
from consumers.kafka.publisher import CONFIRMED
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
_INSTANT: Final = {"type": "string", "format": "date-time"}
_COUNT: Final = {"type": "integer", "minimum": 1}
_SUBJECT: Final = _ref("components", "schemas", "Subject")
_SHARED: Final[Schema] = {
    "Commitment": _HASH | {"description": "HMAC-SHA-256 of a text under its salt; both stand in the header `texts`."},
    "Subject": {"type": "string", "pattern": f"^{SUBJECT_PATTERN}$"},
}
_NUMBER: Final = {"type": "string", "pattern": "^[0-9]+$"}
_TEXT: Final = {"type": "string"}
_REF: Final = "#/components/schemas/{model}"


def document(topics: Topics) -> Schema:
    """The whole document, for topics of these names."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Decision log",
            "version": version("decisionlog"),
            "description": "What a decision log publishes to Apache Kafka, and what it takes in. Messages are CloudEvents 1.0 in "
            "binary mode, but for names, of which each takes the place of the one before. Events arrive at least once, in the order of their positions: drop what you have seen, and stop "
            "where one is missing until it comes.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "events": _channel(topics.events, "Every entry of the log, in its order.", EVENTS),
            "commands": _channel(topics.commands, "What is to be put to the log.", [*COMMANDS, "Batch"]),
            "results": _channel(
                topics.results, "What became of commands that were applied.", [APPLIED.removeprefix(PREFIX)]
            ),
            "rejected": _channel(
                topics.rejected, "Commands that were not applied, and why.", [REJECTED.removeprefix(PREFIX)]
            ),
            "people": _channel(
                topics.people,
                "What people are called, by id, where that is wanted. Of each id the last message counts.",
                [NAMES],
            ),
        },
        "operations": {
            "publish": _operation("send", "events", "`decisionlog publish` sends every entry."),
            "takeIn": _operation("receive", "commands", "`decisionlog intake` puts each to the log.")
            | {"reply": {"channel": _ref("channels", "results")}},
            "answer": _operation("send", "results", "`decisionlog intake` answers with the receipt."),
            "reject": _operation("send", "rejected", "`decisionlog intake` answers with the problem."),
            "name": _operation("send", "people", "`decisionlog publish` sends whatever changes in the directory."),
        },
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _channel(topic: Topic, description: str, messages: Iterable[str]) -> Schema:
    configs = topic.configs
    made = {"cleanup.policy": [configs["cleanup.policy"]]} | (
        {"retention.ms": int(configs["retention.ms"])} if "retention.ms" in configs else {}
    )
    partitions = {"partitions": topic.partitions} if topic.partitions else {}
    return {
        "address": topic.name,
        "description": description,
        "messages": {name: _ref("components", "messages", name) for name in messages},
        "bindings": {"kafka": {"topic": topic.name, "topicConfiguration": made} | partitions},
    }


def _operation(action: str, channel: str, summary: str) -> Schema:
    return {"action": action, "channel": _ref("channels", channel), "summary": summary}


# Messages ------------------------------------------------------------------------------------------------------------


def _messages() -> Schema:
    events = {
        name: _message(
            name, _first(event), _ref("components", "schemas", f"Entry.{name}"), _event_headers(name),
            "The subject that the entry is of.",
        )
        for name, event in EVENTS.items()
    }  # fmt: skip
    commands = {
        name: _message(
            name, _first(command), _ref("components", "schemas", name), _COMMAND_HEADERS, _ANY_KEY,
        )
        | {"examples": [{"payload": EXAMPLES[name]}]}
        for name, command in COMMANDS.items()
    }  # fmt: skip
    batch = _message("Batch", _first(Batch), _ref("components", "schemas", "Batch"), _COMMAND_HEADERS, _ANY_KEY)
    done, not_done = (kind.removeprefix(PREFIX) for kind in (APPLIED, REJECTED))
    applied = _message(
        done, "The receipt of a command.", _RECEIPT, _answer_headers(APPLIED, "application/json"), _SAME_KEY
    )
    rejected = _message(
        not_done, "Why a command was not applied, as a problem document (RFC 9457).", _PROBLEM,
        _answer_headers(REJECTED, "application/problem+json"), _SAME_KEY,
    ) | {"contentType": "application/problem+json"}  # fmt: skip
    names = _message(
        NAMES,
        "What somebody is called; without a payload, they are forgotten.",
        _NAMES,
        _NAMES_HEADERS,
        "The person's id.",
    )
    return {**events, **commands, "Batch": batch, done: applied, not_done: rejected, NAMES: names}


def _message(name: str, summary: str, payload: Schema, headers: Schema, key: str) -> Schema:
    binding = {"kafka": {"key": {"type": "string", "description": key}}}
    return {"name": name, "summary": summary, "payload": payload, "headers": headers, "bindings": binding}


def _first(thing: type) -> str:
    return (thing.__doc__ or "").strip().partition("\n")[0]


def _object(
    required: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None, *, closed: bool = True
) -> Schema:
    properties = {**required, **(optional or {})}
    made: Schema = {"type": "object", "properties": properties, "required": list(required)}
    return made | {"additionalProperties": False} if closed else made


def _event_headers(name: str) -> Schema:
    of_this = {"properties": {"ce_type": {"const": PREFIX + name}}}
    return {"allOf": [_ref("components", "schemas", "EventHeaders"), of_this]}


_EVENT_HEADERS: Final = _object(
    {
        "ce_specversion": {"const": "1.0"},
        "ce_type": _TEXT,
        "ce_source": _SUBJECT,
        "ce_id": _NUMBER | {"description": "The position."},
        "ce_subject": _SUBJECT,
        "ce_time": _INSTANT | {"description": "When it was recorded."},
        "content-type": {"const": "application/json"},
        LEAF: _HASH | {"description": "The leaf of the entry in the log's Merkle tree: SHA-256(0x00 ‖ payload)."},
        CONFIRMED: _NUMBER | {"description": "Everything up to this position had arrived when this was sent."},
    },
    {TEXTS: _TEXT | {"description": "JSON: by place, as a JSON pointer into `event`, the salt in hex and the text."}},
)
_ANY_KEY: Final = "Whatever keeps commands in order that must be; commands of one partition are applied in their order."
_SAME_KEY: Final = "The key of the command."
_COMMAND_HEADERS: Final = _object(
    {},
    {
        "ce_source": _TEXT | {"description": "Who sends it, as a URI reference. With `ce_id` it is the idempotency key."},
        "ce_id": _TEXT | {"description": "Sent again with the same, it has one effect. Without one, its place in the topic counts."},
    },
    closed=False,
)  # fmt: skip


def _answer_headers(kind: str, content: str) -> Schema:
    return _object(
        {
            "ce_specversion": {"const": "1.0"},
            "ce_type": {"const": kind},
            "ce_source": _SUBJECT,
            "ce_id": _TEXT | {"description": "The idempotency key of the command; the same answer again has the same."},
            "ce_time": _INSTANT,
            "content-type": {"const": content},
        },
        {"ce_commandsource": _TEXT | {"description": "The command's source."}, "ce_commandid": _TEXT | {"description": "The command's id."}},
    )  # fmt: skip


NAMES: Final = "Names"
_NAMES_HEADERS: Final = _object({"content-type": {"const": "application/json"}})
_NAMES: Final = _object(
    {
        "person": _SUBJECT,
        "name": _TEXT | {"description": "The name to show."},
        "spellings": {"type": "array", "items": _TEXT, "minItems": 1, "description": "All they go by, that one first."},
    }
)
_RECEIPT: Final = _object(
    {
        "position": _COUNT | {"description": "The last position it wrote."},
        "subject": _SUBJECT,
        "version": _COUNT | {"description": "The version of the subject now."},
        "replayed": {"type": "boolean", "description": "Whether it had been applied before."},
        "recorded": {
            "type": "array",
            "items": _object(
                {"position": _COUNT, "subject": _SUBJECT, "version": _COUNT, "type": {"enum": list(EVENTS)}, "recorded_at": _INSTANT}
            ),
        },
    }
)  # fmt: skip
_PROBLEM: Final = _object(
    {
        "type": _TEXT | {"description": "The kind of problem, as `urn:decisionlog:problem:KIND`."},
        "title": _TEXT,
        "detail": _TEXT | {"description": "What is wrong, and what would be right."},
        "topic": _TEXT | {"description": "The topic of the command."},
        "partition": {"type": "integer", "minimum": 0},
        "offset": {"type": "integer", "minimum": 0},
    },
    {
        "field": _TEXT | {"description": "The first field that is wrong, by its path."},
        "subject": _SUBJECT,
        "version": {"type": "integer", "minimum": 0, "description": "The version that subject has now."},
        "errors": {"type": "array", "items": _object({"field": _TEXT, "detail": _TEXT})},
        "message": _TEXT | {"description": "The value of the command as it was sent, where it is text."},
        "message_base64": _TEXT | {"description": "The same where it is not."},
    },
)


# Schemas -------------------------------------------------------------------------------------------------------------


def _schemas() -> Schema:
    models: list[type[BaseModel]] = [*COMMANDS.values(), Batch]
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    schemas: Schema = {name: _untitled(schema) for name, schema in found["$defs"].items()}
    for name in COMMANDS:
        schemas[name]["required"] = [*schemas[name].get("required", []), "type"]
    # OpenAPI's discriminator is an object, AsyncAPI's is not; `type` is a constant in each, which says the same.
    schemas["Batch"]["properties"]["commands"]["items"].pop("discriminator", None)
    shared = {**_SHARED, "EventHeaders": _EVENT_HEADERS, "StoredReference": _stored(Reference), "StoredSource": _SOURCE}
    return schemas | shared | {f"Entry.{name}": _entry(name, event) for name, event in EVENTS.items()}


_SOURCE: Final = _object({"channel": _TEXT}, {"system": _TEXT, "reference": _TEXT, "at": _INSTANT})


def _entry(name: str, event: type[Event]) -> Schema:
    data = _stored(event)
    # An event whose fields are all silent has no data at all.
    needed, more = ({"data": data}, {}) if data.get("required") else ({}, {"data": data})
    own = _object(
        {
            "id": _TEXT, "transaction": _object({"id": _TEXT, "place": _COUNT}), "actor": _SUBJECT, "credential": _TEXT,
            "source": _ref("components", "schemas", "StoredSource"), **needed,
        },
        {
            "on_behalf_of": {"type": "array", "items": _object({"who": _SUBJECT}, {"grant": _TEXT})},
            "effective_at": _INSTANT, "because": {"type": "array", "items": _SUBJECT},
            "references": {"type": "array", "items": _ref("components", "schemas", "StoredReference")}, "note": _COMMITMENT, "corrects": _COUNT, **more,
        },
    )  # fmt: skip
    return _object(
        {
            "event": own, "position": _COUNT, "recorded_at": _INSTANT, "subject": _SUBJECT, "type": {"const": name},
            "version": _COUNT,
        }
    )  # fmt: skip


def _stored(model: type[Message]) -> Schema:
    """The schema of a message as it is stored: texts are commitments, persons are ids."""
    schema = model.model_json_schema(mode="validation")
    whole: Schema = _inlined(schema, schema.pop("$defs", {}))
    for mark, stands in ((StringKind.TEXT, _COMMITMENT), (StringKind.PERSON, _SUBJECT)):
        for path in string_paths(model, mark):
            whole = _put(whole, path, stands)
    return whole


def _inlined(schema: Any, defs: Schema) -> Any:
    """A schema in which every definition stands where it is named."""
    if isinstance(schema, list):
        return [_inlined(each, defs) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(defs[schema["$ref"].rpartition("/")[2]], defs)
    return {name: _inlined(each, defs) for name, each in _untitled(schema).items()}


def _untitled(schema: Any) -> Any:
    """A schema without the titles that only say a field's name once more."""
    if isinstance(schema, list):
        return [_untitled(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _untitled(each) for name, each in schema.items() if name != "title" or isinstance(each, dict)}


def _put(schema: Schema, path: tuple[str, ...], stands: Schema) -> Schema:
    """A schema with another in the place of the strings at a path."""
    if "anyOf" in schema:
        return schema | {"anyOf": [_put(each, path, stands) for each in schema["anyOf"]]}
    if not path:
        kept = {
            name: schema[name] for name in ("description", "title") if name in schema and "description" not in stands
        }
        return stands | kept if schema.get("type") == "string" else schema
    head, *rest = path
    if head == "*":
        return schema | {"items": _put(schema["items"], tuple(rest), stands)} if "items" in schema else schema
    if head not in schema.get("properties", {}):
        return schema
    properties = schema["properties"]
    return schema | {"properties": properties | {head: _put(properties[head], tuple(rest), stands)}}
