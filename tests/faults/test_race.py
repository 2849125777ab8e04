"""Of many who want the same, one gets it."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from domain.errors import NotAllowed
from eventlog.appender import Appender
from eventlog.command_handler import CommandHandler
from eventlog.log import DecisionLog
from tests.faults.race import races, transaction
from tests.support_log import House
from tests.support_postgresql import fresh_schema

ROUNDS = 201
OVER_HTTP = 10
UNTIL_CAUGHT = 3_000
"""Races in which a sabotaged committer must be seen at least once; it mostly is within ten."""
WRITERS = 16


def test_each_race_has_one_winner(tmp_path):
    """Of 16 writers for one version one wins; of two decisions that replace each other one stands; a grant ends once."""
    assert list(races(tmp_path / "log.sqlite3", ROUNDS)) == []


def test_each_race_of_several_processes_has_one_winner():
    """The same on PostgreSQL, where the writers are of four processes, none of which knows of the others."""
    with fresh_schema() as store:
        assert list(races(store, 30)) == []


@pytest.mark.parametrize(
    ("sabotaged", "seen"),
    [
        (lambda judge: lambda *_: None, "UNIQUE"),
        (lambda judge: lambda self, append: judge(self, replace(append, rests_on={})), "2 won"),
    ],
    ids=["no version", "no version of what it rests on"],
)
def test_a_committer_that_compares_too_little_is_caught(tmp_path, monkeypatch, sabotaged, seen):
    """Where versions are not compared under the lock, the table refuses, or two who exclude each other both win."""
    monkeypatch.setattr(Appender, "_judge", sabotaged(Appender._find_conflict))

    assert any(seen in told for told in races(tmp_path / "log.sqlite3", UNTIL_CAUGHT))


def test_nothing_is_judged_before_what_it_saw(tmp_path):
    """What is recorded between the head and a state being read counts, though the judging began before it."""
    with DecisionLog.open(tmp_path / "log.sqlite3", clock=lambda: 1) as log:
        run(log, {"type": "RegisterPerson", "key": "ann", "name": "Ann"})
        for key in "ab":
            run(
                log,
                {"type": "RecordDecision", "key": key, "title": key, "decision": "x", "why": "y", "accountable": "Ann"},
            )
        chain = CommandHandler((log,), log.head(), clock=lambda: 1, entropy=os.urandom)
        run(log, {"type": "DefineProduct", "key": "p", "title": "P"})
        run(log, {"type": "SupersedeDecision", "subject": "decision:b", "by": ["a"]})

        with pytest.raises(NotAllowed):
            chain.decide(transaction({"type": "SupersedeDecision", "subject": "decision:a", "by": ["b"]}))


def run(log, command):
    asyncio.run(log.execute(transaction(command)))


@pytest.fixture
def house(tmp_path):
    with House(tmp_path) as opened:
        yield opened


def test_a_race_over_http(house):
    """Of 16 clients with one ETag one is answered 200; the others get 412 and the version they can go on from."""
    house.post("/products", {"key": "shop", "title": "Shop"})
    barrier = threading.Barrier(WRITERS)

    def retitle(name, version):
        return house.post("/subjects/product:shop/title", {"title": name}, If_Match=f'"{version}"')

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
