"""What queries cost follows what they show. It is counted in steps of SQLite, which are the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domain.decision_messages import DecisionRecorded
from domain.feature import FeaturePrioritized, FeatureProposed, MilestoneTargeted
from domain.fields import CHANGES_PER_EVENT
from domain.ownership import OwnershipAssigned
from domain.product import GoalSet, ProductDefined, ReleaseScheduled
from projections.queries.accountability import roles_of_subject
from projections.queries.audit import FLAGS, AuditFilter, audit, count_events
from projections.queries.authority import decision_authority
from projections.queries.contributions import contributions
from projections.queries.decisions import graph, history, subject_page
from projections.queries.field_history import ChangeFilter, field_history
from projections.queries.filters import Filter
from projections.queries.grounds import grounds
from projections.queries.options import weighed_options
from projections.queries.paging import encode_cursor
from projections.queries.report import ReportRequest, report
from projections.queries.reviews import review
from projections.queries.roadmap import roadmap_table
from projections.queries.timepoint import NOW, TimePoint
from projections.read_model.checking import _rows_of_entry
from projections.read_model.factory import open_database
from projections.read_model.model import Read, ReadModel, _resolve_merges
from tests.projections.support import SECOND, START, Log, at, catch_up, count_steps

FEATURES = 20
MOVES = 20
"""Of each feature."""


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The read model of two products whose features were moved often."""
    log = Log()
    for product in ("product:one", "product:two"):
        log.add(product, ProductDefined(title=product))
    for n in range(FEATURES):
        products = ("product:one" if n % 2 else "product:two",)
        log.add(f"feature:f{n}", FeatureProposed(title=f"Feature {n}", products=products))
    for n in range(FEATURES * MOVES):
        log.add(f"feature:f{n % FEATURES}", FeaturePrioritized(horizon=("now", "next", "later")[n % 3]))
    model = ReadModel.open(open_database(tmp_path / "model.sqlite"), log, lambda: START + 1_000 * SECOND)
    catch_up(model, log)
    yield tmp_path / "model.sqlite"
    model.close()


def test_a_deep_page_of_the_audit_trail_costs_what_the_first_does(path: Path) -> None:
    """In both orders, the page after most events takes at most a fifth more steps than the first."""
    for oldest_first, deep in ((False, 40), (True, FEATURES * MOVES)):

        def count(cursor: str | None, order: bool = oldest_first) -> int:
            return count_steps(
                path,
                lambda read: len(audit(read, AuditFilter(), oldest_first=order, limit=10, cursor=cursor).rows) == 10,
            )

        assert count(encode_cursor(deep)) < 1.2 * count(None)


