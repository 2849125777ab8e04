"""The audit trail: every event, with who, when, why and from where."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api import answer_documentation
from api.parameter_checks import check_choices, check_kinds, period_of
from api.query_execution import QueryDependency
from api.query_parameters import (
    KindText,
    PageParameters,
    ProductText,
    SubjectText,
    TimeParameters,
    list_parameter,
    subject_of_kind,
)
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain.catalog import EVENTS
from domain.judgment import VerdictCode
from domain.values import MAX_INTEGER, Timestamp, documented
from projections.queries import audit as audit_queries
from projections.queries.audit import AuditFilter

TYPES: Final = sorted({*EVENTS, *(name.removesuffix(".v1") for name in EVENTS)})
TypeText = Annotated[str, documented(enum=TYPES)]


def router() -> APIRouter:
    """Return the route of the audit trail."""
    routes = v1_router("Audit")
    add_query(routes, "/audit", list_events, answer_documentation.AuditTrail, "List events of the audit trail")
    return routes


async def _audit_filter(
    *,
    services: ServiceDependency,
    actor: Annotated[list[str], list_parameter("Only events that these people or services recorded.")],
    principal: Annotated[list[str], list_parameter("Only events recorded on behalf of these people.")],
    by: Annotated[list[str], list_parameter("Only events with these people as actor or principal.")],
    kind: Annotated[list[KindText], list_parameter("Only subjects of these kinds.")],
    subject: Annotated[list[SubjectText], list_parameter("Only these subjects, as `kind:key`.")],
    product: Annotated[list[ProductText], list_parameter("Only subjects of these products.")],
    type: Annotated[  # noqa: A002  (the name of the parameter)
        list[TypeText], list_parameter("Only events of these types, such as `DecisionAccepted`.")
    ],
    channel: Annotated[
        list[str], list_parameter("Only these channels: `http`, `cli`, `import`, `kafka`, `log`, or `demo`.")
    ],
    system: Annotated[list[str], list_parameter("Only events imported from these systems.")],
    reference: Annotated[list[str], list_parameter("Only events imported under these ids of the source system.")],
    because: Annotated[
        list[Annotated[str, subject_of_kind("decision")]], list_parameter("Only events that rest on these decisions.")
    ],
    transaction: Annotated[list[str], list_parameter("Only events of these transactions.")],
    position: Annotated[
        list[Annotated[int, Field(ge=1, le=MAX_INTEGER)]], list_parameter("Only events at these positions.")
    ],
    verdict: Annotated[
        list[VerdictCode], list_parameter("Only decisions with these verdicts on the authority of their deciders.")
    ],
    since: Annotated[Timestamp | None, Query(description="Took effect at or after this time.")] = None,
    until: Annotated[Timestamp | None, Query(description="Took effect before this time.")] = None,
    recorded_since: Annotated[Timestamp | None, Query(description="Recorded at or after this time.")] = None,
    recorded_until: Annotated[Timestamp | None, Query(description="Recorded before this time.")] = None,
    text: Annotated[str | None, Query(max_length=500, description="Only events with these words.")] = None,
    justified: Annotated[bool | None, Query(description="Only events with, or without, a decision as reason.")] = None,
    corrections: Annotated[bool, Query(description="Only events that void or replace another.")] = False,
    voided: Annotated[bool | None, Query(description="Only events that were, or were not, voided.")] = None,
    backdated: Annotated[
        bool, Query(description="Only events that took effect, or whose period begins, before they were recorded.")
    ] = False,
    unexplained: Annotated[
        bool, Query(description="Only events without any reason: no decision, note or own reason.")
    ] = False,
    on_behalf_of: Annotated[bool, Query(description="Only events recorded on behalf of another person.")] = False,
    self_approved: Annotated[
        bool, Query(description="Only decisions that only the proposer decided or approved.")
    ] = False,
) -> AuditFilter:
    def find_people(names: list[str], field: str) -> list[str]:
        return [services.find_person(each, field) for each in names]

    return AuditFilter(
        actors=find_people(actor, "actor"),
        principals=find_people(principal, "principal"),
        by=find_people(by, "by"),
        kinds=check_kinds(kind),
        subjects=[services.find_subject(each, "subject") for each in subject],
        products=[services.find_subject(each, "product", kind="product") for each in product],
        types=check_choices(type, TYPES, "type", name="event type", listed_at="GET /v1/catalog"),
        channels=channel,
        systems=system,
        references=reference,
        because=[services.find_subject(each, "because", kind="decision") for each in because],
        transactions=transaction,
        positions=position,
        span=period_of(since, until),
        recorded=period_of(recorded_since, recorded_until, field="recorded_until"),
        text=text,
        justified=justified,
        corrections=corrections,
        voided=voided,
        backdated=backdated,
        unexplained=unexplained,
        delegated=on_behalf_of,
        verdicts=verdict,
        self_approved=self_approved,
    )


def list_events(
    query: QueryDependency,
    events: Annotated[AuditFilter, Depends(_audit_filter)],
    time: TimeParameters,
    page: PageParameters,
    order: Annotated[Literal["newest", "oldest"], Query(description="Which events come first.")] = "newest",
) -> Response:
    """Every matching event: actor, principal, valid and transaction time, reason, source, and its full data."""
    return query(
        lambda read: audit_queries.audit(
            read, events, time, oldest_first=order == "oldest", limit=page.limit, cursor=page.cursor
        )
    )
