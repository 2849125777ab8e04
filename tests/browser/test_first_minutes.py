"""The first minutes of a manager, a superior and an auditor, and the time machine."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest

from tests.browser.support import Site, press, served_empty


def test_a_new_manager_records_the_first_decision_by_keyboard(browser, tmp_path):
    """From the link that the server prints: sign in, add a product, record a decision, put a feature on the roadmap."""
    with served_empty(tmp_path, browser) as (site, server), site.tab() as page:
        page.goto(server.sign_in_link)
        page.get_by_role("button", name="Sign in").click()
        assert "This log is empty" in page.inner_text("h1")
        page.get_by_role("link", name="Add a product").click()
        page.get_by_label("Title").fill("Tideline")
        page.get_by_role("button", name="Add a product").click()
        assert page.inner_text("h1") == "Tideline"

        press(page, "c")
        page.locator("[name=title]:focus").wait_for()
        for words in ("Cards only", "We take cards only.", "Invoices take weeks."):
            page.keyboard.type(words)
            page.keyboard.press("Tab")
        page.keyboard.press("Control+Enter")
        page.wait_for_url(re.compile("/decisions/"))
        assert page.inner_text("h1") == "Cards only"
        assert "TIDELINE-1" in page.inner_text("main")

        page.goto("/roadmap")
        page.get_by_role("link", name="Add a feature").click()
        page.get_by_label("Title").fill("Night mode")
        page.get_by_role("button", name="Add a feature").click()
        page.get_by_role("link", name="Move", exact=True).click()
        page.get_by_label("Horizon").select_option("now")
        page.get_by_label("Reason").fill("Crews read in the dark.")
        page.get_by_role("button", name="Move").click()
        page.goto("/roadmap")
        card = page.locator(".card")
        assert "Night mode" in card.inner_text()
        assert "Crews read in the dark." in card.inner_text()
        assert site.problems == []


def test_a_superior_sees_what_changed_as_sentences_with_reasons(demo):
    """Who did what, from what to what, and why; then what is late and what has no owner."""
    with demo.tab() as page:
        page.goto("/?view=superior&since=2026-10-01")
        text = page.inner_text("main")
        assert re.search(r"Priya Raman moved Change a trip under way from 2\.2 to 3\.0", text)
        assert "Changed trips are charged twice, and we have not found the cause." in text
        assert "days late" in text
        assert "Without an owner" in text


def test_an_auditor_sees_exceptions_first_and_opens_one_to_its_bytes(demo):
    """Each count leads to the events that it counts, and each event to the entry that is hashed."""
    with demo.tab() as page:
        page.goto("/?view=auditor")
        tile = page.locator(".counts a", has_text="backdated")
        count = int(tile.locator("b").inner_text())
        tile.click()
        rows = page.locator("tbody tr")
        assert rows.count() == count > 0
        rows.first.locator("a.num").click()
        assert re.fullmatch(r"[0-9a-f]{64}", page.locator("dd.code").first.inner_text())
        page.goto("/audit?backdated=true")
        export = page.get_by_role("link", name="Export these as CSV").get_attribute("href")
        assert len(page.request.get(export).text().strip().splitlines()) == count + 1


def test_the_time_machine_is_one_key_away_and_one_key_back(demo):
    """`t` opens it, a preset leads to a past view with a banner, Escape leads back."""
    with demo.tab() as page:
        page.goto("/roadmap")
        press(page, "t")
        page.get_by_role("link", name="A month ago").first.click()
        page.wait_for_url("**/roadmap?as_of=*")
        assert "You are looking at" in page.inner_text(".past")
        assert page.locator("[href^='/do/']").count() == 0  # nothing is recorded from a past view
        press(page, "Escape")
        page.wait_for_url("**/roadmap")
        assert page.locator(".past").count() == 0


def test_arrow_keys_step_through_the_changes_of_a_comparison(demo):
    """Each changed card is focused in turn, with its old value struck through and its reason."""
    with demo.tab() as page:
        page.goto("/roadmap?as_of=2026-07-01&compare=now")
        press(page, "ArrowRight")
        first = page.evaluate("document.activeElement.innerText")
        press(page, "ArrowRight")
        second = page.evaluate("document.activeElement.innerText")
        assert first != second
        assert page.locator("[data-step]").inner_text().startswith("2 of ")
        assert page.locator(".card del").count() > 0
        assert page.locator(".card.not_yet").count() > 0
        assert page.locator(".card.dropped").count() > 0


def test_times_are_in_the_readers_zone_with_utc_behind_them(demo):
    """Where scripts run, a time is shown in the zone of the browser."""
    with demo.tab(timezone_id="Asia/Tokyo") as page:
        page.goto("/decisions/monthly-price")
        shown = page.locator("dd time").first
        exact = datetime.fromisoformat(shown.get_attribute("datetime"))
        assert shown.inner_text() == f"{exact + timedelta(hours=9):%b {(exact + timedelta(hours=9)).day}, %Y, %H:%M}"
        assert shown.get_attribute("title") == f"{exact:%Y-%m-%d %H:%M:%S} UTC"


def test_a_report_is_the_same_in_every_zone(demo):
    """Its period and its days are in UTC, as its footing says, also west of Greenwich; other pages name the zone."""
    with demo.tab(timezone_id="America/New_York") as page:
        page.goto("/reports/tideline?since=2026-07-01&until=2026-10-01")
        assert "July 1 – September 30, 2026" in page.locator("main").inner_text()
        for time in page.locator(".report-section time[data-style]").all():
            day = datetime.fromisoformat(time.get_attribute("datetime"))
            assert time.inner_text() == f"{day:%b} {day.day}, {day.year}"
        assert "Times in America/New York" in page.locator("footer").inner_text()


def test_a_time_that_is_typed_is_that_of_the_readers_zone(demo):
    """The address has the absolute time, so it can be shared."""
    with demo.tab(timezone_id="Asia/Tokyo") as page:
        page.goto("/roadmap")
        press(page, "t")
        page.locator("input[name=as_of]").fill("2026-07-01T09:00")
        page.get_by_role("button", name="Show").click()
        page.wait_for_url("**/roadmap?*")
        assert "as_of=2026-07-01T00%3A00%3A00Z" in page.url.replace(":00:00Z", "%3A00%3A00Z")


def fill_decision(page, title):
    page.goto("/record")
    page.get_by_label("Title").fill(title)
    page.get_by_label("Decision", exact=True).fill("We wait for the ferry.")
    page.get_by_label("Why").fill("It is late.")


def open_with_draft(page):
    """Open the form again, and wait until it says that the draft was restored."""
    page.goto("/record")
    page.get_by_text("Restored what you typed earlier.").wait_for()


@pytest.mark.slow
def test_a_draft_survives_a_lost_connection(demo):
    """A form that was sent while offline is restored, including the third option that was added to it."""
    with demo.tab() as page:
        fill_decision(page, "A long thought")
        page.get_by_text("Options and their limits").click()
        page.get_by_role("button", name="Add another option").click()
        page.locator("[name='options.2.title']").fill("Take the bus")
        page.context.set_offline(True)
        page.get_by_role("button", name="Record the decision").click()
        page.wait_for_function("location.protocol === 'chrome-error:'")
        page.context.set_offline(False)
        open_with_draft(page)
        assert page.get_by_label("Title").input_value() == "A long thought"
        assert page.locator("[name='options.2.title']").input_value() == "Take the bus"
        page.get_by_role("button", name="Discard it").click()
        assert page.get_by_label("Title").input_value() == ""
        demo.problems[:] = [each for each in demo.problems if "net::ERR_" not in each]


@pytest.mark.slow
def test_a_decision_whose_answer_was_lost_is_recorded_once(demo):
    """The draft keeps the key of the form, so sending it again returns what was already recorded."""
    with demo.tab() as page:
        fill_decision(page, "Sent into the dark")
        page.route("**/record", lambda route: (route.fetch(max_redirects=0), route.abort()))
        page.get_by_role("button", name="Record the decision").click()
        page.wait_for_function("location.protocol === 'chrome-error:'")
        page.unroute("**/record")
        open_with_draft(page)
        page.get_by_role("button", name="Record the decision").click()
        page.wait_for_url("**/decisions/*?done=*")
        found = page.request.get("/v1/search?text=%22Sent into the dark%22").json()["rows"]
        assert len({row["subject"] for row in found}) == 1
        page.goto("/record")
        assert page.get_by_label("Title").input_value() == ""
        demo.problems[:] = [each for each in demo.problems if "net::ERR_" not in each]


@pytest.mark.slow
def test_a_draft_survives_the_end_of_the_session(demo):
    """The next page says that nothing was recorded; after signing in, the form is filled in again."""

    def sign_in(page):
        headers = {"Authorization": f"Bearer {demo.token}"}
        made = page.request.post("/v1/sign-in-links", data={"person": "Priya Raman"}, headers=headers)
        page.goto(made.json()["url"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")

    with Site(demo.address, "", demo.browser, demo.problems).tab() as page:
        sign_in(page)
        fill_decision(page, "An interrupted thought")
        page.context.clear_cookies()
        page.get_by_role("button", name="Record the decision").click()
        page.get_by_role("heading", name="You are signed out. Nothing was recorded.").wait_for()
        assert page.get_by_role("link", name="sign in").get_attribute("href") == "/sign-in?next=/record"
        sign_in(page)
        open_with_draft(page)
        assert page.get_by_label("Title").input_value() == "An interrupted thought"
        demo.problems[:] = [each for each in demo.problems if "status of 401" not in each]


def test_earlier_decisions_appear_while_the_title_is_typed(demo):
    """The list follows the words."""
    with demo.tab() as page:
        page.goto("/record")
        page.get_by_label("Title").press_sequentially("Another monthly price")
        page.locator("#similar a", has_text="Offer large harbors a flat monthly price").wait_for()
        page.evaluate("localStorage.clear()")


def test_dragging_a_card_opens_the_form_that_moves_it(demo):
    """The form asks for the reason; the card has a link to it for those who don't drag."""
    with demo.tab() as page:
        page.goto("/roadmap")
        card = page.locator("[data-horizon=later] .card").first
        card.drag_to(page.locator("[data-horizon=now] > header"))
        page.wait_for_url("**/do/MoveFeature?*")
        assert page.get_by_label("Horizon").input_value() == "now"
        assert page.get_by_label("Reason").is_visible()


