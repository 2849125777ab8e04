"""What contributes to which goal, and what to none."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api import answer_documentation
from api.query_execution import QueryDependency
from api.query_parameters import PageParameters, SubjectFilter, TimeParameters
from api.routing import add_query, v1_router
from projections.queries import contributions as contribution_queries


def router() -> APIRouter:
    """Return the routes that read contributions to goals."""
    routes = v1_router("Goals")
    add_query(
        routes, "/contributions", list_contributions, answer_documentation.Contributions, "List contributions to goals"
    )
    add_query(
        routes,
        "/contributions/gaps",
        list_gaps,
        answer_documentation.ContributionGaps,
        "List goals without contributions, and work without a goal",
    )
    return routes


def list_contributions(
    query: QueryDependency, subjects: SubjectFilter, time: TimeParameters, page: PageParameters
) -> Response:
    """Each path from a goal through a decision and a feature to a release, as rows and as a graph.

    With `subject`, only the ways on which it lies: what contributes to a goal, or the goals that a decision, feature or
    release contributes to.
    """
    return query(
        lambda read: contribution_queries.contributions(read, subjects, time, limit=page.limit, cursor=page.cursor)
    )


def list_gaps(query: QueryDependency, subjects: SubjectFilter, time: TimeParameters, page: PageParameters) -> Response:
    """Open goals that nothing contributes to, and accepted decisions and open features that contribute to no goal."""
    return query(
        lambda read: contribution_queries.contribution_gaps(read, subjects, time, limit=page.limit, cursor=page.cursor)
    )
