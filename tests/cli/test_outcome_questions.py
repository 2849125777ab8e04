"""Questions about outcomes on the demo: one command each, equal to a naive fold of the log's own entries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cli.bootstrap import open_read_only
from cli.settings import Settings
from domain.outcome import ExpectedOutcomeStated, OutcomeRecorded
from tests.support_serving import run

ENDS = date(2025, 6, 30)
AS_OF = "2025-06-30T00:00:00Z"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "demo"
    done = run(folder.parent, "demo", str(folder), "--ends-on", str(ENDS))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def entries(demo: Path) -> Iterator[list[Any]]:
    with open_read_only(Settings(data=demo)) as log:
        yield [entry for entry in log.read(0, 10_000) if entry.effective_at < 1_751_241_600_000_000]


def ask(demo: Path, *words: str) -> Any:
    done = run(demo.parent, *words, "--as-of", AS_OF, "--json", "--data", str(demo))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_did_we_expect_and_what_came(demo: Path, entries: list[Any]) -> None:
    """`decisionlog outcomes` lists what every event expected, with the last outcome recorded for it."""
    expected = {
        (entry.subject, entry.event.expectation): (entry.event.measure, entry.event.target, None)
        for entry in entries
        if isinstance(entry.event, ExpectedOutcomeStated)
    }
    for entry in entries:
        if isinstance(entry.event, OutcomeRecorded):
            key = (entry.subject, entry.event.expectation)
            expected[key] = (*expected[key][:2], entry.event.result)
    assert len(expected) > 5
    rows = ask(demo, "outcomes")["rows"]
    assert {
        (row["subject"], row["expectation"]): (row["measure"], row["target"], row["result"]) for row in rows
    } == expected


def test_a_decision_tells_what_was_expected_in_words(demo: Path) -> None:
    """`show` prints forecasts, outcomes, reviews and what a deferral waits for as sentences, with no name of a field."""
    shown = {
        name: run(demo.parent, "show", name, "--data", str(demo)).stdout
        for name in ("deposit", "fee-to-five", "insurance")
    }
    reversed_ = run(demo.parent, "show", "monthly-price", "--data", str(demo)).stdout

    assert "1. Share of no-shows from 17% to under 5% by " in shown["deposit"]
    assert "75% likely (Mara Lindqvist, " in shown["deposit"]
    assert "● met: 4%. 9 of 231 bookings in the last month. (Kwame Mensah, " in shown["deposit"]
    assert "Result as expected: Covered running costs in July and August" in shown["fee-to-five"]
    assert "Waits for\n  We have seen the insurer's terms." in shown["insurance"]
    assert "within authority · Mara Lindqvist" in reversed_
    for raw in ("Authority ending", "Ended by", "due_on", "probability", "Review finding"):
        assert raw not in "".join(shown.values()) + reversed_


def test_how_good_are_our_forecasts(demo: Path, entries: list[Any]) -> None:
    """`decisionlog calibration` counts forecasts that another person judged, and shows no score of so few."""
    stated = {
        (entry.subject, entry.event.expectation): entry.event
        for entry in entries
        if isinstance(entry.event, ExpectedOutcomeStated) and entry.event.probability is not None
    }
    judged = {
        (entry.subject, entry.event.expectation): entry.event
        for entry in entries
        if isinstance(entry.event, OutcomeRecorded) and entry.event.result != "unclear"
    }
    by_others = [
        key for key, event in judged.items() if key in stated and not event.is_claim and event.by != stated[key].by
    ]
    answer = ask(demo, "calibration")
    assert answer["counts"]["counted"] == len(by_others) > 2
    assert answer["score"] is None


def test_what_slipped_and_why(demo: Path, entries: list[Any]) -> None:
    """`decisionlog slips` gives each move the decisions or the reason of its own event."""
    by_position = {entry.position: entry for entry in entries}
    rows = ask(demo, "slips")["rows"]
    assert len(rows) > 10
    for row in rows:
        metadata = by_position[row["position"]].metadata
        named = [*filter(None, [getattr(by_position[row["position"]].event, "cause", None)]), *metadata.because]
        assert row["because"] == named
        assert (row["cause"] == "none") == (not named and not metadata.note)


def test_what_does_a_person_hold(demo: Path) -> None:
    """`decisionlog succession` lists the roles that `who` lists on what is not closed."""
    answer = ask(demo, "succession", "Kwame Mensah")
    held = {(row["subject"], f"role.{row['part']}") for row in answer["rows"] if row["code"] == "role"}
    listed = {
        (row["subject"], row["field"])
        for row in ask(demo, "who", "Kwame Mensah")["rows"]
        if row["field"].startswith("role.")
        and row["status"]
        not in ("shipped", "dropped", "rejected", "withdrawn", "superseded", "reversed", "met", "missed")
    }
    assert held == listed
    assert held


def test_what_do_we_owe_is_counted_by_code(demo: Path) -> None:
    """`decisionlog debt` lists as many items of each code as it counts, and the last month says the same."""
    answer = ask(demo, "debt", "--limit", "10000")
    counts = {code: count for code, count in answer["counts"].items() if count}
    listed = [row["code"] for row in answer["rows"]]
    assert counts == {code: listed.count(code) for code in set(listed)}
    assert len(counts) > 4
