"""Decision rights, and the verdicts on the people who decide."""

from typing import Any

import pytest
from pydantic import ValidationError

from domain.any_subject import AssignToProducts, ChangesImported, ImportedChange, SubjectRemoved, VoidEntry
from domain.decision_messages import (
    AbstainFromDecision,
    AcceptDecision,
    ApproveDecision,
    ConfirmDecision,
    DecisionAccepted,
    DecisionApproved,
    DecisionProposed,
    DecisionRecorded,
    DissentFromDecision,
    ProposeDecision,
    RatifyDecision,
    RecordDecision,
    RejectDecision,
    ReopenDecision,
    ReverseDecision,
    ReviseDecision,
    SupersedeDecision,
)
from domain.decision_rights import DecisionRightsSet, DecisionRule, SetDecisionRights
from domain.delegation import DelegateActions
from domain.errors import Forbidden, NothingChanges
from domain.evidence import RecordEvidence
from domain.judgment import Judgment, Verdict
from domain.judgment_explanation import explain_verdict
from domain.messages import Command, Event
from domain.money import Cost
from domain.ownership import (
    DelegateOwnership,
    HandOverOwnership,
    OwnershipAssigned,
    ReleaseOwnership,
    RevokeDelegation,
)
from domain.people import PersonLeft, PersonMerged, PersonRegistered
from domain.product import ProductDefined
from tests.support_story import Story, backdated, day, day_time, fact, given

SHOP, MARKET, TEA, OLD = "product:shop", "product:market", "decision:tea", "decision:old"
ANN, BOB, CEO = "person:ann", "person:bob", "person:ceo"
OWNED = fact(SHOP, OwnershipAssigned(role="accountable", holders=(ANN,)))
CEO_JOINS = fact(CEO, PersonRegistered())
EUR = "EUR"


def rule(**values: Any) -> dict[str, Any]:
    return values


OWNER_RULE = rule(roles=("accountable",))


def rights(*rules: dict[str, Any], of: str = SHOP) -> Any:
    return fact(of, DecisionRightsSet(rules=tuple(DecisionRule.model_validate(each) for each in rules)))


def proposed(by: str = BOB, **values: Any) -> Any:
    return fact(TEA, DecisionProposed(title="Tea", by=by, **{"products": (SHOP,), **values}))


def record(**values: Any) -> RecordDecision:
    defaults = {"key": "tea", "title": "Tea", "decision": "Tea.", "why": "Thirst.", "accountable": BOB}
    return RecordDecision.model_validate({**defaults, "products": ("shop",), **values})


def accept(**values: Any) -> AcceptDecision:
    return AcceptDecision.model_validate({"subject": TEA, **values})


def judgment_of(story: Story, command: Command, **when: Any) -> Judgment:
    outcome = story.when(command, **when)
    outcome.recorded()
    judgment: Judgment = outcome.drafts[0].event.authority  # type: ignore[attr-defined]
    return judgment


def verdict_of(story: Story, command: Command, **when: Any) -> Verdict:
    return judgment_of(story, command, **when).verdicts[0]


def code_of(story: Story, command: Command, **when: Any) -> tuple[str, str]:
    """Return the verdict and its reason."""
    verdict = verdict_of(story, command, **when)
    return verdict.verdict, verdict.findings[0].reason if verdict.findings else ""


# Rules


def test_the_accountable_person_is_within_their_rights() -> None:
    """A verdict names the rule, the role, and the positions of the rights and of the role."""
    story = given(OWNED, rights(OWNER_RULE))
    verdict = verdict_of(story, record())
    (finding,) = verdict.findings
    assert (verdict.verdict, verdict.basis, finding.role, finding.holder) == ("within", "own", "accountable", ANN)
    assert (finding.rule, finding.rests_on) == (1, (5, 6))


def test_others_exceed_their_rights_and_are_recorded() -> None:
    """Rights that only record do not block a decision that exceeds them."""
    assert code_of(given(OWNED, rights(OWNER_RULE)), record(), actor=BOB) == ("exceeds", "not_entitled")


def test_without_rights_there_is_no_rule() -> None:
    """A product without decision rights yields `no_rule`, without findings or flags."""
    verdict = verdict_of(given(OWNED), record())
    assert verdict == Verdict(decider=ANN, verdict="no_rule", basis="own")


