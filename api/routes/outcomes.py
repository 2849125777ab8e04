"""Expected outcomes: what decisions and features were expected to bring, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Response

from api import answers
from api.dependencies import PageParameters, QueryDependency, SubjectFilter, TimeParameters, list_parameter
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain import outcome
from domain.messages import Command
from projections import expected_outcomes as outcome_queries

COMMANDS: Final[Mapping[type[Command], str]] = {
    outcome.StateExpectedOutcome: "/subjects/{subject}/expect-outcome",
    outcome.RecordOutcome: "/subjects/{subject}/record-outcome",
}


def router() -> APIRouter:
    """Return the routes that read expected outcomes."""
    routes = v1_router("Outcomes")
    add_query(
        routes,
        "/expected-outcomes",
        list_expected_outcomes,
        answers.ExpectedOutcomes,
        "List what was expected and came",
    )
    return routes


def list_expected_outcomes(
    *,
    query: QueryDependency,
    services: ServiceDependency,
    time: TimeParameters,
    page: PageParameters,
    subjects: SubjectFilter,
    state: Annotated[
        list[Literal["open", "overdue", "recorded"]],
        list_parameter("Only those that are `open`, `overdue`, or whose outcome is `recorded`."),
    ],
    by: Annotated[list[str], list_parameter("Only what these people expected: ids or names.")],
) -> Response:
    """What decisions and features were expected to bring, each with its outcome, ordered by date."""
    people = [services.find_person(each, "by") for each in by]
    return query(
        lambda read: outcome_queries.expected_outcomes(
            read, subjects, time, states=state, by=people, limit=page.limit, cursor=page.cursor
        )
    )
