"""Full-text search."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import answer_documentation
from api.query_execution import QueryDependency
from api.query_parameters import AnySubjectFilter, Cursor, Limit, TimeParameters
from api.routing import add_query, v1_router
from projections.queries import search as search_query


def router() -> APIRouter:
    """Return the route of the search."""
    routes = v1_router("Search")
    add_query(routes, "/search", search, answer_documentation.SearchResults, "Search all texts")
    return routes


def search(
    query: QueryDependency,
    subjects: AnySubjectFilter,
    time: TimeParameters,
    text: Annotated[
        str, Query(min_length=1, max_length=500, description="Words to find. The last can be the beginning of a word.")
    ],
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The fields that contain the words, best match first, and whether they still do."""
    return query(lambda read: search_query.search(read, text, subjects, time, limit=limit, cursor=cursor))
