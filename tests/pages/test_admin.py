"""Administrators act on the page of administration; others see no buttons and are refused."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from api.pages.admin_forms import FORMS
from domain.scopes import SCOPES
from identity.access_journal import AccessFilter
from tests.support_log import ALL_SCOPES, LocalService, quiet_token
from tests.support_pages import PageReader, text_of


@pytest.fixture
def bo(service: LocalService) -> str:
    """A person who may read, and nothing more."""
    return service.person("Bo Diaz")


def client_with_role(service: LocalService, person: str, role: str, product: str | None = None) -> Any:
    """A client of a person with one role."""
    grant = {"role": role, **({"product": product} if product else {})}
    assert service.post(f"/roles/{person}/grant", grant).status_code == 200
    service.log.default_role = None
    return service.client_of(quiet_token(service.log, person, ALL_SCOPES))


def send(service: LocalService, form: str, client: Any = None, **values: str) -> Any:
    service.runner.wait_for(service.log.head().size, 10)
    return (client or service.client).post(
        f"/admin/{form}", data=values, headers={"Accept": "text/html"}, follow_redirects=False
    )


def secret_of(response: Any) -> str:
    return unescape(re.search(r'id="secret"[^>]*value="([^"]+)"', response.text)[1])  # type: ignore[index]


def form_key_of(html: str) -> str:
    return re.search(r'name="form_key" value="([^"]+)"', html)[1]  # type: ignore[index]


def test_a_role_is_granted_and_revoked(service: LocalService, bo: str, pages: PageReader) -> None:
    """Both are events with the reason that was typed, and the page lists what is granted."""
    granted = send(service, "grant-role", holder="Bo Diaz", role="contributor", product="", note="Joins the team.")

    assert granted.status_code == 303
    assert granted.headers["location"] == f"/admin?done={service.log.head().size}"
    (row,) = service.rows("/roles", holder=bo)
    assert (row["role"], row["product"], row["blame"]["note"]) == ("contributor", None, "Joins the team.")
    assert "Bo Diaz contributor all products" in text_of(pages.get("/admin"))

    assert send(service, "revoke-role", holder=bo, role="contributor", note="").status_code == 303
    assert service.rows("/roles", holder=bo) == []


@pytest.mark.parametrize("holder", ["team:crew", "service:tracker", "group:design"])
def test_a_role_is_granted_for_one_product_to_other_holders(service: LocalService, holder: str) -> None:
    """Teams, services and groups of the sign-in provider hold roles, too."""
    service.post("/teams", {"key": "crew", "title": "Crew"})
    service.post("/products", {"key": "shop", "title": "Shop"})

    assert send(service, "grant-role", holder=holder, role="manager", product="Shop").status_code == 303

    (row,) = service.rows("/roles", holder=holder)
    assert (row["role"], row["product"]) == ("manager", "product:shop")


def test_a_role_form_that_is_sent_twice_grants_once(service: LocalService, bo: str) -> None:
    """The second request is answered like the first."""
    key = form_key_of(PageReader(service).get("/admin/grant-role"))
    values = {"holder": bo, "role": "viewer", "form_key": key}

    first, second = send(service, "grant-role", **values), send(service, "grant-role", **values)

    assert first.headers["location"] == second.headers["location"]


def test_a_mistake_in_a_role_form_loses_nothing(service: LocalService, bo: str) -> None:
    """The answer names candidates, keeps what was typed, and records nothing."""
    refused = send(service, "grant-role", holder="Bo Dias", role="manager", note="Because <x>.")

    assert refused.status_code == 422
    assert "Did you mean Bo Diaz?" in text_of(refused.text)
    assert f'value="holder={bo}=Bo Dias"' in refused.text
    assert "Because &lt;x&gt;.</textarea>" in refused.text
    assert '<option value="manager" selected>Manager</option>' in refused.text
    assert service.rows("/roles", holder=bo) == []


def test_what_the_log_refuses_is_shown_at_its_field(service: LocalService, bo: str) -> None:
    """A role that the holder already has is refused with the reason."""
    send(service, "grant-role", holder=bo, role="viewer")

    refused = send(service, "grant-role", holder=bo, role="viewer")

    assert refused.status_code == 422
    assert "already has the role viewer" in text_of(refused.text)


def test_a_token_is_created_and_its_secret_shown_once(service: LocalService, bo: str) -> None:
    """The secret is in the response to the form only, which no cache keeps."""
    made = send(
        service,
        "create-token",
        holder="Bo Diaz",
        scopes="read",
        system="jira",
        label="Laptop",
        role="viewer",
        expires_on="2025-03-01",
    )

    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    secret = secret_of(made)
    me = service.client_of(secret).get("/v1/me").json()
    assert (me["actor"], me["scopes"]) == (bo, ["import:jira", "read"])
    assert me["roles"] == [{"role": "viewer", "product": None}]
    (token,) = [row for row in service.rows("/tokens") if row["holder"] == bo]
    assert (token["label"], token["expires_at"]) == ("Laptop", "2025-03-01T00:00:00.000000Z")
    assert secret not in PageReader(service).get("/admin")
    assert secret not in made.request.url.query.decode() + str(made.headers)


def test_a_scope_of_one_system_is_no_link(service: LocalService, bo: str) -> None:
    """A scope such as `import:jira` looks like the id of an import."""
    made = send(service, "create-token", holder=bo, system="jira")

    assert "Scopes import:jira" in text_of(made.text)
    assert "/imports/jira" not in made.text


def test_a_token_expires_after_a_year_unless_one_says_otherwise(service: LocalService, bo: str) -> None:
    """The form starts with a day in a year; only the box makes a token that never expires."""
    assert 'name="expires_on" value="2026-01-01"' in PageReader(service).get("/admin/create-token")

    send(service, "create-token", holder=bo, scopes="read", expires_on="", label="default")
    send(service, "create-token", holder=bo, scopes="read", expires_on="2025-03-01", never="yes", label="never")

    expiry = {row["label"]: row["expires_at"] for row in service.rows("/tokens")}
    assert expiry["default"].startswith("2026-01-01")
    assert expiry["never"] is None


def test_a_role_that_the_holder_has_is_not_granted_again_with_a_token(service: LocalService, bo: str) -> None:
    """The token is created without another grant."""
    send(service, "grant-role", holder=bo, role="viewer")

    assert send(service, "create-token", holder=bo, scopes="read", role="viewer").status_code == 200

    assert len(service.rows("/roles", holder=bo)) == 1


def test_a_token_form_that_is_sent_twice_creates_one_token(service: LocalService, bo: str) -> None:
    """The second request gets no secret, and the page says why."""
    key = form_key_of(PageReader(service).get("/admin/create-token"))
    values = {"holder": bo, "scopes": "read", "form_key": key}

    first, second = send(service, "create-token", **values), send(service, "create-token", **values)

    assert first.status_code == 200
    assert second.status_code == 422
    assert "This form was already sent" in text_of(second.text)
    assert len([row for row in service.rows("/tokens") if row["holder"] == bo]) == 1


def test_a_mistake_in_a_token_form_loses_nothing(service: LocalService, bo: str) -> None:
    """Each error is at its field, the boxes stay as they were, and the corrected form creates the token."""
    values = {"holder": "Bo Diaz", "scopes": "read", "label": "Kept", "expires_on": "2024-01-01"}
    expired = send(
        service, "create-token", **values, form_key=form_key_of(PageReader(service).get("/admin/create-token"))
    )

    assert expired.status_code == 422
    assert 'id="e-expires_on"' in expired.text
    assert 'value="Kept"' in expired.text
    assert re.findall(r'name="scopes" value="(\w+)" checked', expired.text) == ["read"]
    corrected = {**values, "expires_on": "2025-03-01", "form_key": form_key_of(expired.text)}
    assert send(service, "create-token", **corrected).status_code == 200

    assert 'id="e-scopes"' in send(service, "create-token", holder=bo).text
    assert 'id="e-holder"' in send(service, "create-token", holder="", scopes="read").text


def test_a_token_gets_no_scope_that_its_creator_does_not_have(service: LocalService, bo: str) -> None:
    """The page creates tokens with the rules of the API."""
    limited = service.client_of(quiet_token(service.log, service.person("Cy Lee"), SCOPES.keys() - {"erase"}))

    refused = send(service, "create-token", limited, holder=bo, scopes="erase")

    assert refused.status_code == 422
    assert 'id="e-scopes"' in refused.text
    assert [row for row in service.rows("/tokens") if row["holder"] == bo] == []


def test_a_token_is_revoked(service: LocalService, bo: str, pages: PageReader) -> None:
    """It stops working, and the page shows that it was revoked."""
    token, secret = service.log.tokens.create(bo, by=service.caller())
    assert f'href="/admin/revoke-token?token={token}"' in pages.get("/admin")
    assert "Bo Diaz" in pages.get("/admin/revoke-token", token=token)

    assert send(service, "revoke-token", token=token).status_code == 303

    assert service.client_of(secret).get("/v1/me").status_code == 401
    assert f"token={token}" not in pages.get("/admin")
    assert pages.get("/admin/revoke-token", status=404, token="none")


def test_a_sign_in_link_is_shown_once_and_signs_in(service: LocalService, bo: str, pages: PageReader) -> None:
    """The person who opens it is signed in; the link is in no other page."""
    made = send(service, "create-sign-in-link", holder="Bo Diaz", form_key="a" * 32)

    link = secret_of(made)
    assert made.headers["cache-control"] == "no-store"
    assert send(service, "create-sign-in-link", holder="Bo Diaz", form_key="a" * 32).status_code == 422
    assert link not in pages.get("/admin")
    browser = service.browser(link.partition("code=")[2])
    assert browser.get("/v1/me").json()["actor"] == bo


def test_only_people_get_sign_in_links(service: LocalService) -> None:
    """A service is refused at the field."""
    refused = send(service, "create-sign-in-link", holder="service:tracker")

    assert refused.status_code == 422
    assert 'id="e-holder"' in refused.text


def test_sessions_are_listed_and_ended(service: LocalService, bo: str, pages: PageReader) -> None:
    """One session ends with its button; those of a person end together."""
    browsers = [service.browser(service.log.sign_in_links.create(bo)[0]) for _ in range(3)]
    found = re.findall(r'name="session" value="(\w+)"', pages.get("/admin"))
    assert len(found) == 3

    assert send(service, "end-sessions", session=found[0]).headers["location"] == "/admin#sessions"
    assert sorted(each.get("/v1/me").status_code for each in browsers) == [200, 200, 401]
    assert send(service, "end-sessions", holder="Bo Diaz").status_code == 303
    assert [each.get("/v1/me").status_code for each in browsers] == [401, 401, 401]


def test_a_form_from_another_site_is_refused(service: LocalService) -> None:
    """A browser that another site made send a form changes nothing."""
    browser = service.browser(service.log.sign_in_links.create(service.ada)[0])
    browser.headers["Sec-Fetch-Site"] = "cross-site"
    before = service.log.head().size

    for form in FORMS:
        assert send(service, form, browser, holder=service.ada, role="viewer", scopes="read").status_code == 403

    assert service.log.head().size == before


@pytest.mark.parametrize("role", ["viewer", "manager", "auditor"])
def test_without_the_role_admin_nothing_is_offered_and_everything_refused(
    service: LocalService, bo: str, role: str
) -> None:
    """No form is linked, shown or accepted; tokens and sessions are not listed."""
    client = client_with_role(service, bo, role)
    before = service.log.head().size
    service.runner.wait_for(before, 10)

    page = client.get("/admin").text

    assert "/admin/" not in page
    assert 'id="tokens"' not in page
    assert 'id="sessions"' not in page
    for form in FORMS:
        assert client.get(f"/admin/{form}").status_code == 403
        assert send(service, form, client, holder=bo, role="admin", scopes="read").status_code == 403
    assert service.log.head().size == before


def test_an_administrator_of_a_product_grants_roles_for_it_only(service: LocalService, bo: str) -> None:
    """Roles for other products, tokens, links and sessions are refused."""
    for key in ("shop", "till"):
        service.post("/products", {"key": key, "title": key.title()})
    client = client_with_role(service, bo, "admin", "product:shop")
    values = {"holder": service.ada, "role": "viewer"}

    assert send(service, "grant-role", client, **values, product="Shop").status_code == 303
    for other in ({"product": "Till"}, {}):
        refused = send(service, "grant-role", client, **values, **other)
        assert refused.status_code == 422
        assert "need the role" in text_of(refused.text)
    service.log.journal.write()
    assert [row.what for row in service.log.journal.rows(AccessFilter(["refused"]), limit=9)] == [
        "POST /admin/grant-role"
    ] * 2
    assert send(service, "create-token", client, holder=service.ada, scopes="read").status_code == 403
    page = client.get("/admin").text
    assert "/admin/grant-role" in page
    assert "/admin/create-token" not in page


def test_at_another_time_nothing_is_offered(service: LocalService, pages: PageReader) -> None:
    """The page of a past time shows, and does not act."""
    assert "/admin/grant-role" in pages.get("/admin")
    assert 'href="/admin/' not in pages.get("/admin", as_of="2025-01-01T00:00:00.5Z")


def test_the_journal_is_shown_to_auditors_with_filters(service: LocalService, bo: str) -> None:
    """Kind, person and period select rows; reading it is itself a row."""
    auditor = client_with_role(service, bo, "auditor")
    service.log.journal.record("denied", service.ada, "t", "GET /v1/tokens", "needs <admin>")
    service.log.journal.record("sign-in", bo, "s")
    service.log.journal.write()
    service.runner.wait_for(service.log.head().size, 10)
    assert 'href="/access-journal"' in auditor.get("/admin").text

    everything = text_of(auditor.get("/access-journal").text)
    assert "GET /v1/tokens with credential t needs <admin>" in everything
    denied = auditor.get("/access-journal?kind=denied").text
    assert "GET /v1/tokens" in denied
    assert "with s" not in text_of(denied)
    assert "GET /v1/tokens" not in auditor.get("/access-journal?who=Bo Diaz").text
    assert "No rows match." in auditor.get("/access-journal?until=2020-01-01").text
    assert auditor.get("/access-journal?kind=tea").status_code == 422
    service.log.journal.write()
    assert "GET /access-journal" in auditor.get("/access-journal?kind=audit").text


def test_the_journal_is_paged(service: LocalService, pages: PageReader) -> None:
    """The link to earlier rows shows the rest."""
    for number in range(60):
        service.log.journal.record("export", service.ada, "t", f"GET /v1/file-{number}.")
    service.log.journal.write()

    first = pages.get("/access-journal", kind="export")
    second = service.client.get(unescape(re.search(r'href="([^"]+)" rel="next"', first)[1])).text  # type: ignore[index]

    shown = [set(re.findall(r"file-(\d+)\.", page)) for page in (first, second)]
    assert [len(each) for each in shown] == [50, 10]
    assert not shown[0] & shown[1]


def test_the_journal_is_refused_to_others(service: LocalService, bo: str) -> None:
    """A manager sees neither the link nor the page, and the attempt is a row of the journal."""
    manager = client_with_role(service, bo, "manager")
    service.runner.wait_for(service.log.head().size, 10)

    assert "/access-journal" not in manager.get("/admin").text
    assert manager.get("/access-journal").status_code == 403
    service.log.default_role = "admin"
    service.log.journal.write()
    assert ("denied", "GET /access-journal") in [(row["kind"], row["what"]) for row in service.rows("/access-journal")]


def test_an_import_shows_what_it_could_not_place(service: LocalService, pages: PageReader) -> None:
    """The page of administration counts the lines and links to them; placed lines are not counted."""
    lines = [{"line": 7, "reason": "no feature 'X-1' <here>", "data": {"key": "X-1"}}, {"line": 9, "reason": "no date"}]
    changes = [
        {"field": "exists", "value": True},
        {"field": "title", "text": "export.csv"},
        {"field": "system", "value": "jira"},
        {"field": "lines", "value": 12},
        *({"field": f"line.{n}", "text": json.dumps(line)} for n, line in enumerate(lines)),
    ]
    body = {"type": "ImportChanges", "subject": "import:jira-1", "source": {"system": "jira"}}
    assert service.post("/commands", {**body, "changes": changes}).status_code == 200

    overview = pages.get("/admin")
    assert 'href="/imports/jira-1"' in overview
    assert "export.csv jira, 12 lines 2 lines not placed" in text_of(overview)
    shown = text_of(pages.get("/imports/jira-1"))
    assert "line 7 No feature 'X-1' <here>." in shown
    assert '"key": "X-1"' in shown

    assert service.post("/commands", {**body, "changes": [{"field": "line.0"}]}).status_code == 200
    assert "1 line not placed" in text_of(pages.get("/admin"))
    assert "line 7" not in text_of(pages.get("/imports/jira-1"))


def test_a_candidate_is_filled_in_before_a_role_is_granted(service: LocalService, bo: str) -> None:
    """The form is shown again with the name, and nothing is recorded until it is sent."""
    refused = send(service, "grant-role", holder="Bo Dias", role="manager", note="Because <x>.")
    (chosen,) = re.findall(r'name="use" value="([^"]+)"', refused.text)

    filled = send(service, "grant-role", holder="Bo Dias", role="manager", note="Because <x>.", use=chosen)

    assert filled.status_code == 200
    assert 'name="holder" value="Bo Diaz"' in filled.text
    assert "Because &lt;x&gt;.</textarea>" in filled.text
    assert service.rows("/roles", holder=bo) == []
