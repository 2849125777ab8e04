"""What pydantic finds wrong with what a stranger sent, in words that know nothing of Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from pydantic import BaseModel

from domain.catalog import COMMANDS
from domain.values import COMBINATION

_MOST_FAULTS: Final = 50
_ENVELOPE: Final = object()
"""Stands for what is around commands: a batch, units."""
_KEY_OF_AN_OBJECT: Final = "[key]"
_WRONG_TYPE: Final = ("_type", "_parsing")

_OUR_WORDS: Final = {
    "missing": "is required",
    "extra_forbidden": "there is no such field",
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
    "too_short": "must name at least {min_length}",
    "too_long": "must name at most {max_length}",
    "literal_error": "must be {expected}",
    "union_tag_invalid": "unknown command; GET /v1/catalog lists them all",
    "union_tag_not_found": "needs a `type`, the name of a command; GET /v1/catalog lists them all",
}


def describe_error(error: Mapping[str, Any]) -> str:
    """What would be right, for one of the errors of a `ValidationError`."""
    if error["type"] in _OUR_WORDS:
        return _OUR_WORDS[error["type"]].format(**error.get("ctx", {}))
    said = str(error["msg"]).removeprefix("Value error, ")
    return re.sub(r"^(Input|String|Value|List|Tuple) should (be|have|match)", r"must \2", said)


def list_errors(found: Sequence[Any]) -> list[tuple[str, str]]:
    """Return each field that is wrong, by its path as in JSON, and what would be right.

    `found` are the errors of a `ValidationError`; at most 50 fields are named. Of a union, one sentence is kept: that of
    the member whose type was sent, or one that names every type it can have.
    """
    by_path: dict[str, list[Any]] = {}
    for error in _without_consequences(found):
        path = _path(error["loc"])
        if path in by_path or len(by_path) < _MOST_FAULTS:
            by_path.setdefault(path, []).append(error)
    return [(path, _detail(errors)) for path, errors in by_path.items()]


def is_combination(found: Sequence[Any]) -> bool:
    """Return whether each field is as documented, and only some of them do not go together."""
    return all(error["type"] == COMBINATION for error in _without_consequences(found))


def _without_consequences(found: Sequence[Any]) -> list[Any]:
    """Leave out that a list is too short where this is so only because a member of it is wrong."""
    above = {error["loc"][:n] for error in found for n in range(len(error["loc"]))}
    return [error for error in found if error["type"] != "too_short" or error["loc"] not in above]


def summarize_errors(faults: Sequence[tuple[str, str]]) -> str:
    """The first few faults."""
    return "; ".join(f"{field}: {detail}" if field else detail for field, detail in faults[:5])


def _path(loc: Sequence[str | int]) -> str:
    """Return the dotted path of a field in what was sent.

    Pydantic's own path also holds the name of each command and of the member of a union that was tried.
    """
    parts: list[str] = []
    hint: Any = _ENVELOPE
    for part in loc:
        if hint is _ENVELOPE and part in COMMANDS and (not parts or parts[-1].isdigit()):
            hint = COMMANDS[str(part)]
        elif hint is _ENVELOPE or isinstance(part, int):
            parts += [] if part == _KEY_OF_AN_OBJECT else [str(part)]
            hint = hint if hint is _ENVELOPE else _member_of(hint)
        elif isinstance(hint, type) and issubclass(hint, BaseModel):
            parts.append(part)
            hint = _hint_of(hint, part)
        # Whatever stands below a field that is no object names a member of its union.
    return ".".join(parts)


def _hint_of(model: type[BaseModel], name: str) -> Any:
    """Return the type of a field, without what annotates it and without None."""
    fields = ((info.alias or own, info) for own, info in model.model_fields.items())
    return next((_bare(info.annotation) for alias, info in fields if alias == name), None)


def _member_of(hint: Any) -> Any:
    """Return the type of the members of a list."""
    return _bare(next(iter(get_args(hint)), None))


def _bare(hint: Any) -> Any:
    if get_origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    members = [each for each in get_args(hint) if each is not type(None)]
    return _bare(members[0]) if get_origin(hint) in (Union, UnionType) and len(members) == 1 else hint


def _detail(errors: Sequence[Any]) -> str:
    """Return what would be right for one field."""
    details = list(dict.fromkeys(_detail_of(error) for error in errors))
    if len(details) == 1:
        return details[0]
    meant = [_detail_of(error) for error in errors if not error["type"].endswith(_WRONG_TYPE)]
    if meant:
        return meant[0]
    return f"must be {' or '.join(detail.removeprefix('must be ') for detail in details)}"


def _detail_of(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        known = _fields_of(error["loc"])
        return f"there is no such field; there are {', '.join(known)}" if known else "there is no such field"
    return describe_error(error)


def _fields_of(loc: Sequence[str | int]) -> list[str]:
    """The fields of the command in which something stood that is none of them."""
    command = COMMANDS.get(str(loc[0])) if len(loc) == 2 else None  # noqa: PLR2004
    return sorted(info.alias or name for name, info in command.model_fields.items()) if command else []
