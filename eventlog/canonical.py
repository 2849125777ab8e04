"""Canonical JSON: the subset of RFC 8785 in which compact JSON with sorted keys is already canonical.

Keys are ASCII, integers are below 2^53, and there are no floats and no nulls: decimals are strings, and absent values
are omitted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

SAFE_INTEGER: Final = 2**53 - 1
_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_ESCAPED_NUL: Final = rb"\u0000"


class NotCanonicalError(ValueError):
    """A value has no canonical form, or bytes are not canonical."""


def canonical(value: Any) -> bytes:
    """Return the canonical bytes of a JSON value.

    Raises:
        NotCanonicalError: it holds a float, a null, a large integer, U+0000, a lone surrogate or a non-ASCII key.
    """
    require_canonical_form(value)
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        raise NotCanonicalError("a lone surrogate has no canonical form") from None


def encode_checked(value: dict[str, Any]) -> bytes:
    """Return the canonical bytes of an object whose keys are ASCII and whose values, at any depth, are strings, booleans,
    integers below 2^53, lists and such objects: as `canonical` does, in a third of the time.

    Raises:
        NotCanonicalError: it holds U+0000 or a lone surrogate.
    """
    try:
        found = _ENCODER.encode(value)
    except UnicodeEncodeError:
        raise NotCanonicalError("a lone surrogate has no canonical form") from None
    return canonical(value) if _ESCAPED_NUL in found else found  # which may also be a text about U+0000


def require_canonical_form(value: Any) -> None:
    """Check what the encoder accepts but canonical JSON does not.

    Raises:
        NotCanonicalError: the value, or one in it, has no canonical form.
    """
    kind = type(value)
    if kind is dict:
        _require_ascii(value)
        members: Iterable[Any] = value.values()
    elif kind is list:
        members = value
    elif isinstance(value, str):
        if "\x00" in value:
            raise NotCanonicalError("U+0000 is not allowed")
        return
    elif isinstance(value, int) and abs(value) <= SAFE_INTEGER:
        return
    else:
        raise NotCanonicalError(f"{value!r} is not allowed: use integers below 2^53, strings, lists and objects")
    for member in members:
        if type(member) is not str or "\x00" in member:  # nearly every member is a string, and needs no call
            require_canonical_form(member)


def _require_ascii(keys: Iterable[Any]) -> None:
    try:
        if "".join(keys).isascii():
            return
    except TypeError:  # not even a string
        pass
    raise NotCanonicalError(f"a key of {list(keys)} is not ASCII")
