"""Commands and queries skip the framework, and get the same answers as from it."""

from __future__ import annotations

import re

import pytest
from fastapi.routing import APIRoute
from support_log import LocalService

from api import app as app_module
from api.app import create_app
from api.command_routes import CommandRoute
from api.fast_routing import FastRouter
from api.query_parameters import _list_parameters
from api.query_route import QueryRoute
from tests.support_client import AppClient

VALUES = ("~", "1")
"""Each is given for every parameter of a query, so that most are valid for one and invalid for another."""


def scope(path: str, method: str) -> dict[str, object]:
    return {"type": "http", "method": method, "path": path, "root_path": ""}


def test_every_command_and_query_has_the_quick_way(service: LocalService) -> None:
    """`FastRouter` finds the route of each command and query by its path, with the parameter in it, and no other route."""
    routes = [route for route in service.app.routes if isinstance(route, APIRoute)]
    fast_router = FastRouter(service.app, service.app, service.app.routes)

    for route in routes:
        for method in route.methods:
            found = scope(re.sub(r"\{\w+\}", "team:core", route.path), method)
            is_found = fast_router._find(found) is not None
            assert is_found == isinstance(route, CommandRoute | QueryRoute), route.path
            if is_found:
                assert found["route"] is route
                assert list(found["path_params"].values()) == ["team:core"] * len(route.param_convertors)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *[("POST", path) for path in ("/v1/features//ship", "/v1/features/a/b/ship", "/v1/teams/", "/v1", "/")],
        *[("GET", path) for path in ("/v1/features//ship", "/v1/fields/", "/v1/decisions/", "/v1/commands", "/")],
        ("PUT", "/v1/fields"),
    ],
)
def test_other_paths_take_the_frameworks_way(service: LocalService, method: str, path: str) -> None:
    """A path that no command and no query has is left to the framework."""
    assert FastRouter(service.app, service.app, service.app.routes)._find(scope(path, method)) is None


@pytest.fixture
def framework(service: LocalService, monkeypatch: pytest.MonkeyPatch) -> AppClient:
    """A client of the same services, served by the framework alone."""
    with monkeypatch.context() as building:
        building.setattr(QueryRoute, "get_route_handler", APIRoute.get_route_handler)
        building.setattr(app_module, "_read_routes", app_module._read_routes.__wrapped__)
        app = create_app(service.app.state.services)
    monkeypatch.setattr(app.middleware_app._app, "_find", lambda _: None)  # type: ignore[attr-defined]
    return AppClient(app, headers=service.client.headers)


def test_a_query_gets_the_same_answer_from_the_framework(service: LocalService, framework: AppClient) -> None:
    """For every query: without parameters, with valid, invalid and unknown ones, and without a token."""
    service.post("/people", {"name": "Ann", "key": "ann"})
    service.post("/decisions", {"title": "Tea", "decision": "Buy tea.", "why": "No coffee.", "key": "tea"})
    service.get("/decisions")
    routes = [route for route in service.app.routes if isinstance(route, QueryRoute)]

    for route in routes:
        path = re.sub(r"\{\w+\}", "tea", route.path)
        names = [name for name, _ in _list_parameters(route.dependant)]
        every = ["&".join(f"{name}={value}" for name in names) for value in VALUES]
        for query in ("as_off=2030-01-01", "limit=0", *every):
            quick, usual = (client.get(f"{path}?{query}") for client in (service.client, framework))
            assert (quick.status_code, quick.content) == (usual.status_code, usual.content), (path, query)
            assert quick.headers == usual.headers
        anonymous = [client.get(path, headers={"Authorization": ""}) for client in (service.client, framework)]
        assert [each.status_code for each in anonymous] == [401, 401]
    assert len(routes) > 50  # so that the list above is that of the queries


def test_an_application_without_pages_has_all_of_the_api(service: LocalService) -> None:
    """A command without a server does not build what it never asks for."""
    paths = [
        {route.path for route in create_app(service.app.state.services, pages=pages).router.routes}
        for pages in (True, False)
    ]

    assert {path for path in paths[0] if path.startswith("/v1")} <= paths[1] < paths[0]
    assert not any(path.startswith(("/roadmap", "/static")) for path in paths[1])
