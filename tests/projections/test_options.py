"""Options weighed: what was found for each, whether it keeps the limits, and what turned out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.decision import ChoiceJudged, DecisionAccepted, DecisionProposed, Option, RiskFinding
from domain.money import Cost
from domain.quantities import Duration, Fit, compare_cost, compare_duration
from projections.options import weighed_options
from projections.read_model import Read
from projections.timepoint import TimePoint
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
