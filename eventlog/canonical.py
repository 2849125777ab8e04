"""Canonical bytes: RFC 8785 within a subset in which ordinary compact JSON with sorted keys already is the same.

Keys are ASCII, integers lie below 2^53, and there are no floats and no nulls: decimals are strings, what is absent is
left out. Within that, sorted keys without white space are the whole of the canonical form.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import PydanticSerializationError, from_json, to_json

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


def parsed(stored: bytes) -> Any:
    """The value behind canonical bytes.

    Raises:
        NotCanonicalError: there is another spelling of the same value, or it has no canonical bytes.
        ValueError: it is not JSON.
    """
    value = from_json(stored, allow_inf_nan=False)
    # That it is spelled as it would be written again says all but the order of keys and what has no spelling here.
    if b"\\u0000" in stored or not _is_in_order(value) or to_json(value) != stored:
        raise NotCanonicalError("its bytes are not canonical")
    return value


def _is_in_order(value: Any) -> bool:
    """Whether a value that was JSON has canonical bytes, and has the keys of every object in order."""
    kind = type(value)
    if kind is dict:
        keys = list(value)
        if keys != sorted(keys) or not "".join(keys).isascii():
            return False
        value = value.values()
    elif kind is not list:
        return kind is str or (isinstance(value, int) and abs(value) <= SAFE_INTEGER)
    return all(type(member) is str or _is_in_order(member) for member in value)
