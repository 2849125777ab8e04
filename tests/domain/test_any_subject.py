"""Commands that apply to any subject: titles, products, removal, corrections, imports and erasure."""

from typing import Any

import pytest
from pydantic import ValidationError

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
from domain.assumption import AssumptionStated, BreakAssumption, ConfirmAssumption
from domain.decision_messages import (
    AcceptDecision,
    DecisionAccepted,
    DecisionProposed,
    DecisionSuperseded,
    ReviseDecision,
)
from domain.errors import NotAllowed, NothingChanges, Unknown
from domain.feature import DropFeature, FeatureCommitted, FeatureProposed, FeatureStarted, ReopenFeature
from domain.messages import Source
from domain.people import RegisterPerson
from domain.product import DefineProduct, SetVision
from tests.support_story import backdated, day, day_time, fact, given

SHOP, TEA, GIFT, LOG = "product:shop", "decision:tea", "feature:gift-cards", "log:l1"
WATER = "assumption:water"
PROPOSED = fact(TEA, DecisionProposed(title="Sell tea"))
REMOVED = fact(SHOP, SubjectRemoved(why="Never was."))
OPENED = fact(LOG, LogOpened())


@pytest.mark.parametrize(
    ("command", "event"),
    [
        (ChangeTitle(subject=SHOP, title="Store"), TitleChanged(title="Store")),
        (SetAliases(subject=SHOP, aliases=("S-1", "S-2")), AliasesSet(aliases=("S-1", "S-2"))),
        (SetAttribute(subject=SHOP, name="color", value="red"), AttributeSet(name="color", value="red")),
        (SetAttribute(subject=SHOP, name="color"), AttributeSet(name="color")),
        (AssignToProducts(subject=SHOP, products=()), ProductsAssigned(products=())),
        (RemoveSubject(subject=SHOP, why="Never was."), REMOVED.event),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_events(command, event):
    """Each command records the matching event."""
    given().when(command).then(fact(SHOP, event))


def test_an_accepted_decision_keeps_its_title():
    """A decision can be retitled only while it is open."""
    command = ChangeTitle(subject=TEA, title="Green tea")

    given(PROPOSED).when(command).recorded()
    given(PROPOSED, fact(TEA, DecisionAccepted(deciders=("person:ann",)))).when(command).refused(NotAllowed, "subject")


@pytest.mark.parametrize(
    "command", [ChangeTitle(subject="person:bob", title="Bob"), SetAliases(subject="person:bob", aliases=("bob@x",))]
)
def test_names_of_people_are_not_recorded(command):
    """The name of a person cannot be set in the log."""
    given().when(command).refused(NotAllowed, "subject", "directory")


def test_removed_subjects():
    """A removed subject cannot be changed or referenced until it is restored."""
    removed = given(REMOVED)

    removed.when(SetVision(subject=SHOP, vision="All.")).refused(NotAllowed, "subject", "restore it first")
    removed.when(DefineProduct(key="till", title="Till", line="shop")).refused(NotAllowed, "line", "was removed")
    restored = removed.when(RestoreSubject(subject=SHOP, why="It was.")).then(
        fact(SHOP, SubjectRestored(why="It was."))
    )
    restored.when(SetVision(subject=SHOP, vision="All.")).recorded()


@pytest.mark.parametrize(
    ("subject", "first", "second", "reasons"),
    [
        (SHOP, RemoveSubject(subject=SHOP, why="A"), RestoreSubject(subject=SHOP, why="B"), ("removed", "restored")),
        (GIFT, DropFeature(subject=GIFT, why="A"), ReopenFeature(subject=GIFT, why="B"), ("dropped", "reopened")),
        (
            WATER,
            ConfirmAssumption(subject=WATER, why="A"),
            BreakAssumption(subject=WATER, why="B"),
            ("confirmed", "broken"),
        ),
        (
            WATER,
            BreakAssumption(subject=WATER, why="A"),
            ConfirmAssumption(subject=WATER, why="B"),
            ("broken", "confirmed"),
        ),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_the_reason_of_a_state_ends_with_it(subject, first, second, reasons) -> None:
    """A subject that is no longer removed, dropped, true or false has no reason for it; the new state has its own."""
    names = [f"{reason}_because" for reason in reasons]
    background = (
        fact(GIFT, FeatureProposed(title="Gift cards", products=(SHOP,))),
        fact(WATER, AssumptionStated(title="There is water")),
    )
    story = given(*background).when(first).recorded()
    assert [story.value(subject, name) for name in names] == ["A", None]

    story = story.when(second).recorded()
    assert [story.value(subject, name) for name in names] == [None, "B"]

    if subject == SHOP:
        story = story.when(RemoveSubject(subject=SHOP, why="C")).recorded()
        assert [story.value(subject, name) for name in names] == ["C", None]


def test_restoring_because_of_a_removed_decision():
    """Restoring a subject cannot be based on a removed decision."""
    story = given(REMOVED, PROPOSED, fact(TEA, SubjectRemoved(why="Oops.")))

    story.when(RestoreSubject(subject=SHOP, why="It was.", because=(TEA,))).refused(
        NotAllowed, "because.0", "was removed"
    )


def test_restoring_a_subject_that_is_not_removed():
    """A subject that is not removed cannot be restored."""
    given().when(RestoreSubject(subject=SHOP, why="?")).refused(NothingChanges, "subject")


def test_backdating_removal_and_restoration():
    """Removing and restoring cannot be dated before the previous such change."""
    removed = given(fact(SHOP, TitleChanged(title="Store")), REMOVED)  # on day 2, at position 6
    restore, remove = RestoreSubject(subject=SHOP, why="It was."), RemoveSubject(subject=SHOP, why="It was not.")

    removed.when(backdated(restore, 1)).refused(NotAllowed, "effective_at", "position 6")
    restored = removed.when(backdated(restore, 2)).recorded()
    assert restored.state(SHOP).exists_at(day(2))
    restored.when(backdated(remove, 1)).refused(NotAllowed, "effective_at", "position 7")
    assert not restored.when(backdated(remove, 2)).recorded().state(SHOP).exists_at(day(2))


@pytest.mark.parametrize("command", [RemoveSubject(subject=LOG, why="?"), VoidEntry(subject=LOG, position=5, why="?")])
def test_the_log_cannot_be_removed(command):
    """The log itself cannot be removed, and its first entry cannot be voided."""
    given(OPENED).when(command).refused(NotAllowed, "subject", "log itself")


# Corrections. Positions 1 to 4 are the background, so the facts of a story start at 5.

LIFE_CYCLE = (
    fact(GIFT, FeatureProposed(title="Gift cards", products=(SHOP,))),
    fact(GIFT, FeatureCommitted()),
    fact(GIFT, FeatureStarted()),
    fact(GIFT, AttributeSet(name="color", value="red")),
)


def void(position: int) -> VoidEntry:
    return VoidEntry(subject=GIFT, position=position, why="Wrong.")


def test_voiding_the_latest_status_change():
    """Voiding the latest status change makes the previous status current again."""
    story = given(*LIFE_CYCLE).when(void(7)).then(fact(GIFT, EntryVoided(position=7, why="Wrong.")))

    assert story.value(GIFT, "status") == "committed"


def test_voiding_an_earlier_status_change():
    """An earlier status change can be voided only after the later ones."""
    given(*LIFE_CYCLE).when(void(6)).refused(NotAllowed, "position", "position 7")
    given(*LIFE_CYCLE).when(void(7), void(6)).recorded()


def test_voiding_other_changes():
    """A change of another field can be voided at any time."""
    story = given(*LIFE_CYCLE).when(void(8)).recorded()

    assert story.value(GIFT, "x.color") is None


def test_entries_that_cannot_be_voided():
    """An entry of another subject, a voided entry, and an entry that voids another cannot be voided."""
    story = given(*LIFE_CYCLE).when(void(8)).recorded()

    story.when(void(4)).refused(Unknown, "position")
    story.when(void(8)).refused(NothingChanges, "position", "already voided")
    story.when(void(9)).refused(NotAllowed, "position", "voids another entry")


def test_voiding_the_first_entry():
    """A subject whose first entry is voided no longer exists."""
    story = given(PROPOSED).when(VoidEntry(subject=TEA, position=5, why="Wrong.")).recorded()

    story.when(ReviseDecision(subject=TEA, why="?")).refused(Unknown, "subject")


def test_correcting_a_date():
    """After a status change is voided, its replacement can have an earlier effective time."""
    story = given(
        PROPOSED,
        fact("product:shop", TitleChanged(title="Store")),
        fact(TEA, DecisionAccepted(deciders=("person:ann",))),
    )
    replacement = AcceptDecision(subject=TEA, corrects=7, effective_at=day_time(2))

    story = story.when(VoidEntry(subject=TEA, position=7, why="It was the day before."), replacement).recorded()

    assert [story.value(TEA, "status", on=number) for number in (1, 2)] == ["proposed", "accepted"]


def test_voiding_an_acceptance_that_supersedes_another_decision():
    """The acceptance of a superseding decision can be voided only after the DecisionSuperseded is."""
    old = "decision:coffee"
    accepted = DecisionAccepted(deciders=("person:ann",))
    story = given(
        fact(old, DecisionProposed(title="Coffee")),
        fact(old, accepted),
        PROPOSED,
        fact(TEA, accepted),
        fact(old, DecisionSuperseded(by=(TEA,))),
    )
    void_acceptance = VoidEntry(subject=TEA, position=8, why="It did not happen.")
    void_superseding = VoidEntry(subject=old, position=9, why="By nothing.")

    story.when(void_acceptance).refused(NotAllowed, "position", "position 9 of decision:coffee")
    voided = story.when(void_superseding, void_acceptance).recorded()
    assert (voided.value(old, "status"), voided.value(TEA, "status")) == ("accepted", "proposed")


# Imports


def import_changes(*changes: ImportedChange) -> ImportChanges:
    return ImportChanges(subject="feature:imported", changes=changes, source=SOURCE)


CREATED = ImportedChange(field="exists", value=True)
SOURCE = Source(system="jira")


def test_a_role_cannot_be_imported():
    """An import may set any field of a subject, but not the fields that contain roles."""
    given().when(import_changes(CREATED)).then(fact("feature:imported", ChangesImported(changes=(CREATED,))))
    given().when(import_changes(ImportedChange(field="access.admin", value="all"))).refused(
        NotAllowed, "changes.0.field", "cannot be imported"
    )


@pytest.mark.parametrize(
    ("field", "value", "form"),
    [
        ("status", {"texts": ("open", "closed")}, "a single code or text"),
        ("revisit_on", {"value": True}, "a single code or text"),
        ("deciders", {"value": 5}, "a list"),
        ("role.accountable", {"text": "Bob"}, "a list"),
    ],
)
def test_an_import_fills_no_field_with_another_form(field: str, value: dict[str, Any], form: str):
    """A single value is no list, and a list no number; pages and queries rely on it."""
    change = ImportedChange(field=field, **value)
    given().when(import_changes(CREATED, change)).refused(NotAllowed, "changes.1.field", f"must be {form}")
    given().when(import_changes(CREATED, ImportedChange(field=field, source_value="TBD"))).recorded()


@pytest.mark.parametrize(
    ("field", "given_value", "value"),
    [
        ("tags", {"text": "beta"}, ["beta"]),
        ("releases", {"value": "release:r1"}, ["release:r1"]),
        ("role.accountable", {"value": "person:bob"}, ["person:bob"]),
        ("version", {"value": 2}, "2"),
        ("status", {"texts": ()}, None),
        ("x.effort", {"value": 3}, 3),
        ("x.labels", {"text": "beta"}, "beta"),
    ],
)
def test_an_imported_value_takes_the_form_of_its_field(field: str, given_value: dict[str, Any], value: Any):
    """A mapping need not know that a field has a list or a text: one value is a list of one, a number its digits."""
    change = ImportedChange(field=field, **given_value)
    given().when(import_changes(CREATED, change)).recorded()
    assert change.field_change().value == value


def test_only_the_title_of_a_new_service_is_imported():
    """A service that the log does not know gets its title by an import; nothing else of a service is imported."""
    title = ImportedChange(field="title", text="Renovate Bot")
    status = ImportedChange(field="status", value="left")
    new = ImportChanges(subject="service:renovate", changes=(CREATED, title), source=SOURCE)

    story = given().when(new).recorded()

    story.when(new).refused(NotAllowed, "subject", "cannot be imported")
    removed = ImportedChange(field="exists", value=False)
    for changes in ((CREATED, status), (removed,)):
        given().when(ImportChanges(subject="service:ci", changes=changes, source=SOURCE)).refused(NotAllowed, "subject")


def test_imports_are_not_checked_by_rules():
    """Imported changes can have any order of statuses, and reference subjects that are not in the log."""
    story = given().when(
        import_changes(CREATED, ImportedChange(field="status", value="shipped")),
        import_changes(
            ImportedChange(field="status", value="proposed"), ImportedChange(field="goals", subjects=("goal:none",))
        ),
    )

    assert story.recorded().value("feature:imported", "status") == "proposed"


@pytest.mark.parametrize(
    ("change", "value", "refs", "is_searchable"),
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
def test_field_change_of_an_import(change, value, refs, is_searchable):
    """An imported change has the mapped value, and the source value next to it."""
    converted = change.field_change()

    assert (converted.value, converted.refs, converted.is_searchable) == (value, refs, is_searchable)
    assert converted.source_value == change.source_value
    assert type(converted.value) is type(value)


def test_an_imported_change_has_one_value():
    """An imported change with two values is refused."""
    with pytest.raises(ValidationError, match="only one of"):
        ImportedChange(field="rank", value=3, text="three")


# Erasure


def test_erased_positions_are_recorded_in_order():
    """The positions of an erasure are recorded once each, in order."""
    command = EraseTexts(subject=LOG, positions=(9, 2, 9))

    given(OPENED).when(command).then(fact(LOG, TextsErased(positions=(2, 9), reason_code="request")))


def test_registering_a_person_records_no_name():
    """PersonRegistered contains none of the person's names."""
    story = given().when(RegisterPerson(key="p1", name="Eve Adams", identifiers=("eve@x",)))

    assert "Eve" not in repr(story.drafts)
