"""Twelve questions of an auditor on other people's history, through the HTTP interface alone, and on the terminal.

The server filters, orders and compares; these tests only format, count, and join at most two answers. People are
compared as people: expected spellings are looked up in the directory.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from interchange.sink import LogSink
from interchange.tracker import import_changes, load_mapping
from tests.support_corpora import CORPORA, FILES, Corpus, duration, next_change
from tests.support_log import LocalService
from tests.support_report import find_untrue_reasons
from tests.support_terminal import table

ROOT = Path(__file__).parents[1]
QUESTIONS = {each["n"]: each["answer"] for each in json.loads((CORPORA / "questions.json").read_text())}
SINCE_2021 = "2021-01-01"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """A log into which both files were imported with the mappings the project ships."""
    with LocalService(tmp_path_factory.mktemp("service"), clock=_after_everything()) as opened:
        keys = itertools.count(1)
        for name, file in FILES.items():
            mapping = load_mapping(ROOT / "examples" / "mappings" / f"{name}.toml")
            report = asyncio.run(
                import_changes(
                    CORPORA / file,
                    mapping,
                    LogSink(opened.log),
                    opened.caller("import"),
                    new_key=lambda: f"p{next(keys)}",
                )
            )
            assert not report.rejected, report.rejected[:3]
            assert {remark.line for remark in report.skipped} == ({"2105", "2196"} if name == "keps" else set())
        yield opened


def _after_everything() -> Any:
    instants = itertools.count(1_767_225_600_000_000, 1_000)  # 2026-01-01
    return lambda: next(instants)


def _record(subject: str) -> str:
    """The record's name as the file writes it: KEP-1287, KEP-metrics-stability-to-beta."""
    prefix, _, rest = subject.partition(":")[2].partition("-")
    return f"{prefix.upper()}-{rest}"


MAPPINGS = [load_mapping(ROOT / "examples" / "mappings" / f"{name}.toml") for name in FILES]
ONLY_IN_FILE = {alias: each.name for mapping in MAPPINGS for each in mapping.person for alias in each.local_aliases}
"""Spellings that mean a person in these files only, which the directory does not have."""
NO_PEOPLE = {
    spelling
    for mapping in MAPPINGS
    for spelling in (*mapping.empty_values, *(each for team in mapping.people.teams.values() for each in team))
}
"""Spellings in the files that mean no value, or a team."""


@cache
def _who(service: LocalService, spelling: str) -> str:
    name = ONLY_IN_FILE.get(spelling, spelling)
    rows = service.client.get("/v1/people", params={"name": name}).json()["rows"]
    assert len(rows) == 1, spelling
    found: str = rows[0]["id"]
    return found


def _day(step: dict[str, Any]) -> str:
    return str(step["at"])[:10]


def _second(step: dict[str, Any]) -> str:
    return str(step["at"])[:19] + "Z"


def test_1_who_approved_then_and_who_changed_it(service: LocalService) -> None:
    """The approvers of KEP-1287 on a day, in order, and every later change of that list."""
    answer = QUESTIONS[1]

    (cell,) = service.rows("/fields", subject="feature:kep-1287", field="role.approver", as_of="2021-06-01T00:00:00Z")
    steps = service.rows(
        "/fields/history", subject="feature:kep-1287", field="role.approver", since="2021-06-01T00:00:00Z"
    )

    assert cell["value"] == [_who(service, each) for each in answer["approvers"]]
    assert [
        {
            "at": _second(step),
            "who": step["blame"]["principal"],
            "added": step["gained"],
            "removed": step["lost"],
            "pr": step["blame"]["source"]["reference"].split()[0].removeprefix("pr:"),
        }
        for step in steps
    ] == [
        {
            "at": later["at"],
            "who": _who(service, later["who"]),
            "added": [_who(service, each) for each in later["added"]],
            "removed": later["removed"],
            "pr": str(later["pr"]),
        }
        for later in answer["later"]
    ]


def test_2_how_often_a_target_moved(service: LocalService) -> None:
    """When the alpha target of KEP-1287 was first set, and every move of it, with whose change it was."""
    steps = service.rows("/fields/history", subject="feature:kep-1287", field="target.alpha")

    found = [
        (
            f"{_day(step)} {step['before']['source_value']}->{step['after']['source_value']}",
            step["blame"]["principal"],
            step["blame"]["source"]["reference"].split()[0].removeprefix("pr:"),
        )
        for step in steps
    ]
    expected = [line.rpartition(" by ") for line in QUESTIONS[2]]
    assert found == [
        (moved, _who(service, who.partition(" (#")[0]), who.partition(" (#")[2].rstrip(")"))
        for moved, _, who in expected
    ]


