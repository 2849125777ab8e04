"""The life of a decision."""

import pytest
from support_story import Story, dated, fact, given

from domain.any_subject import ChangesImported, ImportedChange, VoidEntry
from domain.decision import (
    AcceptDecision,
    AdviceGiven,
    AdviseOnDecision,
    ConfirmDecision,
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
    ReviseDecision,
    SupersedeDecision,
    WithdrawDecision,
)  # fmt: skip
from domain.errors import AlreadyExists, Malformed, NotAllowed, NothingChanges, OutOfOrder, Unknown
from domain.feature import ProposeFeature
from domain.fields import STATUS
from domain.messages import Command
from domain.ownership import AssignOwnership, OwnershipHandedOver
from domain.people import PersonLeft, PersonMerged
from domain.product import DefineProduct, SetGoal

TEA, MILK = "decision:tea", "decision:milk"
PROPOSED = fact(TEA, DecisionProposed(title="Sell tea", decision="We sell tea."))
ACCEPTED = fact(TEA, DecisionAccepted(deciders=("person:ann",)))
RECORDED = fact(
    TEA,
    DecisionRecorded(
        title="Sell tea", decision="We sell tea.", why="Thirst.", accountable="person:bob", deciders=("person:ann",)
    ),
)
LIVES = {
    "proposed": (PROPOSED,),
    "accepted": (PROPOSED, ACCEPTED),
    "rejected": (PROPOSED, fact(TEA, DecisionRejected(deciders=("person:ann",), why="No."))),
    "deferred": (PROPOSED, fact(TEA, DecisionDeferred(until="Spring."))),
    "withdrawn": (PROPOSED, fact(TEA, DecisionWithdrawn(why="Mine."))),
    "superseded": (PROPOSED, ACCEPTED, fact(TEA, DecisionSuperseded(by=(MILK,)))),
    "reversed": (PROPOSED, ACCEPTED, fact(TEA, DecisionReversed(why="Bad."))),
    "reopened": (PROPOSED, ACCEPTED, fact(TEA, DecisionReopened(why="News."))),
    "recorded": (RECORDED,),
    "recorded, then superseded": (RECORDED, fact(TEA, DecisionSuperseded(by=(MILK,)))),
    "recorded, then reversed": (RECORDED, fact(TEA, DecisionReversed(why="Bad."))),
    "recorded, then reopened": (RECORDED, fact(TEA, DecisionReopened(why="News."))),
    "word not understood": (
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
OPEN = {"proposed", "deferred", "reopened", "word not understood"}
EVER = set(LIVES)
RECORDED_LIKE = {
    "recorded": "accepted",
    "recorded, then superseded": "superseded",
    "recorded, then reversed": "reversed",
    "recorded, then reopened": "reopened",
}
"""Each stage that began with one DecisionRecorded, and the stage of the stepwise flow with the same rules."""
ALLOWED = {
    ReviseDecision(subject=TEA, title="Sell green tea"): OPEN,
    AdviseOnDecision(subject=TEA, advice="Do."): OPEN,
    DissentFromDecision(subject=TEA, reason="Don't."): EVER,
    AcceptDecision(subject=TEA): OPEN,
    RejectDecision(subject=TEA, why="No."): OPEN,
    DeferDecision(subject=TEA, until="Spring."): OPEN,
    WithdrawDecision(subject=TEA, why="Mine."): OPEN,
    ReopenDecision(subject=TEA, why="News."): {"accepted", "rejected", "deferred", "withdrawn", "reversed"},
    SupersedeDecision(subject=TEA, by=(MILK,)): {"accepted"},
    ReverseDecision(subject=TEA, why="Bad."): {"accepted"},
    ConfirmDecision(subject=TEA): {"accepted", "rejected", "superseded", "reversed"},
    RatifyDecision(subject=TEA): {"accepted"},
    ReviewDecision(subject=TEA, outcome="better", finding="Well."): {"accepted", "superseded", "reversed"},
}


@pytest.mark.parametrize("stage", LIVES)
@pytest.mark.parametrize("command", ALLOWED, ids=lambda command: command.type)
def test_transitions(command, stage):
    """Each order is taken in just the stages of a decision's life that the table names."""
    story = given(*MILK_IN_FORCE, *LIVES[stage])

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
        (DissentFromDecision(subject=TEA, reason="Don't."), DissentRecorded(by="person:ann", reason="Don't.")),
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
def test_from_order_to_fact(command, event):
    """An order about a proposal becomes the fact of the same content, by whoever's act it was."""
    given(PROPOSED).when(command).then(fact(TEA, event))


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (ReopenDecision(subject=TEA, why="News."), DecisionReopened(why="News.")),
        (SupersedeDecision(subject=TEA, by=(MILK,)), DecisionSuperseded(by=(MILK,))),
        (ReverseDecision(subject=TEA, why="Bad.", by=MILK), DecisionReversed(why="Bad.", by=MILK)),
        (ConfirmDecision(subject=TEA), DecisionConfirmed(by="person:ann")),
        (RatifyDecision(subject=TEA, why="Fine."), DecisionRatified(by="person:ann", why="Fine.")),
        (
            ReviewDecision(subject=TEA, outcome="worse", finding="Cold."),
            DecisionReviewed(outcome="worse", finding="Cold."),
        ),
    ],
)
def test_from_order_to_fact_once_taken(command, event):
    """An order about a decision in force becomes the fact of the same content."""
    given(*MILK_IN_FORCE, PROPOSED, ACCEPTED).when(command).then(fact(TEA, event))


