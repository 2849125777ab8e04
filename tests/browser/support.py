"""Debian's Chromium, a served log, and what every page must satisfy in a browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support_corpora import CORPORA, FILES
from tests.support_serving import Serving, forked_server, run

CHROMIUM: Final = os.environ.get("DECISIONLOG_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
WAIT_MS: Final = 120_000
"""For a busy machine: what a test waits for comes, or it never does."""
MAPPINGS: Final = Path(__file__).parents[2] / "examples" / "mappings"
AXE_VERSION: Final = "4.14.1"
AXE_FOLDER: Final = Path(sys.prefix) / "axe-core"
AXE_TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAST: Final = "as_of=2026-07-01&known_at=2026-07-01"
PAGES: Final = {
    "home": "/",
    "home-superior": "/?view=superior",
    "home-auditor": "/?view=auditor",
    "home-past": f"/?view=manager&{PAST}",
    "roadmap": "/roadmap",
    "roadmap-status": "/roadmap?columns=status",
    "roadmap-timeline": "/roadmap?layout=timeline",
    "roadmap-table": "/roadmap?layout=table",
    "roadmap-past": f"/roadmap?{PAST}",
    "roadmap-compared": "/roadmap?as_of=2026-07-01&compare=now",
    "roadmap-timeline-compared": "/roadmap?layout=timeline&as_of=2026-07-01&compare=now",
    "roadmap-table-compared": "/roadmap?layout=table&as_of=2026-07-01&compare=now",
    "roadmap-present": "/roadmap?present=true",
    "decisions": "/decisions",
    "decisions-compared": "/decisions?compare=2026-07-01",
    "decision": "/decisions/monthly-price",
    "decision-open": "/decisions/ratings-again",
    "decision-options": "/decisions/winter-yes",
    "decision-past": "/decisions/monthly-price?as_of=2026-08-20&compare=now",
    "review": "/decisions/winter-yes/review",
    "record": "/record",
    "propose": "/do/ProposeDecision",
    "move": "/do/MoveFeature?subject=feature:trip-changes",
    "supersede": "/do/SupersedeDecision?subject=decision:wallets",
    "accept": "/do/AcceptDecision?subject=decision:ratings-again",
    "record-evidence": "/do/RecordEvidence",
    "decision-rights": "/do/SetDecisionRights?subject=product:marina",
    "feature": "/features/trip-changes",
    "feature-compared": "/features/trip-changes?as_of=2026-07-01&compare=now",
    "product": "/products/tideline",
    "release": "/releases/tideline-3.0",
    "goal": "/goals/trips",
    "evidence-item": "/evidence/club-interviews",
    "assumption": "/assumptions/quick-answers",
    "assumption-broken": "/assumptions/nordpay-deposits",
    "person": "/people/{Priya Raman}",
    "person-left": "/people/{Tomás Rivera}",
    "team": "/teams/app",
    "goals": "/goals",
    "releases": "/releases",
    "people": "/people",
    "evidence": "/evidence",
    "assumptions": "/assumptions",
    "flags": "/flags",
    "debt": "/debt",
    "debt-past": f"/debt?{PAST}",
    "outcomes": "/outcomes",
    "slips": "/slips",
    "meetings": "/meetings",
    "meeting": "/meetings/steering",
    "meeting-planned": "/meetings/autumn",
    "write-up": "/meetings/autumn/write-up",
    "plan-meeting": "/do/PlanMeeting",
    "tasks": "/tasks",
    "succession": "/succession/{Priya Raman}",
    "audit": "/audit",
    "audit-backdated": "/audit?backdated=true",
    "entry": "/audit/429",
    "proof": "/audit/429/proof",
    "demo": "/demo",
    "search": "/search?text=harbor",
    "search-nothing": "/search?text=submarine",
    "reports": "/reports",
    "report": "/reports/tideline?since=2026-08-27&until=2026-11-26",
    "help": "/help",
    "account": "/account",
    "admin": "/admin",
    "grant-role": "/admin/grant-role",
    "create-token": "/admin/create-token",
    "create-sign-in-link": "/admin/create-sign-in-link",
    "import": "/imports/jira-1",
    "access-journal": "/access-journal",
    "activity": "/activity",
    "sign-out": "/sign-out",
    "error": "/roadmap?as_of=yesterdy",
    "error-unknown": "/decisions/monthly-prise",
}
"""Every page by name, with its address in the demo; a name in braces is the key of that person."""


MEETINGS: Final = (
    {
        "type": "RecordMeeting",
        "key": "steering",
        "title": "Steering of the app",
        "held_on": "2026-11-20",
        "attendees": ["Priya Raman", "Wen Li"],
        "products": ["tideline"],
        "agenda": ["monthly-price"],
        "notes": "The price was explained once more.",
    },
    {
        "type": "PlanMeeting",
        "key": "autumn",
        "title": "What comes after the autumn",
        "held_on": "2035-05-01",
        "products": ["tideline"],
        "agenda": ["ratings-again"],
        "invited": ["Priya Raman", "Wen Li"],
    },
    {
        "type": "AssignTask",
        "key": "harbor-list",
        "title": "Ask the harbors for their price lists",
        "accountable": "Wen Li",
        "due_on": "2035-05-10",
    },
)
"""Added to the demo: a meeting that was held with a task, and one that can be written up."""


UNPLACED: Final = (
    {"line": 7, "reason": "no feature 'TIDE-77'", "data": {"key": "TIDE-77", "field": "Fix Version", "to": "2.4"}},
    {
        "line": 12,
        "reason": "'next spring' is not a date",
        "data": {"key": "TIDE-3", "field": "Due", "to": "next spring"},
    },
    {"line": 31, "reason": "no person is called 'j.smith'"},
)
IMPORT: Final = {
    "type": "ImportChanges",
    "subject": "import:jira-1",
    "source": {"system": "jira"},
    "changes": [
        {"field": "exists", "value": True},
        {"field": "title", "text": "harbor-board.csv"},
        {"field": "system", "value": "jira"},
        {"field": "lines", "value": 412},
        *({"field": f"line.{n}", "text": json.dumps(line)} for n, line in enumerate(UNPLACED)),
    ],
}
"""Added to the demo: an import with lines that were not placed."""


def require_browser() -> str:
    """The path of Chromium. Without it, or without Playwright, the tests of this folder are skipped, with the reason."""
    pytest.importorskip("playwright.sync_api", reason="needs Playwright (a development dependency)")
    if CHROMIUM is None:
        pytest.skip("needs Chromium: apt-get install chromium, or set DECISIONLOG_CHROMIUM", allow_module_level=True)
    return CHROMIUM


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Site:
    """A served log, and tabs in a browser that are signed in to it."""

    address: str
    token: str
    browser: Any
    problems: list[str] = field(default_factory=list)
    """Console messages, and requests that failed or left for another host."""

    @cached_property
    def pages(self) -> dict[str, str]:
        """Every page by name, with its address."""
        asked = urllib.request.Request(f"{self.address}/v1/people", headers={"Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(asked) as answer:
            people = {row["name"]: row["id"].removeprefix("person:") for row in json.load(answer)["rows"]}
        return {name: re.sub(r"{(.+?)}", lambda found: people[found[1]], address) for name, address in PAGES.items()}

    @contextmanager
    def tab(self, width: int = 1280, height: int = 900, **options: Any) -> Iterator[Any]:
        """A new tab with its own cookies and storage."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        # Without transitions between pages: on a busy machine, the browser reports one that it gave up as an error.
        context = self.browser.new_context(
            base_url=self.address,
            viewport={"width": width, "height": height},
            extra_http_headers=headers,
            **{"reduced_motion": "reduce", **options},
        )
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        page.on("console", lambda message: self.problems.append(f"{page.url}: {message.text}"))
        page.on("pageerror", lambda error: self.problems.append(f"{page.url}: {error}"))
        page.on("request", lambda request: self._check(request.url))
        try:
            yield page
        finally:
            context.close()

    def _check(self, url: str) -> None:
        if not url.startswith((self.address, "data:")):
            self.problems.append(f"a request left for {url}")


