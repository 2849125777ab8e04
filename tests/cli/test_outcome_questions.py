"""Questions about outcomes on the demo: one command each, equal to a naive fold of the log's own entries."""

from __future__ import annotations

import itertools
import json
import shlex
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cli.bootstrap import open_read_only
from cli.settings import Settings
from domain.outcome import ExpectedOutcomeStated, OutcomeRecorded
from domain.values import parse_timestamp, to_micros
from tests.projections.naive_debt import NaiveDebt
from tests.projections.naive_flags import naive_flags
from tests.support_documentation import ROOT, blocks, exchanges
from tests.support_log import LocalService
from tests.support_pages import text_of
from tests.support_serving import run
from tests.support_terminal import run_command

ENDS = date(2025, 6, 30)
AS_OF = "2025-06-30T00:00:00Z"
THEN = "2025-05-10T00:00:00Z"
"""A day about which something was recorded later."""
NOW_US = to_micros(parse_timestamp(AS_OF))
HTML = {"Accept": "text/html"}
WORKING = ("accepted", "proposed", "committed", "started", "paused", "shipped")
"""Statuses in which a decision or feature contributes to its goals."""


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


@pytest.fixture(scope="module")
def served(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """A server of a copy of the demo."""
    folder = tmp_path_factory.mktemp("served") / "demo"
    folder.mkdir()
    for file in demo.glob("log.sqlite3*"):
        shutil.copy(file, folder / file.name.replace("sqlite3", "sqlite"))
    ticks = itertools.count(NOW_US + 86_400_000_000)
    with LocalService(folder, clock=lambda: next(ticks)) as service:
        assert service.runner.wait_for(service.log.head().size, 60)
        yield service


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
    weighed = run(demo.parent, "show", "price-per-night", "--data", str(demo)).stdout
    assert "Constraint 1 option 2: not met: Each treasurer would ask for a different price. (Lars Holm, " in weighed
    assert "Afterward viable: no: 31 nights a day do not cover running costs. (Mara Lindqvist, " in weighed
    assert "_position" not in weighed
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


def test_what_does_a_person_hold(demo: Path, served: LocalService, entries: list[Any]) -> None:
    """`decisionlog succession`, the request and the page list what each person holds, owes and waits for, as a naive
    fold does.
    """
    naive = NaiveDebt(entries, NOW_US, NOW_US)
    people = {row["id"]: row["name"] for row in served.client.get("/v1/people").json()["rows"]}
    assert len(people) > 10
    for person, name in people.items():
        rows = request(served, "/v1/succession", who=person)["rows"]
        listed = {(row["relation"], row["code"], row["subject"], row["part"] or "") for row in rows}
        assert listed == naive.succession(person), name
        assert len(listed) == len(rows)
    key = max(people, key=lambda each: len({relation for relation, *_ in naive.succession(each)}))
    rows = ask(demo, "succession", people[key])["rows"]
    assert {row["relation"] for row in rows} == {"holds", "owes", "waits_for"}
    assert request(served, "/v1/succession", who=key)["rows"] == rows
    assert_page_shows(served, f"/succession/{key.partition(':')[2]}", [row["title"] for row in rows])


def test_what_do_we_owe(demo: Path, served: LocalService, entries: list[Any]) -> None:
    """`decisionlog debt`, the request and the page list what is left undone, as a naive fold does; each is counted."""
    answer = ask(demo, "debt", "--limit", "10000")
    listed = {(row["code"], row["subject"], row["part"] or ""): sorted(row["owners"]) for row in answer["rows"]}
    expected = NaiveDebt(entries, NOW_US, NOW_US).owed()
    assert listed == {key: sorted(owners) for key, owners in expected.items()}
    codes = [row["code"] for row in answer["rows"]]
    assert {code: count for code, count in answer["counts"].items() if count} == {
        code: codes.count(code) for code in set(codes)
    }
    assert len(set(codes)) > 4
    assert request(served, "/v1/debt", limit=10_000)["rows"] == answer["rows"]
    assert_page_shows(served, "/debt", [row["title"] for row in answer["rows"][:10]])


@pytest.mark.parametrize(("as_of", "known_at"), [(THEN, THEN), (THEN, AS_OF), ("2024-12-01T00:00:00Z", AS_OF)])
def test_what_did_we_owe_then(served: LocalService, entries: list[Any], as_of: str, known_at: str) -> None:
    """Debt as of an earlier day, as known at either, is that of a naive fold."""
    at, known = to_micros(parse_timestamp(as_of)), to_micros(parse_timestamp(known_at))
    rows = request(served, "/v1/debt", as_of=as_of, known_at=known_at, limit=10_000)["rows"]
    assert {(row["code"], row["subject"], row["part"] or "") for row in rows} == NaiveDebt(
        entries, at, known
    ).owed().keys()
    assert rows


def test_which_decisions_rest_on_a_broken_assumption(demo: Path, served: LocalService, entries: list[Any]) -> None:
    """`decisionlog flags`, the request and the page list what rests on the assumption that broke, as a naive fold does."""
    naive = naive_flags(entries, NOW_US, NOW_US)
    rows = ask(demo, "flags", "--limit", "1000")["rows"]
    raised = [row for row in rows if row["reason"] != "unchecked_assumption"]
    assert {(row["subject"], row["field"], row["reason"], row["cause"], tuple(row["through"])) for row in raised} == {
        each[:5] for each in naive
    }
    assert {row["subject"].partition(":")[0] for row in raised} >= {"decision"}
    assert request(served, "/v1/flags", limit=1000)["rows"] == rows
    assert_page_shows(served, "/flags", [row["title"] for row in rows])


def test_which_goals_has_nobody_worked_for(demo: Path, served: LocalService, entries: list[Any]) -> None:
    """`decisionlog contributions --gaps`, the request and the page list the open goals that nothing contributes to."""
    fields = fold(entries, NOW_US, NOW_US)
    status = {subject: value for (subject, field), value in fields.items() if field == "status"}
    listed = {subject: value for (subject, field), value in fields.items() if field == "goals"}
    worked_for = {goal for subject, goals in listed.items() for goal in goals if status[subject] in WORKING}
    expected = {goal for goal in status if goal.startswith("goal:") and status[goal] == "open"} - worked_for
    rows = ask(demo, "contributions", "--gaps", "--limit", "1000")["rows"]
    assert {row["subject"] for row in rows[: len(expected)]} == expected != set()
    assert [row for row in rows[len(expected) :] if row["subject"].startswith("goal:")] == []
    assert request(served, "/v1/contributions/gaps", limit=1000)["rows"] == rows
    page = served.client.get("/goals", params={"as_of": AS_OF}, headers=HTML)
    _, _, rest = text_of(page.text).partition("Goals that nothing contributes to")
    section, _, _ = rest.partition("Decisions and features without a goal")
    assert [row["title"] for row in rows[: len(expected)] if row["title"] not in section] == []
    assert section.count("nothing contributes to it") == len(expected)


def test_what_would_be_different_had_we_known(demo: Path, served: LocalService, entries: list[Any]) -> None:
    """What was recorded only later about a day: `decisionlog changes` between the day as known then and as known now.

    Naively: the fields at that day, once from the entries recorded by then, and once from all.
    """
    then = to_micros(parse_timestamp(THEN))
    known, all_ = fold(entries, then, then), fold(entries, then, NOW_US)
    expected = {key for key in known.keys() | all_.keys() if known.get(key) != all_.get(key)}
    words = ("changes", "--since", THEN, "--until", THEN, "--known-since", THEN, "--table")
    done = run(demo.parent, *words, "--json", "--data", str(demo))
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    assert {(row["subject"], row["field"]) for row in rows} == expected
    assert expected
    asked = served.client.get("/v1/changes", params={"since": THEN, "until": THEN, "known_since": THEN})
    assert {(row["subject"], row["field"]) for row in asked.json()["rows"]} == expected
    page = served.client.get(
        "/roadmap", params={"as_of": THEN, "compare": THEN, "compare_known_at": THEN}, headers=HTML
    )
    on_cards = {subject for subject, _ in expected if subject.startswith("feature:")}
    assert f"step through {len(on_cards)} change" in text_of(page.text)
    assert on_cards


def fold(entries: list[Any], as_of: int, known_at: int) -> dict[tuple[str, str], Any]:
    """The value of every field at a time, from the entries that were recorded by another."""
    known = [entry for entry in entries if entry.recorded_at <= known_at]
    voided = {entry.event.voided_position() for entry in known}
    found: dict[tuple[str, str], Any] = {}
    for entry in sorted(known, key=lambda each: (each.effective_at, each.position)):
        if entry.position in voided or entry.effective_at > as_of:
            continue
        for change in entry.event.field_changes():
            if change.value is not None:
                found[entry.subject, change.field] = change.value
            else:
                found.pop((entry.subject, change.field), None)
    return found


def request(served: LocalService, path: str, **parameters: Any) -> Any:
    answer = served.client.get(path, params={"as_of": AS_OF, **parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def assert_page_shows(served: LocalService, path: str, titles: list[str]) -> None:
    page = served.client.get(path, params={"as_of": AS_OF}, headers=HTML)
    assert page.status_code == 200, page.text
    shown = text_of(page.text)
    assert [title for title in titles if title not in shown] == []


@pytest.mark.parametrize(
    ("words", "path", "parameters", "page"),
    [
        (("outcomes",), "/v1/expected-outcomes", {}, "/outcomes"),
        (("slips",), "/v1/slips/causes", {}, "/slips"),
        (("calibration",), "/v1/calibration", {}, "/outcomes"),
    ],
)
def test_a_command_a_request_and_a_page_answer_the_same(
    demo: Path, served: LocalService, words: tuple[str, ...], path: str, parameters: dict[str, str], page: str
) -> None:
    """What we expected, owe and missed, and how good our forecasts are: the command has the rows of the request."""
    more = ("--limit", "1000") if words != ("calibration",) else ()
    limit = {"limit": "1000"} if more else {}
    rows = ask(demo, *words, *more)["rows"]
    assert request(served, path, **limit, **parameters)["rows"] == rows
    assert_page_shows(served, page, [row["title"] for row in rows[:10] if row.get("title")])


PAGE = ROOT / "docs" / "how-to" / "review-outcomes.md"


def test_every_command_of_the_page_is_done(served: LocalService) -> None:
    """The commands of the page succeed on the demo, in its order, and those that ask are confirmed."""
    done = 0
    for block in blocks(PAGE):
        for command, _ in exchanges(block.text):
            words = shlex.split(command)[1:]
            result = run_command(served, *words, *(["--yes"] if "--to" in words else []))
            assert result.exit_code == 0, command
            done += 1

    assert done > 10
