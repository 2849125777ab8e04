"""Sixteen of each hostile request at once do not take a small server away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks import hostile
from tests.benchmarks.hostile import SHORT, Attack, Sizes, fill, outcomes

pytestmark = pytest.mark.slow

EVENTS = 1_500
PATIENCE_S = 5.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("hostile")
    fill(where, EVENTS)
    return where


@pytest.mark.parametrize("attacks", [hostile.questions, hostile.bodies, hostile.headers, hostile.connections])
def test_a_server_under_attack_answers_other_clients(folder: Path, attacks: Callable[[Sizes], list[Attack]]) -> None:
    """The server stays below 512 MB, and other queries, writes and health checks are answered meanwhile."""
    for outcome in outcomes(folder, SHORT, attacks(SHORT)):
        assert outcome.alive, str(outcome)
        assert outcome.during.failed == 0, str(outcome)
        assert outcome.during.health, str(outcome)
        assert max(outcome.during.health) < PATIENCE_S, str(outcome)
        statuses = {status for status in outcome.statuses if isinstance(status, int)}
        assert statuses <= {200} | outcome.attack.refusals, str(outcome)
