"""`python -m tests.browser.screenshots OUT [--only PATTERN] [--looks NAMES]`: pictures of every page.

Each page at desktop and phone width, light and dark; empty, full, past and compared; and what opens on a page.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.browser.support import PAGES, PAST, Site, chromium, served_demo, served_empty

LOOKS = {
    "desktop-light": {},
    "desktop-dark": {"color_scheme": "dark"},
    "phone-light": {"width": 360, "height": 780, "has_touch": True, "is_mobile": True},
    "phone-dark": {"width": 360, "height": 780, "has_touch": True, "is_mobile": True, "color_scheme": "dark"},
}
EMPTY = (
    *("home", "home-superior", "home-auditor", "roadmap", "roadmap-timeline", "roadmap-table", "decisions", "record"),
    *("propose", "goals", "releases", "people", "evidence", "assumptions", "flags", "debt", "outcomes", "slips"),
    *("meetings", "tasks", "audit", "activity", "search-nothing", "reports", "account", "admin", "access-journal"),
    *("plan-meeting", "demo"),
)
"""The pages that an empty log has."""
LONGEST_PX = 4_000


@dataclass(frozen=True)
class Scene:
    """What a page shows after something was done on it."""

    address: str
    act: Callable[[Any], object]


def _unfold(page: Any) -> None:
    page.evaluate("document.querySelectorAll('main details.folded').forEach((each) => { each.open = true; })")


def _open_more(page: Any) -> None:
    for summary in page.locator("nav.side .narrow > summary, .actions .menu > summary").all():
        if summary.is_visible():
            summary.click()
            return


def _send(page: Any) -> None:
    """Send the form of a page without what it asks for, and take what the server answers."""
    page.evaluate("window.isOld = document.querySelector('form.sheet-form').noValidate = true")
    page.locator("form.sheet-form button.primary").click()
    page.wait_for_function("!window.isOld && document.readyState === 'complete'")


def _send_unknown_person(page: Any) -> None:
    page.locator("[name=title]").fill("Berths by the hour")
    page.locator("[name=decision]").fill("A berth can be booked by the hour.")
    page.locator("[name=why]").fill("Half of the boats leave before noon.")
    page.locator("[name=accountable]").fill("Pria Raman")
    _send(page)


def _type_similar(page: Any) -> None:
    page.get_by_label("Title").press_sequentially("Another monthly price")
    page.locator("#similar a").first.wait_for()


SCENES = {
    "time-menu": Scene("/roadmap", lambda page: page.locator(".menu.time > summary").click()),
    "time-menu-past": Scene(f"/roadmap?{PAST}", lambda page: page.locator(".menu.time > summary").click()),
    "more-menu": Scene("/decisions/ratings-again", _open_more),
    "record-unfolded": Scene("/record", _unfold),
    "propose-unfolded": Scene("/do/ProposeDecision", _unfold),
    "record-similar": Scene("/record", _type_similar),
    "record-nothing": Scene("/record", _send),
    "record-unknown-person": Scene("/record", _send_unknown_person),
    "move-nothing": Scene("/do/MoveFeature?subject=feature:trip-changes", _send),
    "feature-drop": Scene("/do/DropFeature?subject=feature:trip-changes", _unfold),
    "decision-reject": Scene("/do/RejectDecision?subject=decision:ratings-again", _unfold),
    "decision-unfolded": Scene("/decisions/monthly-price", _unfold),
    "card-hovered": Scene("/roadmap", lambda page: page.locator(".card").first.hover()),
    "stepped": Scene("/roadmap?as_of=2026-07-01&compare=now", lambda page: page.keyboard.press("ArrowRight")),
    "audit-filters": Scene("/audit?backdated=true&on_behalf_of=true", _unfold),
}


def main(arguments: list[str]) -> None:
    """Write a PNG file for each page and look."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", default="", metavar="PATTERN", help="names that match; empty pages: empty-NAME")
    parser.add_argument("--looks", default=",".join(LOOKS), metavar="NAMES")
    parsed = parser.parse_args(arguments)
    parsed.out.mkdir(parents=True, exist_ok=True)
    looks = {name: LOOKS[name] for name in parsed.looks.split(",")}

    def is_asked(name: str) -> bool:
        return re.search(parsed.only, name) is not None

    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        if any(is_asked(name) for name in (*PAGES, *SCENES)):
            with served_demo(Path(folder)) as served:
                take_demo(Site(*served, browser), parsed.out, looks, is_asked)
        if any(is_asked(f"empty-{name}") for name in EMPTY) or is_asked("sign-in"):
            with served_empty(Path(folder), browser) as (site, server):
                take_empty(site, server.sign_in_link, parsed.out, looks, is_asked)


def take_demo(site: Site, out: Path, looks: dict[str, Any], is_asked: Callable[[str], bool]) -> None:
    """Take every page of the demo, and the scenes; the report also as it is printed."""
    for look, options in looks.items():
        with site.tab(**options) as page:
            for name, address in site.pages.items():
                if is_asked(name):
                    page.goto(address)
                    take(page, out / f"{name}.{look}.png")
                    if name.startswith("report") and look == "desktop-light":
                        page.pdf(path=out / f"{name}.pdf", format="A4")
        for name, scene in SCENES.items():
            if is_asked(name):
                with site.tab(**options) as page:
                    page.goto(scene.address)
                    scene.act(page)
                    take(page, out / f"{name}.{look}.png")


def take_empty(
    site: Site, sign_in_link: str, out: Path, looks: dict[str, Any], is_asked: Callable[[str], bool]
) -> None:
    """Take the page that signs in, and every page of a log without entries."""
    with site.tab() as page:
        page.goto(sign_in_link)
        take(page, out / "sign-in.desktop-light.png")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/")
        session = page.context.storage_state()
    for look, options in looks.items():
        with site.tab(storage_state=session, **options) as page:
            for name in EMPTY:
                if is_asked(f"empty-{name}"):
                    page.goto(PAGES[name])
                    take(page, out / f"empty-{name}.{look}.png")


def take(page: Any, path: Path) -> None:
    """Write a picture of the whole page; of a very long one, its beginning."""
    width, height = page.evaluate("[document.documentElement.clientWidth, document.documentElement.scrollHeight]")
    clip = {"x": 0, "y": 0, "width": width, "height": min(height, LONGEST_PX)}
    page.screenshot(path=path, full_page=True, clip=clip)


if __name__ == "__main__":
    main(sys.argv[1:])
