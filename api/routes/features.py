"""Features: the list, single features, and the commands that plan and ship them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter

from api import answer_documentation
from api.routes.subjects import get_endpoint, list_endpoint
from api.routing import add_query, v1_router
from domain import feature
from domain.messages import Command

COMMANDS: Final[Mapping[type[Command], str]] = {
    feature.ProposeFeature: "/features",
    feature.DefineFeature: "/features/{key}/define",
    feature.PrioritizeFeature: "/features/{key}/prioritize",
    feature.TargetMilestone: "/features/{key}/target",
    feature.CommitFeature: "/features/{key}/commit",
    feature.StartFeature: "/features/{key}/start",
    feature.PauseFeature: "/features/{key}/pause",
    feature.ShipFeature: "/features/{key}/ship",
    feature.DropFeature: "/features/{key}/drop",
    feature.ReopenFeature: "/features/{key}/reopen",
    feature.LinkFeature: "/features/{key}/link",
}
_FIELDS: Final = ("aliases", "status", "horizon", "rank", "products", "role.accountable")


def router() -> APIRouter:
    """Return the routes that read features."""
    routes = v1_router("Features")
    add_query(routes, "/features", list_endpoint("feature", _FIELDS), answer_documentation.Subjects, "List features")
    add_query(
        routes, "/features/{key}", get_endpoint("feature"), answer_documentation.SubjectPage, "Get a feature", "light"
    )
    return routes
