"""Changes to settled decisions: who may assign them to other products, remove, restore or void them."""

from typing import Any

import pytest

from domain.any_subject import (
    AssignToProducts,
    ProductsAssigned,
    RemoveSubject,
    RestoreSubject,
    SubjectRemoved,
    VoidEntry,
)
from domain.decision_messages import (
    AcceptDecision,
    DecisionAccepted,
    DecisionApproved,
    DecisionProposed,
    DecisionRecorded,
    DecisionReopened,
    DecisionReversed,
    DecisionRevised,
    ProposeDecision,
    RatifyDecision,
    RecordDecision,
    ReopenDecision,
    ReverseDecision,
    SupersedeDecision,
)
from domain.decision_rights import DecisionRightsSet, DecisionRule
from domain.errors import Forbidden, NotAllowed
from domain.judgment import Judgment
from domain.messages import Command
from domain.money import Cost
from domain.product import ProductDefined
from tests.support_story import Outcome, Story, backdated, fact, given

STRICT, SHOP, HUB, TEA = "product:strict", "product:shop", "product:hub", "decision:tea"
ANN, BOB, CEO, BOT = "person:ann", "person:bob", "person:ceo", "service:bot"
COST = {"amount": 5, "currency": "EUR"}


def rights(of: str = STRICT, mode: str = "enforce", **values: Any) -> Any:
    rule = DecisionRule.model_validate({"holders": (ANN,), "mode": mode, **values})
    return fact(of, DecisionRightsSet(rules=(rule,)))


ANN_DECIDES = rights()
DEFINED = fact(STRICT, ProductDefined(title="Strict"))
DEFINED_HUB = fact(HUB, ProductDefined(title="Hub"))
TWO_OF_HUB = rights(HUB, approvals=2, holders=(ANN, CEO))
APPROVED = fact("decision:tea", DecisionApproved(by=CEO, basis="own"))


def recorded(product: str, **values: Any) -> Any:
    return fact(
        TEA,
        DecisionRecorded(
            title="Tea", decision="T.", why="W.", accountable=ANN, deciders=(ANN,), products=(product,), **values
        ),
    )


def proposed(product: str, **values: Any) -> Any:
    return fact(TEA, DecisionProposed(title="Tea", products=(product,), **values))


ACCEPTED = fact(TEA, DecisionAccepted(deciders=(ANN,)))
REVERSED = fact(TEA, DecisionReversed(why="W."))
REOPENED = fact(TEA, DecisionReopened(why="W."))


def assign(*products: str) -> AssignToProducts:
    return AssignToProducts(subject=TEA, products=products)


def story_of(*facts: Any) -> Story:
    return given(DEFINED, DEFINED_HUB, ANN_DECIDES, *facts)  # positions 5 to 7; the first of `facts` is 8


def refused(outcome: Outcome, containing: str = "no rule entitles") -> None:
    outcome.refused(Forbidden, "deciders", containing)


def judgment_of(outcome: Outcome) -> Judgment | None:
    outcome.recorded()
    judgment: Judgment | None = outcome.drafts[0].event.authority  # type: ignore[attr-defined]
    return judgment


# Assigning to products


@pytest.mark.parametrize(
    "facts",
    [
        (recorded(SHOP),),
        (proposed(SHOP), ACCEPTED),
        (recorded(SHOP), REVERSED),
        (proposed(SHOP), fact(TEA, DecisionReopened(why="W.")), ACCEPTED),
    ],
)
def test_a_settled_decision_is_not_moved_into_a_product_without_the_right(facts: Any):
    """To assign a settled decision to a product takes the right to decide for that product."""
    story = story_of(*facts)
    refused(story.when(assign(STRICT), actor=BOB))
    refused(story.when(assign(SHOP, STRICT), actor=BOB))
    story.when(assign(STRICT), actor=ANN).recorded()


def test_a_settled_decision_is_not_moved_out_of_a_product_without_the_right():
    """To assign a settled decision to other products takes the right to decide for the product that it leaves."""
    story = story_of(recorded(STRICT))
    refused(story.when(assign(SHOP), actor=BOB))
    refused(story.when(assign(), actor=BOB))
    refused(story.when(assign(SHOP), ReverseDecision(subject=TEA, why="W."), assign(STRICT), actor=BOB))
    story.when(assign(SHOP), actor=ANN).recorded()


def test_an_open_decision_is_moved_freely():
    """An open decision is judged when it is accepted, whatever products it had before, even if it was accepted once."""
    for facts in ((proposed(SHOP),), (recorded(SHOP), REOPENED)):
        story = story_of(*facts).when(assign(STRICT), actor=BOB).recorded()
        refused(story.when(AcceptDecision(subject=TEA), actor=BOB))


