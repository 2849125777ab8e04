"""API tokens: secrets that identify their holder. A secret is shown once; only its hash is stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from domain.credentials import CreateToken, RevokeToken
from domain.errors import Malformed, NothingChanges, Unknown
from domain.fields import SubjectState
from domain.roles import GrantRole, Role, holds
from domain.scopes import DEFAULT_SCOPES, SCOPES, is_scope
from domain.values import from_micros, refuse_controls
from eventlog.entry import Caller
from eventlog.ids import new_key
from eventlog.records import TokenRow
from eventlog.store import Store
from identity.last_use import LastUse
from identity.people_directory import Recorder
from identity.secrets import SecretKind, hash_secret

PREFIX: Final = "dlog_"
SECRET: Final = SecretKind(PREFIX)
CACHE_TTL_S: Final = 1.0
"""How long a token that was looked up is used without looking it up again."""
DEFAULT_LIFETIME_DAYS: Final = 365
"""Long enough that a job does not fail soon after it was set up; short enough that a forgotten token ends."""
LAST_USE_PRECISION_US: Final = 3_600_000_000
DAY_US: Final = 24 * 3_600_000_000
MAX_CACHED_TOKENS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is listed; times in microseconds since 1970.

    `revoked_at` is None while it is not revoked, `expires_at` if it never expires, and `used_at`, which is kept to the
    hour, if it was never used.
    """

    id: str
    actor: str
    scopes: frozenset[str]
    label: str
    created_at: int
    revoked_at: int | None
    expires_at: int | None
    used_at: int | None

    _callers: dict[str, Caller] = field(default_factory=dict, init=False, compare=False, repr=False)
    """The callers that `caller` has returned, by channel: one is asked for in every request."""

    def caller(self, channel: str) -> Caller:
        """Return its holder as the caller of a command, through a channel."""
        caller = self._callers.get(channel)
        if caller is None:
            caller = self._callers[channel] = Caller(self.actor, self.id, channel, self.scopes)
        return caller


class Tokens:
    """The tokens of one log.

    Every change is committed when the call returns, and records an event that says who made it. `record` commits both.
    """

    def __init__(
        self,
        store: Store,
        record: Recorder,
        state: Callable[[str], SubjectState],
        *,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._record = record
        self._state = state
        self._clock = clock
        self._entropy = entropy
        self._timer = timer
        self._cache: dict[bytes, tuple[Token, float]] = {}
        self.uses = LastUse(store, "tokens", clock=clock, precision_us=LAST_USE_PRECISION_US)

    def create(
        self,
        actor: str,
        *,
        scopes: Collection[str] = DEFAULT_SCOPES,
        label: str = "",
        expires_at: int | None = None,
        role: Role | None = None,
        product: str | None = None,
        by: Caller | None = None,
    ) -> tuple[str, str]:
        """Create a token for a person or service; return its id and its secret, which cannot be read again.

        `expires_at` is in microseconds since 1970; without it, the token never expires. With a `role`, the holder is
        granted it in the same transaction, for all products or for one, unless they already have it.

        Raises:
            Malformed: a scope does not exist, the label has control characters, the holder cannot have a token, or it
                would already be expired.
            Forbidden: the caller does not have the scopes that the token would have.
            Unknown: the log has no such person.
            NotAllowed: the holder has left or was removed.
        """
        try:
            refuse_controls(label)
        except ValueError as error:
            raise Malformed(f"the label {error}", field="label") from None
        unknown = sorted(scope for scope in scopes if not is_scope(scope))
        if unknown:
            raise Malformed(
                f"unknown scope: {', '.join(unknown)}. The scopes are {', '.join(SCOPES)}, and import:SYSTEM for one system",
                field="scopes",
            )
        token = new_key(self._entropy)
        secret = SECRET.new(self._entropy)
        row = TokenRow(
            id=token,
            hash=hash_secret(secret),
            actor=actor,
            scopes=" ".join(sorted(scopes)),
            label=label,
            created_at=self._clock(),
            revoked_at=None,
            expires_at=expires_at,
        )
        until = None if expires_at is None else from_micros(expires_at)
        command = CreateToken(subject=actor, token=token, scopes=tuple(sorted(scopes)), expires_at=until)
        is_missing = role is not None and not holds(self._state(actor), role, product)
        grant = [GrantRole(subject=actor, role=role, product=product)] if role and is_missing else []
        self._record([*grant, command], lambda side_tables: side_tables.put_token(row), by)
        return token, secret

    def cached(self, secret: str) -> tuple[Token | None, bool]:
        """Return the token behind a secret if it was looked up recently, and whether it was ever found.

        This runs no query.
        """
        token, until = self._cache.get(hash_secret(secret), (None, 0.0))
        if token is None:
            return None, False
        return (token if self._timer() < until and not self._has_expired(token) else None), True

    def find(self, secret: str) -> Token | None:
        """Return the active token behind a secret, or None, and note that it is used.

        When another process revokes a token, this one is notified and looks it up again. If the notification does not
        arrive, the token is found for at most `CACHE_TTL_S` more seconds.
        """
        hash_ = hash_secret(secret)
        token, until = self._cache.get(hash_, (None, 0.0))
        return token if token and self._timer() < until and not self._has_expired(token) else self._look_up(hash_)

    def _look_up(self, hash_: bytes) -> Token | None:
        # If the cache is cleared meanwhile, the old one is filled, which is not used any more.
        cache, until = self._cache, self._timer() + CACHE_TTL_S
        found = self._store.token(hash_)
        token = None if found is None else _token(found)
        if token is None or self._has_expired(token):
            return None
        self.uses.note(token.id, token.used_at)
        if len(cache) >= MAX_CACHED_TOKENS:
            cache.clear()
        cache[hash_] = (token, until)
        return token

    def _has_expired(self, token: Token) -> bool:
        return token.expires_at is not None and token.expires_at <= self._clock()

    def default_expiry(self) -> int:
        """Return when a token expires that is created now, unless its creator says otherwise."""
        return self._clock() + DEFAULT_LIFETIME_DAYS * DAY_US

    def all(self) -> list[Token]:
        """Return all tokens, revoked ones included, oldest first."""
        return [_token(row) for row in self._store.tokens()]

    def revoke(self, token: str, *, by: Caller | None = None) -> None:
        """Revoke a token; revoking it twice changes nothing.

        Raises:
            Unknown: there is no token with this id.
            NotAllowed: no administrator would be left.
        """
        holder = self._store.find_token_holder(token)
        if holder is None:
            raise Unknown(f"no token {token}", field="id")
        with suppress(NothingChanges):
            # The event itself revokes the token, so nothing else is written.
            self._record([RevokeToken(subject=holder, token=token)], lambda _side_tables: None, by)

    def clear_cache(self) -> None:
        """Look up every token again, as some may have been revoked."""
        self._cache = {}


def is_secret(text: str) -> bool:
    """Whether a text has the form of a token's secret."""
    return SECRET.matches(text)


def _token(row: TokenRow) -> Token:
    return Token(
        id=row.id,
        actor=row.actor,
        scopes=frozenset(row.scopes.split()),
        label=row.label,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )
