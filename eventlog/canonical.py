"""Canonical JSON: the subset of RFC 8785 in which compact JSON with sorted keys is already canonical.

Keys are ASCII, integers are below 2^53, and there are no floats and no nulls: decimals are strings, and absent values
are omitted.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

SAFE_INTEGER: Final = 2**53 - 1
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


class NotCanonicalError(ValueError):
    """A value has no canonical form, or bytes are not canonical."""


def canonical(value: Any) -> bytes:
    """Return the canonical bytes of a JSON value.

    Raises:
        NotCanonicalError: it holds a float, a null, a large integer, U+0000, a lone surrogate or a non-ASCII key.
    """
    _require_canonical_form(value)
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        raise NotCanonicalError("a lone surrogate has no canonical form") from None


def _require_canonical_form(value: Any) -> None:
    """Check what the encoder accepts but canonical JSON does not.

    Raises:
        NotCanonicalError: the value, or one in it, has no canonical form.
    """
    if isinstance(value, str):
        if "\x00" in value:
            raise NotCanonicalError("U+0000 is not allowed")
    elif isinstance(value, dict):
        for key, member in value.items():
            if not (isinstance(key, str) and key.isascii()):
                raise NotCanonicalError(f"the key {key!r} is not ASCII")
            if type(member) is not str or "\x00" in member:  # nearly every member is a string, and no call is needed
                _require_canonical_form(member)
    elif isinstance(value, list):
        for member in value:
            _require_canonical_form(member)
    elif not isinstance(value, int) or abs(value) > SAFE_INTEGER:
        raise NotCanonicalError(f"{value!r} is not allowed: use integers below 2^53, strings, lists and objects")
