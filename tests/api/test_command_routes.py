"""Every route that records has the same entrance: sign-in, replica check, parameters, body, and the same answer."""

from __future__ import annotations

import re

import pytest
from fastapi.routing import APIRoute

from api.app import COMMAND_PATHS
from api.command_routes import CommandRoute
from domain.catalog import COMMANDS
from tests.support_log import LocalService

TEAM = {"title": "Core", "key": "core"}


def test_every_command_is_recorded_through_one_entrance(service: LocalService) -> None:
    """`/v1/commands`, `/v1/bulk` and each command's own route share the route class that checks the request."""
    recording = {f"/v1{path}" for path in COMMAND_PATHS.values()} | {"/v1/commands", "/v1/bulk"}
    routes = [route for route in service.app.routes if isinstance(route, APIRoute) and "POST" in route.methods]

    assert set(COMMAND_PATHS) == set(COMMANDS.values())
    assert {route.path for route in routes if isinstance(route, CommandRoute)} == recording


@pytest.mark.parametrize("path", ["/v1/commands", "/v1/teams", "/v1/bulk"])
def test_the_entrance_checks_the_token_then_the_parameters(service: LocalService, path: str) -> None:
    """Without a token the answer is 401, whatever else is wrong; an unknown parameter is a 422."""
    anonymous = service.client_of(None).post(f"{path}?dry=1", content=b"{")
    unknown = service.client.post(f"{path}?dry=1", content=b"{")

    assert (anonymous.status_code, anonymous.headers["www-authenticate"][:6]) == (401, "Bearer")
    assert (unknown.status_code, unknown.json()["field"]) == (422, "dry")


def test_a_command_gets_the_same_answer_through_both_routes(service: LocalService) -> None:
    """Status, headers and receipt of `/v1/teams` and `/v1/commands` are alike, and so are their refusals."""
    own = service.post("/teams", TEAM)
    general = service.post("/commands", {"type": "RegisterTeam", "title": "Core", "key": "other"})
    again = service.post("/teams", TEAM), service.post("/commands", {"type": "RegisterTeam", **TEAM})

    assert own.status_code == general.status_code == 201
    assert own.headers["location"] == "/v1/subjects/team:core"
    assert own.headers["etag"] == general.headers["etag"]
    assert own.json().keys() == general.json().keys()
    assert re.sub("other", "core", str(general.json()["subject"])) == own.json()["subject"]
    assert again[0].json() == again[1].json()
    assert again[0].status_code == 409


def test_an_unexpected_error_while_recording_is_a_problem_document(
    service: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error is a problem document with status 500, and names nothing of its cause."""

    async def fail(*_: object) -> None:
        raise RuntimeError("secret cause")

    monkeypatch.setattr(type(service.log), "execute", fail)
    secret = service.client.headers["authorization"].partition(" ")[2]
    answer = service.client_of(secret).post("/v1/teams", json=TEAM)

    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "secret" not in answer.text
