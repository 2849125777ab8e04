"""Issuing a report from its page, and what is shown of it later."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pytest

from identity.access_journal import AccessFilter
from tests.support_log import ALL_SCOPES, quiet_token
from tests.support_pages import text_of

FORMATS = ("markdown", "html")


@pytest.fixture
def product(service):
    service.post("/products", {"key": "tide", "title": "Tideline"})
    service.post("/products/tide/vision", {"vision": "No one circles a full harbor."})
    return "tide"


def _open(pages, **period: str) -> dict[str, str]:
    html = pages.get("/reports/tide", **period)
    form = html.partition('id="issue"')[2].partition("</form>")[0]
    return {n: unescape(v) for n, v in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)}


def _send(service, values: dict[str, str]):
    return service.client.post("/reports/tide", data=values, follow_redirects=False)


def _find_issued(service) -> list[dict[str, object]]:
    return service.rows("/audit", type="ReportIssued")


def test_a_report_is_issued_with_the_summary_of_its_author(service, pages, product):
    """The page of the issued report has the summary and the mark, says the same later, and is listed."""
    values = {**_open(pages), "summary": "Nothing <b>slipped</b>.", "confirmed": "yes"}

    answer, again = _send(service, values), _send(service, values)

    assert answer.status_code == 303, text_of(answer.text)
    assert again.headers["location"] == answer.headers["location"]
    (event,) = _find_issued(service)
    assert event["data"]["summary"] == "Nothing <b>slipped</b>."
    service.post("/products/tide/vision", {"vision": "Another."})
    html = pages.get("/reports/tide", issued_at=event["position"])
    assert "Nothing <b>slipped</b>." in text_of(html)
    assert "the same as issued" in text_of(html)
    assert "Another." not in html
    assert 'id="issue"' not in html
    assert f"issued_at={event['position']}" in pages.get("/reports")
    assert f"issued_at={event['position']}" in pages.get("/reports/tide")


def test_a_report_whose_issue_was_voided_shows_it(service, pages, product):
    """By whom, when, where and why: on its page, in every format, and in the list; its content stays as it was."""
    _send(service, {**_open(pages), "summary": "All fine", "confirmed": "yes"})
    (event,) = _find_issued(service)
    issued_at = event["position"]
    before = service.get("/products/tide/report", issued_at=issued_at)
    assert "voided" not in before["issued"]
    void = {"type": "VoidEntry", "subject": "product:tide", "position": issued_at, "why": "It was wrong"}
    assert service.post("/commands", void).status_code < 300
    at = service.log.head().size

    after = service.get("/products/tide/report", issued_at=issued_at)

    voided = after["issued"].pop("voided")
    assert {**voided, "at": None} == {"position": at, "by": service.ada, "at": None, "why": "It was wrong"}
    assert (after["rows"], after["sha256"], after["issued"]) == (before["rows"], before["sha256"], before["issued"])
    path = f"/v1/products/tide/report?issued_at={issued_at}&format="
    texts = [
        pages.get("/reports/tide", issued_at=issued_at),
        *(service.client.get(path + each).text for each in FORMATS),
    ]
    for text in texts:
        said = re.sub(r"<[^>]+>|`", "", text)
        assert re.search(rf"Voided by Ada Lovelace, Jan 1, 2025 \W*#{at}.*: It was wrong", said), said
    for list_ in (pages.get("/reports"), pages.get("/audit")):
        assert f"voided by #{at}" in text_of(list_)
    assert f"issued_at={issued_at}" not in pages.get("/", view="superior")


def test_a_report_is_issued_only_with_a_confirmation(service, pages, product):
    """Without it, the page asks for it and keeps the summary."""
    answer = _send(service, {**_open(pages), "summary": "A quiet quarter."})

    assert answer.status_code == 422
    assert "Confirm that you issue this report" in text_of(answer.text)
    assert "A quiet quarter.</textarea>" in answer.text
    assert _find_issued(service) == []


def test_a_report_other_than_the_one_shown_is_not_issued(service, pages, product):
    """Neither with another hash, nor for a position that the log does not have, nor without a period."""
    values = {**_open(pages), "confirmed": "yes"}

    for wrong, status in (({"sha256": "0" * 64}, 409), ({"position": "999"}, 404), ({"since": ""}, 422)):
        assert _send(service, {**values, **wrong}).status_code == status, wrong
    assert _find_issued(service) == []


def test_a_refused_command_of_a_page_is_in_the_access_journal(service, pages, product):
    """As one of the API is."""
    bob = service.person("Bob Bee")
    service.log.default_role = "viewer"
    bobs = service.client_of(quiet_token(service.log, bob, ALL_SCOPES))

    answer = bobs.post("/do/SetVision", data={"subject": "product:tide", "vision": "Mine.", "form_key": "k"})

    assert answer.status_code == 422
    service.log.journal.write()
    rows = service.log.journal.rows(AccessFilter(["refused"], [bob]), limit=10)
    assert [row.what for row in rows] == ["POST /do/SetVision"]


def test_a_line_of_a_report_has_its_day_once(service, pages, product):
    """A release that is due begins with its day, which its changes do not repeat."""
    service.post("/releases", {"key": "tide-1", "products": ["tide"], "version": "1.0", "due_on": "2025-03-09"})

    text = text_of(pages.get("/reports/tide", since="2024-12-01"))

    assert "Releases 1 due Mar 9, 2025 1.0 0 features #5" in text


def test_a_report_shows_goals_with_their_values_and_releases_with_their_first_promise(service, pages, product):
    """What was reached of what was wanted, and how far the date moved."""
    goal = {"key": "g", "title": "Ten clubs", "products": ["tide"], "baseline": "1", "target": "10", "unit": "clubs"}
    assert service.post("/goals", goal).status_code == 201
    service.post("/commands", {"type": "RecordMeasurement", "subject": "goal:g", "value": "4"})
    service.post("/releases", {"key": "tide-1", "products": ["tide"], "version": "1.0", "due_on": "2025-03-09"})
    service.post("/commands", {"type": "RescheduleRelease", "subject": "release:tide-1", "due_on": "2025-04-01"})

    text = text_of(pages.get("/reports/tide", since="2024-12-01"))

    assert "Ten clubs open 4 clubs , target 10 clubs, baseline 1 clubs" in text
    assert "due Apr 1, 2025 1.0 first promised Mar 9, 2025" in text


def test_an_empty_list_of_reports_is_a_sentence_and_no_row(pages):
    """Without products there is no list, whose columns would break the sentence into lines."""
    assert '<p class="empty">No products yet. <a class="accent tools" href="/do/DefineProduct">' in pages.get(
        "/reports"
    )


def test_a_week_begins_on_the_same_day_in_both_menus(service, pages, product):
    """The periods of new reports begin with a day of the configured zone, as the times that every page offers do; in a
    report, that day begins at midnight UTC.
    """
    service.app.state.services = replace(service.app.state.services, zone=ZoneInfo("Asia/Tokyo"))

    html = unescape(unquote(pages.get("/reports")))
    since = re.search(r"since=([^\"&]+)\"[^>]*>week<", html)
    menu = re.search(r"as_of=([^\"&]+)[^>]*>\s*A week ago", html)

    assert since is not None
    assert menu is not None
    assert (since[1], menu[1]) == ("2024-12-25", "2024-12-24T15:00:00Z")


def test_what_keeps_a_report_from_being_issued_has_the_focus(service, pages, product):
    """The form is at the end of a long page, and its error is not below what a reader sees."""
    refused = _send(service, {**_open(pages), "summary": "Kept."})

    assert refused.status_code == 422
    assert '<div class="note" role="alert" tabindex="-1" autofocus><p class="strong">Not issued yet.' in refused.text
    assert ">Kept.</textarea>" in refused.text
