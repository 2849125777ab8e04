"""The life cycle of a decision."""

import pytest

from domain.any_subject import ChangesImported, ImportedChange, VoidEntry
from domain.decision_messages import (
    AbstainFromDecision,
    AcceptDecision,
    AdviceGiven,
    AdviseOnDecision,
    ApproveDecision,
    CheckConstraint,
    ConfirmDecision,
    ConstraintChecked,
    DecisionAccepted,
    DecisionConfirmed,
    DecisionDeferred,
    DecisionProposed,
    DecisionRatified,
    DecisionRecorded,
    DecisionRejected,
    DecisionReopened,
    DecisionReversed,
    DecisionReviewed,
    DecisionRevised,
    DecisionSuperseded,
    DecisionWithdrawn,
    DeferDecision,
    DissentFromDecision,
    DissentRecorded,
    Option,
    ProposeDecision,
    RatifyDecision,
    RecordDecision,
    RejectDecision,
    ReopenDecision,
    ReverseDecision,
    ReviewDecision,
    ReviewReasoning,
    ReviseDecision,
    SupersedeDecision,
    WithdrawDecision,
)
from domain.errors import AlreadyExists, Forbidden, Malformed, NotAllowed, NothingChanges, OutOfOrder, Unknown
from domain.feature import ProposeFeature
from domain.fields import STATUS
from domain.messages import Command
from domain.ownership import AssignOwnership, OwnershipHandedOver
from domain.people import PersonLeft, PersonMerged
from domain.product import DefineProduct, SetGoal
from tests.support_story import Story, backdated, fact, given

