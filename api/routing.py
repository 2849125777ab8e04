"""Routers for `/v1`: the checks every route makes, and the responses every route documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from fastapi import APIRouter, Depends, Response

from api import answer_documentation, problems
from api.admission import LaneName
from api.authentication import authenticate
from api.permissions import require
from api.query_execution import run_as_query
from api.query_parameters import check_parameters
from api.query_route import QueryRoute
from api.services import refuse_writes_on_replica
from domain.actions import READ, Action

_FORMATS: Final = (
    "Also available as CSV and JSON Lines: pass `format=csv` or `format=jsonl`, or send `Accept: text/csv` or "
    "`Accept: application/jsonl`."
)


def v1_router(tag: str, dependencies: Sequence[Any] = (), *, action: Action | None = READ) -> APIRouter:
    """Return a router whose routes require a token and refuse unknown parameters and, on a replica, writes.

    The caller must be allowed to do `action`; with None, a token is enough.

    The application adds its routes as they are. Including a router builds each route again, which doubles startup time.
    """
    permission = [Depends(require(action))] if action else []
    checks = [Depends(authenticate), *permission, Depends(refuse_writes_on_replica), Depends(check_parameters)]
    return APIRouter(prefix="/v1", tags=[tag], responses=problems.RESPONSES, dependencies=[*checks, *dependencies])


def add_query(
    router: APIRouter,
    path: str,
    endpoint: Callable[..., Response],
    model: answer_documentation.Model,
    summary: str,
    lane: LaneName = "heavy",
) -> None:
    """Add a GET route that queries the read model within limits and answers in JSON, CSV or JSON Lines."""
    router.add_api_route(
        path,
        run_as_query(endpoint, lane, model),
        methods=["GET"],
        summary=summary,
        description=f"{(endpoint.__doc__ or '').strip()}\n\n{_FORMATS}",
        route_class_override=QueryRoute,
        **answer_documentation.describe_query(model),
    )
