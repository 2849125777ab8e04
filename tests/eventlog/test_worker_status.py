"""The status that background workers save."""

from contextlib import contextmanager

import pytest

from eventlog.worker_status import WORKER_TIMEOUT_US, WorkerStatus, workers_at
from identity.decision_log import DecisionLog
from tests.support_postgresql import fresh_schema


@contextmanager
def in_folder(tmp_path):
    yield tmp_path / "log.sqlite3"


@contextmanager
def in_database(tmp_path):
    with fresh_schema() as url:
        DecisionLog.open(url, clock=lambda: 1).close()
        yield url


@pytest.mark.parametrize("place", [in_folder, in_database])
def test_the_last_status_of_a_worker_is_returned(place, tmp_path):
    """Each worker has one status, which another process can read; before the first there is none."""
    with place(tmp_path) as where:
        workers = workers_at(where)
        assert workers.all() == []
        first = WorkerStatus("publisher", "decisionlog.events", 5, 7, topic="abc")
        workers.save(first)
        workers.save(WorkerStatus("consumer", "decisionlog.commands", 6, behind=3))
        workers.save(first.with_error("no broker", 9))

        assert workers_at(where).all() == [
            WorkerStatus("consumer", "decisionlog.commands", 6, behind=3),
            WorkerStatus("publisher", "decisionlog.events", 9, 7, None, True, "no broker", 9, "abc"),
        ]
        assert workers.find("publisher").position == 7
        assert workers.find("replica") is None


def test_a_worker_that_is_silent_or_failing_is_not_working():
    """A worker counts as working while it saves its status and nothing fails."""
    sheet = WorkerStatus("publisher", "t", 100)

    assert sheet.is_working(100 + WORKER_TIMEOUT_US - 1)
    assert not sheet.is_working(100 + WORKER_TIMEOUT_US)
    assert not sheet.with_error("no broker", 101).is_working(102)


def test_the_lag_of_a_worker():
    """The lag is what the log has more, or the number of waiting messages that the worker reports."""
    assert WorkerStatus("publisher", "t", 0, 7).lag(10) == 3
    assert WorkerStatus("publisher", "t", 0, 7).lag(5) == 0
    assert WorkerStatus("consumer", "t", 0, 7, behind=2).lag(10) == 2


def test_an_invalid_status_file_is_ignored(tmp_path):
    """A file that is truncated or has other fields is skipped."""
    workers = workers_at(tmp_path / "log.sqlite3")
    workers.save(WorkerStatus("publisher", "t", 0))
    (tmp_path / "workers" / "a.json").write_text("{")
    (tmp_path / "workers" / "b.json").write_text('{"other": 1}')

    assert [sheet.name for sheet in workers.all()] == ["publisher"]
