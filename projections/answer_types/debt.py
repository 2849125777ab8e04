"""Decision debt."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At, TableAnswer, TitledSubject, Value

DebtCode = Literal[
    "no_reason",
    "undecided",
    "review_overdue",
    "outcome_overdue",
    "unratified",
    "unconfirmed_decider",
    "no_owner",
    "owner_left",
    "unconfirmed_owner",
    "ending_delegation",
    "stale",
    "task_overdue",
    "minutes_missing",
    "broken_assumption",
    "unchecked_assumption",
    "withdrawn_evidence",
    "superseded_evidence",
    "expired_evidence",
]
"""What is left undone about a decision or another subject."""


class DebtRow(TitledSubject):
    """One thing about a decision, a feature or another subject that is left undone."""

    code: Annotated[DebtCode, Field(description="What is left undone.")]
    part: Annotated[
        str | None,
        Field(description="The expected outcome, delegation or person that it is about; null for the whole subject."),
    ]
    since: Annotated[At, Field(description="The time since which it has been owed.")]
    days: Annotated[int, Field(description="The days since then; since the due date, if there is one.")]
    owners: Annotated[list[str], Field(description="The people and teams who should do it; empty if there are none.")]
    detail: Annotated[
        dict[str, Value],
        Field(description="What makes it owed: `fields`, `due_on`, `until`, `last_confirmed`, `cause` and the like."),
    ]
    action: Annotated[str, Field(description="The command that clears it, such as `ReviewDecision`.")]
    link: Annotated[str, Field(description="The path of the form for that command, on the pages of this server.")]


class DebtSummary(TypedDict):
    """How many items there are."""

    counts: Annotated[dict[DebtCode, int], Field(description="The number of items of each code.")]


class Debt(TableAnswer, DebtSummary):
    """What is left undone about decisions, the oldest first."""

    rows: Annotated[list[DebtRow], Field(description="The items.")]


class DebtMonth(TypedDict):
    """The number of items of one code that a product had at the end of a month."""

    month: Annotated[str, Field(description="The month, such as `2026-05`.")]
    as_of: Annotated[At, Field(description="The time that was asked about: the end of the month, at most the present.")]
    product: Annotated[str | None, Field(description="The product; null for items that belong to none.")]
    code: Annotated[DebtCode, Field(description="What is left undone.")]
    count: Annotated[int, Field(description="The number of items.")]


class DebtByMonth(TableAnswer):
    """Decision debt month by month."""

    rows: Annotated[list[DebtMonth], Field(description="The counts that are not zero, by month, product and code.")]