TEA, MILK = "decision:tea", "decision:milk"
PROPOSED = fact(TEA, DecisionProposed(title="Sell tea", decision="We sell tea."))
ACCEPTED = fact(TEA, DecisionAccepted(deciders=("person:ann",)))
RECORDED = fact(
    TEA,
    DecisionRecorded(
        title="Sell tea", decision="We sell tea.", why="Thirst.", accountable="person:bob", deciders=("person:ann",)
    ),
)
STAGES = {
    "proposed": (PROPOSED,),
    "accepted": (PROPOSED, ACCEPTED),
    "rejected": (PROPOSED, fact(TEA, DecisionRejected(deciders=("person:ann",), why="No."))),
    "deferred": (PROPOSED, fact(TEA, DecisionDeferred(until="Spring."))),
    "withdrawn": (PROPOSED, fact(TEA, DecisionWithdrawn(why="Mine."))),
    "superseded": (PROPOSED, ACCEPTED, fact(TEA, DecisionSuperseded(by=(MILK,), deciders=("person:ann",)))),
    "reversed": (PROPOSED, ACCEPTED, fact(TEA, DecisionReversed(why="Bad."))),
    "reopened": (PROPOSED, ACCEPTED, fact(TEA, DecisionReopened(why="News."))),
    "recorded": (RECORDED,),
    "recorded, then superseded": (RECORDED, fact(TEA, DecisionSuperseded(by=(MILK,), deciders=("person:ann",)))),
    "recorded, then reversed": (RECORDED, fact(TEA, DecisionReversed(why="Bad."))),
    "recorded, then reopened": (RECORDED, fact(TEA, DecisionReopened(why="News."))),
    "status that could not be mapped": (
        fact(
            TEA,
            ChangesImported(
                changes=(ImportedChange(field="exists", value=True), ImportedChange(field="status", source_value="??"))
            ),
        ),
    ),
}
MILK_IN_FORCE = (
    fact(MILK, DecisionProposed(title="Sell milk")),
    fact(MILK, DecisionAccepted(deciders=("person:ann",))),
)
OPEN = {"proposed", "deferred", "reopened", "status that could not be mapped"}
ANY_STAGE = set(STAGES)
RECORDED_LIKE = {
    "recorded": "accepted",
    "recorded, then superseded": "superseded",
    "recorded, then reversed": "reversed",
    "recorded, then reopened": "reopened",
}
"""Each stage that starts with DecisionRecorded, and the stage of the proposal workflow with the same rules."""
ALLOWED = {
    ReviseDecision(subject=TEA, title="Sell green tea"): OPEN,
    AdviseOnDecision(subject=TEA, advice="Do."): OPEN,
    DissentFromDecision(subject=TEA, why="Don't."): ANY_STAGE,
    ApproveDecision(subject=TEA): OPEN,
    AbstainFromDecision(subject=TEA): OPEN,
    AcceptDecision(subject=TEA): OPEN,
    RejectDecision(subject=TEA, why="No."): OPEN,
    DeferDecision(subject=TEA, until="Spring."): OPEN,
    WithdrawDecision(subject=TEA, why="Mine."): OPEN,
    ReopenDecision(subject=TEA, why="News."): {"accepted", "rejected", "deferred", "withdrawn", "reversed"},
    SupersedeDecision(subject=TEA, by=(MILK,)): {"accepted"},
    ReverseDecision(subject=TEA, why="Bad."): {"accepted"},
    ConfirmDecision(subject=TEA): {"accepted", "rejected", "superseded", "reversed"},
    RatifyDecision(subject=TEA): {"accepted"},
    ReviewReasoning(subject=TEA, reasoning="sound", finding="Asked."): {
        "accepted",
        "rejected",
        "superseded",
        "reversed",
    },
    ReviewDecision(subject=TEA, outcome="better", finding="Well."): {"accepted", "superseded", "reversed"},
}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("command", ALLOWED, ids=lambda command: command.type)
def test_transitions(command, stage):
    """Each command is accepted in exactly the stages that the table lists."""
    story = given(*MILK_IN_FORCE, *STAGES[stage])

    outcome = story.when(command)

    if RECORDED_LIKE.get(stage, stage) in ALLOWED[command]:
        outcome.recorded()
    else:
        outcome.refused(NotAllowed, "subject", "it must be")


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (ReviseDecision(subject=TEA, why="Thirst."), DecisionRevised(why="Thirst.")),
        (ReviseDecision(subject=TEA, options=()), DecisionRevised(options=())),
        (AdviseOnDecision(subject=TEA, advice="Do."), AdviceGiven(by="person:ann", advice="Do.")),
        (AdviseOnDecision(subject=TEA, advice="Do.", by="person:bob"), AdviceGiven(by="person:bob", advice="Do.")),
        (DissentFromDecision(subject=TEA, why="Don't."), DissentRecorded(by="person:ann", why="Don't.")),
        (AcceptDecision(subject=TEA), DecisionAccepted(deciders=("person:ann",))),
        (
            AcceptDecision(subject=TEA, on_behalf_of="person:bob", why="Thirst."),
            DecisionAccepted(deciders=("person:bob",), why="Thirst."),
        ),
        (
            AcceptDecision(subject=TEA, deciders=("person:bob", "person:ann"), option="Green"),
            DecisionAccepted(deciders=("person:bob", "person:ann"), option="Green"),
        ),
        (RejectDecision(subject=TEA, why="No."), DecisionRejected(deciders=("person:ann",), why="No.")),
        (
            DeferDecision(subject=TEA, until="Spring.", revisit_on="2025-03-01"),
            DecisionDeferred(until="Spring.", revisit_on="2025-03-01"),
        ),
        (WithdrawDecision(subject=TEA, why="Mine."), DecisionWithdrawn(why="Mine.")),
    ],
)
def test_events_of_a_proposal(command, event):
    """A command on a proposal records the matching event, attributed to the principal by default."""
    given(PROPOSED).when(command).then(fact(TEA, event))


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (ReopenDecision(subject=TEA, why="News."), DecisionReopened(why="News.")),
        (SupersedeDecision(subject=TEA, by=(MILK,)), DecisionSuperseded(by=(MILK,), deciders=("person:ann",))),
        (
            ReverseDecision(subject=TEA, why="Bad.", by=MILK),
            DecisionReversed(why="Bad.", by=MILK, deciders=("person:ann",)),
        ),
        (ConfirmDecision(subject=TEA), DecisionConfirmed(by="person:ann")),
        (RatifyDecision(subject=TEA, why="Fine."), DecisionRatified(by="person:ann", why="Fine.")),
        (
            ReviewDecision(subject=TEA, outcome="worse", finding="Cold."),
            DecisionReviewed(outcome="worse", finding="Cold.", by=("person:ann",)),
        ),
    ],
)
def test_events_of_an_accepted_decision(command, event):
    """A command on an accepted decision records the matching event."""
    given(*MILK_IN_FORCE, PROPOSED, ACCEPTED).when(command).then(fact(TEA, event))


