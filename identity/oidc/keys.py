"""The keys with which a provider signs (JWKS), cached. An unknown key is looked for once, and not often."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from joserfc import jwk
from joserfc.errors import JoseError

from identity.oidc.errors import ProviderUnavailableError, SignInRefusedError
from identity.oidc.fetching import fetch_document

MAX_AGE_S: Final = 3600.0
"""Keys older than this are read again; if the provider cannot be reached, the known ones go on."""
MIN_INTERVAL_S: Final = 30.0
"""Unknown keys cause at most one request in this time, over all callers."""
MIN_RSA_BITS: Final = 2048
ASYMMETRIC: Final = frozenset({"RSA", "EC", "OKP"})
Key = jwk.RSAKey | jwk.ECKey | jwk.OKPKey


class ProviderKeys:
    """The signing keys of one provider, by their id."""

    def __init__(
        self,
        find_url: Callable[[], Awaitable[str]],
        *,
        timer: Callable[[], float] = time.monotonic,
        fetch: Callable[[str], Awaitable[dict[str, Any]]] = fetch_document,
    ) -> None:
        self._find_url = find_url
        self._timer = timer
        self._fetch = fetch
        self._keys: Mapping[str, Key] = {}
        self._tried_at = -MAX_AGE_S
        self._lock = asyncio.Lock()

    async def find(self, key_id: str) -> Key:
        """Return the key with an id.

        Raises:
            SignInRefusedError: the provider has no such key.
            ProviderUnavailableError: no key is known yet, and the provider cannot be reached.
        """
        if key_id not in self._keys or self._timer() - self._tried_at >= MAX_AGE_S:
            await self._read_again(key_id)
        key = self._keys.get(key_id)
        if key is None:
            raise SignInRefusedError("it is signed with a key that the provider does not have")
        return key

    async def _read_again(self, key_id: str) -> None:
        async with self._lock:
            age = self._timer() - self._tried_at
            if age < (MAX_AGE_S if key_id in self._keys else MIN_INTERVAL_S):
                return
            self._tried_at = self._timer()
            try:
                document = await self._fetch(await self._find_url())
            except ProviderUnavailableError:
                if not self._keys:
                    self._tried_at -= MAX_AGE_S  # nothing is known: the next caller tries again
                    raise
                return
            self._keys = _import_keys(document)


def _import_keys(document: Mapping[str, Any]) -> dict[str, Key]:
    """Return the keys that verify signatures; others are left out."""
    found: dict[str, Key] = {}
    members = document.get("keys")
    for member in members if isinstance(members, list) else []:
        if isinstance(member, dict) and isinstance(member.get("kid"), str) and _is_for_signatures(member):
            with suppress(JoseError, ValueError, TypeError, KeyError):
                key = jwk.import_key(member)
                if not isinstance(key, jwk.OctKey):
                    found[member["kid"]] = key
    return found


def _is_for_signatures(member: Mapping[str, Any]) -> bool:
    operations = member.get("key_ops")
    return (
        member.get("kty") in ASYMMETRIC
        and member.get("use", "sig") == "sig"
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        and _is_strong(member)
        and "d" not in member  # a private key that was published is nobody's signature any more
    )


def _is_strong(member: Mapping[str, Any]) -> bool:
    modulus = member.get("n")
    return member.get("kty") != "RSA" or (isinstance(modulus, str) and len(modulus) * 6 >= MIN_RSA_BITS)
