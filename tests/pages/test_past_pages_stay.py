"""A page of the past never contains a present value: it stays the same, whatever is recorded later."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from time import time_ns
from urllib.parse import parse_qsl

import pytest

from tests.browser.support import PAGES
from tests.support_log import LocalService
from tests.support_pages import PageReader

pytestmark = pytest.mark.slow

LATER = (
    {"type": "ChangeTitle", "subject": "product:tideline", "title": "Present"},
    {"type": "ChangeTitle", "subject": "feature:trip-changes", "title": "Present trip"},
    {"type": "ChangeTitle", "subject": "goal:renewals", "title": "Present goal"},
    {"type": "ChangeTitle", "subject": "team:app", "title": "Present team"},
    {"type": "DefineProduct", "key": "later", "title": "A later product"},
    {"type": "PrioritizeFeature", "subject": "feature:trip-changes", "horizon": "later", "note": "Present reason."},
    {"type": "TargetMilestone", "subject": "feature:trip-changes", "day": "2035-01-01"},
    {"type": "ShipFeature", "subject": "feature:clubs"},
    {"type": "ProposeFeature", "key": "later-feature", "title": "A later feature", "products": ["tideline"]},
    {"type": "HandOverOwnership", "subject": "product:tideline", "to": "Wen Li"},
    {"type": "RescheduleRelease", "subject": "release:tideline-3.0", "due_on": "2035-01-01"},
    {"type": "ScheduleRelease", "products": ["tideline"], "version": "9.9", "due_on": "2034-01-01"},
    {"type": "RecordMeasurement", "subject": "goal:renewals", "value": "99"},
    {"type": "SetVision", "subject": "product:tideline", "vision": "A present vision."},
    {"type": "AdviseOnDecision", "subject": "decision:ratings-again", "advice": "Present advice."},
    {"type": "AcceptDecision", "subject": "decision:ratings-again", "why": "A present reason."},
    {
        "type": "RecordDecision",
        "key": "later-decision",
        "title": "A later harbor decision",
        "decision": "Present.",
        "why": "Present.",
        "accountable": "Wen Li",
        "products": ["tideline"],
        "supersedes": ["decision:regatta"],
    },
    {"type": "WithdrawEvidence", "subject": "evidence:club-interviews", "why": "A present reason."},
    {"type": "BreakAssumption", "subject": "assumption:quick-answers", "why": "A present reason."},
    {"type": "RecordPersonLeft", "subject": "person:{Wen Li}"},
)
PRESENT_ONLY = {
    *("account", "admin", "grant-role", "create-token", "create-sign-in-link", "access-journal", "activity", "demo"),
    *("sign-out", "record", "propose", "move", "supersede", "accept", "record-evidence", "decision-rights", "help"),
    *(
        "plan-meeting",
        "write-up",
        "meeting",
        "meeting-planned",
        "import",
        "error",
        "error-unknown",
        "report",
        "entry",
        "proof",
    ),
}
"""Pages that have no past, or that the demo does not have."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    with LocalService(tmp_path_factory.mktemp("service"), clock=lambda: time_ns() // 1_000) as opened:
        asyncio.run(opened.load_demo(opened.ada))
        yield opened


def read_content(html: str) -> str:
    """The content of a page and its navigation, without the menu of times and the footer."""
    parts = re.findall(r"<nav class=\"side\".*?</nav>|<main.*?</main>|<title>.*?</title>", html, re.DOTALL)
    assert len(parts) == 3
    return "\n".join(parts)


def test_past_pages_stay_what_they_were(service: LocalService) -> None:
    """The titles, counts, cards, reasons, sidebars and search hits of a past page do not depend on later events."""
    pages = PageReader(service)
    people: Mapping[str, str] = {row["name"]: row["id"] for row in service.rows("/people")}
    then = service.rows("/audit", limit=1)[0]["recorded_at"]
    addresses = {
        name: re.sub(r"{(.+?)}", lambda found: people[found[1]].partition(":")[2], address)
        for name, address in PAGES.items()
        if name not in PRESENT_ONLY and "compare=now" not in address
    }

    def read_all() -> dict[str, str]:
        return {name: read_content(read_past(each)) for name, each in addresses.items()}

    def read_past(address: str) -> str:
        path, _, query = address.partition("?")
        return pages.get(path, **{"as_of": then, **dict(parse_qsl(query)), "known_at": then})

    before = read_all()
    for command in LATER:
        subject = re.sub(r"person:{(.+?)}", lambda found: people[found[1]], command.get("subject", ""))
        done = service.post("/commands", {"commands": [{**command, **({"subject": subject} if subject else {})}]})
        assert done.status_code in (200, 201), (command, done.text)
    after = read_all()

    assert {name for name in before if before[name] != after[name]} == set()
    assert len(before) > 35