def test_3_plan_against_record(service: LocalService) -> None:
    """What was planned for v1.22 on a day against the last record: kept, joined, left, and where to."""
    answer = QUESTIONS[3]
    about = {"field": ["target.alpha", "target.beta", "target.stable"], "value": "release:kubernetes-1.22"}
    then = "2021-03-01T00:00:00Z"

    planned = service.rows("/fields", **about, as_of=then)
    final = service.rows("/fields", **about)
    left = service.rows("/changes", since=then, field=about["field"], from_value=about["value"])

    def label(row: dict[str, Any]) -> str:
        return f"{_record(row['subject'])} {row['field'].removeprefix('target.')}"

    def where_to(row: dict[str, Any]) -> str:
        if row.get("missing_after") == "removed":
            return "record removed"
        return row["after"]["source_value"] or "no target any more"

    assert sorted(map(label, planned)) == sorted(answer["planned_list"])
    assert len(planned) == answer["planned_then"]
    assert len(final) == answer["planned_in_final_record"]
    kept = {label(row) for row in planned} & {label(row) for row in final}
    assert (len(kept), len(left), len(final) - len(kept)) == (answer["kept"], answer["left"], answer["joined"])
    assert {label(row): where_to(row) for row in left} == answer["left_for"]


def test_4_what_was_put_off_most(service: LocalService) -> None:
    """Targets put off four times or more, and all put-offs and bring-forwards."""
    about = {"kind": "feature", "product": "kubernetes", "field": ["target.alpha", "target.beta", "target.stable"]}

    top = service.rows("/fields/history/count", **about, direction="later", group=["subject", "field"], min_count=4)
    totals = service.rows("/fields/history/count", **about, direction=["later", "earlier"], group="direction")

    named = [f"{_record(row['subject'])} {row['field'].removeprefix('target.')}: {row['count']}" for row in top]
    assert sorted(named) == sorted(QUESTIONS[4]["top"])
    assert {row["direction"]: row["count"] for row in totals} == QUESTIONS[4]["totals"]


def test_5_what_changed_hands_between_groups(service: LocalService) -> None:
    """Which KEPs changed their owning SIG since 2021, from which to which, and by whom."""
    steps = service.rows(
        "/fields/history", product="kubernetes", field="role.accountable", since=SINCE_2021, direction="replaced"
    )

    found = [
        (
            _day(step),
            _record(step["subject"]),
            step["before"]["value"],
            step["after"]["value"],
            step["blame"]["principal"],
        )
        for step in steps
    ]
    assert found == [
        (day, record, [f"team:{old}"], [f"team:{new}"], _who(service, " ".join(who)))
        for day, record, moved, _, *who in map(str.split, QUESTIONS[5])
        for old, _, new in [moved.partition("->")]
    ]


@pytest.mark.parametrize("when", ["then", "end"])
def test_6_who_approved_most(service: LocalService, when: str) -> None:
    """Production-readiness approvals per approver on a day and at the end: the first four."""
    about = {"field": ["role.prr.alpha", "role.prr.beta", "role.prr.stable"], "kind": "feature"}
    then = {"as_of": "2022-01-01T00:00:00Z"} if when == "then" else {}

    rows = service.rows("/fields/count", **about, **then, group="holder", limit=4)

    assert [[row["holder"], row["count"]] for row in rows] == [
        [_who(service, who), count] for who, count in QUESTIONS[6][when]
    ]


def test_7_what_was_reopened(service: LocalService) -> None:
    """Which KEPs went back from implemented to implementable, by the words in the file."""
    steps = service.rows(
        "/fields/history",
        product="kubernetes",
        field="status",
        from_source_value="implemented",
        to_source_value="implementable",
    )

    assert len(steps) == QUESTIONS[7]["events"]
    assert {_record(step["subject"]) for step in steps} == set(QUESTIONS[7]["records"])
    last = [(_day(step), _record(step["subject"]), step["blame"]["principal"]) for step in steps[-3:]]
    assert last == [
        (day, record, _who(service, " ".join(who))) for day, record, _, *who in map(str.split, QUESTIONS[7]["last"])
    ]


@pytest.mark.parametrize("who", ["Paul Moore", "Brett Cannon"])
def test_9_what_was_accepted_under_a_delegate(service: LocalService, who: str) -> None:
    """PEPs that ever entered Accepted and have somebody as delegate."""
    accepted = service.rows("/decisions", ever="Accepted", product="python", include_removed="true", limit=10_000)
    delegated = service.rows("/accountability", who=who, role="delegate", product="python")

    both = {row["subject"] for row in accepted} & {row["subject"] for row in delegated}
    assert {_record(subject) for subject in both} == set(QUESTIONS[9][who.lower().replace(" ", "_")])


