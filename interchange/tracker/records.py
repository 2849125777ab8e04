"""What the lines so far have said of each record: its name, its subjects, and what each field was last said to be.

It is worked out anew from the first line of the file on every import, so that an import keeps no state of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

_HANDLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~#/-]*")
LONGEST_KEY = 90
"""Leaves room for `~2` within the hundred characters of a key."""


@dataclass(slots=True)
class Record:
    """One record of the tracker. `subjects` are those it has become so far, by kind; all have the same key."""

    name: str
    key: str
    told: dict[str, Any] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    struck: bool = False

    def contradicts(self, name: str, before: Any) -> bool:
        """Whether a field was not what a line says it was before. Empty is empty, however it is written."""
        return (self.told.get(name) or None) != (before or None)


class Records:
    """The records by the names they have at this point of the file."""

    def __init__(self) -> None:
        self._named: dict[str, Record] = {}
        self._keys: set[str] = set()

    def get(self, name: str) -> Record | None:
        """The record that goes by a name now; one that was struck keeps its name until another gets it."""
        return self._named.get(name)

    def begin(self, name: str) -> Record:
        """A new record. A name used before makes it another record, with another key."""
        record = self._named[name] = Record(name, self._free_key(name))
        return record

    def rename(self, record: Record, name: str) -> None:
        """Gives a record another name. Its subjects stay what they are, and its old name is free."""
        if self._named.get(record.name) is record:
            del self._named[record.name]
        record.name = name
        self._named[name] = record

    def _free_key(self, name: str) -> str:
        """A key for a new record: its number or handle where it goes by one; never made from a title, which cannot be
        forgotten in a key and may hold names.
        """
        slug = re.sub(r"[^a-z0-9._~-]+", "-", name.casefold()).strip("-._~") if _HANDLE.fullmatch(name) else ""
        slug = slug[:LONGEST_KEY] or sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]
        key, n = slug, 1
        while key in self._keys:
            n += 1
            key = f"{slug}~{n}"
        self._keys.add(key)
        return key
