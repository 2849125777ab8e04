"""The judge of authority agrees with a naive one on random histories.

The naive judge knows a history as a list of facts, and asks its questions by scanning all of it. It shares no code with
`domain.authority`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from domain.authority import Question, Stance, judge
from domain.decision_messages import (
    AbstentionRecorded,
    Case,
    DecisionAccepted,
    DecisionApproved,
    DecisionProposed,
    ReopenDecision,
    ReverseDecision,
    SupersedeDecision,
)
from domain.decision_rights import DecisionRightsSet, DecisionRule
from domain.fields import Subjects
from domain.messages import Draft, Event
from domain.money import Cost
from domain.ownership import DelegationRevoked, OwnershipAssigned, OwnershipDelegated
from domain.people import PersonLeft, PersonMerged, PersonRegistered
from domain.product import ProductDefined
from tests.support_story import BACKGROUND, Story, day, day_time

PEOPLE = ("person:ann", "person:bob", "person:cy", "person:di")
HOLDERS = (*PEOPLE, "team:core")
PRODUCTS = ("product:line", "product:stall")
KINDS = ("strategic", "technical")
ROLES = ("accountable", "approver")
NOW = 100


@dataclass(frozen=True)
class Fact:
    """Something that happened, as the naive judge and as the log see it."""

    subject: str
    event: Event
    on: int


# The naive judge -----------------------------------------------------------------------------------------------------


def last(facts: list[Fact], on: int, subject: str, *types: type[Event], **fields: Any) -> Event | None:
    """Return the event of some types and fields that took effect last by a day."""
    candidates = [
        (fact.on, number, fact.event)
        for number, fact in enumerate(facts)
        if fact.on <= on and fact.subject == subject and isinstance(fact.event, types)
        if all(getattr(fact.event, name) == value for name, value in fields.items())
    ]
    return max(candidates, key=lambda candidate: candidate[:2])[2] if candidates else None


def is_over(event: Any, on: int) -> bool:
    return event is None or (event.until is not None and event.until <= day_time(on))


def identity(facts: list[Fact], person: str) -> str:
    for fact in facts:
        if fact.subject == person and isinstance(fact.event, PersonMerged):
            return identity(facts, fact.event.into)
    return person


def holders(facts: list[Fact], on: int, subject: str, role: str) -> tuple[str, ...]:
    event = last(facts, on, subject, OwnershipAssigned, role=role)
    return () if is_over(event, on) else event.holders  # type: ignore[union-attr]


def members(facts: list[Fact], on: int, team: str) -> list[str]:
    return [one for role in ("accountable", "member") for one in holders(facts, on, team, role)]


def is_holder(facts: list[Fact], on: int, person: str, holder: str) -> bool:
    ids = [holder] if holder.startswith("person:") else [holder, *members(facts, on, holder)]
    return identity(facts, person) in [identity(facts, one) for one in ids]


def path(product: str) -> list[str]:
    return ["product:stall", "product:line"] if product == "product:stall" else ["product:line"]


def find_named(facts: list[Fact], on: int, product: str, rule: DecisionRule) -> list[str]:
    """Return all whom a rule entitles without a delegation."""
    found = [*rule.holders]
    for roles, products in ((rule.roles, path(product)), (rule.line_roles, path(product)[1:])):
        for role in roles:
            found += next((held for one in products if (held := holders(facts, on, one, role))), ())
    return found


def has_left(facts: list[Fact], on: int, person: str) -> bool:
    return last(facts, on, identity(facts, person), PersonLeft) is not None


def entitled(facts: list[Fact], on: int, product: str, rule: DecisionRule, kind: str, person: str) -> Any:
    """Return the limit of a delegation, None without a limit; `no` if not entitled, `maybe` if a team is unknown."""
    if has_left(facts, on, person):
        return "no"
    entitled_holders = find_named(facts, on, product, rule)
    if any(is_holder(facts, on, person, holder) for holder in entitled_holders):
        return None
    for one in path(product):
        for key in ("d1", "d2"):
            event = last(facts, on, one, OwnershipDelegated, DelegationRevoked, delegation=key)
            if not isinstance(event, OwnershipDelegated) or is_over(event, on) or event.is_claim:
                continue
            gives = any(
                is_holder(facts, on, by, holder) and not has_left(facts, on, by)
                for by in event.by
                for holder in entitled_holders
            )
            if gives and is_holder(facts, on, person, event.to) and kind in (event.kinds or KINDS):
                return event.cost_limit
    unknown = [one for one in entitled_holders if one.startswith("team:") and not members(facts, on, one)]
    claimed = False
    for one in path(product):
        for key in ("d1", "d2"):
            event = last(facts, on, one, OwnershipDelegated, DelegationRevoked, delegation=key)
            if isinstance(event, OwnershipDelegated) and event.is_claim and not is_over(event, on):
                claimed = claimed or (
                    is_holder(facts, on, person, event.to)
                    and kind in (event.kinds or KINDS)
                    and any(
                        is_holder(facts, on, by, holder) and not has_left(facts, on, by)
                        for by in event.by
                        for holder in entitled_holders
                    )
                )
    return "maybe" if unknown and not claimed else "no"


def verdict_by_rule(
    facts: list[Fact], on: int, product: str, rule: DecisionRule, question: Question, decider: str
) -> str:
    def by_limit(limits: list[Cost | None]) -> str:
        given = [limit for limit in limits if limit]
        cost = question.cost
        if cost and any(limit.currency == cost.currency and limit.amount < cost.amount for limit in given):
            return "exceeds"
        return "within" if all(cost and limit.currency == cost.currency for limit in given) else "not_judged"

    def is_counted(person: str) -> bool:
        limit = entitled(facts, on, product, rule, question.kind, person)
        return limit not in ("no", "maybe") and by_limit([limit]) == "within"

    limit = entitled(facts, on, product, rule, question.kind, decider)
    if limit == "no":
        return "exceeds"
    if limit == "maybe":
        return "exceeds" if by_limit([rule.cost_limit]) == "exceeds" else "not_judged"
    covered = by_limit([limit, rule.cost_limit])
    if covered != "within":
        return covered
    support = {identity(facts, s.person) for s in (*question.deciders, *question.approvers) if is_counted(s.person)}
    others = {identity(facts, s.person) for s in question.others if is_counted(s.person)}
    is_met = len(support) >= rule.approvals and len(support | others) >= rule.quorum
    return "within" if is_met else "exceeds"


def naive_verdict(facts: list[Fact], on: int, question: Question, decider: str) -> str:
    found = []
    for product in question.products:
        events = (last(facts, on, one, DecisionRightsSet) for one in path(product))
        given = next((event.rules for event in events if isinstance(event, DecisionRightsSet) and event.rules), ())
        rules = [rule for rule in given if question.kind in (rule.kinds or KINDS)]
        verdicts = [verdict_by_rule(facts, on, product, rule, question, decider) for rule in rules]
        if verdicts:
            found.append(next(one for one in ("within", "not_judged", "exceeds") if one in verdicts))
    return next((one for one in ("exceeds", "not_judged", "within") if one in found), "no_rule")


# Random histories ----------------------------------------------------------------------------------------------------


class History:
    """Random facts and questions, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.choose = self.random.choice

    def some(self, of: Sequence[str], least: int = 0, most: int = 2) -> tuple[str, ...]:
        return tuple(self.random.sample(of, self.random.randint(least, most)))

    def cost(self) -> Cost | None:
        return self.choose([None, Cost(amount=self.random.randint(0, 3), currency=self.choose(["EUR", "EUR", "USD"]))])

    def until(self) -> Any:
        return self.choose([None, None, day_time(self.random.randint(NOW - 20, NOW + 20))])

    def rule(self) -> DecisionRule:
        roles, line_roles = self.some(ROLES), self.some(ROLES, most=1)
        return DecisionRule(
            kinds=self.some(KINDS, most=1),
            cost_limit=self.cost(),
            roles=roles,
            line_roles=line_roles,
            holders=self.some(HOLDERS, least=0 if roles or line_roles else 1),
            approvals=self.choose([1, 1, 2]),
            quorum=self.choose([1, 1, 2]),
        )

    def rights(self) -> Event:
        return DecisionRightsSet(rules=tuple(self.rule() for _ in range(self.random.randint(0, 3))))

    def assignment(self) -> Event:
        return OwnershipAssigned(role=self.choose(ROLES), holders=self.some(HOLDERS, least=1), until=self.until())

    def delegation(self) -> Event:
        return OwnershipDelegated(
            delegation=self.choose(["d1", "d2"]),
            to=self.choose(HOLDERS),
            by=self.some(HOLDERS, least=1),
            kinds=self.some(KINDS, most=1),
            cost_limit=self.cost(),
            until=self.until(),
            is_claim=self.choose([None, None, True]),
        )

    def revocation(self) -> Event:
        return DelegationRevoked(delegation=self.choose(["d1", "d2"]))

    def fact(self) -> Fact:
        on = self.random.randint(1, NOW)
        match self.random.randint(0, 9):
            case 0:
                return Fact("team:core", OwnershipAssigned(role="member", holders=self.some(PEOPLE, least=1)), on)
            case 1:
                return Fact(self.choose(PEOPLE[2:]), PersonLeft(), on)
            case 2:
                return Fact(self.choose(PRODUCTS), self.revocation(), on)
            case 3 | 4:
                return Fact(self.choose(PRODUCTS), self.delegation(), on)
            case 5 | 6:
                return Fact(self.choose(PRODUCTS), self.assignment(), on)
            case _:
                return Fact(self.choose(PRODUCTS), self.rights(), on)

    def facts(self) -> list[Fact]:
        merges = [Fact("person:di", PersonMerged(into="person:cy"), 1)] if self.choose([True, False]) else []
        return [*(self.fact() for _ in range(self.random.randint(2, 20))), *merges]

    def stances(self, least: int = 0) -> tuple[Stance, ...]:
        return tuple(Stance(person, "own") for person in self.some(PEOPLE, least))

    def question(self) -> Question:
        return Question(
            products=self.some(PRODUCTS, least=1),
            kind=self.choose(KINDS),
            cost=self.cost(),
            deciders=self.stances(least=1),
            approvers=self.stances(),
            others=self.stances(),
        )


