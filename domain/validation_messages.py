"""Turns pydantic's validation errors into messages for users, without Python terms."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from domain.any_subject import FIELD_NAME_PATTERN, LOG_PATTERN
from domain.catalog import COMMANDS
from domain.roles import ROLE_HOLDER_PATTERN
from domain.scopes import SCOPE_PATTERN, SCOPES
from domain.values import COMBINATION, KEY_FORMAT, SHA256_PATTERN

_MAX_FIELDS: Final = 50
_CONTAINER: Final = object()
"""Stands for what contains commands: a batch or a bulk request."""
_OBJECT_KEY: Final = "[key]"
_TYPE_ERRORS: Final = ("_type", "_parsing")

_MESSAGES: Final = {
    "missing": "is required",
    "extra_forbidden": "no such field",
    "string_type": "must be text",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be {expected}",
    "union_tag_invalid": "unknown command; see GET /v1/catalog",
    "union_tag_not_found": "needs a `type`, the name of a command; see GET /v1/catalog",
}

_PATTERN_MESSAGES: Final = {
    FIELD_NAME_PATTERN: "must be the name of a field, such as `status` or `target.beta`",
    LOG_PATTERN: f"must be log:KEY; {KEY_FORMAT}",
    SHA256_PATTERN: "must be a SHA-256 as 64 hexadecimal digits in lowercase",
    f"^{ROLE_HOLDER_PATTERN}$": f"must be person:KEY or team:KEY or service:KEY or group:KEY; {KEY_FORMAT}",
    f"^{SCOPE_PATTERN}$": f"must be one of {', '.join(SCOPES)}, or import:SYSTEM",
}
"""What a text must be that has to match a pattern."""


def describe_error(error: Mapping[str, Any]) -> str:
    """Return a message for one of the errors of a `ValidationError`: what the field must be."""
    found, context = error["type"], error.get("ctx", {})
    if context.get("field_type") == "Value" and found in (
        "too_short",
        "too_long",
    ):  # of text whose type is checked further
        found = f"string_{found}"
    if context.get("pattern") in _PATTERN_MESSAGES:
        return _PATTERN_MESSAGES[context["pattern"]]
    if found in _MESSAGES:
        message = _MESSAGES[found].format(**context)
        return re.sub(r"\b1 (character|item)s$", r"1 \1", message)
    message = str(error["msg"]).removeprefix("Value error, ")
    return re.sub(r"^(Input|String|Value|List|Tuple) should (be|have|match)", r"must \2", message)


def list_errors(found: Sequence[Any]) -> list[tuple[str, str]]:
    """Return the JSON path of each invalid field, with a message.

    `found` are the errors of a `ValidationError`; at most 50 fields are listed. For a union there is one message: that
    of the member whose type was sent, or one that names every accepted type.
    """
    by_path: dict[str, list[Any]] = {}
    for error in _drop_follow_up_errors(found):
        path = _build_path(error["loc"])
        if path in by_path or len(by_path) < _MAX_FIELDS:
            by_path.setdefault(path, []).append(error)
    return [(path, _merge_messages(errors)) for path, errors in by_path.items()]


def is_combination(found: Sequence[Any]) -> bool:
    """Return whether each field is valid on its own, and only their combination is not."""
    return all(error["type"] == COMBINATION for error in _drop_follow_up_errors(found))


def _drop_follow_up_errors(found: Sequence[Any]) -> list[Any]:
    """Omit the error that a list is too short if that is only because one of its members is invalid."""
    parents = {error["loc"][:n] for error in found for n in range(len(error["loc"]))}
    return [error for error in found if error["type"] != "too_short" or error["loc"] not in parents]


def summarize_errors(errors: Sequence[tuple[str, str]]) -> str:
    """Return the first few errors in one line."""
    return "; ".join(f"{field}: {detail}" if field else detail for field, detail in errors[:5])


def _build_path(loc: Sequence[str | int]) -> str:
    """Return the dotted path of a field in the JSON that was sent.

    Pydantic's own path also contains the name of each command and of the member of a union that was tried.
    """
    parts: list[str] = []
    hint: Any = _CONTAINER
    for part in loc:
        if hint is _CONTAINER and part in COMMANDS and (not parts or parts[-1].isdigit()):
            hint = COMMANDS[str(part)]
        elif hint is _CONTAINER or isinstance(part, int):
            parts += [] if part == _OBJECT_KEY else [str(part)]
            hint = hint if hint is _CONTAINER else _get_item_type(hint)
        elif isinstance(hint, type) and issubclass(hint, BaseModel):
            parts.append(part)
            hint = _get_field_type(hint, part)
        # Any other part, below a field that is not an object, names a member of its union.
    return ".".join(parts)


def _get_field_type(model: type[BaseModel], name: str) -> Any:
    """Return the type of a field, without annotations and without None."""
    fields = ((info.alias or own, info) for own, info in model.model_fields.items())
    return next((_strip_type(info.annotation) for alias, info in fields if alias == name), None)


def _get_item_type(hint: Any) -> Any:
    """Return the type of the members of a list."""
    return _strip_type(next(iter(get_args(hint)), None))


def _strip_type(hint: Any) -> Any:
    if get_origin(hint) is Annotated:
        return _strip_type(get_args(hint)[0])
    members = [each for each in get_args(hint) if each is not type(None)]
    return _strip_type(members[0]) if get_origin(hint) in (Union, UnionType) and len(members) == 1 else hint


def _merge_messages(errors: Sequence[Any]) -> str:
    """Return the message for one field."""
    messages = list(dict.fromkeys(_message_for(error) for error in errors))
    if len(messages) == 1:
        return messages[0]
    specific = [_message_for(error) for error in errors if not error["type"].endswith(_TYPE_ERRORS)]
    if specific:
        return specific[0]
    return f"must be {' or '.join(message.removeprefix('must be ') for message in messages)}"


def _message_for(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        known = _get_field_names(error["loc"])
        return f"no such field; the fields are {', '.join(known)}" if known else "no such field"
    return describe_error(error)


def _get_field_names(loc: Sequence[str | int]) -> list[str]:
    """Return the fields of the command that contains an unknown field."""
    command = COMMANDS.get(str(loc[0])) if len(loc) == 2 else None  # noqa: PLR2004
    return sorted(info.alias or name for name, info in command.model_fields.items()) if command else []
