"""Verifying tokens of a provider (RFC 7519, RFC 8725): the signature, the issuer, the audience and the times."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws
from joserfc.errors import JoseError

from identity.oidc.errors import SignInRefusedError
from identity.oidc.keys import ProviderKeys

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Signatures with a private key. None is missing by accident: `none`, and HMAC with a shared secret, are not accepted."""
FORBIDDEN_HEADERS: Final = frozenset({"crit", "jwk", "jku", "x5u", "b64", "zip"})
"""Headers that name a key, or change how a token is to be read."""
MAX_TOKEN_BYTES: Final = 16 * 1024
LEEWAY_S: Final = 60
MAX_TIME: Final = 2**53
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

Claims = Mapping[str, Any]


def is_token(text: str) -> bool:
    """Whether a text has the form of a signed token, in contrast to our own API tokens."""
    return len(text) <= MAX_TOKEN_BYTES and _COMPACT.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Verified:
    """A token with a valid signature, from the right issuer, at the right time."""

    header: Mapping[str, Any]
    claims: Claims

    @property
    def subject(self) -> str:
        """The account.

        Raises:
            SignInRefusedError: it names none.
        """
        return _text(self.claims, "sub", "it names no account")


class TokenVerifier:
    """Verifies what one issuer signed. `clock` returns microseconds since 1970."""

    def __init__(self, issuer: str, keys: ProviderKeys, clock: Callable[[], int]) -> None:
        self.issuer = issuer
        self._keys = keys
        self._clock = clock

    async def verify(self, token: str, *, audience: str) -> Verified:
        """Return the content of a token for an audience.

        Raises:
            SignInRefusedError: it is not acceptable.
            ProviderUnavailableError: the keys cannot be read.
        """
        if not is_token(token):
            raise SignInRefusedError("it is not a signed token")
        header = _parse_part(token.partition(".")[0])
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise SignInRefusedError("its algorithm is not accepted")
        if not FORBIDDEN_HEADERS.isdisjoint(header):
            raise SignInRefusedError("its header names a key or an extension")
        key = await self._keys.find(_text(header, "kid", "it does not name its key"))
        if key.get("alg", algorithm) != algorithm:
            raise SignInRefusedError("its key is for another algorithm")
        registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
        registry.max_header_length, registry.max_payload_length = MAX_TOKEN_BYTES, MAX_TOKEN_BYTES
        try:
            verified = jws.deserialize_compact(token, key, registry=registry)
        except (JoseError, ValueError, TypeError):
            raise SignInRefusedError("its signature is not valid") from None
        claims = _parse_object(verified.payload)
        self._check(claims, audience)
        return Verified(header, claims)

    def _check(self, claims: Claims, audience: str) -> None:
        now = self._clock() // 1_000_000
        if claims.get("iss") != self.issuer:
            raise SignInRefusedError("it is from another issuer")
        if audience not in audiences(claims):
            raise SignInRefusedError("it is for another audience")
        if _time(claims, "exp") + LEEWAY_S <= now:
            raise SignInRefusedError("it has expired")
        if _time(claims, "iat") - LEEWAY_S > now or ("nbf" in claims and _time(claims, "nbf") - LEEWAY_S > now):
            raise SignInRefusedError("it is not valid yet")


def audiences(claims: Claims) -> tuple[str, ...]:
    """Return whom a token is for."""
    found = claims.get("aud")
    members = found if isinstance(found, list) else [found]
    return tuple(each for each in members if isinstance(each, str))


# Kinds of tokens ------------------------------------------------------------------------------------------------------


def check_access_token(verified: Verified, types: frozenset[str], client_id: str) -> None:
    """Check that a token gives access to an API (RFC 9068), and is not another token of the same provider.

    `types` are the accepted values of its header `typ`, in lower case.

    Raises:
        SignInRefusedError: it does not.
    """
    claims = verified.claims
    if str(verified.header.get("typ", "")).lower().removeprefix("application/") not in types:
        raise SignInRefusedError("its header does not mark it as an access token")
    is_other = {"nonce", "at_hash", "c_hash", "events"} & claims.keys() or audiences(claims) == (client_id,)
    if is_other or claims.get("typ") in ("ID", "Refresh", "Logout"):  # the last is how Keycloak tells its tokens apart
        raise SignInRefusedError("it is not an access token")


def check_id_token(verified: Verified, client_id: str, nonce: str, access_token: str | None) -> None:
    """Check that an ID token answers our own request (OpenID Connect Core, section 3.1.3.7).

    Raises:
        SignInRefusedError: it does not.
    """
    claims = verified.claims
    if "events" in claims:
        raise SignInRefusedError("it is not an ID token")
    if not _equal(claims.get("nonce"), nonce):
        raise SignInRefusedError("it answers another request")
    if len(audiences(claims)) > 1 and "azp" not in claims:
        raise SignInRefusedError("it is for several audiences and does not name its client")
    if claims.get("azp", client_id) != client_id:
        raise SignInRefusedError("it was issued to another client")
    if "at_hash" in claims and access_token is not None:
        expected = _half_hash(str(verified.header["alg"]), access_token)
        if expected is not None and not _equal(claims["at_hash"], expected):
            raise SignInRefusedError("it belongs to another access token")


@dataclass(frozen=True, slots=True)
class Logout:
    """What a logout token ends: a session of the provider, all of an account, or both where both are named."""

    token_id: str
    subject: str | None
    session: str | None
    expires_at: int


def check_logout_token(verified: Verified) -> Logout:
    """Return what a logout token ends (OpenID Connect Back-Channel Logout 1.0, section 2.6).

    Raises:
        SignInRefusedError: it is not a logout token.
    """
    claims = verified.claims
    if str(verified.header.get("typ", "logout+jwt")).lower().removeprefix("application/") not in ("logout+jwt", "jwt"):
        raise SignInRefusedError("its header does not mark it as a logout token")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise SignInRefusedError("it does not contain the logout event")
    if "nonce" in claims:
        raise SignInRefusedError("it has a nonce, as only ID tokens have")
    subject, session = (claims.get(name) for name in ("sub", "sid"))
    if not all(isinstance(each, str | None) for each in (subject, session)) or not (subject or session):
        raise SignInRefusedError("it names neither an account nor a session")
    return Logout(_text(claims, "jti", "it has no id"), subject, session, _time(claims, "exp"))


# Parts ----------------------------------------------------------------------------------------------------------------


def _parse_part(part: str) -> dict[str, Any]:
    try:
        return _parse_object(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        raise SignInRefusedError("it cannot be read") from None


def _parse_object(content: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(content or b"")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SignInRefusedError("it cannot be read")
    return found


def _text(claims: Claims, name: str, otherwise: str) -> str:
    found = claims.get(name)
    if not isinstance(found, str) or not 0 < len(found.strip()) <= len(found) <= MAX_TEXT or not found.isprintable():
        raise SignInRefusedError(otherwise)
    return found


MAX_TEXT: Final = 500


def _time(claims: Claims, name: str) -> int:
    found = claims.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < MAX_TIME:
        raise SignInRefusedError(f"its `{name}` is not a time")
    return int(found)


def _equal(given: object, expected: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), expected.encode())


def _half_hash(algorithm: str, text: str) -> str | None:
    """Return the left half of the hash of a text, with the hash of a signature algorithm; None if it has none."""
    names = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}
    if algorithm[-3:] not in names:
        return None
    digest = names[algorithm[-3:]](text.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
