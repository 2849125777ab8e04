"""The application factory: nothing happens at import, everything it serves is passed in."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi

from api import commands, keeping, pages, problems, questions, registers, reports
from api.asking import only_known_parameters
from api.security import authenticated
from api.services import Services, only_reads_from_a_replica


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
    v1 = APIRouter(
        prefix="/v1",
        responses=problems.RESPONSES,
        dependencies=[Depends(authenticated), Depends(only_reads_from_a_replica), Depends(only_known_parameters)],
    )
    v1.include_router(commands.router())
    v1.include_router(questions.router())
    v1.include_router(registers.router())
    v1.include_router(reports.router())
    v1.include_router(keeping.router())
    app.router.routes.insert(0, commands.QUICK)
    app.include_router(v1)
    app.include_router(pages.router())
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way to extend the document
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document with the component schemas of every command, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        document["components"]["schemas"].update(commands.body_schemas(keeping.Names, keeping.NewToken))
        app.openapi_schema = document
    return app.openapi_schema