def test_the_judge_agrees_with_a_naive_judge() -> None:
    """Whatever happened, in whatever order it was recorded, both judges return the same verdicts."""
    seen: Counter[str] = Counter()
    for seed in range(400):
        history = History(seed)
        facts = history.facts()
        subjects = Subjects(build_story(facts).state, lambda _: ())
        for _ in range(2):
            question, on = history.question(), history.random.randint(1, NOW)
            found = [verdict.verdict for verdict in judge(question, subjects, day(on)).verdicts]
            assert found == [naive_verdict(facts, on, question, one.person) for one in question.deciders], seed
            seen.update(found)
    assert min(seen[verdict] for verdict in ("within", "exceeds", "not_judged", "no_rule")) > 50, seen


def test_a_naive_judge_agrees_on_who_may_end_a_decision() -> None:
    """Whatever happened, the verdict on reversing, superseding or reopening a decision is that of the naive judge."""
    seen: Counter[tuple[str, str]] = Counter()
    for seed in range(400):
        history = History(seed)
        facts, choose = history.facts(), history.choose
        question, actor = history.question(), choose(PEOPLE)
        successor_products = choose([question.products, PRODUCTS, ()])
        story = build_story(facts)
        case = Case(kind=question.kind, products=question.products, cost=question.cost)
        build_decision(story, "decision:old", case)
        build_decision(story, "decision:new", Case(products=successor_products), question)
        command = choose(
            [
                ReverseDecision(subject="decision:old", why="W."),
                ReverseDecision(subject="decision:old", why="W.", by="decision:new"),
                SupersedeDecision(subject="decision:old", by=("decision:new",)),
                ReopenDecision(subject="decision:old", why="W."),
            ]
        )
        abstaining = {each.person for each in question.others}
        approvers = tuple(each for each in question.approvers if each.person not in abstaining)
        counts = getattr(command, "by", None) and set(question.products) <= set(successor_products)
        asked = question._replace(
            deciders=(Stance(actor, "own"),),
            approvers=approvers if counts else (),
            others=question.others if counts else (),
        )
        if isinstance(command, ReopenDecision):
            facts = [ignoring_support(fact) for fact in facts]
        outcome = story.when(command, actor=actor)
        outcome.recorded()
        found = outcome.drafts[0].event.authority.verdict  # type: ignore[attr-defined]
        assert found == naive_verdict(facts, NOW, asked, actor), (seed, command)
        seen[command.type, found] += 1
    assert all(
        seen[kind, found] for kind in ("ReverseDecision", "SupersedeDecision") for found in ("within", "exceeds")
    )