def test_a_rule_for_other_kinds_does_not_apply() -> None:
    """Rights that have no rule for the kind of a decision yield `no_rule`."""
    assert code_of(given(rights(rule(kinds=("technical",), holders=(BOB,)))), record()) == ("no_rule", "")


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        ({"amount": 1000, "currency": EUR}, ("within", "entitled")),
        ({"amount": 1001, "currency": EUR}, ("exceeds", "over_limit")),
        ({"amount": 1, "currency": "USD"}, ("not_judged", "currency_differs")),
        (None, ("not_judged", "cost_missing")),
    ],
)
def test_a_limit(cost: Any, expected: tuple[str, str]) -> None:
    """A rule covers costs up to its limit, in its currency; a cost that is not stated cannot be judged."""
    story = given(OWNED, rights(rule(roles=("accountable",), cost_limit={"amount": 1000, "currency": EUR})))
    assert code_of(story, record(cost=cost)) == expected


def test_rules_are_alternatives() -> None:
    """The rule that entitles a decider counts, whatever its place."""
    story = given(OWNED, rights(rule(holders=(BOB,)), OWNER_RULE))
    assert verdict_of(story, record()).findings[0].rule == 2


def test_a_product_inherits_the_rights_of_its_line() -> None:
    """A product without rights of its own has those of its line; the verdict rests on the line, too."""
    line = fact(MARKET, ProductDefined(title="Market"))
    stall = fact("product:stall", ProductDefined(title="Stall", line=MARKET, accountable=ANN))
    story = given(line, stall, rights(OWNER_RULE, of=MARKET))
    (finding,) = verdict_of(story, record(products=("stall",))).findings
    assert (finding.verdict, finding.product, finding.rights_of) == ("within", "product:stall", MARKET)
    assert finding.rests_on == (6, 7)


def test_the_nearest_rights_win() -> None:
    """A product's own rights replace those of its line."""
    line = fact(MARKET, ProductDefined(title="Market"))
    stall = fact("product:stall", ProductDefined(title="Stall", line=MARKET))
    story = given(
        line, stall, rights(rule(holders=(ANN,)), of=MARKET), rights(rule(holders=(BOB,)), of="product:stall")
    )
    assert code_of(story, record(products=("stall",))) == ("exceeds", "not_entitled")


def test_the_owner_of_the_line() -> None:
    """`line_roles` entitles the holders of a role on the line, and not those on the product."""
    line = fact(MARKET, ProductDefined(title="Market", accountable=BOB))
    stall = fact("product:stall", ProductDefined(title="Stall", line=MARKET, accountable=ANN))
    story = given(line, stall, rights(rule(line_roles=("accountable",)), of=MARKET))
    assert code_of(story, record(products=("stall",)), actor=BOB) == ("within", "entitled")
    assert code_of(story, record(products=("stall",)), actor=ANN) == ("exceeds", "not_entitled")


def test_the_worst_of_several_products() -> None:
    """A decision about two products is within a decider's rights only if it is for both."""
    market = fact(MARKET, ProductDefined(title="Market"))
    story = given(OWNED, rights(OWNER_RULE), market, rights(rule(holders=(BOB,)), of=MARKET))
    verdict = verdict_of(story, record(products=("shop", "market")))
    assert (verdict.verdict, [finding.verdict for finding in verdict.findings]) == ("exceeds", ["within", "exceeds"])


def test_members_of_a_team() -> None:
    """A rule that names a team entitles its members; a team without recorded members cannot be judged."""
    named = rights(rule(holders=("team:core",)))
    members = fact("team:core", OwnershipAssigned(role="member", holders=(ANN,)))
    assert code_of(given(named), record()) == ("not_judged", "members_unknown")
    assert code_of(given(named, members), record()) == ("within", "entitled")
    assert code_of(given(named, members), record(), actor=BOB) == ("exceeds", "not_entitled")


def test_a_merged_person() -> None:
    """A right that names one id of a person entitles their other ids."""
    story = given(rights(rule(holders=(BOB,))), fact(ANN, PersonMerged(into=BOB)))
    assert code_of(story, record()) == ("within", "entitled")


def test_a_person_who_had_left() -> None:
    """A right does not entitle a person who had left when the decision took effect."""
    story = given(rights(rule(holders=(BOB,))), fact(BOB, PersonLeft()))
    assert code_of(story, record(deciders=(BOB,), accountable=ANN)) == ("exceeds", "left")
    assert code_of(story, backdated(record(deciders=(BOB,), accountable=ANN), 1)) == ("within", "entitled")


