"""What an auditor sees first, and the proof of an entry to take home."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from urllib.parse import parse_qsl

import pytest

from eventlog.inclusion import root_of_path
from eventlog.merkle import leaf_hash
from eventlog.worker_status import VERIFIER, WorkerStatus
from tests.support_pages import text_of


def _send(service, command: dict[str, object]) -> str:
    response = service.post("/commands", command)
    assert response.status_code < 300, response.text
    return str(service.log.head().size)


@pytest.fixture
def product(service):
    """A product whose strategic decisions only its line's approver may take."""
    service.post("/products", {"key": "tide", "title": "Tideline"})
    rules = [{"kinds": ["strategic"], "roles": ["approver"]}]
    _send(service, {"type": "SetDecisionRights", "subject": "product:tide", "rules": rules})
    return "tide"


def _record(service, title: str, **more: object) -> str:
    body = {"title": title, "decision": "D.", "products": ["product:tide"], "accountable": service.ada, **more}
    return _send(service, {"type": "RecordDecision", **body})


def test_the_filters_of_the_audit_trail_say_how_many_are_set(service, pages, product):
    """On a phone they are folded, so their number is all that is seen of them; each that is set can be removed."""
    counted = re.compile(r'<summary class="btn">Filters(?: <span class="count">(\d+) set</span>)?</summary>')

    assert counted.search(pages.get("/audit"))[1] is None
    page = pages.get("/audit", backdated="true", product="tide", system="jira")
    assert counted.search(page)[1] == "3"
    assert "from jira ×" in page


def _follow(pages, address: str) -> str:
    path, _, query = address.partition("?")
    return pages.get(path, **dict(parse_qsl(query)))


def test_exceptions_come_first_each_with_its_count_and_a_link_to_only_those(service, pages, product):
    """Exceeds authority, not ratified, backdated, self-approved and without a reason, in this order."""
    _record(service, "Sailors first", kind="strategic", why="W.")
    _record(service, "Cards only", why="W.", effective_at="2025-01-01T00:00:00Z")

    html = pages.get("/", view="auditor")
    found = re.findall(r'<a class="panel[^"]*" href="([^"]+)"><b>(\d+)</b><span>(.*?)</span>', html, re.DOTALL)
    counts = {text_of(label): (int(count), address) for address, count, label in found}

    assert list(counts)[:5] == ["exceed authority", "not ratified", "backdated", "self-approved", "without a reason"]
    assert counts["exceed authority"][0] == counts["not ratified"][0] == counts["backdated"][0] == 1
    for label, (count, address) in counts.items():
        if address.startswith("/audit"):
            shown = text_of(_follow(pages, address))
            assert f"{count} event" in shown, label
    assert "Sailors first" in _follow(pages, counts["exceed authority"][1])
    register = _follow(pages, counts["not ratified"][1])
    assert "Sailors first" in register
    assert "Cards only" not in register


@pytest.mark.parametrize("position", [1, 2, 5])
def test_a_downloaded_proof_leads_from_the_bytes_of_the_entry_to_the_root_of_the_log(service, pages, product, position):
    """It is checked with nothing but its own content and the root."""
    _record(service, "Sailors first", why="W.")
    head = service.log.head()
    shown = text_of(pages.get(f"/audit/{position}/proof"))
    assert "the root agrees with that of the log" in shown
    assert head.root in shown

    response = service.client.get(f"/audit/{position}/proof?download=true")
    proof = json.loads(response.text)

    assert "attachment" in response.headers["content-disposition"]
    leaf = leaf_hash(b64decode(proof["entry"]))
    assert json.loads(b64decode(proof["entry"]))["position"] == position
    path = [bytes.fromhex(each) for each in proof["path"]]
    assert root_of_path(leaf, position - 1, head.size, path).hex() == proof["root"] == head.root


def test_a_proof_against_an_earlier_checkpoint_has_its_root(service, pages, product):
    """The size of the checkpoint is given, and the log may have grown since."""
    then = service.log.head()
    _record(service, "Sailors first", why="W.")

    assert then.root in pages.get("/audit/2/proof", size=then.size)
    pages.get("/audit/2/proof", 404, size=10_000)
    pages.get("/audit/9999/proof", 404)


def test_the_access_journal_is_reached_from_the_audit_trail(pages):
    """By those who may read it."""
    assert 'href="/access-journal"' in pages.get("/audit")


def test_an_author_whom_a_system_does_not_name_is_not_known(service, pages, product):
    """The trail and the entry of an imported change show that its author is not known, without a link to a person."""
    imported = {
        "title": "Cards",
        "source": {"system": "jira", "reference": "T-1"},
        "effective_at": "2024-05-01T00:00:00Z",
    }
    position = _send(service, {"type": "ProposeFeature", "key": "cards", "products": [product], **imported})

    trail, entry = pages.get("/audit"), pages.get(f"/audit/{position}")

    assert all("not known" in text_of(page) for page in (trail, entry))
    assert all("/unknown" not in page for page in (trail, entry))


def test_the_auditor_reads_when_the_log_was_last_verified(service, pages):
    """Before the first verification Home says that there was none; then when, by what, up to where, and what came later."""
    service.post("/products", {"key": "tide", "title": "Tideline"})
    assert "not verified here yet" in text_of(pages.get("/", view="auditor"))

    size = service.log.head().size
    service.workers.save(WorkerStatus(VERIFIER, "decisionlog verify", service.clock(), position=size))
    service.post("/products", {"key": "desk", "title": "Desk"})

    for page in (pages.get("/", view="auditor"), pages.get("/audit/1/proof")):
        verified = text_of(page.partition('id="verified"')[2])
        assert re.search(rf"verified \w+ \d+, \d{{4}}, \d\d:\d\d , up to entry {size}, by decisionlog verify", verified)
        assert "1 entry since." in verified


def test_a_failed_verification_is_shown_with_what_was_found(service, pages):
    """The auditor reads what does not match, and how to verify again."""
    service.post("/products", {"key": "tide", "title": "Tideline"})
    failed = WorkerStatus(VERIFIER, "decisionlog verify", service.clock()).with_error("position 3: changed", 1)
    service.workers.save(failed)

    shown = text_of(pages.get("/", view="auditor"))

    assert "verification failed" in shown
    assert "position 3: changed" in shown
    assert "Run decisionlog verify" in shown
