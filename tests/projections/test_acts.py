"""An entry can be read back from the row of its act, and loses its texts there as it does in the log."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from eventlog.log import DecisionLog
from projections.event_rows import entry_from_row, event_row, without_texts
from tests.faults.logs import do, write_log


def test_an_entry_is_read_back_from_its_row(tmp_path: Path) -> None:
    """Of every kind of event: all but the event's own id is there again."""
    write_log(tmp_path / "log", 300, seed=5)
    with DecisionLog.open(tmp_path / "log", clock=lambda: 1) as log:
        entries = log.read(0, 1_000)

    assert len({entry.type for entry in entries}) > 45
    for entry in entries:
        assert entry_from_row(event_row(entry)) == replace(entry, metadata=replace(entry.metadata, id="")), entry.type


def test_texts_are_lost_as_in_the_log(tmp_path: Path) -> None:
    """A row without its texts is the row of the entry whose texts the log has forgotten, for every kind of event."""
    write_log(tmp_path / "log", 300, seed=6)
    with DecisionLog.open(tmp_path / "log", clock=lambda: 2_000_000_000_000_000) as log:
        before = log.read(0, 1_000)
        for first in range(0, len(before), 100):
            positions = [entry.position for entry in before[first : first + 100]]
            do(log, [[{"type": "EraseTexts", "subject": log.id, "positions": positions}]])
        after = log.read(0, len(before))

    changed = 0
    for had, has in zip(before, after, strict=True):
        assert event_row(without_texts(entry_from_row(event_row(had)))) == event_row(has), had.type
        changed += event_row(had) != event_row(has)
    assert changed > 100