def test_setting_the_same_rights_again() -> None:
    """Setting the rights that are already in force changes nothing."""
    command = SetDecisionRights(subject=SHOP, rules=(DecisionRule(holders=(BOB,)),))
    given().when(command).recorded().when(command).refused(NothingChanges, "rules")


def test_a_rule_without_holders() -> None:
    """A rule without roles and holders is refused."""
    with pytest.raises(ValidationError, match="at least one of"):
        DecisionRule()


@pytest.mark.parametrize("cost", [{"amount": 1, "currency": "EURO"}, {"amount": -1, "currency": EUR}])
def test_an_invalid_cost(cost: Any) -> None:
    """A cost is a whole, non-negative amount in a currency of ISO 4217."""
    with pytest.raises(ValidationError):
        Cost.model_validate(cost)


# Delegated ownership


def delegate(**values: Any) -> DelegateOwnership:
    return DelegateOwnership.model_validate({"subject": SHOP, "delegation": "d", "to": BOB, **values})


def test_a_delegation_entitles() -> None:
    """A person to whom an entitled person delegated is within their rights; the verdict rests on the delegation."""
    story = given(OWNED, rights(OWNER_RULE)).when(delegate()).recorded()
    (finding,) = verdict_of(story, record(), actor=BOB).findings
    assert (finding.verdict, finding.holder, finding.delegation, finding.rests_on) == ("within", ANN, 7, (5, 6, 7))


def test_a_delegation_to_oneself() -> None:
    """A delegation that its holder did not give with their own credentials does not entitle."""
    story = given(OWNED, rights(OWNER_RULE)).when(delegate(), actor=BOB).recorded()
    assert code_of(story, record(), actor=BOB) == ("exceeds", "delegation_claimed")


def test_a_delegation_with_a_limit() -> None:
    """A delegation covers what it says, within what the rule covers."""
    story = given(OWNED, rights(OWNER_RULE)).when(
        delegate(cost_limit={"amount": 10, "currency": EUR}, kinds=("feature",))
    )
    after = story.recorded()
    for cost, kind, expected in [(10, "feature", "within"), (11, "feature", "exceeds"), (10, "process", "exceeds")]:
        command = record(kind=kind, cost={"amount": cost, "currency": EUR})
        assert code_of(after, command, actor=BOB)[0] == expected


def test_a_delegation_ends_with_the_role() -> None:
    """A delegation does not entitle after the one who gave it lost the role."""
    story = given(OWNED, rights(OWNER_RULE), CEO_JOINS).when(delegate()).recorded()
    after = story.when(HandOverOwnership(subject=SHOP, to=CEO)).recorded()
    assert code_of(after, record(), actor=BOB) == ("exceeds", "not_entitled")


NOON = day_time(50)


@pytest.mark.parametrize(("seconds", "expected"), [(-1, "within"), (0, "exceeds")])
def test_a_delegation_that_ends_at_noon(seconds: int, expected: str) -> None:
    """A delegation until noon covers what takes effect a second earlier, and nothing at noon, on both clocks."""
    from datetime import timedelta

    time = NOON + timedelta(seconds=seconds)
    story = given(OWNED, rights(OWNER_RULE)).when(delegate(until=NOON), on=10).recorded()
    stated = record(effective_at=time)
    assert code_of(story, stated, actor=BOB)[0] == expected
    recorded_then = story.when(record(), on=50 + seconds / 86400, actor=BOB)  # type: ignore[arg-type]
    assert recorded_then.recorded().value(TEA, "authority") == expected


# Claims, approvals and quorum


def test_a_named_decider_is_a_claim() -> None:
    """A decider whom another person names is claimed; one who had approved with their own credentials is confirmed."""
    story = given(OWNED, rights(OWNER_RULE), proposed())
    assert verdict_of(story, accept(deciders=(ANN,)), actor=BOB).basis == "claimed"
    approved = story.when(ApproveDecision(subject=TEA)).recorded()
    assert verdict_of(approved, accept(deciders=(ANN,)), actor=BOB).basis == "confirmed"
    claimed = story.when(ApproveDecision(subject=TEA, by=ANN), actor=BOB).recorded()
    assert verdict_of(claimed, accept(deciders=(ANN,)), actor=BOB).basis == "claimed"


TWO = rule(holders=(ANN, BOB), approvals=2)


