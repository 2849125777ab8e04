"""An OpenID provider: where its endpoints are, how people sign in with it, and what its tokens say."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from identity.oidc.errors import ProviderUnavailableError, SignInRefusedError
from identity.oidc.fetching import fetch_document, fetch_json
from identity.oidc.groups import find_groups
from identity.oidc.keys import ProviderKeys
from identity.oidc.tokens import (
    Logout,
    TokenVerifier,
    Verified,
    check_access_token,
    check_id_token,
    check_logout_token,
)

DISCOVERY_PATH: Final = "/.well-known/openid-configuration"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """How this log is registered with a provider.

    `audience` is the value of `aud` in access tokens for the API; without it no access token is accepted. `token_types`
    are the accepted values of their header `typ`. `groups_path` leads to the claim with the groups; `groups` are the keys
    of our groups by their names at the provider. With `registers` people who sign in for the first time are registered.
    """

    issuer: str
    client_id: str
    client_secret: str | None = None
    name: str = "your organization"
    scopes: str = "openid profile email"
    audience: str = ""
    token_types: frozenset[str] = frozenset({"at+jwt"})
    groups_path: tuple[str, ...] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    registers: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """An account at a provider, as a token describes it."""

    issuer: str
    subject: str
    groups: frozenset[str]
    name: str = ""
    email: str | None = None
    """Only if the provider has verified it."""
    session: str = ""
    id_token: str = ""
    scopes: frozenset[str] = frozenset()


class LoginAttempt:
    """One attempt to sign in. Everything that must be unguessable is derived from a secret in the browser's cookie.

    So nothing is stored here until the browser comes back, and an answer is of use only in the browser that asked.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self.state = self._derive("state")
        self.nonce = self._derive("nonce")
        self.verifier = self._derive("verifier")

    def _derive(self, purpose: str) -> str:
        return _encode(hmac.digest(self._secret, f"decisionlog {purpose}".encode(), "sha256"))

    @property
    def challenge(self) -> str:
        """The PKCE challenge with the method S256 (RFC 7636)."""
        return _encode(hashlib.sha256(self.verifier.encode()).digest())

    def has_state(self, state: str) -> bool:
        """Whether an answer belongs to this attempt."""
        return hmac.compare_digest(state.encode(), self.state.encode())


class Provider:
    """One OpenID provider. `clock` returns microseconds since 1970."""

    def __init__(self, config: ProviderConfig, *, clock: Callable[[], int]) -> None:
        self.config = config
        self._metadata: dict[str, Any] | None = None
        self._verifier = TokenVerifier(config.issuer, ProviderKeys(partial(self.endpoint, "jwks_uri")), clock)

    async def metadata(self) -> Mapping[str, Any]:
        """Return what the provider says about itself, read once.

        Raises:
            ProviderUnavailableError: it cannot be reached, or describes another issuer.
        """
        if self._metadata is None:
            found = await fetch_document(self.config.issuer.rstrip("/") + DISCOVERY_PATH)
            if found.get("issuer") != self.config.issuer:
                raise ProviderUnavailableError(
                    f"the provider's issuer is {found.get('issuer')!r}; set DECISIONLOG_OIDC_ISSUER to exactly this"
                )
            self._metadata = found
        return self._metadata

    async def endpoint(self, name: str) -> str:
        """Return the address of an endpoint.

        Raises:
            ProviderUnavailableError: the provider has none, or it is not encrypted.
        """
        address = (await self.metadata()).get(name)
        parts = urlsplit(address) if isinstance(address, str) else None
        if parts is None or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
            raise ProviderUnavailableError(f"the provider gives no https address as its `{name}`")
        return str(address)

    # Signing in

    async def login_address(self, attempt: LoginAttempt, redirect_uri: str) -> str:
        """Return the address at the provider at which an attempt begins.

        Raises:
            ProviderUnavailableError: the provider cannot be reached.
        """
        address = await self.endpoint("authorization_endpoint")
        parameters = {
            "response_type": "code",
            "client_id": self.config.client_id,
            "redirect_uri": redirect_uri,
            "scope": self.config.scopes,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"

    async def check_issuer(self, issuer: str | None) -> None:
        """Check who sent the browser back (RFC 9207).

        Raises:
            SignInRefusedError: it was another provider, or this one should have named itself and did not.
            ProviderUnavailableError: the provider cannot be reached.
        """
        is_promised = (await self.metadata()).get("authorization_response_iss_parameter_supported") is True
        if issuer != self.config.issuer if issuer is not None else is_promised:
            raise SignInRefusedError("the response is from another provider")

    async def redeem(self, code: str, attempt: LoginAttempt, redirect_uri: str) -> Account:
        """Return the account that signed in.

        Raises:
            SignInRefusedError: the provider refuses the code, or its ID token is not acceptable.
            ProviderUnavailableError: the provider cannot be reached.
        """
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": attempt.verifier,
            "client_id": self.config.client_id,
        }
        secret = self.config.client_secret
        auth = None if secret is None else (_quote(self.config.client_id), _quote(secret))
        status, answer = await fetch_json(await self.endpoint("token_endpoint"), form, auth)
        token = answer.get("id_token")
        if status != HTTPStatus.OK or not isinstance(token, str):
            raise SignInRefusedError(f"the provider did not accept the code (status {status})")
        verified = await self._verifier.verify(token, audience=self.config.client_id)
        access_token = answer.get("access_token")
        access_token = access_token if isinstance(access_token, str) else None
        check_id_token(verified, self.config.client_id, attempt.nonce, access_token)
        return self._account_of(verified, id_token=token)

    async def read_access_token(self, token: str) -> Account:
        """Return the account that an access token is for.

        Raises:
            SignInRefusedError: it is not acceptable.
            ProviderUnavailableError: the provider cannot be reached.
        """
        if not self.config.audience:
            raise SignInRefusedError("no access tokens are accepted; set DECISIONLOG_OIDC_AUDIENCE")
        verified = await self._verifier.verify(token, audience=self.config.audience)
        check_access_token(verified, self.config.token_types, self.config.client_id)
        return self._account_of(verified)

    def _account_of(self, verified: Verified, id_token: str = "") -> Account:
        claims = verified.claims
        name, email, session = (claims.get(each) for each in ("name", "email", "sid"))
        scope = claims.get("scope")
        return Account(
            issuer=self.config.issuer,
            subject=verified.subject,
            groups=find_groups(claims, self.config.groups_path, self.config.groups),
            name=name if isinstance(name, str) else "",
            email=email if isinstance(email, str) and claims.get("email_verified") is True else None,
            session=session if isinstance(session, str) else "",
            id_token=id_token,
            scopes=frozenset(scope.split() if isinstance(scope, str) else ()),
        )

    # Signing out

    async def read_logout_token(self, token: str) -> Logout:
        """Return what a logout token ends.

        Raises:
            SignInRefusedError: it is not acceptable.
            ProviderUnavailableError: the provider cannot be reached.
        """
        return check_logout_token(await self._verifier.verify(token, audience=self.config.client_id))

    async def logout_address(self, id_token: str, redirect_uri: str) -> str | None:
        """Return the address at which a person also signs out of the provider (RP-initiated logout), if it has one."""
        try:
            address = await self.endpoint("end_session_endpoint")
        except ProviderUnavailableError:
            return None
        parameters = {
            "id_token_hint": id_token,
            "client_id": self.config.client_id,
            "post_logout_redirect_uri": redirect_uri,
        }
        return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _quote(text: str) -> str:
    """Return a client id or secret as RFC 6749, section 2.3.1, wants it in HTTP Basic authentication."""
    return urlencode({"": text})[1:]
