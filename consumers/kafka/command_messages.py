"""Messages of the commands topic: how they become transactions, and the replies to them."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from consumers.kafka.cloudevents import EVENT_TYPE_PREFIX, Headers, Message, get_header
from domain.catalog import COMMAND, Batch
from domain.duplicate_names import find_duplicate_name
from domain.problems import build_problem, validation_problem
from domain.values import format_micros
from eventlog.entry import Caller, Receipt, Transaction

APPLIED_TYPE: Final = EVENT_TYPE_PREFIX + "CommandApplied.v1"
REJECTED_TYPE: Final = EVENT_TYPE_PREFIX + "CommandRejected.v1"
MAX_COMMAND_BYTES: Final = 1024 * 1024
MAX_COMMAND_MEMBERS: Final = 100_000
"""Members of all lists and objects of a message. The API takes more, so that a message fits where a server applies it."""
MAX_METADATA_BYTES: Final = 64 * 1024
"""Bytes of the key and the headers of a command: as large as the attributes of a CloudEvent should be at most. Replies
contain them, so that without this limit a reply could be too large for its topic.
"""
MAX_KEY_CHARACTERS: Final = 200
STRUCTURED_TYPE: Final = "application/cloudevents"
TOO_LARGE: Final = "too-large"
_BATCH: Final = TypeAdapter(Batch)

Problem = dict[str, Any]
Outcome = Receipt | Problem


@dataclass(frozen=True, slots=True)
class CommandMessage:
    """A message of the commands topic, its position there, and when it was sent (milliseconds since 1970)."""

    message: Message
    topic: str
    partition: int
    offset: int
    sent: int


# Reading -------------------------------------------------------------------------------------------------------------


def read_command(command: CommandMessage) -> tuple[bytes | None, str | None, str | None]:
    """Return the command as JSON, and the source and id of the CloudEvent, in binary or structured mode."""
    value = command.message.value
    if value and (get_header(command.message, "content-type") or "").startswith(STRUCTURED_TYPE):
        with suppress(ValueError):
            event = from_json(value, allow_inf_nan=False)
            if isinstance(event, dict) and "data" in event:
                source, id_ = (
                    event.get(name) if isinstance(event.get(name), str) else None for name in ("source", "id")
                )
                return json.dumps(event["data"]).encode(), source, id_
    return value, get_header(command.message, "ce_source"), get_header(command.message, "ce_id")


def idempotency_key(command: CommandMessage) -> str:
    """Return the idempotency key of a message: its source and id; without an id, its position in the topic."""
    _, source, id_ = read_command(command)
    if id_:
        key = f"{quote(source or '', safe=':/?@')}#{quote(id_)}"
        return key if len(key) <= MAX_KEY_CHARACTERS else f"sha256:{sha256(key.encode()).hexdigest()}"
    # The offsets of a topic that was deleted and created again start at 0 again, so the time is part of the key.
    return f"{command.topic}/{command.partition}/{command.offset}@{command.sent}"


def build_transaction(command: CommandMessage, caller: Caller) -> Transaction | Problem:
    """Return the transaction in a message, or the problem with it."""
    value, _, _ = read_command(command)
    if value is None:
        return build_problem("malformed", "the message has no value; send a command as JSON")
    if not _has_valid_metadata(command):
        return build_problem(TOO_LARGE, f"the key and the headers can have at most {MAX_METADATA_BYTES} bytes")
    if len(value) > MAX_COMMAND_BYTES:
        detail = f"a message can have at most {MAX_COMMAND_BYTES} bytes; split large imports into several messages"
        return build_problem(TOO_LARGE, detail)
    return _parse_transaction(command, value, caller)


def _parse_transaction(command: CommandMessage, value: bytes, caller: Caller) -> Transaction | Problem:
    try:
        data = from_json(value, allow_inf_nan=False)
    except ValueError as error:
        return build_problem("malformed-json", f"the value is not JSON: {error}")
    if _count_members(data) > MAX_COMMAND_MEMBERS:
        detail = f"a message can have at most {MAX_COMMAND_MEMBERS} members in all its lists and objects; send several"
        return build_problem(TOO_LARGE, detail)
    if (name := _find_duplicate_name(command, value, data)) is not None:
        return build_problem("malformed", f"`{name}` is given twice; send it once", field=name)
    try:
        if isinstance(data, dict) and "commands" in data:
            batch = _BATCH.validate_json(value)
            return Transaction(tuple(batch.commands), caller, idempotency_key(command), dict(batch.expected))
        return Transaction((COMMAND.validate_json(value),), caller, idempotency_key(command))
    except ValidationError as error:
        return validation_problem(error.errors(include_url=False, include_input=False))


def _find_duplicate_name(command: CommandMessage, value: bytes, data: Any) -> str | None:
    """Return the path of a name that an object of the command has twice, also in a CloudEvent in structured mode."""
    sent = command.message.value
    if sent is None or sent is value:
        return find_duplicate_name(value, data)
    name = find_duplicate_name(sent, from_json(sent))
    return name and name.removeprefix("data.")


def _count_members(data: Any) -> int:
    """Return the number of members of all lists and objects in a value."""
    count, stack = 0, [data]
    while stack:
        each = stack.pop()
        if isinstance(each, dict | list):
            count += len(each)
            stack.extend(each.values() if isinstance(each, dict) else each)
    return count


def _has_valid_metadata(command: CommandMessage) -> bool:
    """Return whether the key and the headers are within their limit."""
    message = command.message
    sizes = (len(name.encode()) + len(value or b"") for name, value in message.headers)
    return len(message.key or b"") + sum(sizes) <= MAX_METADATA_BYTES


# Replies -------------------------------------------------------------------------------------------------------------


def receipt_document(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as JSON, the same as the HTTP API's."""
    recorded = [
        {
            "position": each.position,
            "subject": each.subject,
            "version": each.version,
            "type": each.type,
            "recorded_at": format_micros(each.recorded_at),
        }
        for each in receipt.recorded
    ]
    subject = receipt.recorded[0].subject
    version = {each.subject: each.version for each in receipt.recorded}[subject]
    return {
        "position": receipt.position,
        "subject": subject,
        "version": version,
        "recorded": recorded,
        "replayed": receipt.replayed,
    }


