"""Local owners: the people on whose behalf commands run on the log's own machine, by the name given with `--owner`.

A name is resolved once and the person's id is remembered, so registering another person under that name changes
nothing. Only a hash of the name is stored, so that the name can be erased from the directory.
"""

from __future__ import annotations

from hashlib import sha256

from domain.names import normalize_name
from eventlog.store import Store


class Owners:
    """The local owners of one log."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, name: str) -> str | None:
        """Return the id of the person that a name was resolved to, or None."""
        return dict(self._store.owners()).get(_hash(name))

    def remember(self, name: str, person: str) -> str:
        """Remember the person a name was resolved to. Return the id that counts: another process may have been first."""
        self._store.change(lambda side_tables: side_tables.insert_owner(_hash(name), person))
        return self.find(name) or person


def _hash(name: str) -> str:
    return sha256(normalize_name(name).encode()).hexdigest()
