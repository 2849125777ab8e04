"""Whose a token is, looked up off the event loop, so that unknown tokens cost those who have one nothing."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any, Final

from api.security import CannotTell
from eventlog.entry import Caller
from eventlog.tokens import Tokens, is_secret

MAX_UNKNOWN: Final = 1_000
"""Unknown secrets that are remembered; these and the known ones do not push each other out."""
UNKNOWN_S: Final = 10.0
"""Seconds for which an unknown secret is refused without being looked up."""
MAX_NEW: Final = 64
"""Lookups of secrets never seen before that are under way at a time."""


class UnknownSecrets:
    """Remembers hashes of secrets that nobody has, for a while and up to a number."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        """`timer` gives seconds that only ever grow."""
        self._timer = timer
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def __contains__(self, secret: str) -> bool:
        return self._timer() < self._until.get(_hash(secret), 0.0)

    def add(self, secret: str) -> None:
        """Remember a secret, in the place of the oldest where there are too many."""
        self._until[_hash(secret)] = self._timer() + UNKNOWN_S
        if len(self._until) > MAX_UNKNOWN:
            self._until.popitem(last=False)


class Lookups:
    """Lookups that are under way: one for all who come with the same secret, and a bounded number for new secrets."""

    def __init__(self) -> None:
        self._underway: dict[str, asyncio.Future[Caller | None]] = {}
        self._new = 0

    async def run(
        self, secret: str, find: Callable[[], Coroutine[Any, Any, Caller | None]], *, known: bool
    ) -> Caller | None:
        """Return who holds a secret.

        Raises:
            CannotTell: it was never known, and too many such are looked up now.
        """
        underway = self._underway.get(secret)
        if underway is None:
            if not known and self._new >= MAX_NEW:
                raise CannotTell("too many unknown tokens are being looked up; ask again in a few seconds")
            underway = self._start(secret, find, known=known)
        return await asyncio.shield(underway)  # if one of them leaves, the others still want to know

    def _start(
        self, secret: str, find: Callable[[], Coroutine[Any, Any, Caller | None]], *, known: bool
    ) -> asyncio.Future[Caller | None]:
        underway = self._underway[secret] = asyncio.ensure_future(find())
        self._new += not known

        def end(_: object) -> None:
            del self._underway[secret]
            self._new -= not known

        underway.add_done_callback(end)
        return underway


class TokenLookup:
    """Knows callers by the tokens of a log. What is not cached is awaited.

    Those who were found before have a thread of their own: a flood of made-up tokens fills the queue of the other.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._unknown = UnknownSecrets()
        self._lookups = Lookups()
        self._known_pool = ThreadPoolExecutor(1, thread_name_prefix="known-tokens")
        self._new_pool = ThreadPoolExecutor(1, thread_name_prefix="new-tokens")

    def __call__(self, secret: str) -> Caller | Awaitable[Caller | None] | None:
        """Return who holds a secret, or None; awaited, it may raise CannotTell."""
        token, known = self._tokens.cached(secret)
        if token is not None:
            return token.caller("http")
        if not known and (not is_secret(secret) or secret in self._unknown):
            return None
        return self._lookups.run(secret, lambda: self._find(secret, known=known), known=known)

    async def _find(self, secret: str, *, known: bool) -> Caller | None:
        pool = self._known_pool if known else self._new_pool
        token = await asyncio.get_running_loop().run_in_executor(pool, self._tokens.find, secret)
        if token is None:
            self._unknown.add(secret)
        return token.caller("http") if token else None


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
