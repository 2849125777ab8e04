"""Who may come in: nobody without a token, and only as who the token says."""

from __future__ import annotations

import re

import pytest

from tests.support_log import LocalService, quiet_token

OPEN = {"/", "/docs", "/openapi.json", "/v1/health", "/v1/version", "/v1/catalog"}
FIRST = {"title": "A", "decision": "B", "why": "C", "accountable": "Ada Lovelace"}


def _operations(service: LocalService) -> list[tuple[str, str]]:
    paths = service.app.openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


def test_nothing_is_answered_without_a_token_but_what_is_open(service: LocalService) -> None:
    """Every route in the document, asked anonymously, answers 401 with a challenge, unless it is one of the open few."""
    anonymous = service.client_of(None)
    operations = [(method, path) for method, path in _operations(service) if path not in OPEN]
    assert len(operations) > 70

    for method, path in operations:
        response = anonymous.request(method, re.sub(r"\{\w+\}", "x", path))

        assert response.status_code == 401, (method, path)
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert response.headers["Content-Type"] == "application/problem+json"


def test_every_route_is_in_the_document(service: LocalService) -> None:
    """The OpenAPI document lists every route of the application, so that the test above sees all of them."""
    served = {(method, route.path) for route in service.app.routes for method in route.methods}  # type: ignore[attr-defined]

    assert {each for each in served if each[1].startswith("/v1")} == set(_operations(service))


@pytest.mark.parametrize("path", sorted(OPEN))
def test_the_open_few_need_no_token(service: LocalService, path: str) -> None:
    """Health, version, catalog and documentation are public."""
    assert service.client_of(None).get(path).status_code == 200


def test_a_revoked_token_is_worth_nothing(service: LocalService) -> None:
    """From its revocation on a token is as unknown as an invented one."""
    made = service.post("/tokens", {"holder": "Ada Lovelace"}).json()
    speaking = service.client_of(made["secret"])
    assert speaking.get("/v1/log").status_code == 200

    assert service.client.delete(f"/v1/tokens/{made['id']}").status_code == 200

    assert speaking.get("/v1/log").status_code == 401
    assert service.client_of("dlog_invented").get("/v1/log").status_code == 401


def test_the_actor_comes_from_the_token_and_on_behalf_of_is_a_claim(service: LocalService) -> None:
    """The person who records is the actor, the person they act for is the principal and the decider, and both are shown."""
    scribe = service.person("Sam Scribe")
    token = service.post("/tokens", {"holder": "Sam Scribe"}).json()["secret"]

    response = service.client_of(token).post("/v1/decisions", json={**FIRST, "on_behalf_of": "ada@example.org"})

    subject = response.json()["subject"]
    (status,) = service.rows("/fields", subject=subject, field="status", blame="true")
    assert (status["blame"]["actor"], status["blame"]["principal"]) == (scribe, service.ada)
    assert status["blame"]["on_behalf_of"] == [{"who": service.ada}]
    (deciders,) = service.rows("/fields", subject=subject, field="deciders")
    assert deciders["value"] == [service.ada]


def test_an_actor_in_the_body_is_refused(service: LocalService) -> None:
    """Only a token identifies a caller."""
    response = service.post("/decisions", {**FIRST, "actor": "person:somebody"})

    assert response.status_code == 422
    assert response.json()["field"] == "actor"


def test_rights_are_needed_where_they_are_named(service: LocalService) -> None:
    """Without its scope, a token neither imports, nor forgets, nor administers."""
    plain = service.client_of(service.post("/tokens", {"holder": "Ada Lovelace"}).json()["secret"])
    observed = {"changes": [{"field": "exists", "value": True}], "source": {"system": "jira"}}

    refused = [
        plain.post("/v1/subjects/feature:f/import", json=observed),
        plain.post("/v1/log/erase", json={"positions": [1]}),
        plain.get("/v1/tokens"),
        plain.post("/v1/tokens", json={"holder": "Ada Lovelace"}),
        plain.delete("/v1/people/x/names"),
    ]

    assert [response.status_code for response in refused] == [403] * 5


def test_nobody_gives_a_right_they_do_not_have(service: LocalService) -> None:
    """A token that may administer, but not forget, makes none that forgets."""
    made = service.post("/tokens", {"holder": "Ada Lovelace", "scopes": ["admin"]}).json()["secret"]

    response = service.client_of(made).post("/v1/tokens", json={"holder": "Ada Lovelace", "scopes": ["erase"]})

    assert response.status_code == 403


def test_secrets_are_kept_as_hashes(service: LocalService) -> None:
    """No file holds a token's secret."""
    secret = service.post("/tokens", {"holder": "Ada Lovelace"}).json()["secret"]

    service.log.checkpoint_and_vacuum()

    for file in service.folder.iterdir():
        assert secret.encode() not in file.read_bytes()


def test_a_member_of_a_team_reads_during_the_membership_only(service: LocalService) -> None:
    """A membership that begins later opens nothing yet, and one that ends later still counts, at the time of a request."""
    bo = service.person("Bo")
    service.post("/teams", {"key": "core", "title": "Core"})
    assert service.post("/roles/team:core/grant", {"role": "viewer"}).status_code == 200
    reader = service.client_of(quiet_token(service.log, bo, {"read"}))
    service.log.default_role = None

    def read_as_member(**period: str) -> int:
        service.log.default_role = "admin"
        body = {"role": "member", "holders": [bo], **period}
        assert service.post("/subjects/team:core/assign", body).status_code == 200
        service.log.default_role = None
        return reader.get("/v1/decisions").status_code

    assert read_as_member(**{"from": "2999-01-01"}) == 403
    assert read_as_member(until="2999-01-01") == 200