def test_10_the_history_of_one_decision(service: LocalService) -> None:
    """Status and ownership of PEP 572: what, when, by whom."""
    steps = service.rows("/fields/history", subject="decision:pep-572", field=["status", "role.author"])
    moved = [step for step in steps if step["direction"] != "first"]

    def value_at(step: dict[str, Any], side: str) -> Any:
        held = step[side]
        return held["value"] if step["field"] == "role.author" else held["source_value"]

    found = [
        (_second(step), step["field"], value_at(step, "before"), value_at(step, "after"), step["blame"]["principal"])
        for step in moved
    ]
    expected = []
    for line in QUESTIONS[10]:
        what, _, who = line.rpartition(" by ")
        at, field, values = what.split(" ", 2)
        old, new = (json.loads(value) for value in values.split("->"))
        if field == "authors":
            old, new = ([_who(service, each) for each in side] for side in (old, new))
        cell = {"authors": "role.author"}.get(field, field)
        expected.append((at, cell, old, new, _who(service, who)))
    assert found == expected


def test_11_what_was_aimed_at_a_release(service: LocalService) -> None:
    """Which PEPs were aimed at Python 3.9 on a day with which status, and at the end; and where the others went."""
    answer = QUESTIONS[11]
    then = {"as_of": "2019-10-01T00:00:00Z"}

    def aimed(**when: str) -> dict[str, Any]:
        rows = service.rows(
            "/roadmap", product="python", layout="board", columns="target.ship", show=["status", "target.ship"], **when
        )
        (column,) = [row for row in rows if row["column"] == "release:python-3.9"]
        return {card["subject"]: card["fields"]["status"]["source_value"] for card in column["cards"]}

    before, after = aimed(**then), aimed()
    assert {_record(subject): status for subject, status in before.items()} == answer["then"]
    assert {_record(subject): status for subject, status in after.items()} == answer["end"]

    gone = sorted(before.keys() - after.keys())
    now = service.rows("/fields", subject=gone, field=["status", "target.ship"])
    left: dict[str, list[Any]] = {_record(subject): [None, None] for subject in gone}
    for row in now:
        left[_record(row["subject"])][row["field"] == "status"] = row["source_value"]
    assert left == answer["left"]


def test_13_what_lost_its_status_again(service: LocalService) -> None:
    """Which PEPs lost Accepted or Final again, when and by whose change."""
    steps = service.rows(
        "/fields/history",
        kind="decision",
        product="python",
        field="status",
        from_source_value=["Accepted", "Final"],
        to_source_value=["Draft", "Deferred", "Rejected", "Withdrawn"],
    )

    found = [
        (
            _day(step),
            _record(step["subject"]),
            f"{step['before']['source_value']}->{step['after']['source_value']}",
            step["blame"]["principal"],
        )
        for step in steps
    ]
    assert found == [
        (day, record, moved, _who(service, " ".join(who)))
        for day, record, moved, _, *who in map(str.split, QUESTIONS[13])
    ]


def test_15_what_passed_from_one_delegate_to_another(service: LocalService) -> None:
    """PEPs whose delegates changed without overlap, when and by whom."""
    steps = service.rows("/fields/history", kind="decision", field="role.delegate", direction="replaced")

    found = [
        (
            _day(step),
            _record(step["subject"]),
            step["before"]["value"],
            step["after"]["value"],
            step["blame"]["principal"],
        )
        for step in steps
    ]
    expected = []
    for line in QUESTIONS[15]:
        what, _, who = line.rpartition(" by ")
        day, record, moved = what.split(" ", 2)
        old, new = (json.loads(side.replace("'", '"')) for side in moved.split("->"))
        expected.append(
            (
                day,
                record,
                [_who(service, each) for each in old],
                [_who(service, each) for each in new],
                _who(service, who),
            )
        )
    assert found == expected


# Six kinds of questions, each in one request, compared with a naive reading of the files ------------------------------


@pytest.fixture(scope="module")
def peps() -> Corpus:
    """A naive reading of the PEPs."""
    return Corpus("peps")


@pytest.fixture(scope="module")
def keps() -> Corpus:
    """A naive reading of the KEPs."""
    return Corpus("keps")


