"""Decisions, their options, and their reviews."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import Money, SubjectRow, TableAnswer


class DecisionRow(SubjectRow):
    """A decision in a list."""

    number: Annotated[dict[str, int], Field(description="The decision's number in each of its products, by product.")]


class DurationAmount(TypedDict):
    """A length of time."""

    amount: Annotated[int, Field(description="How many of the unit.")]
    unit: Annotated[
        Literal["days", "weeks", "months", "quarters", "years"],
        Field(description="The unit."),
    ]


class OptionFinding(TypedDict):
    """Whether an option is valuable, usable, feasible or viable."""

    risk: Annotated[Literal["valuable", "usable", "feasible", "viable"], Field(description="What was judged.")]
    answer: Annotated[Literal["yes", "no", "unclear"], Field(description="Whether the option is.")]
    finding: Annotated[str | None, Field(description="What was found.")]
    evidence: Annotated[list[str], Field(description="The evidence that shows it.")]


class ConstraintCheck(TypedDict):
    """Whether an option meets a constraint, as checked by a person."""

    constraint: Annotated[str, Field(description="The constraint.")]
    answer: Annotated[
        Literal["met", "not-met", "unclear"] | None,
        Field(
            description="Whether the option meets it; null until it is checked, and again if either list is revised."
        ),
    ]
    finding: Annotated[str | None, Field(description="What the answer is based on; null if nothing was stated.")]
    by: Annotated[str | None, Field(description="Who checked it; null until it is checked.")]


class WeighedOption(TypedDict):
    """An option of a decision, with what speaks for it."""

    title: Annotated[str | None, Field(description="The title of the option.")]
    chosen: Annotated[bool, Field(description="Whether it is the option chosen.")]
    cost_amount: Annotated[Money | None, Field(description="Its cost; null if none was stated as an amount.")]
    cost_fit: Annotated[
        Literal["within", "exceeds", "unclear"] | None,
        Field(description="Whether its cost is within the limit; null without a limit."),
    ]
    duration: Annotated[DurationAmount | None, Field(description="The time it takes; null if none was stated.")]
    time_fit: Annotated[
        Literal["within", "exceeds", "unclear"] | None,
        Field(description="Whether the time it takes is within the limit; null without a limit."),
    ]
    constraints: Annotated[
        list[ConstraintCheck], Field(description="Whether it meets each of the constraints, in their order.")
    ]
    findings: Annotated[list[OptionFinding], Field(description="What was found before the decision.")]
    afterward: Annotated[list[OptionFinding], Field(description="How it turned out; only for the option chosen.")]


class Decisions(TableAnswer):
    """Decisions, in the order in which they were recorded."""

    rows: Annotated[list[DecisionRow], Field(description="The decisions.")]


class OptionLimits(TypedDict):
    """The decision whose options were weighed, and its limits."""

    subject: Annotated[str, Field(description="The decision.")]
    cost_limit: Annotated[str | None, Field(description="What an option may cost at most, such as `500 EUR`.")]
    time_limit: Annotated[str | None, Field(description="How long an option may take at most, such as `6 weeks`.")]


class WeighedOptions(TableAnswer, OptionLimits):
    """The options of a decision, in their order."""

    rows: Annotated[list[WeighedOption], Field(description="The options.")]
