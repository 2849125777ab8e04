"""Ownership: who is accountable for what, what has no owner, and the commands that assign it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api import answers
from api.dependencies import (
    AnySubjectFilter,
    MinCount,
    PageParameters,
    QueryDependency,
    SubjectPath,
    TimeParameters,
    WithBlame,
    list_parameter,
)
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain import ownership
from domain.messages import Command
from projections import accountability as accountability_queries

COMMANDS: Final[Mapping[type[Command], str]] = {
    ownership.AssignOwnership: "/subjects/{subject}/assign",
    ownership.ReleaseOwnership: "/subjects/{subject}/release",
    ownership.HandOverOwnership: "/subjects/{subject}/hand-over",
    ownership.AcknowledgeOwnership: "/subjects/{subject}/acknowledge",
    ownership.DelegateOwnership: "/subjects/{subject}/delegate",
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
        answers.Roles,
        "Get who is accountable for a subject",
        "light",
    )
    add_query(routes, "/accountability", list_accountability, answers.Roles, "List the roles of a person or team")
    add_query(
        routes,
        "/accountability/count",
        count_accountability,
        answers.AccountabilityCounts,
        "Count roles by person and team",
    )
    add_query(routes, "/unowned", list_unowned, answers.Unowned, "List subjects without an owner")
    return routes


def get_accountability(
    query: QueryDependency, services: ServiceDependency, time: TimeParameters, subject: SubjectPath
) -> Response:
    """Every role and delegation of the subject: who holds it, since when, until when, and because of what."""
    known = services.find_subject(subject, "subject")
    return query(lambda read: accountability_queries.roles_of_subject(read, known, time))


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
    query: QueryDependency, time: TimeParameters, subjects: AnySubjectFilter, role: Roles, min_count: MinCount = 1
) -> Response:
    """The number of roles that each person or team holds at the requested time, largest first."""
    return query(
        lambda read: accountability_queries.count_holders(
            read, time, roles=role, selection=subjects, min_count=min_count
        )
    )


def list_unowned(
    query: QueryDependency, time: TimeParameters, page: PageParameters, subjects: AnySubjectFilter
) -> Response:
    """Subjects for which no person or team is accountable, or whose owners have all left."""
    return query(
        lambda read: accountability_queries.unowned(read, subjects, time, limit=page.limit, cursor=page.cursor)
    )
