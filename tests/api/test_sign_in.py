"""Signing in with a browser: one-time links, sessions, and requests that other sites cause."""

from __future__ import annotations

import logging
import re

import pytest

from api.cross_site import is_cross_site
from identity.sessions import HOUR_US, SessionLimits
from tests.support_log import LocalService

OWN = "http://localhost"


def new_code(service: LocalService) -> str:
    return service.log.sign_in_links.create(service.ada)[0]


def test_opening_a_link_does_not_use_it(service: LocalService) -> None:
    """Reading the page, as a preview in a chat program does, changes nothing; its button signs in."""
    code = new_code(service)
    browser = service.browser()

    for _ in range(2):
        page = browser.get("/sign-in", params={"code": code, "next": "/v1/me"})
        assert page.status_code == 200
        assert "Set-Cookie" not in page.headers
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    answer = browser.post("/sign-in", data=fields, follow_redirects=False)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/v1/me")
    assert browser.get("/v1/me").json()["actor"] == service.ada


def test_a_link_works_once_and_not_for_long(service: LocalService) -> None:
    """A used, expired or invented code signs nobody in, and the page says how to get another link."""
    used, expired = new_code(service), new_code(service)
    service.browser(used)
    service.clock.now += 15 * 60 * 1_000_000

    for code in (used, expired, "dlonce_" + "A" * 43, "x", ""):
        answer = service.browser().post("/sign-in", data={"code": code})

        assert answer.status_code == 410, code
        assert "Set-Cookie" not in answer.headers
        assert "decisionlog login-link" in answer.text


def test_the_cookie_is_out_of_reach_of_scripts_and_other_hosts(service: LocalService) -> None:
    """Over HTTPS the cookie has the prefix and the attributes that browsers enforce; on this machine it has no TLS."""
    from api.app import create_app
    from api.middleware import Hosts

    plain = service.browser().post("/sign-in", data={"code": new_code(service)}, follow_redirects=False)
    app = create_app(service.app.state.services, Hosts("https://log.example.org"))
    service.app = app
    secure = service.browser()
    answer = secure.post("/sign-in", data={"code": new_code(service)}, follow_redirects=False)

    name, _, attributes = plain.headers["Set-Cookie"].partition("=")
    assert name == "decisionlog"
    assert set(attributes.split("; ")[1:]) == {"HttpOnly", "Max-Age=34560000", "Path=/", "SameSite=lax"}
    name, _, attributes = answer.headers["Set-Cookie"].partition("=")
    assert name == "__Host-decisionlog"
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} < set(attributes.split("; "))
    assert "Domain" not in attributes


def test_no_session_without_encryption(service: LocalService) -> None:
    """Over a network without TLS a sign-in is refused, unless the operator named that address."""
    from api.app import create_app
    from api.middleware import Hosts

    code = new_code(service)
    browser = service.browser()
    refused = browser.post("/sign-in", data={"code": code}, headers={"Host": "log.lan"})
    service.app = create_app(service.app.state.services, Hosts("http://log.lan"))
    named = service.browser().post("/sign-in", data={"code": code}, headers={"Host": "log.lan"}, follow_redirects=False)

    assert (refused.status_code, named.status_code) == (403, 303)
    assert "DECISIONLOG_PUBLIC_URL" in refused.text


@pytest.mark.parametrize(
    "address",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "evil",
        "/\t/evil.example",
        "/\n/evil.example",
        "\\/evil.example",
        "/%0d%0aX: y\r\n",
        "",
    ],
)
def test_no_link_leads_to_another_site(service: LocalService, address: str) -> None:
    """After the sign-in the browser goes to a path of this server, whatever the link says."""
    answer = service.browser().post(
        "/sign-in", data={"code": new_code(service), "next": address}, follow_redirects=False
    )

    assert answer.headers["Location"] == "/"


def test_signing_in_renews_the_session(service: LocalService) -> None:
    """The session that the browser had has ended, and the new one has another secret."""
    browser = service.browser(new_code(service))
    before = browser.cookies["decisionlog"]
    browser.post("/sign-in", data={"code": new_code(service)}, follow_redirects=False)

    assert browser.cookies["decisionlog"] != before
    assert len(service.log.sessions.list_of(service.ada)) == 1
    assert service.log.sessions.find(before) is None


def test_signing_out_ends_the_session(service: LocalService) -> None:
    """A copy of the cookie is worth nothing afterwards."""
    browser = service.browser(new_code(service))
    secret = browser.cookies["decisionlog"]

    assert browser.post("/sign-out").status_code == 200

    assert "decisionlog" not in browser.cookies
    browser.cookies.set("decisionlog", secret)
    assert browser.get("/v1/me").status_code == 401


def test_a_session_ends_by_itself(service: LocalService) -> None:
    """It ends some time after the last request, and at the latest some time after the sign-in."""
    service.log.sessions.set_limits(SessionLimits(lifetime_us=4 * HOUR_US, idle_us=HOUR_US))
    idle, busy = service.browser(new_code(service)), service.browser(new_code(service))
    statuses = []
    for _ in range(5):
        service.clock.now += 50 * 60 * 1_000_000
        statuses.append(busy.get("/v1/me").status_code)
        service.log.sessions.uses.write()

    assert statuses == [200, 200, 200, 200, 401]
    assert idle.get("/v1/me").status_code == 401


