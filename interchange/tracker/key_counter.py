"""Count how often each key of a file occurs, in a few bytes a key, so that a large file needs little memory."""

from __future__ import annotations

from array import array
from typing import Final

_FIRST_SIZE: Final = 1024
_HASH_DIGITS: Final = 16


class KeyCounter:
    """Counts keys that are hashes in hexadecimal digits, by their first 64 bits.

    It is a hash table with open addressing of 12 bytes a slot. A dict of the keys would need some 200 bytes a key.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget all keys."""
        self._hashes = array("Q", bytes(8 * _FIRST_SIZE))
        self._counts = array("I", bytes(4 * _FIRST_SIZE))
        self._size, self._used = _FIRST_SIZE, 0

    def add(self, key: str) -> int:
        """Count a key once more. Return how often it was counted."""
        wanted = int(key[:_HASH_DIGITS], 16) or 1
        slot = self._find_slot(wanted)
        self._counts[slot] += 1
        count = self._counts[slot]
        if not self._hashes[slot]:
            self._hashes[slot] = wanted
            self._used += 1
            if self._used * 3 > self._size * 2:
                self._grow()
        return count

    def _find_slot(self, wanted: int) -> int:
        hashes, mask = self._hashes, self._size - 1
        slot = wanted & mask
        while hashes[slot] not in (0, wanted):
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        hashes, counts = self._hashes, self._counts
        self._size *= 2
        self._hashes = array("Q", bytes(8 * self._size))
        self._counts = array("I", bytes(4 * self._size))
        for known, count in zip(hashes, counts, strict=True):
            if known:
                slot = self._find_slot(known)
                self._hashes[slot], self._counts[slot] = known, count
