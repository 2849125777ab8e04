"""The accounts of people at an OpenID provider, each by issuer and subject: an email address proves nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from pydantic import ValidationError

from domain.errors import AlreadyExists
from domain.people import RegisterPerson
from eventlog.entry import Receipt, Transaction
from eventlog.ids import new_key
from eventlog.log import SYSTEM_CALLER
from eventlog.side_tables import SideTables
from eventlog.sql import Session
from eventlog.store import Store
from identity.oidc.errors import SignInRefusedError

_INSERT: Final = "INSERT INTO provider_accounts VALUES (?, ?, ?) ON CONFLICT DO NOTHING"


class Accounts:
    """Which account belongs to which person."""

    def __init__(
        self,
        store: Store,
        execute: Callable[[Transaction], Awaitable[Receipt]],
        *,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._execute = execute
        self._entropy = entropy

    def find(self, issuer: str, subject: str) -> str | None:
        """Return the person that an account belongs to, or None."""
        found = self._store.read(
            "SELECT person FROM provider_accounts WHERE issuer = ? AND subject = ?", (issuer, subject)
        )
        return str(found[0][0]) if found else None

    def link(self, issuer: str, subject: str, person: str) -> str:
        """Link an account to a person. Return whom it belongs to: it may have been linked before, and that stays."""
        self._store.run(lambda session: _insert(session, issuer, subject, person))
        return self.find(issuer, subject) or person

    async def register(self, issuer: str, subject: str, name: str, email: str | None) -> str:
        """Register a new person for an account and link it, in one transaction; return the person.

        Raises:
            SignInRefusedError: the email address belongs to a person of the log.
        """
        key = new_key(self._entropy)
        command = _build_registration(key, name, email)

        def link(side_tables: SideTables) -> None:
            if not _insert(side_tables.session, issuer, subject, f"person:{key}"):
                raise AlreadyExists("the account belongs to another person")

        try:
            await self._execute(Transaction((command,), SYSTEM_CALLER, alongside=link))
        except AlreadyExists:
            person = self.find(issuer, subject)  # it was linked at the same time
            if person is None:
                raise SignInRefusedError(
                    "your email address belongs to a person of this log; sign in once with a link, then connect your account"
                ) from None
            return person
        return f"person:{key}"


def _build_registration(key: str, name: str, email: str | None) -> RegisterPerson:
    """Return the command; a name or an address that the log does not take is left out."""
    for shown, identifiers in ((name, [email] if email else []), (name, []), (f"Person {key}", [])):
        try:
            return RegisterPerson(key=key, name=shown, identifiers=tuple(identifiers))
        except ValidationError:
            continue
    raise AssertionError


def _insert(session: Session, issuer: str, subject: str, person: str) -> bool:
    return session.execute(_INSERT, (issuer, subject, person)).rowcount > 0
