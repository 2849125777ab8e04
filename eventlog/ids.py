"""Random ids and keys, from the randomness that is passed in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

POOLED: Final = 4096
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_KEY_LENGTH: Final = 16
_ID_BYTES: Final = 16


class Pool:
    """Randomness drawn from a source many bytes at a time: each call of the system's lets go of the interpreter."""

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._drawing = threading.Lock()
        self._bytes = b""
        self._next = 0

    def __call__(self, size: int) -> bytes:
        """So many bytes, which nobody gets again."""
        with self._drawing:
            if self._next + size > len(self._bytes):
                self._bytes, self._next = self._source(max(size, POOLED)), 0
            self._next += size
            return self._bytes[self._next - size : self._next]


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
