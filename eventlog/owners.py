"""The local owners: as whom the commands of the log's own machine speak, by the name set with --owner.

A name is resolved once and the id remembered: whoever is registered under the same name later changes nothing. Of the
name only a hash is kept, so that it can be erased from the directory.
"""

from __future__ import annotations

from hashlib import sha256

from eventlog.directory import normalize_name
from eventlog.store import Store


class Owners:
    """The local owners of one log."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, name: str) -> str | None:
        """The id of the person whom a name was resolved to, or None where it never was."""
        return dict(self._store.owners()).get(_hash(name))

    def remember(self, name: str, person: str) -> str:
        """Keep what a name was resolved to, unless another process was faster; the id that counts."""
        self._store.change(lambda beside: beside.put_owner(_hash(name), person))
        return self.find(name) or person


def _hash(name: str) -> str:
    return sha256(normalize_name(name).encode()).hexdigest()
