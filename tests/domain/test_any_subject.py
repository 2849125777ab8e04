"""What can be said of any subject: names, places, striking, corrections, observation, forgetting."""

import pytest
from pydantic import ValidationError
from support_story import dated, day, fact, given, instant

from domain.any_subject import (
    AliasesSet,
    AssignToProducts,
    AttributeSet,
    ChangesImported,
    ChangeTitle,
    EntryVoided,
    EraseTexts,
    ImportChanges,
    ImportedChange,
    LogOpened,
    ProductsAssigned,
    RemoveSubject,
    RestoreSubject,
    SetAliases,
    SetAttribute,
    SubjectRemoved,
    SubjectRestored,
    TextsErased,
    TitleChanged,
    VoidEntry,
)
from domain.decision import AcceptDecision, DecisionAccepted, DecisionProposed, DecisionSuperseded, ReviseDecision
from domain.errors import Forbidden, NotAllowed, NothingChanges, Unknown
from domain.feature import FeatureCommitted, FeatureProposed, FeatureStarted
from domain.people import RegisterPerson
from domain.product import DefineProduct, SetVision

SHOP, TEA, GIFT, LOG = "product:shop", "decision:tea", "feature:gift-cards", "log:l1"
PROPOSED = fact(TEA, DecisionProposed(title="Sell tea"))
STRUCK = fact(SHOP, SubjectRemoved(why="Never was."))
OPENED = fact(LOG, LogOpened())


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (ChangeTitle(subject=SHOP, title="Store"), TitleChanged(title="Store")),
        (SetAliases(subject=SHOP, aliases=("S-1", "S-2")), AliasesSet(aliases=("S-1", "S-2"))),
        (SetAttribute(subject=SHOP, name="colour", value="red"), AttributeSet(name="colour", value="red")),
        (SetAttribute(subject=SHOP, name="colour"), AttributeSet(name="colour")),
        (AssignToProducts(subject=SHOP, products=()), ProductsAssigned(products=())),
        (RemoveSubject(subject=SHOP, why="Never was."), STRUCK.event),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_from_order_to_fact(command, event):
    """Each order about a subject's record becomes the fact of the same content."""
    given().when(command).then(fact(SHOP, event))


def test_a_taken_decision_keeps_its_title():
    """A decision is retitled while it is open, and not once it is taken."""
    command = ChangeTitle(subject=TEA, title="Green tea")

    given(PROPOSED).when(command).recorded()
    given(PROPOSED, fact(TEA, DecisionAccepted(deciders=("person:ann",)))).when(command).refused(NotAllowed, "subject")


@pytest.mark.parametrize(
    "command", [ChangeTitle(subject="person:bob", title="Bob"), SetAliases(subject="person:bob", aliases=("bob@x",))]
)
def test_names_of_people_stay_out(command):
    """What a person is called does not get into the log."""
    given().when(command).refused(NotAllowed, "subject", "directory")


def test_struck_subjects_are_spoken_of_no_more():
    """A struck subject takes no order but to be restored, and is then as it was."""
    struck = given(STRUCK)

    struck.when(SetVision(subject=SHOP, vision="All.")).refused(NotAllowed, "subject", "restore it first")
    struck.when(DefineProduct(key="till", title="Till", line="shop")).refused(NotAllowed, "line", "struck")
    restored = struck.when(RestoreSubject(subject=SHOP, why="It was.")).then(fact(SHOP, SubjectRestored(why="It was.")))
    restored.when(SetVision(subject=SHOP, vision="All.")).recorded()


def test_restoring_rests_on_what_is_on_the_record():
    """Restoring a struck subject does not lift the rule for the decisions it rests on."""
    story = given(STRUCK, PROPOSED, fact(TEA, SubjectRemoved(why="Oops.")))

    story.when(RestoreSubject(subject=SHOP, why="It was.", because=(TEA,))).refused(NotAllowed, "because.0", "struck")


