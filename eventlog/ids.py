"""Random ids and keys, from a source of random bytes that is passed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

POOL_BYTES: Final = 4096
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_DIGIT_OF_BYTE: Final = bytes(ord(_DIGITS[byte % len(_DIGITS)]) for byte in range(256))
"""The digit for each byte. The first four are for eight bytes each, the others for seven: at least 5 bits each."""
_ID_BYTES: Final = 16


class EntropyPool:
    """Reads the random bytes of ids and salts from a source in large blocks: each system call releases the interpreter lock.

    Threads take pieces from one list, which needs no lock of its own.
    """

    def __init__(self, source: Callable[[int], bytes]) -> None:
        self._source = source
        self._pieces: list[bytes] = []

    def __call__(self, size: int) -> bytes:
        """Return random bytes, each of which is returned only once."""
        if size != _ID_BYTES:
            return self._source(size)
        try:
            return self._pieces.pop()
        except IndexError:
            block = self._source(POOL_BYTES)
            self._pieces += [block[at : at + size] for at in range(size, POOL_BYTES, size)]
            return block[:size]


def new_key(entropy: Callable[[int], bytes]) -> str:
    """Return a random key of 16 digits and letters; the chance to guess it is 1 in 2^80 at most."""
    return entropy(_ID_BYTES).translate(_DIGIT_OF_BYTE).decode()


def new_id(entropy: Callable[[int], bytes]) -> str:
    """Return a random id of an event or a transaction: 32 hexadecimal digits."""
    return entropy(_ID_BYTES).hex()
