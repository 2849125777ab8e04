"""The whole audit trail: what was recorded, and who signed in, was refused, exported or audited, in one list."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import answer_documentation
from api.audit_trail import SOURCES, ActivityFilter, list_activity
from api.authentication import CurrentCaller
from api.parameter_checks import check_choices, period_of
from api.permissions import why_not
from api.problems import HttpProblem
from api.query_execution import QueryDependency
from api.query_parameters import PageParameters, list_parameter
from api.routes.access_journal import KindText
from api.routes.audit import TYPES, TypeText
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain.actions import AUDIT
from domain.values import Timestamp, documented
from identity.access_journal import KINDS

SourceText = Annotated[str, documented(enum=SOURCES)]


def router() -> APIRouter:
    """Return the route of the whole audit trail."""
    routes = v1_router("Audit")
    add_query(
        routes, "/activity", get_activity, answer_documentation.Activity, "List events and access in one audit trail"
    )
    return routes


def get_activity(
    *,
    query: QueryDependency,
    services: ServiceDependency,
    caller: CurrentCaller,
    page: PageParameters,
    source: Annotated[list[SourceText], list_parameter("Only entries of the log, or only rows of the access journal.")],
    type: Annotated[list[TypeText], list_parameter("Only events of these types.")],  # noqa: A002  (as in the audit trail)
    kind: Annotated[list[KindText], list_parameter("Only access of these kinds.")],
    who: Annotated[list[str], list_parameter("Only what these people or services did, by id or name.")],
    since: Annotated[Timestamp | None, Query(description="Recorded at or after this time.")] = None,
    until: Annotated[Timestamp | None, Query(description="Recorded before this time.")] = None,
) -> Response:
    """Entries of the log and rows of the access journal by time of recording, newest first, with counts of all matches.

    Needs the role `auditor` or `admin` for all products. With only `type` or only `kind`, only that source is listed.
    """
    if why := why_not(services, caller, AUDIT):
        raise HttpProblem(403, why)
    begin, end = period_of(since, until)
    selection = ActivityFilter(
        check_choices(source, SOURCES, "source"),
        check_choices(type, TYPES, "type", name="event type", listed_at="GET /v1/catalog"),
        check_choices(kind, KINDS, "kind"),
        [services.find_person(each, "who") for each in who],
        begin,
        end,
    )
    journal = services.log.journal
    return query(lambda read: list_activity(read, journal, selection, limit=page.limit, cursor=page.cursor))
