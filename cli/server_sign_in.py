"""How a server lets callers in, as the settings say."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hmac import compare_digest
from typing import TYPE_CHECKING, Final

from api.caller_lookup import TokenLookup
from api.quotas import QuotaLimits, Quotas
from cli.errors import CommandFailed
from cli.settings import Settings
from domain.roles import GrantRole, holds
from domain.scopes import READ_SCOPE
from eventlog.entry import Caller
from identity.decision_log import DecisionLog
from identity.oidc.callers import find_caller_by_access_token
from identity.oidc.groups import parse_claim_path, parse_group_table
from identity.sessions import HOUR_US, SessionLimits

if TYPE_CHECKING:
    from identity.oidc.provider import Provider

ANONYMOUS: Final = "service:anonymous"
SignIn = Callable[[str], Caller | Awaitable[Caller | None] | None]


def build_sign_in(log: DecisionLog, key: str, local: Caller, provider: Provider | None) -> SignIn:
    """Return the sign-in by a secret.

    It is a token of the log, an access token of the provider, or the key in the lock file for commands on this machine.
    """
    lookup = TokenLookup(log.tokens)

    def sign_in(secret: str) -> Caller | Awaitable[Caller | None] | None:
        if compare_digest(secret.encode(), key.encode()):
            return local
        if provider and "." in secret:  # no token of the log contains one
            return find_caller_by_access_token(log, provider, secret)
        return lookup(secret)

    return sign_in


def build_quotas(settings: Settings) -> Quotas:
    """Return what one token and one person may use."""
    return Quotas(QuotaLimits(settings.requests_per_minute, settings.commands_per_minute, settings.questions_per_token))


def build_anonymous(log: DecisionLog, settings: Settings, by: Caller) -> Caller | None:
    """Return the caller of reads without a token, if the operator allows them; the role is granted if it is not yet."""
    if settings.anonymous == "none":
        return None
    if not holds(log.state(ANONYMOUS), settings.anonymous):
        log.record([GrantRole(subject=ANONYMOUS, role=settings.anonymous)], lambda _: None, by)
    return Caller(ANONYMOUS, "anonymous", "http", frozenset({READ_SCOPE}))


def session_limits(settings: Settings) -> SessionLimits:
    """Return how long sessions last."""
    hours = (settings.session_hours, settings.session_idle_hours, settings.oidc_session_hours)
    return SessionLimits(*(int(each * HOUR_US) for each in hours))


def build_provider(settings: Settings, clock: Callable[[], int]) -> Provider | None:
    """Return the OpenID provider, if one is set.

    Raises:
        CommandFailed: the extra that it needs is not installed.
    """
    if not settings.oidc_issuer:
        return None
    try:
        from identity.oidc.provider import Provider, ProviderConfig  # noqa: PLC0415  (an optional dependency)
    except ImportError as missing:
        raise CommandFailed(
            "DECISIONLOG_OIDC_ISSUER needs joserfc. Install it with `pip install 'decisionlog-server[oidc]'` and retry."
        ) from missing
    secret = settings.oidc_client_secret
    config = ProviderConfig(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=secret.get_secret_value() if secret else None,
        name=settings.oidc_name,
        scopes=settings.oidc_scopes,
        audience=settings.oidc_audience,
        token_types=frozenset(settings.oidc_token_type.lower().split()),
        groups_path=parse_claim_path(settings.oidc_groups_claim),
        groups=parse_group_table(settings.oidc_groups),
        registers=settings.oidc_new_people == "register",
    )
    return Provider(config, clock=clock)
