"""The pages of outcomes: each says what the API says, and every item of decision debt leads to what clears it."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support_log import LocalService
from tests.support_pages import text_of
from tests.support_terminal import run_command

DAY = 86_400_000_000


@pytest.fixture
def story(service: LocalService) -> LocalService:
    """Ada's decision with a forecast whose date has passed, an accepted proposal without a reason, and a slip."""
    kit = service.person("Kit Marlowe")
    for command in (
        {"type": "DefineProduct", "key": "shop", "title": "Shop", "accountable": service.ada},
        {
            "type": "RecordDecision",
            "key": "tea",
            "title": "Sell tea",
            "decision": "Tea.",
            "why": "It is warm.",
            "accountable": service.ada,
            "products": ["shop"],
            "review_on": "2025-01-05",
            "context": "Guests wait.",
        },
        {
            "type": "StateExpectedOutcome",
            "subject": "decision:tea",
            "measure": "Cups a day",
            "target": "40",
            "due_on": "2025-01-10",
            "probability": 70,
        },
        {"type": "ProposeDecision", "key": "milk", "title": "Sell milk", "products": ["shop"], "accountable": kit},
        {"type": "AcceptDecision", "subject": "decision:milk"},
        {"type": "ProposeFeature", "key": "cards", "title": "Gift cards", "products": ["shop"], "accountable": kit},
        {"type": "TargetMilestone", "subject": "feature:cards", "day": "2025-02-01"},
        {"type": "TargetMilestone", "subject": "feature:cards", "day": "2025-03-01", "cause": "decision:milk"},
    ):
        service.post("/commands", command)
    service.clock.now += 40 * DAY  # type: ignore[attr-defined]
    return service


def page(service: LocalService, path: str, **parameters: Any) -> str:
    query = urlencode({"min_position": service.log.head().size, **parameters})
    response = service.client.get(f"{path}{'&' if '?' in path else '?'}{query}", headers={"Accept": "text/html"})
    assert response.status_code == 200, text_of(response.text)
    return response.text


def test_each_item_of_debt_leads_to_the_form_that_clears_it(story: LocalService) -> None:
    """The page lists what the API lists, and every link of an item opens the form of its command."""
    shown = page(story, "/debt")
    rows = story.rows("/debt")
    assert {row["code"] for row in rows} == {
        "no_reason",
        "undecided",
        "review_overdue",
        "outcome_overdue",
        "unconfirmed_owner",
        "stale",
    }
    links = {unescape(link) for link in re.findall(r'href="(/do/[^"]+)"', shown)}
    assert {row["link"] for row in rows} <= links
    for row in rows:
        assert row["title"] in text_of(shown)
        page(story, row["link"])


def test_recording_the_outcome_clears_it(story: LocalService) -> None:
    """The form of an overdue outcome knows which one it is; once it is recorded, nothing is owed."""
    (row,) = story.rows("/debt", code="outcome_overdue")
    form = page(story, row["link"])
    assert re.search(r'name="expectation"[^>]*value="1"', form)
    sent = {"subject": "decision:tea", "expectation": "1", "result": "not-met", "actual": "31"}
    done = story.client.post("/do/RecordOutcome", data=sent, follow_redirects=False)
    assert done.status_code == 303
    assert story.rows("/debt", code="outcome_overdue") == []
    assert "31" in text_of(page(story, "/outcomes"))
    assert "31" in text_of(page(story, "/decisions/tea"))


def test_the_result_is_shown_after_the_reasoning_is_reviewed(story: LocalService) -> None:
    """The review shows what was known then, and hides the result until the reasoning was reviewed, or it is asked for."""
    outcome = {"type": "RecordOutcome", "subject": "decision:tea", "result": "not-met", "actual": "31 cups"}
    story.post("/commands", outcome)
    shown = text_of(page(story, "/decisions/tea/review"))
    assert "Guests wait." in shown
    assert "31 cups" not in shown
    assert story.get("/decisions/tea/review")["result_hidden"]
    assert "31 cups" in text_of(page(story, "/decisions/tea/review", result="true"))
    review = {"type": "ReviewReasoning", "subject": "decision:tea", "reasoning": "sound", "finding": "All were asked."}
    story.post("/commands", review)
    shown = text_of(page(story, "/decisions/tea/review"))
    assert "All were asked." in shown
    assert "31 cups" in shown


