"""The application factory. Importing it has no side effects; the caller passes in what it serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from typing import Final

from fastapi import FastAPI
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from api import docs_page, openapi, problems
from api.command_routes import CommandRoute, add_command_routes
from api.fast_routing import FastRouter
from api.middleware import Hosts, Middleware
from api.pages.errors import respond_to
from api.pages.modules import PAGE_MODULES
from api.pages.static_files import PATH as STATIC_PATH
from api.pages.static_files import get_static_file
from api.routes import (
    access_journal,
    accounts,
    activity,
    audit,
    commands,
    contributions,
    debt,
    decisions,
    evidence,
    features,
    fields,
    imports,
    log,
    meetings,
    meta,
    outcomes,
    ownership,
    people,
    products,
    roadmap,
    roles,
    search,
    sessions,
    subjects,
    tokens,
)
from api.routing import v1_router
from api.services import Services
from domain.messages import Command

COMMAND_PATHS: Final[Mapping[type[Command], str]] = {
    **products.COMMANDS,
    **decisions.COMMANDS,
    **features.COMMANDS,
    **evidence.COMMANDS,
    **outcomes.COMMANDS,
    **meetings.COMMANDS,
    **ownership.COMMANDS,
    **people.COMMANDS,
    **roles.COMMANDS,
    **subjects.COMMANDS,
    **log.COMMANDS,
}
"""The path of each command's own route."""
QUERY_MODULES: Final = (
    fields,
    roadmap,
    decisions,
    features,
    evidence,
    contributions,
    outcomes,
    meetings,
    debt,
    products,
    subjects,
    ownership,
    audit,
    access_journal,
    accounts,
    activity,
    search,
    imports,
    log,
    people,
    roles,
    tokens,
    sessions,
    meta,
)


class Application(FastAPI):
    """The routes, with `api.middleware` around the whole framework including its own errors."""

    middleware_app: Middleware

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self.middleware_app(scope, receive, send)


def create_app(
    services: Services, hosts: Hosts | None = None, *, cors_origins: Sequence[str] = (), pages: bool = True
) -> FastAPI:
    """Return the HTTP API over one log and its read model.

    Args:
        services: what to serve; see `api.services`.
        hosts: the names this server answers to. Default: any.
        cors_origins: the origins whose pages may call the API from a browser. Default: none.
        pages: whether it has pages for people, too.
    """
    app = Application(
        title="Decision log",
        version=version("decisionlog-server"),
        description=openapi.DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.documents = docs_page.Documents()
    problems.install(app, respond_to)
    app.router.routes += [*_write_routes(), *_read_routes(), *(_page_routes() if pages else ())]
    fast_router = FastRouter(super(Application, app).__call__, app, app.router.routes)
    app.middleware_app = Middleware(fast_router, app.router.routes, hosts or Hosts(), cors_origins)
    app.openapi = lambda: openapi.build_document(app)  # type: ignore[method-assign]  # FastAPI's own extension point
    return app


@cache
def _write_routes() -> Sequence[BaseRoute]:
    """The routes that take commands. Like all routes they hold no state, so that one process builds them once."""
    router = v1_router("Commands", action=None)  # the log asks the policy about each command
    router.route_class = CommandRoute
    commands.add_routes(router)
    add_command_routes(router, COMMAND_PATHS)
    return router.routes


@cache
def _read_routes() -> Sequence[BaseRoute]:
    return [route for module in QUERY_MODULES for route in module.router().routes]


@cache
def _page_routes() -> Sequence[BaseRoute]:
    static = Route(f"{STATIC_PATH}/{{name}}", get_static_file, methods=["GET"])
    return [*(route for module in PAGE_MODULES for route in module.router().routes), static]
