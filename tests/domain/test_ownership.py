"""Who is accountable for what."""

import pytest
from pydantic import ValidationError

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
from tests.support_story import backdated, day, day_time, fact, given

SHOP, ANN, BOB, CORE = "product:shop", "person:ann", "person:bob", "team:core"
ANNS = fact(SHOP, OwnershipAssigned(role="accountable", holders=(ANN,)))
DELEGATED = fact(SHOP, OwnershipDelegated(delegation="d1", to=BOB, by=(ANN,)))


def assign(*holders: str, **more: object) -> AssignOwnership:
    return AssignOwnership.model_validate({"subject": SHOP, "holders": holders} | more)


@pytest.mark.parametrize("holder", [ANN, CORE])
def test_assign(holder):
    """A person or a team becomes accountable for a subject without an owner."""
    given().when(assign(holder)).then(fact(SHOP, OwnershipAssigned(role="accountable", holders=(holder,))))


def test_one_accountable_holder():
    """Exactly one person or team is accountable, until ownership is handed over or released."""
    given().when(assign(ANN, BOB)).refused(NotAllowed, "holders", "exactly one")
    given(ANNS).when(assign(BOB)).refused(NotAllowed, "holders", "hand it over")
    given(ANNS, fact(SHOP, OwnershipReleased(role="accountable"))).when(assign(BOB)).recorded()


def test_assigning_for_a_period():
    """An assignment for a period cannot replace the current owner, unless the period starts in the future."""
    given(ANNS).when(assign(BOB, **{"from": day_time(99)})).refused(NotAllowed, "holders", "hand it over")

    planned = given(ANNS).when(assign(BOB, **{"from": day_time(150)})).recorded()

    assert planned.value(SHOP, "role.accountable", on=149) == [ANN]
    assert planned.value(SHOP, "role.accountable", on=150) == [BOB]


def test_other_roles_can_have_several_holders():
    """Any other role can have several holders, in order."""
    story = given().when(assign(BOB, ANN, role="approver")).recorded()

    assert story.value(SHOP, "role.approver") == [BOB, ANN]


@pytest.mark.parametrize("command", [assign(ANN), HandOverOwnership(subject=SHOP, to=ANN)])
def test_assigning_the_current_holder(command):
    """Assigning a role to its current holder is refused."""
    given(ANNS).when(command).refused(NothingChanges, "holders" if command.type == "AssignOwnership" else "to")


def test_backdating_an_assignment():
    """An assignment to the current holder can be backdated."""
    story = given(fact(SHOP, OwnershipReleased(role="accountable")), ANNS)

    story = story.when(backdated(assign(ANN), 1)).recorded()

    assert story.value(SHOP, "role.accountable", on=1) == [ANN]


def test_duplicate_holders():
    """A role cannot list the same holder twice."""
    given().when(assign(BOB, BOB, role="approver")).refused(Malformed, "holders", "2 times")


@pytest.mark.parametrize(("holder", "event"), [(BOB, PersonLeft()), (CORE, TeamDisbanded())])
def test_inactive_holders(holder, event):
    """A person who has left and a disbanded team cannot be given a role."""
    story = given(fact(holder, event), ANNS)

    story.when(assign(holder, role="driver")).refused(NotAllowed, "holders", "cannot be given a role")
    story.when(HandOverOwnership(subject=SHOP, to=holder)).refused(NotAllowed, "to", "cannot be given a role")
    story.when(DelegateOwnership(subject=SHOP, to=holder)).refused(NotAllowed, "to", "cannot be given a role")


def test_merged_ids_are_one_holder():
    """With Ann merged into Bob, both ids hold her roles, and neither can be given a role after he left."""
    merged = fact(ANN, PersonMerged(into=BOB))
    story = given(ANNS, merged)

    story.when(AcknowledgeOwnership(subject=SHOP), actor=BOB).recorded()
    story.when(HandOverOwnership(subject=SHOP, to=BOB)).refused(NothingChanges, "to", "already")
    story.when(assign(BOB)).refused(NothingChanges, "holders", "already")
    story.when(assign(ANN, BOB, role="approver")).refused(Malformed, "holders", "the same person")
    story.when(HandOverOwnership(subject=SHOP, to=CORE)).recorded()
    gone = given(merged, fact(BOB, PersonLeft()))
    gone.when(assign(ANN)).refused(NotAllowed, "holders", "cannot be given a role")
    gone.when(backdated(assign(ANN), 1)).recorded()


def test_release():
    """Releasing a role removes all its holders, of which there must be some."""
    given(ANNS).when(ReleaseOwnership(subject=SHOP)).then(fact(SHOP, OwnershipReleased(role="accountable")))
    given().when(ReleaseOwnership(subject=SHOP)).refused(NothingChanges, "subject", "no accountable")
    given().when(ReleaseOwnership(subject=SHOP, role="driver")).refused(NothingChanges, "role", "no driver")


def test_hand_over():
    """Handing over records both the previous and the new accountable holder."""
    given(ANNS).when(HandOverOwnership(subject=SHOP, to=BOB)).then(
        fact(SHOP, OwnershipHandedOver(to=BOB, previous_holders=(ANN,)))
    )
    given().when(HandOverOwnership(subject=SHOP, to=BOB)).refused(NothingChanges, "subject", "no accountable")


