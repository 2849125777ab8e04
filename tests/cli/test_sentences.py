"""What happened, as the terminal says it: a sentence has the result of an event, and the role that was granted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support_log import LocalService
from tests.support_terminal import run_command

TEA = {"key": "tea", "title": "Serve tea", "decision": "Tea.", "why": "Thirst.", "accountable": "Ada Lovelace"}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """A goal that was closed, a decision that was reviewed, and a role that was granted."""
    folder: Path = tmp_path_factory.mktemp("service")
    with LocalService(folder) as opened:
        bob = opened.person("Bob Tea")
        opened.post("/products", {"key": "tide", "title": "Tide"})
        opened.post("/goals", {"key": "cups", "title": "Many cups", "products": ["tide"], "target": "9"})
        opened.post("/goals/cups/close", {"outcome": "met"})
        opened.post("/decisions", {**TEA, "products": ["tide"]})
        opened.post("/decisions/tea/review-reasoning", {"reasoning": "partly-sound", "finding": "Few were asked."})
        opened.post("/decisions/tea/review", {"outcome": "as-expected", "finding": "Nine cups."})
        opened.post(f"/roles/{bob}/grant", {"role": "manager", "product": "tide"})
        opened.post(f"/roles/{bob}/grant", {"role": "auditor"})
        opened.rows("/roles")  # once it covers everything
        yield opened


@pytest.mark.parametrize(
    ("subject", "sentence"),
    [
        ("cups", "closed it as met"),
        ("tea", "reviewed its reasoning as partly sound"),
        ("tea", "reviewed it (outcome: as expected)"),
        ("Bob Tea", "granted a role to Bob Tea (manager for Tide)"),
        ("Bob Tea", "granted a role to Bob Tea (auditor for all products)"),
    ],
)
def test_a_sentence_has_the_result_of_an_event(service: LocalService, subject: str, sentence: str) -> None:
    """What was closed, reviewed or granted is not said without how, or what."""
    assert sentence in " ".join(run_command(service, "show", subject).stdout.split())
