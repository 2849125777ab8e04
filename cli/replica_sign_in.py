"""Sign-in to a replica, which has no tokens itself: it asks the log's server and caches the answer."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from hashlib import sha256
from hmac import compare_digest
from http import HTTPStatus
from typing import Final

import httpx2

from api.authentication import LookupUnavailableError
from api.caller_lookup import Lookups, UnknownSecrets
from eventlog.entry import Caller
from identity.tokens import is_secret

REPLICA_READER: Final = "service:replica"
"""The caller that the replica's own token stands for."""
CACHE_TTL_S: Final = 60.0
"""How long an answer of the log's server is used; a revoked token can read here for as long."""
GRACE_PERIOD_S: Final = 15 * 60.0
"""How long it is used while the server cannot be reached."""
MAX_CACHED_TOKENS: Final = 10_000
REQUEST_TIMEOUT_S: Final = 5.0


class ReplicaSignIn:
    """Identifies callers of a replica by its own token, or by asking the log's server about theirs."""

    def __init__(
        self,
        upstream: str,
        own: str | None,
        *,
        tick: Callable[[], float] = time.monotonic,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`tick` returns monotonic seconds."""
        self._own = own
        self._tick = tick
        self._cache: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()
        self._unknown = UnknownSecrets(tick)
        self._lookups = Lookups()
        self._http = (
            httpx2.AsyncClient(base_url=upstream, timeout=REQUEST_TIMEOUT_S, transport=transport) if upstream else None
        )

    def __call__(self, secret: str) -> Caller | Awaitable[Caller | None] | None:
        """Return the holder of a token, or None; awaiting it may raise LookupUnavailableError."""
        if self._own is not None and compare_digest(secret.encode(), self._own.encode()):
            return Caller(REPLICA_READER, "local", "http")
        if self._http is None:
            return None
        if not is_secret(secret) or secret in self._unknown:
            return None
        key = sha256(secret.encode()).digest()
        cached_at, caller = self._cache.get(key, (-GRACE_PERIOD_S, None))
        if self._tick() - cached_at < CACHE_TTL_S:
            return caller
        http = self._http
        return self._lookups.run(secret, lambda: self._ask(http, key, secret), known=key in self._cache)

    async def _ask(self, http: httpx2.AsyncClient, key: bytes, secret: str) -> Caller | None:
        try:
            answer = await http.get("/v1/me", headers={"Authorization": f"Bearer {secret}"})
        except (httpx2.HTTPError, ValueError):
            answer = None
        if answer is None or answer.status_code not in (HTTPStatus.OK, HTTPStatus.UNAUTHORIZED):
            cached_at, caller = self._cache.get(key, (-GRACE_PERIOD_S, None))
            if caller and self._tick() - cached_at < GRACE_PERIOD_S:
                return caller
            raise LookupUnavailableError(f"the log's server at {http.base_url} cannot check this token; retry soon")
        if answer.status_code != HTTPStatus.OK:
            self._cache.pop(key, None)
            self._unknown.add(secret)
            return None
        me = answer.json()
        caller = Caller(me["actor"], me["credential"], "http", frozenset(me["scopes"]))
        self._cache[key] = (self._tick(), caller)
        self._cache.move_to_end(key)
        if len(self._cache) > MAX_CACHED_TOKENS:
            self._cache.popitem(last=False)
        return caller