def _in(corpus: Corpus, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows on records whose naive reading is clear."""
    return [row for row in rows if _record(row["subject"]) in corpus.records]


def _people(service: LocalService, spellings: list[str] | None) -> list[str]:
    """The people in a list of the file."""
    named = [each for each in spellings or [] if each not in NO_PEOPLE and not each.startswith("@sig-")]
    return list(dict.fromkeys(_who(service, each) for each in named))


def test_the_state_beside_each_decision(service: LocalService, peps: Corpus) -> None:
    """Who was the author and the delegate, and of which type it was, when each PEP was accepted."""
    rows = service.rows(
        "/fields/history",
        kind="decision",
        field="status",
        to_source_value="Accepted",
        limit=10_000,
        show=["role.author", "role.delegate", "kind"],
    )

    accepted = [change for change in peps.changes("status") if change["to"] == "Accepted"]
    assert len(accepted) > 100
    found = {
        (_second(row), _record(row["subject"])): {
            "authors": row["state"]["role.author"]["value"] or [],
            "delegate": row["state"]["role.delegate"]["value"] or [],
        }
        for row in _in(peps, rows)
    }
    assert found == {
        (change["at"], change["record"]): {
            name: _people(service, change["state"].get(name)) for name in ("authors", "delegate")
        }
        for change in accepted
    }
    assert {row["state"]["kind"]["value"] for row in rows} >= {"feature", "process"}


@pytest.mark.parametrize(
    ("unit", "period"),
    [
        ("year", lambda at: at[:4]),
        ("quarter", lambda at: f"{at[:4]}-Q{(int(at[5:7]) + 2) // 3}"),
        ("month", lambda at: at[:7]),
        ("week", lambda at: "{}-W{:02}".format(*datetime.fromisoformat(at).isocalendar())),
    ],
)
def test_changes_counted_by_time_and_value(
    service: LocalService, peps: Corpus, unit: str, period: Callable[[str], str]
) -> None:
    """How many PEPs went from one status to another in each year, quarter, month and week, in order."""
    rows = service.rows(
        "/fields/history/count",
        kind="decision",
        product="python",
        field="status",
        limit=10_000,
        group=[unit, "from_source_value", "to_source_value", "kind", "product"],
        direction="changed",
        subject=sorted({f"decision:{record.lower()}" for record in peps.records if record.startswith("PEP-3")}),
    )

    counts = Counter(
        (period(change["at"]), change["from"], change["to"], "decision", "product:python")
        for change in peps.changes("status")
        if change["record"].startswith("PEP-3") and change["from"] is not None
    )
    assert len(counts) > 50
    assert {tuple(row.values())[:-1]: row["count"] for row in rows} == counts
    assert [row[unit] for row in rows] == sorted(row[unit] for row in rows)


def test_what_was_undone_within_90_days(service: LocalService, peps: Corpus) -> None:
    """Which acceptances were taken back within 90 days, and after how many."""
    lost = ["Draft", "Deferred", "Rejected", "Withdrawn"]
    rows = service.rows(
        "/fields/history",
        kind="decision",
        field="status",
        to_source_value=["Accepted", "Final"],
        then_source_value=lost,
        held_less_than="90d",
    )

    changes = list(peps.changes("status"))
    expected = []
    for change in changes:
        after = next_change(changes, change) if change["to"] in ("Accepted", "Final") else None
        if after and after["to"] in lost and duration(change["at"], after["at"]) < timedelta(days=90):
            days = round(duration(change["at"], after["at"]) / timedelta(days=1), 3)
            expected.append((change["record"], change["at"], after["at"], after["to"], days))
    assert len(expected) > 5
    assert [
        (
            _record(row["subject"]),
            _second(row),
            row["held"]["until"][:19] + "Z",
            row["held"]["next"]["source_value"],
            row["held"]["days"],
        )
        for row in _in(peps, rows)
    ] == expected


def test_what_has_not_moved_for_two_years(service: LocalService, peps: Corpus) -> None:
    """Which PEPs were drafts on a day, and had been for two years or longer."""
    day = "2011-01-01T00:00:00Z"
    rows = service.rows(
        "/fields/history",
        kind="decision",
        field="status",
        to_source_value="Draft",
        open="true",
        held_at_least="2y",
        as_of=day,
    )

    last = {change["record"]: change for change in peps.changes("status") if change["at"] <= day}
    expected = {
        record: change["at"]
        for record, change in last.items()
        if change["to"] == "Draft" and duration(change["at"], day) >= timedelta(days=730)
    }
    assert len(expected) > 5
    assert {_record(row["subject"]): _second(row) for row in _in(peps, rows)} == expected


@pytest.mark.parametrize("as_of", ["2012-06-01T00:00:00Z", "2020-12-31T00:00:00Z"])
def test_what_is_absent(service: LocalService, peps: Corpus, as_of: str) -> None:
    """Which accepted PEPs had no resolution on record, and no delegate, on a day."""
    rows = service.rows(
        "/decisions",
        product="python",
        status="Accepted",
        without=["x.resolution", "role.delegate"],
        as_of=as_of,
        limit=10_000,
    )

    expected = {
        record
        for record, state in peps.state(as_of).items()
        if state.get("status") == "Accepted"
        and not state.get("resolution")
        and not _people(service, state.get("delegate"))
    }
    assert len(expected) > 3
    assert {_record(row["subject"]) for row in _in(peps, rows)} == expected


def test_ranges_of_days_and_numbers(service: LocalService, peps: Corpus, keps: Corpus) -> None:
    """Which PEPs were created in a year, and which KEPs have a number in a range."""
    created = service.rows("/decisions", where=["created>=2005-01-01", "created<2006-01-01"], product="python")
    numbered = service.rows("/features", where=["number>=1000", "number<=1287"], product="kubernetes")

    assert {_record(row["subject"]) for row in _in(peps, created)} == {
        record for record, state in peps.state().items() if _year_of(state.get("created")) == "2005"
    }
    in_range = {record for record, state in keps.state().items() if 1000 <= int(state.get("number") or 0) <= 1287}
    assert {_record(row["subject"]) for row in _in(keps, numbered)} == in_range
    assert len(in_range) > 5


def _year_of(day: str | None) -> str:
    """The year of a day as PEPs write it: `2005-03-01`, `01-Mar-2005` or `01 March 2005`."""
    found = re.search(r"\b(?:19|20)\d\d\b", day or "")
    return found[0] if found else ""


def test_what_was_approved_by_its_own_author(service: LocalService, peps: Corpus, keps: Corpus) -> None:
    """Which PEPs were accepted by one of their authors, and which KEPs have an approver who is an author, at that time."""
    by_author = service.rows(
        "/fields/history",
        kind="decision",
        field="status",
        to_source_value="Accepted",
        where="change.by=field:role.author",
        limit=10_000,
    )
    own_approver = service.rows(
        "/fields/history",
        kind="feature",
        product="kubernetes",
        field="status",
        to_source_value="implementable",
        where="role.approver=field:role.author",
        limit=10_000,
    )

    expected = {
        (change["record"], change["at"])
        for change in peps.changes("status")
        if change["to"] == "Accepted"
        and _who(service, change["who"]) in _people(service, change["state"].get("authors"))
    }
    assert len(expected) > 20
    assert {(_record(row["subject"]), _second(row)) for row in _in(peps, by_author)} == expected
    both = {
        (change["record"], change["at"])
        for change in keps.changes("status")
        if change["to"] == "implementable"
        and {*_people(service, change["state"].get("approvers"))} & {*_people(service, change["state"].get("authors"))}
    }
    assert len(both) > 5
    assert {(_record(row["subject"]), _second(row)) for row in _in(keps, own_approver)} == both


# On the terminal: the commands of the page that shows them ----------------------------------------------------------

PAGE = (ROOT / "docs" / "how-to" / "ask-an-auditors-question.md").read_text(encoding="utf-8")
SHOWN = {
    int(section.partition(".")[0]): [
        shlex.split(line)[2:] for line in section.splitlines() if line.startswith("$ decisionlog ")
    ]
    for section in PAGE.split("\n## ")[1:]
    if section[0].isdecimal()
}
Rows = list[dict[str, str]]


ONE_REQUEST_EACH: dict[int, tuple[str, dict[str, Any]]] = {
    16: (
        "/fields/history",
        {
            "kind": "decision",
            "product": "python",
            "field": "status",
            "to_source_value": "Accepted",
            "show": ["role.author", "role.delegate"],
            "limit": 10_000,
        },
    ),
    17: (
        "/fields/history/count",
        {
            "product": "kubernetes",
            "field": "target.*",
            "direction": "later",
            "group": ["quarter", "field"],
            "limit": 10_000,
        },
    ),
    18: (
        "/fields/history",
        {
            "kind": "decision",
            "product": "python",
            "field": "status",
            "to_source_value": ["Accepted", "Final"],
            "then_source_value": ["Draft", "Deferred", "Rejected", "Withdrawn"],
            "held_less_than": "90d",
        },
    ),
    19: (
        "/fields/history",
        {
            "kind": "decision",
            "product": "python",
            "field": "status",
            "to_source_value": "Draft",
            "open": "true",
            "held_at_least": "2y",
            "live": "true",
            "as_of": "2011-01-01T00:00:00Z",
        },
    ),
    20: (
        "/decisions",
        {"product": "python", "status": "Accepted", "without": ["x.resolution", "role.delegate"], "limit": 10_000},
    ),
    21: (
        "/decisions",
        {"product": "python", "where": ["created>=2005-01-01", "created<2006-01-01"], "limit": 10_000},
    ),
    22: (
        "/fields/history",
        {
            "kind": "decision",
            "product": "python",
            "field": "status",
            "to_source_value": "Accepted",
            "where": "change.by=field:role.author",
            "limit": 10_000,
        },
    ),
}
"""The questions of the page whose answers are compared with the naive reading above, each with its request."""


@pytest.mark.parametrize("number", ONE_REQUEST_EACH)
def test_one_request_on_the_terminal(service: LocalService, number: int) -> None:
    """The command of the page returns the rows of the request that the naive reading confirms."""
    path, parameters = ONE_REQUEST_EACH[number]

    rows = service.rows(path, **parameters)
    (shown,) = _answers(service, number)

    assert len(shown) == len(rows) > 0
    if "subject" in rows[0]:
        assert [row.get("subject") or row["decision"] for row in shown] == [row["subject"] for row in rows]
    else:
        assert [int(row["count"]) for row in shown] == [row["count"] for row in rows]


def test_the_state_and_the_duration_have_columns_on_the_terminal(service: LocalService) -> None:
    """Other fields at the time of a change are columns under their names; a duration is in days, with what followed."""
    (decided,) = _answers(service, 16)
    (undone,) = _answers(service, 18)

    assert {row["role.author"] != "" for row in decided} == {True}
    assert {int(row["days"]) < 90 and _word(row["then"]) in ("Draft", "Rejected") for row in undone} == {True}


def _answers(service: LocalService, number: int) -> list[Rows]:
    """What the commands say that the page shows for a question."""
    return [table(service, *words) for words in SHOWN[number]]


def _find_names(service: LocalService, *spellings: str) -> str:
    """How the terminal calls the people that the files spell so."""
    names = []
    for spelling in spellings:
        (row,) = service.client.get("/v1/people", params={"name": spelling}).json()["rows"]
        names.append(row["name"] or row["id"])
    return ", ".join(names)


def _word(cell: str) -> str:
    """The source's word in a cell: in brackets, where we mean something else by it."""
    found = re.search(r" \((.*)\)$", cell)
    return found[1] if found else cell


def _pr(row: dict[str, str]) -> str:
    found = re.search(r" pr:(\d+)", row["source"])
    assert found, row
    return found[1]


def _target(row: dict[str, str]) -> str:
    return f"{_record(row['subject'])} {row['field'].removeprefix('target.')}"


def test_every_question_is_shown_in_one_or_two_commands() -> None:
    """The page has every question, each with one command, or two."""
    assert set(SHOWN) == {*QUESTIONS, *ONE_REQUEST_EACH}
    assert {len(commands) for commands in SHOWN.values()} == {1, 2}


def test_1_on_the_terminal(service: LocalService) -> None:
    """The approvers of that day in order, and who changed them afterwards, by name."""
    answer = QUESTIONS[1]

    (cell,), later = _answers(service, 1)

    assert cell["value"] == _find_names(service, *answer["approvers"])
    assert [(row["when"], row["who"], row["gained"], row["lost"], _pr(row)) for row in later] == [
        (
            each["at"].replace("Z", "+00:00"),
            _find_names(service, each["who"]),
            _find_names(service, *each["added"]),
            _find_names(service, *each["removed"]),
            str(each["pr"]),
        )
        for each in answer["later"]
    ]


def test_2_on_the_terminal(service: LocalService) -> None:
    """Every move of the target, in the source's words, with whose it was."""
    (rows,) = _answers(service, 2)

    found = [
        (f"{row['when'][:10]} {_word(row['before']) or None}->{_word(row['after'])}", row["who"], _pr(row))
        for row in rows
    ]
    expected = [re.fullmatch(r"(.*) by (.*) \(#(\d+)\)", line) for line in QUESTIONS[2]]
    assert found == [(line[1], _find_names(service, line[2]), line[3]) for line in expected if line]


def test_3_on_the_terminal(service: LocalService) -> None:
    """The plan of that day, and what left it or joined it since."""
    answer = QUESTIONS[3]

    planned, moved = _answers(service, 3)

    left = [row for row in moved if _word(row["before"]) == "v1.22"]
    joined = [row for row in moved if _word(row["after"]) == "v1.22"]
    gone = {"removed": "record removed", "": "no target any more"}
    assert sorted(map(_target, planned)) == sorted(answer["planned_list"])
    assert {_target(row): gone.get(row["after"], _word(row["after"])) for row in left} == answer["left_for"]
    assert (len(planned), len(planned) - len(left), len(left), len(joined), len(left) + len(joined)) == (
        answer["planned_then"],
        answer["kept"],
        answer["left"],
        answer["joined"],
        len(moved),
    )
    assert len(planned) - len(left) + len(joined) == answer["planned_in_final_record"]


def test_4_on_the_terminal(service: LocalService) -> None:
    """What was put off most, and all put-offs and bring-forwards."""
    top, totals = _answers(service, 4)

    assert sorted(f"{_target(row)}: {row['count']}" for row in top) == sorted(QUESTIONS[4]["top"])
    assert {row["direction"]: int(row["count"]) for row in totals} == QUESTIONS[4]["totals"]


def test_5_on_the_terminal(service: LocalService) -> None:
    """What changed hands between groups."""
    (rows,) = _answers(service, 5)

    assert [
        f"{row['when'][:10]} {_record(row['subject'])} {row['before']}->{row['after']} by {row['who']}".replace(
            "team:", ""
        )
        for row in rows
    ] == [
        f"{what} by {_find_names(service, who)}" for line in QUESTIONS[5] for what, _, who in [line.rpartition(" by ")]
    ]


def test_6_on_the_terminal(service: LocalService) -> None:
    """The first four approvers, then and now."""
    for when, rows in zip(("then", "end"), _answers(service, 6), strict=True):
        assert [[row["holder"], int(row["count"])] for row in rows[:4]] == [
            [_find_names(service, who), count] for who, count in QUESTIONS[6][when]
        ]


def test_7_on_the_terminal(service: LocalService) -> None:
    """What was reopened, by the source's words."""
    (rows,) = _answers(service, 7)

    assert len(rows) == QUESTIONS[7]["events"]
    assert {_record(row["subject"]) for row in rows} == set(QUESTIONS[7]["records"])
    assert [f"{row['when'][:10]} {_record(row['subject'])} by {row['who']}" for row in rows[-3:]] == [
        f"{what} by {_find_names(service, who)}"
        for line in QUESTIONS[7]["last"]
        for what, _, who in [line.rpartition(" by ")]
    ]


@pytest.mark.parametrize("who", ["Paul Moore", "Brett Cannon"])
def test_9_on_the_terminal(service: LocalService, who: str) -> None:
    """What was ever accepted and has somebody as delegate."""
    (words,) = SHOWN[9]
    found = table(service, *(word.replace("Paul Moore", who) for word in words))

    assert {_record(row["decision"]) for row in found} == set(QUESTIONS[9][who.lower().replace(" ", "_")])


def test_10_on_the_terminal(service: LocalService) -> None:
    """One decision's status and ownership, with when and by whom."""
    (rows,) = _answers(service, 10)

    found = [
        (row["when"], row["field"], _word(row["before"]), _word(row["after"]), row["who"])
        for row in rows
        if row["direction"] != "first"
    ]
    expected = []
    for line in QUESTIONS[10]:
        what, _, who = line.rpartition(" by ")
        at, field, values = what.split(" ", 2)
        sides = [json.loads(value) for value in values.split("->")]
        old, new = (_find_names(service, *side) if isinstance(side, list) else side for side in sides)
        cell = {"authors": "role.author"}.get(field, field)
        expected.append((at.replace("Z", "+00:00"), cell, old, new, _find_names(service, who)))
    assert [(at, field, old.casefold(), new.casefold(), who) for at, field, old, new, who in found] == [
        (at, field, old.casefold(), new.casefold(), who) for at, field, old, new, who in expected
    ]


def test_11_on_the_terminal(service: LocalService) -> None:
    """What was aimed at the release then and is now, and where the others are."""
    answer = QUESTIONS[11]

    def aimed(rows: Rows) -> dict[str, str]:
        return {
            _record(row["subject"]): _word(row["status"]).casefold()
            for row in rows
            if row["column"].split()[0] == "release:python-3.9"
        }

    then, now = _answers(service, 11)
    assert aimed(then) == {record: status.casefold() for record, status in answer["then"].items()}
    assert aimed(now) == {record: status.casefold() for record, status in answer["end"].items()}
    gone = aimed(then).keys() - aimed(now).keys()
    left = {
        _record(row["subject"]): [_word(row["target.ship"]) or None, _word(row["status"]).casefold()]
        for row in now
        if _record(row["subject"]) in gone
    }
    assert left == {record: [to, status.casefold()] for record, (to, status) in answer["left"].items()}


def test_13_on_the_terminal(service: LocalService) -> None:
    """What lost its status again."""
    (rows,) = _answers(service, 13)

    assert [
        f"{row['when'][:10]} {_record(row['subject'])} {_word(row['before'])}->{_word(row['after'])}".casefold()
        + f" by {row['who']}"
        for row in rows
    ] == [
        f"{what.casefold()} by {_find_names(service, who)}"
        for line in QUESTIONS[13]
        for what, _, who in [line.rpartition(" by ")]
    ]


def test_15_on_the_terminal(service: LocalService) -> None:
    """What passed from one delegate to another."""
    (rows,) = _answers(service, 15)

    expected = []
    for line in QUESTIONS[15]:
        what, _, who = line.rpartition(" by ")
        day, record, moved = what.split(" ", 2)
        old, new = (json.loads(side.replace("'", '"')) for side in moved.split("->"))
        expected.append(
            (day, record, _find_names(service, *old), _find_names(service, *new), _find_names(service, who))
        )
    assert [
        (row["when"][:10], _record(row["subject"]), row["before"], row["after"], row["who"]) for row in rows
    ] == expected


@pytest.mark.parametrize(
    ("product", "since", "until"), [("kubernetes", "2021-01-01", "2023-01-01"), ("python", "2014-01-01", "2021-01-01")]
)
def test_every_reason_in_a_report_of_imported_history_is_that_of_its_event(
    service: LocalService, product: str, since: str, until: str
) -> None:
    """A naive reading of every line: the reason shown is the event's own, is marked as inherited, or is absent."""
    given = {"since": since, "until": until, "format": "html", "lines": "10000"}
    given["min_position"] = str(service.log.head().size)
    page = service.client.get(f"/v1/products/{product}/report", params=given)

    lines, wrong = find_untrue_reasons(page.text, list(service.log.read(0, 1_000_000)))

    assert page.status_code == 200, page.text
    assert lines > 500
    assert wrong == []


# Decision debt and slips, compared with a naive reading of the files ---------------------------------------------------

ACCEPTED_PEPS = {
    *("Accepted", "Acepted", "Approved", "Active", "Provisional", "Final", "Finished", "Complete"),
}
CLOSED_PEPS = {"Rejected", "Withdrawn", "Withdrawal", "Replaced", "Superseded"}


@pytest.mark.parametrize("as_of", ["2005-06-01T00:00:00Z", "2020-12-31T00:00:00Z"])
def test_decision_debt_of_the_peps(service: LocalService, peps: Corpus, as_of: str) -> None:
    """Accepted PEPs give no reason in their headers, and open ones are stale after 30 days without a change.

    A status that means nothing here, such as "April Fool!", counts as open.
    """
    rows = service.rows("/debt", kind="decision", code=["no_reason", "stale"], as_of=as_of, limit=10_000)

    states = peps.state(as_of)
    # The targeted version of Python is a field of the feature, not of the decision.
    about_decisions = (line for line in peps.lines if line["field"] != "python_version")
    last = {line["record"]: line["at"] for line in about_decisions if line["at"] <= as_of}
    expected = {("no_reason", record) for record, state in states.items() if state.get("status") in ACCEPTED_PEPS} | {
        ("stale", record)
        for record, state in states.items()
        if state.get("status") not in ACCEPTED_PEPS | CLOSED_PEPS
        and duration(last[record], as_of) >= timedelta(days=30)
    }
    assert len(expected) > 100
    assert {(row["code"], _record(row["subject"])) for row in _in(peps, rows)} == expected


def test_slips_of_the_keps(service: LocalService, keps: Corpus) -> None:
    """Each move of a milestone to a later version of Kubernetes is a slip, also after it was cleared, with a reason."""
    rows = service.rows("/slips/causes", product="kubernetes", limit=10_000)

    def version(text: Any) -> tuple[int, ...] | None:
        found = re.search(r"v?(\d+\.\d+)", str(text or ""))
        return tuple(map(int, found[1].split("."))) if found else None

    expected = set()
    last: dict[tuple[str, str], Any] = {}
    for name in ("milestone.alpha", "milestone.beta", "milestone.stable"):
        for change in keps.changes(name):
            target = change["record"], name.removeprefix("milestone.")
            old, new = version(change["from"] or last.get(target)), version(change["to"])
            last[target] = change["to"] or last.get(target)
            if old and new and old < new:
                expected.add((*target, change["at"]))
    found = {
        (_record(row["subject"]), row["field"].removeprefix("target."), _second(row))
        for row in _in(keps, rows)
        if row["field"].startswith("target.") and row["field"] in ("target.alpha", "target.beta", "target.stable")
    }
    assert len(expected) > 50
    assert found == expected
    assert {row["cause"] for row in rows} <= {"reason", "none"}