def test_the_verdict_on_a_move_is_stored():
    """The event of a move has a verdict by the rights of the old and the new products, with the positions it rests on."""
    judgment = judgment_of(story_of(recorded(SHOP), rights(SHOP, "record", holders=(CEO,))).when(assign(STRICT)))
    assert judgment is not None
    (verdict,) = judgment.verdicts
    assert (judgment.verdict, verdict.decider, verdict.basis) == ("exceeds", ANN, "own")
    assert [(each.product, each.verdict) for each in verdict.findings] == [(SHOP, "exceeds"), (STRICT, "within")]


def test_what_is_moved_without_a_right_needs_ratification():
    """A decision that someone without the right moved into a product that only records exceeds until it is ratified."""
    story = given(DEFINED, rights(mode="record", holders=(CEO,)), recorded(SHOP))
    story = story.when(assign(STRICT), actor=BOB).recorded()
    assert story.value(TEA, "authority") == "exceeds"
    story = story.when(RatifyDecision(subject=TEA), on=101, actor=CEO).recorded()
    assert story.value(TEA, "ratification", on=101) == "within"
    story = story.when(assign(SHOP), assign(STRICT), actor=BOB, on=103).recorded()
    assert (story.value(TEA, "authority", on=103), story.value(TEA, "ratification", on=103)) == ("exceeds", None)


def test_without_rights_a_move_has_no_rule():
    """Without decision rights, a move is recorded with the verdict `no_rule`, and by a service without any."""
    story = story_of(recorded(SHOP))
    judgment = judgment_of(story.when(assign(HUB), actor=BOB))
    assert judgment is not None
    assert judgment.verdict == "no_rule"
    assert judgment_of(story.when(assign(HUB), actor=BOT)) is None


def test_a_service_moves_nothing_for_itself():
    """A service decides nothing: where decision rights apply, it moves a settled decision on behalf of a person only."""
    story = story_of(recorded(SHOP))
    story.when(assign(STRICT), actor=BOT).refused(NotAllowed, "on_behalf_of", "is not a person")
    claim = assign(STRICT).model_copy(update={"on_behalf_of": ANN})
    refused(story.when(claim, actor=BOB), "with their own credentials")


def test_the_same_products_are_not_judged():
    """To assign a decision to the products it already has changes nothing, so it is not judged."""
    assert judgment_of(story_of(recorded(STRICT)).when(assign(STRICT), actor=BOB)) is None


def test_a_move_needs_the_approvals_that_making_it_needs():
    """One entitled person does not move a decision into a product where two have to support it."""
    refused(story_of(TWO_OF_HUB, recorded(SHOP)).when(assign(HUB)), "requires 2 entitled people")
    story_of(TWO_OF_HUB, proposed(SHOP), APPROVED, ACCEPTED).when(assign(HUB)).recorded()


def test_one_entitled_person_is_enough_for_the_products_a_decision_had():
    """A decision older than the rules of its product is moved by one entitled person, if only there support is missing."""
    story = given(DEFINED, DEFINED_HUB, recorded(HUB), TWO_OF_HUB, rights(approvals=2, holders=(ANN, CEO)))
    for command in (assign(), assign(SHOP), assign(HUB, SHOP)):
        refused(story.when(command, actor=BOB))
        story.when(command).recorded()
    refused(story.when(assign(HUB, STRICT)), "product:strict: rule 1 requires 2 entitled people")


def test_a_move_does_not_ratify():
    """A decision that exceeds because support is missing still does when the person who made it assigns it to one more product."""
    story = given(DEFINED_HUB, rights(HUB, "record", approvals=2, holders=(ANN, CEO)))
    made = RecordDecision.model_validate(
        {"key": "tea", "title": "T", "decision": "D.", "why": "W.", "accountable": ANN, "products": (HUB,)}
    )
    story = story.when(made).recorded()
    moved = story.when(assign(HUB, SHOP), on=101).recorded()
    assert moved.value(TEA, "authority", on=101) == "exceeds"
    ratified = moved.when(RatifyDecision(subject=TEA), on=102, actor=CEO).recorded()
    moved = ratified.when(assign(HUB), on=103).recorded()
    assert moved.value(TEA, "authority", on=103) == "within"


@pytest.mark.parametrize("number", [4, 6])
def test_a_backdated_move_is_judged(number: int):
    """A move is judged if the decision is settled at any time that it affects."""
    story = story_of(proposed(SHOP), ACCEPTED)  # on days 4 and 5
    refused(story.when(backdated(assign(STRICT), number), actor=BOB))
    refused(story.when(assign(SHOP), backdated(assign(STRICT), number), actor=BOB))


