"""Who follows the log misses nothing."""

from eventlog.committer import Committer
from tests.faults.tail import Troubled, tail

EVENTS = 5_000


def test_readers_miss_nothing(tmp_path):
    """While 32 clients write, with pauses in the lock and rollbacks, both ways to follow give every position in order."""
    assert list(tail(tmp_path / "log.sqlite3", EVENTS, pauses=0.3, longest=0.1)) == []

    assert Troubled.rolled_back


def test_a_log_that_leaves_a_gap_is_caught(tmp_path, monkeypatch):
    """Where a rolled-back unit takes its position with it, as a sequence does, both readers meet the gap."""
    placed = Committer._placed

    def with_gaps(self, event):
        if self.head.size == 100:  # each time it is tried: the first try may be one that is rolled back
            placed(self, event)
        return placed(self, event)

    monkeypatch.setattr(Committer, "_placed", with_gaps)

    wrong = list(tail(tmp_path / "log.sqlite3", 500, pauses=0))

    assert sum("came after" in what for what in wrong) == 2
