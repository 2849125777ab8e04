"""The state of each tracker record after the lines read so far: its name, its subjects and its field values.

It is computed again from the first line on every import, so that an import keeps no state of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

MAX_SLUG_CHARACTERS: Final = 90
"""With a suffix such as `~2` it still fits in the 100 characters of a key."""
_HANDLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~#/-]*")


@dataclass(slots=True)
class TrackerRecord:
    """One record of the tracker. `subjects` are those it has become so far, by kind; all have the same key."""

    name: str
    key: str
    values: dict[str, Any] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    is_removed: bool = False

    def contradicts(self, name: str, before: Any) -> bool:
        """Whether a field had another value than a line says. All empty values are equal."""
        return (self.values.get(name) or None) != (before or None)


class RecordsByName:
    """The records by the names they have at this point of the file."""

    def __init__(self) -> None:
        self._records: dict[str, TrackerRecord] = {}
        self._keys: set[str] = set()

    def get(self, name: str) -> TrackerRecord | None:
        """Return the record that has a name now. A removed record keeps its name until another takes it."""
        return self._records.get(name)

    def create(self, name: str) -> TrackerRecord:
        """Create a record. If the name was used before, the new record gets another key."""
        record = self._records[name] = TrackerRecord(name, self._unused_key(name))
        return record

    def rename(self, record: TrackerRecord, name: str) -> None:
        """Rename a record. Its subjects stay the same, and its old name becomes free."""
        if self._records.get(record.name) is record:
            del self._records[record.name]
        record.name = name
        self._records[name] = record

    def _unused_key(self, name: str) -> str:
        """Return a key for a new record: its number or handle, else a hash.

        A title never becomes a key: it may hold names of people, and a key cannot be erased.
        """
        slug = re.sub(r"[^a-z0-9._~-]+", "-", name.casefold()).strip("-._~") if _HANDLE.fullmatch(name) else ""
        slug = slug[:MAX_SLUG_CHARACTERS] or sha256(name.encode(errors="surrogatepass")).hexdigest()[:16]
        key, n = slug, 1
        while key in self._keys:
            n += 1
            key = f"{slug}~{n}"
        self._keys.add(key)
        return key