def test_restoring_what_was_never_struck():
    """What is on the record is not restored."""
    given().when(RestoreSubject(subject=SHOP, why="?")).refused(NothingChanges, "subject")


def test_striking_and_restoring_take_hold():
    """Either is dated no earlier than the one before it, after which nothing would have changed."""
    struck = given(fact(SHOP, TitleChanged(title="Store")), STRUCK)  # on day 2, at position 6
    restore, strike = RestoreSubject(subject=SHOP, why="It was."), RemoveSubject(subject=SHOP, why="It was not.")

    struck.when(dated(restore, 1)).refused(NotAllowed, "effective_at", "position 6")
    restored = struck.when(dated(restore, 2)).recorded()
    assert restored.state(SHOP).exists_at(day(2))
    restored.when(dated(strike, 1)).refused(NotAllowed, "effective_at", "position 7")
    assert not restored.when(dated(strike, 2)).recorded().state(SHOP).exists_at(day(2))


@pytest.mark.parametrize(
    "command", [RemoveSubject(subject=LOG, why="?"), VoidEntry(subject=LOG, position=5, reason="?")]
)
def test_the_log_itself_stays(command):
    """The log cannot be struck, nor its opening voided."""
    given(OPENED).when(command).refused(NotAllowed, "subject", "log itself")


# Corrections: positions 1 to 4 are the background, so a story's own facts begin at 5.

CAREER = (
    fact(GIFT, FeatureProposed(title="Gift cards", products=(SHOP,))),
    fact(GIFT, FeatureCommitted()),
    fact(GIFT, FeatureStarted()),
    fact(GIFT, AttributeSet(name="colour", value="red")),
)


def void(position: int) -> VoidEntry:
    return VoidEntry(subject=GIFT, position=position, reason="Wrong.")


def test_voiding_the_latest_status_act():
    """The latest status act can be voided, and the one before it counts again."""
    story = given(*CAREER).when(void(7)).then(fact(GIFT, EntryVoided(position=7, reason="Wrong.")))

    assert story.value(GIFT, "status") == "committed"


def test_voiding_an_earlier_status_act():
    """An earlier status act is voided only after the later ones."""
    given(*CAREER).when(void(6)).refused(NotAllowed, "position", "position 7")
    given(*CAREER).when(void(7), void(6)).recorded()


def test_voiding_another_act():
    """Any other act can be voided at any time."""
    story = given(*CAREER).when(void(8)).recorded()

    assert story.value(GIFT, "x.colour") is None


def test_voiding_what_is_not_there():
    """What is voided is an entry of the subject's own stream that still counts and voids nothing."""
    story = given(*CAREER).when(void(8)).recorded()

    story.when(void(4)).refused(Unknown, "position")
    story.when(void(8)).refused(NothingChanges, "position", "void already")
    story.when(void(9)).refused(NotAllowed, "position", "voids another entry")


def test_voiding_the_beginning():
    """A subject whose beginning is void is unknown, and its key stays used."""
    story = given(PROPOSED).when(VoidEntry(subject=TEA, position=5, reason="Wrong.")).recorded()

    story.when(ReviseDecision(subject=TEA, why="?")).refused(Unknown, "subject")


def test_a_wrong_date_is_corrected():
    """A voided status act no longer stands in the way of its replacement at an earlier date."""
    story = given(
        PROPOSED,
        fact("product:shop", TitleChanged(title="Store")),
        fact(TEA, DecisionAccepted(deciders=("person:ann",))),
    )
    replacement = AcceptDecision(subject=TEA, corrects=7, effective_at=instant(2))

    story = story.when(VoidEntry(subject=TEA, position=7, reason="It was the day before."), replacement).recorded()

    assert [story.value(TEA, "status", on=number) for number in (1, 2)] == ["proposed", "accepted"]


