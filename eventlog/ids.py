"""Random ids and keys, from the randomness that is passed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_KEY_LENGTH: Final = 16
_ID_BYTES: Final = 16


def new_key(entropy: Callable[[int], bytes]) -> str:
    """A key of 16 digits and letters: 82 bits, and never a meaning."""
    number = int.from_bytes(entropy(_ID_BYTES))
    digits = []
    for _ in range(_KEY_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(digits)


def new_id(entropy: Callable[[int], bytes]) -> str:
    """An id for an event or a unit: 32 hexadecimal digits."""
    return entropy(_ID_BYTES).hex()
