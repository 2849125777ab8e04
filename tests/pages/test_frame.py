"""What all pages have in common: headers, static files, errors, and the time that they show."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest

from api.pages.static_files import static_address
from api.pages.times import parse_page_time
from api.problems import HttpProblem
from domain.values import format_micros, to_micros
from projections.queries.timepoint import NOW, TimePoint
from tests.support_log import quiet_token
from tests.support_pages import text_of

NOON = to_micros(datetime(2026, 11, 26, 12, tzinfo=UTC))
JULY = to_micros(datetime(2026, 7, 1, tzinfo=UTC))


def test_the_content_policy_allows_nothing_from_elsewhere_and_nothing_inline(pages, service):
    """Scripts, styles, fonts and forms come from this server only."""
    policy = service.client.get("/roadmap").headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "form-action 'self'" in policy
    assert "unsafe" not in policy


def test_a_static_file_is_cached_for_a_year_under_the_hash_of_its_content(service):
    """A new version has a new address."""
    found = service.client_of(None).get(static_address("app.css"))

    assert found.status_code == 200
    assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert found.headers["content-encoding"] == "gzip"
    assert service.client_of(None).get("/static/app.000000000000.css").status_code == 404


def test_a_page_without_a_token_shows_nothing_of_the_log(service):
    """An anonymous reader is sent to the page to sign in, from which they come back."""
    response = service.client_of(None).get("/roadmap?as_of=2026-01-01", follow_redirects=False)

    assert response.status_code == 303
    assert response.headers["location"] == "/sign-in?next=/roadmap%3Fas_of%3D2026-01-01"


@pytest.mark.parametrize(
    ("field", "value"), [("as_of", "yesterdy"), ("known_at", "2026-13-01"), ("as_off", "2026-01-01")]
)
def test_a_wrong_time_is_named(pages, field, value):
    """A page never shows another time than the one its address names."""
    assert f"<b>{field}</b>" in pages.get("/roadmap", status=422, **{field: value})


@pytest.mark.parametrize(
    ("query", "point", "compared"),
    [
        ({}, NOW, None),
        ({"as_of": ""}, NOW, None),
        ({"as_of": "2026-07-01"}, TimePoint(as_of=JULY), None),
        ({"as_of": "2026-07-01T00:00"}, TimePoint(as_of=JULY), None),
        ({"as_of": "2026-07-01T02:00:00+02:00", "known_at": "2026-07-01"}, TimePoint(JULY, JULY), None),
        ({"as_of": "2026-07-01", "compare": "now"}, TimePoint(as_of=JULY), NOW),
        ({"compare": "2026-07-01"}, NOW, TimePoint(as_of=JULY)),
    ],
)
def test_a_time_is_read_from_the_address(query, point, compared):
    """Dates, times with an offset, and times in the server's zone are accepted; nothing means now."""
    found = parse_page_time(query, NOON)

    assert (found.point, found.compared) == (point, compared)
    assert parse_page_time(found.parameters, NOON) == found


def test_a_compared_time_that_is_no_time_is_refused():
    """The parameter is named."""
    with pytest.raises(HttpProblem) as caught:
        parse_page_time({"compare": "soon"}, NOON)
    assert caught.value.field == "compare"


def test_a_page_of_the_past_says_so_and_leads_back(pages):
    """Only a page that shows another time than now has a banner."""
    assert "You are looking at" not in text_of(pages.get("/roadmap"))

    html = pages.get("/roadmap", as_of="2024-07-01", layout="table")

    assert "You are looking at Jul 1, 2024, 00:00 , with everything known today" in text_of(html)
    assert 'data-key="Escape" href="/roadmap?' in html
    assert "as_of" not in html.partition('data-key="Escape" href="')[2].partition('"')[0]


