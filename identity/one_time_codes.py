"""Codes that work once and for a short time. Only a hash of a code is stored."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

from eventlog.side_tables import SideTables
from eventlog.sql import Session
from eventlog.store import Store
from identity.secrets import SecretKind, hash_secret

CODE: Final = SecretKind("dlonce_")


class OneTimeCodes:
    """The codes of one log that were not used yet, and what must not be used a second time."""

    def __init__(self, store: Store, *, clock: Callable[[], int], entropy: Callable[[int], bytes]) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy

    def new(self) -> str:
        """Return a new code, which is not stored yet."""
        return CODE.new(self._entropy)

    def put(self, side_tables: SideTables, kind: str, code: str, data: Mapping[str, Any], expires_at: int) -> None:
        """Store a code, with what it stands for, in the transaction of `side_tables`. Expired codes are deleted."""
        self._insert(side_tables.session, hash_secret(code), kind, json.dumps(data), expires_at)

    def redeem(self, kind: str, code: str) -> dict[str, Any] | None:
        """Return what a code stands for and delete it; None if it does not exist, was redeemed or has expired."""
        if not CODE.matches(code):
            return None
        key, now = (hash_secret(code), kind), self._clock()
        # A made-up code costs a read, not a transaction, which would let anyone slow down those who record.
        if not self._store.read("SELECT 1 FROM one_time_codes WHERE hash = ? AND kind = ?", key):
            return None

        def take(session: Session) -> str | None:
            found = session.execute("SELECT data, expires_at FROM one_time_codes WHERE hash = ? AND kind = ?", key)
            row = found.fetchone()
            session.execute("DELETE FROM one_time_codes WHERE hash = ? AND kind = ?", key)
            return str(row[0]) if row and row[1] > now else None

        data = self._store.run(take)
        return json.loads(data) if data else None

    def claim(self, kind: str, key: str, expires_at: int) -> bool:
        """Return True the first time that something is claimed, and False again until the claim expires."""
        hash_ = sha256(f"{kind} {key}".encode()).digest()
        return self._store.run(lambda session: self._insert(session, hash_, kind, "", expires_at))

    def is_claimed(self, kind: str, key: str) -> bool:
        """Return whether a code is currently claimed."""
        hash_ = sha256(f"{kind} {key}".encode()).digest()
        found = self._store.read(
            "SELECT 1 FROM one_time_codes WHERE hash = ? AND expires_at > ?", (hash_, self._clock())
        )
        return bool(found)

    def _insert(self, session: Session, hash_: bytes, kind: str, data: str, expires_at: int) -> bool:
        session.execute("DELETE FROM one_time_codes WHERE expires_at <= ?", (self._clock(),))
        statement = "INSERT INTO one_time_codes VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
        return session.execute(statement, (hash_, kind, data, expires_at)).rowcount > 0
