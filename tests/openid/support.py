"""A provider that we did not write (npm `oidc-provider`), and the settings of a server that trusts it."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

HERE = Path(__file__).parent
AUDIENCE = "https://log.example.org"
SECRET = "a secret: with/odd+characters%"


def provider_settings(issuer: str, own_port: int) -> dict[str, str]:
    """The settings of a server whose people sign in with the provider, and whose roles are those of its groups."""
    return {
        "DECISIONLOG_PORT": str(own_port),
        "DECISIONLOG_OIDC_ISSUER": issuer,
        "DECISIONLOG_OIDC_CLIENT_ID": "log",
        "DECISIONLOG_OIDC_CLIENT_SECRET": SECRET,
        "DECISIONLOG_OIDC_AUDIENCE": AUDIENCE,
        "DECISIONLOG_OIDC_GROUPS_CLAIM": "groups",
        "DECISIONLOG_OIDC_GROUPS": "/product=product",
        "DECISIONLOG_OIDC_NEW_PEOPLE": "register",
        "DECISIONLOG_DEFAULT_ROLE": "none",
    }


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def new_key(name: str) -> dict[str, Any]:
    from joserfc.jwk import RSAKey

    key = RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})
    return dict(key.as_dict(private=True))


@contextmanager
def provider(port: int, server: str, *keys: dict[str, Any]) -> Iterator[None]:
    if not (HERE / "node_modules").exists():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    settings = {"port": port, "server": server, "audience": AUDIENCE, "keys": keys}
    with subprocess.Popen(
        ["node", "provider.mjs", json.dumps(settings)], cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert any(b"ready" in line for line in process.stdout)
            # Its first answers take longest, and a server waits three seconds for one.
            for path in ("/.well-known/openid-configuration", "/jwks"):
                httpx2.get(f"http://127.0.0.1:{port}{path}", timeout=120).raise_for_status()
            yield
        finally:
            process.kill()
