"""What was expected, and what came of it, as of any day and as known at any day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.any_subject import EntryVoided, SubjectRemoved
from domain.decision_messages import DecisionProposed
from domain.feature import FeatureProposed
from domain.outcome import ExpectedOutcomeStated, OutcomeRecorded
from domain.people import PersonMerged
from projections.queries.expected_outcomes import expected_outcomes
from projections.queries.filters import Filter
from projections.queries.search import search
from projections.queries.timepoint import NOW, TimePoint
from projections.read_model.model import Read
from tests.projections.support import Log, at

Reader = Callable[[], Read]
TEA, CARDS = "decision:tea", "feature:cards"
BEFORE_DUE, AFTER_DUE = "2030-01-01", "2023-11-14"
"""The story begins on 2023-11-14, and its now is twelve days later."""

pytestmark = pytest.mark.sqlite_only  # the queries use nothing that the other tests do not run on PostgreSQL


def stated(key: str, due_on: str = AFTER_DUE, **more: Any) -> ExpectedOutcomeStated:
    values = {"measure": "Cups a day", "target": "40", "by": "person:ann", **more}
    return ExpectedOutcomeStated(expectation=key, due_on=due_on, **values)


def story(log: Log) -> None:
    log.add(TEA, DecisionProposed(title="Sell tea", products=("product:p",)))
    log.add(CARDS, FeatureProposed(title="Cards", products=("product:q",)))
    log.add(TEA, stated("1", probability=70))
    log.add(CARDS, stated("1", BEFORE_DUE, by="person:bob", judge="person:ann"))


def states(read: Read, when: TimePoint = NOW, **more: Any) -> list[tuple[str, str, str | None]]:
    answer = expected_outcomes(read, more.pop("selection", Filter()), when, **more)
    return [(row["subject"], row["state"], row["result"]) for row in answer.rows]


def test_what_is_past_its_date_without_an_outcome_is_overdue(log: Log, read: Reader) -> None:
    """An expected outcome is open until its date has passed, then overdue until its outcome is recorded."""
    story(log)
    log.add(TEA, OutcomeRecorded(expectation="1", result="not-met", actual="31", by="person:bob"))
    snapshot = read()

    assert states(snapshot) == [(TEA, "recorded", "not-met"), (CARDS, "open", None)]
    assert states(snapshot, TimePoint(as_of=at(4))) == [(TEA, "open", None), (CARDS, "open", None)]
    late = TimePoint(as_of=at(200_000), known_at=at(4))
    assert states(snapshot, late) == [(TEA, "overdue", None), (CARDS, "open", None)]
    assert expected_outcomes(snapshot, Filter(), late).rows[0]["days_late"] == 3
    assert states(snapshot, late, states=["overdue"]) == [(TEA, "overdue", None)]
    assert states(snapshot, TimePoint(as_of=at(2))) == []


def test_an_outcome_that_was_voided_is_asked_for_again(log: Log, read: Reader) -> None:
    """Voiding the outcome makes the expectation overdue again, but not in what was known before."""
    story(log)
    position = log.add(TEA, OutcomeRecorded(expectation="1", result="met", by="person:bob"))
    log.add(TEA, EntryVoided(position=position, why="The wrong tea."))
    snapshot = read()

    assert states(snapshot, selection=Filter(kinds=("decision",), subjects=(TEA,))) == [(TEA, "overdue", None)]
    known = TimePoint(known_at=at(5))
    assert states(snapshot, known, selection=Filter(subjects=(TEA,))) == [(TEA, "recorded", "met")]


def test_the_last_outcome_counts(log: Log, read: Reader) -> None:
    """An outcome that is recorded again replaces the earlier one, which stays in what was in effect before."""
    story(log)
    log.add(TEA, OutcomeRecorded(expectation="1", result="met", by="person:ann"))
    log.add(TEA, OutcomeRecorded(expectation="1", result="unclear", by="person:bob"))
    snapshot = read()

    assert states(snapshot)[0] == (TEA, "recorded", "unclear")
    assert states(snapshot, TimePoint(as_of=at(5)))[0] == (TEA, "recorded", "met")
    assert expected_outcomes(snapshot, Filter()).about["counts"] == {
        "open": 1,
        "overdue": 0,
        "met": 0,
        "not_met": 0,
        "unclear": 1,
    }


def test_expectations_are_found_by_person_and_product(log: Log, read: Reader) -> None:
    """They are selected by who expected it, under any of their ids, and by product; removed subjects have none."""
    story(log)
    log.add("person:bob", PersonMerged(into="person:rob"))
    snapshot = read()
    assert states(snapshot, by=["person:bob"]) == [(CARDS, "open", None)]
    assert expected_outcomes(snapshot, Filter(), by=["person:rob"]).rows[0]["by"] == "person:rob"
    assert states(snapshot, selection=Filter(products=("product:p",))) == [(TEA, "overdue", None)]

    log.add(CARDS, SubjectRemoved(why="A test."))
    assert states(read()) == [(TEA, "overdue", None)]


def test_what_was_expected_is_found_by_its_words_and_not_by_ids(log: Log, read: Reader) -> None:
    """Search finds the measure, and does not find the id of the person."""
    story(log)
    snapshot = read()
    assert {row["subject"] for row in search(snapshot, "cups").rows} == {TEA, CARDS}
    assert search(snapshot, "person bob").rows == []


def test_pages_follow_each_other(log: Log, read: Reader) -> None:
    """The cursor of a page leads to the next one."""
    story(log)
    snapshot = read()
    first = expected_outcomes(snapshot, Filter(), limit=1)
    second = expected_outcomes(snapshot, Filter(), limit=1, cursor=first.next)
    assert [row["subject"] for row in (*first.rows, *second.rows)] == [TEA, CARDS]
    assert second.next is None
