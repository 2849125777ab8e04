"""The accounts of people at an OpenID provider, identified by issuer and subject identifier, not by email address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NamedTuple

from pydantic import ValidationError

from domain.credentials import ConnectAccount, DisconnectAccount
from domain.errors import AlreadyExists, Unknown
from domain.people import RegisterPerson
from eventlog.entry import Caller, Receipt, Transaction
from eventlog.ids import new_key
from eventlog.log import SYSTEM_CALLER
from eventlog.side_tables import SideTables
from eventlog.store import Store
from identity.oidc.errors import SignInRefusedError
from identity.people_directory import Recorder
from identity.sessions import end_sessions_of_account

_INSERT: Final = "INSERT INTO provider_accounts VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_DELETE: Final = "DELETE FROM provider_accounts WHERE issuer = ? AND subject = ? AND person = ?"


class ProviderAccount(NamedTuple):
    """An account at an OpenID provider, and the person it signs in."""

    issuer: str
    subject: str
    person: str


class Accounts:
    """Which account belongs to which person. Connecting and disconnecting one are events that say who did it."""

    def __init__(
        self,
        store: Store,
        execute: Callable[[Transaction], Awaitable[Receipt]],
        record: Recorder,
        *,
        entropy: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._execute = execute
        self._record = record
        self._entropy = entropy

    def find(self, issuer: str, subject: str) -> str | None:
        """Return the person that an account belongs to, or None."""
        found = self._store.read(
            "SELECT person FROM provider_accounts WHERE issuer = ? AND subject = ?", (issuer, subject)
        )
        return str(found[0][0]) if found else None

    def all(self, person: str | None = None) -> list[ProviderAccount]:
        """Return all accounts, or those of one person, in the order of issuer and subject."""
        found = self._store.read("SELECT issuer, subject, person FROM provider_accounts ORDER BY issuer, subject")
        accounts = [ProviderAccount(*map(str, row)) for row in found]
        return [each for each in accounts if person in (None, each.person)]

    def link(self, issuer: str, subject: str, person: str, *, by: Caller | None = None) -> str:
        """Connect an account to a person. Return the person it belongs to: an account that is already connected stays so.

        Raises:
            Forbidden: the caller is neither the person nor an administrator.
            NotAllowed: the person has left or was removed.
            Unknown: the log has no such person.
        """
        known = self.find(issuer, subject)
        if known is not None:
            return known
        command = ConnectAccount(subject=person, issuer=issuer, account=subject)
        with suppress(AlreadyExists):  # it was connected at the same time
            self._record([command], lambda tables: _must_insert(tables, issuer, subject, person), by)
        return self.find(issuer, subject) or person

    def unlink(self, issuer: str, subject: str, *, by: Caller | None = None) -> str:
        """Disconnect an account and end its sessions; return the person it belonged to.

        Raises:
            Unknown: it belongs to no person.
            Forbidden: the caller is not an administrator.
        """
        person = self.find(issuer, subject)
        if person is None:
            raise Unknown("this account belongs to no person of the log", field="account")
        command = DisconnectAccount(subject=person, issuer=issuer, account=subject)

        def delete(tables: SideTables) -> None:
            if not tables.session.execute(_DELETE, (issuer, subject, person)).rowcount:
                raise Unknown("this account has just been disconnected", field="account")
            end_sessions_of_account(tables.session, issuer, subject)

        self._record([command], delete, by)
        return person

    async def register(self, issuer: str, subject: str, name: str, email: str | None) -> str:
        """Register a new person and connect the account to them, in one transaction; return the person.

        Raises:
            SignInRefusedError: the email address belongs to a person of the log.
        """
        key = new_key(self._entropy)
        command = _build_registration(key, name, email)

        def link(tables: SideTables) -> None:
            _must_insert(tables, issuer, subject, f"person:{key}")

        connect = ConnectAccount(subject=f"person:{key}", issuer=issuer, account=subject)
        try:
            await self._execute(Transaction((command, connect), SYSTEM_CALLER, alongside=link))
        except AlreadyExists:
            person = self.find(issuer, subject)  # it was connected at the same time
            if person is None:
                raise SignInRefusedError(
                    "your email address belongs to a person of this log; sign in once with a link, then connect your account"
                ) from None
            return person
        return f"person:{key}"


def _build_registration(key: str, name: str, email: str | None) -> RegisterPerson:
    """Return the command, without a name or an email address that the log does not accept."""
    for shown, identifiers in ((name, [email] if email else []), (name, []), (f"Person {key}", [])):
        try:
            return RegisterPerson(key=key, name=shown, identifiers=tuple(identifiers))
        except ValidationError:
            continue
    raise AssertionError


def _must_insert(tables: SideTables, issuer: str, subject: str, person: str) -> None:
    if not tables.session.execute(_INSERT, (issuer, subject, person)).rowcount:
        raise AlreadyExists("the account belongs to another person")
