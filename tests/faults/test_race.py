"""Of concurrent writers that want the same, exactly one succeeds."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.errors import NotAllowed
from eventlog.command_handler import CommandHandler
from eventlog.sequencer import Sequencer
from identity.decision_log import DecisionLog
from tests.faults.race import races, transaction
from tests.support_log import LocalService
from tests.support_postgresql import fresh_schema

pytestmark = pytest.mark.slow

ROUNDS = 201
OVER_HTTP = 10
MAX_RACES = 3_000
"""A sabotaged sequencer must be detected within this many races; usually ten are enough."""
WRITERS = 16


def test_each_race_has_one_winner(tmp_path):
    """Of 16 writers on one version one succeeds; of two decisions that supersede each other one stays; a delegation ends once."""
    assert list(races(tmp_path / "log.sqlite3", ROUNDS)) == []


def test_each_race_of_several_processes_has_one_winner():
    """The same on PostgreSQL, with writers in four independent processes."""
    with fresh_schema() as store:
        assert list(races(store, 30)) == []


@pytest.mark.parametrize(
    ("sabotaged", "seen"),
    [
        (lambda find_conflict: lambda *_: None, "UNIQUE"),
        (lambda find_conflict: lambda self, append: find_conflict(self, append._replace(read_versions={})), "2 won"),
    ],
    ids=["no version", "no version of streams that were read"],
)
def test_a_sequencer_with_a_missing_check_is_detected(tmp_path, monkeypatch, sabotaged, seen):
    """Without a check of versions under the lock, the table refuses, or two conflicting transactions both succeed."""
    monkeypatch.setattr(Sequencer, "_find_conflict", sabotaged(Sequencer._find_conflict))

    assert any(seen in problem for problem in races(tmp_path / "log.sqlite3", MAX_RACES))


def test_no_event_is_older_than_a_state_it_is_based_on(tmp_path):
    """An entry committed after the head was read counts, if a state that was read holds it."""
    with DecisionLog.open(tmp_path / "log.sqlite3", clock=lambda: 1) as log:
        log.default_role = "admin"
        run(log, {"type": "RegisterPerson", "key": "ann", "name": "Ann"})
        for key in "ab":
            run(
                log,
                {"type": "RecordDecision", "key": key, "title": key, "decision": "x", "why": "y", "accountable": "Ann"},
            )
        handler = CommandHandler((log,), log.head(), clock=lambda: 1, entropy=os.urandom)
        run(log, {"type": "DefineProduct", "key": "p", "title": "P"})
        run(log, {"type": "SupersedeDecision", "subject": "decision:b", "by": ["a"]})

        with pytest.raises(NotAllowed):
            handler.decide(transaction({"type": "SupersedeDecision", "subject": "decision:a", "by": ["b"]}))


def run(log, command):
    asyncio.run(log.execute(transaction(command)))


@pytest.fixture
def service(tmp_path):
    with LocalService(tmp_path) as opened:
        yield opened


def test_a_race_over_http(service):
    """Of 16 clients with one ETag one gets 200; the others get 412 and the current version."""
    service.post("/products", {"key": "shop", "title": "Shop"})
    barrier = threading.Barrier(WRITERS)

    def retitle(name, version):
        return service.post("/subjects/product:shop/title", {"title": name}, If_Match=f'"{version}"')

    def one(name, version):
        barrier.wait()
        return retitle(name, version)

    with ThreadPoolExecutor(WRITERS) as pool:
        for version in range(1, OVER_HTTP, 2):
            answers = list(pool.map(lambda n, version=version: one(f"{version}-{n}", version), range(WRITERS)))
            won = [answer for answer in answers if answer.status_code == 200]
            lost = [answer for answer in answers if answer.status_code == 412]
            assert (len(won), len(lost)) == (1, WRITERS - 1)
            assert {answer.json()["version"] for answer in lost} == {version + 1}
            assert retitle(f"{version} at last", lost[0].json()["version"]).status_code == 200