def test_voiding_what_a_replacement_rests_on():
    """The acceptance of a decision that replaced another is void only after the replacing is."""
    old = "decision:coffee"
    accepted = DecisionAccepted(deciders=("person:ann",))
    story = given(
        fact(old, DecisionProposed(title="Coffee")), fact(old, accepted),
        PROPOSED, fact(TEA, accepted), fact(old, DecisionSuperseded(by=(TEA,))),
    )  # fmt: skip
    unaccept = VoidEntry(subject=TEA, position=8, reason="Nobody did.")
    unreplace = VoidEntry(subject=old, position=9, reason="By nothing.")

    story.when(unaccept).refused(NotAllowed, "position", "position 9 of decision:coffee")
    replaced = story.when(unreplace, unaccept).recorded()
    assert (replaced.value(old, "status"), replaced.value(TEA, "status")) == ("accepted", "proposed")


# Observation


def observe(*steps: ImportedChange) -> ImportChanges:
    return ImportChanges(subject="feature:seen", changes=steps)


BEGUN = ImportedChange(field="exists", value=True)


def test_only_importers_observe():
    """Observing needs the right to import."""
    given().when(observe(BEGUN)).refused(Forbidden)
    given().when(observe(BEGUN), rights=["import"]).then(fact("feature:seen", ChangesImported(changes=(BEGUN,))))


def test_observed_history_obeys_no_rule_of_ours():
    """What happened elsewhere may begin, end and be dated as it did there, and name what the log does not know."""
    story = given().when(
        observe(BEGUN, ImportedChange(field="status", value="shipped")),
        observe(
            ImportedChange(field="status", value="proposed"), ImportedChange(field="goals", subjects=("goal:none",))
        ),
        rights=["import"],
    )

    assert story.recorded().value("feature:seen", "status") == "proposed"


@pytest.mark.parametrize(
    ("step", "value", "refs", "searchable"),
    [
        (ImportedChange(field="rank", value=3), 3, (), False),
        (ImportedChange(field="exists", value=False), False, (), False),
        (ImportedChange(field="status", value="shipped", source_value="GA"), "shipped", (), False),
        (ImportedChange(field="target.ship", value="release:r1"), "release:r1", ("release:r1",), False),
        (ImportedChange(field="target.ship", source_value="TBD"), None, (), False),
        (
            ImportedChange(field="goals", subjects=("goal:a", "goal:b")),
            ["goal:a", "goal:b"],
            ("goal:a", "goal:b"),
            False,
        ),
        (ImportedChange(field="role.author", holders=("person:ann",)), ["person:ann"], ("person:ann",), False),
        (ImportedChange(field="goals", subjects=()), [], (), False),
        (ImportedChange(field="title", text="  "), "  ", (), True),
        (ImportedChange(field="x.tags", texts=("a", "b")), ["a", "b"], (), True),
        (ImportedChange(field="x.tags"), None, (), False),
    ],
)
def test_what_an_observed_step_means(step, value, refs, searchable):
    """An observed step changes its cell to what it means, beside the source's own word."""
    change = step.field_change()

    assert (change.value, change.refs, change.is_searchable, change.source_value) == (
        value,
        refs,
        searchable,
        step.source_value,
    )
    assert type(change.value) is type(value)


def test_an_observed_step_means_one_thing():
    """A step with two meanings is not in order."""
    with pytest.raises(ValidationError, match="only one of"):
        ImportedChange(field="rank", value=3, text="three")


# Forgetting


def test_only_those_who_may_forget():
    """Forgetting needs its right; what is forgotten is named once, in order."""
    command = EraseTexts(subject=LOG, positions=(9, 2, 9))

    given(OPENED).when(command).refused(Forbidden)
    given(OPENED).when(command, rights=["erase"]).then(fact(LOG, TextsErased(positions=(2, 9), reason_code="request")))


def test_a_registered_name_is_not_in_the_fact():
    """The fact that somebody is known carries nothing of what they are called."""
    story = given().when(RegisterPerson(key="p1", name="Eve Adams", identifiers=("eve@x",)))

    assert "Eve" not in repr(story.drafts)
