"""A killed server loses nothing that it has answered; nor does a killed database."""

from random import Random

import pytest

from tests.faults import kill
from tests.faults.kill import LATE, LATE_IN_POSTGRESQL, Place, kill_once
from tests.faults.sabotage import is_caught
from tests.support_postgresql import cluster, fresh_schema

pytestmark = pytest.mark.slow

LOST = "was answered, and is not in the log"


def test_answered_writes_survive_a_kill(tmp_path):
    """After three kills under load, each answered write is recorded once, the log verifies, and the read model equals a rebuild."""
    clients, chance = [], Random(3)

    for _ in range(3):
        assert kill_once(Place(tmp_path), clients, chance) == []

    assert all(client.answered for client in clients)


def test_a_server_that_answers_before_it_commits_is_detected(tmp_path):
    """If the answer is sent before the commit, a kill shows it."""
    assert is_caught(LOST, lambda n: kill_once(Place(tmp_path / str(n)), [], Random(n), LATE))


@pytest.fixture
def store():
    with fresh_schema(cluster().url) as address:
        yield address


def test_answered_writes_survive_a_kill_on_postgresql(tmp_path, store):
    """After kills of the server and of the database nothing answered is lost, and everything recovers by itself."""
    clients, chance = [], Random(3)

    for victim in (None, cluster()):
        assert kill_once(Place(tmp_path, store, victim), clients, chance) == []

    assert all(client.answered for client in clients)


def test_a_server_that_answers_before_postgresql_commits_is_detected(tmp_path, store, monkeypatch):
    """If the answer is sent before the commit, a kill shows it."""
    monkeypatch.setattr(kill, "MOST_TIMES", 1)  # a retry would wait for the commit
    monkeypatch.setattr(kill, "MOST", 8)

    wrong = kill_once(Place(tmp_path, store), [], Random(3), LATE_IN_POSTGRESQL)

    assert any(LOST in what for what in wrong)
