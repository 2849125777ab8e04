"""A person sees where they are signed in and which tokens act as them, and ends what they do not recognize."""

from __future__ import annotations

import re
from typing import Any

from tests.support_log import ALL_SCOPES, LocalService, quiet_token
from tests.support_pages import PageReader, text_of


def sign_in(service: LocalService, person: str) -> Any:
    return service.browser(service.log.sign_in_links.create(person)[0])


def account_of(browser: Any) -> str:
    answer = browser.get("/account", headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


def sessions_on(html: str) -> list[str]:
    return re.findall(r'name="session" value="(\w+)"', html)


def test_ones_own_sessions_are_listed_and_no_others(service: LocalService) -> None:
    """The session of this browser is marked, and those of other people are not shown."""
    bo = service.person("Bo Diaz")
    sign_in(service, bo)
    first, _second = sign_in(service, service.ada), sign_in(service, service.ada)

    page = account_of(first)

    assert len(sessions_on(page)) == 2
    assert text_of(page).count("this browser") == 1
    assert "Bo Diaz" not in page


def test_one_session_is_ended(service: LocalService) -> None:
    """The browser that it was in is signed out, and the others are not."""
    first, second = sign_in(service, service.ada), sign_in(service, service.ada)
    (other,) = set(sessions_on(account_of(first))) - {_session_of(first)}

    assert first.post("/account", data={"session": other}, follow_redirects=False).status_code == 303

    assert (first.get("/v1/me").status_code, second.get("/v1/me").status_code) == (200, 401)


def test_all_other_sessions_are_ended_at_once(service: LocalService) -> None:
    """The browser that asks stays signed in."""
    first, *others = [sign_in(service, service.ada) for _ in range(3)]

    assert first.post("/account", data={"others": "yes"}, follow_redirects=False).status_code == 303

    assert first.get("/v1/me").status_code == 200
    assert [each.get("/v1/me").status_code for each in others] == [401, 401]


def test_the_session_of_another_person_cannot_be_ended(service: LocalService) -> None:
    """Only an administrator ends the sessions of others."""
    bo = service.person("Bo Diaz")
    theirs = sign_in(service, service.ada)
    service.log.default_role = "viewer"
    mine = sign_in(service, bo)

    refused = mine.post("/account", data={"session": _session_of(theirs)}, follow_redirects=False)

    assert refused.status_code == 404
    assert theirs.get("/v1/me").status_code == 200


def test_a_form_without_a_session_is_refused(service: LocalService) -> None:
    """The answer names the field."""
    refused = sign_in(service, service.ada).post("/account", data={"session": ""}, follow_redirects=False)

    assert refused.status_code == 422
    assert "Name the session to end" in text_of(refused.text)


def test_ones_own_tokens_are_listed_without_revoked_ones(service: LocalService, pages: PageReader) -> None:
    """Each has its scopes; a token of another person is not shown."""
    quiet_token(service.log, service.person("Bo Diaz"), ALL_SCOPES)
    service.log.tokens.create(service.ada, scopes=["read"], label="nightly export")
    gone, _ = service.log.tokens.create(service.ada, scopes=["read"], label="old laptop")
    service.log.tokens.revoke(gone)

    page = text_of(pages.get("/account"))

    assert "nightly export read" in page
    assert "old laptop" not in page
    assert "Bo Diaz" not in page


def test_every_page_links_to_the_account(pages: PageReader) -> None:
    """The link is next to the one that signs out."""
    assert re.search(r'href="/account"[^>]*>Your sessions and tokens', pages.get("/help"))


def _session_of(browser: Any) -> str:
    """The id of the session that a browser is signed in with."""
    return str(browser.get("/v1/me").json()["credential"])
