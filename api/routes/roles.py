"""Roles: who may do what, for all products or for one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from api import answer_documentation
from api.query_execution import QueryDependency
from api.query_parameters import PageParameters, ProductText, TimeParameters
from api.routing import add_query, v1_router
from api.services import ServiceDependency
from domain import roles
from domain.messages import Command
from projections.queries.grants import grants

COMMANDS: Final[Mapping[type[Command], str]] = {
    roles.GrantRole: "/roles/{holder}/grant",
    roles.RevokeRole: "/roles/{holder}/revoke",
}


def router() -> APIRouter:
    """Return the routes that list roles."""
    routes = v1_router("Roles")
    add_query(routes, "/roles", list_roles, answer_documentation.Grants, "List roles")
    return routes


def list_roles(
    query: QueryDependency,
    services: ServiceDependency,
    time: TimeParameters,
    page: PageParameters,
    holder: Annotated[
        str | None,
        Query(max_length=500, description="Only roles of this person, team, service or group: an id or a name."),
    ] = None,
    product: Annotated[
        ProductText | None,
        Query(description="Only roles that count for this product: granted for it, for its line or for all products."),
    ] = None,
) -> Response:
    """Who holds which role for which products, now or at any time, with who granted it, when and why.

    A caller whose reading is limited to their own products sees no roles here; `GET /v1/me` lists their own.
    """
    holder_id = None if holder is None else services.find_person(holder, "holder")
    product_id = None if product is None else services.find_subject(product, "product", kind="product")
    return query(
        lambda read: grants(read, time, holder=holder_id, product=product_id, limit=page.limit, cursor=page.cursor)
    )
