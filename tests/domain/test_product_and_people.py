"""Products, releases, goals, people and teams."""

import pytest
from support_story import fact, given, instant

from domain.any_subject import ChangesImported, ImportedChange
from domain.errors import AlreadyExists, Malformed, NotAllowed, NothingChanges
from domain.people import (
    DisbandTeam,
    MergePeople,
    PersonLeft,
    PersonMerged,
    PersonRegistered,
    RecordPersonLeft,
    RegisterPerson,
    RegisterTeam,
    TeamDisbanded,
    TeamRegistered,
)
from domain.product import (
    CloseGoal,
    DefineProduct,
    GoalClosed,
    GoalSet,
    IssueReport,
    OrderReleases,
    ProductDefined,
    ProductRetired,
    ReleaseRescheduled,
    ReleaseScheduled,
    ReleasesOrdered,
    ReportIssued,
    RescheduleRelease,
    RetireProduct,
    ScheduleRelease,
    SetGoal,
    SetStrategy,
    SetVision,
    StrategySet,
    VisionSet,
)

SHOP, ANN, BOB = "product:shop", "person:ann", "person:bob"
RETIRED = fact(SHOP, ProductRetired(why="Sold."))
RELEASE = fact("release:r1", ReleaseScheduled(products=(SHOP,), version="1.0", on="2025-06-01"))
GOAL = fact("goal:growth", GoalSet(title="Growth"))


