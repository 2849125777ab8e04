"""API tokens: who speaks, as a secret that is shown once and kept only as a hash."""

from __future__ import annotations

import re
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from domain.access import ADMIN_RIGHT, Access, CreateToken, HeldToken, RevokeToken
from domain.any_subject import ERASE_RIGHT, IMPORT_RIGHT
from domain.errors import Malformed, NothingChanges, Unknown
from domain.values import refuse_controls
from eventlog.directory import Recorder
from eventlog.entry import Caller
from eventlog.ids import new_key
from eventlog.store import Store, TokenRow

PREFIX: Final = "dlog_"
SECRET_BYTES: Final = 32
_SECRET: Final = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{42}}[AEIMQUYcgkosw048]")
"""32 bytes in base64: the last of 43 characters has only 4 bits of them."""
TRUSTED: Final = 1.0
"""Seconds for which a token that was looked up is taken to be good."""
CACHED_TOKENS: Final = 10_000
RIGHTS: Final = MappingProxyType(
    {
        IMPORT_RIGHT: "observe what was decided elsewhere, and say where an act was recorded first",
        ERASE_RIGHT: "forget what people wrote",
        ADMIN_RIGHT: "make, list and revoke tokens, and change the directory of people",
    }
)
"""Every right a token can have, with what it lets its holder do. Reading, and recording one's own acts, need none."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is listed; instants in microseconds since 1970, `revoked_at` None while it is good."""

    id: str
    actor: str
    rights: frozenset[str]
    label: str
    created_at: int
    revoked_at: int | None

    def caller(self, channel: str) -> Caller:
        """Whoever holds it, coming in by a channel."""
        return Caller(self.actor, self.id, channel, self.rights)


class Tokens:
    """The tokens of one log.

    Every change is committed when the call returns, and leaves an entry that says who made it. `record` commits both.
    """

    def __init__(
        self, store: Store, record: Recorder, *, clock: Callable[[], int], entropy: Callable[[int], bytes],
        timer: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._store = store
        self._record = record
        self._clock = clock
        self._entropy = entropy
        self._timer = timer
        self._at_hand: dict[bytes, tuple[Token, float]] = {}

    def create(
        self, actor: str, *, rights: Collection[str] = (), label: str = "", by: Caller | None = None
    ) -> tuple[str, str]:
        """Make a token for a person or service: its id, and its secret, which is told this once.

        Raises:
            Malformed: there is no such right, the label has control characters, or the holder cannot have a token.
            Forbidden: the caller does not have such a right.
            Unknown: the log knows no such person.
            NotAllowed: the holder has left or was removed.
        """
        try:
            refuse_controls(label)
        except ValueError as error:
            raise Malformed(f"the label {error}", field="label") from None
        unknown = set(rights) - RIGHTS.keys()
        if unknown:
            msg = f"there is no right {', '.join(sorted(unknown))}; there are {', '.join(RIGHTS)}"
            raise Malformed(msg, field="rights")
        token = new_key(self._entropy)
        secret = PREFIX + urlsafe_b64encode(self._entropy(SECRET_BYTES)).rstrip(b"=").decode()
        row = TokenRow(token, _hash(secret), actor, " ".join(sorted(rights)), label, self._clock(), None)
        command = CreateToken(subject=actor, token=token, rights=tuple(sorted(rights)))
        self._record([command], lambda beside: beside.put_token(row), by)
        return token, secret

    def cached(self, secret: str) -> tuple[Token | None, bool]:
        """Return the token behind a secret if it was looked up just now, and whether it was found at some time before.

        This asks no store and takes no time.
        """
        token, until = self._at_hand.get(_hash(secret), (None, 0.0))
        return (token if self._timer() < until else None), token is not None

    def find(self, secret: str) -> Token | None:
        """The token behind a secret, if there is one and it is good; revoked by another process, it is for `TRUSTED` more
        seconds at most.
        """
        hash_ = _hash(secret)
        token, until = self._at_hand.get(hash_, (None, 0.0))
        return token if token and self._timer() < until else self._look_up(hash_)

    def _look_up(self, hash_: bytes) -> Token | None:
        at_hand, until = self._at_hand, self._timer() + TRUSTED  # if one is revoked meanwhile, others will be at hand
        found = self._store.token(hash_)
        if found is None:
            return None
        if len(at_hand) >= CACHED_TOKENS:
            at_hand.clear()
        token = _token(found)
        at_hand[hash_] = (token, until)
        return token

    def all(self) -> list[Token]:
        """All there ever were, oldest first."""
        return [_token(row) for row in self._store.tokens()]

    def revoke(self, token: str, *, by: Caller | None = None) -> None:
        """Make a token worthless from now on; a second time changes nothing.

        Raises:
            Unknown: there is no token by this id.
            NotAllowed: nobody would be left to administer the log.
        """
        holder = self._store.holder_of(token)
        if holder is None:
            msg = f"there is no token {token}"
            raise Unknown(msg, field="id")
        with suppress(NothingChanges):
            self._record([RevokeToken(subject=holder, token=token)], _nothing, by)

    def forget_cached(self) -> None:
        """Look every token up again: some may have been revoked."""
        self._at_hand = {}

    def access(self) -> Access:
        """Who can reach the log, as last committed."""
        good = self._store.good_tokens()
        return Access(
            tuple(HeldToken(token, holder, frozenset(rights.split())) for token, holder, rights in good),
            frozenset(person for _, person in self._store.owners()),
        )


def _nothing(_beside: object) -> None:
    """The entry itself revokes the token."""


def is_secret(text: str) -> bool:
    """Return whether a text has the form of a token's secret; what has not is nobody's, and need not be looked up."""
    return _SECRET.fullmatch(text) is not None


def _hash(secret: str) -> bytes:
    # 32 random bytes need no slow hash: there is nothing to guess.
    return sha256(secret.encode()).digest()


def _token(row: TokenRow) -> Token:
    return Token(row.id, row.actor, frozenset(row.rights.split()), row.label, row.created_at, row.revoked_at)
