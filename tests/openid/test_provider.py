"""A provider that we did not write: the code flow, groups, access tokens, new keys, and logout in both directions."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2
import pytest

from tests.openid.support import free_port, new_key, provider, provider_settings
from tests.support_serving import run, serving

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}
KEYS_ARE_READ_AGAIN_AFTER_S = 31

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("npm"), reason="needs node and npm")]


class Browser:
    """Follows redirects, and presses the buttons of the provider's forms."""

    def __init__(self, server: str, closing: ExitStack) -> None:
        self.client = closing.enter_context(httpx2.Client(base_url=server, follow_redirects=False, timeout=30))

    def go(self, url: str, until: str) -> Any:
        """The answer of the first address that starts with `until`."""
        answer = self.client.get(url)
        for _ in range(20):
            here = str(answer.url)
            if answer.status_code in (302, 303):
                there = urljoin(here, answer.headers["Location"])
                if there.startswith(until):
                    return there
                answer = self.client.get(there)
            else:
                answer = self.client.post(urljoin(here, action_of(answer.text)), data=fields_of(answer.text))
        raise AssertionError(answer.text)

    def sign_in(self, server: str) -> Any:
        there = self.go("/sign-in/provider?next=/v1/me", f"{server}/sign-in/callback")
        return self.client.get(there)

    def me(self) -> Any:
        return self.client.get("/v1/me")


def action_of(page: str) -> str:
    return re.search(r'action="([^"]+)"', page)[1]


def fields_of(page: str) -> dict[str, str]:
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
    return {**hidden, "login": "ann", "password": "x"} if 'name="login"' in page else hidden


def access_token(browser: Browser, issuer: str) -> str:
    """A token for the API that another program asked the provider for, in the name of the person who signed in."""
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    back = browser.go(
        f"{issuer}/auth?client_id=tool&response_type=code&scope=openid+decisionlog:read&state=s"
        f"&redirect_uri=http://127.0.0.1:1/callback&code_challenge={challenge}&code_challenge_method=S256",
        "http://127.0.0.1:1/callback",
    )
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(back).query)["code"][0],
        "redirect_uri": "http://127.0.0.1:1/callback",
        "code_verifier": verifier,
    }
    answer = httpx2.post(f"{issuer}/token", data=form, auth=("tool", "another")).json()
    assert "access_token" in answer, answer
    return str(answer["access_token"]), str(answer["id_token"])


def test_a_provider_that_we_did_not_write(tmp_path: Path) -> None:
    """People sign in with it, hold the roles of their groups, and sign out here, there and everywhere."""
    port, own_port = free_port(), free_port()
    issuer, server = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{own_port}"
    settings = provider_settings(issuer, own_port)
    old, new = new_key("old"), new_key("new")
    with serving(tmp_path, **settings) as serving_, ExitStack() as closing:
        headers = {"Authorization": f"Bearer {serving_.token}"}
        admin = closing.enter_context(httpx2.Client(base_url=server, headers=headers))
        granted = admin.post("/v1/commands", json={"type": "GrantRole", "subject": "group:product", "role": "manager"})
        assert granted.status_code == 200, granted.text
        with provider(port, server, old):
            browser = Browser(server, closing)
            signed_in = browser.sign_in(server)
            keys_read_at = time.monotonic()
            assert signed_in.status_code == 303, signed_in.text
            assert signed_in.headers["Location"] == "/v1/me"
            person = browser.me().json()["actor"]
            (ann,) = admin.get("/v1/people", params={"name": "ann@example.org"}).json()["rows"]
            assert (ann["id"], ann["name"]) == (person, "Name of ann")
            made = browser.client.post("/v1/products", json={"key": "shop", "title": "Shop"}, headers=SAME_ORIGIN)
            assert made.status_code == 201, made.text

            bearer, id_token = access_token(browser, issuer)
            assert (
                httpx2.get(f"{server}/v1/me", headers={"Authorization": f"Bearer {bearer}"}).json()["actor"] == person
            )
            assert httpx2.get(f"{server}/v1/me", headers={"Authorization": f"Bearer {id_token}"}).status_code == 401

            # The provider signs the person out: its back-channel request ends the session here.
            other = Browser(server, closing)
            other.sign_in(server)
            browser.go(
                f"{issuer}/session/end?client_id=log&post_logout_redirect_uri={server}/sign-in", f"{server}/sign-in"
            )
            deadline = time.monotonic() + 60
            while browser.me().status_code != 401:
                assert time.monotonic() < deadline
            assert other.me().status_code == 200  # another sign-in at the provider

            # Signing out here leads to the provider, which forgets its session too.
            page = other.client.post("/sign-out", headers=SAME_ORIGIN).text
            there = re.search(r'href="([^"]+id_token_hint[^"]+)"', page)[1].replace("&amp;", "&")
            assert other.go(there, f"{server}/sign-in").startswith(f"{server}/sign-in")
            login = other.client.get(other.client.get("/sign-in/provider").headers["Location"])
            assert "/interaction/" in login.headers["Location"]  # it asks who it is again

        time.sleep(max(0, keys_read_at + KEYS_ARE_READ_AGAIN_AFTER_S - time.monotonic()))
        with provider(port, server, new):
            signed_in = Browser(server, closing).sign_in(server)
            assert signed_in.status_code == 303, signed_in.text
            assert httpx2.get(f"{server}/v1/me", headers={"Authorization": f"Bearer {bearer}"}).status_code == 401
        assert run(tmp_path, "verify", **settings).returncode == 0
