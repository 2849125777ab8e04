"""A server that is killed loses nothing it has answered."""

from random import Random

from tests.faults.kill import LATE, kill_once


def test_what_was_answered_survives_a_kill(tmp_path):
    """Killed three times under load: each answered write is there once, the log fits, the views equal a rebuild."""
    clients, chance = [], Random(3)

    for _ in range(3):
        assert kill_once(tmp_path, clients, chance) == []

    assert all(client.answered for client in clients)


def test_a_server_that_answers_before_it_commits_is_caught(tmp_path):
    """Where the answer goes out before the commit, a kill shows it."""
    wrong = kill_once(tmp_path, [], Random(3), LATE)

    assert any("was answered, and is not in the log" in what for what in wrong)
