"""What pydantic finds wrong with what a stranger sent, in words that know nothing of Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.catalogue import COMMANDS

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
    "union_tag_invalid": "unknown command; GET /v1/catalogue lists them all",
    "union_tag_not_found": "needs a `type`, the name of a command; GET /v1/catalogue lists them all",
}


def in_our_words(error: Mapping[str, Any]) -> str:
    """What would be right, for one of the errors of a `ValidationError`."""
    if error["type"] in _OUR_WORDS:
        return _OUR_WORDS[error["type"]].format(**error.get("ctx", {}))
    said = str(error["msg"]).removeprefix("Value error, ")
    return re.sub(r"^(Input|String|Value|List|Tuple) should (be|have|match)", r"must \2", said)


def faults_of(found: Sequence[Any]) -> list[tuple[str, str]]:
    """Each field that is wrong, by its path and in our words, from the errors of a `ValidationError`; at most 50."""
    return [(_field(error["loc"]), _told(error)) for error in found[:50]]


def in_a_sentence(faults: Sequence[tuple[str, str]]) -> str:
    """The first few faults."""
    return "; ".join(f"{field}: {detail}" if field else detail for field, detail in faults[:5])


def _field(loc: Sequence[str | int]) -> str:
    """The dotted name of a field; where it stands in the request and which model it was tried as are left out."""
    parts = [str(part) for part in loc if part not in ("body", "query", "path", "header")]
    return ".".join(part for part in parts if not part[:1].isupper())


def _told(error: Any) -> str:
    """What would be right."""
    if error["type"] == "extra_forbidden":
        known = _fields_of(error["loc"])
        return f"there is no such field; there are {', '.join(known)}" if known else "there is no such field"
    return in_our_words(error)


def _fields_of(loc: Sequence[str | int]) -> list[str]:
    """The fields of the command in which something stood that is none of them."""
    command = COMMANDS.get(str(loc[0])) if len(loc) == 2 else None  # noqa: PLR2004
    return sorted(info.alias or name for name, info in command.model_fields.items()) if command else []
