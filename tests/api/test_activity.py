"""One audit trail has the entries of the log and the rows of the access journal, by time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from cli.answer_titles import Titles
from cli.commands.activity import build_table
from tests.support_log import LocalService, quiet_token


@pytest.fixture
def busy(service: LocalService) -> LocalService:
    """Entries and access in turn: a sign-in, a team, an export, a refused command, and another team."""
    service.log.sessions.start(service.ada)
    service.post("/teams", {"key": "core", "title": "Core"})
    service.client.get("/v1/decisions?format=csv")
    service.client_of(quiet_token(service.log, "service:weak", {"read"})).post("/v1/teams", json={"title": "No"})
    service.post("/teams", {"key": "web", "title": "Web"})
    return service


def ask(service: LocalService, **params: Any) -> Any:
    service.log.journal.write()
    return service.get("/activity", **params)


def pages_of(service: LocalService, **params: Any) -> Iterator[Any]:
    cursor = None
    while True:
        answer = ask(service, **params, **({"cursor": cursor} if cursor else {}))
        yield answer
        cursor = answer.get("next")
        if cursor is None:
            return


def test_entries_and_access_are_listed_by_time(busy: LocalService) -> None:
    """A refusal is listed between the entries before and after it, with its reason, and each entry with its position."""
    rows = ask(busy, limit=5)["rows"]

    assert [(row["source"], row["kind"], row["who"]) for row in rows] == [
        ("log", "TeamRegistered.v1", busy.ada),
        ("access", "refused", "service:weak"),
        ("access", "export", busy.ada),
        ("log", "TeamRegistered.v1", busy.ada),
        ("access", "sign-in", busy.ada),
    ]
    assert all(later["at"] >= earlier["at"] for later, earlier in pairwise(rows))
    assert "scope" in rows[1]["reason"]
    assert (rows[0]["subject"], rows[0]["position"], rows[0]["number"]) == ("team:web", busy.log.head().size, None)
    assert (rows[2]["what"], rows[2]["position"]) == ("GET /v1/decisions", None)


def test_the_reason_of_an_entry_is_the_decision_behind_it(service: LocalService) -> None:
    """A row has the decisions behind the event, as `blame` does, and its note."""
    decision = {"key": "tea", "title": "Tea", "decision": "D.", "why": "W.", "accountable": service.ada}
    service.post("/decisions", decision)
    service.post("/teams", {"key": "web", "title": "Web", "because": ["tea"], "note": "Soon."})

    answer = ask(service, limit=1)

    assert (answer["rows"][0]["because"], answer["rows"][0]["reason"]) == (["decision:tea"], "Soon.")
    assert answer["titles"]["decision:tea"] == "Tea"
    assert build_table(answer, Titles(answer["titles"])).rows[0][5] == "Tea"


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_have_every_row_once(busy: LocalService, limit: int) -> None:
    """Whatever the size of a page, and however many rows of one source it holds."""
    until = {"until": busy.rows("/audit", limit=1)[0]["recorded_at"]}
    whole = ask(busy, **until)["rows"]
    paged = [row for page in pages_of(busy, limit=limit, **until) for row in page["rows"]]

    assert paged == whole
    assert {row["source"] for row in paged} == {"log", "access"}


@pytest.mark.parametrize(
    ("params", "kinds"),
    [
        ({"source": "access", "who": "service:weak"}, ["refused"]),
        ({"kind": "sign-in"}, ["sign-in"]),
        ({"type": "TeamRegistered"}, ["TeamRegistered.v1"] * 2),
        ({"type": "TeamRegistered", "kind": "export"}, ["TeamRegistered.v1", "export", "TeamRegistered.v1"]),
        ({"source": "log", "kind": "export"}, []),
        ({"until": "2001-01-01"}, []),
    ],
)
def test_the_trail_is_filtered(busy: LocalService, params: dict[str, str], kinds: list[str]) -> None:
    """By source, type of event, kind of access, person and time."""
    assert [row["kind"] for row in ask(busy, **params)["rows"]] == kinds


def test_counts_are_of_all_that_matches(busy: LocalService) -> None:
    """Of each type of event and each kind of access, on every page."""
    answer = ask(busy, limit=1, who="service:weak")
    assert (answer["types"], answer["kinds"]) == ({}, {"refused": 1})
    answer = ask(busy, limit=1)
    assert answer["types"]["TeamRegistered.v1"] == 2
    assert (answer["kinds"]["sign-in"], answer["kinds"]["export"]) == (1, 1)


def test_reading_the_trail_is_recorded(busy: LocalService) -> None:
    """As an audit, which the next reader sees."""
    ask(busy)
    assert ("audit", "GET /v1/activity") in [(row["kind"], row["what"]) for row in ask(busy)["rows"]]


def test_only_auditors_read_the_trail(busy: LocalService) -> None:
    """A manager gets 403, as for the access journal."""
    busy.log.default_role = "manager"
    assert busy.client.get("/v1/activity").status_code == 403


def test_a_misspelled_kind_is_refused(busy: LocalService) -> None:
    """With the field and what would be right."""
    problem = busy.client.get("/v1/activity?kind=exports")
    assert (problem.status_code, problem.json()["field"]) == (422, "kind")


def test_reports_and_proofs_are_exports(busy: LocalService) -> None:
    """A report in any format, and the proof of an entry as a file, are rows of the journal."""
    busy.post("/products", {"key": "shop", "title": "Shop"})
    report = {"since": "2020-01-01", "format": "markdown", "min_position": busy.log.head().size}
    assert busy.client.get("/v1/products/shop/report", params=report).status_code == 200
    browser = busy.browser(busy.log.sign_in_links.create(busy.ada)[0])
    assert browser.get("/audit/1/proof?download=true").status_code == 200

    exports = [row["what"] for row in ask(busy, kind="export")["rows"]]
    assert exports[:2] == ["GET /audit/1/proof", "GET /v1/products/shop/report"]


def test_the_reason_of_an_entry_is_also_its_own(service: LocalService) -> None:
    """A reason in the data of the event is one, as in the audit trail."""
    service.post("/products", {"key": "shop", "title": "The shop"})
    service.post("/features", {"key": "f", "title": "F", "products": ["product:shop"]})
    response = service.post("/commands", {"type": "DropFeature", "subject": "feature:f", "why": "No demand"})
    assert response.status_code < 300, response.text

    assert ask(service, limit=1, source="log")["rows"][0]["reason"] == "No demand"
