"""Routes that need no token: health, version, the catalog of commands and events, and the API reference."""

from __future__ import annotations

from importlib.metadata import version
from typing import Literal

from fastapi import APIRouter
from starlette.routing import Route

from api import answer_documentation, docs_page
from api.services import ServiceDependency
from domain.catalog import COMMANDS, EVENTS
from projections.read_model.replica_state import Replica


def router() -> APIRouter:
    """Return the routes that need no token."""
    routes = APIRouter(tags=["Meta"])
    get = routes.get
    get(
        "/v1/health",
        summary="Health check",
        **answer_documentation.describe_route(answer_documentation.Health, more=answer_documentation.STOPPED),
    )(get_health)
    get("/v1/version", summary="Get the version", **answer_documentation.describe_route(answer_documentation.Version))(
        get_version
    )
    get(
        "/v1/catalog",
        summary="List commands and events",
        **answer_documentation.describe_route(answer_documentation.Catalog),
    )(get_catalog)
    for path, endpoint in {"/docs": docs_page.get_docs, "/openapi.json": docs_page.get_openapi}.items():
        routes.routes.append(Route(path, endpoint, methods=["GET"], include_in_schema=False))
    return routes


async def get_health(services: ServiceDependency) -> answer_documentation.Health:
    """The size of the log and the lag of the read model; 503 if the log is damaged or the read model has stopped.

    `degraded` means that expensive queries have been waiting in the queue for at least half a minute, and `behind` that no
    projector is running, or no process that keeps a replica, so that answers do not show what was recorded since.
    """
    services.check_log()
    services.check_read_model()
    positions = services.positions()
    status: Literal["ok", "degraded", "behind"] = "degraded" if services.questions.is_saturated() else "ok"
    is_replica = isinstance(services.book, Replica)  # it does not know what it did not hear of
    if (positions["lag"] or is_replica) and await services.lacks_projector():
        status = "behind"
    return {"status": status, **positions}


async def get_version() -> answer_documentation.Version:
    """The name and version of the program, and the version of the API."""
    return {"service": "decisionlog", "version": version("decisionlog-server"), "api": "v1"}


async def get_catalog() -> answer_documentation.Catalog:
    """Every command with its meaning, and every event with its fields."""
    return {
        "commands": {name: _summarize(command) for name, command in COMMANDS.items()},
        "events": {name: sorted(event.model_fields) for name, event in EVENTS.items()},
    }


def _summarize(command: type) -> str:
    return (command.__doc__ or "").strip().partition("\n")[0]
