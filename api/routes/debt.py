"""Decision debt: what is left undone, with what clears it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from api import answer_documentation
from api.query_execution import QueryDependency
from api.query_parameters import KindFilter, PageParameters, TimeParameters, list_parameter
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from projections.queries import debt as debt_queries
from projections.queries.debt import MAX_MONTHS, STALE_DAYS, DebtFilter

MAX_STALE_DAYS: Final = 3650


async def _debt_filter(
    services: ServiceDependency,
    about: KindFilter,
    code: Annotated[list[answer_documentation.DebtCode], list_parameter("Only these codes, such as `review_overdue`.")],
    owner: Annotated[list[str], list_parameter("Only what these people or teams should do: ids or names.")],
    stale_days: Annotated[
        int, Query(ge=1, le=MAX_STALE_DAYS, description="Days without an event after which it is stale.")
    ] = STALE_DAYS,
) -> DebtFilter:
    return DebtFilter(
        about=about,
        codes=code,
        owners=[services.find_person(each, "owner") for each in owner],
        stale_days=stale_days,
    )


DebtParameters = Annotated[DebtFilter, Depends(_debt_filter)]


def router() -> APIRouter:
    """Return the routes of decision debt."""
    routes = v1_router("Outcomes")
    add_query(routes, "/debt", list_debt, answer_documentation.Debt, "List what is left undone about decisions")
    add_query(
        routes,
        "/debt/months",
        list_debt_by_month,
        answer_documentation.DebtByMonth,
        "Count decision debt month by month",
    )
    return routes


def list_debt(query: QueryDependency, time: TimeParameters, page: PageParameters, items: DebtParameters) -> Response:
    """What is left undone, the oldest first: each item with its code, its age, who should do it, and the command that
    clears it. `counts` has the number of items of each code, without a sum.
    """
    return query(lambda read: debt_queries.debt(read, items, time, limit=page.limit, cursor=page.cursor))


def list_debt_by_month(
    query: QueryDependency,
    time: TimeParameters,
    page: PageParameters,
    items: DebtParameters,
    months: Annotated[int, Query(ge=1, le=MAX_MONTHS, description="How many months, the last one included.")] = 12,
) -> Response:
    """How many items of each code each product had at the end of each month, the last one as of the requested time. What
    has several products counts for each of them; what has none has the product null.
    """
    return query(
        lambda read: debt_queries.debt_by_month(read, items, time, months=months, limit=page.limit, cursor=page.cursor)
    )