def test_approvals() -> None:
    """A rule that requires two people is met when one decides and another has approved; the approval is named."""
    story = given(rights(TWO), proposed())
    assert code_of(story, accept()) == ("exceeds", "approvals_missing")
    judgment = judgment_of(story.when(ApproveDecision(subject=TEA), actor=BOB).recorded(), accept())
    assert (judgment.verdict, judgment.approvals, judgment.verdicts[0].findings[0].support) == ("within", (7,), 2)


def test_an_approval_by_a_person_without_rights() -> None:
    """An approval counts only if the rule entitles the person who gave it."""
    story = given(CEO_JOINS, rights(TWO), proposed()).when(ApproveDecision(subject=TEA), actor=CEO).recorded()
    assert code_of(story, accept()) == ("exceeds", "approvals_missing")


@pytest.mark.parametrize(
    "later",
    [
        ReviseDecision(subject=TEA, title="Green tea"),
        DissentFromDecision(subject=TEA, why="No."),
        AbstainFromDecision(subject=TEA),
    ],
    ids=lambda command: command.type,
)
def test_an_approval_that_no_longer_counts(later: Command) -> None:
    """An approval ends with a revision of the decision, and with another stance of the same person."""
    story = given(rights(TWO), proposed()).when(ApproveDecision(subject=TEA), actor=BOB).recorded()
    assert code_of(story.when(later, actor=BOB).recorded(), accept()) == ("exceeds", "approvals_missing")


def test_quorum() -> None:
    """People who abstain or dissent count for the quorum, but not as support."""
    story = given(rights(rule(holders=(ANN, BOB), quorum=2)), proposed())
    assert code_of(story, accept()) == ("exceeds", "quorum_missing")
    assert code_of(story.when(AbstainFromDecision(subject=TEA), actor=BOB).recorded(), accept()) == (
        "within",
        "entitled",
    )


def test_the_same_approval_again() -> None:
    """An approval is recorded once; a claimed one can be given again with one's own credentials."""
    story = given(proposed()).when(ApproveDecision(subject=TEA, by=ANN), actor=BOB).recorded()
    own = story.when(ApproveDecision(subject=TEA)).recorded()
    own.when(ApproveDecision(subject=TEA)).refused(NothingChanges, "subject", "already recorded")
    own.when(ApproveDecision(subject=TEA, by=ANN), actor=BOB).refused(NothingChanges, "subject")


# Flags


def test_self_approval() -> None:
    """The flag is set if the proposer decides and no other person decided or approved."""
    story = given(OWNED, rights(OWNER_RULE), proposed(by=ANN))
    assert verdict_of(story, accept()).flags == ("self_approved",)
    assert verdict_of(story.when(ApproveDecision(subject=TEA), actor=BOB).recorded(), accept()).flags == ()
    assert verdict_of(given(OWNED, rights(OWNER_RULE), proposed(by=BOB)), accept()).flags == ()


def test_backdating() -> None:
    """A decision that is recorded after it took effect is flagged, and judged by the rights of its effective time."""
    story = given(OWNED, rights(rule(holders=(BOB,))), proposed(), rights(OWNER_RULE))
    verdict = verdict_of(story, backdated(accept(), 3))
    assert (verdict.verdict, verdict.flags) == ("exceeds", ("backdated",))


# Enforcement


ENFORCED = rule(roles=("accountable",), mode="enforce")


def test_enforced_rights_refuse() -> None:
    """Enforced rights refuse a decider whom they do not entitle, with a sentence that says why."""
    story = given(OWNED, rights(ENFORCED), proposed())
    story.when(accept(), actor=BOB).refused(Forbidden, "deciders", "no rule entitles")
    story.when(accept()).recorded()


@pytest.mark.parametrize("command", [accept(deciders=(ANN,)), accept(on_behalf_of=ANN)])
def test_enforced_rights_count_no_claim(command: Command) -> None:
    """Enforced rights are not met by a claim that an entitled person decided."""
    given(OWNED, rights(ENFORCED), proposed()).when(command, actor=BOB).refused(
        Forbidden, "deciders", "own credentials"
    )


def test_enforced_rights_count_a_confirmed_decider() -> None:
    """Another person can record the decision of an entitled person who approved it with their own credentials."""
    story = given(OWNED, rights(ENFORCED), proposed()).when(ApproveDecision(subject=TEA)).recorded()
    story.when(accept(deciders=(ANN,)), actor=BOB).recorded()


