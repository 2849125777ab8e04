"""Sessions: people who signed in with a browser. They are stored here; the browser has a secret in a cookie.

Every request looks its session up, so a session that ends has ended for every process.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from domain.scopes import SCOPES
from eventlog.entry import Caller
from eventlog.ids import new_key
from eventlog.sql import Session as DatabaseSession
from eventlog.store import Store
from identity.last_use import LastUse
from identity.oidc.errors import SignInRefusedError
from identity.secrets import SecretKind, hash_secret

SESSION: Final = SecretKind("dlsession_")
HOUR_US: Final = 3_600_000_000
_MAX_PRECISION_US: Final = 5 * 60 * 1_000_000
_HOLD_ACCOUNT: Final = "UPDATE provider_accounts SET person = person WHERE issuer = ? AND subject = ? AND person = ?"
"""Locks the row, so that the account is disconnected either before this session starts, or after it, which ends it."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts in all, how long without a request, and how long one of a provider, in microseconds."""

    lifetime_us: int = 7 * 24 * HOUR_US
    idle_us: int = 24 * HOUR_US
    provider_us: int = 8 * HOUR_US


@dataclass(frozen=True, slots=True)
class ProviderLogin:
    """A sign-in at an OpenID provider: the account, the provider's session, and the groups as subjects (`group:KEY`)."""

    issuer: str
    subject: str
    session: str = ""
    id_token: str = ""
    groups: tuple[str, ...] = ()


class Session(NamedTuple):
    """A row of the `sessions` table; times in microseconds since 1970. `used_at` is the last use, to a few minutes."""

    id: str
    hash: bytes
    person: str
    provider_groups: str
    created_at: int
    used_at: int
    expires_at: int
    issuer: str
    subject: str
    provider_session: str
    id_token: str

    def caller(self) -> Caller:
        """Return the person as the caller of a command."""
        return Caller(self.person, self.id, "http", frozenset(SCOPES), frozenset(self.provider_groups.split()))


class Sessions:
    """The sessions of one log. Every change is committed when the call returns."""

    def __init__(
        self, store: Store, *, clock: Callable[[], int], entropy: Callable[[int], bytes], limits: SessionLimits
    ) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self.on_start: Callable[[Session], None] = lambda _session: None
        """Called with each session that was started."""
        self.set_limits(limits)

    def set_limits(self, limits: SessionLimits) -> None:
        """Change how long sessions last."""
        self.limits = limits
        precision_us = min(limits.idle_us // 10, _MAX_PRECISION_US)
        self.uses = LastUse(self._store, "sessions", clock=self._clock, precision_us=precision_us)

    def start(self, person: str, login: ProviderLogin | None = None) -> tuple[Session, str]:
        """Start a session of a person; return it and its secret, which cannot be read again.

        One that a provider signed in to ends earlier, because its groups are only read again at the next sign-in.

        Raises:
            SignInRefusedError: the account was disconnected from the person since the sign-in began.
        """
        secret, now = SESSION.new(self._entropy), self._clock()
        of = login or ProviderLogin("", "")
        session = Session(
            id=new_key(self._entropy),
            hash=hash_secret(secret),
            person=person,
            provider_groups=" ".join(of.groups),
            created_at=now,
            used_at=now,
            expires_at=now
            + (min(self.limits.lifetime_us, self.limits.provider_us) if login else self.limits.lifetime_us),
            issuer=of.issuer,
            subject=of.subject,
            provider_session=of.session,
            id_token=of.id_token,
        )

        def write(database: DatabaseSession) -> None:
            if login and not database.execute(_HOLD_ACCOUNT, (of.issuer, of.subject, person)).rowcount:
                raise SignInRefusedError("your account was disconnected while you were signing in")
            expired = "DELETE FROM sessions WHERE expires_at <= ? OR used_at <= ?"
            database.execute(expired, (now, now - self.limits.idle_us))
            database.execute(f"INSERT INTO sessions VALUES ({', '.join('?' * len(session))})", session)

        self._store.run(write)
        self.on_start(session)
        return session, secret

    def find(self, secret: str) -> Session | None:
        """Return the session behind a secret, and note that it is used; None if there is none, or it has ended."""
        hash_ = hash_secret(secret)
        # Compared with the row once more: a damaged index could lead to the session of another person.
        found = next((each for each in self._select("hash = ?", hash_) if each.hash == hash_), None)
        if found:
            self.uses.note(found.id, found.used_at)
        return found

    def list_of(self, person: str) -> list[Session]:
        """Return the sessions of a person, newest first."""
        return self._select("person = ?", person)

    def all(self) -> list[Session]:
        """Return the sessions of everyone, newest first."""
        return self._select("1 = ?", 1)

    def find_person(self, session_id: str) -> str | None:
        """Return whose session it is, or None if there is none."""
        return next((each.person for each in self._select("id = ?", session_id)), None)

    def _select(self, condition: str, value: str | bytes | int) -> list[Session]:
        now = self._clock()
        rows = self._store.read(
            f"SELECT * FROM sessions WHERE {condition} AND expires_at > ? AND used_at > ? ORDER BY created_at DESC, id",
            (value, now, now - self.limits.idle_us),
        )
        return [Session._make(row) for row in rows]

    # Ending

    def end(self, session_id: str) -> bool:
        """End a session; return whether there was one."""
        return self._delete("id = ?", session_id) > 0

    def end_others(self, person: str, session_id: str) -> int:
        """End all sessions of a person but one; return how many."""
        return self._delete("person = ? AND id <> ?", person, session_id)

    def end_all(self, person: str) -> int:
        """End all sessions of a person; return how many."""
        return self._delete("person = ?", person)

    def end_of_account(self, issuer: str, subject: str) -> int:
        """End the sessions that an account of a provider signed in to; return how many."""
        return self._store.run(lambda database: end_sessions_of_account(database, issuer, subject))

    def end_of_provider_session(self, issuer: str, session: str, subject: str | None = None) -> int:
        """End the sessions that belong to one session at a provider, if it is of the account; return how many."""
        if subject is None:
            return self._delete("issuer = ? AND provider_session = ?", issuer, session)
        return self._delete("issuer = ? AND provider_session = ? AND subject = ?", issuer, session, subject)

    def _delete(self, condition: str, *values: str) -> int:
        return self._store.run(lambda database: _delete(database, condition, values))


def end_sessions_of_account(database: DatabaseSession, issuer: str, subject: str) -> int:
    """End the sessions that an account of a provider signed in to, in the caller's transaction; return how many."""
    return _delete(database, "issuer = ? AND subject = ?", (issuer, subject))


def _delete(database: DatabaseSession, condition: str, values: Sequence[str]) -> int:
    return database.execute(f"DELETE FROM sessions WHERE {condition}", values).rowcount
