"""What the processes beside a log say of themselves."""

from contextlib import contextmanager

import pytest
from support_postgresql import fresh_schema

from eventlog.log import DecisionLog
from eventlog.worker_status import SILENT, WorkerStatus, workers_at


@contextmanager
def in_folder(tmp_path):
    yield tmp_path / "log.sqlite3"


@contextmanager
def in_database(tmp_path):
    with fresh_schema() as url:
        DecisionLog.open(url, clock=lambda: 1).close()
        yield url


@pytest.mark.parametrize("place", [in_folder, in_database])
def test_the_last_sheet_counts(place, tmp_path):
    """Each worker has one, which another process reads; before the first there is none."""
    with place(tmp_path) as where:
        workers = workers_at(where)
        assert workers.all() == []
        first = WorkerStatus("publisher", "decisionlog.events", 5, 7, topic="abc")
        workers.put(first)
        workers.put(WorkerStatus("intake", "decisionlog.commands", 6, behind=3))
        workers.put(first.failed("no broker", 9))

        assert workers_at(where).all() == [
            WorkerStatus("intake", "decisionlog.commands", 6, behind=3),
            WorkerStatus("publisher", "decisionlog.events", 9, 7, None, True, "no broker", 9, "abc"),
        ]
        assert workers.of("publisher").position == 7
        assert workers.of("replica") is None


def test_who_says_nothing_is_gone():
    """A worker is at work while it says so and nothing fails."""
    sheet = WorkerStatus("publisher", "t", 100)

    assert sheet.working(100 + SILENT - 1)
    assert not sheet.working(100 + SILENT)
    assert not sheet.failed("no broker", 101).working(102)


def test_what_is_left():
    """Who follows the log has left what the log has more; who does not says how much."""
    assert WorkerStatus("publisher", "t", 0, 7).left(10) == 3
    assert WorkerStatus("publisher", "t", 0, 7).left(5) == 0
    assert WorkerStatus("intake", "t", 0, 7, behind=2).left(10) == 2


def test_what_is_no_sheet_says_nothing(tmp_path):
    """A file that was cut off or has other fields is passed over."""
    workers = workers_at(tmp_path / "log.sqlite3")
    workers.put(WorkerStatus("publisher", "t", 0))
    (tmp_path / "workers" / "a.json").write_text("{")
    (tmp_path / "workers" / "b.json").write_text('{"other": 1}')

    assert [sheet.name for sheet in workers.all()] == ["publisher"]
