"""Random ids and keys, from a source of random bytes that is passed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

POOL_BYTES: Final = 4096
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = tuple(first + second for second in _DIGITS for first in _DIGITS)
"""Two digits at a time, the lower one first: half as many divisions of a large number."""
_KEY_LENGTH: Final = 16
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
    """Return a random key of 16 digits and letters (82 bits)."""
    number = int.from_bytes(entropy(_ID_BYTES))
    pairs = []
    for _ in range(_KEY_LENGTH // 2):
        number, pair = divmod(number, len(_PAIRS))
        pairs.append(_PAIRS[pair])
    return "".join(pairs)


def new_id(entropy: Callable[[int], bytes]) -> str:
    """Return a random id of an event or a transaction: 32 hexadecimal digits."""
    return entropy(_ID_BYTES).hex()
