"""The application factory: nothing happens at import, everything it serves is passed in."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import Receive, Scope, Send

from api import commands, keeping, operations, pages, problems, questions, registers, reports
from api.edge import Edge, Hosts
from api.services import Services


class Application(FastAPI):
    """The routes, with `api.edge` around everything that the framework does, its own errors included."""

    edge: Edge

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self.edge(scope, receive, send)


def create_app(services: Services, hosts: Hosts | None = None) -> FastAPI:
    """The whole HTTP interface over one log and its read model.

    Args:
        services: what it serves; see `api.services`.
        hosts: by which names it is reached; any, unless given.
    """
    app = Application(
        title="Decision log",
        version=version("decisionlog"),
        description=pages.INTRODUCTION,
        docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False,
    )  # fmt: skip
    app.state.services = services
    app.state.documents = pages.Documents()
    problems.install(app)
    app.router.routes.append(commands.QUICK)
    for part in (commands, questions, registers, reports, keeping, pages):
        app.router.routes += part.router().routes
    app.edge = Edge(super(Application, app).__call__, app.router.routes, hosts or Hosts())
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document with the component schemas of every command, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        document["components"]["schemas"].update(commands.body_schemas(keeping.Names, keeping.NewToken))
        operations.name_operations(document)
        app.openapi_schema = document
    return app.openapi_schema
