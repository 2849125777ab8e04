"""Everything that a product manager does on a roadmap, in a browser: on the demo, and on an imported history."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.support import Site, create_demo, require_browser, serve_corpus
from tests.support_serving import forked_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["demo", "keps"])
def site(request: pytest.FixtureRequest, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One server for this file: every test adds subjects of its own."""
    require_browser()
    folder: Path = tmp_path_factory.mktemp(request.param)
    if request.param == "keps":
        with serve_corpus(folder, browser) as served:
            yield served
    else:
        data, token = create_demo(folder)
        with forked_server(data) as server:
            yield Site(server.address, token, browser)


@pytest.fixture
def page(site: Site) -> Iterator[Any]:
    with site.tab() as opened:
        yield opened
    problems, site.problems[:] = list(site.problems), []
    assert problems == []


def act(page: Any, action: str, **fields: str) -> None:
    """Press the button of an action on the page of a subject, fill in its form, and send it."""
    link = page.locator(".actions").get_by_role("link", name=action, exact=True)
    if not link.is_visible():
        page.locator(".actions summary").click()
    link.click()
    send(page, action, **fields)


def send(page: Any, action: str, **fields: str) -> None:
    """Fill in the form of a page and send it; the next page confirms what was recorded."""
    for name, value in fields.items():
        control = page.locator(f"form.sheet-form [name='{name.rstrip('_')}']").first
        if control.evaluate("each => each.tagName") == "SELECT":
            control.select_option(label=value)
        else:
            control.fill(value)
    confirmed = page.locator("form.sheet-form [name=confirmed]")
    if confirmed.count():
        confirmed.check()
    page.locator("form.sheet-form").get_by_role("button", name=action, exact=True).click()
    page.wait_for_url("**?done=*")
    assert "Recorded as entry" in page.inner_text(".done")


def add(page: Any, action: str, address: str, **fields: str) -> str:
    """Add a subject with the button of a page, and return its address."""
    page.goto(address)
    page.get_by_role("link", name=action, exact=True).first.click()
    send(page, action, **fields)
    return page.url.partition("?")[0]


def first_product(page: Any) -> str:
    """The title of a product that the sidebar shows."""
    page.goto("/")
    return page.locator("nav.side a[href^='/products/']").last.inner_text()


def status_of(page: Any) -> str:
    return page.locator("main .chip").first.inner_text()


def history_of(page: Any) -> str:
    return page.locator("section.panel", has=page.get_by_role("heading", name="History")).inner_text()


def test_a_feature_is_added_defined_moved_and_shipped(page):
    """Each step has a button on the page of the feature, asks for a reason, and adds a sentence to its history."""
    product = first_product(page)
    release = add(page, "Schedule a release", "/releases", products=product, version="99.1", due_on="2035-03-01")
    address = add(page, "Add a feature", "/roadmap", title="Tide alarm", products=product)
    assert status_of(page) == "proposed"

    act(page, "Define", definition="A sound when the tide turns.", note="Crews oversleep.")
    assert "A sound when the tide turns." in page.inner_text(".prose")
    act(page, "Move", horizon="Next", rank="2", release=f"{product} 99.1", note="Asked for at the boat show.")
    assert "moved this to 99.1" in history_of(page)
    for action, status in (("Commit", "committed"), ("Start", "started"), ("Pause", "paused"), ("Start", "started")):
        act(page, action, note=f"To {status}.")
        assert status_of(page) == status
        assert f"To {status}." in history_of(page)

    page.goto("/roadmap?layout=board&show=all")
    card = page.locator("[data-horizon=next] .card", has_text="Tide alarm")
    assert "99.1 Mar 1, 2035" in card.inner_text()
    page.goto(release)
    assert "Tide alarm" in page.inner_text("main")

    page.goto(address)
    act(page, "Ship", note="In the stores since noon.")
    assert status_of(page) == "shipped"


def test_a_move_to_a_later_release_is_a_slip_with_its_reason(page):
    """The roadmap shows the card with its slip, and the timeline draws it from the first promise to today."""
    product = first_product(page)
    for version, day in (("98.1", "2034-01-01"), ("98.2", "2034-06-01")):
        add(page, "Schedule a release", "/releases", products=product, version=version, due_on=day)
    address = add(page, "Add a feature", "/roadmap", title="Berth swap", products=product)
    act(page, "Move", horizon="Now", release=f"{product} 98.1")
    act(page, "Move", release=f"{product} 98.2", note="The swap needs two confirmations.")
    assert "moved this from 98.1 to 98.2" in history_of(page)
    page.goto("/roadmap?layout=timeline&show=all")
    card = page.locator(".card", has_text="Berth swap").first
    assert "slipped once" in card.inner_text()
    assert "first promised 98.1, Jan 1, 2034" in card.inner_text()
    assert card.locator("svg.slip .slipped").count() == 1
    assert address