def test_backdating_does_not_revive_an_enforced_right() -> None:
    """A decision dated to when its decider had the right is refused if they no longer have it."""
    story = given(OWNED, rights(ENFORCED), proposed()).when(ReleaseOwnership(subject=SHOP), on=50).recorded()
    story.when(backdated(accept(), 40)).refused(Forbidden, "deciders")


def test_enforced_rights_that_came_later() -> None:
    """A decision dated to before rights were enforced is refused if they forbid it now."""
    story = given(OWNED, proposed(), rights(ENFORCED))
    story.when(backdated(accept(), 2), actor=BOB).refused(Forbidden, "deciders")


def test_enforced_rights_and_rejection() -> None:
    """Only an entitled person rejects; the approvals that an acceptance requires are not needed."""
    story = given(rights({**TWO, "mode": "enforce"}), CEO_JOINS, proposed())
    story.when(RejectDecision(subject=TEA, why="No."), actor=CEO).refused(Forbidden, "deciders")
    story.when(RejectDecision(subject=TEA, why="No.")).recorded()


# Ending a decision


ACCEPTED = fact(TEA, DecisionAccepted(deciders=(ANN,), decision="Tea.", why="Thirst."))
ENDINGS = [
    ReverseDecision(subject=TEA, why="Too hot."),
    SupersedeDecision(subject=TEA, by=("decision:juice",)),
    ReopenDecision(subject=TEA, why="News."),
    record(key="water", supersedes=("tea",)),
]


def juice(*more: Any, products: tuple[str, ...] = (SHOP,)) -> tuple[Any, ...]:
    """Another decision, which was accepted after `more` happened to it."""
    accepted = DecisionAccepted(deciders=(ANN,), decision="Juice.", why="Thirst.")
    proposal = DecisionProposed(title="Juice", by=BOB, products=products)
    return (
        fact("decision:juice", proposal),
        *(fact("decision:juice", each) for each in more),
        fact("decision:juice", accepted),
    )


@pytest.mark.parametrize("command", ENDINGS, ids=lambda command: command.type)
def test_the_people_who_end_a_decision_are_judged(command: Command) -> None:
    """Reversing, superseding or reopening an accepted decision is judged by the rights for making it."""
    story = given(OWNED, rights(OWNER_RULE), proposed(), ACCEPTED, *juice())
    verdicts = []
    for actor in (ANN, BOB):
        outcome = story.when(command, actor=actor)
        outcome.recorded()
        ended = next(draft.event for draft in outcome.drafts if draft.subject == TEA)
        verdicts.append((ended.authority.verdict, ended.authority.verdicts[0].decider))  # type: ignore[attr-defined]
    assert verdicts == [("within", ANN), ("exceeds", BOB)]


@pytest.mark.parametrize("command", ENDINGS, ids=lambda command: command.type)
def test_enforced_rights_refuse_an_end(command: Command) -> None:
    """Enforced rights refuse a person who is not entitled to end a decision, and do not count a claim."""
    story = given(OWNED, rights(ENFORCED), proposed(), ACCEPTED, *juice())
    story.when(command, actor=BOB).refused(Forbidden, "deciders")
    if "deciders" in type(command).model_fields:
        claim = command.model_copy(update={"deciders": (ANN,)})
        story.when(claim, actor=BOB).refused(Forbidden, "deciders", "own credentials")
    story.when(command).recorded()


def test_the_authority_of_an_end_is_a_field_of_its_own() -> None:
    """Ending a decision leaves the verdict on those who made it; reopening it empties both, and who ended it."""
    names = ("authority", "authority.ending", "ended_by")
    story = given(OWNED, rights(OWNER_RULE), proposed()).when(accept()).recorded()
    ended = story.when(ReverseDecision(subject=TEA, why="Too hot."), actor=BOB).recorded()
    assert [ended.value(TEA, name) for name in names[:2]] == ["within", "exceeds"]
    assert ended.state(TEA).subjects_at("ended_by", ended.state(TEA).latest_row("ended_by").valid_from) == (BOB,)  # type: ignore[union-attr]
    reopened = ended.when(ReopenDecision(subject=TEA, why="News.")).recorded()
    assert [reopened.value(TEA, name) for name in names] == [None, None, None]


