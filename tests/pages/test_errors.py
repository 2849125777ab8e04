"""An error is a page in a browser, and a problem document for a program."""

from __future__ import annotations

import re

import pytest
from eventsourcing.persistence import PersistenceError

from api.pages.page import Page
from tests.support_log import LocalService
from tests.support_pages import text_of

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PROBLEM = "application/problem+json"


def _fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def render(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Page, "render", render)


def test_an_internal_error_is_a_page_with_a_request_id(service: LocalService, monkeypatch, caplog) -> None:
    """The page says what to do and names the request, the server's log has the same id, and no insides are shown."""
    _fail(monkeypatch, RuntimeError("the insides"))

    response = service.client.get("/goals", headers=BROWSER)

    assert (response.status_code, response.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "content-security-policy" in response.headers
    text = text_of(response.text)
    found = re.search(r"request ([0-9a-f]{12})", text)
    assert found
    assert "send the request id to your administrator" in text
    assert "insides" not in text
    assert f"request {found[1]} failed: GET /goals" in caplog.text


def test_a_program_gets_a_problem_document(service: LocalService, monkeypatch) -> None:
    """Without `text/html` in `Accept`, the same error is JSON, with a request id as well."""
    _fail(monkeypatch, RuntimeError("the insides"))

    response = service.client.get("/goals", headers={"Accept": "*/*"})

    assert (response.status_code, response.headers["content-type"]) == (500, PROBLEM)
    assert re.search(r"request [0-9a-f]{12}$", response.json()["detail"])


def test_a_failed_store_is_a_page(service: LocalService, monkeypatch) -> None:
    """A page that cannot be read right now tells when to try again, without the database's own message."""
    _fail(monkeypatch, PersistenceError("postgresql://ada@db"))

    response = service.client.get("/goals", headers=BROWSER)

    assert (response.status_code, response.headers["retry-after"]) == (503, "10")
    assert "cannot be read right now" in text_of(response.text)
    assert "postgresql" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "status", "advice"),
    [
        ("GET", "/no-such-page", 404, "Check the address"),
        ("GET", "/goals/no/such/page", 404, "Check the address"),
        ("DELETE", "/goals", 405, "Open the page from Home"),
        ("DELETE", "/features/a", 405, "Open the page from Home"),
    ],
)
def test_an_address_that_is_no_page_is_answered_with_one(service: LocalService, method, path, status, advice) -> None:
    """An unknown address and a wrong method get a page with advice, in a browser; JSON elsewhere and below `/v1`."""
    response = service.client.request(method, path, headers=BROWSER)

    assert (response.status_code, response.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert advice in text_of(response.text)
    assert ("allow" in response.headers) == (status == 405)
    for other, accept in ((path, "application/json"), (f"/v1{path}/-", BROWSER["Accept"])):
        document = service.client.request(method, other, headers={"Accept": accept})
        assert document.headers["content-type"] == PROBLEM


@pytest.mark.parametrize("path", ["/", "/reports", "/roadmap", "/audit"])
@pytest.mark.parametrize(("as_of", "status"), [("0001-02-03", 422), ("0002-01-01", 200), ("9999-12-31T23:59:59Z", 200)])
def test_a_page_is_shown_as_of_any_time_but_the_first_year(service, path, as_of, status):
    """There is no time before that year, from which a page shows what changed."""
    answer = service.client.get(path, params={"as_of": as_of}, headers={"Accept": "text/html"})

    assert answer.status_code == status
