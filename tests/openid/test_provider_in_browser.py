"""The provider that we did not write, through a real browser: code flow, roles by group, new keys, and both logouts."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from tests.browser.support import chromium, require_browser
from tests.openid.support import free_port, new_key, provider, provider_settings
from tests.openid.tab import NEW_PRODUCT, Tab, wait_until
from tests.support_serving import run, serving

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("npm"), reason="needs node and npm")]


def test_people_sign_in_and_out_with_a_browser(tmp_path: Path) -> None:
    """A group at the provider gives a role here; signing out here, there, and new keys of the provider work as meant."""
    require_browser()
    port, own_port = free_port(), free_port()
    issuer, server = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{own_port}"
    settings = provider_settings(issuer, own_port)
    old, new = new_key("old"), new_key("new")
    with serving(tmp_path, **settings) as started, chromium() as browser, ExitStack() as closing:
        headers = {"Authorization": f"Bearer {started.token}"}
        admin = closing.enter_context(httpx2.Client(base_url=server, headers=headers))
        tab = Tab(browser, server)
        with provider(port, server, old):
            tab.sign_in()
            status, person = tab.me()
            assert status == 200
            assert tab.page.evaluate(NEW_PRODUCT) == 403  # the group has no role yet
            granted = admin.post(
                "/v1/commands", json={"type": "GrantRole", "subject": "group:product", "role": "manager"}
            )
            assert granted.status_code == 200, granted.text
            assert tab.page.evaluate(NEW_PRODUCT) == 201

            # Signing out here leads to the provider, which asks again who one is.
            tab.sign_out_everywhere()
            assert tab.me()[0] == 401
            tab.sign_in()
            assert tab.me() == (200, person)

            # Signing out at the provider ends the session here by a request from one server to the other.
            tab.sign_out_at_provider(f"{issuer}/session/end?client_id=log&post_logout_redirect_uri={server}/sign-in")
            wait_until(lambda: tab.me()[0] == 401)

        with provider(port, server, new):

            def signs_in() -> bool:
                """Whether the new key is known: keys are read again at most every half minute."""
                again = Tab(browser, server)
                again.sign_in()
                return again.me() == (200, person)

            wait_until(signs_in)
        connected = admin.get("/v1/audit", params={"type": "AccountConnected"}).json()["rows"]
        assert [each["subject"] for each in connected] == [person]
        assert run(tmp_path, "verify", **settings).returncode == 0