def test_propose():
    """Proposing creates a decision and makes the named team accountable."""
    given().when(ProposeDecision(key="tea", title="Sell tea", accountable="team:core")).then(
        fact(TEA, DecisionProposed(title="Sell tea", accountable="team:core")),
    )


def record(**more: object) -> RecordDecision:
    required = {
        "key": "tea",
        "title": "Sell tea",
        "decision": "We sell tea.",
        "why": "Thirst.",
        "accountable": "person:bob",
    }
    return RecordDecision.model_validate(required | more)


def test_record_in_one_event():
    """Four fields are enough to record a decision, with its accountable person, in one event."""
    story = given().when(record()).then(RECORDED)

    assert story.state(TEA).version == 1
    assert story.value(TEA, STATUS) == "accepted"
    assert story.value(TEA, "role.accountable") == ["person:bob"]


FULL_CASE = {
    "kind": "feature",
    "products": ("product:shop",),
    "context": "It is cold.",
    "options": ({"title": "Tea", "pros": ("Warm",)}, {"title": "Nothing"}),
    "evidence": ("Sweat.",),
    "assumptions": ("Water.",),
    "constraints": ("No open fire.",),
    "expected": "Smiles.",
    "review_on": "2025-09-01",
    "tags": ("guests",),
}


@pytest.mark.parametrize("case", [{}, *({name: value} for name, value in FULL_CASE.items()), FULL_CASE])
@pytest.mark.parametrize("more", [{}, {"option": "Tea"}, {"deciders": ("person:bob", "person:ann")}])
def test_recording_equals_proposing_and_accepting(case, more):
    """A decision recorded in one event has the same fields as one that was proposed, assigned and accepted."""
    in_one_event = given().when(record(**case, **more)).recorded()
    propose = ProposeDecision.model_validate({"key": "tea", "title": "Sell tea", **case})
    accept = AcceptDecision(subject=TEA, decision="We sell tea.", why="Thirst.", **more)
    assign = AssignOwnership(subject=TEA, holders=("person:bob",))
    stepwise = given().when(propose, assign, accept).recorded()

    assert {**fields_of(in_one_event), "proposed_by": "person:ann"} == fields_of(stepwise)
    assert fields_of(in_one_event).keys() >= {STATUS, "exists", "title", "decision", "why", "deciders", *case}


def fields_of(story: Story) -> dict[str, object]:
    values = ((name, story.value(TEA, name)) for name in story.state(TEA).field_names())
    return {name: value for name, value in values if value is not None}


def test_the_event_has_every_field_of_the_command():
    """DecisionRecorded has every field of RecordDecision, so that none is lost, and the judgment."""
    own = set(RecordDecision.model_fields) - set(Command.model_fields) - {"type", "key", "supersedes"}

    assert own | {"authority"} == set(DecisionRecorded.model_fields)


def test_voiding_a_recorded_decision():
    """A decision whose DecisionRecorded is voided no longer exists, and none of its fields has a value."""
    story = given(RECORDED).when(VOID).recorded()

    assert fields_of(story) == {}
    story.when(ReverseDecision(subject=TEA, why="?")).refused(Unknown, "subject")


VOID = VoidEntry(subject=TEA, position=5, why="Wrong.")


def test_correcting_a_recorded_decision():
    """A command that corrects the voided DecisionRecorded reuses its key; without `corrects` the key stays taken."""
    void = given(RECORDED).when(VOID).recorded()

    void.when(record(title="Sell green tea")).refused(AlreadyExists, "key")
    corrected = void.when(record(title="Sell green tea", corrects=5)).recorded()
    assert (corrected.value(TEA, "title"), corrected.value(TEA, STATUS)) == ("Sell green tea", "accepted")
    corrected.when(record(corrects=5)).refused(AlreadyExists, "key")


def test_corrects_must_name_the_first_entry():
    """A key is reused only if `corrects` names the voided first entry of the decision, and not another voided entry."""
    advice = fact(TEA, AdviceGiven(by="person:ann", advice="Do."))
    story = given(RECORDED, advice).when(VoidEntry(subject=TEA, position=6, why="Wrong."), VOID).recorded()

    story.when(record(corrects=6)).refused(AlreadyExists, "key")
    story.when(record(corrects=5)).recorded()


