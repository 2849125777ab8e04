"""Who was entitled to decide, and who may."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from projections.answer_types.parts import At, Money, TableAnswer, TitledSubject


class RuleUse(TypedDict):
    """What a rule of the decision rights says."""

    rule: Annotated[int, Field(description="The number of the rule, from 1; 0 if no rule entitles the decider.")]
    mode: Annotated[str, Field(description="`record` or `enforce`.")]
    role: Annotated[str | None, Field(description="The role by which the rule entitles; null if it is by name.")]
    role_of: Annotated[str | None, Field(description="The product or line that the role is on.")]
    delegation: Annotated[int | None, Field(description="The position of the delegation it depends on, if any.")]
    cost_limit: Annotated[Money | None, Field(description="The highest cost covered; null if there is no limit.")]
    approvals: Annotated[int, Field(description="How many people have to support the decision.")]
    quorum: Annotated[int, Field(description="How many people have to take part.")]
    rights_of: Annotated[str, Field(description="The product or line that the decision rights were set on.")]
    rights: Annotated[int, Field(description="The position of the decision rights.")]
    rests_on: Annotated[list[int], Field(description="The positions that this rests on, in order.")]


class AuthorityFinding(RuleUse):
    """What the decision rights of one product say of a decider."""

    product: Annotated[str, Field(description="The product of the decision.")]
    verdict: Annotated[str, Field(description="`within`, `exceeds` or `not_judged`.")]
    reason: Annotated[str, Field(description="The reason, as a code, such as `over_limit`.")]
    holder: Annotated[str | None, Field(description="Whom the rule entitles: the decider, a team or a delegator.")]
    support: Annotated[int, Field(description="How many of the people entitled by the rule support the decision.")]
    participation: Annotated[int, Field(description="How many of the people entitled by the rule took part.")]


class AuthorityRow(TypedDict):
    """The verdict on one decider, in one event."""

    position: Annotated[int, Field(description="The position of the event.")]
    type: Annotated[str, Field(description="The stored name of the event, such as `DecisionAccepted.v1`.")]
    at: Annotated[At, Field(description="The time from which it is in effect, and for which it was judged.")]
    recorded_at: Annotated[At, Field(description="The time at which it was recorded.")]
    decider: Annotated[str, Field(description="The decider.")]
    verdict: Annotated[str, Field(description="As judged then: `within`, `exceeds`, `no_rule` or `not_judged`.")]
    basis: Annotated[str, Field(description="`own`, `delegated`, `claimed` or `confirmed` before it was decided.")]
    confirmed: Annotated[int | None, Field(description="The position at which the decider confirmed a claim.")]
    flags: Annotated[list[str], Field(description="`self_approved` and `backdated`, where they apply.")]
    explanation: Annotated[list[str], Field(description="The verdict in sentences, as judged then.")]
    verdict_now: Annotated[str, Field(description="The verdict with what is known at the requested time.")]
    explanation_now: Annotated[list[str], Field(description="That verdict in sentences.")]
    kind: Annotated[str | None, Field(description="The kind of decision that was judged; null without a rule.")]
    cost: Annotated[Money | None, Field(description="The cost that was judged; null if there was none.")]
    delegation: Annotated[int | None, Field(description="The position of the delegation the actor decided with.")]
    approvals: Annotated[list[int], Field(description="The positions of the approvals that counted.")]
    findings: Annotated[list[AuthorityFinding], Field(description="What the rights of each product said then.")]


class AuthorityVerdict(TypedDict):
    """The verdict on a decision, and whether it still has to be ratified."""

    verdict: Annotated[
        str | None,
        Field(
            description="The verdict on the latest acceptance or rejection, or on assigning the settled decision to products "
            "with decision rights since; null if there is none."
        ),
    ]
    needs_ratification: Annotated[
        bool, Field(description="Whether it exceeds, is in force, and no one entitled has ratified it.")
    ]
    ratified: Annotated[int | None, Field(description="The position of the ratification that resolved it, if any.")]


class AuthoritySummary(TitledSubject, AuthorityVerdict):
    """A decision with the verdict on it."""


class DecisionAuthority(TableAnswer, AuthoritySummary):
    """The authority behind a decision: a row for each person who made, rejected, ratified, changed or ended it."""

    rows: Annotated[list[AuthorityRow], Field(description="The verdicts, in the order of the log.")]


class DeciderRow(RuleUse):
    """A person or team that the decision rights of a product entitle."""

    holder: Annotated[str, Field(description="The person or team.")]
    members: Annotated[list[str], Field(description="The members of a team, as far as they are recorded.")]
    verdict: Annotated[str, Field(description="`within` if the rule covers the cost, `exceeds`, or `not_judged`.")]
    explanation: Annotated[str, Field(description="The reason as a clause.")]


class DecidersQuestion(TypedDict):
    """The decision that the deciders are for."""

    product: Annotated[str, Field(description="The product.")]
    kind: Annotated[str, Field(description="The kind of decision.")]
    cost: Annotated[Money | None, Field(description="The cost, if it was given.")]


class Deciders(TableAnswer, DecidersQuestion):
    """Who may decide about a product; no rows if no decision rights apply."""

    rows: Annotated[list[DeciderRow], Field(description="The people and teams, those whom the rights cover first.")]
