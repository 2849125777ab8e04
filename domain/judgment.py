"""The judgment of a decision, as it is stored: a verdict on each decider, and what the verdicts rest on.

* `within`: a rule entitles the decider, it covers the cost, and enough people support the decision.
* `exceeds`: there are rules for this kind of decision, and none of them is met.
* `not_judged`: a rule might entitle the decider, but something it depends on is not in the log.
* `no_rule`: no product of the decision has a rule for this kind.

`domain.authority` judges. The judgment is stored in the event, and nothing recorded later changes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, Strict

from domain.delegation import Basis
from domain.fields import FieldChange
from domain.messages import Message
from domain.money import Cost
from domain.values import Holder, Integral, Person, Position, ProductId, Slug

RANKS: Final = ("no_rule", "within", "not_judged", "exceeds")
"""The verdicts, from the one that needs least attention to the one that needs most."""

VerdictCode = Literal["within", "exceeds", "no_rule", "not_judged"]
Flag = Literal["self_approved", "backdated"]
Reason = Literal[
    "entitled",
    "not_entitled",
    "left",
    "over_limit",
    "approvals_missing",
    "quorum_missing",
    "cost_missing",
    "currency_differs",
    "members_unknown",
    "delegation_claimed",
]
Tally = Annotated[int, Strict(), Field(ge=0, le=1000), Integral]


class Finding(Message):
    """What the decision rights of one product say of one decider."""

    product: ProductId = Field(description="The product of the decision.")
    rights_of: ProductId = Field(description="The product or line that the decision rights were set on.")
    rights: Position = Field(description="The position of the decision rights.")
    verdict: Literal["within", "exceeds", "not_judged"] = Field(description="The verdict for this product.")
    reason: Reason = Field(description="The reason for the verdict.")
    rule: Tally = Field(description="The number of the rule that the reason is about, from 1; 0 if it is about none.")
    mode: Literal["record", "enforce"] = Field(description="Whether the rule records or enforces.")
    holder: Holder | None = Field(None, description="Whom the rule entitles: the decider, their team, or a delegator.")
    role: Slug | None = Field(None, description="The role by which the rule entitles the holder, if not by name.")
    role_of: ProductId | None = Field(None, description="The product or line that the holder has the role on.")
    delegation: Position | None = Field(None, description="The position of the delegation the decider relies on.")
    cost_limit: Cost | None = Field(None, description="The highest cost that the rule or the delegation covers.")
    approvals: Tally = Field(1, description="How many people have to support the decision.")
    support: Tally = Field(0, description="How many of the people entitled by the rule support it.")
    quorum: Tally = Field(1, description="How many people have to take part.")
    participation: Tally = Field(0, description="How many of the people entitled by the rule took part.")
    rests_on: tuple[Position, ...] = Field((), description="The positions that this finding rests on, in order.")


class Verdict(Message):
    """Whether one decider was entitled to make a decision."""

    decider: Person = Field(description="The decider.")
    verdict: VerdictCode = Field(description="`within`, `exceeds`, `no_rule` or `not_judged`.")
    basis: Basis = Field(
        description="`own`: with their own credentials; `delegated`: with their recorded delegation; `claimed`: another "
        "person named them; `confirmed`: claimed, and they had approved the decision with their own credentials."
    )
    flags: tuple[Flag, ...] = Field(
        (),
        description="`self_approved`: the decider had proposed it, or recorded it in one step, and no other person decided "
        "or approved it. `backdated`: it was recorded after it took effect.",
    )
    findings: tuple[Finding, ...] = Field((), description="What the decision rights of each product say.")


class Judgment(Message):
    """The verdicts on the deciders of a decision, and what they were based on."""

    verdicts: tuple[Verdict, ...] = Field(description="One verdict for each decider, in order.")
    kind: Slug | None = Field(None, description="The kind of decision that was judged, if any rule applied.")
    cost: Cost | None = Field(None, description="The cost that was judged, if any rule applied.")
    delegation: Position | None = Field(
        None, description="The position of the delegation by which the actor decided for another person."
    )
    approvals: tuple[Position, ...] = Field((), description="The positions of the approvals that counted.")

    @property
    def verdict(self) -> VerdictCode:
        """The verdict that needs most attention."""
        return max((each.verdict for each in self.verdicts), key=RANKS.index)

    def verdict_on(self, products: Collection[str]) -> VerdictCode:
        """Return the verdict that needs most attention, by the decision rights of some of the products."""
        findings = (finding for each in self.verdicts for finding in each.findings if finding.product in products)
        return max((finding.verdict for finding in findings), key=RANKS.index, default="no_rule")

    @property
    def flags(self) -> tuple[Flag, ...]:
        """The flags of any decider."""
        return tuple(dict.fromkeys(flag for each in self.verdicts for flag in each.flags))

    def field_changes(self) -> Iterator[FieldChange]:
        """The fields by which decisions are found; none where no rule applied."""
        if self.verdict != "no_rule":
            yield FieldChange("authority", self.verdict)
            for flag in self.flags:
                yield FieldChange(f"authority.{flag}", True)


ENDING_AUTHORITY: Final = "authority.ending"
"""The field with the verdict on the people who superseded or reversed a decision, if a rule applied."""
AUTHORITY_FIELDS: Final = (
    "authority",
    "authority.self_approved",
    "authority.backdated",
    ENDING_AUTHORITY,
    "ratification",
)
"""The fields that describe the authority behind a decision; reopening empties them."""
