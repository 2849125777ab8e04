"""Options weighed: what was found for each, whether it keeps the limits, and what turned out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.any_subject import EntryVoided
from domain.decision_messages import (
    ChoiceJudged,
    ConstraintChecked,
    DecisionAccepted,
    DecisionProposed,
    DecisionRevised,
    Option,
    RiskFinding,
)
from domain.money import Cost
from domain.quantities import Duration, Fit, compare_cost, compare_duration
from domain.values import ERASED
from projections.queries.options import parse_cost, parse_duration, weighed_options
from projections.queries.timepoint import TimePoint
from projections.read_model.model import Read
from tests.projections.support import Log, at

Reader = Callable[[], Read]


def test_options_are_compared_with_the_limits_and_judged_again(log: Log, read: Reader) -> None:
    """Each option has its findings and its fit to the limits; the option chosen also what turned out, from then on."""
    survey = RiskFinding(risk="valuable", answer="yes", finding="They ask for it.", evidence=("evidence:survey",))
    options = (
        Option(
            title="Build", cost_amount=Cost(amount=900, currency="EUR"), duration=Duration(amount=2, unit="quarters")
        ),
        Option(title="Buy", cost_amount=Cost(amount=400, currency="EUR"), findings=(survey,)),
    )
    limits = {"cost_limit": Cost(amount=500, currency="EUR"), "time_limit": Duration(amount=5, unit="months")}
    log.add("decision:crm", DecisionProposed(title="CRM", options=options, **limits))
    log.add("decision:crm", DecisionAccepted(deciders=("person:ann",), option="Buy"))
    judged = log.add("decision:crm", ChoiceJudged(findings=(RiskFinding(risk="valuable", answer="no"),)))

    snapshot = read()
    build, buy = weighed_options(snapshot, "decision:crm").rows
    assert (build["chosen"], build["cost_fit"], build["time_fit"]) == (False, "exceeds", "exceeds")
    assert (buy["chosen"], buy["cost_fit"], buy["time_fit"]) == (True, "within", "unclear")
    assert buy["findings"] == [
        {"risk": "valuable", "answer": "yes", "finding": "They ask for it.", "evidence": ["evidence:survey"]}
    ]
    assert buy["afterward"] == [{"risk": "valuable", "answer": "no", "finding": None, "evidence": []}]
    before = weighed_options(snapshot, "decision:crm", TimePoint(at(judged) - 1)).rows[1]
    assert before["afterward"] == []


def test_a_constraint_is_judged_for_each_option_and_again_after_a_revision(log: Log, read: Reader) -> None:
    """The check of an option against a constraint counts until one of the two lists is revised."""
    options = (Option(title="Build"), Option(title="Buy"))
    lists = log.add("decision:crm", DecisionProposed(title="CRM", options=options, constraints=("GDPR", "Offline")))
    checked = log.add("decision:crm", _check(lists, lists, option=2, constraint=1, answer="met", finding="In the EU."))
    log.add("decision:crm", _check(lists, lists, option=1, constraint=1, answer="unclear"))
    log.add("decision:crm", _check(lists, lists, option=1, constraint=1, answer="not-met"))
    before = log.add("decision:crm", DecisionRevised(why="The old one is slow."))
    revised = log.add("decision:crm", DecisionRevised(constraints=("Offline", "GDPR")))
    log.add("decision:crm", _check(lists, revised, option=2, constraint=2, answer="unclear"))

    def answers(when: TimePoint) -> list[list[str | None]]:
        rows = weighed_options(snapshot, "decision:crm", when).rows
        return [[each["answer"] for each in row["constraints"]] for row in rows]

    snapshot = read()
    assert answers(TimePoint(at(checked) - 1)) == [[None, None], [None, None]]
    assert answers(TimePoint(at(before))) == [["not-met", None], ["met", None]]
    assert answers(TimePoint(known_at=at(before))) == [["not-met", None], ["met", None]]
    assert answers(TimePoint()) == [[None, None], [None, "unclear"]]
    buy = weighed_options(snapshot, "decision:crm", TimePoint(at(before))).rows[1]
    assert buy["constraints"][0] == {"constraint": "GDPR", "answer": "met", "finding": "In the EU.", "by": "person:ann"}


def test_what_was_judged_of_a_voided_revision_does_not_count(log: Log, read: Reader) -> None:
    """A check against a revision that was voided does not count for the list before it."""
    lists = log.add(
        "decision:crm", DecisionProposed(title="CRM", options=(Option(title="Buy"),), constraints=("GDPR",))
    )
    log.add("decision:crm", _check(lists, lists, answer="met"))
    revised = log.add("decision:crm", DecisionRevised(constraints=("Offline",)))
    judged = log.add("decision:crm", _check(lists, revised, answer="not-met"))
    log.add("decision:crm", EntryVoided(position=revised, why="A typo."))

    def answer() -> str | None:
        return weighed_options(read(), "decision:crm").rows[0]["constraints"][0]["answer"]

    assert answer() is None
    log.add("decision:crm", EntryVoided(position=judged, why="So is this."))
    assert answer() == "met"


def _check(options: int, constraints: int, *, option: int = 1, constraint: int = 1, **found: str) -> ConstraintChecked:
    positions = {"options_position": options, "constraints_position": constraints}
    given = {"option_number": option, "constraint_number": constraint, "by": "person:ann", **positions, **found}
    return ConstraintChecked.model_validate(given)


def test_a_decision_without_options_has_none(log: Log, read: Reader) -> None:
    """A decision of four fields has no options, and no limits."""
    log.add("decision:tea", DecisionProposed(title="Tea"))

    answer = weighed_options(read(), "decision:tea")
    assert (answer.rows, answer.about["cost_limit"]) == ([], None)


@pytest.mark.parametrize(
    ("duration", "limit", "fit"),
    [
        ((2, "weeks"), (14, "days"), "within"),
        ((15, "days"), (2, "weeks"), "exceeds"),
        ((1, "years"), (12, "months"), "within"),
        ((5, "quarters"), (1, "years"), "exceeds"),
        ((28, "days"), (1, "months"), "within"),
        ((30, "days"), (1, "months"), "unclear"),
        ((32, "days"), (1, "months"), "exceeds"),
    ],
)
def test_times_are_compared_whatever_their_units(duration: tuple[int, str], limit: tuple[int, str], fit: Fit) -> None:
    """Lengths of time are compared across units; where that depends on the length of a month, it is unclear."""
    given, most = (Duration.model_validate({"amount": n, "unit": unit}) for n, unit in (duration, limit))

    assert compare_duration(given, most) == fit


def test_costs_in_different_currencies_are_not_compared() -> None:
    """A cost in another currency than the limit is neither within it nor beyond it."""
    assert compare_cost(Cost(amount=1, currency="USD"), Cost(amount=9, currency="EUR")) == "unclear"


@pytest.mark.parametrize("amount", ["9" * 5_000, "9" * 17, "²", "-1", ""])
def test_an_amount_that_is_no_number_of_the_log_is_none(amount: str) -> None:
    """Imported history can have amounts that no command accepts; they are not compared."""
    assert parse_cost(f"{amount} EUR") is None
    assert parse_duration(f"{amount} weeks") is None


def test_erased_titles_do_not_say_which_option_was_chosen(log: Log, read: Reader) -> None:
    """After the texts of a decision are erased, all titles read the same, and no option is shown as chosen."""
    options = tuple(Option(title=ERASED, findings=(RiskFinding(risk="usable", answer="yes"),)) for _ in range(2))
    log.add("decision:crm", DecisionProposed(title=ERASED, options=options, constraints=(ERASED,)))
    log.add("decision:crm", DecisionAccepted(deciders=("person:ann",), option=ERASED))

    rows = weighed_options(read(), "decision:crm").rows
    assert [(row["chosen"], len(row["findings"])) for row in rows] == [(False, 1), (False, 1)]
    assert [row["constraints"][0]["constraint"] for row in rows] == [ERASED, ERASED]