def test_a_correction_takes_effect_before_the_remaining_entries():
    """A decision that is recorded again takes effect no later than the remaining entries about it."""
    handover = fact(TEA, OwnershipHandedOver(to="person:ann", previous_holders=("person:bob",)))  # position 6, on day 2
    story = given(RECORDED, handover).when(VOID).recorded()

    story.when(record(corrects=5)).refused(NotAllowed, "effective_at", "position 6")
    corrected = story.when(backdated(record(corrects=5), 2)).recorded()
    assert corrected.value(TEA, "role.accountable") == ["person:bob"]  # at the same time, the later position holds
    corrected = story.when(backdated(record(corrects=5), 1)).recorded()
    assert corrected.value(TEA, "role.accountable") == ["person:ann"]


def test_voiding_a_later_handover():
    """Voiding a handover makes the recorded person accountable again."""
    handover = fact(TEA, OwnershipHandedOver(to="person:ann", previous_holders=("person:bob",)))
    story = given(RECORDED, handover).when(VoidEntry(subject=TEA, position=6, why="Wrong.")).recorded()

    assert story.value(TEA, "role.accountable") == ["person:bob"]


def test_voiding_a_recorded_decision_that_supersedes_another():
    """A DecisionRecorded that superseded another decision can be voided only after the DecisionSuperseded is."""
    story = given(*MILK_IN_FORCE).when(record(supersedes=(MILK,))).recorded()  # positions 7 and 8
    void = VoidEntry(subject=TEA, position=7, why="Wrong.")

    story.when(void).refused(NotAllowed, "position", f"position 8 of {MILK} first")
    undone = story.when(VoidEntry(subject=MILK, position=8, why="Wrong."), void).recorded()
    assert (undone.value(MILK, STATUS), undone.value(TEA, STATUS)) == ("accepted", None)


def test_confirming_a_recorded_decision():
    """A decider of a recorded decision can confirm it once, with their own credentials."""
    confirmed = given(RECORDED).when(ConfirmDecision(subject=TEA)).recorded()

    confirmed.when(ConfirmDecision(subject=TEA)).refused(NothingChanges, "subject")
    given(RECORDED).when(ConfirmDecision(subject=TEA), actor="person:bob").refused(NotAllowed, "subject")


def test_ratifying_a_recorded_decision():
    """A recorded decision can be ratified."""
    given(RECORDED).when(RatifyDecision(subject=TEA)).recorded()


@pytest.mark.parametrize(
    "command",
    [
        ProposeDecision(key="new", title="New", accountable="person:bob"),
        record(key="new"),
        ProposeFeature(key="new", title="New", products=("product:shop",), accountable="person:bob"),
        DefineProduct(key="new", title="New", accountable="person:bob"),
        SetGoal(key="new", title="New", accountable="person:bob"),
    ],
    ids=lambda command: command.type,
)
def test_creating_with_an_accountable_person_is_one_event(command):
    """Creating a subject with an accountable person records a single event; a person who has left is refused."""
    outcome = given().when(command)

    (draft,) = outcome.drafts
    assert outcome.recorded().value(draft.subject, "role.accountable") == ["person:bob"]
    given(fact("person:bob", PersonLeft())).when(command).refused(NotAllowed, "accountable", "has left")


def test_recording_supersedes():
    """Recording a decision supersedes the accepted decisions it lists."""
    story = given(*MILK_IN_FORCE).when(record(supersedes=(MILK,))).recorded()

    assert story.value(MILK, STATUS) == "superseded"
    assert story.value(MILK, "superseded_by") == [TEA]


def test_only_accepted_decisions_are_superseded():
    """Recording a decision cannot supersede a proposal."""
    given(fact(MILK, DecisionProposed(title="Milk"))).when(record(supersedes=(MILK,))).refused(NotAllowed, "subject")


def test_a_service_is_not_a_decider():
    """A service that names no deciders cannot accept or record a decision."""
    given(PROPOSED).when(AcceptDecision(subject=TEA), actor="service:ci").refused(NotAllowed, "deciders")
    given().when(record(), actor="service:ci").refused(NotAllowed, "deciders")


def test_a_service_records_the_decision_of_a_person():
    """A service can record a decision if it names the deciders."""
    given().when(record(deciders=("person:bob",)), actor="service:ci").recorded()


def test_keys_are_never_reused():
    """A key that was used for a decision cannot be used again."""
    given(PROPOSED).when(record()).refused(AlreadyExists, "key")


