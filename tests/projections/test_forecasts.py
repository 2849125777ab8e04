"""What counts as a forecast, and who may see how good forecasts were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.decision_messages import DecisionProposed
from domain.outcome import CalibrationShared, ExpectedOutcomeStated, OutcomeRecorded
from domain.people import PersonRegistered
from projections.queries.forecasts import calibration
from projections.queries.timepoint import TimePoint
from projections.read_model.model import Read
from tests.projections.support import Log, at

Reader = Callable[[], Read]
TEA, ANN, BOB = "decision:tea", "person:ann", "person:bob"
LATER = TimePoint(as_of=at(86_400 * 30))

pytestmark = pytest.mark.sqlite_only  # the queries use nothing that the other tests do not run on PostgreSQL


def forecast(log: Log, key: str, *, by: str = ANN, judge: str | None = BOB, **more: Any) -> None:
    """Adds a forecast of 80 % and its outcome: met unless its key ends in 5 or 0."""
    result = more.pop("result", "not-met" if key[-1] in "05" else "met")
    values = {"measure": "M", "target": "T", "due_on": "2023-11-20", "probability": 80, "by": by, **more}
    log.add(TEA, ExpectedOutcomeStated(expectation=key, **values))
    if judge:
        log.add(TEA, OutcomeRecorded(expectation=key, result=result, by=judge))


def story(log: Log, number: int, **more: Any) -> None:
    log.add(TEA, DecisionProposed(title="Tea", products=("product:p",)))
    for n in range(1, number + 1):
        forecast(log, str(n), **more)


def about(read: Read, viewer: str = ANN, who: str | None = ANN, when: TimePoint = LATER) -> dict[str, Any]:
    answer = calibration(read, viewer, who, None, when)
    return {**answer.about, "rows": answer.rows}


def test_nothing_is_shown_below_ten(log: Log, read: Reader) -> None:
    """One's own score is shown from 10 forecasts on, and says before how many count."""
    story(log, 9)
    found = about(read())
    assert (found["shown"], found["score"]) == (False, None)
    assert found["why_not"] == "it takes 10 forecasts that count, and there are 9"
    assert found["counts"]["counted"] == 9

    forecast(log, "10")
    found = about(read())
    assert found["shown"]
    assert found["score"] == pytest.approx((8 * 0.04 + 2 * 0.64) / 10)
    assert found["climate"] == pytest.approx(0.16)
    assert 0.04 <= found["low"] < found["score"] < found["high"] <= 0.64
    assert found["rows"] == []
    assert found["parts"] is None


def test_the_curve_is_shown_from_thirty_on(log: Log, read: Reader) -> None:
    """With 29 forecasts there is a score and no curve; with 30 there are both."""
    story(log, 29)
    assert about(read())["rows"] == []
    forecast(log, "30")
    found = about(read())
    assert [(row["probability"], row["count"], row["observed"]) for row in found["rows"]] == [(80, 30, 80.0)]
    parts = found["parts"]
    total = parts["miscalibration"] - parts["discrimination"] + parts["uncertainty"]
    assert total == pytest.approx(found["score"], abs=2e-6)


@pytest.mark.parametrize(
    ("more", "standing"),
    [
        ({"judge": None}, "overdue"),
        ({"judge": None, "due_on": "2024-12-31"}, "open"),
        ({"due_on": "2024-12-31"}, "judged_early"),
        ({"due_on": "2023-11-13"}, "stated_late"),
        ({"result": "unclear"}, "unclear"),
        ({"judge": ANN}, "self_judged"),
        ({"is_claim": True}, "claimed"),
        ({"replaces": "0"}, "replaces"),
    ],
)
def test_what_does_not_count_says_why(log: Log, read: Reader, more: dict[str, Any], standing: str) -> None:
    """A forecast that does not count is counted under the reason."""
    story(log, 1, **more)
    counts = about(read())["counts"]
    assert {name: count for name, count in counts.items() if count} == {standing: 1}


def test_without_a_probability_there_is_no_forecast(log: Log, read: Reader) -> None:
    """What states no probability is no forecast."""
    story(log, 1, probability=None)
    assert not any(about(read())["counts"].values())


def test_others_see_it_from_twenty_on_and_by_consent(log: Log, read: Reader) -> None:
    """Others see a person's score only while that person agrees, and only from 20 forecasts on; before, no counts."""
    log.add(ANN, PersonRegistered())
    story(log, 19)
    assert about(read(), BOB)["why_not"].startswith("only the person can see it")
    assert not any(about(read(), BOB)["counts"].values())
    log.add(ANN, CalibrationShared(shared=True))
    assert about(read(), BOB)["why_not"] == "it takes 20 forecasts that count, and there are 19"
    forecast(log, "20")
    assert about(read(), BOB)["shown"]

    log.add(ANN, CalibrationShared(shared=False))
    past = TimePoint(as_of=at(86_400 * 30), known_at=at(len(log.entries) - 1))
    assert not about(read(), BOB, when=past)["shown"], "consent is asked for now, whatever time is asked about"
    assert about(read(), ANN)["shown"]


def test_all_together_are_shown_without_revealing_one(log: Log, read: Reader) -> None:
    """Forecasts of two people together are shown only if both agreed; those of three from 20 on."""
    story(log, 10)
    for n in range(11, 21):
        forecast(log, str(n), by="person:cas")
    assert "fewer than 3 people" in about(read(), BOB, None)["why_not"]
    forecast(log, "21", by="person:dan")
    found = about(read(), BOB, None)
    assert (found["shown"], found["counts"]["counted"]) == (True, 21)
