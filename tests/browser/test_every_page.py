"""What holds on every page: accessible, in one column on a phone, small, and without layout shifts."""

from __future__ import annotations

import pytest

from tests.browser.support import find_violations, press

pytestmark = pytest.mark.slow

MAX_BYTES = 150_000
LOOKS = {"light": {}, "dark": {"color_scheme": "dark"}, "phone": {"width": 360, "height": 800}}


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_no_violation(demo, axe, look):
    """Every page satisfies WCAG 2.2 AA as far as axe-core can tell, in both color schemes and on a phone."""
    found = {}
    with demo.tab(**LOOKS[look]) as page:
        for name, address in demo.pages.items():
            page.goto(address)
            if violations := find_violations(page, axe):
                found[name] = violations
    assert found == {}


def test_axe_finds_no_violation_with_the_menu_of_times_open(demo, axe):
    """The controls of the time machine are accessible, too."""
    with demo.tab() as page:
        page.goto("/roadmap?as_of=2026-07-01&compare=now")
        press(page, "t")
        assert find_violations(page, axe) == []


@pytest.mark.parametrize("width", [360, 320])
def test_nothing_scrolls_sideways_on_a_phone(demo, width):
    """At 360 pixels, and at 320, which is a zoom of 400 % on a small screen."""
    found = []
    with demo.tab(width=width, height=800) as page:
        for name, address in demo.pages.items():
            page.goto(address)
            if (scroll := page.evaluate("document.documentElement.scrollWidth")) > width:
                found.append((name, scroll))
    assert found == []


@pytest.mark.parametrize("width", [320, 360, 900, 1000, 1100, 1280])
def test_an_open_menu_of_actions_is_on_the_screen(demo, width):
    """Wherever its button is, the menu with the other actions is not cut off."""
    with demo.tab(width=width, height=800) as page:
        for address in ("/decisions/regatta", "/features/trip-changes", "/products/tideline"):
            page.goto(address)
            page.locator(".actions .menu > summary").click()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_a_page_with_all_that_it_loads_is_small(demo):
    """The first page of a visit takes less than 150 kB on the wire, with its scripts, styles and fonts."""
    sizes = {}
    with demo.tab() as page:
        page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
        for name, address in demo.pages.items():
            page.goto(address, wait_until="load")
            sizes[name] = page.evaluate(
                "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
                ".reduce((sum, each) => sum + each.transferSize, 0)"
            )
    assert {name: size for name, size in sizes.items() if size > MAX_BYTES} == {}
    assert min(sizes.values()) > 0


def test_no_page_shifts_while_it_loads(demo):
    """The cumulative layout shift of every page is zero."""
    script = """
        window.shift = 0;
        new PerformanceObserver((list) => { for (const each of list.getEntries()) window.shift += each.value; })
          .observe({ type: "layout-shift", buffered: true });
    """
    with demo.tab() as page:
        page.add_init_script(script)
        shifts = {}
        for name, address in demo.pages.items():
            page.goto(address)
            page.wait_for_timeout(60)
            shifts[name] = page.evaluate("window.shift")
    assert {name: shift for name, shift in shifts.items() if shift > 0.01} == {}


def test_every_page_works_without_scripts(demo):
    """Without scripts, every page still shows its content."""
    with demo.tab(java_script_enabled=False) as page:
        for name, address in demo.pages.items():
            page.goto(address)
            assert page.locator("h1").first.inner_text(), name
