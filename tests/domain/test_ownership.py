"""Who answers for what."""

import pytest
from pydantic import ValidationError
from support_story import dated, day, fact, given, instant

from domain.errors import Malformed, NotAllowed, NothingChanges, Unknown
from domain.ownership import (
    AcknowledgeOwnership,
    AssignOwnership,
    DelegateOwnership,
    DelegationRevoked,
    HandOverOwnership,
    OwnershipAcknowledged,
    OwnershipAssigned,
    OwnershipDelegated,
    OwnershipHandedOver,
    OwnershipReleased,
    ReleaseOwnership,
    RevokeDelegation,
)
from domain.people import PersonLeft, PersonMerged, TeamDisbanded

SHOP, ANN, BOB, CORE = "product:shop", "person:ann", "person:bob", "team:core"
ANNS = fact(SHOP, OwnershipAssigned(role="accountable", holders=(ANN,)))
DELEGATED = fact(SHOP, OwnershipDelegated(delegation="d1", to=BOB, by=(ANN,)))


def assign(*holders: str, **more: object) -> AssignOwnership:
    return AssignOwnership.model_validate({"subject": SHOP, "holders": holders} | more)


@pytest.mark.parametrize("holder", [ANN, CORE])
def test_assigning(holder):
    """A person or a team becomes accountable for what nobody answers for."""
    given().when(assign(holder)).then(fact(SHOP, OwnershipAssigned(role="accountable", holders=(holder,))))


def test_one_is_accountable():
    """Exactly one is accountable, and stays so until it is handed over or released."""
    given().when(assign(ANN, BOB)).refused(NotAllowed, "holders", "exactly one")
    given(ANNS).when(assign(BOB)).refused(NotAllowed, "holders", "hand it over")
    given(ANNS, fact(SHOP, OwnershipReleased(role="accountable"))).when(assign(BOB)).recorded()


def test_a_term_is_no_way_round_the_hand_over():
    """A term that has begun replaces no owner; one that begins later is a plan, and may."""
    given(ANNS).when(assign(BOB, **{"from": instant(99)})).refused(NotAllowed, "holders", "hand it over")

    planned = given(ANNS).when(assign(BOB, **{"from": instant(150)})).recorded()

    assert planned.value(SHOP, "role.accountable", on=149) == [ANN]
    assert planned.value(SHOP, "role.accountable", on=150) == [BOB]


def test_other_roles_are_held_by_several():
    """Any other role is held by several, in the order given."""
    story = given().when(assign(BOB, ANN, role="approver")).recorded()

    assert story.value(SHOP, "role.approver") == [BOB, ANN]


@pytest.mark.parametrize("command", [assign(ANN), HandOverOwnership(subject=SHOP, to=ANN)])
def test_assigning_what_is_so(command):
    """What is so already is not recorded again."""
    given(ANNS).when(command).refused(NothingChanges, "holders" if command.type == "AssignOwnership" else "to")


def test_it_was_hers_before():
    """That somebody had a role earlier than recorded can be recorded later."""
    late = given(fact(SHOP, OwnershipReleased(role="accountable")), ANNS)

    story = late.when(dated(assign(ANN), 1)).recorded()

    assert story.value(SHOP, "role.accountable", on=1) == [ANN]


def test_naming_a_holder_twice():
    """Nobody has the same part twice."""
    given().when(assign(BOB, BOB, role="approver")).refused(Malformed, "holders", "2 times")


@pytest.mark.parametrize(("holder", "event"), [(BOB, PersonLeft()), (CORE, TeamDisbanded())])
def test_who_has_left_is_given_nothing(holder, event):
    """Neither a person who has left nor a team that is no more is given a role."""
    story = given(fact(holder, event), ANNS)

    story.when(assign(holder, role="driver")).refused(NotAllowed, "holders", "departed")
    story.when(HandOverOwnership(subject=SHOP, to=holder)).refused(NotAllowed, "to", "departed")
    story.when(DelegateOwnership(subject=SHOP, to=holder)).refused(NotAllowed, "to", "departed")