def test_a_handover_is_from_who_was_accountable_when_it_begins():
    """A handover names the holder of the time when it begins; after the end of a period, the holder until then."""
    history = (
        fact(SHOP, OwnershipAssigned(role="accountable", holders=(ANN,), until=day_time(90))),
        fact(
            SHOP, OwnershipAssigned(role="accountable", holders=(BOB,), **{"from": day_time(95)}, until=day_time(120))
        ),
    )

    def hand_over(**more):
        return HandOverOwnership.model_validate({"subject": SHOP, "to": CORE} | more)

    for command, previous in (
        (hand_over(), BOB),
        (backdated(hand_over(), 80), ANN),
        (hand_over(**{"from": day_time(80)}), ANN),
        (hand_over(**{"from": day_time(90)}), ANN),
        (backdated(hand_over(), 92), ANN),
        (hand_over(**{"from": day_time(120)}), BOB),
        (hand_over(**{"from": day_time(130)}), BOB),
    ):
        (draft,) = given(*history).when(command).drafts
        assert draft.event.previous_holders == (previous,)
    given(*history).when(backdated(hand_over(), 0)).refused(NothingChanges, "subject", "at 2025-01-01T00:00")
    given().when(hand_over()).refused(NothingChanges, "subject", "assign it with AssignOwnership")
    released = fact(SHOP, OwnershipReleased(role="accountable"))
    given(ANNS, released).when(hand_over()).refused(NothingChanges, "subject", "no accountable")
    given(*history).when(hand_over(**{"from": day_time(80), "to": ANN})).refused(NothingChanges, "to", "already")
    again = hand_over(**{"from": day_time(130), "to": BOB})
    given(*history).when(again).refused(NothingChanges, "to", "ends at 2025-05-01T00:00")


def test_what_is_recorded_for_an_earlier_time_rests_on_the_holder_of_that_time():
    """A delegation is by who was accountable when it began, and only a role that was held then can be released."""
    story = given(
        fact(SHOP, OwnershipAssigned(role="accountable", holders=(ANN,), **{"from": day_time(80)}, until=day_time(90))),
        fact(SHOP, OwnershipAssigned(role="accountable", holders=(BOB,), **{"from": day_time(90)})),
    )

    past, planned = (
        DelegateOwnership.model_validate({"subject": SHOP, "delegation": "d", "to": CORE, "from": day_time(number)})
        for number in (85, 150)
    )
    for command, by in ((past, ANN), (planned, BOB)):
        (draft,) = story.when(command).drafts
        assert draft.event.by == (by,)
    story.when(backdated(ReleaseOwnership(subject=SHOP), 70)).refused(NothingChanges, "subject", "no accountable")


def test_acknowledge():
    """Only a holder of a role can acknowledge it."""
    command = AcknowledgeOwnership(subject=SHOP)

    given(ANNS).when(command).then(fact(SHOP, OwnershipAcknowledged(role="accountable", by=ANN)))
    given(ANNS).when(command, actor=BOB).refused(NotAllowed, "role", "does not have the accountable role")
    given(ANNS).when(command, actor="service:ci").refused(NotAllowed, "on_behalf_of", "is not a person")


def test_delegate():
    """Delegating needs an accountable holder and an unused key."""
    given(ANNS).when(DelegateOwnership(subject=SHOP, to=BOB, kinds=("technical",))).then(
        fact(SHOP, OwnershipDelegated(delegation="random", to=BOB, by=(ANN,), kinds=("technical",)))
    )
    given().when(DelegateOwnership(subject=SHOP, to=BOB)).refused(NothingChanges, "subject", "no accountable")
    given(ANNS, DELEGATED).when(DelegateOwnership(subject=SHOP, delegation="d1", to=BOB)).refused(
        NotAllowed, "delegation", "another key"
    )


def test_revoke():
    """A delegation in force can be revoked once."""
    story = given(ANNS, DELEGATED).when(RevokeDelegation(subject=SHOP, delegation="d1"))

    after = story.then(fact(SHOP, DelegationRevoked(delegation="d1")))

    assert after.value(SHOP, "delegation.d1") is None
    after.when(RevokeDelegation(subject=SHOP, delegation="d1")).refused(Unknown, "delegation", "in force")


def test_periods_are_half_open():
    """A period includes its start and excludes its end, after which the field is empty."""
    story = given().when(assign(ANN, **{"from": day_time(110), "until": day_time(120)})).recorded()
    state = story.state(SHOP)

    at = [state.subjects_at("role.accountable", day(number) + shift) for number in (110, 120) for shift in (-1, 0)]

    assert at == [(), (ANN,), (ANN,), ()]


def test_the_end_of_a_period_does_not_restore_the_previous_holder():
    """After a handover for a period ends, there is no accountable holder until a new one is assigned."""
    story = given(ANNS).when(HandOverOwnership(subject=SHOP, to=BOB, until=day_time(120))).recorded()

    assert story.value(SHOP, "role.accountable", on=119) == [BOB]
    assert story.value(SHOP, "role.accountable", on=120) is None


def test_invalid_periods():
    """A period ends after it starts, and cannot start before its subject was created."""
    with pytest.raises(ValidationError, match="later than"):
        assign(ANN, **{"from": day_time(120), "until": day_time(120)})
    given().when(assign(ANN, until=day_time(100))).refused(Malformed, "until", "later than")
    given().when(assign(ANN, **{"from": day_time(-1)})).refused(NotAllowed, "from", "was created at")
