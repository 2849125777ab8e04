"""Canonical bytes: RFC 8785 within a subset in which ordinary compact JSON with sorted keys already is the same.

Keys are ASCII, integers lie below 2^53, and there are no floats and no nulls: decimals are strings, what is absent is
left out. Within that, sorted keys without white space are the whole of the canonical form.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import PydanticSerializationError, to_json

SAFE_INTEGER: Final = 2**53 - 1


class NotCanonicalError(ValueError):
    """Something that has no canonical bytes here."""


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value.

    Raises:
        NotCanonicalError: it holds a float, a null, a large integer, U+0000, a lone surrogate or a key beyond ASCII.
    """
    try:
        return to_json(_in_order(value))
    except (UnicodeEncodeError, PydanticSerializationError):
        raise NotCanonicalError("a lone surrogate has no canonical bytes") from None


def _in_order(value: Any) -> Any:
    """The value with the keys of every object in order, once it is known to have canonical bytes."""
    if isinstance(value, str):
        if "\x00" in value:
            raise NotCanonicalError("U+0000 has no canonical bytes here")
        return value
    if isinstance(value, dict):
        for key in value:
            if not (isinstance(key, str) and key.isascii()):
                raise NotCanonicalError(f"the key {key!r} is not ASCII")
        return {key: _in_order(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_in_order(member) for member in value]
    if not isinstance(value, int) or abs(value) > SAFE_INTEGER:
        raise NotCanonicalError(
            f"{value!r} has no canonical bytes here: whole numbers below 2^53, strings, lists and objects only"
        )
    return value