def test_a_page_of_the_history_of_all_fields_costs_what_it_shows(path: Path) -> None:
    """In both orders, a deep page takes at most a fifth more steps than the first, and the first far fewer than all."""
    middle = encode_cursor(at(FEATURES * MOVES // 2), 0, 0)
    for newest_first in (False, True):
        for when in (NOW, TimePoint(known_at=at(FEATURES * MOVES))):

            def count(limit: int, cursor: str | None, newest_first: bool = newest_first, when: TimePoint = when) -> int:
                def ask(read: Read) -> object:
                    changes = ChangeFilter(include_unchanged=True)
                    return field_history(
                        read, changes, when, newest_first=newest_first, limit=limit, cursor=cursor
                    ).rows

                return count_steps(path, ask)

            assert count(10, middle) < 1.2 * count(10, None) < count(1_000, None) / 20


def test_a_page_of_changes_at_one_time_costs_what_it_shows(tmp_path: Path) -> None:
    """As after an import: a page among many changes at the same time takes far fewer steps than all of them."""
    log = Log()
    for n in range(2 * FEATURES * MOVES):
        log.add(f"feature:f{n}", FeatureProposed(title=f"Feature {n}", products=("product:one",)), at=0)
    model = ReadModel.open(open_database(tmp_path / "model.sqlite"), log, lambda: START + 1_000 * SECOND)
    catch_up(model, log)
    model.close()
    middle = encode_cursor(at(0), FEATURES * MOVES * CHANGES_PER_EVENT, 0)

    def count(limit: int, cursor: str | None, *, newest_first: bool) -> int:
        return count_steps(
            tmp_path / "model.sqlite",
            lambda read: (
                field_history(read, ChangeFilter(), newest_first=newest_first, limit=limit, cursor=cursor).rows
            ),
        )

    for newest_first in (False, True):
        whole = count(10_000, None, newest_first=newest_first)
        assert count(10, middle, newest_first=newest_first) < whole / 50


def test_the_flags_of_the_audit_trail_cost_the_same_for_each_event(tmp_path: Path) -> None:
    """With eight times as many roles assigned on one subject, listing and counting take at most nine times the steps."""

    def count(events: int) -> list[int]:
        log = Log()
        for n in range(events):
            log.add("product:one", OwnershipAssigned(role=f"role-{n % 7}", holders=(f"person:p{n % 2}",)))
        path = tmp_path / f"{events}.sqlite"
        model = ReadModel.open(open_database(path), log, lambda: START + 10_000 * SECOND)
        catch_up(model, log, 500)
        model.close()
        asked = (AuditFilter(backdated=True), AuditFilter(unexplained=True), AuditFilter(corrections=True))
        return [
            count_steps(path, lambda read: count_events(read).flags.keys() == FLAGS.keys()),
            *(count_steps(path, lambda read, each=each: audit(read, each) is not None) for each in asked),
        ]

    few, many = count(100), count(800)
    assert [steps for steps, before in zip(many, few, strict=True) if steps > 9 * before] == []


def test_a_report_on_a_target_that_moved_often_costs_the_same_for_each_move(tmp_path: Path) -> None:
    """With eight times as many moves, each of which has a line, it takes at most nine times the steps."""

    def count(moves: int) -> int:
        log = Log()
        log.add("product:one", ProductDefined(title="One"))
        log.add("feature:f", FeatureProposed(title="Ours", products=("product:one",)))
        for n in range(moves):
            log.add("feature:f", MilestoneTargeted(milestone="ship", day=f"{2000 + n}-01-01"))
        path = tmp_path / f"{moves}.sqlite"
        model = ReadModel.open(open_database(path), log, lambda: START + 10_000 * SECOND)
        catch_up(model, log, 500)
        model.close()
        asked = ReportRequest("product:one", START, START + 10_000 * SECOND)
        return count_steps(path, lambda read: len(report(read, asked).rows) > moves)

    assert count(400) < 9 * count(50)


def test_what_was_known_costs_little_more_than_what_was_in_effect(path: Path) -> None:
    """The roadmap as known at a time takes at most twice the steps of the roadmap as of that time."""
    middle = at(FEATURES * MOVES // 2)

    def count(when: TimePoint) -> int:
        selection = Filter(products=("product:one",))
        return count_steps(path, lambda read: len(roadmap_table(read, selection, when).rows) == FEATURES // 2)

    assert count(TimePoint(middle, middle)) < 2 * count(TimePoint(middle))


QUESTIONS: dict[str, Callable[[Read], object]] = {
    "decision": lambda read: subject_page(read, "decision:d").about,
    "feature": lambda read: subject_page(read, "feature:f").about,
    "product": lambda read: subject_page(read, "product:one").about,
    "history": lambda read: history(read, "feature:f").rows,
    "history of a field": lambda read: field_history(read, ChangeFilter(fields=Filter(subjects=("feature:f",)))).rows,
    "graph": lambda read: graph(read, "decision:d").rows,
    "grounds": lambda read: grounds(read, "feature:f").rows,
    "authority": lambda read: decision_authority(read, "decision:d").rows,
    "options": lambda read: weighed_options(read, "decision:d").rows,
    "review": lambda read: review(read, "decision:d").rows,
    "roles": lambda read: roles_of_subject(read, "feature:f").rows,
    "ways to goals": lambda read: contributions(read, Filter(subjects=("decision:d", "feature:f"))).rows,
    "ways from a goal": lambda read: contributions(read, Filter(subjects=("goal:ours",))).rows,
    "ways to a release": lambda read: contributions(read, Filter(subjects=("release:r",))).rows,
    "audit trail": lambda read: audit(read, AuditFilter(subjects=("feature:f",))).rows,
    "rows to check": lambda read: list(_rows_of_entry(read.rows, 5)),
}
"""Each about one subject, or one event."""


def _count_beside(folder: Path, others: int) -> dict[str, int]:
    """The steps of each question, in a log with some other features whose moves cite another decision, for another goal."""
    log = Log()
    log.add("product:one", ProductDefined(title="One"))
    for name, goal in (("d", "goal:ours"), ("other", "goal:other")):
        log.add(goal, GoalSet(title="More"))
        log.add(
            f"decision:{name}",
            DecisionRecorded(
                title="Go",
                decision="We go.",
                why="Why not?",
                accountable="person:ann",
                deciders=("person:ann",),
                goals=(goal,),
            ),
        )
    for name in ("r", "other"):
        log.add(f"release:{name}", ReleaseScheduled(version="1.0", products=("product:one",)))
    log.add("feature:f", FeatureProposed(title="Ours", products=("product:one",)))
    log.add("feature:f", FeaturePrioritized(horizon="now"), because=("decision:d",))
    log.add("feature:f", MilestoneTargeted(milestone="ship", release="release:r"))
    for n in range(others):
        log.add(f"feature:g{n}", FeatureProposed(title="Another", products=("product:two",)))
        log.add(f"feature:g{n}", FeaturePrioritized(horizon="next"), because=("decision:other",))
        log.add(f"feature:g{n}", MilestoneTargeted(milestone="ship", release="release:other"))
    folder.mkdir()
    model = ReadModel.open(open_database(folder / "model.sqlite"), log, lambda: START + 10_000 * SECOND)
    catch_up(model, log, 500)
    model.close()
    return {
        name: count_steps(folder / "model.sqlite", lambda read, ask=ask: ask(read) is not None)
        for name, ask in QUESTIONS.items()
    }


def test_a_question_about_one_subject_costs_the_same_in_a_long_log(tmp_path: Path) -> None:
    """With twenty times as many events of others, it takes at most a fifth more steps."""
    short, long = (_count_beside(tmp_path / str(others), others) for others in (50, 1_000))

    assert {name: (short[name], long[name]) for name in QUESTIONS if long[name] > 1.2 * short[name]} == {}


def test_a_long_chain_of_merges_costs_the_same_for_each() -> None:
    """Each merge is looked up once, however many follow it."""
    lookups: list[str] = []

    class Merges(dict[str, str]):
        def __getitem__(self, person: str) -> str:
            lookups.append(person)
            return super().__getitem__(person)

    merges = Merges({f"person:p{n}": f"person:p{n + 1}" for n in range(100)})

    assert set(_resolve_merges(merges).values()) == {"person:p100"}
    assert sorted(lookups) == sorted(merges)
