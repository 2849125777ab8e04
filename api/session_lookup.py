"""Session lookup off the event loop. Nothing is cached, so that a session that ends has ended for every process."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from api.token_lookup import Lookups, UnknownSecrets
from eventlog.entry import Caller
from identity.secrets import hash_secret
from identity.sessions import SESSION, Sessions

MAX_KNOWN: Final = 10_000
"""Sessions that are looked up before secrets that were never found."""


class SessionLookup:
    """Finds callers by the secrets of their sessions.

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
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return session.caller()
