"""Long reads happen in a thread, so that the event loop stays responsive."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.errors import NotAllowed
from eventlog import library_application, supersessions
from eventlog.long_reads import MAX_ENTRIES_IN_LOOP
from identity.decision_log import DecisionLog
from tests.eventlog.support import do, open_log

LONG = MAX_ENTRIES_IN_LOOP + 200


@pytest.fixture
def log(place: Path | str) -> Iterator[DecisionLog]:
    with open_log(place) as opened:
        do(opened, {"type": "RegisterPerson", "key": "ann", "name": "Ann"})
        do(opened, {"type": "DefineProduct", "key": "shop", "title": "Shop"})
        yield opened


def attribute(n: int, subject: str = "product:shop") -> dict[str, Any]:
    return {"type": "SetAttribute", "subject": subject, "name": "size", "value": str(n)}


def decision(key: str) -> dict[str, Any]:
    return {"type": "RecordDecision", "key": key, "title": key, "decision": "D.", "why": "W.", "accountable": "Ann"}


def test_a_long_subject_is_folded_in_a_thread(log: DecisionLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first command on a subject with many entries folds them outside the event loop, and only once."""
    do(log, *map(attribute, range(LONG)))
    log.application.clear_cache()
    folded: list[tuple[int, bool]] = []
    fold = library_application.fold

    def watched(state: Any, entries: Any) -> Any:
        after = fold(state, entries)
        folded.append((after.version - state.version, threading.current_thread() is threading.main_thread()))
        return after

    monkeypatch.setattr(library_application, "fold", watched)
    do(log, attribute(0))
    do(log, attribute(1))

    assert [apart for entries, apart in folded if entries > MAX_ENTRIES_IN_LOOP] == [False]
    assert log.state("product:shop").version == LONG + 3


def test_voiding_an_accepted_decision_reads_a_long_log_in_a_thread(
    log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a decision superseded is found by an index that is read in a thread and then kept."""
    for key in ("old", "new"):
        do(log, decision(key))
    do(log, {"type": "SupersedeDecision", "subject": "decision:old", "by": ["new"]})
    do(log, *map(attribute, range(LONG)))
    read: list[bool] = []
    read_until = supersessions.Supersessions._read_until

    def watched(index: Any, size: int) -> None:
        if size - index._position > MAX_ENTRIES_IN_LOOP:
            read.append(threading.current_thread() is threading.main_thread())
        read_until(index, size)

    monkeypatch.setattr(supersessions.Supersessions, "_read_until", watched)
    accepted = next(e.position for e in log.stream("decision:new") if e.type.startswith("DecisionRecorded."))
    wrong = {"type": "VoidEntry", "subject": "decision:new", "position": accepted, "why": "Wrong."}
    for _ in range(2):
        with pytest.raises(NotAllowed, match="decision:new supersedes decision:old"):
            do(log, wrong)

    assert read == [False]


def test_erasing_drops_only_the_states_that_hold_the_texts(log: DecisionLog) -> None:
    """Only the subjects of the erased entries are read again, and the erased text is in no result."""
    position = do(log, {"type": "SetVision", "subject": "product:shop", "vision": "Secret."}).position
    kept = log.application.cached_state("person:ann")
    do(log, {"type": "EraseTexts", "subject": log.id, "positions": [position]})

    assert log.application.cached_state("person:ann") is kept
    assert log.application.cached_state("product:shop") is None
    assert log.state("product:shop").value_at("vision", log.head().recorded_at) == "[erased]"
    assert "Secret." not in repr(log.read(0, 100))


def test_texts_erased_elsewhere_are_dropped_from_the_cache(tmp_path: Path) -> None:
    """What another process erased is dropped from the cache, and nothing else is."""
    from tests.support_postgresql import fresh_schema

    with fresh_schema() as address, open_log(address) as log, open_log(address, entropy=lambda n: b"x" * n) as other:
        do(log, {"type": "RegisterPerson", "key": "ann", "name": "Ann"})
        position = do(log, {"type": "DefineProduct", "key": "shop", "title": "S", "description": "Secret."}).position
        _read_until_cached(other, "person:ann", "product:shop")
        kept = other.application.cached_state("person:ann")
        forgotten = do(log, {"type": "EraseTexts", "subject": log.id, "positions": [position]}).position
        other.application.on_erased(forgotten)
        assert other.application.cached_state("person:ann") is kept
        assert "Secret." not in repr(other.state("product:shop"))


def _read_until_cached(log: DecisionLog, *subjects: str) -> None:
    """What is read while news of another process arrives is not kept; so it is read again until it is."""
    deadline = time.monotonic() + 60
    while not all(map(log.application.cached_state, subjects)):
        assert time.monotonic() < deadline
        for subject in subjects:
            log.state(subject)
        time.sleep(0.02)