def test_what_was_known_then_is_compared_with_what_is_known_now(pages, service):
    """One link of the time menu shows what was recorded later about the same time: here a backdated move."""
    service.post("/products", {"key": "tide", "title": "Tideline"})
    service.post("/features", {"key": "alarm", "title": "Tide alarm", "products": ["tide"]})
    then = format_micros(service.clock())
    moved = {"horizon": "now", "note": "Agreed on the pier.", "effective_at": then}
    assert service.post("/features/alarm/prioritize", moved).status_code == 200

    html = pages.get("/roadmap", as_of=then, known_at=then)
    link = unescape(re.search(r'href="([^"]+)">What is known today about that time', html)[1])
    path, _, query = link.partition("?")
    compared = pages.get(path, **dict(parse_qsl(query)))

    assert "Agreed on the pier." not in text_of(html)
    assert 'class="card mark changed"' in compared
    assert "Agreed on the pier." in text_of(compared)


def test_a_reader_sees_no_buttons_that_their_role_may_not_use(service):
    """A viewer can read everything, and is offered nothing that would be refused."""
    service.post("/products", {"key": "shop", "title": "Shop"})
    viewer = service.person("Vi Viewer")
    offers = ("Record a decision", "Add a feature")
    client = service.client_of(quiet_token(service.log, viewer, {"read", "write"}))
    query = {"min_position": service.log.head().size}
    assert all(each in client.get("/roadmap", params=query).text for each in offers)  # by the default role

    service.log.default_role = "viewer"

    assert not any(each in client.get("/roadmap", params=query).text for each in offers)
    assert "Retire product" not in client.get("/products/shop", params=query).text


def test_times_are_in_the_servers_zone_where_no_script_runs(service, pages):
    """The exact UTC time is behind each of them, for scripts and in the title."""
    service.post("/products", {"key": "shop", "title": "Shop"})
    service.app.state.services = replace(service.app.state.services, zone=ZoneInfo("Asia/Tokyo"))

    html = pages.get("/products/shop", as_of="2025-01-02")

    assert 'datetime="2025-01-02T00:00:00Z" title="2025-01-02 00:00:00 UTC"' in html
    assert "You are looking at Jan 2, 2025, 09:00" in text_of(html)
    assert "Times in Asia/Tokyo" in text_of(html)


def test_home_of_a_new_log_shows_the_steps_that_are_left(service, pages):
    """After the product, a decision is next; once there are a decision and a feature, the steps are gone."""
    service.post("/products", {"key": "tide", "title": "Tideline"})
    page = text_of(pages.get("/"))
    assert "1. Add your product done" in page
    assert "2. Record a decision One that was made this week" in page

    service.post("/commands", {"type": "ProposeDecision", "key": "cards", "title": "Cards only", "products": ["tide"]})
    service.post("/commands", {"type": "ProposeFeature", "key": "night", "title": "Night mode", "products": ["tide"]})
    assert "Add your product" not in text_of(pages.get("/"))


def test_a_search_without_words_says_how_to_search(pages):
    """The page of the search has a title, and counts no results, before a word is typed."""
    html = pages.get("/search")

    assert "<title>Search · Decision log</title>" in html
    assert "Press / and type words." in text_of(html)
    assert "0 results" not in text_of(html)


def test_a_person_without_a_role_can_sign_out(service):
    """Home is refused like every other page, so its error leads not to Home, but to signing out."""
    guest = service.client_of(quiet_token(service.log, service.person("Gus Guest"), {"read"}))
    service.log.default_role = None

    refused = guest.get("/", headers={"Accept": "text/html"})

    assert refused.status_code == 403
    assert 'href="/sign-out"' in refused.text
    assert "Go to Home" not in refused.text


def test_home_greets_without_an_hour_of_the_day(service, pages):
    """The server's zone is not the reader's, whose morning may be its evening."""
    service.post("/decisions/propose", {"key": "tea", "title": "Serve tea"})

    assert "<h1>Hello, Ada</h1>" in pages.get("/", view="superior")


def test_a_superior_sees_decisions_without_an_owner(service, pages):
    """Whatever is open and has no owner is listed, as the counts of an auditor have it."""
    service.post("/decisions/propose", {"key": "tea", "title": "Serve tea"})

    superior = text_of(pages.get("/", view="superior"))

    assert "Serve tea decision" in superior.partition("Without an owner")[2]
