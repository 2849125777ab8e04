"""Subjects of any kind: their fields, history and graph, and the commands that apply to all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Response

from api import answer_documentation
from api.query_execution import QueryDependency
from api.query_parameters import (
    IncludeRemoved,
    KeyPath,
    PageParameters,
    SubjectFilter,
    SubjectPath,
    TimeParameters,
    list_parameter,
)
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain import any_subject
from domain.messages import Command
from projections.queries import decisions as decision_queries
from projections.queries import listings

COMMANDS: Final[Mapping[type[Command], str]] = {
    any_subject.ChangeTitle: "/subjects/{subject}/title",
    any_subject.SetAliases: "/subjects/{subject}/aliases",
    any_subject.SetAttribute: "/subjects/{subject}/attributes",
    any_subject.AssignToProducts: "/subjects/{subject}/products",
    any_subject.ConfirmStillValid: "/subjects/{subject}/confirm",
    any_subject.RemoveSubject: "/subjects/{subject}/remove",
    any_subject.RestoreSubject: "/subjects/{subject}/restore",
    any_subject.VoidEntry: "/subjects/{subject}/void",
    any_subject.ImportChanges: "/subjects/{subject}/import",
}


def router() -> APIRouter:
    """Return the routes that read subjects of any kind."""
    routes = v1_router("Subjects")
    add_query(routes, "/subjects/{subject}", get_subject, answer_documentation.SubjectPage, "Get a subject", "light")
    add_query(
        routes, "/subjects/{subject}/history", get_history, answer_documentation.History, "Get the history of a subject"
    )
    add_query(
        routes, "/subjects/{subject}/graph", get_graph, answer_documentation.Graph, "Get the decisions around a subject"
    )
    return routes


def get_subject(query: QueryDependency, time: TimeParameters, subject: SubjectPath) -> Response:
    """Every field with its blame, what the subject replaces and rests on, and what rests on it."""
    return query(lambda read: decision_queries.subject_page(read, subject, time), etag=True)


def get_history(
    query: QueryDependency,
    services: ServiceDependency,
    time: TimeParameters,
    subject: SubjectPath,
    page: PageParameters,
    field: Annotated[
        list[str],
        list_parameter("Only events that changed one of these fields, or fields with a prefix such as `role.*`."),
    ],
) -> Response:
    """The subject's events in the order they took effect, each with who, why, and the fields it changed."""
    known = services.find_subject(subject, "subject")
    return query(
        lambda read: decision_queries.history(read, known, time, fields=field, limit=page.limit, cursor=page.cursor)
    )


def get_graph(
    query: QueryDependency, services: ServiceDependency, time: TimeParameters, subject: SubjectPath
) -> Response:
    """What the subject replaces, is replaced by, rests on and supports, directly and indirectly. Rows are edges."""
    known = services.find_subject(subject, "subject")
    return query(lambda read: decision_queries.graph(read, known, time))


def list_endpoint(kind: str, fields: tuple[str, ...]) -> Callable[..., Response]:
    """Return an endpoint that lists the subjects of a kind with some of their fields."""

    def list_subjects(
        query: QueryDependency,
        subjects: SubjectFilter,
        time: TimeParameters,
        page: PageParameters,
        include_removed: IncludeRemoved = False,
    ) -> Response:
        """Sorted by title, each with its main fields."""
        found = replace(subjects, kinds=(kind,), include_removed=include_removed)
        return query(lambda read: listings.subjects(read, found, fields, time, limit=page.limit, cursor=page.cursor))

    return list_subjects


def get_endpoint(kind: str) -> Callable[..., Response]:
    """Return an endpoint that answers one subject of a kind."""

    def get_one(query: QueryDependency, time: TimeParameters, key: KeyPath) -> Response:
        """Every field with its blame, what the subject rests on, and what rests on it. The ETag is its version."""
        return query(lambda read: decision_queries.subject_page(read, f"{kind}:{key}", time), etag=True)

    return get_one