def test_leaving_ends_every_session_for_good(service: LocalService) -> None:
    """Who has left is signed out; if they come back they have to sign in again."""
    person = service.person("Ben Leaver")
    key = person.partition(":")[2]
    browser = service.browser(service.log.sign_in_links.create(person)[0])
    unused = service.browser(service.log.sign_in_links.create(person)[0])
    link = service.log.sign_in_links.create(person)[0]
    assert browser.get("/v1/me").status_code == 200

    left = service.post(f"/people/{key}/leave").json()

    assert browser.get("/v1/me").status_code == 401
    assert service.browser().post("/sign-in", data={"code": link}).status_code == 403
    voided = service.post(f"/subjects/{person}/void", {"position": left["position"], "why": "They stay."})
    assert voided.status_code == 200, voided.text
    assert [each.get("/v1/me").status_code for each in (browser, unused)] == [401, 401]


def test_people_see_and_end_their_own_sessions(service: LocalService) -> None:
    """A person lists their sessions, ends one, or all others; those of another person are out of reach."""
    first, second = service.browser(new_code(service)), service.browser(new_code(service))
    other = service.person("Olga Other")
    stranger = service.browser(service.log.sign_in_links.create(other)[0])

    rows = first.get("/v1/sessions").json()["rows"]
    assert [(row["person"], row["current"], row["provider"]) for row in rows] == [
        (service.ada, False, None),
        (service.ada, True, None),
    ]
    assert first.delete(f"/v1/sessions/{rows[0]['id']}").json() == {"ended": 1}
    assert second.get("/v1/me").status_code == 401
    service.browser(new_code(service))
    assert first.delete("/v1/sessions").json() == {"ended": 1}
    assert first.get("/v1/me").status_code == 200
    plain = service.client_of(service.post("/tokens", {"holder": other}).json()["secret"])
    assert plain.delete(f"/v1/sessions/{rows[1]['id']}").status_code == 404
    assert plain.get("/v1/sessions", params={"person": service.ada}).status_code == 403
    assert stranger.get("/v1/me").status_code == 200


def test_a_link_needs_an_administrator_and_leaves_an_event(service: LocalService) -> None:
    """Only administrators make links, for people who can act; the event names who made it, and holds no code."""
    other = service.person("Olga Other")
    plain = service.client_of(service.post("/tokens", {"holder": other}).json()["secret"])

    made = service.post("/sign-in-links", {"person": "Olga Other"})

    assert made.status_code == 201
    assert made.json()["person"] == other
    code = made.json()["url"].partition("?code=")[2]
    entry = service.log.entry(service.log.head().size)
    assert (entry.type, entry.subject, entry.metadata.actor) == ("SignInLinkCreated.v1", other, service.ada)
    assert service.browser(code).get("/v1/me").json()["actor"] == other
    assert plain.post("/v1/sign-in-links", json={"person": service.ada}).status_code == 403
    assert service.post("/sign-in-links", {"person": "service:ci"}).status_code == 422
    assert service.post("/sign-in-links", {"person": "person:unknown"}).status_code == 404


ATTACKS = [
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://evil.localhost"},
    {"Sec-Fetch-Site": "cross-site", "Origin": OWN},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:81"},
    {"Origin": ""},
    {"Referer": f"{OWN}/x"},
    {},
]


@pytest.mark.parametrize("headers", ATTACKS)
def test_another_site_changes_nothing(service: LocalService, headers: dict[str, str]) -> None:
    """No request that another site may have caused is answered, on pages and in the API; a read is harmless."""
    browser = service.browser(new_code(service))
    del browser.headers["Sec-Fetch-Site"]
    size = service.log.head().size

    writes = [
        browser.post("/v1/people", json={"name": "Eve"}, headers=headers),
        browser.post("/v1/decisions", json={}, headers=headers),
        browser.delete("/v1/sessions", headers=headers),
        browser.post("/sign-out", headers=headers),
        browser.post("/sign-in", data={"code": new_code(service)}, headers=headers),
    ]

    assert [answer.status_code for answer in writes] == [403] * len(writes)
    assert service.log.head().size == size + 1  # the link
    assert browser.get("/v1/me", headers=headers).status_code == 200


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": OWN}])
def test_a_page_of_this_server_may_write(service: LocalService, headers: dict[str, str]) -> None:
    """What the browser says came from here is recorded, in the name of the person who signed in."""
    browser = service.browser(new_code(service))
    del browser.headers["Sec-Fetch-Site"]

    answer = browser.post("/v1/people", json={"name": "Eve"}, headers=headers)

    assert answer.status_code == 201
    assert service.log.entry(answer.json()["position"]).metadata.actor == service.ada


def test_a_token_needs_no_origin(service: LocalService) -> None:
    """A program with a token is no browser: its requests are answered wherever they come from."""
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}

    assert service.client.post("/v1/people", json={"name": "Eve"}, headers=headers).status_code == 201


def test_an_unsafe_method_is_anything_but_a_read() -> None:
    """Methods that are not known to be safe are refused as writes are."""
    for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"):
        assert is_cross_site(method, {}, [OWN])
    for method in ("GET", "HEAD", "OPTIONS"):
        assert not is_cross_site(method, {"sec-fetch-site": "cross-site"}, [OWN])


def test_no_secret_is_stored_or_logged(service: LocalService, caplog: pytest.LogCaptureFixture) -> None:
    """No file and no log line holds the code of a link or the secret of a session."""
    caplog.set_level(logging.DEBUG)
    code = new_code(service)
    browser = service.browser(code)
    secret = browser.cookies["decisionlog"]
    browser.get("/v1/me")
    browser.get("/v1/sessions")

    service.log.checkpoint_and_vacuum()

    for file in service.folder.iterdir():
        if file.is_file():
            assert secret.encode() not in file.read_bytes()
            assert code.encode() not in file.read_bytes()
    assert secret not in caplog.text
    assert code not in caplog.text
