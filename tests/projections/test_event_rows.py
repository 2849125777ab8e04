"""An entry can be restored from its row in the table `event`, and loses its texts there as in the log."""

from __future__ import annotations

from pathlib import Path

from identity.decision_log import DecisionLog
from projections.read_model.event_rows import entry_from_row, event_row, without_texts
from tests.faults.logs import do, write_log


def test_an_entry_is_read_back_from_its_row(tmp_path: Path) -> None:
    """For every type of event, the row restores all of the entry but the event's own id."""
    write_log(tmp_path / "log", 300, seed=5)
    with DecisionLog.open(tmp_path / "log", clock=lambda: 1) as log:
        entries = log.read(0, 1_000)

    assert len({entry.type for entry in entries}) > 45
    for entry in entries:
        assert entry_from_row(event_row(entry)) == entry._replace(metadata=entry.metadata._replace(id="")), entry.type


def test_rows_lose_the_texts_that_the_log_erases(tmp_path: Path) -> None:
    """For every type of event, a row without texts equals the row of the entry whose texts the log has erased."""
    write_log(tmp_path / "log", 300, seed=6)
    with DecisionLog.open(tmp_path / "log", clock=lambda: 2_000_000_000_000_000) as log:
        log.default_role = "admin"
        before = log.read(0, 1_000)
        for first in range(0, len(before), 100):
            positions = [entry.position for entry in before[first : first + 100]]
            do(log, [[{"type": "EraseTexts", "subject": log.id, "positions": positions}]])
        after = log.read(0, len(before))

    changed = 0
    for old, new in zip(before, after, strict=True):
        assert event_row(without_texts(entry_from_row(event_row(old)))) == event_row(new), old.type
        changed += event_row(old) != event_row(new)
    assert changed > 100
