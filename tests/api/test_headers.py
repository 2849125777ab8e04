"""What every answer says besides its content, and that nothing is made from what a caller calls the service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse

from api.app import create_app
from api.middleware import MAX_REQUESTS, Hosts, Middleware
from tests.support_client import AppClient
from tests.support_log import LocalService

PUBLIC = "https://log.example.org"
OPEN = ["/docs", "/openapi.json"]


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with LocalService(tmp_path_factory.mktemp("headers")) as service:
        yield service


def answers(service: LocalService) -> Iterator[Any]:
    """One answer of each kind: found, created, refused by each layer, and a mistake of the server."""
    anonymous = service.client_of(None)
    yield service.client.get("/v1/health")
    yield service.post("/tokens", {"holder": "Ada Lovelace"})
    yield service.post("/commands", {"type": "RegisterPerson", "name": "Bo"})
    yield service.post("/commands", {"type": "Nothing"})
    yield service.client.post("/v1/commands", content=b"{")
    yield anonymous.get("/v1/log")
    yield service.client.get("/nothing")
    yield service.client.delete("/v1/health")
    yield service.client.options("/v1/log")
    yield service.client.get("/v1/roadmap?nothing=1")
    yield service.client.get("/v1/fields?format=csv")
    broken = service.app.state.services
    service.app.state.services = None
    yield anonymous.get("/v1/health")
    service.app.state.services = broken


def test_every_answer_says_that_it_is_not_to_be_kept_guessed_or_embedded(shared_service: LocalService) -> None:
    """Whatever its status, also where the framework answers, or fails."""
    statuses = set()
    for answer in answers(shared_service):
        statuses.add(answer.status_code)
        said = answer.headers
        assert said["cache-control"] == "no-store", answer.request.url
        assert said["x-content-type-options"] == "nosniff"
        assert said["referrer-policy"] == "no-referrer"
        assert said["cross-origin-resource-policy"] == "same-origin"
        assert_closed(said["content-security-policy"])
    assert statuses >= {200, 201, 204, 400, 401, 404, 405, 422, 500}


def assert_closed(policy: str) -> None:
    for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
        assert directive in policy.split("; ")


def test_a_page_keeps_its_policy_and_is_closed_all_the_same(shared_service: LocalService) -> None:
    """The page of the reference allows its own style and no other."""
    policy = shared_service.client.get("/docs").headers["content-security-policy"]

    assert "unsafe-inline" not in policy
    assert re.search(r"style-src 'sha256-[\w+/]{43}='", policy)
    assert_closed(policy)


@pytest.mark.parametrize("path", OPEN)
def test_public_documents_are_made_once_and_need_not_be_sent_again(
    shared_service: LocalService, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The bytes are kept; who has them is answered 304."""
    first = shared_service.client.get(path)
    monkeypatch.setattr(shared_service.app, "openapi", lambda: pytest.fail("made again"))
    second = shared_service.client.get(path)
    known = shared_service.client.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert (first.status_code, first.content) == (200, second.content)
    assert first.headers["cache-control"] == "public, no-cache"
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", first.headers["etag"])


def test_head_is_answered_wherever_get_is(shared_service: LocalService) -> None:
    """With the same status and headers, and no body."""
    gets = [path for path, methods in shared_service.app.openapi()["paths"].items() if "get" in methods]
    assert len(gets) > 30
    for path in [*gets, *OPEN]:
        filled = re.sub(r"\{\w+\}", "x", path)
        got, head = shared_service.client.get(filled), shared_service.client.head(filled)

        assert (head.status_code, head.content) == (got.status_code, b""), filled
        assert head.headers.get("content-type") == got.headers.get("content-type")


def test_allow_names_every_method_of_a_path(shared_service: LocalService) -> None:
    """Also where several routes share it."""
    document = shared_service.app.openapi()["paths"]
    shared = [path for path, methods in document.items() if len(methods) > 1]
    assert len(shared) > 5
    for path in [*shared, "/v1/health", "/v1/commands", "/v1/decisions/propose"]:
        wanted = {method.upper() for method in document[path]} | {"OPTIONS"}
        wanted |= {"HEAD"} if "GET" in wanted else set()
        filled = re.sub(r"\{\w+\}", "x", path)

        refused, asked = shared_service.client.patch(filled), shared_service.client.options(filled)

        assert (refused.status_code, asked.status_code, asked.content) == (405, 204, b"")
        assert set(refused.headers["allow"].split(", ")) == set(asked.headers["allow"].split(", ")) == wanted
    assert shared_service.client.options("/nothing").status_code == 404


def test_no_address_leads_elsewhere(shared_service: LocalService) -> None:
    """A path with a slash too many is unknown, not a redirect to whatever `Host` says."""
    answer = shared_service.client.get("/v1/fields/", headers={"Host": "evil.example"}, follow_redirects=False)

    assert (answer.status_code, "location" in answer.headers) == (404, False)


def test_links_and_examples_never_follow_host(shared_service: LocalService) -> None:
    """They lead to the address that the request came to."""
    for headers in ({"Host": "evil.example"}, {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}):
        page = shared_service.client.get("/docs", headers=headers).text

        assert "evil.example" not in page
        assert "curl &#x27;http://testserver/v1/" in page or "curl 'http://testserver/v1/" in page