@pytest.mark.parametrize("field", ["deciders", "supersedes", "products", "because"])
def test_duplicates_in_a_list(field):
    """A list that contains the same subject twice is refused."""
    twice = {"deciders": "person:bob", "supersedes": MILK, "products": "product:shop", "because": MILK}[field]

    given(*MILK_IN_FORCE).when(record(**{field: (twice, twice)})).refused(Malformed, field, "2 times")


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("accountable", "person:eve", "accountable"),
        ("deciders", ("person:ann", "person:eve"), "deciders.1"),
        ("products", ("product:moon",), "products.0"),
        ("supersedes", ("decision:none",), "supersedes.0"),
        ("because", ("decision:none",), "because.0"),
        ("on_behalf_of", "person:eve", "on_behalf_of"),
    ],
)
def test_references_to_unknown_subjects(field, value, path):
    """A command can reference only subjects in the log; the refusal names the path of the field."""
    given().when(record(**{field: value})).refused(Unknown, path)


def test_empty_revision():
    """A revision without any field is refused."""
    given(PROPOSED).when(ReviseDecision(subject=TEA)).refused(NothingChanges, "title")


def test_revision_keeps_omitted_fields():
    """A revision keeps the fields it omits; an empty list clears the field."""
    case = DecisionProposed(title="Tea", context="Thirst.", evidence=("Sweat.",), options=(Option(title="Green"),))
    story = given(fact(TEA, case)).when(ReviseDecision(subject=TEA, title="Green tea", evidence=())).recorded()

    assert story.value(TEA, "title") == "Green tea"
    assert story.value(TEA, "context") == "Thirst."
    assert story.value(TEA, "evidence") == []
    assert story.value(TEA, "options") == [{"title": "Green", "pros": [], "cons": []}]


END_BY = {
    "superseded": lambda by: SupersedeDecision(subject=TEA, by=(by,)),
    "reversed": lambda by: ReverseDecision(subject=TEA, why="Bad.", by=by),
}


@pytest.mark.parametrize("end_by", END_BY.values(), ids=END_BY)
def test_a_decision_does_not_end_itself(end_by) -> None:
    """A decision cannot supersede or reverse itself."""
    given(PROPOSED, ACCEPTED).when(end_by(TEA)).refused(NotAllowed, "by", "itself")


@pytest.mark.parametrize("end_by", END_BY.values(), ids=END_BY)
def test_a_proposal_ends_no_decision(end_by) -> None:
    """Only an accepted decision can supersede or reverse another."""
    proposal = fact(MILK, DecisionProposed(title="Milk"))
    given(PROPOSED, ACCEPTED, proposal).when(end_by(MILK)).refused(NotAllowed, "by", "is proposed")


def test_a_decision_that_ended_since_has_reversed_another() -> None:
    """A decision that is no longer in force can be named as the one that reversed another when it was."""
    ended = fact(MILK, DecisionReversed(why="Sour."))
    given(*MILK_IN_FORCE, ended, PROPOSED, ACCEPTED).when(END_BY["reversed"](MILK)).recorded()


def test_superseding_in_a_cycle():
    """A decision cannot be superseded by one that it supersedes, directly or indirectly."""
    juice = "decision:juice"
    accepted = ImportedChange(field="status", value="accepted")
    story = given(
        *MILK_IN_FORCE,
        fact(MILK, DecisionSuperseded(by=(juice,))),
        fact(juice, DecisionProposed(title="Juice")),
        fact(juice, DecisionSuperseded(by=(TEA,))),
        PROPOSED,
        ACCEPTED,
        fact(MILK, ChangesImported(changes=(accepted,))),
    )

    story.when(SupersedeDecision(subject=TEA, by=(MILK,))).refused(NotAllowed, "by", "itself superseded")


def test_only_deciders_confirm():
    """Only a decider can confirm a decision, with their own credentials and only once."""
    story = given(PROPOSED, ACCEPTED)

    story.when(ConfirmDecision(subject=TEA), actor="person:bob").refused(NotAllowed, "subject")
    story.when(ConfirmDecision(subject=TEA, on_behalf_of="person:ann"), actor="person:bob").refused(
        Forbidden, "on_behalf_of"
    )
    story.when(ConfirmDecision(subject=TEA)).recorded().when(ConfirmDecision(subject=TEA)).refused(
        NothingChanges, "subject"
    )


def test_confirming_after_reopening():
    """A decision that was reopened and accepted again can be confirmed again."""
    story = given(
        PROPOSED,
        ACCEPTED,
        fact(TEA, DecisionConfirmed(by="person:ann")),
        fact(TEA, DecisionReopened(why="News.")),
        ACCEPTED,
    )

    story.when(ConfirmDecision(subject=TEA)).recorded()


