"""A browser tab in which a person signs in with a provider and out again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

ENOUGH_S = 180
"""Time limit for anything that is waited for; nothing is expected to take nearly as long."""
NEW_PRODUCT = """async () => (await fetch("/v1/products", {
    method: "POST", headers: {"Content-Type": "application/json"}, body: '{"key": "shop", "title": "Shop"}'
})).status"""
ME = "async () => { const answer = await fetch('/v1/me'); return [answer.status, (await answer.json()).actor] }"


def wait_until(is_so: Callable[[], bool], seconds: float = ENOUGH_S) -> None:
    deadline = time.monotonic() + seconds
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
        """Follow the link on the page, and answer the provider's forms."""
        wait_until(self._reaches_provider)
        self.answer_forms()
        self.page.wait_for_url(f"{self.server}/**")

    def _reaches_provider(self) -> bool:
        """Whether the link leads to the provider; on a busy machine it may answer too late; then try again."""
        self.page.goto(f"{self.server}/sign-in")
        self.page.get_by_role("link", name=re.compile("^Sign in with")).click()
        self.page.wait_for_load_state("load")
        return "cannot be reached" not in self.page.inner_text("body")

    def answer_forms(self) -> None:
        """Give the provider a name and password, and agree."""
        self.page.locator('input[name="login"]').fill("ann")
        self.page.locator('input[name="password"]').fill("x")
        self.page.locator('button[type="submit"]').click()
        self.page.get_by_role("button", name="Continue").click()

    def me(self) -> tuple[int, str | None]:
        status, actor = self.page.evaluate(ME)
        return status, actor

    def sign_out_everywhere(self) -> None:
        """Sign out here, and then, by the link that is offered, at the provider."""
        self.page.goto(f"{self.server}/sign-out")
        self.page.get_by_role("button", name="Sign out").click()
        self.page.get_by_role("link", name=re.compile("^Sign out of .*, too")).click()
        self.confirm_sign_out(self.page)
        self.page.wait_for_url(f"{self.server}/sign-in*")

    def sign_out_at_provider(self, address: str) -> None:
        """Sign out at the provider's own page, in another tab; it tells the server."""
        page = self.page.context.new_page()
        page.set_default_timeout(ENOUGH_S * 1000)
        page.goto(address)
        self.confirm_sign_out(page)
        page.wait_for_url(f"{self.server}/sign-in*")

    def confirm_sign_out(self, page: Any) -> None:
        """Confirm signing out on the provider's page."""
        page.get_by_role("button", name=re.compile("Yes")).click()