def build_reply(command: CommandMessage, outcome: Outcome, log_id: str, now: int) -> Message:
    """Return the reply to a command: its receipt, or the problem with it.

    It has the key of the command, and names its source and id, unless they are too long.
    """
    if isinstance(outcome, Receipt):
        value, kind, content = receipt_document(outcome), APPLIED_TYPE, "application/json"
    else:
        value, kind, content = outcome | _original_message(command), REJECTED_TYPE, "application/problem+json"
    _, source, id_ = read_command(command)
    attributes = {
        "ce_specversion": "1.0",
        "ce_type": kind,
        "ce_source": log_id,
        "ce_id": idempotency_key(command),
        "ce_time": format_micros(now),
        "ce_commandsource": source,
        "ce_commandid": id_,
        "content-type": content,
    }
    headers: Headers = [
        (name, raw) for name, text in attributes.items() if text and len(raw := text.encode()) <= MAX_METADATA_BYTES
    ]
    key = command.message.key if _has_valid_metadata(command) else None
    return Message(key, json.dumps(value, ensure_ascii=False).encode(), headers)


def _original_message(command: CommandMessage) -> dict[str, Any]:
    """Return the message, as text if it is text, and its position in the topic."""
    position = {"topic": command.topic, "partition": command.partition, "offset": command.offset}
    value = command.message.value
    if value is None or len(value) > MAX_COMMAND_BYTES:
        return position
    with suppress(UnicodeDecodeError):
        text = value.decode()
        if len(json.dumps(text, ensure_ascii=False)) < 2 * len(value) + 100:
            return position | {"message": text}
    return position | {"message_base64": base64.b64encode(value).decode()}
