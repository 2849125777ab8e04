"""Decision rights: who may decide what about a product.

They are rules that are set together and replaced together. A product without rights of its own has those of its line,
or of the line of that: the nearest wins. `domain.authority` judges decisions by them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import ConfigDict, Field, Strict, StrictBool, model_validator
from pydantic_core import PydanticCustomError

from domain.errors import NothingChanges
from domain.fields import FieldChange, Subjects, Value
from domain.messages import Command, CommandContext, Draft, Event, Message
from domain.money import Cost
from domain.roles import LINE_FIELD, iterate_lines
from domain.values import COMBINATION, STORED, Holder, Integral, ProductId, Slug

RIGHTS_FIELD: Final = "decision_rights"
"""The field of a product that contains its decision rights: a list of rules."""

Count = Annotated[int, Strict(), Field(ge=1, le=100), Integral]


class DecisionRule(Message):
    """One rule of the decision rights of a product: who may decide what."""

    model_config = ConfigDict(
        json_schema_extra={
            "not": {"properties": {name: {"maxItems": 0} for name in ("roles", "line_roles", "holders")}}
        }
    )

    kinds: tuple[Slug, ...] = Field((), max_length=50, description="The kinds of decision it is for; all by default.")
    cost_limit: Cost | None = Field(None, description="The highest cost it covers; any cost by default.")
    roles: tuple[Slug, ...] = Field(
        (),
        max_length=50,
        description="Roles whose holders may decide, such as `accountable` or `approver`: the holders on the product, "
        "or if it has none, on its line.",
    )
    line_roles: tuple[Slug, ...] = Field(
        (), max_length=50, description="Roles on the product's line whose holders may decide."
    )
    holders: tuple[Holder, ...] = Field((), max_length=100, description="People and teams who may decide, by name.")
    approvals: Count = Field(
        1, description="How many of them have to support a decision: those who decide it, and those who approved it."
    )
    quorum: Count = Field(
        1, description="How many of them have to take part: those who support it, abstain from it or dissent from it."
    )
    mode: Literal["record", "enforce"] = Field(
        "record",
        description="`record`: a decision that meets no rule is recorded with its verdict. `enforce`: it is refused.",
    )
    independent_review: StrictBool | None = Field(
        None, description="Whether the result of such a decision is reviewed by a person who did not decide it."
    )

    @model_validator(mode="after")
    def _check_entitles(self) -> DecisionRule:
        if not (self.roles or self.line_roles or self.holders):
            raise PydanticCustomError(COMBINATION, "give at least one of `roles`, `line_roles` and `holders`")
        return self


class SetDecisionRights(Command):
    """Set who may decide what about a product, and about the products of its line without rights of their own."""

    type: Literal["SetDecisionRights"] = "SetDecisionRights"
    subject: ProductId
    rules: tuple[DecisionRule, ...] = Field(
        max_length=50,
        description="All rules; replaces the previous ones. Without any, the rights of its line apply again.",
    )


class DecisionRightsSet(Event):
    """The decision rights of a product were set, replacing the previous ones."""

    rules: tuple[DecisionRule, ...]

    def field_changes(self) -> Iterable[FieldChange]:
        rules: list[Value] = [rule.model_dump(mode="json", exclude_defaults=True) for rule in self.rules]
        holders = dict.fromkeys(holder for rule in self.rules for holder in rule.holders)
        yield FieldChange(RIGHTS_FIELD, rules, refs=tuple(holders))


def decide(command: SetDecisionRights, context: CommandContext, subjects: Subjects) -> list[Draft]:
    """Decide a command about decision rights.

    Raises:
        Refused: one of its subclasses; see `domain.errors`.
    """
    event = DecisionRightsSet(rules=command.rules)
    (change,) = event.field_changes()
    if (subjects[command.subject].value_at(RIGHTS_FIELD, context.effective_at) or []) == change.value:
        raise NothingChanges(
            f"{command.subject} already has these decision rights", field="rules", subject=command.subject
        )
    return [Draft(command.subject, event)]


class Rights(NamedTuple):
    """The rules that apply to a product, and the product or line they were set on."""

    rules: tuple[DecisionRule, ...]
    product: str
    position: int
    lines: tuple[int, ...]
    """The positions at which each line on the way to `product` was set."""


def find_rights(product: str, subjects: Subjects, at: int) -> Rights | None:
    """Return the decision rights of a product at a time: its own, or those of the nearest line that has some."""
    lines: list[int] = []
    for each in iterate_lines(product, subjects, at):
        state = subjects[each]
        row = state.row_at(RIGHTS_FIELD, at)
        if row is not None and (rules := _parse_rules(state.value_at(RIGHTS_FIELD, at))):
            return Rights(rules, each, row.position, tuple(lines))
        line = state.row_at(LINE_FIELD, at)
        lines += [line.position] if line else []
    return None


def _parse_rules(rules: Value) -> tuple[DecisionRule, ...]:
    # Only imported history, which no rule checks, can hold anything but a list of objects.
    listed = rules if isinstance(rules, list) else []
    return tuple(DecisionRule.model_validate(rule, context=STORED) for rule in listed if isinstance(rule, dict))


def find_review_rule(products: Iterable[str], kind: str, subjects: Subjects, at: int) -> str | None:
    """Return the product or line whose rights ask for an independent review of a kind of decision, or None."""
    for product in products:
        rights = find_rights(product, subjects, at)
        if rights and any(rule.independent_review and (not rule.kinds or kind in rule.kinds) for rule in rights.rules):
            return rights.product
    return None
