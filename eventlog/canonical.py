"""Canonical bytes: RFC 8785 within a subset in which the standard library already gives the same.

Keys are ASCII, integers lie below 2^53, and there are no floats and no nulls: decimals are strings, what is absent is
left out. Within that, sorted keys without white space are the whole of the canonical form.
"""

from __future__ import annotations

import json
from typing import Any, Final

SAFE_INTEGER: Final = 2**53 - 1


class NotCanonicalError(ValueError):
    """Something that has no canonical bytes here."""


def canonical(value: Any) -> bytes:
    """The one spelling of a JSON value.

    Raises:
        NotCanonicalError: it holds a float, a null, a large integer, U+0000, a lone surrogate or a key beyond ASCII.
    """
    _check(value)
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        msg = "a lone surrogate has no canonical bytes"
        raise NotCanonicalError(msg) from None


def _check(value: Any) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            msg = "U+0000 has no canonical bytes here"
            raise NotCanonicalError(msg)
    elif isinstance(value, dict):
        for key, member in value.items():
            if not (isinstance(key, str) and key.isascii()):
                msg = f"the key {key!r} is not ASCII"
                raise NotCanonicalError(msg)
            _check(member)
    elif isinstance(value, list):
        for member in value:
            _check(member)
    elif not isinstance(value, int) or abs(value) > SAFE_INTEGER:
        msg = f"{value!r} has no canonical bytes here: whole numbers below 2^53, strings, lists and objects only"
        raise NotCanonicalError(msg)