def test_reopening_clears_the_outcome_fields():
    """Reopening clears the fields that say how the decision was deferred, rejected, withdrawn or reversed."""
    outcomes = {
        DeferDecision(subject=TEA, until="Spring."): ("deferred_until",),
        RejectDecision(subject=TEA, why="No."): ("rejected_because",),
        WithdrawDecision(subject=TEA, why="Mine."): ("withdrawn_because",),
    }
    stories = [(given(PROPOSED).when(command).recorded(), fields) for command, fields in outcomes.items()]
    reverse = ReverseDecision(subject=TEA, why="Bad.", by=MILK)
    stories.append(
        (given(PROPOSED, ACCEPTED, *MILK_IN_FORCE).when(reverse).recorded(), ("reversed_because", "reversed_by"))
    )

    for story, fields in stories:
        assert all(story.value(TEA, field) for field in fields)
        reopened = story.when(ReopenDecision(subject=TEA, why="News.")).recorded()
        assert [reopened.value(TEA, field) for field in fields] == [None] * len(fields)


def test_a_reopened_decision_has_no_deciders() -> None:
    """Reopening clears who decided and the option they chose; the next acceptance states both again."""
    accept = AcceptDecision(subject=TEA, option="Green")
    story = given(PROPOSED).when(accept).recorded()
    assert (story.value(TEA, "deciders"), story.value(TEA, "option")) == (["person:ann"], "Green")

    reopened = story.when(ReopenDecision(subject=TEA, why="News.")).recorded()
    assert (reopened.value(TEA, "deciders"), reopened.value(TEA, "option")) == (None, None)

    again = reopened.when(AcceptDecision(subject=TEA)).recorded()
    assert (again.value(TEA, "deciders"), again.value(TEA, "option")) == (["person:ann"], None)


@pytest.mark.parametrize(
    "command",
    [
        AcceptDecision(subject=TEA),
        RejectDecision(subject=TEA, why="No."),
        WithdrawDecision(subject=TEA, why="Mine."),
        ReopenDecision(subject=TEA, why="News."),
    ],
    ids=lambda command: command.type,
)
def test_what_ends_a_deferral_clears_what_it_waited_for(command) -> None:
    """A decision that is no longer deferred waits for nothing; the day to review its result stays."""
    fields = ("deferred_until", "awaits", "revisit_on")
    proposed = fact(TEA, DecisionProposed(title="Sell tea", review_on="2025-09-01"))
    defer = DeferDecision(subject=TEA, until="Spring.", revisit_on="2025-03-01", awaits=("evidence:survey",))
    story = given(proposed).when(defer).recorded()
    assert [story.value(TEA, name) for name in fields] == ["Spring.", ["evidence:survey"], "2025-03-01"]

    ended = story.when(command).recorded()
    assert [ended.value(TEA, name) for name in fields] == [None] * 3
    assert ended.value(TEA, "review_on") == "2025-09-01"


@pytest.mark.parametrize(
    ("command", "field"),
    [
        (RejectDecision(subject=TEA, why="No."), "rejected_because"),
        (WithdrawDecision(subject=TEA, why="No."), "withdrawn_because"),
    ],
    ids=lambda value: getattr(value, "type", value),
)
def test_rejecting_keeps_the_original_reason(command, field):
    """The reason for rejecting or withdrawing a proposal does not replace the reason for the proposal."""
    story = given(fact(TEA, DecisionProposed(title="Sell tea", why="Thirst."))).when(command).recorded()

    assert (story.value(TEA, "why"), story.value(TEA, field)) == ("Thirst.", "No.")


# In the following tests, Ann is merged into Bob.

ANN, BOB = "person:ann", "person:bob"
ONE_PERSON = fact(ANN, PersonMerged(into=BOB))


def test_confirming_under_another_id():
    """A decider can confirm under any of their merged ids, but only once."""
    story = given(ONE_PERSON, PROPOSED, ACCEPTED)

    confirmed = story.when(ConfirmDecision(subject=TEA), actor=BOB).recorded()

    confirmed.when(ConfirmDecision(subject=TEA), actor=ANN).refused(NothingChanges, "subject", "already")
    story.when(ConfirmDecision(subject=TEA, on_behalf_of=BOB), actor=ANN).recorded()
    given(PROPOSED, ACCEPTED).when(ConfirmDecision(subject=TEA), actor=BOB).refused(NotAllowed, "subject")


