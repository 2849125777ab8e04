"""Sixteen of each hostile request at once do not take a small server away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.benchmarks import hostile
from tests.benchmarks.hostile import SHORT, Attack, Sizes, fill, outcomes
from tests.support_postgresql import fresh_schema

pytestmark = pytest.mark.slow

EVENTS = 1_500
PATIENCE_S = 5.0


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    where = tmp_path_factory.mktemp("hostile")
    with fresh_schema() if request.param == "postgresql" else nullcontext("") as store:
        fill(where, EVENTS, store)
        yield where


@pytest.mark.parametrize(
    ("folder", "attacks"),
    [
        ("sqlite", hostile.questions),
        ("sqlite", hostile.bodies),
        ("sqlite", hostile.headers),
        ("sqlite", hostile.connections),
        ("postgresql", hostile.questions),  # nothing else reaches the database
    ],
    indirect=["folder"],
)
def test_a_server_under_attack_answers_other_clients(folder: Path, attacks: Callable[[Sizes], list[Attack]]) -> None:
    """The server stays below 512 MB, and other queries, writes and health checks are answered meanwhile."""
    for outcome in outcomes(folder, SHORT, attacks(SHORT)):
        assert outcome.alive, str(outcome)
        assert outcome.during.failed == 0, str(outcome)
        assert outcome.during.health, str(outcome)
        assert max(outcome.during.health) < PATIENCE_S, str(outcome)
        statuses = {status for status in outcome.statuses if isinstance(status, int)}
        assert statuses <= {200} | outcome.attack.refusals, str(outcome)
