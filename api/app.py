"""The application factory: nothing happens at import, everything it serves is passed in."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api import commands, keeping, operations, pages, problems, questions, registers, reports
from api.services import Services


def create_app(services: Services) -> FastAPI:
    """The whole HTTP interface over one log and its read model.

    Args:
        services: what it serves; see `api.services`.
    """
    app = FastAPI(
        title="Decision log",
        version=version("decisionlog"),
        description=pages.INTRODUCTION,
        docs_url=None, redoc_url=None, openapi_url="/openapi.json",
    )  # fmt: skip
    app.state.services = services
    problems.install(app)
    app.router.routes.append(commands.QUICK)
    for part in (commands, questions, registers, reports, keeping, pages):
        app.router.routes += part.router().routes
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