def test_reopening_what_is_not_in_force_is_not_judged() -> None:
    """A deferred, rejected, withdrawn or reversed decision is reopened without a verdict."""
    story = (
        given(OWNED, rights(ENFORCED), proposed(), ACCEPTED).when(ReverseDecision(subject=TEA, why="Hot.")).recorded()
    )
    outcome = story.when(ReopenDecision(subject=TEA, why="News."), actor=BOB)
    outcome.recorded()
    assert outcome.drafts[0].event.authority is None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("successor", "verdict"),
    [
        (juice(DecisionApproved(by=BOB, basis="own")), "within"),
        (juice(DecisionApproved(by=BOB, basis="own"), products=()), "exceeds"),
        (juice(), "exceeds"),
    ],
    ids=["approved", "about another product", "not approved"],
)
@pytest.mark.parametrize("command", [ReverseDecision(subject=TEA, why="Hot.", by="decision:juice"), ENDINGS[1]])
def test_the_approvals_of_a_successor_support_an_end(command: Command, successor: Any, verdict: str) -> None:
    """Where making a decision takes two people, ending it takes two: approvals of what replaces it count."""
    approval = fact(TEA, DecisionApproved(by=BOB, basis="own"))  # for making it, not for ending it
    story = given(rights(TWO), proposed(), approval, ACCEPTED, *successor)
    assert judgment_of(story, command).verdict == verdict


def test_one_entitled_person_reopens() -> None:
    """The approvals that an acceptance requires are not needed to reopen a decision."""
    story = given(rights({**TWO, "mode": "enforce"}), CEO_JOINS, proposed(), ACCEPTED)
    story.when(ReopenDecision(subject=TEA, why="News."), actor=CEO).refused(Forbidden, "deciders")
    story.when(ReopenDecision(subject=TEA, why="News.")).recorded()


def test_a_claimed_end_is_confirmed() -> None:
    """A person who is named as having ended a decision confirms it, also if they had confirmed its acceptance."""
    story = given(OWNED, proposed()).when(accept(deciders=(ANN,)), actor=BOB).recorded()
    story = story.when(ConfirmDecision(subject=TEA)).recorded()
    story = story.when(ReverseDecision(subject=TEA, why="Hot.", deciders=(ANN,)), actor=BOB).recorded()
    story = story.when(ConfirmDecision(subject=TEA)).recorded()
    story.when(ConfirmDecision(subject=TEA)).refused(NothingChanges, "subject", "already confirmed")


# Ratification


def test_ratification() -> None:
    """Only an entitled person who did not decide resolves what exceeds; reopening empties both fields."""
    story = given(OWNED, rights(OWNER_RULE), proposed()).when(accept(), actor=BOB).recorded()
    by_owner = story.when(RatifyDecision(subject=TEA)).recorded()
    by_other = story.when(RatifyDecision(subject=TEA), actor=BOB).recorded()
    assert [after.value(TEA, "ratification") for after in (by_owner, by_other)] == ["within", None]
    own = given(OWNED, rights(OWNER_RULE), proposed()).when(accept()).recorded()
    assert own.when(RatifyDecision(subject=TEA)).recorded().value(TEA, "ratification") is None
    reopened = by_owner.when(ReopenDecision(subject=TEA, why="News.")).recorded()
    assert (reopened.value(TEA, "ratification"), reopened.value(TEA, "authority")) == (None, None)


# Explanations


def test_an_explanation() -> None:
    """A verdict is explained in sentences, with the ids of people."""
    story = given(OWNED, rights(rule(roles=("accountable",), cost_limit={"amount": 50_000, "currency": EUR})))
    judgment = judgment_of(story, backdated(record(cost={"amount": 60_000, "currency": EUR}), 3))
    assert list(explain_verdict(judgment.verdicts[0], judgment)) == [
        "person:ann decided with their own credentials.",
        (
            "By the decision rights of product:shop (position 6) this exceeds their authority: it costs 60,000 EUR, and "
            "rule 1 entitles person:ann as accountable of product:shop up to 50,000 EUR."
        ),
        "The person who proposed it is the only one who decided or approved it.",
        "It was recorded after it took effect.",
    ]


# Acting for others


ROBOT = "service:robot"


def allow(**values: Any) -> DelegateActions:
    return DelegateActions.model_validate({"subject": ANN, "delegation": "d", "to": ROBOT, **values})


def test_imported_decision_rights_are_none() -> None:
    """A product whose decision rights an import filled with something else has those of its line, or none."""
    for value in ({"value": "none"}, {"texts": ("none",)}):
        imported = ChangesImported(changes=(ImportedChange(field="decision_rights", **value),))
        story = given(proposed(), fact(SHOP, imported))
        assert verdict_of(story, accept()).verdict == "no_rule"


