"""Lookup of callers by token or session, off the event loop.

A flood of unknown secrets does not slow down known callers. What a request must have is decided in `api.authentication`.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from api.authentication import LookupUnavailableError
from eventlog.entry import Caller
from identity.secrets import hash_secret
from identity.sessions import SESSION, Sessions
from identity.tokens import Tokens, is_secret

MAX_UNKNOWN: Final = 1_000
"""Unknown secrets that are remembered, apart from the cache of known ones."""
UNKNOWN_S: Final = 10.0
"""How long an unknown secret is refused without another lookup."""
MAX_NEW: Final = 64
"""Lookups at a time of secrets never seen before."""
MAX_KNOWN_SESSIONS: Final = 10_000
"""Sessions that are looked up before secrets that were never found."""


class UnknownSecrets:
    """Remembers hashes of unknown secrets, for a limited time and up to a limited number."""

    def __init__(self, timer: Callable[[], float] = time.monotonic) -> None:
        """`timer` returns seconds from a monotonic clock."""
        self._timer = timer
        self._until: OrderedDict[bytes, float] = OrderedDict()

    def __contains__(self, secret: str) -> bool:
        return self._timer() < self._until.get(hash_secret(secret), 0.0)

    def add(self, secret: str) -> None:
        """Remember a secret, and forget the oldest if there are too many."""
        self._until[hash_secret(secret)] = self._timer() + UNKNOWN_S
        if len(self._until) > MAX_UNKNOWN:
            self._until.popitem(last=False)


class Lookups:
    """Lookups in progress: one for all requests with the same secret, and a limited number for new secrets."""

    def __init__(self) -> None:
        self._in_progress: dict[str, asyncio.Future[Caller | None]] = {}
        self._new = 0

    async def run(
        self, secret: str, find: Callable[[], Coroutine[Any, Any, Caller | None]], *, known: bool
    ) -> Caller | None:
        """Return the holder of a secret.

        Raises:
            LookupUnavailableError: the secret is new, and too many new ones are being looked up.
        """
        in_progress = self._in_progress.get(secret)
        if in_progress is None:
            if not known and self._new >= MAX_NEW:
                raise LookupUnavailableError("too many unknown tokens are being looked up; try again in a few seconds")
            in_progress = self._start(secret, find, known=known)
        return await asyncio.shield(in_progress)  # if one request is canceled, the others still need the result

    def _start(
        self, secret: str, find: Callable[[], Coroutine[Any, Any, Caller | None]], *, known: bool
    ) -> asyncio.Future[Caller | None]:
        in_progress = self._in_progress[secret] = asyncio.ensure_future(find())
        self._new += not known

        def end(_: object) -> None:
            del self._in_progress[secret]
            self._new -= not known

        in_progress.add_done_callback(end)
        return in_progress


class TokenLookup:
    """Finds callers by the tokens of a log. The result is awaitable if it is not cached.

    Secrets that were found before have their own thread: a flood of made-up tokens only fills the queue of the other.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._unknown = UnknownSecrets()
        self._lookups = Lookups()
        self._known_pool = ThreadPoolExecutor(1, thread_name_prefix="known-tokens")
        self._new_pool = ThreadPoolExecutor(1, thread_name_prefix="new-tokens")

    def __call__(self, secret: str) -> Caller | Awaitable[Caller | None] | None:
        """Return the holder of a secret, or None. Awaiting the result may raise LookupUnavailableError."""
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


class SessionLookup:
    """Finds callers by the secrets of their sessions. A session that ends has ended for every process: none is cached.

    Secrets that were found before have their own thread: a flood of made-up cookies only fills the queue of the other.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._unknown = UnknownSecrets()
        self._lookups = Lookups()
        self._known_pool = ThreadPoolExecutor(1, thread_name_prefix="known-sessions")
        self._new_pool = ThreadPoolExecutor(1, thread_name_prefix="new-sessions")

    async def find(self, secret: str) -> Caller | None:
        """Return the person behind a secret, or None.

        Raises:
            LookupUnavailableError: too many new secrets are being looked up.
        """
        if not SESSION.matches(secret) or secret in self._unknown:
            return None
        known = hash_secret(secret) in self._known
        return await self._lookups.run(secret, lambda: self._find(secret, known=known), known=known)

    async def _find(self, secret: str, *, known: bool) -> Caller | None:
        pool = self._known_pool if known else self._new_pool
        session = await asyncio.get_running_loop().run_in_executor(pool, self._sessions.find, secret)
        hash_ = hash_secret(secret)
        if session is None:
            self._known.pop(hash_, None)
            self._unknown.add(secret)
            return None
        self._known[hash_] = None
        self._known.move_to_end(hash_)
        if len(self._known) > MAX_KNOWN_SESSIONS:
            self._known.popitem(last=False)
        return session.caller()