def test_other_subjects_are_moved_freely():
    """Decision rights are about decisions: nothing else is judged."""
    story = story_of()
    story = story.when(ProposeDecision(key="x", title="X"), actor=BOB).recorded()
    for command in (RemoveSubject(subject=STRICT, why="W."), AssignToProducts(subject=SHOP, products=(STRICT,))):
        assert judgment_of(story.when(command, actor=BOB)) is None


# Deciding about what changes products or cost later


@pytest.mark.parametrize("command", [AcceptDecision(subject=TEA), ReverseDecision(subject=TEA, why="W.")])
def test_what_takes_effect_before_a_move_is_judged_for_all_products_since(command: Command):
    """To decide, or to end, a decision as of before it was moved takes the right for the products it has since."""
    facts = (proposed(SHOP),) if isinstance(command, AcceptDecision) else (recorded(SHOP),)
    story = story_of(*facts, fact(TEA, ProductsAssigned(products=(STRICT,))))  # on days 4 and 5
    refused(story.when(backdated(command, 4), actor=BOB))
    back = story_of(
        *facts, fact(TEA, ProductsAssigned(products=(STRICT,))), fact(TEA, ProductsAssigned(products=(HUB,)))
    )
    refused(back.when(backdated(command, 4), actor=BOB))


def test_what_takes_effect_before_a_revision_is_judged_by_both_costs():
    """To accept a decision as of before its cost was raised takes the right to the cost it has since."""
    limited = rights(HUB, holders=(BOB,), cost_limit=COST)
    raised = fact(TEA, DecisionRevised(cost=Cost(amount=6, currency="EUR")))
    story = given(DEFINED_HUB, limited, proposed(HUB, cost=Cost.model_validate(COST)), raised)  # on days 3 and 4
    refused(story.when(backdated(AcceptDecision(subject=TEA), 3), actor=BOB), "6 EUR")


def test_a_correction_is_judged_with_what_remains():
    """A decision that is recorded as the correction of its first entry is judged for the products that remain assigned."""
    story = story_of(proposed(SHOP), fact(TEA, ProductsAssigned(products=(STRICT,))))  # positions 8 and 9
    story = story.when(VoidEntry(subject=TEA, position=8, why="W."), actor=BOB).recorded()
    again = RecordDecision.model_validate(
        {
            "key": "tea",
            "title": "T",
            "decision": "D.",
            "why": "W.",
            "accountable": BOB,
            "products": (SHOP,),
            "corrects": 8,
        }
    )
    refused(story.when(backdated(again, 4), actor=BOB))
    story.when(backdated(again, 4), actor=ANN).recorded()


# Removing, restoring and voiding


def test_a_settled_decision_is_not_removed_without_the_right():
    """To remove or restore a settled decision takes the right to decide it; an open one is removed freely."""
    story = story_of(recorded(STRICT))
    remove, restore = RemoveSubject(subject=TEA, why="W."), RestoreSubject(subject=TEA, why="W.")
    refused(story.when(remove, actor=BOB))
    removed = story.when(remove, actor=ANN).recorded()
    refused(removed.when(restore, on=101, actor=BOB))
    removed.when(restore, on=101, actor=ANN).recorded()
    story_of(proposed(STRICT)).when(remove, actor=BOB).recorded()


def test_one_entitled_person_is_enough_to_remove():
    """Taking a decision off the record needs no approvals, as reopening does not."""
    story = given(DEFINED, rights(approvals=2, holders=(ANN, CEO)), recorded(STRICT))
    judgment = judgment_of(story.when(RemoveSubject(subject=TEA, why="W.")))
    assert judgment is not None
    assert judgment.verdict == "within"


REMOVED = fact(TEA, SubjectRemoved(why="W."))
MOVED = fact(TEA, ProductsAssigned(products=(SHOP,)))


@pytest.mark.parametrize(
    ("mistake", "undo"),
    [
        (REMOVED, RestoreSubject(subject=TEA, why="W.")),
        (REMOVED, VoidEntry(subject=TEA, position=8, why="W.")),
        (MOVED, VoidEntry(subject=TEA, position=8, why="W.")),
    ],
)
def test_one_entitled_person_is_enough_to_undo_a_mistake(mistake: Any, undo: Command):
    """One entitled person restores a decision older than the rules, or voids its removal or move: nothing is put under them."""
    story = given(DEFINED_HUB, recorded(HUB), TWO_OF_HUB, mistake)  # the mistake is at position 8
    refused(story.when(undo, actor=BOB))
    judgment = judgment_of(story.when(undo))
    assert judgment is not None
    assert (judgment.verdict, judgment.approvals) == ("within", ())