def test_a_service_without_a_delegation() -> None:
    """A service is refused when it acts on behalf of a person who did not delegate to it."""
    given(proposed()).when(accept(on_behalf_of=ANN), actor=ROBOT).refused(Forbidden, "on_behalf_of", "no delegation")


def test_a_service_with_a_delegation() -> None:
    """A service decides for a person with their delegation, and the judgment names its position."""
    story = given(OWNED, rights(ENFORCED), proposed()).when(allow()).recorded()
    judgment = judgment_of(story, accept(on_behalf_of=ANN), actor=ROBOT)
    assert (judgment.verdict, judgment.verdicts[0].basis, judgment.delegation) == ("within", "delegated", 8)


@pytest.mark.parametrize(
    ("scope", "is_covered"),
    [
        ({"products": ("shop",)}, True),
        ({"products": ("market",)}, False),
        ({"kinds": ("strategic",)}, True),
        ({"kinds": ("technical",)}, False),
        ({"actions": ("AcceptDecision",)}, True),
        ({"actions": ("RejectDecision",)}, False),
    ],
)
def test_the_scope_of_a_delegation(scope: Any, is_covered: bool) -> None:
    """A delegation covers only its products, its kinds of decision and its commands."""
    story = given(fact(MARKET, ProductDefined(title="Market")), proposed()).when(allow(**scope)).recorded()
    outcome = story.when(accept(on_behalf_of=ANN), actor=ROBOT)
    outcome.recorded() if is_covered else outcome.refused(Forbidden, "on_behalf_of")


@pytest.mark.parametrize("products", [(MARKET,), ()])
def test_a_delegation_covers_what_is_superseded(products: tuple[str, ...]) -> None:
    """A delegation for a product does not cover a decision that supersedes one of another product, or of none."""
    market = fact(MARKET, ProductDefined(title="Market"))
    old = fact(
        OLD, DecisionRecorded(title="Old", decision="O.", why="W.", accountable=ANN, deciders=(ANN,), products=products)
    )
    story = given(market, old).when(allow(products=(SHOP,))).recorded()
    command = record(supersedes=(OLD,), on_behalf_of=ANN)
    story.when(command, actor=ROBOT).refused(Forbidden, "on_behalf_of")
    story.when(record(on_behalf_of=ANN), actor=ROBOT).recorded()
    both = given(market, old).when(allow(products=(SHOP, MARKET))).recorded().when(command, actor=ROBOT)
    both.recorded() if products else both.refused(Forbidden, "on_behalf_of")


def test_a_delegation_covers_the_kind_of_what_is_superseded() -> None:
    """A delegation for a kind of decision does not cover a decision that supersedes one of another kind."""
    old = fact(
        OLD, DecisionRecorded(title="Old", decision="O.", why="W.", accountable=ANN, deciders=(ANN,), kind="process")
    )
    story = given(old).when(allow(kinds=("technical",))).recorded()
    command = record(kind="technical", on_behalf_of=ANN)
    story.when(command, actor=ROBOT).recorded()
    story.when(command.model_copy(update={"supersedes": (OLD,)}), actor=ROBOT).refused(Forbidden, "on_behalf_of")


def test_a_delegation_covers_the_products_that_a_subject_leaves_and_enters() -> None:
    """To assign a subject to products, a delegation covers those that it has and those that it gets."""
    story = given(fact(MARKET, ProductDefined(title="Market")), proposed()).when(allow(products=(SHOP,))).recorded()
    move = AssignToProducts(subject=TEA, products=(SHOP,), on_behalf_of=ANN)
    story.when(move, actor=ROBOT).recorded()
    away = move.model_copy(update={"products": (MARKET,)})
    story.when(away, actor=ROBOT).refused(Forbidden, "on_behalf_of")
    story.when(away).recorded().when(move, actor=ROBOT).refused(Forbidden, "on_behalf_of")
    bare = given(proposed(products=())).when(allow(products=(SHOP,))).recorded()
    bare.when(move, actor=ROBOT).refused(Forbidden, "on_behalf_of")


def test_a_delegation_covers_the_former_products_of_what_is_started_again() -> None:
    """A delegation for a product does not cover a voided decision of another one that is proposed again."""
    market = fact(MARKET, ProductDefined(title="Market"))
    again = ProposeDecision(key="tea", title="Tea", products=(MARKET,), corrects=6, on_behalf_of=ANN)
    for products, is_covered in (((MARKET,), False), ((MARKET, SHOP), True)):
        story = given(market, proposed()).when(allow(products=products)).recorded()
        void = VoidEntry(subject=TEA, position=6, why="W.")
        outcome = story.when(void).recorded().when(again, actor=ROBOT)
        outcome.recorded() if is_covered else outcome.refused(Forbidden, "on_behalf_of")


