"""A small OpenID provider in a thread, that signs whatever a test wants, and a log whose people sign in with it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import warnings
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey, RSAKey

from cli.server_sign_in import build_sign_in
from identity.oidc.provider import Provider, ProviderConfig
from tests.support_log import LocalService

CLIENT, SECRET, AUDIENCE = "log", "a:secret/+ %", "https://log.example.org"
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec", "alg": "ES256"})
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa"})
with warnings.catch_warnings(action="ignore"):
    WEAK = RSAKey.generate_key(1024, {"kid": "weak"})
_NUMBERS = {name: value for name, value in RSA.as_dict(private=True).items() if name not in ("kid", "use")}
ENCRYPTING = RSAKey.import_key({**_NUMBERS, "kid": "enc", "use": "enc"})
WRAPPING = RSAKey.import_key({**_NUMBERS, "kid": "wrap", "key_ops": ["wrapKey"]})
"""Only what these are for is a reason to refuse them."""


def encode(value: Any) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def sign(claims: dict[str, Any], header: dict[str, Any] | None = None, key: Any = RSA) -> str:
    """A token, signed without the library that verifies it; header fields that are None are left out."""
    whole = {"alg": "RS256", "kid": key.kid, **(header or {})}
    present = {name: value for name, value in whole.items() if value is not None}
    content = f"{encode(present)}.{encode(claims)}"
    return f"{content}.{encode(signature_of(content.encode(), present['alg'], key))}"


def signature_of(content: bytes, algorithm: str, key: Any) -> bytes:
    if algorithm == "HS256":
        return hmac.digest(key.raw_value, content, "sha256")
    if algorithm == "ES256":
        r, s = decode_dss_signature(key.private_key.sign(content, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)
    return bytes(key.private_key.sign(content, PKCS1v15(), SHA256()))


class OpenidProvider:
    """Discovery, keys and the token endpoint; `service` is a log whose people sign in here."""

    def __init__(self) -> None:
        self.keys: list[Any] = [RSA, EC, WEAK, ENCRYPTING, WRAPPING]
        self.requests: list[str] = []
        self.promises_issuer = True
        self.size = 0
        self.codes: dict[str, dict[str, Any]] = {}
        self.up = True
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.answer(*provider.get(self.path))

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.answer(*provider.post({k: v[0] for k, v in form.items()}, self.headers["Authorization"]))

            def answer(self, status: int, document: dict[str, Any]) -> None:
                body = json.dumps(document).encode() + b" " * provider.size
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        self.requests.append(path)
        if not self.up:
            return 500, {}
        if path == "/keys":
            return 200, {"keys": [key.as_dict(private=False) for key in self.keys]}
        names = ("authorization", "token", "end_session")
        endpoints = {f"{name}_endpoint": f"{self.issuer}/{name}" for name in names}
        more = {"authorization_response_iss_parameter_supported": self.promises_issuer}
        return 200, {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys", **endpoints, **more}

    def post(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Redeem a code: once, for who asked for it, with the verifier of the challenge."""
        found = self.codes.pop(form["code"], None)
        secret = base64.b64encode(b"log:a%3Asecret%2F%2B+%25").decode()
        verifier = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        if (
            found is None
            or authorization != f"Basic {secret}"
            or verifier.decode() != found["challenge"]
            or form["redirect_uri"] != found["redirect_uri"]
        ):
            return 400, {"error": "invalid_grant"}
        return 200, {"id_token": found["id_token"], "access_token": "opaque", "token_type": "Bearer"}

    def claims(self, service: LocalService, **more: Any) -> dict[str, Any]:
        now = service.clock.now // 1_000_000
        found = {"iss": self.issuer, "sub": "u-1", "aud": CLIENT, "iat": now, "exp": now + 300, **more}
        return {name: value for name, value in found.items() if value is not None}

    def access_token(
        self, service: LocalService, header: dict[str, Any] | None = None, key: Any = RSA, **more: Any
    ) -> str:
        return sign(
            self.claims(service, **{"aud": AUDIENCE, "jti": "j", **more}), {"typ": "at+jwt", **(header or {})}, key
        )

    def logout_token(
        self, service: LocalService, header: dict[str, Any] | None = None, key: Any = RSA, **more: Any
    ) -> str:
        events = {"http://schemas.openid.net/event/backchannel-logout": {}}
        claims = self.claims(service, **{"events": events, "jti": "l", "sid": "s-1", **more})
        return sign(claims, {"typ": "logout+jwt", **(header or {})}, key)

    def trusted_by(self, service: LocalService, **more: Any) -> Provider:
        """Let the people of a log sign in here."""
        config = {"audience": AUDIENCE, "client_secret": SECRET, "name": "Acme", **more}
        provider = Provider(ProviderConfig(self.issuer, CLIENT, **config), clock=lambda: service.clock.now)
        sign_in = build_sign_in(service.log, "key", service.caller(), provider)
        service.app.state.services = replace(service.app.state.services, provider=provider, sign_in=sign_in)
        return provider

    def approve(
        self, service: LocalService, location: str, header: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, str]:
        """What the browser comes back with from an address at which a sign-in begins."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (CLIENT, "code", "S256")
        id_token = sign(self.claims(service, **{"nonce": asked["nonce"], "sid": "s-1", **more}), header)
        code = f"code-{len(self.codes)}"
        self.codes[code] = {
            "challenge": asked["code_challenge"],
            "redirect_uri": asked["redirect_uri"],
            "id_token": id_token,
        }
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