def test_support_is_not_avoided_while_a_decision_is_removed():
    """To change the products of a removed decision takes the support that is required, also if it is removed since it began."""
    facts = (DEFINED_HUB, TWO_OF_HUB, proposed(HUB), fact(TEA, ProductsAssigned(products=(SHOP,))), ACCEPTED)
    story = given(*facts)  # proposed on day 3, moved at position 8
    removed = story.when(backdated(RemoveSubject(subject=TEA, why="W."), 3)).recorded()
    refused(removed.when(VoidEntry(subject=TEA, position=8, why="W.")), "requires 2 entitled people")


def test_an_entry_that_puts_a_decision_under_rules_is_voided_with_support():
    """To void what kept a decision from the rules of a product takes the support that they require."""
    for facts, position in (
        ((proposed(HUB), fact(TEA, ProductsAssigned(products=(SHOP,))), ACCEPTED), 8),
        ((recorded(HUB), REOPENED), 8),
        ((recorded(HUB), REVERSED), 8),
    ):
        void = VoidEntry(subject=TEA, position=position, why="W.")
        refused(given(DEFINED_HUB, TWO_OF_HUB, *facts).when(void), "requires 2 entitled people")


@pytest.mark.parametrize("mode", ["enforce", "record"])
def test_the_approvals_before_a_reopening_count_when_it_is_voided(mode: str):
    """To void a mistaken reopening, the approvals that the decision had before it count again."""
    two = rights(HUB, mode, approvals=2, holders=(ANN, CEO))
    story = given(DEFINED_HUB, two, proposed(HUB), APPROVED, ACCEPTED, REOPENED)
    judgment = judgment_of(story.when(VoidEntry(subject=TEA, position=10, why="W.")))
    assert judgment is not None
    assert (judgment.verdict, judgment.approvals) == ("within", (8,))


@pytest.mark.parametrize(
    ("facts", "position"),
    [
        ((recorded(STRICT),), 8),
        ((proposed(STRICT), ACCEPTED), 9),
        ((recorded(STRICT), REVERSED), 9),
        ((recorded(STRICT), REOPENED), 9),
        ((recorded(STRICT), fact(TEA, ProductsAssigned(products=(SHOP,)))), 9),
        ((proposed(STRICT), fact(TEA, ProductsAssigned(products=(SHOP,))), ACCEPTED), 9),
    ],
)
def test_an_entry_that_settles_a_decision_is_not_voided_without_the_right(facts: Any, position: int):
    """To void an entry takes the right to decide, if a settled decision has another status or other products then."""
    story = story_of(*facts)
    void = VoidEntry(subject=TEA, position=position, why="W.")
    refused(story.when(void, actor=BOB))
    assert judgment_of(story.when(void, actor=ANN)) is not None


def test_a_revision_of_the_cost_is_not_voided_without_the_right():
    """To void a revision of an accepted decision takes the right to the cost it has then."""
    facts = (
        DEFINED_HUB,
        rights(HUB, holders=(BOB,), cost_limit=COST),
        proposed(HUB, cost=Cost(amount=6, currency="EUR")),
        fact(TEA, DecisionRevised(cost=Cost.model_validate(COST))),
        fact(TEA, DecisionAccepted(deciders=(BOB,))),
    )
    refused(given(*facts).when(VoidEntry(subject=TEA, position=8, why="W."), actor=BOB), "6 EUR")


def test_other_entries_are_voided_freely():
    """Voiding what says nothing about the products, the cost or the status of a settled decision is not judged."""
    story = story_of(proposed(STRICT), fact(TEA, DecisionApproved(by=BOB, basis="own")), ACCEPTED)
    assert judgment_of(story.when(VoidEntry(subject=TEA, position=9, why="W."), actor=BOB)) is None


@pytest.mark.parametrize(
    "command",
    [
        ReopenDecision(subject=TEA, why="W."),
        ReverseDecision(subject=TEA, why="W.", by="decision:new"),
        SupersedeDecision(subject=TEA, by=("decision:new",)),
        RecordDecision(
            key="newer", title="N", decision="D.", why="W.", accountable=BOB, products=(SHOP,), supersedes=(TEA,)
        ),
    ],
)
def test_a_decision_of_another_product_ends_none_without_the_right(command: Command):
    """To end a decision takes the right for its own products, whatever the products of the decision that replaces it."""
    new = DecisionRecorded(title="N", decision="D.", why="W.", accountable=BOB, deciders=(BOB,), products=(SHOP,))
    story = story_of(recorded(STRICT), fact("decision:new", new))
    refused(story.when(command, actor=BOB))
    story.when(command, actor=ANN).recorded()
