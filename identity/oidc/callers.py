"""Callers by access tokens of an OpenID provider (RFC 9068)."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Collection
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from domain.scopes import DEFAULT_SCOPES, SCOPES
from eventlog.entry import Caller
from identity.decision_log import DecisionLog

if TYPE_CHECKING:
    from identity.oidc.provider import Provider

SCOPE_PREFIX: Final = "decisionlog:"
"""Scopes of a token that are meant for us, such as `decisionlog:read`."""


async def find_caller_by_access_token(log: DecisionLog, provider: Provider, token: str) -> Caller | None:
    """Return the person whose account an access token is for; None if the account belongs to no person.

    Raises:
        SignInRefusedError: the token is not acceptable.
        ProviderUnavailableError: the provider cannot be reached.
    """
    account = await provider.read_access_token(token)
    person = await to_thread(log.accounts.find, account.issuer, account.subject)
    credential = f"oidc-{sha256(token.encode()).hexdigest()[:16]}"
    return Caller(person, credential, "http", scopes_of(account.scopes), account.groups) if person else None


def scopes_of(scopes: Collection[str]) -> frozenset[str]:
    """Return the scopes of a caller: those that the token names for us, else to read and to write."""
    named = {scope.removeprefix(SCOPE_PREFIX) for scope in scopes if scope.startswith(SCOPE_PREFIX)}
    return frozenset(named & SCOPES.keys()) if named else DEFAULT_SCOPES