@pytest.mark.parametrize(("actions", "is_covered"), [((), False), (("RecordEvidence",), True)])
def test_a_kind_of_evidence_is_no_kind_of_decision(actions: tuple[str, ...], is_covered: bool) -> None:
    """A delegation for a kind of decision covers evidence of a kind of the same name only by its command."""
    story = given().when(allow(kinds=("research",), actions=actions)).recorded()
    command = RecordEvidence(key="e", title="E", kind="research", on_behalf_of=ANN)
    outcome = story.when(command, actor=ROBOT)
    outcome.recorded() if is_covered else outcome.refused(Forbidden, "on_behalf_of")


def test_a_delegation_for_a_line() -> None:
    """A delegation for a product line covers its products, and one for a product does not cover its line."""
    stall = fact("product:stall", ProductDefined(title="Stall", line=SHOP))
    propose = ProposeDecision(title="Tea", key="tea", products=("stall",), on_behalf_of=ANN)
    given(stall).when(allow(products=("shop",))).recorded().when(propose, actor=ROBOT).recorded()
    whole = propose.model_copy(update={"products": (SHOP,)})
    given(stall).when(allow(products=("stall",))).recorded().when(whole, actor=ROBOT).refused(Forbidden, "on_behalf_of")


@pytest.mark.parametrize(("recorded_on", "effective_on"), [(50, None), (60, 49), (49, 5)])
def test_a_delegation_to_act_covers_both_clocks(recorded_on: int, effective_on: int | None) -> None:
    """A service acts neither after a delegation ended, nor dated to before its end, nor to before its beginning."""
    story = given(proposed()).when(allow(until=NOON), on=10).recorded()
    command = accept(on_behalf_of=ANN)
    story.when(command, on=49, actor=ROBOT).recorded()
    late = backdated(command, effective_on) if effective_on else command
    story.when(late, on=recorded_on, actor=ROBOT).refused(Forbidden, "on_behalf_of")


@pytest.mark.parametrize("ending", [PersonLeft(), SubjectRemoved(why="W.")])
def test_a_delegation_to_act_ends_when_its_giver_leaves(ending: Event) -> None:
    """A service does not act for a person who left or was removed, also not dated to before that."""
    story = given(proposed()).when(allow(), on=10).recorded()
    story.when(accept(on_behalf_of=ANN), on=40, actor=ROBOT).recorded()
    story.record(fact(ANN, ending), day(50))
    for command in (accept(on_behalf_of=ANN), backdated(accept(on_behalf_of=ANN), 40)):
        story.when(command, actor=ROBOT).refused(Forbidden, "on_behalf_of", "ended when they left or were removed")


def test_a_person_who_acts_for_one_who_left_makes_a_claim() -> None:
    """What a person with a delegation does for its giver is no longer theirs once they left."""
    story = given(proposed()).when(allow(to=BOB), on=10).recorded()
    assert verdict_of(story, accept(on_behalf_of=ANN), actor=BOB).basis == "delegated"
    story.record(fact(ANN, PersonLeft()), day(50))
    assert verdict_of(story, accept(on_behalf_of=ANN), actor=BOB).basis == "claimed"


def test_only_oneself_can_delegate() -> None:
    """A delegation is given with one's own credentials, not by or through another person."""
    given().when(allow(), actor=BOB).refused(Forbidden, "subject")
    given().when(allow(on_behalf_of=ANN), actor=BOB).refused(Forbidden, "subject")


def test_revoking_a_delegation_to_act() -> None:
    """The person who gave a delegation can revoke it, the other one can give it up, and no third person ends it."""
    story = given(proposed()).when(allow(to=BOB)).recorded()
    revoke = RevokeDelegation(subject=ANN, delegation="d")
    story.when(revoke, actor=CEO).refused(Forbidden, "subject")
    story.when(revoke, actor=BOB).recorded()
    after = story.when(revoke).recorded()
    assert verdict_of(after, accept(on_behalf_of=ANN), actor=BOB).basis == "claimed"
    assert verdict_of(story, accept(on_behalf_of=ANN), actor=BOB).basis == "delegated"