def press(page: Any, key: str) -> None:
    """Press a key once the scripts of the page have run."""
    page.wait_for_load_state("load")
    page.keyboard.press(key)


def create_demo(folder: Path) -> tuple[Path, str]:
    """The folder of the demo, and a token of Priya, its product manager, who has every role."""
    data = folder / "demo"
    made = run(folder, "demo", str(data), "--ends-on", "2026-11-26")
    assert made.returncode == 0, made.stderr
    created = run(data, "token", "create", "Priya Raman", "--all-scopes", "--role", "admin")
    assert created.returncode == 0, created.stderr
    return data, next(word for word in created.stdout.split() if word.startswith("dlog_"))


@contextmanager
def served_demo(folder: Path) -> Iterator[tuple[str, str]]:
    """The address of the demo, served, and a token of Priya."""
    data, token = create_demo(folder)
    with forked_server(data) as server:
        add_examples(server.address, token)
        yield server.address, token


def add_examples(address: str, token: str) -> None:
    """Record the meetings and the import whose pages have an address in `PAGES`."""
    request = urllib.request.Request(
        f"{address}/v1/commands",
        json.dumps({"commands": [*MEETINGS, IMPORT]}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    urllib.request.urlopen(request).close()


@contextmanager
def serve_corpus(folder: Path, browser: Any) -> Iterator[Site]:
    """A server with the imported history of Kubernetes enhancements, once its pages show all of it."""
    source = str(CORPORA / FILES["keps"])
    imported = run(folder, "import", "changes", "--yes", source, "--mapping", str(MAPPINGS / "keps.toml"))
    assert imported.returncode == 0, imported.stderr
    created = run(folder, "token", "create", "ann", "--all-scopes", "--role", "admin")
    assert created.returncode == 0, created.stderr
    token = next(word for word in created.stdout.split() if word.startswith("dlog_"))
    with forked_server(folder) as server:
        _wait_for_read_model(server.address, token)
        yield Site(server.address, token, browser)


def _wait_for_read_model(address: str, token: str) -> None:
    """Wait until the pages show the whole import, which the server may still be processing."""

    def ask(path: str) -> Any:
        request = urllib.request.Request(f"{address}/v1/{path}", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    size, end = ask("log")["size"], time.monotonic() + 120
    while ask("products")["position"] < size:
        assert time.monotonic() < end
        time.sleep(0.1)


@contextmanager
def served_empty(folder: Path, browser: Any) -> Iterator[tuple[Site, Serving]]:
    """A new log, served as at the first start; no one is signed in."""
    with forked_server(folder / "empty") as server:
        yield Site(server.address, "", browser), server


def load_axe() -> str:
    """The source of axe-core, installed with npm into the virtual environment at the first use."""
    script = AXE_FOLDER / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("needs npm, to install axe-core")
        own = AXE_FOLDER.with_name(f"axe-core-{os.getpid()}")  # several processes may install it at the same time
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(own), f"axe-core@{AXE_VERSION}"]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        try:
            own.rename(AXE_FOLDER)
        except OSError:  # another one was first
            shutil.rmtree(own)
    return script.read_text()


def find_violations(page: Any, axe: str) -> list[str]:
    """What axe-core finds on a page, as text."""
    page.evaluate(axe)
    found = page.evaluate(f"axe.run(document, {{runOnly: {json.dumps(AXE_TAGS)}}}).then((result) => result.violations)")
    return [
        f"{each['id']}: {node['html'][:120]} ({node['any'][0]['message'][:120] if node['any'] else each['help']})"
        for each in found
        for node in each["nodes"][:3]
    ]
