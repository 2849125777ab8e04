"""Readers that follow the log miss nothing."""

import pytest

from eventlog.sequencer import Sequencer
from tests.faults.tail import Followed, Troubled, tail, tail_on_postgresql
from tests.support_postgresql import fresh_schema

pytestmark = pytest.mark.slow

EVENTS = 5_000


def test_readers_miss_nothing(tmp_path):
    """While 32 clients write, with pauses in the lock and rollbacks, polling and the subscription return every position in order."""
    assert tail(tmp_path / "log.sqlite3", EVENTS, pauses=0.3, longest=0.1) == []

    assert Troubled.rolled_back


def test_a_gap_in_the_log_is_detected(tmp_path, monkeypatch):
    """If a rolled-back transaction uses up its position, as a sequence does, both readers meet the gap."""
    placed = Sequencer._assign_position

    def with_gaps(self, event):
        if self.head.size == 100:  # on every attempt, as the first one may be rolled back
            placed(self, event)
        return placed(self, event)

    monkeypatch.setattr(Sequencer, "_assign_position", with_gaps)

    wrong = tail(tmp_path / "log.sqlite3", 500, pauses=0)

    assert sum("came after" in what for what in wrong) == 2


def test_readers_miss_nothing_that_several_processes_write():
    """On PostgreSQL two processes write, pause inside the lock and roll back; both readers return every position in order."""
    followed = Followed()

    trouble = {"pauses": 8, "longest": 0.1, "rolled_back": 0.3}
    with fresh_schema() as store:
        assert tail_on_postgresql(store, 1_200, **trouble, followed=followed, processes=2) == []

    assert followed.paused
    assert followed.rolled_back
    assert all(reader.last > 1_200 for reader in followed.readers)


def test_a_gap_left_by_several_processes_is_detected():
    """If one of several processes skips a position, both readers meet the gap."""
    with fresh_schema() as store:
        wrong = tail_on_postgresql(store, 400, pauses=0, processes=2, gap=100)

    assert sum("came after" in what for what in wrong) == 2
