"""Products, releases, goals, people and teams."""

import pytest

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
from tests.support_story import day_time, fact, given

SHOP, ANN, BOB = "product:shop", "person:ann", "person:bob"
RETIRED = fact(SHOP, ProductRetired(why="Sold."))
RELEASE = fact("release:r1", ReleaseScheduled(products=(SHOP,), version="1.0", due_on="2025-06-01"))
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
        (RescheduleRelease(subject="r1", due_on="2025-07-01"), "release:r1", ReleaseRescheduled(due_on="2025-07-01")),
        (
            SetGoal(key="fame", title="Fame", measure="Fans.", due_on="2025-12-31"),
            "goal:fame",
            GoalSet(title="Fame", measure="Fans.", due_on="2025-12-31"),
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
def test_events(command, subject, event):
    """Each command records the matching event."""
    given(RELEASE, GOAL).when(command).then(fact(subject, event))


@pytest.mark.parametrize(
    "command",
    [
        DefineProduct(key="x", title="X", accountable=ANN),
        SetGoal(key="x", title="X", accountable=ANN),
    ],
    ids=lambda command: command.type,
)
def test_accountable_from_the_start(command):
    """The person named in `accountable` is accountable for the new product or goal."""
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
def test_keys_are_never_reused(command):
    """A key that was used cannot be used again."""
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
def test_retired_products_cannot_be_changed(command):
    """A retired product cannot get a vision or a strategy, and cannot be retired again."""
    given(RETIRED).when(command).refused(NotAllowed, "subject", "retired")


def test_duplicates_in_the_order_of_releases():
    """The order of releases lists each release once."""
    given(RELEASE).when(OrderReleases(subject=SHOP, releases=("r1", "r1"))).refused(Malformed, "releases")


@pytest.mark.parametrize("outcome", ["met", "missed", "dropped"])
def test_goals_are_closed_once(outcome):
    """A closed goal cannot be closed again, whatever its outcome."""
    closed = given(GOAL, fact("goal:growth", GoalClosed(outcome=outcome)))

    closed.when(CloseGoal(subject="growth", outcome="met")).refused(NotAllowed, "subject", "it must be open")


@pytest.mark.parametrize(
    ("command", "event"),
    [(RecordPersonLeft(subject=BOB), PersonLeft()), (DisbandTeam(subject="core"), TeamDisbanded())],
    ids=lambda value: getattr(value, "type", ""),
)
def test_leaving_twice(command, event):
    """A person cannot leave twice, and a team cannot be disbanded twice."""
    given(fact(command.subject, event)).when(command).refused(NothingChanges, "subject", "already")


def test_leaving_after_a_merge():
    """For a merged person, leaving is recorded once, under the id that was kept."""
    merged = given(fact(BOB, PersonMerged(into=ANN)))

    merged.when(RecordPersonLeft(subject=BOB)).refused(NotAllowed, "subject", f"record it for {ANN}")
    gone = merged.when(RecordPersonLeft(subject=ANN)).recorded()
    gone.when(RecordPersonLeft(subject=BOB)).refused(NothingChanges, "subject", "already")


def test_merging_twice():
    """An id can be merged only once."""
    merged = given(fact(BOB, PersonMerged(into=ANN)))

    merged.when(MergePeople(subject=BOB, into=ANN)).refused(NothingChanges, "subject")


def test_merging_in_a_cycle():
    """A person cannot be merged into themselves, directly or indirectly."""
    given().when(MergePeople(subject=ANN, into=ANN)).refused(NotAllowed, "into")
    given(fact(BOB, PersonMerged(into=ANN))).when(MergePeople(subject=ANN, into=BOB)).refused(NotAllowed, "into")


def test_an_imported_cycle_of_merges():
    """Imported history can contain a cycle of merges, and the rule still terminates."""
    eve, fay = "person:eve", "person:fay"
    cycle = [
        fact(who, ChangesImported(changes=(ImportedChange(field="merged_into", value=into),)))
        for who, into in ((eve, fay), (fay, eve))
    ]
    story = given(fact(eve, PersonRegistered()), fact(fay, PersonRegistered()), *cycle)

    story.when(MergePeople(subject=ANN, into=eve)).recorded()


def test_commands_see_earlier_commands_of_the_transaction():
    """A person registered earlier in the same transaction can be referenced by the next command."""
    story = given().when(
        RegisterPerson(key="p1", name="Eve"), DefineProduct(key="till", title="Till", accountable="person:p1")
    )

    story.then(
        fact("person:p1", PersonRegistered()),
        fact("product:till", ProductDefined(title="Till", accountable="person:p1")),
    )


def report_of(since: int, until: int) -> IssueReport:
    return IssueReport(subject=SHOP, since=day_time(since), until=day_time(until), position=4, sha256="0f" * 32)


def test_issue_report():
    """A report is issued for a period that is not empty and ends no later than now."""
    issued = ReportIssued(since=day_time(1), until=day_time(100), position=4, sha256="0f" * 32)

    story = given().when(report_of(1, 100)).then(fact(SHOP, issued))

    assert story.value(SHOP, "report") == {
        "since": "2025-01-02T00:00:00.000000Z",
        "until": "2025-04-11T00:00:00.000000Z",
        "position": 4,
        "sha256": "0f" * 32,
    }
    given().when(report_of(100, 100)).refused(Malformed, "until", "later than `since`")
    given().when(report_of(1, 101)).refused(Malformed, "until", "in the future")