@pytest.fixture(scope="module")
def public(shared_service: LocalService) -> AppClient:
    app = create_app(shared_service.app.state.services, Hosts(PUBLIC, loopback=True))
    return AppClient(app, base_url="http://10.0.0.7:8737", headers={"Authorization": f"Bearer {shared_service.token}"})


def test_examples_follow_the_public_address(public: AppClient) -> None:
    """Whatever the proxy calls the server."""
    page = public.get("/docs", headers={"Host": "localhost"}).text

    assert page.count(f"{PUBLIC}/v1/") > 80
    assert "localhost" not in page


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("log.example.org", 200),
        ("LOG.example.org:443", 200),
        ("localhost:8737", 200),
        ("127.0.0.1", 200),
        ("[::1]:1", 200),
        ("10.0.0.7:8737", 200),
        ("server:8737", 200),
        ("evil.example", 421),
        ("log.example.org.evil.example", 421),
        ("localhost.evil.example", 421),
        ("evil.example:localhost", 421),
        ("[::1", 421),
        ("", 421),
        ("127.0.0.1.evil.example", 421),
        ("user@evil.example", 421),
        ("user@127.0.0.1", 421),
        ("127.0.0.1/evil.example", 421),
        ("127.0.0.1#evil.example", 421),
        ("127.0.0.1?evil.example", 421),
    ],
)
def test_with_a_public_address_another_host_is_refused(public: AppClient, host: str, status: int) -> None:
    """Names of this machine are taken too, for health checks."""
    answer = public.get("/v1/health", headers={"Host": host})

    assert answer.status_code == status
    assert status == 200 or answer.json()["field"] == "Host"


@pytest.mark.parametrize(
    ("host", "status"), [("localhost", 200), ("a.localhost:1", 200), ("127.9.9.9", 200), ("rebound.evil.example", 421)]
)
def test_on_loopback_only_names_of_this_machine_are_taken(host: str, status: int) -> None:
    """A page of elsewhere whose name was made to point here is refused (DNS rebinding)."""
    client = AppClient(Middleware(JSONResponse({}), [], Hosts(loopback=True)))

    assert client.get("/", headers={"Host": host}).status_code == status


def test_beyond_a_number_of_requests_only_health_is_answered() -> None:
    """The others are asked to retry later."""
    middleware = Middleware(JSONResponse({}), [], Hosts())
    middleware._running = MAX_REQUESTS
    client = AppClient(middleware)

    refused = client.get("/v1/roadmap")

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert client.get("/v1/health").status_code == 200


def test_a_report_has_links_to_the_public_address(shared_service: LocalService, public: AppClient) -> None:
    """Not to what a caller called the server."""
    shared_service.post("/products", {"key": "shop", "title": "Shop", "accountable": "Ada Lovelace"})
    shared_service.post(
        "/decisions", {"title": "A", "decision": "B", "why": "C", "accountable": "Ada Lovelace", "products": ["shop"]}
    )
    asked = {
        "since": "2020-01-01",
        "format": "html",
        "position": shared_service.log.head().size,
        "min_position": shared_service.log.head().size,
    }

    page = public.get("/v1/products/shop/report", params=asked, headers={"Host": "localhost"})

    assert page.status_code == 200, page.text
    assert f'href="{PUBLIC}/' in page.text
    assert_closed(page.headers["content-security-policy"])


def test_secrets_come_with_no_store(shared_service: LocalService, tmp_path: Path) -> None:
    """The answer that holds a token's secret is kept by nobody on the way."""
    answer = shared_service.post("/tokens", {"holder": "Ada Lovelace"})

    assert answer.json()["secret"].startswith("dlog_")
    assert answer.headers["cache-control"] == "no-store"


def preflight(client: AppClient, origin: str) -> Any:
    return client.options(
        "/v1/decisions",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key,if-match",
        },
    )


def test_no_other_origin_may_call_the_api_by_default(shared_service: LocalService) -> None:
    """No response has a CORS header, and a preflight request is answered like any OPTIONS request."""
    answer = shared_service.client.get("/v1/health", headers={"Origin": "https://pages.example"})
    asked = preflight(shared_service.client, "https://pages.example")

    assert asked.status_code == 204
    assert not [name for each in (answer, asked) for name in each.headers if name.startswith("access-control")]


def test_a_configured_origin_may_call_the_api(shared_service: LocalService) -> None:
    """A page of that origin may send a token and commands, and read ETag and position; others may not."""
    app = create_app(shared_service.app.state.services, cors_origins=["https://pages.example"])
    client = AppClient(app, headers={"Authorization": f"Bearer {shared_service.token}"})

    allowed = preflight(client, "https://pages.example")
    answer = client.get("/v1/fields", headers={"Origin": "https://pages.example"})

    assert allowed.status_code == 200, allowed.text
    assert allowed.headers["access-control-allow-origin"] == "https://pages.example"
    assert answer.headers["access-control-allow-origin"] == "https://pages.example"
    assert {"ETag", "Decisionlog-Position"} <= set(answer.headers["access-control-expose-headers"].split(", "))
    assert preflight(client, "https://evil.example").status_code == 400
    assert client.options("/v1/fields").status_code == 204
