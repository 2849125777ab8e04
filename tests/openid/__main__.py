"""`python -m tests.openid`: people sign in with Keycloak in a real browser, as a check before a release.

Needs Java 17, Maven, Chromium and 1 GB of memory. Keycloak is fetched from Maven Central once, and takes minutes to start.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2

from tests.browser.support import chromium
from tests.openid.keycloak import Keycloak, KeycloakTab, keycloak
from tests.openid.support import free_port, provider_settings
from tests.openid.tab import NEW_PRODUCT, wait_until
from tests.support_serving import run, serving


def main() -> None:
    """Print each fact once it was checked; the first that does not hold ends the run with an assertion error."""
    argparse.ArgumentParser(
        prog="python -m tests.openid", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    for line in check():
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def check() -> Iterator[str]:
    """Yield each fact."""
    port, own_port = free_port(), free_port()
    server = f"http://127.0.0.1:{own_port}"
    with tempfile.TemporaryDirectory() as folder, keycloak(port, server, Path(folder)) as provider:
        provider.tokens()  # its first token takes longer than a server waits for one
        yield f"Keycloak answers as {provider.issuer}"
        data = Path(folder) / "log"
        settings = provider_settings(provider.issuer, own_port) | {"DECISIONLOG_OIDC_TOKEN_TYPE": "JWT"}
        with (
            serving(data, **settings) as started,
            chromium() as browser,
            httpx2.Client(base_url=server, headers={"Authorization": f"Bearer {started.token}"}, timeout=60) as admin,
        ):
            yield from _check_sign_in(provider, KeycloakTab(browser, server), admin)
            yield from _check_access_tokens(provider, admin)
            yield from _check_new_keys(provider, lambda: KeycloakTab(browser, server), admin)
        assert run(data, "verify", **settings).returncode == 0
        yield "the log verifies"


def _check_sign_in(provider: Keycloak, tab: KeycloakTab, admin: httpx2.Client) -> Iterator[str]:
    tab.sign_in()
    status, person = tab.me()
    assert status == 200, tab.page.inner_text("body")
    yield "a person signs in by the code flow with PKCE"
    assert tab.page.evaluate(NEW_PRODUCT) == 403  # the group has no role yet
    granted = admin.post("/v1/commands", json={"type": "GrantRole", "subject": "group:product", "role": "manager"})
    assert granted.status_code == 200, granted.text
    assert tab.page.evaluate(NEW_PRODUCT) == 201
    yield "their group /product gives them the role of group:product"

    tab.sign_out_everywhere()
    assert tab.me()[0] == 401
    tab.sign_in()  # Keycloak's form is shown again, or this would time out
    assert tab.me() == (200, person)
    yield "signing out here signs them out at Keycloak, too"

    back = f"client_id=log&post_logout_redirect_uri={tab.server}/sign-in"
    tab.sign_out_at_provider(f"{provider.endpoints}/logout?{back}")
    wait_until(lambda: tab.me()[0] == 401)
    yield "signing out at Keycloak ends the session here"


def _check_access_tokens(provider: Keycloak, admin: httpx2.Client) -> Iterator[str]:
    access, identity = provider.tokens()
    me = _me(admin, access)
    assert me.status_code == 200, me.text
    assert _me(admin, identity).status_code == 401
    yield "an access token is accepted, an ID token is not"


def _check_new_keys(provider: Keycloak, open_tab: Callable[[], KeycloakTab], admin: httpx2.Client) -> Iterator[str]:
    old, _ = provider.tokens()
    provider.rotate_keys()

    def is_new_key_known() -> bool:
        """Whether the new key was read. Keys are read at most every 30 seconds, because anyone can send a made-up key id."""
        tab = open_tab()
        tab.sign_in()
        return tab.me()[0] == 200

    wait_until(is_new_key_known)
    assert _me(admin, old).status_code == 401
    assert _me(admin, provider.tokens()[0]).status_code == 200
    yield "a new key of Keycloak is found, and tokens of the removed one are refused"

    provider.leave_group()
    tab = open_tab()
    tab.sign_in()
    assert tab.me()[0] == 200
    other = NEW_PRODUCT.replace('"shop"', '"other"')
    assert tab.page.evaluate(other) == 403
    yield "a person who left the group at Keycloak no longer has its role in a new session"


def _me(admin: httpx2.Client, token: str) -> httpx2.Response:
    return httpx2.get(f"{admin.base_url}/v1/me".replace("//v1", "/v1"), headers={"Authorization": f"Bearer {token}"})


if __name__ == "__main__":
    main()
