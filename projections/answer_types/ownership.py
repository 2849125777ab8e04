"""Roles of people and teams on subjects, and what a person hands over."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.fields import FieldRow
from projections.answer_types.parts import At, TableAnswer, TitledSubject, Value

Relation = Literal["holds", "owes", "waits_for"]
"""What a person has to do with a subject."""


class RoleRow(FieldRow):
    """A role, a delegation or an acknowledgment."""

    role: Annotated[
        str | None,
        Field(description="The role, such as `accountable`; null for delegations and acknowledgments."),
    ]
    status: Annotated[str | None, Field(description="The status of the subject; null if it has none.")]


class UnownedRow(TitledSubject):
    """A subject without an accountable person or team."""

    left: Annotated[list[str], Field(description="The people who were accountable and have left.")]
    source_value: Annotated[str | None, Field(description="A name that is not in the directory, such as `TBD`.")]


class SuccessionRow(TitledSubject):
    """One thing that a person holds, owes or waits for."""

    relation: Annotated[Relation, Field(description="`holds`, `owes` or `waits_for`.")]
    code: Annotated[
        str,
        Field(
            description="`role`, `delegation`, a code of decision debt, `open_decision`, `open_outcome` or `overdue_outcome`."
        ),
    ]
    part: Annotated[str | None, Field(description="The role, delegation or expected outcome that it is about.")]
    since: Annotated[At, Field(description="The time since which this is the case, or from which it is planned.")]
    holders: Annotated[list[str], Field(description="All holders of the role; empty for anything else.")]
    detail: Annotated[
        dict[str, Value],
        Field(
            description="What a delegation covers, `until` when a role is held, or what makes decision debt owed; else empty."
        ),
    ]


class SuccessionSummary(TypedDict):
    """Whose succession it is, and the commands that hand over."""

    person: Annotated[str, Field(description="The person or team.")]
    to: Annotated[str | None, Field(description="Who is to take over; null if not given.")]
    commands: Annotated[
        list[dict[str, Value]], Field(description="The commands that hand over all roles in one transaction.")
    ]
    truncated: Annotated[bool, Field(description="Whether there are more commands than one transaction takes.")]


class Succession(TableAnswer, SuccessionSummary):
    """Everything that a person or team holds, owes and waits for."""

    rows: Annotated[list[SuccessionRow], Field(description="What the person holds, owes and waits for, in this order.")]


class Roles(TableAnswer):
    """Roles of people and teams."""

    rows: Annotated[list[RoleRow], Field(description="The roles.")]


class Unowned(TableAnswer):
    """Subjects without an accountable person or team."""

    rows: Annotated[list[UnownedRow], Field(description="The subjects.")]
