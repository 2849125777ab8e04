"""Imports: what each said, and the lines that it could not place."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter

from api import answer_documentation
from api.routes.subjects import get_endpoint, list_endpoint
from api.routing import add_query, v1_router

_FIELDS: Final = ("system", "lines", "unplaced", "products")


def router() -> APIRouter:
    """Return the routes that read imports."""
    routes = v1_router("Imports")
    add_query(routes, "/imports", list_endpoint("import", _FIELDS), answer_documentation.Subjects, "List imports")
    add_query(
        routes, "/imports/{key}", get_endpoint("import"), answer_documentation.SubjectPage, "Get an import", "light"
    )
    return routes