def build_decision(story: Story, subject: str, case: Case, support: Question | None = None) -> None:
    """An accepted decision, and who approved it or abstained from it before."""
    drafts: list[Event] = [DecisionProposed(title="T", **dict(case))]
    if support:
        others = {each.person for each in support.others}
        stances = {each.person for each in support.approvers} | others
        drafts += [
            AbstentionRecorded(by=one, basis="own") if one in others else DecisionApproved(by=one, basis="own")
            for one in sorted(stances)
        ]
    drafts.append(DecisionAccepted(deciders=PEOPLE[:1], decision="D.", why="W."))
    for event in drafts:
        story.record(Draft(subject, event), day(0))


def ignoring_support(fact: Fact) -> Fact:
    """The same rights, where one entitled person is enough."""
    if not isinstance(fact.event, DecisionRightsSet):
        return fact
    rules = tuple(rule.model_copy(update={"approvals": 1, "quorum": 1}) for rule in fact.event.rules)
    return Fact(fact.subject, DecisionRightsSet(rules=rules), fact.on)


def build_story(facts: list[Fact]) -> Story:
    story = Story()
    for draft in BACKGROUND:
        story.record(draft, day(0))
    for person in PEOPLE[2:]:
        story.record(Draft(person, PersonRegistered()), day(0))
    story.record(Draft("product:line", ProductDefined(title="Line")), day(0))
    story.record(Draft("product:stall", ProductDefined(title="Stall", line="product:line")), day(0))
    for fact in facts:
        story.record(Draft(fact.subject, fact.event), day(fact.on))
    return story
