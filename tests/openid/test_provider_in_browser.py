"""The provider that we did not write, through a real browser: code flow, roles by group, new keys, and both logouts."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.browser.support import chromium, require_browser
from tests.openid.support import free_port, new_key, provider, provider_settings
from tests.support_serving import run, serving

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("npm"), reason="needs node and npm")]
ENOUGH_S = 180
"""For anything that happens by itself; nothing is expected to take nearly as long."""
NEW_PRODUCT = """async () => (await fetch("/v1/products", {
    method: "POST", headers: {"Content-Type": "application/json"}, body: '{"key": "shop", "title": "Shop"}'
})).status"""
ME = "async () => { const answer = await fetch('/v1/me'); return [answer.status, (await answer.json()).actor] }"


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + ENOUGH_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.5)


class Tab:
    """A tab of a browser with its own cookies."""

    def __init__(self, browser: Any, server: str) -> None:
        self.page = browser.new_context().new_page()
        self.page.set_default_timeout(ENOUGH_S * 1000)
        self.server = server

    def sign_in(self) -> None:
        """Follow the link on the page, and answer the provider's forms: who one is, and that one agrees."""
        self.page.goto(f"{self.server}/sign-in")
        self.page.get_by_role("link", name=re.compile("^Sign in with")).click()
        self.page.locator('input[name="login"]').fill("ann")
        self.page.locator('input[name="password"]').fill("x")
        self.page.locator('button[type="submit"]').click()
        self.page.get_by_role("button", name="Continue").click()
        self.page.wait_for_url(f"{self.server}/**")

    def me(self) -> tuple[int, str | None]:
        status, actor = self.page.evaluate(ME)
        return status, actor

    def sign_out_everywhere(self) -> None:
        """Sign out here, and then, by the link that is offered, at the provider."""
        self.page.goto(f"{self.server}/sign-out")
        self.page.get_by_role("button", name="Sign out").click()
        self.page.get_by_role("link", name=re.compile("^Sign out of .*, too")).click()
        self.page.get_by_role("button", name=re.compile("Yes")).click()
        self.page.wait_for_url(f"{self.server}/sign-in*")


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
            elsewhere = tab.page.context.new_page()
            elsewhere.set_default_timeout(ENOUGH_S * 1000)
            elsewhere.goto(f"{issuer}/session/end?client_id=log&post_logout_redirect_uri={server}/sign-in")
            elsewhere.get_by_role("button", name=re.compile("Yes")).click()
            elsewhere.wait_for_url(f"{server}/sign-in*")
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