@pytest.mark.slow
def test_enter_in_an_input_records_what_is_typed(demo):
    """Also where a name was not found: Enter sends the form, and does not press the button of a candidate."""
    with demo.tab() as page:
        fill_decision(page, "Sent by a key")
        page.get_by_label("Accountable").fill("Priya Ramen")
        page.get_by_label("Title").press("Enter")
        page.get_by_role("button", name="Priya Raman").wait_for()
        page.get_by_label("Accountable").fill("Wen Li")
        page.get_by_label("Accountable").press("Enter")
        page.wait_for_url("**/decisions/*?done=*")
        answer = page.request.get(f"/v1{page.url.partition('?')[0].removeprefix(demo.address)}").json()
        (accountable,) = answer["roles"]["accountable"]["value"]
        assert page.request.get(f"/v1/people/{accountable.partition(':')[2]}").json()["name"] == "Wen Li"
        demo.problems[:] = [each for each in demo.problems if "status of 422" not in each]


@pytest.mark.slow
def test_a_time_stays_the_same_when_a_form_is_shown_again(demo):
    """It is sent as UTC, and shown in the zone of the reader each time."""
    with demo.tab(timezone_id="America/New_York") as page:
        fill_decision(page, "Decided in the morning")
        page.get_by_text("Who decided, when, and what it replaces").click()
        page.get_by_label("Took effect at").fill("2026-01-02T09:30")
        page.get_by_label("Accountable").fill("Priya Ramen")
        page.get_by_role("button", name="Record the decision").click()
        page.get_by_role("button", name="Priya Raman").click()
        page.wait_for_function("document.querySelector('[name=accountable]').value === 'Priya Raman'")
        page.get_by_role("button", name="Record the decision").click()
        page.wait_for_url("**/decisions/*?done=*")
        assert page.locator("time[datetime^='2026-01-02T14:30']").count() > 0
        demo.problems[:] = [each for each in demo.problems if "status of 422" not in each]