@pytest.mark.parametrize(
    ("command", "subject", "event"),
    [
        (DefineProduct(key="till", title="Till", line="shop"), "product:till", ProductDefined(title="Till", line=SHOP)),
        (SetVision(subject=SHOP, vision="All."), SHOP, VisionSet(vision="All.")),
        (SetStrategy(subject=SHOP, strategy="Fast."), SHOP, StrategySet(strategy="Fast.")),
        (RetireProduct(subject=SHOP, why="Sold."), SHOP, RETIRED.event),
        (OrderReleases(subject=SHOP, releases=("r1",)), SHOP, ReleasesOrdered(releases=("release:r1",))),
        (
            ScheduleRelease(key="r2", products=(SHOP,), version="2.0"),
            "release:r2",
            ReleaseScheduled(products=(SHOP,), version="2.0"),
        ),
        (RescheduleRelease(subject="r1", on="2025-07-01"), "release:r1", ReleaseRescheduled(on="2025-07-01")),
        (
            SetGoal(key="fame", title="Fame", measure="Fans.", by="2025-12-31"),
            "goal:fame",
            GoalSet(title="Fame", measure="Fans.", by="2025-12-31"),
        ),
        (CloseGoal(subject="growth", outcome="met"), "goal:growth", GoalClosed(outcome="met")),
        (RegisterPerson(key="p1", name="Eve", identifiers=("eve@x",)), "person:p1", PersonRegistered()),
        (RegisterTeam(key="ops", title="Ops"), "team:ops", TeamRegistered(title="Ops")),
        (MergePeople(subject=BOB, into=ANN), BOB, PersonMerged(into=ANN)),
        (RecordPersonLeft(subject=BOB), BOB, PersonLeft()),
        (DisbandTeam(subject="core"), "team:core", TeamDisbanded()),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_from_order_to_fact(command, subject, event):
    """Each order about products and people becomes the fact of the same content."""
    given(RELEASE, GOAL).when(command).then(fact(subject, event))


@pytest.mark.parametrize(
    "command",
    [
        DefineProduct(key="x", title="X", accountable=ANN),
        SetGoal(key="x", title="X", accountable=ANN),
    ],
    ids=lambda command: command.type,
)
def test_owned_from_the_beginning(command):
    """Who is named as accountable owns a product or a goal from its beginning."""
    story = given().when(command).recorded()

    assert story.value(f"{command.creates}:x", "role.accountable") == [ANN]


@pytest.mark.parametrize(
    "command",
    [
        DefineProduct(key="shop", title="Shop"),
        ScheduleRelease(key="r1", products=(SHOP,), version="1.0"),
        SetGoal(key="growth", title="Growth"),
        RegisterPerson(key="ann", name="Ann"),
        RegisterTeam(key="core", title="Core"),
    ],
    ids=lambda command: command.type,
)
def test_keys_are_for_life(command):
    """No key is used twice."""
    given(RELEASE, GOAL).when(command).refused(AlreadyExists, "key")


@pytest.mark.parametrize(
    "command",
    [
        SetVision(subject=SHOP, vision="All."),
        SetStrategy(subject=SHOP, strategy="Fast."),
        RetireProduct(subject=SHOP, why="Sold."),
    ],
    ids=lambda command: command.type,
)
def test_retired_products_stand_still(command):
    """A retired product gets no vision, no strategy, and is not retired again."""
    given(RETIRED).when(command).refused(NotAllowed, "subject", "retired")


def test_releases_are_ordered_once_each():
    """An order of releases names each once."""
    given(RELEASE).when(OrderReleases(subject=SHOP, releases=("r1", "r1"))).refused(Malformed, "releases")


@pytest.mark.parametrize("outcome", ["met", "missed", "dropped"])
def test_goals_are_closed_once(outcome):
    """A closed goal stays closed, however it ended."""
    closed = given(GOAL, fact("goal:growth", GoalClosed(outcome=outcome)))

    closed.when(CloseGoal(subject="growth", outcome="met")).refused(NotAllowed, "subject", "it must be open")


@pytest.mark.parametrize(
    ("command", "event"),
    [(RecordPersonLeft(subject=BOB), PersonLeft()), (DisbandTeam(subject="core"), TeamDisbanded())],
    ids=lambda value: getattr(value, "type", ""),
)
def test_leaving_once(command, event):
    """Who has left does not leave again."""
    given(fact(command.subject, event)).when(command).refused(NothingChanges, "subject", "departed already")


def test_leaving_under_the_id_one_is_read_as():
    """That somebody left is said of the id they are read as, and once."""
    joined = given(fact(BOB, PersonMerged(into=ANN)))

    joined.when(RecordPersonLeft(subject=BOB)).refused(NotAllowed, "subject", f"say of {ANN}")
    gone = joined.when(RecordPersonLeft(subject=ANN)).recorded()
    gone.when(RecordPersonLeft(subject=BOB)).refused(NothingChanges, "subject", "already")


def test_joining_once():
    """An id is joined into another once."""
    joined = given(fact(BOB, PersonMerged(into=ANN)))

    joined.when(MergePeople(subject=BOB, into=ANN)).refused(NothingChanges, "subject")


def test_joining_in_a_circle():
    """Nobody is joined into themselves, whichever way round."""
    given().when(MergePeople(subject=ANN, into=ANN)).refused(NotAllowed, "into")
    given(fact(BOB, PersonMerged(into=ANN))).when(MergePeople(subject=ANN, into=BOB)).refused(NotAllowed, "into")


def test_an_observed_circle_does_not_hold_up_the_rule():
    """Observed history may join people in a circle; the rule still comes to an end."""
    eve, fay = "person:eve", "person:fay"
    circle = [
        fact(who, ChangesImported(changes=(ImportedChange(field="merged_into", value=into),)))
        for who, into in ((eve, fay), (fay, eve))
    ]
    story = given(fact(eve, PersonRegistered()), fact(fay, PersonRegistered()), *circle)

    story.when(MergePeople(subject=ANN, into=eve)).recorded()


def test_what_a_person_is_given_counts():
    """A person registered earlier in the same unit can be named in the next order."""
    story = given().when(
        RegisterPerson(key="p1", name="Eve"), DefineProduct(key="till", title="Till", accountable="person:p1")
    )

    story.then(
        fact("person:p1", PersonRegistered()),
        fact("product:till", ProductDefined(title="Till", accountable="person:p1")),
    )


def report_of(since: int, until: int) -> IssueReport:
    return IssueReport(subject=SHOP, since=instant(since), until=instant(until), position=4, sha256="0f" * 32)


def test_a_report_is_issued_over_a_span_that_is_over():
    """What was reported is kept, up to this very day; a span that is empty or not yet over is refused."""
    issued = ReportIssued(since=instant(1), until=instant(100), position=4, sha256="0f" * 32)

    story = given().when(report_of(1, 100)).then(fact(SHOP, issued))

    assert story.value(SHOP, "report") == {
        "since": "2025-01-02T00:00:00.000000Z", "until": "2025-04-11T00:00:00.000000Z", "position": 4, "sha256": "0f" * 32,
    }  # fmt: skip
    given().when(report_of(100, 100)).refused(Malformed, "until", "later than it begins")
    given().when(report_of(1, 101)).refused(Malformed, "until", "later than now")
