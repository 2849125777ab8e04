"""Who follows the log misses nothing."""

from eventlog.appender import Appender
from tests.faults.tail import Followed, Troubled, tail, tail_on_postgresql
from tests.support_postgresql import fresh_schema

EVENTS = 5_000


def test_readers_miss_nothing(tmp_path):
    """While 32 clients write, with pauses in the lock and rollbacks, both ways to follow give every position in order."""
    assert tail(tmp_path / "log.sqlite3", EVENTS, pauses=0.3, longest=0.1) == []

    assert Troubled.rolled_back


def test_a_log_that_leaves_a_gap_is_caught(tmp_path, monkeypatch):
    """Where a rolled-back unit takes its position with it, as a sequence does, both readers meet the gap."""
    placed = Appender._assign_position

    def with_gaps(self, event):
        if self.head.size == 100:  # each time it is tried: the first try may be one that is rolled back
            placed(self, event)
        return placed(self, event)

    monkeypatch.setattr(Appender, "_placed", with_gaps)

    wrong = tail(tmp_path / "log.sqlite3", 500, pauses=0)

    assert sum("came after" in what for what in wrong) == 2


def test_readers_miss_nothing_of_what_several_processes_write():
    """On PostgreSQL two processes write, pause inside the lock and roll back; both ways to follow give every position."""
    followed = Followed()

    trouble = {"pauses": 8, "longest": 0.1, "rolled_back": 0.3}
    with fresh_schema() as store:
        assert tail_on_postgresql(store, 1_200, **trouble, followed=followed, processes=2) == []

    assert followed.paused
    assert followed.rolled_back
    assert all(reader.last > 1_200 for reader in followed.readers)


def test_processes_that_leave_a_gap_are_caught():
    """Where one of several processes leaves out a position, both readers meet the gap."""
    with fresh_schema() as store:
        wrong = tail_on_postgresql(store, 400, pauses=0, processes=2, gap=100)

    assert sum("came after" in what for what in wrong) == 2
