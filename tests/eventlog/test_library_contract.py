"""The recorder is one of the `eventsourcing` library's own: it passes that library's tests."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.tests.persistence import ApplicationRecorderTestCase

from eventlog.library_recorder import LogRecorder
from eventlog.log import open_store
from identity.decision_log import DecisionLog
from tests.eventlog.support import Clock, do, open_log, where
from tests.support_postgresql import fresh_schema


class TestLogRecorder(ApplicationRecorderTestCase[LogRecorder]):
    def new_originator_id(self) -> str:
        return str(uuid4())

    def place(self) -> Path | str:
        return Path(self.enterContext(tempfile.TemporaryDirectory()))

    def create_recorder(self) -> LogRecorder:
        store = open_store(where(self.place()), clock=Clock())
        self.addCleanup(store.close)
        return LogRecorder(store)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestLogRecorderOnPostgreSQL(TestLogRecorder):
    def place(self) -> Path | str:
        return self.enterContext(fresh_schema())


def event(version: int, topic: str = "t") -> StoredEvent:
    return StoredEvent(originator_id="x:1", originator_version=version, topic=topic, state=b"{}")


@pytest.fixture
def recorder(place: Path | str) -> Any:
    store = open_store(where(place), clock=Clock())
    yield LogRecorder(store)
    store.close()


def test_a_stream_has_no_gaps(recorder: LogRecorder) -> None:
    """Where the library's recorders accept version 5 after 1, this one refuses and writes nothing."""
    recorder.insert_events([event(1)])
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(5)])
    with pytest.raises(IntegrityError):
        recorder.insert_events([event(2), event(4)])
    assert recorder.max_notification_id() == 1


def test_the_state_holds_the_texts_after_a_line_break(recorder: LogRecorder) -> None:
    """The state is split at its first line break into event and texts, and joined again."""
    stored = StoredEvent(originator_id="x:1", originator_version=1, topic="t", state=b'{"a":1}\n{"/a":["00","b"]}')
    recorder.insert_events([stored])
    (row,) = recorder.store.rows(0, 1)
    assert (row.event, row.texts) == (b'{"a":1}', b'{"/a":["00","b"]}')
    assert recorder.select_events("x:1")[0].state == stored.state


def test_a_notification_has_the_recorded_time(recorder: LogRecorder) -> None:
    """Notifications carry the recorded time, and no two are the same."""
    recorder.insert_events([event(1), event(2)])
    first, second = recorder.select_notifications(1, 10)
    assert first.recorded_at < second.recorded_at


def test_a_subscription_with_topics_advances_past_other_events(recorder: LogRecorder) -> None:
    """A subscription to a rare topic does not read the whole log again at every commit."""
    recorder.insert_events([event(1, "rare"), *(event(n, "common") for n in range(2, 20))])
    with recorder.subscribe(topics=["rare"]) as subscription:
        assert next(subscription).id == 1
        recorder.insert_events([event(20, "rare")])
        assert next(subscription).id == 20
        recorder.insert_events([event(21, "common"), event(22, "rare")])
        assert next(subscription).id == 22
        assert subscription._last_notification_id == 22
        recorder.insert_events([event(n, "common") for n in range(23, 30)])
        for _ in range(200):
            if subscription._last_notification_id == 29:
                break
            subscription._pull_thread.join(0.01)
        assert subscription._last_notification_id == 29


def test_the_librarys_application_reads_the_log(place: Path | str) -> None:
    """The library's event store and notification log work on a log that was written by commands."""
    with open_log(place) as log:
        do(
            log,
            {"type": "RegisterPerson", "key": "ann", "name": "Ann"},
            {"type": "RecordPersonLeft", "subject": "person:ann"},
        )
        application = log.application
        assert [entry.type for entry in application.events.get("person:ann")] == [
            "PersonRegistered.v1",
            "PersonLeft.v1",
        ]
        assert application.state("person:ann").version == 2
        section = application.notification_log["1,10"]
        assert [item.topic for item in section.items] == ["LogOpened.v1", "PersonRegistered.v1", "PersonLeft.v1"]


def test_the_library_can_save_an_entry(place: Path | str, tmp_path: Path) -> None:
    """The mapper is its own inverse, except for position and time, which the log assigns."""
    with open_log(place) as log:
        do(log, {"type": "RegisterTeam", "key": "core", "title": "Core"})
        entry = log.stream("team:core")[0]
        copied = tmp_path / "copy"
        with DecisionLog.open(copied / "log.sqlite", clock=Clock()) as other:
            other.application.save(entry)
            again = other.stream("team:core")[0]
        assert (again.subject, again.version, again.event, again.metadata) == (
            entry.subject,
            entry.version,
            entry.event,
            entry.metadata,
        )
