"""Canonical JSON: the subset of RFC 8785 in which compact JSON with sorted keys is already canonical.

Keys are ASCII, integers are below 2^53, and there are no floats and no nulls: decimals are strings, and absent values
are omitted.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import PydanticSerializationError, to_json

SAFE_INTEGER: Final = 2**53 - 1


class NotCanonicalError(ValueError):
    """A value has no canonical form, or bytes are not canonical."""


def canonical(value: Any) -> bytes:
    """Return the canonical bytes of a JSON value.

    Raises:
        NotCanonicalError: it holds a float, a null, a large integer, U+0000, a lone surrogate or a non-ASCII key.
    """
    try:
        return to_json(_sort_keys(value))
    except (UnicodeEncodeError, PydanticSerializationError):
        raise NotCanonicalError("a lone surrogate has no canonical form") from None


def _sort_keys(value: Any) -> Any:
    """Return the value with the keys of every object sorted, after checking that it has a canonical form."""
    if isinstance(value, str):
        if "\x00" in value:
            raise NotCanonicalError("U+0000 is not allowed")
        return value
    if isinstance(value, dict):
        for key in value:
            if not (isinstance(key, str) and key.isascii()):
                raise NotCanonicalError(f"the key {key!r} is not ASCII")
        return {key: _sort_keys(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sort_keys(member) for member in value]
    if not isinstance(value, int) or abs(value) > SAFE_INTEGER:
        raise NotCanonicalError(f"{value!r} is not allowed: use integers below 2^53, strings, lists and objects")
    return value
