"""Finding people by name on the write path: in the store, or in a cache that may be stale."""

from __future__ import annotations

from typing import Final

from eventlog.store import Store

MAX_CACHED_NAMES: Final = 20_000


class NameCache:
    """The ids behind normalized names."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._people: dict[str, tuple[str, ...]] = {}

    def find_people(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of all people with a name, as committed."""
        found = self._store.find_people(normalized)
        if len(self._people) >= MAX_CACHED_NAMES:
            self._people.clear()
        self._people[normalized] = found
        return found

    def find_cached_people(self, normalized: str) -> tuple[str, ...]:
        """Return the ids as last read, which may be stale: for callers that check again before they write."""
        found = self._people.get(normalized)
        return self.find_people(normalized) if found is None else found

    def known_people(self, normalized: str) -> tuple[str, ...]:
        """Return the ids as last read; none if this name was not read, although there may be people with it."""
        return self._people.get(normalized, ())
