"""`python -m tests.browser.screenshots OUT`: pictures of every page at desktop and phone width, light and dark."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.support import PAGES, Site, chromium, served_demo, served_empty

LOOKS = {
    "desktop-light": {},
    "desktop-dark": {"color_scheme": "dark"},
    "phone-light": {"width": 390, "height": 844},
    "phone-dark": {"width": 390, "height": 844, "color_scheme": "dark"},
}
EMPTY = {"empty-home": "/", "empty-roadmap": "/roadmap", "empty-decisions": "/decisions", "empty-people": "/people"}


def main(out: Path) -> None:
    """Write a PNG file for each page and look."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        with served_demo(Path(folder)) as served:
            site = Site(*served, browser)
            for look, options in LOOKS.items():
                with site.tab(**options) as page:
                    for name, address in PAGES.items():
                        page.goto(address)
                        page.screenshot(path=out / f"{name}.{look}.png")
        with served_empty(Path(folder), browser) as (site, server), site.tab() as page:
            page.goto(server.sign_in_link)
            page.screenshot(path=out / "sign-in.desktop-light.png")
            page.get_by_role("button", name="Sign in").click()
            for name, address in EMPTY.items():
                page.goto(address)
                page.screenshot(path=out / f"{name}.desktop-light.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
