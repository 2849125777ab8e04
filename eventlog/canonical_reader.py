"""A strict parser of canonical JSON.

The check follows the definition: bytes are decoded into the few types that canonical JSON has here and encoded again
with sorted keys; they are canonical if the result is the same. The writer (`eventlog.canonical`) uses another library,
so a mistake of one shows in the other.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Final

import msgspec

from eventlog.canonical import SAFE_INTEGER, NotCanonicalError

MAX_DEPTH: Final = 10
"""The deepest nesting of lists and objects. No event has more than nine levels."""

_ESCAPED_NUL: Final = b"\\u0000"


def parse_canonical(stored: bytes) -> Any:
    """Return the value behind canonical bytes.

    Raises:
        NotCanonicalError: it is not JSON, not the canonical form of its value, or it holds what has no canonical form:
            a float, a null, an integer of 2^53 or more, U+0000, or a non-ASCII key.
        TypeError: it is not bytes.
    """
    decoder, encoder = _codec()
    try:
        value = decoder.decode(stored)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotCanonicalError(f"its bytes are not canonical JSON: {error}") from error
    if encoder.encode(value) != stored:
        raise NotCanonicalError("its bytes are not canonical")
    # Bytes without non-ASCII characters and without U+0000 cannot hold such keys or strings.
    if not (stored.isascii() and _ESCAPED_NUL not in stored) and not _is_allowed(value):
        raise NotCanonicalError("it holds U+0000 or a non-ASCII key")
    return value


@cache
def _codec() -> tuple[msgspec.json.Decoder[Any], msgspec.json.Encoder]:
    """Return the decoder for canonical values and an encoder that sorts keys; created on first use."""
    integer = Annotated[int, msgspec.Meta(ge=-SAFE_INTEGER, le=SAFE_INTEGER)]
    value: Any = str | integer | bool
    for _ in range(MAX_DEPTH):
        value = str | integer | bool | list[value] | dict[str, value]
    return msgspec.json.Decoder(value), msgspec.json.Encoder(order="sorted")


def _is_allowed(value: Any) -> bool:
    """Whether all keys are ASCII and no string holds U+0000."""
    if isinstance(value, dict):
        return all(key.isascii() and "\x00" not in key and _is_allowed(member) for key, member in value.items())
    if isinstance(value, list):
        return all(map(_is_allowed, value))
    return not isinstance(value, str) or "\x00" not in value
