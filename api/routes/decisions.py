"""Decisions: the list, single decisions, and the commands that record and change them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api import answer_documentation
from api.query_execution import QueryDependency
from api.query_parameters import IncludeRemoved, KeyPath, PageParameters, SubjectFilter, TimeParameters, list_parameter
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain import decision_messages
from domain.judgment import VerdictCode
from domain.messages import Command
from projections.queries import authority as authority_queries
from projections.queries import decisions as decision_queries
from projections.queries import options as option_queries
from projections.queries import reviews as review_queries
from projections.queries.decisions import DecisionFilter

COMMANDS: Final[Mapping[type[Command], str]] = {
    decision_messages.RecordDecision: "/decisions",
    decision_messages.ProposeDecision: "/decisions/propose",
    decision_messages.ReviseDecision: "/decisions/{key}/revise",
    decision_messages.AdviseOnDecision: "/decisions/{key}/advise",
    decision_messages.DissentFromDecision: "/decisions/{key}/dissent",
    decision_messages.ApproveDecision: "/decisions/{key}/approve",
    decision_messages.AbstainFromDecision: "/decisions/{key}/abstain",
    decision_messages.AcceptDecision: "/decisions/{key}/accept",
    decision_messages.RejectDecision: "/decisions/{key}/reject",
    decision_messages.DeferDecision: "/decisions/{key}/defer",
    decision_messages.WithdrawDecision: "/decisions/{key}/withdraw",
    decision_messages.ReopenDecision: "/decisions/{key}/reopen",
    decision_messages.SupersedeDecision: "/decisions/{key}/supersede",
    decision_messages.ReverseDecision: "/decisions/{key}/reverse",
    decision_messages.ConfirmDecision: "/decisions/{key}/confirm",
    decision_messages.RatifyDecision: "/decisions/{key}/ratify",
    decision_messages.ReviewReasoning: "/decisions/{key}/review-reasoning",
    decision_messages.ReviewDecision: "/decisions/{key}/review",
    decision_messages.LinkDecision: "/decisions/{key}/link",
    decision_messages.JudgeChoice: "/decisions/{key}/judge",
    decision_messages.CheckConstraint: "/decisions/{key}/check",
}
_COLUMNS: Final = (*decision_queries.COLUMNS, "decision", "why")


def router() -> APIRouter:
    """Return the routes that read decisions."""
    routes = v1_router("Decisions")
    add_query(routes, "/decisions", list_decisions, answer_documentation.Decisions, "List decisions")
    add_query(routes, "/decisions/{key}", get_decision, answer_documentation.SubjectPage, "Get a decision", "light")
    add_query(
        routes,
        "/decisions/{key}/authority",
        get_authority,
        answer_documentation.DecisionAuthority,
        "Explain who had the authority to decide",
        "light",
    )
    add_query(
        routes,
        "/decisions/{key}/options",
        get_options,
        answer_documentation.WeighedOptions,
        "Compare the options of a decision",
        "light",
    )
    add_query(
        routes,
        "/decisions/{key}/review",
        get_review,
        answer_documentation.DecisionReview,
        "Get a decision for its review",
    )
    return routes


def get_review(
    query: QueryDependency,
    services: ServiceDependency,
    time: TimeParameters,
    key: KeyPath,
    result: Annotated[
        bool, Query(description="Include the result even if the reasoning was not reviewed yet.")
    ] = False,
) -> Response:
    """The decision as it was known when it was decided, the review of its reasoning, and what came of it. The result is
    left out until the reasoning was reviewed, so that it is not judged by the result.
    """
    subject = services.find_subject(key, "key", kind="decision")
    return query(lambda read: review_queries.review(read, subject, time, with_result=result))


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
    authority: Annotated[
        list[VerdictCode], list_parameter("Only decisions with these verdicts on the authority of their deciders.")
    ],
    text: Annotated[str | None, Query(max_length=500, description="Only decisions with these words.")] = None,
    unratified: Annotated[
        bool, Query(description="Only decisions that exceeded their deciders' authority and were not ratified.")
    ] = False,
    self_approved: Annotated[
        bool, Query(description="Only decisions that only the proposer decided or approved.")
    ] = False,
    backdated: Annotated[
        bool, Query(description="Only decisions under decision rights that were recorded after they took effect.")
    ] = False,
    include_removed: IncludeRemoved = False,
) -> Response:
    """Decisions in the order in which they were recorded, each with its number in every product."""
    found = DecisionFilter(
        about=replace(subjects, include_removed=include_removed),
        kinds=kind,
        tags=tag,
        ever=ever,
        text=text,
        verdicts=authority,
        unratified=unratified,
        self_approved=self_approved,
        backdated=backdated,
        deciders=[services.find_person(each, "decider") for each in decider],
        accountable=[services.find_person(each, "accountable") for each in accountable],
    )
    return query(
        lambda read: decision_queries.decisions(
            read, found, time, columns=_COLUMNS, limit=page.limit, cursor=page.cursor
        )
    )


def get_decision(query: QueryDependency, time: TimeParameters, key: KeyPath) -> Response:
    """Every field with its blame, what the decision replaces and rests on, and what rests on it."""
    return query(lambda read: decision_queries.subject_page(read, f"decision:{key}", time), etag=True)


def get_authority(query: QueryDependency, services: ServiceDependency, time: TimeParameters, key: KeyPath) -> Response:
    """Whether the people who accepted, rejected or ratified the decision were entitled to, explained in sentences: as it
    was judged then, and as it would be judged with what is known at the requested time. The sentences contain ids;
    `titles` has their titles.
    """
    subject = services.find_subject(key, "key", kind="decision")
    return query(lambda read: authority_queries.decision_authority(read, subject, time))


def get_options(query: QueryDependency, services: ServiceDependency, time: TimeParameters, key: KeyPath) -> Response:
    """Each option with its findings and their evidence, whether its cost and time keep the limits, and, for the option
    chosen, what turned out.
    """
    subject = services.find_subject(key, "key", kind="decision")
    return query(lambda read: option_queries.weighed_options(read, subject, time))