def test_a_feature_is_dropped_linked_and_reopened(page):
    """Dropping asks why; a link to a decision is in the history of the feature."""
    product = first_product(page)
    page.goto("/record")
    send(
        page,
        "Record the decision",
        title="Swap berths by hand",
        decision="The desk swaps them.",
        why="Two a week.",
        products=product,
    )
    decision = page.locator("main .num").first.inner_text()
    add(page, "Add a feature", "/roadmap", title="Automatic swap", products=product)
    act(page, "Link", decisions=decision)
    assert "Swap berths by hand" in page.inner_text("main")
    act(page, "Drop", why="Two swaps a week are no feature.")
    assert status_of(page) == "dropped"
    assert "Two swaps a week are no feature." in history_of(page)
    act(page, "Reopen", why="Now there are twenty.")
    assert status_of(page) == "proposed"


def test_a_move_offers_the_decisions_it_may_rest_on(page):
    """The latest decisions of the product are one click away, and the reason is inherited from the one that was chosen."""
    product = first_product(page)
    page.goto("/record")
    send(
        page,
        "Record the decision",
        title="Winter first",
        decision="We start with winter.",
        why="No rush then.",
        products=product,
    )
    add(page, "Add a feature", "/roadmap", title="Winter list", products=product)
    page.locator(".actions").get_by_role("link", name="Move", exact=True).click()
    page.get_by_role("checkbox", name="Winter first").check()
    send(page, "Move", horizon="Now")
    assert "No rush then." in history_of(page)


def test_ownership_is_assigned_and_handed_over(page):
    """A feature is handed over to a person and to a team that were just registered."""
    product = first_product(page)
    add(page, "Register a person", "/people", name="Olga Nowak")
    add(page, "Register a team", "/people", title="Dock crew")
    add(page, "Add a feature", "/roadmap", title="Dock plan", products=product)
    act(page, "Hand over", to="Olga Nowak", note="She knows the docks.")
    assert "to Olga Nowak" in history_of(page)
    act(page, "Hand over", to="Dock crew", note="Too much for one.")
    assert "handed over this from Olga Nowak to Dock crew" in history_of(page)
    page.goto("/people")
    assert "Dock crew" in page.locator("table").inner_text()


def test_products_goals_and_releases_are_set_and_changed(page):
    """A product with its vision and strategy, a goal that is measured and closed, and a release that is rescheduled."""
    page.goto("/do/DefineProduct")
    send(page, "Add a product", title="Dry Dock", note="A new line of work.")
    product = page.url.partition("?")[0]
    act(page, "Set vision", vision="No boat waits for a crane.")
    act(page, "Set strategy", strategy="Three yards, then ten.")
    assert "No boat waits for a crane." in page.inner_text(".prose")

    add(page, "Set a goal", "/goals", title="Ten yards", products="Dry Dock", baseline="0", target="10", unit="yards")
    act(page, "Record a measurement", value="4")
    assert "measured this at 4" in history_of(page)
    page.goto("/goals")
    assert "4 yards, target 10 yards, baseline 0 yards" in page.inner_text("main")
    page.get_by_role("link", name="Ten yards").click()
    act(page, "Close goal", outcome="Missed", why="Only four.")
    assert "closed this goal as missed" in history_of(page)

    add(page, "Schedule a release", "/releases", products="Dry Dock", version="1.0", due_on="2035-01-01")
    act(page, "Reschedule", due_on="2035-02-01", note="The crane is late.")
    page.goto(product)
    assert "31 days later" in page.inner_text("main")


def test_people_and_teams_leave(page):
    """An action that cannot be undone asks for confirmation."""
    add(page, "Register a person", "/people", name="Piotr Zima")
    act(page, "Record that they left", note="He moved away.")
    assert status_of(page) == "left"
    add(page, "Register a team", "/people", title="Night watch")
    act(page, "Rename", title="Night crew")
    assert page.inner_text("h1") == "Night crew"
    act(page, "Disband team")
    assert status_of(page) == "disbanded"


def test_a_decision_is_proposed_advised_on_accepted_and_superseded(page):
    """Each step has a button on the page of the decision, and its own deciders."""
    product = first_product(page)
    page.goto("/do/ProposeDecision")
    send(
        page,
        "Propose a decision",
        title="Sell fuel",
        decision="We list fuel prices.",
        why="Skippers ask.",
        products=product,
    )
    act(page, "Advise", advice="Ask the harbors first.")
    assert "Ask the harbors first." in history_of(page)
    act(page, "Accept")
    assert status_of(page) == "accepted"
    address = page.url.partition("?")[0]

    page.goto("/record")
    send(page, "Record the decision", title="No fuel", decision="We stop.", why="No reliable prices.", products=product)
    page.goto(address)
    page.locator(".actions").get_by_role("link", name="Supersede", exact=True).click()
    assert page.get_by_label("Deciders").input_value() == ""
    send(page, "Supersede", by="No fuel")
    assert status_of(page) == "superseded"
