"""What an event did, in words that a person reads: no id, hash or code of the event is in its sentence."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support_log import LocalService
from tests.support_pages import PageReader, text_of

DECIDED = {
    "title": "Serve tea",
    "decision": "Tea.",
    "why": "Thirst.",
    "accountable": "Ada Lovelace",
    "products": ["tide"],
}
FORECAST = {"measure": "Cups a day", "baseline": "0", "target": "60", "due_on": "2030-11-16", "probability": 50}
REPORT = {"since": "2024-01-01T00:00:00Z", "until": "2024-04-01T00:00:00Z", "position": 1, "sha256": "0" * 64}
SENTENCES = [
    (
        "/subjects/decision:tea/expect-outcome",
        FORECAST,
        "stated what to expect of this: Cups a day: from 0 to 60 by Nov 16, 2030, 50% likely",
    ),
    (
        "/decisions/tea/review-reasoning",
        {"reasoning": "sound", "finding": "All agreed."},
        "reviewed the reasoning of this as sound",
    ),
    ("/decisions/tea/review", {"outcome": "as-expected", "finding": "Few cups."}, "reviewed this: outcome as expected"),
    ("/products/tide/decision-rights", {"rules": [{"holders": ["Ada Lovelace"]}]}, "set the decision rights of this"),
    ("/products/tide/report", REPORT, "issued a report on this for January 1 – March 31, 2024"),
    ("/subjects/product:tide/delegate", {"to": "Bob Tea", "until": "2030-01-01"}, "delegated this to Bob Tea"),
    (
        "/people/{ada}/delegate",
        {"to": "service:planner", "actions": ["PrioritizeFeature"]},
        "delegated actions to planner",
    ),
    ("/roles/person:{ada}/grant", {"role": "auditor"}, "granted them a role: auditor for all products"),
    ("/roles/person:{ada}/grant", {"role": "viewer", "product": "tide"}, "granted them a role: viewer for Tide"),
]


@pytest.fixture
def log(service: LocalService) -> LocalService:
    """A log with a product and a decision."""
    service.post("/people", {"name": "Bob Tea"})
    service.post("/products", {"key": "tide", "title": "Tide", "accountable": "Ada Lovelace"})
    service.post("/decisions", {**DECIDED, "key": "tea"})
    return service


@pytest.mark.parametrize(("path", "body", "sentence"), SENTENCES, ids=[each[2] for each in SENTENCES])
def test_a_sentence_says_what_an_event_recorded(
    log: LocalService, pages: PageReader, path: str, body: dict[str, Any], sentence: str
) -> None:
    """The members of a value that has several are words, and what only the record needs is left out."""
    answer = log.post(path.format(ada=log.ada.partition(":")[2]), body)
    assert answer.status_code in (200, 201), answer.text

    kind, _, key = answer.json()["recorded"][0]["subject"].partition(":")
    folder = {"decision": "decisions", "product": "products", "person": "people"}[kind]
    history = pages.get(f"/{folder}/{key}").rpartition("<h2>History</h2>")[2]
    (line,) = [each for each in re.findall(r"<li.*?</li>", history, re.DOTALL) if f">#{log.log.head().size}<" in each]
    words = text_of(re.split(r'<div class="why', line)[0]).partition("Ada Lovelace ")[2]

    assert words == sentence


def test_each_verdict_says_whose_it_is_and_on_what(log: LocalService, pages: PageReader) -> None:
    """The authority to make a decision and the authority to end it are judged apart, and so shown."""
    rights = {"rules": [{"holders": ["Bob Tea"]}]}
    assert log.post("/products/tide/decision-rights", rights).status_code in (200, 201)
    log.post("/decisions", {**DECIDED, "key": "milk", "title": "Serve milk"})
    log.post("/decisions/milk/reverse", {"why": "It is sour."})

    shown = text_of(pages.get("/decisions/milk"))

    assert "exceeds authority Ada Lovelace decided this" in shown
    assert "exceeds authority Ada Lovelace reversed this" in shown
