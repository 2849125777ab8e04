"""Evidence and assumptions, and what rests on those that no longer hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter, Response

from api import answer_documentation
from api.query_execution import QueryDependency
from api.query_parameters import PageParameters, SubjectFilter, TimeParameters
from api.routes.subjects import get_endpoint, list_endpoint
from api.routing import add_query, v1_router
from domain import assumption, evidence
from domain.messages import Command
from projections.queries import arrivals as arrival_queries
from projections.queries import flags as flag_queries

COMMANDS: Final[Mapping[type[Command], str]] = {
    evidence.RecordEvidence: "/evidence",
    evidence.LinkEvidence: "/evidence/{key}/link",
    evidence.UnlinkEvidence: "/evidence/{key}/unlink",
    evidence.SupersedeEvidence: "/evidence/{key}/supersede",
    evidence.WithdrawEvidence: "/evidence/{key}/withdraw",
    assumption.StateAssumption: "/assumptions",
    assumption.ReviseAssumption: "/assumptions/{key}/revise",
    assumption.LinkAssumption: "/assumptions/{key}/link",
    assumption.UnlinkAssumption: "/assumptions/{key}/unlink",
    assumption.ConfirmAssumption: "/assumptions/{key}/confirm",
    assumption.BreakAssumption: "/assumptions/{key}/break",
}
_EVIDENCE_FIELDS: Final = ("status", "kind", "strength", "found_on", "valid_until", "sample_size", "products", "link.*")
_ASSUMPTION_FIELDS: Final = ("status", "confidence", "check_on", "products", "role.accountable", "link.*")


def router() -> APIRouter:
    """Return the routes that read evidence, assumptions and flags."""
    routes = v1_router("Evidence")
    add_query(
        routes, "/evidence", list_endpoint("evidence", _EVIDENCE_FIELDS), answer_documentation.Subjects, "List evidence"
    )
    add_query(
        routes,
        "/evidence/{key}",
        get_endpoint("evidence"),
        answer_documentation.SubjectPage,
        "Get a piece of evidence",
        "light",
    )
    add_query(
        routes,
        "/assumptions",
        list_endpoint("assumption", _ASSUMPTION_FIELDS),
        answer_documentation.Subjects,
        "List assumptions",
    )
    add_query(
        routes,
        "/assumptions/{key}",
        get_endpoint("assumption"),
        answer_documentation.SubjectPage,
        "Get an assumption",
        "light",
    )
    add_query(
        routes, "/flags", list_flags, answer_documentation.Flags, "List what rests on something that no longer holds"
    )
    add_query(
        routes, "/arrivals", list_arrivals, answer_documentation.Arrivals, "List deferred decisions whose wait is over"
    )
    return routes


def list_flags(query: QueryDependency, subjects: SubjectFilter, time: TimeParameters, page: PageParameters) -> Response:
    """What rests on a broken assumption, or on evidence that was withdrawn, superseded or expired, the oldest first.

    Each decision, goal, assumption, feature and field of the roadmap is listed until it is revisited, ends, or is
    confirmed with a reason (`POST /v1/subjects/{subject}/confirm`).
    """
    return query(lambda read: flag_queries.flags(read, subjects, time, limit=page.limit, cursor=page.cursor))


def list_arrivals(
    query: QueryDependency, subjects: SubjectFilter, time: TimeParameters, page: PageParameters
) -> Response:
    """The deferred decisions that are back, because the evidence, assumption, decision, release or day that they wait
    for has come; once for each, the oldest first.
    """
    return query(lambda read: arrival_queries.arrivals(read, subjects, time, limit=page.limit, cursor=page.cursor))
