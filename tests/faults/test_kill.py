"""A server that is killed loses nothing it has answered; nor does a database."""

from random import Random

import pytest

from tests.faults import kill
from tests.faults.kill import LATE, LATE_IN_POSTGRESQL, Place, kill_once
from tests.faults.twins import caught
from tests.support_postgresql import cluster, fresh_schema

LOST = "was answered, and is not in the log"


def test_what_was_answered_survives_a_kill(tmp_path):
    """Killed three times under load: each answered write is there once, the log fits, the views equal a rebuild."""
    clients, chance = [], Random(3)

    for _ in range(3):
        assert kill_once(Place(tmp_path), clients, chance) == []

    assert all(client.answered for client in clients)


def test_a_server_that_answers_before_it_commits_is_caught(tmp_path):
    """Where the answer goes out before the commit, a kill shows it."""
    assert caught(LOST, lambda n: kill_once(Place(tmp_path / str(n)), [], Random(n), LATE))


@pytest.fixture
def store():
    with fresh_schema(cluster().url) as address:
        yield address


def test_what_was_answered_survives_a_kill_on_postgresql(tmp_path, store):
    """The server killed, then the database below it: nothing answered is lost, and all goes on without hands."""
    clients, chance = [], Random(3)

    for victim in (None, cluster()):
        assert kill_once(Place(tmp_path, store, victim), clients, chance) == []

    assert all(client.answered for client in clients)


def test_a_server_that_answers_before_postgresql_commits_is_caught(tmp_path, store, monkeypatch):
    """Where the answer goes out before the commit, a kill shows it."""
    monkeypatch.setattr(kill, "MOST_TIMES", 1)  # to send it again would wait for the commit
    monkeypatch.setattr(kill, "MOST", 8)

    wrong = kill_once(Place(tmp_path, store), [], Random(3), LATE_IN_POSTGRESQL)

    assert any(LOST in what for what in wrong)
