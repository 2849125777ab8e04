"""One browser and one served demo for all tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.support import PAGES, Site, chromium, load_axe, require_browser, served_demo


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One browser for a module: while it runs, so does an event loop, which the tests of other modules must not find."""
    require_browser()
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    require_browser()
    with served_demo(tmp_path_factory.mktemp("demo")) as found:
        yield found


@pytest.fixture(scope="module")
def demo(browser: Any, served: tuple[str, str]) -> Site:
    return Site(*served, browser)


@pytest.fixture(scope="session")
def axe() -> str:
    return load_axe()


@pytest.fixture(autouse=True)
def no_problems(request: pytest.FixtureRequest) -> Iterator[None]:
    """No page may write to the console, or send a request to another host."""
    yield
    if "demo" in request.fixturenames:
        site: Site = request.getfixturevalue("demo")
        found, site.problems[:] = list(site.problems), []
        refused = ("status of 422", f"{PAGES['error-unknown']}: Failed to load resource")
        assert [each for each in found if not any(part in each for part in refused)] == []