def test_two_ids_of_one_person():
    """With Ann read as Bob, who departed: what she holds he holds, and what he cannot be given she cannot."""
    joined = fact(ANN, PersonMerged(into=BOB))
    story = given(ANNS, joined)

    story.when(AcknowledgeOwnership(subject=SHOP), actor=BOB).recorded()
    story.when(HandOverOwnership(subject=SHOP, to=BOB)).refused(NothingChanges, "to", "already")
    story.when(assign(BOB)).refused(NothingChanges, "holders", "already")
    story.when(assign(ANN, BOB, role="approver")).refused(Malformed, "holders", "one person")
    story.when(HandOverOwnership(subject=SHOP, to=CORE)).recorded()
    gone = given(joined, fact(BOB, PersonLeft()))
    gone.when(assign(ANN)).refused(NotAllowed, "holders", "departed")
    gone.when(dated(assign(ANN), 1)).recorded()


def test_releasing():
    """A role is taken from all who have it, if anybody has."""
    given(ANNS).when(ReleaseOwnership(subject=SHOP)).then(fact(SHOP, OwnershipReleased(role="accountable")))
    given().when(ReleaseOwnership(subject=SHOP)).refused(NothingChanges, "subject", "nobody")
    given().when(ReleaseOwnership(subject=SHOP, role="driver")).refused(NothingChanges, "role", "nobody")


def test_handing_over():
    """Accountability passes from whoever has it to another, and the fact names both."""
    given(ANNS).when(HandOverOwnership(subject=SHOP, to=BOB)).then(fact(SHOP, OwnershipHandedOver(to=BOB, by=(ANN,))))
    given().when(HandOverOwnership(subject=SHOP, to=BOB)).refused(NothingChanges, "subject", "nobody")


def test_acknowledging():
    """Who holds a role can say that they know of it; nobody else can."""
    command = AcknowledgeOwnership(subject=SHOP)

    given(ANNS).when(command).then(fact(SHOP, OwnershipAcknowledged(role="accountable", by=ANN)))
    given(ANNS).when(command, actor=BOB).refused(NotAllowed, "role", "is not accountable")
    given(ANNS).when(command, actor="service:ci").refused(NotAllowed, "on_behalf_of", "is no person")


def test_delegating():
    """The accountable can be stood in for; the delegation has a key to revoke it by."""
    given(ANNS).when(DelegateOwnership(subject=SHOP, to=BOB, kinds=("technical",))).then(
        fact(SHOP, OwnershipDelegated(delegation="random", to=BOB, by=(ANN,), kinds=("technical",)))
    )
    given().when(DelegateOwnership(subject=SHOP, to=BOB)).refused(NothingChanges, "subject", "nobody")
    given(ANNS, DELEGATED).when(DelegateOwnership(subject=SHOP, delegation="d1", to=BOB)).refused(
        NotAllowed, "delegation", "another key"
    )


def test_revoking():
    """A delegation in force can be revoked, once."""
    story = given(ANNS, DELEGATED).when(RevokeDelegation(subject=SHOP, delegation="d1"))

    after = story.then(fact(SHOP, DelegationRevoked(delegation="d1")))

    assert after.value(SHOP, "delegation.d1") is None
    after.when(RevokeDelegation(subject=SHOP, delegation="d1")).refused(Unknown, "delegation", "in force")


def test_terms_are_half_open():
    """A term holds from its first instant until just before its last, and then the cell is empty."""
    story = given().when(assign(ANN, **{"from": instant(110), "until": instant(120)})).recorded()
    state = story.state(SHOP)

    at = [state.subjects_at("role.accountable", day(number) + shift) for number in (110, 120) for shift in (-1, 0)]

    assert at == [(), (ANN,), (ANN,), ()]


def test_a_term_that_is_over_does_not_bring_back_what_was_before():
    """After a hand-over for a time nobody is accountable until somebody says who."""
    story = given(ANNS).when(HandOverOwnership(subject=SHOP, to=BOB, until=instant(120))).recorded()

    assert story.value(SHOP, "role.accountable", on=119) == [BOB]
    assert story.value(SHOP, "role.accountable", on=120) is None


def test_terms_that_cannot_be():
    """A term ends after it begins, and does not begin before its subject does."""
    with pytest.raises(ValidationError, match="later than"):
        assign(ANN, **{"from": instant(120), "until": instant(120)})
    given().when(assign(ANN, until=instant(100))).refused(Malformed, "until", "later than")
    given().when(assign(ANN, **{"from": instant(-1)})).refused(NotAllowed, "from", "begins at")