def test_two_ids_of_one_person_are_one_decider():
    """A list of deciders cannot contain two ids of the same person."""
    command = AcceptDecision(subject=TEA, deciders=(ANN, BOB))

    given(PROPOSED).when(command).recorded()
    given(PROPOSED, ONE_PERSON).when(command).refused(Malformed, "deciders", "are the same person")


def test_people_who_left_cannot_become_accountable():
    """A person who has left cannot become accountable, unless it took effect before they left."""
    gone = given(fact("person:bob", PersonLeft()))

    gone.when(record()).refused(NotAllowed, "accountable", "has left")
    gone.when(backdated(record(), 0)).recorded()


def test_backdating():
    """A decision can be recorded with an earlier effective time."""
    story = given().when(backdated(record(), 50)).recorded()

    assert story.value(TEA, STATUS, on=49) is None
    assert story.value(TEA, STATUS, on=50) == "accepted"


def test_backdating_before_the_latest_status_change():
    """A status change cannot be dated before the latest one, but can have the same time."""
    story: Story = given(PROPOSED, ACCEPTED)  # positions 5 and 6, on days 1 and 2

    story.when(backdated(ReverseDecision(subject=TEA, why="Bad."), 1)).refused(OutOfOrder, "effective_at", "position 6")
    story.when(backdated(ReverseDecision(subject=TEA, why="Bad."), 2)).recorded()


def test_backdating_before_the_creation():
    """Nothing can take effect before its subject was created."""
    story = given(PROPOSED)

    story.when(backdated(AdviseOnDecision(subject=TEA, advice="Do."), 0)).refused(
        NotAllowed, "effective_at", "was created at"
    )
    story.when(backdated(AdviseOnDecision(subject=TEA, advice="Do."), 1)).recorded()


def test_backdating_other_fields():
    """A field other than the status can be backdated, and keeps its value until its next change."""
    early, late = DecisionRevised(context="Early."), DecisionRevised(context="Late.")
    story = given(PROPOSED, fact(TEA, early), fact(TEA, late))

    story = story.when(backdated(ReviseDecision(subject=TEA, context="Between."), 2)).recorded()

    assert [story.value(TEA, "context", on=number) for number in (1, 2, 3)] == [None, "Between.", "Late."]


WEIGHED = fact(TEA, DecisionProposed(title="Sell tea", options=(Option(title="Green"),), constraints=("Cheap", "Hot")))
REVISED = fact(TEA, DecisionRevised(constraints=("Cheap", "Hot", "Soon")))


def test_a_constraint_is_judged_by_a_person_for_the_lists_of_then():
    """The check names the person who made it, and the events that set the two lists."""
    command = CheckConstraint(subject=TEA, option_number=1, constraint_number=3, answer="not-met", finding="In May.")

    given(WEIGHED, REVISED).when(command).then(
        fact(
            TEA,
            ConstraintChecked(
                option_number=1,
                constraint_number=3,
                options_position=5,
                constraints_position=6,
                answer="not-met",
                finding="In May.",
                by="person:ann",
            ),
        )
    )


@pytest.mark.parametrize(
    ("facts", "numbers", "field", "says"),
    [
        ((WEIGHED,), (2, 1), "option_number", "has 1 option; name one by its number, from 1"),
        ((WEIGHED,), (1, 3), "constraint_number", "has 2 constraints; name one"),
        ((PROPOSED,), (1, 1), "option_number", "has no options"),
        ((RECORDED,), (1, 1), "option_number", "has no options"),
    ],
)
def test_only_what_is_listed_is_checked(facts, numbers, field, says):
    """A number beyond the end of its list is refused; the error gives the length of the list."""
    option, constraint = numbers
    command = CheckConstraint(subject=TEA, option_number=option, constraint_number=constraint, answer="met")
    given(*facts).when(command).refused(NotAllowed, field, says)


def test_a_service_judges_no_constraint():
    """A service cannot check a constraint on its own behalf; the error says that it needs a person."""
    command = CheckConstraint(subject=TEA, option_number=1, constraint_number=1, answer="met")
    given(WEIGHED).when(command, actor="service:ci").refused(NotAllowed, "on_behalf_of", "is not a person")