@pytest.mark.parametrize(("day", "shown"), [(4, None), (5, "review due today"), (6, "review 1 day late")])
def test_home_calls_a_review_late_from_the_day_after_its_date(story: LocalService, day: int, shown: str | None) -> None:
    """On its day a review is due, as in the debt, and only then late."""
    home = text_of(page(story, "/", as_of=f"2025-01-{day:02}T12:00:00Z"))

    marks = re.findall(r"review (?:due today|[0-9]+ days? late)", home)
    assert marks == ([shown] if shown else [])


@pytest.mark.parametrize(
    ("command", "is_due"),
    [
        ({"type": "ConfirmStillValid", "why": "Yes."}, True),
        ({"type": "ReverseDecision", "why": "No."}, False),
        ({"type": "SupersedeDecision", "by": ["milk"]}, False),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_no_review_is_due_of_a_decision_that_has_ended(
    story: LocalService, command: dict[str, Any], is_due: bool
) -> None:
    """Its page and its document in the terminal name the day of the review only while it is in force."""
    response = story.post("/commands", {"subject": "decision:tea", **command})
    assert response.status_code < 300, response.text

    assert ("Review due Jan 5, 2025" in text_of(page(story, "/decisions/tea"))) is is_due
    assert ("review was due on Jan 5, 2025" in run_command(story, "show", "decision:tea").stdout) is is_due


def test_what_was_learned_later_is_not_what_was_known_then(story: LocalService) -> None:
    """A correction that was recorded after the decision is not part of what was known then."""
    story.post("/commands", {"type": "SetAttribute", "subject": "decision:tea", "name": "later", "value": "Rain."})
    then = story.get("/decisions/tea/review")["then"]
    assert "x.later" not in then["fields"]
    assert then["fields"]["context"]["value"] == "Guests wait."


def test_slips_are_shown_with_their_cause(story: LocalService) -> None:
    """The page of slips names what caused each move, and how far it is from the first promise."""
    shown = text_of(page(story, "/slips"))
    assert "Sell milk" in shown
    assert "28 days later" in shown


def test_a_person_is_succeeded_in_one_transaction(story: LocalService) -> None:
    """The page lists what a person holds; the hand-over needs a name and a confirmation, and is one transaction."""
    key = next(row["owners"][0] for row in story.rows("/debt", code="unconfirmed_owner")).partition(":")[2]
    path = f"/succession/{key}"
    assert "Gift cards" in text_of(page(story, path))
    unconfirmed = story.client.post(path, data={"to": story.ada})
    assert unconfirmed.status_code == 422
    assert "Confirm that all roles are handed over." in text_of(unconfirmed.text)
    done = story.client.post(path, data={"to": story.ada, "confirmed": "yes"}, follow_redirects=False)
    assert done.status_code == 303
    events = story.rows("/audit", type="OwnershipHandedOver")
    assert {event["subject"] for event in events} == {"decision:milk", "feature:cards"}
    assert len({event["transaction"] for event in events}) == 1
    again = story.client.post(path, data={"to": story.ada, "confirmed": "yes"})
    assert "There are no roles to hand over." in text_of(again.text)


def test_those_who_can_take_over_are_listed_by_name(story: LocalService) -> None:
    """An id is random, so it is no order in which a name is found."""
    for name in ("zoe Last", "Abe First", "Max Middle"):
        story.post("/people", {"name": name})
    shown = (
        page(story, f"/succession/{story.ada.partition(':')[2]}").partition('name="to"')[2].partition("</select>")[0]
    )
    names = text_of(shown)
    assert names.index("Abe First") < names.index("Max Middle") < names.index("zoe Last")


def test_calibration_says_from_when_it_is_shown(story: LocalService) -> None:
    """With few forecasts the page says why there is no score."""
    assert "it takes 10 forecasts that count" in text_of(page(story, "/outcomes"))
