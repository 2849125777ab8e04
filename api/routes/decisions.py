"""Decisions: the register, single decisions, and the commands that record and change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api import answers
from api.dependencies import (
    IncludeRemoved,
    KeyPath,
    PageParameters,
    QueryDependency,
    SubjectFilter,
    TimeParameters,
    list_parameter,
)
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain import decision
from domain.messages import Command
from projections import decisions as decision_queries
from projections.decisions import RegisterFilter

COMMANDS: Final[Mapping[type[Command], str]] = {
    decision.RecordDecision: "/decisions",
    decision.ProposeDecision: "/decisions/propose",
    decision.ReviseDecision: "/decisions/{key}/revise",
    decision.AdviseOnDecision: "/decisions/{key}/advise",
    decision.DissentFromDecision: "/decisions/{key}/dissent",
    decision.AcceptDecision: "/decisions/{key}/accept",
    decision.RejectDecision: "/decisions/{key}/reject",
    decision.DeferDecision: "/decisions/{key}/defer",
    decision.WithdrawDecision: "/decisions/{key}/withdraw",
    decision.ReopenDecision: "/decisions/{key}/reopen",
    decision.SupersedeDecision: "/decisions/{key}/supersede",
    decision.ReverseDecision: "/decisions/{key}/reverse",
    decision.ConfirmDecision: "/decisions/{key}/confirm",
    decision.RatifyDecision: "/decisions/{key}/ratify",
    decision.ReviewDecision: "/decisions/{key}/review",
}
_COLUMNS: Final = (*decision_queries.COLUMNS, "decision", "why")


def router() -> APIRouter:
    """Return the routes that read decisions."""
    routes = v1_router("Decisions")
    add_query(routes, "/decisions", list_decisions, answers.Decisions, "List decisions")
    add_query(routes, "/decisions/{key}", get_decision, answers.SubjectPage, "Get a decision", "light")
    return routes


def list_decisions(
    *,
    query: QueryDependency,
    services: ServiceDependency,
    time: TimeParameters,
    page: PageParameters,
    subjects: SubjectFilter,
    kind: Annotated[
        list[str],
        list_parameter("Kinds of decision: `strategic`, `feature`, `ownership`, `process`, `technical` or your own."),
    ],
    decider: Annotated[list[str], list_parameter("Only decisions taken by these people: ids or names.")],
    accountable: Annotated[list[str], list_parameter("Only decisions these people are accountable for: ids or names.")],
    tag: Annotated[list[str], list_parameter("Only decisions with these tags.")],
    ever: Annotated[
        list[str],
        list_parameter("Only decisions that had one of these statuses at any time, or a source system's name for it."),
    ],
    text: Annotated[str | None, Query(max_length=500, description="Only decisions with these words.")] = None,
    include_removed: IncludeRemoved = False,
) -> Response:
    """The register of decisions, in the order they were recorded, each with its number in every product."""
    found = RegisterFilter(
        about=replace(subjects, include_removed=include_removed),
        kinds=kind,
        tags=tag,
        ever=ever,
        text=text,
        deciders=[services.find_person(each, "decider") for each in decider],
        accountable=[services.find_person(each, "accountable") for each in accountable],
    )
    return query(
        lambda read: decision_queries.register(
            read, found, time, columns=_COLUMNS, limit=page.limit, cursor=page.cursor
        )
    )


def get_decision(query: QueryDependency, time: TimeParameters, key: KeyPath) -> Response:
    """Every field with its blame, what the decision replaces and rests on, and what rests on it."""
    return query(lambda read: decision_queries.subject_page(read, f"decision:{key}", time), etag=True)
