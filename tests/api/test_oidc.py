"""Signing in with an OpenID provider: hostile tokens, the code flow, groups, and logout from the provider."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("joserfc")
from joserfc.jwk import OctKey, RSAKey

from identity.oidc.groups import find_groups, parse_claim_path, parse_group_table
from tests.api.openid import (
    CLIENT,
    EC,
    ENCRYPTING,
    RSA,
    STRANGER,
    WEAK,
    WRAPPING,
    OpenidProvider,
    encode,
    sign,
)
from tests.support_log import LocalService


@pytest.fixture
def openid(service: LocalService) -> Iterator[OpenidProvider]:
    with OpenidProvider() as provider:
        provider.trusted_by(service)
        service.log.accounts.link(provider.issuer, "u-1", service.ada)
        yield provider


# Hostile tokens -------------------------------------------------------------------------------------------------------


def unsigned(name: str) -> Callable[[str], str]:
    def change(token: str) -> str:
        _, claims, _ = token.split(".")
        return f"{encode({'alg': name, 'typ': 'at+jwt', 'kid': 'rsa'})}.{claims}."

    return change


def signed_with_public_key(token: str) -> str:
    """HS256 with the public key in PEM as the secret."""
    _, claims, _ = token.split(".")
    content = f"{encode({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'rsa'})}.{claims}"
    return f"{content}.{encode(hmac.digest(RSA.as_pem(private=False), content.encode(), 'sha256'))}"


def flipped(part: int) -> Callable[[str], str]:
    def change(token: str) -> str:
        parts = token.split(".")
        middle = len(parts[part]) // 2
        parts[part] = parts[part][:middle] + ("A" if parts[part][middle] != "A" else "B") + parts[part][middle + 1 :]
        return ".".join(parts)

    return change


EMBEDDED = {"jwk": STRANGER.as_dict(private=False)}
HOSTILE_CLAIMS: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "an issuer with a slash": {"iss": "http://127.0.0.1/"},
    "a list of issuers": {"iss": ["http://127.0.0.1"]},
    "another audience": {"aud": "someone"},
    "no audience": {"aud": None},
    "other audiences": {"aud": ["a", "b", None]},
    "an object as audience": {"aud": {"log": 1}},
    "expired": {"exp": 1},
    "no end": {"exp": None},
    "an end in words": {"exp": "2030-01-01"},
    "a true end": {"exp": True},
    "an endless end": {"exp": 1e300},
    "issued in the future": {"iat": 2_000_000_000},
    "no time": {"iat": None},
    "not yet": {"nbf": 2_000_000_000},
    "no account": {"sub": None},
    "an empty account": {"sub": ""},
    "a number as account": {"sub": 1},
}
HOSTILE_HEADERS: dict[str, tuple[dict[str, Any], Any]] = {
    "no key": ({"kid": None}, RSA),
    "an unknown key": ({"kid": "other"}, RSA),
    "a path as key": ({"kid": "../../dev/null"}, RSA),
    "a list as key": ({"kid": ["rsa"]}, RSA),
    "an extension": ({"crit": ["exp"]}, RSA),
    "an unknown extension": ({"crit": ["x"], "x": 1}, RSA),
    "its own key": (EMBEDDED, STRANGER),
    "the address of its key": ({"jku": "https://evil.example/keys"}, STRANGER),
    "the address of its certificate": ({"x5u": "https://evil.example/c"}, STRANGER),
    "a stranger": ({}, STRANGER),
    "a key for encryption": ({}, ENCRYPTING),
    "a key for wrapping": ({}, WRAPPING),
    "a weak key": ({}, WEAK),
    "a key for another algorithm": ({"kid": "ec"}, RSA),
    "a shared secret": ({"alg": "HS256", "kid": "rsa"}, OctKey.import_key("a:secret/+ %secretsecret")),
}
HOSTILE_BYTES: dict[str, Callable[[str], str]] = {
    "none": unsigned("none"),
    "None": unsigned("None"),
    "nOnE": unsigned("nOnE"),
    "no algorithm": unsigned(""),
    "the public key as a secret": signed_with_public_key,
    "a bit of the header": flipped(0),
    "a bit of the claims": flipped(1),
    "a bit of the signature": flipped(2),
    "no signature": lambda token: token.rpartition(".")[0] + ".",
    "a part less": lambda token: token.rpartition(".")[0],
    "a part more": lambda token: f"{token}.{token}",
    "nothing": lambda _: "a.b.c",
    "lists": lambda token: f"{encode([])}.{encode([])}.{token.rpartition('.')[2]}",
    "too long": lambda token: token + "A" * 20_000,
}
HOSTILE = [
    *(pytest.param(({}, RSA, more, str), id=name) for name, more in HOSTILE_CLAIMS.items()),
    *(pytest.param((header, key, {}, str), id=name) for name, (header, key) in HOSTILE_HEADERS.items()),
    *(pytest.param(({}, RSA, {}, change), id=name) for name, change in HOSTILE_BYTES.items()),
]
Attack = tuple[dict[str, Any], RSAKey, dict[str, Any], Callable[[str], str]]


@pytest.mark.parametrize("attack", HOSTILE)
def test_no_hostile_token_lets_anyone_in_or_out(
    service: LocalService, openid: OpenidProvider, attack: Attack, caplog: pytest.LogCaptureFixture
) -> None:
    """As access token, as ID token and as logout token it is refused, and it is in no log."""
    caplog.set_level(logging.DEBUG)
    header, key, claims, change = attack
    of_logout = {**claims, "sid": None} if "sub" in claims else claims  # a session needs no account
    access_token = change(openid.access_token(service, header, key, **claims))
    logout_token = change(openid.logout_token(service, header, key, **of_logout))
    browser = service.browser()

    bearer = service.client_of(access_token).get("/v1/me")
    logout = browser.post("/sign-in/backchannel-logout", data={"logout_token": logout_token})
    began = browser.get("/sign-in/provider", follow_redirects=False).headers["Location"]
    back = openid.approve(service, began)
    nonce = began.partition("nonce=")[2].partition("&")[0]
    id_token = change(sign(openid.claims(service, **{"nonce": nonce, **claims}), header, key))
    openid.codes[back["code"]]["id_token"] = id_token
    signed_in = browser.get("/sign-in/callback", params=back, follow_redirects=False)

    assert (bearer.status_code, bearer.json()["type"]) == (401, "urn:decisionlog:problem:unauthenticated")
    assert (logout.status_code, logout.headers["Cache-Control"]) == (400, "no-store")
    assert signed_in.status_code == 403, signed_in.text
    assert service.log.sessions.list_of(service.ada) == []
    for token in (access_token, logout_token, id_token):
        assert token not in caplog.text
        assert token not in bearer.text + logout.text + signed_in.text
        if len(signature := token.rpartition(".")[2]) > 9:
            assert signature not in caplog.text


@pytest.mark.parametrize("types", ["at+jwt", "jwt"])
def test_only_an_access_token_is_an_access_token(service: LocalService, openid: OpenidProvider, types: str) -> None:
    """Other tokens of the provider are refused, also where the provider gives its access tokens no type of their own."""
    openid.trusted_by(service, token_types=frozenset({types}))
    header = {"typ": types}
    others = [
        openid.access_token(service, header, nonce="n"),
        openid.access_token(service, header, at_hash="n"),
        openid.access_token(service, header, events={}),
        openid.access_token(service, header, aud=CLIENT),
        openid.access_token(service, {"typ": "logout+jwt"}),
        openid.access_token(service, {"typ": None}),
        openid.access_token(service, {"typ": "jwt" if types == "at+jwt" else "at+jwt"}),
        *(openid.access_token(service, header, typ=kind) for kind in ("ID", "Refresh", "Logout")),
    ]

    assert [service.client_of(token).get("/v1/me").status_code for token in others] == [401] * len(others)
    assert service.client_of(openid.access_token(service, header)).get("/v1/me").status_code == 200
    assert (
        service.client_of(openid.access_token(service, {"typ": f"application/{types}"})).get("/v1/me").status_code
        == 200
    )


def test_an_access_token_speaks_for_the_person_of_its_account(service: LocalService, openid: OpenidProvider) -> None:
    """It reads and writes, or does what its scopes for this log say, in the name of the person."""
    plain = service.client_of(openid.access_token(service, {"alg": "ES256"}, EC, scope="openid email"))
    reader = service.client_of(openid.access_token(service, scope="openid decisionlog:read decisionlog:other"))
    stranger = service.client_of(openid.access_token(service, sub="u-2"))

    assert plain.get("/v1/me").json()["actor"] == service.ada
    assert plain.get("/v1/me").json()["scopes"] == ["read", "write"]
    assert reader.get("/v1/me").json()["scopes"] == ["read"]
    assert stranger.get("/v1/me").status_code == 401
    added = plain.post("/v1/people", json={"name": "Eve"})
    assert service.log.entry(added.json()["position"]).metadata.credential.startswith("oidc-")


# Keys -----------------------------------------------------------------------------------------------------------------


def test_an_unknown_key_is_looked_for_once(service: LocalService, openid: OpenidProvider) -> None:
    """A key that the provider made since is found; made-up ones cost one request in half a minute."""
    verifier = service.app.state.services.provider._verifier._keys
    now = [0.0]
    verifier._timer = lambda: now[0]
    assert service.client_of(openid.access_token(service)).get("/v1/me").status_code == 200
    new = RSAKey.generate_key(2048, {"kid": "new"})
    openid.keys = [new]
    token = openid.access_token(service, key=new)
    now[0] += 29
    assert service.client_of(token).get("/v1/me").status_code == 401
    now[0] += 2
    assert service.client_of(token).get("/v1/me").status_code == 200
    assert service.client_of(openid.access_token(service)).get("/v1/me").status_code == 401  # the old key is gone
    before = openid.requests.count("/keys")
    for n in range(20):
        service.client_of(openid.access_token(service, {"kid": f"x{n}"})).get("/v1/me")
    assert openid.requests.count("/keys") == before


def test_known_keys_outlive_the_provider(service: LocalService, openid: OpenidProvider) -> None:
    """While the provider is down or sends too much, known keys go on; without any, the answer says to try again."""
    token = openid.access_token(service)
    openid.size = 300_000
    refused = service.client_of(token).get("/v1/me")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    openid.size = 0
    assert service.client_of(token).get("/v1/me").status_code == 200
    openid.up = False
    service.app.state.services.provider._verifier._keys._tried_at -= 4_000
    assert service.client_of(token).get("/v1/me").status_code == 200
    fresh = openid.trusted_by(service)
    assert service.client_of(token).get("/v1/me").status_code == 503
    page = service.browser().get("/sign-in/provider", follow_redirects=False)
    assert (page.status_code, "cannot be reached" in page.text) == (503, True)
    openid.up = True
    assert service.client_of(token).get("/v1/me").status_code == 200
    assert fresh.config.name in service.browser().get("/sign-in").text


# The code flow --------------------------------------------------------------------------------------------------------


def begin(browser: Any, next_: str = "/v1/me") -> str:
    answer = browser.get("/sign-in/provider", params={"next": next_}, follow_redirects=False)
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def finish(browser: Any, back: dict[str, str]) -> Any:
    return browser.get("/sign-in/callback", params=back, follow_redirects=False)


def test_signing_in_with_a_provider(service: LocalService, openid: OpenidProvider) -> None:
    """The browser goes to the provider, comes back, and is signed in as the person of the account."""
    browser = service.browser()
    location = begin(browser)
    assert location.startswith(f"{openid.issuer}/authorization?")

    answer = finish(browser, openid.approve(service, location))

    assert (answer.status_code, answer.headers["Location"]) == (303, "/v1/me")
    assert browser.get("/v1/me").json()["actor"] == service.ada
    (session,) = browser.get("/v1/sessions").json()["rows"]
    assert session["provider"] == openid.issuer
    cookies = [each.partition("=")[0] for each in answer.headers.get_list("set-cookie")]
    assert cookies == ["decisionlog", "decisionlog-sign-in"]
    assert "opaque" not in str(answer.headers)


def test_an_answer_works_once_and_in_the_browser_that_asked(service: LocalService, openid: OpenidProvider) -> None:
    """A replayed state, another browser, another provider, and an error sign nobody in."""
    browser = service.browser()
    location = begin(browser)
    cookie = browser.cookies["decisionlog-sign-in"]
    back = openid.approve(service, location)
    other = service.browser()
    begin(other)

    def attempt(answer: dict[str, str], client: Any = browser) -> int:
        client.cookies.set("decisionlog-sign-in", cookie) if client is browser else None
        return int(finish(client, answer).status_code)

    assert attempt(back, other) == 403
    assert attempt(back, service.browser()) == 403
    assert attempt({**back, "state": back["state"][:-1]}) == 403
    assert attempt({**back, "iss": "https://evil.example"}) == 403
    assert attempt({name: back[name] for name in ("code", "state")}) == 403  # it promised to name itself
    assert attempt({**back, "error": "access_denied"}) == 403
    code = openid.codes[back["code"]]
    assert attempt(back) == 303
    assert attempt(back) == 403  # the provider gives nothing for a code twice
    openid.codes[back["code"]] = code
    assert attempt(back) == 403  # and if it did
    assert len(service.log.sessions.list_of(service.ada)) == 1


@pytest.mark.parametrize(
    "more",
    [
        {"nonce": "other"},
        {"nonce": None},
        {"azp": "other"},
        {"aud": [CLIENT, "other"]},
        {"at_hash": "AAAA"},
        {"events": {}},
        {"at_hash": 1},
    ],
)
def test_an_id_token_answers_our_own_request(
    service: LocalService, openid: OpenidProvider, more: dict[str, Any]
) -> None:
    """One that was made for another request, client or access token is refused."""
    browser = service.browser()

    assert finish(browser, openid.approve(service, begin(browser), **more)).status_code == 403
    assert service.log.sessions.list_of(service.ada) == []


def test_an_unknown_account_is_refused_or_registered(service: LocalService, openid: OpenidProvider) -> None:
    """An email address lets nobody in: it must be new, or the account is connected by who signed in with a link."""
    ada = {"sub": "u-9", "email": "ada@example.org", "email_verified": True, "name": "Ada"}
    browser = service.browser()
    refused = finish(browser, openid.approve(service, begin(browser), **ada))
    assert (refused.status_code, "connect your account" in refused.text) == (403, True)

    openid.trusted_by(service, registers=True)
    assert finish(browser, openid.approve(service, begin(browser), **ada)).status_code == 403
    grace = {"sub": "u-2", "email": "grace@example.org", "email_verified": True, "name": "Grace Hopper"}
    assert finish(browser, openid.approve(service, begin(browser), **grace)).status_code == 303
    person = service.log.directory.find("grace@example.org")
    assert service.log.directory.find("Grace Hopper") == person
    assert browser.get("/v1/me").json()["actor"] == person[0]
    entries = service.log.read(service.log.head().size - 2, 2)
    assert [entry.type for entry in entries] == ["PersonRegistered.v1", "AccountConnected.v1"]
    assert {entry.metadata.actor for entry in entries} == {"service:decisionlog"}
    unverified = {**grace, "sub": "u-3", "email_verified": False, "name": "\u202e"}
    assert finish(browser, openid.approve(service, begin(browser), **unverified)).status_code == 303
    assert service.log.directory.find("grace@example.org") == person


def test_a_person_connects_their_account(service: LocalService, openid: OpenidProvider) -> None:
    """Who signed in with a link connects an account, which signs them in from then on; no other site can begin that."""
    browser = service.browser(service.log.sign_in_links.create(service.ada)[0])
    assert "account at Acme</button>" in browser.get("/sign-in").text
    attack = browser.post("/sign-in/connect", headers={"Sec-Fetch-Site": "cross-site"})
    answer = browser.post("/sign-in/connect")
    back = openid.approve(service, answer.headers["Refresh"].partition("url=")[2], sub="u-7")

    assert attack.status_code == 403
    assert finish(browser, back).status_code == 303
    assert "Your account at Acme is connected" in browser.get("/sign-in").text
    entry = service.log.entry(service.log.head().size)
    assert (entry.type, entry.subject, entry.metadata.actor) == ("AccountConnected.v1", service.ada, service.ada)
    other = service.browser()
    assert finish(other, openid.approve(service, begin(other), sub="u-7")).status_code == 303
    assert other.get("/v1/me").json()["actor"] == service.ada
    stranger = service.person("Olga Other")
    browser = service.browser(service.log.sign_in_links.create(stranger)[0])
    location = browser.post("/sign-in/connect").headers["Refresh"].partition("url=")[2]
    assert finish(browser, openid.approve(service, location, sub="u-7")).status_code == 403
    assert service.browser().post("/sign-in/connect").status_code == 401


@pytest.mark.parametrize("sub", ["a\nb", " ", "x" * 501])
def test_an_account_that_cannot_be_recorded_is_refused(service: LocalService, openid: OpenidProvider, sub: str) -> None:
    """A subject with control characters, a blank or a longer one is a refusal, and registers no one."""
    openid.trusted_by(service, registers=True)
    size = service.log.head().size
    browser = service.browser()

    assert finish(browser, openid.approve(service, begin(browser), sub=sub, name="Grace")).status_code == 403
    assert service.log.head().size == size


def test_who_has_left_does_not_sign_in(service: LocalService, openid: OpenidProvider) -> None:
    """The provider may still know them; the log does not let them in."""
    person = service.person("Ben Leaver")
    service.log.accounts.link(openid.issuer, "u-5", person)
    token = openid.access_token(service, sub="u-5")
    assert service.client_of(token).get("/v1/me").status_code == 200
    service.post(f"/people/{person.partition(':')[2]}/leave")
    browser = service.browser()

    assert finish(browser, openid.approve(service, begin(browser), sub="u-5")).status_code == 403
    assert service.client_of(token).get("/v1/me").status_code == 401


# Groups ---------------------------------------------------------------------------------------------------------------


def test_groups_of_the_provider_have_roles(service: LocalService, openid: OpenidProvider) -> None:
    """A role granted to a group is held by those whom the provider puts in it, in sessions and by access tokens."""
    openid.trusted_by(service, groups_path=("realm_access", "groups"), groups={"/product": "product"}, registers=True)
    granted = service.post("/commands", {"type": "GrantRole", "subject": "group:product", "role": "manager"})
    assert granted.status_code == 200, granted.text
    service.log.default_role = None
    claims = {"sub": "u-2", "name": "Grace", "realm_access": {"groups": ["/product", "product", "/other"]}}
    browser = service.browser()
    finish(browser, openid.approve(service, begin(browser), **claims))
    member = service.client_of(openid.access_token(service, **claims))
    outsider = service.client_of(openid.access_token(service, **{**claims, "realm_access": {"groups": ["product"]}}))

    assert browser.post("/v1/products", json={"key": "shop", "title": "Shop"}).status_code == 201
    assert member.post("/v1/products", json={"key": "till", "title": "Till"}).status_code == 201
    assert outsider.post("/v1/products", json={"key": "bar", "title": "Bar"}).status_code == 403


@pytest.mark.parametrize(
    ("claims", "path", "table", "found"),
    [
        ({"groups": ["a", "b"]}, "groups", "", {"group:a", "group:b"}),
        ({"groups": "a b"}, "groups", "", {"group:a", "group:b"}),
        ({"groups": ["/product", "product"]}, "groups", "/product=pm", {"group:pm"}),
        ({"groups": ["/product", "Product Team"]}, "groups", "", set()),
        ({"https://acme.example/groups": ["a"]}, r"https://acme\.example/groups", "", {"group:a"}),
        ({"resource_access": {"my.log": {"roles": ["a"]}}}, r"resource_access.my\.log.roles", "", {"group:a"}),
        ({"groups": ["x=y"]}, "groups", "x=y=z", {"group:z"}),
        ({}, "groups", "", set()),
        ({"groups": ["a"]}, "", "", set()),
    ],
)
def test_groups_are_found_where_providers_put_them(
    claims: dict[str, Any], path: str, table: str, found: set[str]
) -> None:
    """A path leads to them, names with dots and slashes included; names that mean nothing here count for nothing."""
    assert find_groups(claims, parse_claim_path(path), parse_group_table(table)) == found


@pytest.mark.parametrize(
    "claims",
    [
        {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph"}}},
        {"hasgroups": True},
        {"groups": [{"name": "a"}]},
        {"groups": {"a": 1}},
        {"groups": 7},
        {"groups": ["a"] * 1_001},
    ],
)
def test_groups_that_are_left_out_are_an_error(
    service: LocalService, openid: OpenidProvider, claims: dict[str, Any]
) -> None:
    """Too many groups, or groups in another form, are never taken for none."""
    openid.trusted_by(service, groups_path=("groups",))
    browser = service.browser()

    answer = finish(browser, openid.approve(service, begin(browser), **claims))

    assert answer.status_code == 403
    assert "groups" in answer.text
    assert service.client_of(openid.access_token(service, **claims)).get("/v1/me").status_code == 401


# Signing out ----------------------------------------------------------------------------------------------------------


def test_the_provider_signs_people_out(service: LocalService, openid: OpenidProvider) -> None:
    """A logout token ends the sessions of one sign-in at the provider, or of the account, and works once."""
    first, second, linked = (
        service.browser(),
        service.browser(),
        service.browser(service.log.sign_in_links.create(service.ada)[0]),
    )
    finish(first, openid.approve(service, begin(first), sid="s-1"))
    finish(second, openid.approve(service, begin(second), sid="s-2"))
    token = openid.logout_token(service, sid="s-1")

    def log_out(token: str) -> int:
        return int(service.browser().post("/sign-in/backchannel-logout", data={"logout_token": token}).status_code)

    assert log_out(token) == 200
    assert [each.get("/v1/me").status_code for each in (first, second, linked)] == [401, 200, 200]
    assert log_out(token) == 400
    assert log_out(openid.logout_token(service, sid="s-2", sub="u-2", jti="m")) == 200  # not this account's
    assert second.get("/v1/me").status_code == 200
    assert log_out(openid.logout_token(service, {"typ": None}, sid=None, jti="n")) == 200
    assert [each.get("/v1/me").status_code for each in (second, linked)] == [401, 200]


def test_a_logout_that_overtakes_a_sign_in_ends_it(service: LocalService, openid: OpenidProvider) -> None:
    """If the provider ends its session while the browser returns from it, no session starts here."""
    for sid, more in (("s-8", {}), ("s-9", {"sub": None})):
        browser = service.browser()
        coming_back = openid.approve(service, begin(browser), sid=sid)
        token = openid.logout_token(service, sid=sid, jti=sid, **more)
        assert service.browser().post("/sign-in/backchannel-logout", data={"logout_token": token}).status_code == 200

        assert finish(browser, coming_back).status_code == 403
        assert browser.get("/v1/me").status_code == 401
    assert service.log.sessions.all() == []


@pytest.mark.parametrize(
    "more",
    [
        {"nonce": "n"},
        {"events": None},
        {"events": {}},
        {"events": ["http://schemas.openid.net/event/backchannel-logout"]},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": True}},
        {"sid": None, "sub": None},
        {"sid": 1},
        {"jti": None},
    ],
)
def test_only_a_logout_token_logs_out(service: LocalService, openid: OpenidProvider, more: dict[str, Any]) -> None:
    """What is no logout token by the specification ends no session."""
    browser = service.browser()
    finish(browser, openid.approve(service, begin(browser)))

    answer = service.browser().post(
        "/sign-in/backchannel-logout", data={"logout_token": openid.logout_token(service, **more)}
    )

    assert answer.status_code == 400
    assert browser.get("/v1/me").status_code == 200


def test_signing_out_here_offers_to_sign_out_there(service: LocalService, openid: OpenidProvider) -> None:
    """The page after the sign-out leads to the provider's own, with a hint whose session it is."""
    browser = service.browser()
    finish(browser, openid.approve(service, begin(browser)))

    page = browser.post("/sign-out").text

    assert f"{openid.issuer}/end_session?id_token_hint=" in page
    assert "post_logout_redirect_uri=http%3A%2F%2F" in page


def test_without_a_provider_there_is_none(service: LocalService) -> None:
    """The pages of the provider answer 404, and a signed token is as unknown as any other."""
    browser = service.browser()

    assert browser.get("/sign-in/provider").status_code == 404
    assert browser.get("/sign-in/callback").status_code == 404
    assert browser.post("/sign-in/backchannel-logout", data={"logout_token": "a.b.c"}).status_code == 404
    assert service.client_of("a.b.c").get("/v1/me").status_code == 401
    assert "Acme" not in browser.get("/sign-in").text
