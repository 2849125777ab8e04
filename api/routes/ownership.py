"""Ownership: who is accountable for what, what has no owner, and the commands that assign it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api import answer_documentation
from api.query_execution import QueryDependency
from api.query_parameters import (
    AnySubjectFilter,
    KeyPath,
    MinCount,
    PageParameters,
    SubjectPath,
    TimeParameters,
    WithBlame,
    list_parameter,
)
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain import decision_rights, delegation, ownership
from domain.errors import Malformed
from domain.messages import Command
from domain.money import Cost, Currency
from domain.values import MAX_INTEGER, Slug
from projections.queries import accountability as accountability_queries
from projections.queries import authority as authority_queries
from projections.queries import succession as succession_queries

COMMANDS: Final[Mapping[type[Command], str]] = {
    ownership.AssignOwnership: "/subjects/{subject}/assign",
    ownership.ReleaseOwnership: "/subjects/{subject}/release",
    ownership.HandOverOwnership: "/subjects/{subject}/hand-over",
    ownership.AcknowledgeOwnership: "/subjects/{subject}/acknowledge",
    ownership.DelegateOwnership: "/subjects/{subject}/delegate",
    delegation.DelegateActions: "/people/{key}/delegate",
    decision_rights.SetDecisionRights: "/products/{key}/decision-rights",
    ownership.RevokeDelegation: "/subjects/{subject}/revoke-delegation",
}
Roles = Annotated[list[str], list_parameter("Only these roles, such as `accountable`.")]


def router() -> APIRouter:
    """Return the routes that read ownership."""
    routes = v1_router("Ownership")
    add_query(
        routes,
        "/subjects/{subject}/accountability",
        get_accountability,
        answer_documentation.Roles,
        "Get who is accountable for a subject",
        "light",
    )
    add_query(
        routes, "/accountability", list_accountability, answer_documentation.Roles, "List the roles of a person or team"
    )
    add_query(
        routes,
        "/accountability/count",
        count_accountability,
        answer_documentation.FieldCounts,
        "Count roles by person and team",
    )
    add_query(routes, "/unowned", list_unowned, answer_documentation.Unowned, "List subjects without an owner")
    add_query(
        routes,
        "/products/{key}/deciders",
        list_deciders,
        answer_documentation.Deciders,
        "List who may decide about a product",
        "light",
    )
    add_query(
        routes,
        "/succession",
        get_succession,
        answer_documentation.Succession,
        "List what a person holds, owes and waits for",
    )
    return routes


def get_succession(
    query: QueryDependency,
    services: ServiceDependency,
    time: TimeParameters,
    who: Annotated[str, Query(max_length=500, description="The person or team: an id or a name.")],
    to: Annotated[
        str | None, Query(max_length=500, description="The person or team who is to take over: an id or a name.")
    ] = None,
) -> Response:
    """Everything that a person or team holds, owes and waits for. With `to`, `commands` are those that hand over all roles:
    send them to `POST /v1/commands` as they are, and all are recorded in one transaction or none.
    """
    holder = services.find_person(who, "who")
    successor = None if to is None else services.find_person(to, "to")
    return query(lambda read: succession_queries.succession(read, holder, time, to=successor))


def get_accountability(
    query: QueryDependency,
    services: ServiceDependency,
    time: TimeParameters,
    page: PageParameters,
    subject: SubjectPath,
) -> Response:
    """Every role and delegation of the subject: who holds it, since when, until when, and because of what."""
    known = services.find_subject(subject, "subject")
    return query(
        lambda read: accountability_queries.roles_of_subject(read, known, time, limit=page.limit, cursor=page.cursor)
    )


def list_accountability(
    query: QueryDependency,
    services: ServiceDependency,
    time: TimeParameters,
    page: PageParameters,
    subjects: AnySubjectFilter,
    who: Annotated[str, Query(max_length=500, description="The person or team: an id or a name.")],
    role: Roles,
    blame: WithBlame = False,
) -> Response:
    """Every role that a person or team holds at the requested time."""
    holder = services.find_person(who, "who")
    return query(
        lambda read: accountability_queries.roles_of_holder(
            read, holder, time, roles=role, selection=subjects, blame=blame, limit=page.limit, cursor=page.cursor
        )
    )


def count_accountability(
    query: QueryDependency,
    time: TimeParameters,
    page: PageParameters,
    subjects: AnySubjectFilter,
    role: Roles,
    min_count: MinCount = 1,
) -> Response:
    """The number of roles that each person or team holds at the requested time, largest first."""
    return query(
        lambda read: accountability_queries.count_holders(
            read, time, roles=role, selection=subjects, min_count=min_count, limit=page.limit, cursor=page.cursor
        )
    )


def list_unowned(
    query: QueryDependency, time: TimeParameters, page: PageParameters, subjects: AnySubjectFilter
) -> Response:
    """Subjects for which no person or team is accountable, or whose owners have all left."""
    return query(
        lambda read: accountability_queries.unowned(read, subjects, time, limit=page.limit, cursor=page.cursor)
    )


def list_deciders(
    query: QueryDependency,
    services: ServiceDependency,
    time: TimeParameters,
    key: KeyPath,
    kind: Annotated[Slug, Query(description="The kind of decision, such as `strategic` or `feature`.")] = "strategic",
    cost: Annotated[
        int | None, Query(ge=0, le=MAX_INTEGER, description="What it costs, in whole units of `currency`.")
    ] = None,
    currency: Annotated[Currency | None, Query(description="The currency, as an ISO 4217 code.")] = None,
) -> Response:
    """The people and teams whom the decision rights of the product entitle by name, by role or by a delegation to make
    a decision of a kind, at a cost if one is given. Those within their limits come first. Without a rule for the kind,
    there are no rows.
    """
    if (cost is None) != (currency is None):
        raise Malformed("give `cost` and `currency` together", field="cost" if cost is None else "currency")
    product = services.find_subject(key, "key", kind="product")
    stated = None if cost is None or currency is None else Cost(amount=cost, currency=currency)
    return query(lambda read: authority_queries.product_deciders(read, product, kind, stated, time))
