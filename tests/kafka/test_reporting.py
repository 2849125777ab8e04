"""A worker's word on itself."""

from consumers.kafka.status_reporter import OFTEN, Reporter
from eventlog.worker_status import workers_at


class Clock:
    def __init__(self):
        self.now = 10 * OFTEN

    def __call__(self):
        return self.now


def at(tmp_path, clock, place="t.events"):
    workers = workers_at(tmp_path / "log.sqlite3")
    return Reporter(workers, "publisher", place, clock), lambda: workers.of("publisher")


def test_how_far_it_is_is_said_now_and_then(tmp_path):
    """At most once a second, but at once when what failed works again, and at the end."""
    clock = Clock()
    reporter, sheet = at(tmp_path, clock)
    reporter.done(1)
    reporter.done(2)
    assert sheet().position == 1
    clock.now += OFTEN
    reporter.done(3)
    assert sheet().position == 3
    reporter.failed(OSError("no  broker\n"))
    assert (sheet().failing, sheet().error) == (True, "no broker")
    reporter.done(4)
    assert (sheet().position, sheet().failing, sheet().error) == (4, False, "no broker")
    reporter.done(5)
    reporter.last()
    assert sheet().position == 5


def test_the_next_process_goes_on_with_the_sheet(tmp_path):
    """What fails at once is said of the position the one before had reached; another topic is begun anew."""
    clock = Clock()
    at(tmp_path, clock)[0].done(7, topic="id")
    again, sheet = at(tmp_path, clock)
    again.failed(OSError("no broker"))
    assert (sheet().position, sheet().topic, sheet().failing) == (7, "id", True)

    at(tmp_path, clock, "other.events")[0].failed(OSError("no broker"))
    assert (sheet().position, sheet().topic) == (0, "")


def test_who_cannot_be_told_does_not_stop_the_work(tmp_path, caplog):
    """A full disk is a warning, and no more."""
    (tmp_path / "workers").write_text("in the way")
    reporter, _ = at(tmp_path, Clock())

    reporter.done(1)

    assert "How far the publisher is cannot be told" in caplog.text
