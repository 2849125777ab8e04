"""What pydantic finds wrong with what a stranger sent, in words that know nothing of Python."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

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
