"""Roles that allow people to use the log, and the identity of the caller."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At, Blame, TableAnswer
from projections.answer_types.tokens import Scopes


class HeldRole(TypedDict):
    """A role, for one product or for all."""

    role: Annotated[str, Field(description="`viewer`, `contributor`, `manager`, `auditor` or `admin`.")]
    product: Annotated[
        str | None, Field(description="The product that it is for, with the products of its line; null for all.")
    ]


class GrantRow(HeldRole):
    """A role that was granted to a person, team, service or group."""

    holder: Annotated[str, Field(description="Who holds the role.")]
    since: Annotated[At, Field(description="The time at which it was granted.")]
    position: Annotated[int, Field(description="The position of the event that granted it.")]
    blame: Annotated[Blame, Field(description="Who granted it, when and why.")]


class Grants(TableAnswer):
    """Who holds which role."""

    rows: Annotated[list[GrantRow], Field(description="The roles, ordered by holder and role.")]


class Me(TypedDict):
    """The identity of the caller."""

    actor: Annotated[str, Field(description="The person or service that the token or session is for.")]
    credential: Annotated[str, Field(description="The id of the token or session.")]
    scopes: Scopes
    roles: Annotated[
        list[HeldRole], Field(description="The roles of its holder: their own, and those of their teams and groups.")
    ]