@pytest.mark.slow
def test_the_period_of_a_filter_stays_the_same(demo):
    """Each time the filter is applied, its times are those that were typed."""
    with demo.tab(timezone_id="America/New_York") as page:
        page.goto("/activity?since=2026-01-02T14:30:00Z")
        for who in ("Wen Li", "Priya Raman"):
            if not page.locator("main input[name=who]").is_visible():
                page.locator("main summary").first.click()
            assert page.locator("main input[name=since]").input_value() == "2026-01-02T09:30"
            page.locator("main input[name=who]").fill(who)
            page.get_by_role("button", name="Filter").click()
            page.wait_for_url(f"**who={who.replace(' ', '*')}*")
            assert "since=2026-01-02T14" in page.url


@pytest.mark.slow
def test_a_draft_keeps_only_what_was_typed(demo):
    """What was left as it was is what it is now when the draft is restored."""
    path = "/do/MoveFeature?subject=feature:trip-changes"
    with demo.tab() as page:
        page.goto(path)
        before = page.locator("[name=horizon]").input_value()
        other = "later" if before != "later" else "next"
        page.locator("[name=note]").fill("A long thought.")
        headers = {"Authorization": f"Bearer {demo.token}"}
        moved = {"type": "PrioritizeFeature", "subject": "feature:trip-changes", "horizon": other}
        assert page.request.post("/v1/commands", data=moved, headers=headers).ok
        page.goto(path)
        page.get_by_text("Restored what you typed earlier.").wait_for()
        assert page.locator("[name=note]").input_value() == "A long thought."
        assert page.locator("[name=horizon]").input_value() == other
