"""Expected outcomes: what decisions and features were expected to bring, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request, Response

from api import answer_documentation
from api.access_journal import record_read_about
from api.authentication import CurrentCaller
from api.query_execution import QueryDependency
from api.query_parameters import PageParameters, ProductText, SubjectFilter, TimeParameters, list_parameter
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain import outcome
from domain.messages import Command
from projections.queries import expected_outcomes as outcome_queries
from projections.queries import forecasts as forecast_queries
from projections.queries.filters import Filter

COMMANDS: Final[Mapping[type[Command], str]] = {
    outcome.StateExpectedOutcome: "/subjects/{subject}/expect-outcome",
    outcome.RecordOutcome: "/subjects/{subject}/record-outcome",
    outcome.ShareCalibration: "/people/{key}/share-calibration",
}


def router() -> APIRouter:
    """Return the routes that read expected outcomes."""
    routes = v1_router("Outcomes")
    add_query(
        routes,
        "/expected-outcomes",
        list_expected_outcomes,
        answer_documentation.ExpectedOutcomes,
        "List expected outcomes and what came of them",
    )
    add_query(
        routes, "/calibration", get_calibration, answer_documentation.Calibration, "Get the calibration of forecasts"
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


def get_calibration(
    *,
    request: Request,
    query: QueryDependency,
    services: ServiceDependency,
    caller: CurrentCaller,
    time: TimeParameters,
    product: Annotated[list[ProductText], list_parameter("Only forecasts about subjects of these products.")],
    who: Annotated[
        str | None, Query(max_length=500, description="The person whose forecasts they are. Default: all together.")
    ] = None,
) -> Response:
    """The Brier score of forecasts whose outcome another person recorded, with an interval of 90 %, and from 30 forecasts
    on the reliability curve. Nothing is shown from fewer than 10; of other people nothing from fewer than 20, and only if
    they agreed.
    """
    person = None if who is None else services.find_person(who, "who")
    if person is not None:
        record_read_about(request, person)
    about = Filter(products=[services.find_subject(each, "product", kind="product") for each in product])
    return query(lambda read: forecast_queries.calibration(read, caller.actor, person, about, time))