def test_proposing():
    """A proposal begins a decision, with its owner if one is named."""
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


def test_recording_what_was_decided():
    """Four fields are enough to record a decision already taken, in one event; its accountable owns it."""
    story = given().when(record()).then(RECORDED)

    assert story.state(TEA).version == 1
    assert story.value(TEA, STATUS) == "accepted"
    assert story.value(TEA, "role.accountable") == ["person:bob"]


WHOLE_CASE = {
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


@pytest.mark.parametrize("case", [{}, *({name: said} for name, said in WHOLE_CASE.items()), WHOLE_CASE])
@pytest.mark.parametrize("more", [{}, {"option": "Tea"}, {"deciders": ("person:bob", "person:ann")}])
def test_recording_comes_to_the_same_as_proposing_and_accepting(case, more):
    """A decision recorded in one event has the fields of one proposed, assigned and accepted at the same time."""
    at_once = given().when(record(**case, **more)).recorded()
    propose = ProposeDecision.model_validate({"key": "tea", "title": "Sell tea", **case})
    accept = AcceptDecision(subject=TEA, decision="We sell tea.", why="Thirst.", **more)
    assign = AssignOwnership(subject=TEA, holders=("person:bob",))
    stepwise = given().when(propose, assign, accept).recorded()

    assert fields_of(at_once) == fields_of(stepwise)
    assert fields_of(at_once).keys() >= {STATUS, "exists", "title", "decision", "why", "deciders", *case}


def fields_of(story: Story) -> dict[str, object]:
    return {name: story.value(TEA, name) for name in story.state(TEA).field_names()}


def test_recorded_fields_are_the_command_s():
    """A new field of RecordDecision that DecisionRecorded does not carry would be lost."""
    own = set(RecordDecision.model_fields) - set(Command.model_fields) - {"type", "key", "supersedes"}

    assert own == set(DecisionRecorded.model_fields)


def test_voiding_a_recording_undoes_it_whole():
    """A decision whose DecisionRecorded is void is unknown, with everything that was recorded in it."""
    story = given(RECORDED).when(VOID).recorded()

    assert set(fields_of(story).values()) == {None}
    story.when(ReverseDecision(subject=TEA, why="?")).refused(Unknown, "subject")


VOID = VoidEntry(subject=TEA, position=5, reason="Wrong.")


def test_correcting_a_recording():
    """What corrects a void recording begins the same decision again; without `corrects` its key stays used."""
    void = given(RECORDED).when(VOID).recorded()

    void.when(record(title="Sell green tea")).refused(AlreadyExists, "key")
    corrected = void.when(record(title="Sell green tea", corrects=5)).recorded()
    assert (corrected.value(TEA, "title"), corrected.value(TEA, STATUS)) == ("Sell green tea", "accepted")
    corrected.when(record(corrects=5)).refused(AlreadyExists, "key")


def test_a_correction_names_the_beginning():
    """Only the entry with which a decision began stands for it; another voided entry of it does not."""
    advice = fact(TEA, AdviceGiven(by="person:ann", advice="Do."))
    story = given(RECORDED, advice).when(VoidEntry(subject=TEA, position=6, reason="Wrong."), VOID).recorded()

    story.when(record(corrects=6)).refused(AlreadyExists, "key")
    story.when(record(corrects=5)).recorded()


def test_a_correction_begins_before_what_is_left():
    """What is recorded again takes effect no later than what was said of it since and still counts."""
    handed_over = fact(TEA, OwnershipHandedOver(to="person:ann", by=("person:bob",)))  # position 6, on day 2
    story = given(RECORDED, handed_over).when(VOID).recorded()

    story.when(record(corrects=5)).refused(NotAllowed, "effective_at", "position 6")
    corrected = story.when(dated(record(corrects=5), 2)).recorded()
    assert corrected.value(TEA, "role.accountable") == ["person:bob"]  # at the same time, the later position holds
    corrected = story.when(dated(record(corrects=5), 1)).recorded()
    assert corrected.value(TEA, "role.accountable") == ["person:ann"]


def test_voiding_a_later_hand_over():
    """A hand-over after the recording is voided on its own; the recorded accountable person holds again."""
    handed_over = fact(TEA, OwnershipHandedOver(to="person:ann", by=("person:bob",)))
    story = given(RECORDED, handed_over).when(VoidEntry(subject=TEA, position=6, reason="Wrong.")).recorded()

    assert story.value(TEA, "role.accountable") == ["person:bob"]


def test_voiding_a_recording_that_replaced_another():
    """A recording that superseded another decision is voided only after the superseding is."""
    story = given(*MILK_IN_FORCE).when(record(supersedes=(MILK,))).recorded()  # positions 7 and 8
    void = VoidEntry(subject=TEA, position=7, reason="Wrong.")

    story.when(void).refused(NotAllowed, "position", f"position 8 of {MILK} first")
    undone = story.when(VoidEntry(subject=MILK, position=8, reason="Wrong."), void).recorded()
    assert (undone.value(MILK, STATUS), undone.value(TEA, STATUS)) == ("accepted", None)


def test_confirming_and_ratifying_a_recording():
    """A decider named in a DecisionRecorded confirms it with their own credentials, once."""
    confirmed = given(RECORDED).when(ConfirmDecision(subject=TEA)).recorded()

    confirmed.when(ConfirmDecision(subject=TEA)).refused(NothingChanges, "subject")
    given(RECORDED).when(ConfirmDecision(subject=TEA), actor="person:bob").refused(NotAllowed, "subject")
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
def test_one_action_is_one_event(command):
    """Whatever is begun together with its accountable person is one event, and that person holds the role."""
    outcome = given().when(command)

    (draft,) = outcome.drafts
    assert outcome.recorded().value(draft.subject, "role.accountable") == ["person:bob"]
    given(fact("person:bob", PersonLeft())).when(command).refused(NotAllowed, "accountable", "departed")


def test_recording_replaces_what_was_in_force():
    """A recorded decision takes the place of those it supersedes, in one go."""
    story = given(*MILK_IN_FORCE).when(record(supersedes=(MILK,))).recorded()

    assert story.value(MILK, STATUS) == "superseded"
    assert story.value(MILK, "superseded_by") == [TEA]


def test_only_what_is_in_force_is_replaced():
    """A recorded decision supersedes nothing that is not in force."""
    given(fact(MILK, DecisionProposed(title="Milk"))).when(record(supersedes=(MILK,))).refused(NotAllowed, "subject")


def test_a_service_decides_nothing():
    """Where nobody is named, a service cannot be the decider."""
    given(PROPOSED).when(AcceptDecision(subject=TEA), actor="service:ci").refused(NotAllowed, "deciders")
    given().when(record(), actor="service:ci").refused(NotAllowed, "deciders")


def test_a_service_may_write_down_what_a_person_decided():
    """A service that names the decider records the decision."""
    given().when(record(deciders=("person:bob",)), actor="service:ci").recorded()


def test_keys_are_for_life():
    """No key is used twice, not even that of a decision whose beginning was voided."""
    given(PROPOSED).when(record()).refused(AlreadyExists, "key")


@pytest.mark.parametrize("field", ["deciders", "supersedes", "products", "because"])
def test_naming_somebody_twice(field):
    """A list that names the same one twice is not in order."""
    twice = {"deciders": "person:bob", "supersedes": MILK, "products": "product:shop", "because": MILK}[field]

    given(*MILK_IN_FORCE).when(record(**{field: (twice, twice)})).refused(Malformed, field, "2 times")


@pytest.mark.parametrize(
    ("field", "value", "place"),
    [
        ("accountable", "person:eve", "accountable"),
        ("deciders", ("person:ann", "person:eve"), "deciders.1"),
        ("products", ("product:moon",), "products.0"),
        ("supersedes", ("decision:none",), "supersedes.0"),
        ("because", ("decision:none",), "because.0"),
        ("on_behalf_of", "person:eve", "on_behalf_of"),
    ],
)
def test_naming_strangers(field, value, place):
    """An order may name only what the log knows; the refusal names the place."""
    given().when(record(**{field: value})).refused(Unknown, place)


def test_revising_nothing():
    """A revision that gives nothing is refused."""
    given(PROPOSED).when(ReviseDecision(subject=TEA)).refused(NothingChanges, "title")


def test_revising_keeps_what_is_left_out():
    """What a revision leaves out stays; an empty list given empties it."""
    case = DecisionProposed(title="Tea", context="Thirst.", evidence=("Sweat.",), options=(Option(title="Green"),))
    story = given(fact(TEA, case)).when(ReviseDecision(subject=TEA, title="Green tea", evidence=())).recorded()

    assert story.value(TEA, "title") == "Green tea"
    assert story.value(TEA, "context") == "Thirst."
    assert story.value(TEA, "evidence") == []
    assert story.value(TEA, "options") == [{"title": "Green", "pros": [], "cons": []}]


def test_superseding_itself():
    """A decision does not supersede itself."""
    given(PROPOSED, ACCEPTED).when(SupersedeDecision(subject=TEA, by=(TEA,))).refused(NotAllowed, "by", "itself")


def test_superseded_by_a_proposal():
    """Only a decision in force supersedes another."""
    proposal = fact(MILK, DecisionProposed(title="Milk"))

    given(PROPOSED, ACCEPTED, proposal).when(SupersedeDecision(subject=TEA, by=(MILK,))).refused(NotAllowed, "by")


def test_superseding_in_a_circle():
    """Nothing is superseded by what it has itself superseded, however long the way."""
    juice = "decision:juice"
    observed = ImportedChange(field="status", value="accepted")
    story = given(
        *MILK_IN_FORCE, fact(MILK, DecisionSuperseded(by=(juice,))),
        fact(juice, DecisionProposed(title="Juice")), fact(juice, DecisionSuperseded(by=(TEA,))),
        PROPOSED, ACCEPTED, fact(MILK, ChangesImported(changes=(observed,))),
    )  # fmt: skip

    story.when(SupersedeDecision(subject=TEA, by=(MILK,))).refused(NotAllowed, "by", "itself superseded")


def test_confirming_is_for_those_named():
    """Only a named decider confirms, with their own credentials, and once."""
    story = given(PROPOSED, ACCEPTED)

    story.when(ConfirmDecision(subject=TEA), actor="person:bob").refused(NotAllowed, "subject")
    story.when(ConfirmDecision(subject=TEA, on_behalf_of="person:ann"), actor="person:bob").refused(
        NotAllowed, "on_behalf_of"
    )
    story.when(ConfirmDecision(subject=TEA)).recorded().when(ConfirmDecision(subject=TEA)).refused(
        NothingChanges, "subject"
    )


def test_confirming_anew():
    """A decision that was reopened and taken again is confirmed again."""
    story = given(
        PROPOSED,
        ACCEPTED,
        fact(TEA, DecisionConfirmed(by="person:ann")),
        fact(TEA, DecisionReopened(why="News.")),
        ACCEPTED,
    )

    story.when(ConfirmDecision(subject=TEA)).recorded()


def test_reopening_empties_how_it_came_to_rest():
    """A decision that is open again waits for nothing, and nothing has reversed, rejected or withdrawn it."""
    ends = {
        DeferDecision(subject=TEA, until="Spring."): ("deferred_until",),
        RejectDecision(subject=TEA, why="No."): ("rejected_because",),
        WithdrawDecision(subject=TEA, why="Mine."): ("withdrawn_because",),
    }
    stories = [(given(PROPOSED).when(command).recorded(), cells) for command, cells in ends.items()]
    reverse = ReverseDecision(subject=TEA, why="Bad.", by=MILK)
    stories.append(
        (given(PROPOSED, ACCEPTED, *MILK_IN_FORCE).when(reverse).recorded(), ("reversed_because", "reversed_by"))
    )

    for story, cells in stories:
        assert all(story.value(TEA, cell) for cell in cells)
        reopened = story.when(ReopenDecision(subject=TEA, why="News.")).recorded()
        assert [reopened.value(TEA, cell) for cell in cells] == [None] * len(cells)


@pytest.mark.parametrize(
    ("command", "cell"),
    [
        (RejectDecision(subject=TEA, why="No."), "rejected_because"),
        (WithdrawDecision(subject=TEA, why="No."), "withdrawn_because"),
    ],
    ids=lambda value: getattr(value, "type", value),
)
def test_turning_down_keeps_the_reason_for_it(command, cell):
    """Why a decision was turned down stands beside why it was proposed."""
    story = given(fact(TEA, DecisionProposed(title="Sell tea", why="Thirst."))).when(command).recorded()

    assert (story.value(TEA, "why"), story.value(TEA, cell)) == ("Thirst.", "No.")


# Ann is read as Bob in these.

ANN, BOB = "person:ann", "person:bob"
ONE_PERSON = fact(ANN, PersonMerged(into=BOB))


def test_confirming_under_another_id():
    """Who was named under one of their ids confirms under any of them, and once."""
    story = given(ONE_PERSON, PROPOSED, ACCEPTED)

    confirmed = story.when(ConfirmDecision(subject=TEA), actor=BOB).recorded()

    confirmed.when(ConfirmDecision(subject=TEA), actor=ANN).refused(NothingChanges, "subject", "already")
    story.when(ConfirmDecision(subject=TEA, on_behalf_of=BOB), actor=ANN).recorded()
    given(PROPOSED, ACCEPTED).when(ConfirmDecision(subject=TEA), actor=BOB).refused(NotAllowed, "subject")


def test_two_ids_of_one_person_are_one_decider():
    """Nobody decides twice, under whatever ids."""
    command = AcceptDecision(subject=TEA, deciders=(ANN, BOB))

    given(PROPOSED).when(command).recorded()
    given(PROPOSED, ONE_PERSON).when(command).refused(Malformed, "deciders", "are one person")


def test_departed_people_are_given_nothing():
    """Who has left does not become accountable, unless it took effect before they left."""
    gone = given(fact("person:bob", PersonLeft()))

    gone.when(record()).refused(NotAllowed, "accountable", "departed")
    gone.when(dated(record(), 0)).recorded()


def test_dating_back():
    """A decision taken long ago is recorded as of then."""
    story = given().when(dated(record(), 50)).recorded()

    assert story.value(TEA, STATUS, on=49) is None
    assert story.value(TEA, STATUS, on=50) == "accepted"


def test_dating_back_behind_the_latest_status_act():
    """A status act is not dated before the latest one, and is told which that is; at the same instant it may be."""
    story: Story = given(PROPOSED, ACCEPTED)  # positions 5 and 6, on days 1 and 2

    story.when(dated(ReverseDecision(subject=TEA, why="Bad."), 1)).refused(OutOfOrder, "effective_at", "position 6")
    story.when(dated(ReverseDecision(subject=TEA, why="Bad."), 2)).recorded()


def test_dating_back_before_the_beginning():
    """Nothing of a subject takes effect before it begins."""
    story = given(PROPOSED)

    story.when(dated(AdviseOnDecision(subject=TEA, advice="Do."), 0)).refused(NotAllowed, "effective_at", "begins at")
    story.when(dated(AdviseOnDecision(subject=TEA, advice="Do."), 1)).recorded()


def test_dating_back_other_cells():
    """Anything but a status may be dated back behind later acts, and holds until that cell's next change."""
    early, late = DecisionRevised(context="Early."), DecisionRevised(context="Late.")
    story = given(PROPOSED, fact(TEA, early), fact(TEA, late))

    story = story.when(dated(ReviseDecision(subject=TEA, context="Between."), 2)).recorded()

    assert [story.value(TEA, "context", on=number) for number in (1, 2, 3)] == [None, "Between.", "Late."]
