"""`python -m tests.browser.screenshots OUT`: pictures of every page at desktop and phone width, light and dark."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.support import PAGES, Site, chromium, served_demo, served_empty

LOOKS = {
    "desktop-light": {},
    "desktop-dark": {"color_scheme": "dark"},
    "phone-light": {"width": 390, "height": 844},
    "phone-dark": {"width": 390, "height": 844, "color_scheme": "dark"},
}
EMPTY = (
    *("home", "home-superior", "home-auditor", "roadmap", "roadmap-timeline", "roadmap-table", "decisions", "record"),
    *("propose", "goals", "releases", "people", "evidence", "assumptions", "flags", "debt", "outcomes", "slips"),
    *("audit", "search-nothing", "reports", "admin", "access-journal", "demo"),
)
"""The pages that an empty log has."""
LONGEST_PX = 4_000


def main(out: Path) -> None:
    """Write a PNG file for each page and look."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        with served_demo(Path(folder)) as served:
            site = Site(*served, browser)
            for look, options in LOOKS.items():
                with site.tab(**options) as page:
                    for name, address in site.pages.items():
                        page.goto(address)
                        take(page, out / f"{name}.{look}.png")
        with served_empty(Path(folder), browser) as (site, server), site.tab() as page:
            page.goto(server.sign_in_link)
            take(page, out / "sign-in.desktop-light.png")
            page.get_by_role("button", name="Sign in").click()
            for name in EMPTY:
                page.goto(PAGES[name])
                take(page, out / f"empty-{name}.desktop-light.png")


def take(page: Any, path: Path) -> None:
    """Write a picture of the whole page; of a very long one, its beginning."""
    width, height = page.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollHeight]")
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, LONGEST_PX)}
    page.screenshot(path=path, full_page=True, clip=clip)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
