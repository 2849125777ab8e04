"""A worker reports its status."""

from cli.commands.status import format_worker
from consumers.kafka.status_reporter import REPORT_INTERVAL_US, StatusReporter, without_repeats
from eventlog.worker_status import workers_at


class Clock:
    def __init__(self):
        self.now = 10 * REPORT_INTERVAL_US

    def __call__(self):
        return self.now


def at(tmp_path, clock, place="t.events"):
    workers = workers_at(tmp_path / "log.sqlite3")
    return StatusReporter(workers, "publisher", place, clock), lambda: workers.find("publisher")


def test_progress_is_stored_once_per_interval(tmp_path):
    """Progress is stored once a second, and at once after a failure and at the end."""
    clock = Clock()
    reporter, sheet = at(tmp_path, clock)
    reporter.report_progress(1)
    reporter.report_progress(2)
    assert sheet().position == 1
    clock.now += REPORT_INTERVAL_US
    reporter.report_progress(3)
    assert sheet().position == 3
    reporter.report_failure(OSError("no  broker\n"))
    assert (sheet().failing, sheet().error) == (True, "no broker")
    reporter.report_progress(4)
    assert (sheet().position, sheet().failing, sheet().error) == (4, False, "no broker")
    reporter.report_progress(5)
    reporter.flush()
    assert sheet().position == 5


def test_the_next_process_continues_the_status(tmp_path):
    """A new process continues the status of the previous one for the same topic."""
    clock = Clock()
    at(tmp_path, clock)[0].report_progress(7, topic="id")
    again, sheet = at(tmp_path, clock)
    again.report_failure(OSError("no broker"))
    assert (sheet().position, sheet().topic, sheet().failing) == (7, "id", True)

    at(tmp_path, clock, "other.events")[0].report_failure(OSError("no broker"))
    assert (sheet().position, sheet().topic) == (0, "")


def test_a_failure_is_said_once(tmp_path):
    """The process that works says when it begins to fail and when it works again, not at each retry."""
    said = []
    clock = Clock()
    reporter = StatusReporter(workers_at(tmp_path / "log.sqlite3"), "publisher", "t", clock, notify=said.append)

    unreachable = "KafkaTimeoutError: Unable to bootstrap from ['one:9092', 'two:9092']"
    for error in (OSError(unreachable), OSError("no broker at all")):
        reporter.report_failure(error)
    for position in (7, 8):
        reporter.report_progress(position)

    assert said == [
        "The publisher is failing, and keeps trying: no broker answers at one:9092, two:9092",
        "The publisher works again, at position 7.",
    ]


def test_a_worker_that_ends_does_not_say_that_it_keeps_trying(tmp_path):
    """An error that ends the worker is stored; the command prints it."""
    said = []
    workers = workers_at(tmp_path / "log.sqlite3")
    reporter = StatusReporter(workers, "publisher", "t", Clock(), notify=said.append)

    reporter.report_failure(OSError("another log"), final=True)

    assert said == []
    assert workers.find("publisher").error == "another log"


def test_a_message_is_not_repeated():
    """A worker that starts again and again says once where it starts."""
    said = []
    notify = without_repeats(said.append)

    for message in ("from 1", "from 1", "from 2", "from 1"):
        notify(message)

    assert said == ["from 1", "from 2", "from 1"]


def test_a_worker_that_recovered_and_was_stopped_is_not_failing():
    """Only a worker whose last report was its error is failing."""
    worker = {"name": "publisher", "place": "t", "working": False, "position": 7, "lag": 0, "error": "no broker"}
    early, late = "2026-11-28T03:09:57.330040Z", "2026-11-28T03:10:31.203895Z"

    assert "not running" in format_worker(worker | {"error_at": early, "seen_at": late})
    assert "failing" in format_worker(worker | {"error_at": late, "seen_at": late})


def test_a_failing_store_does_not_stop_the_work(tmp_path, caplog):
    """If the status cannot be stored, a warning is logged, once for each cause."""
    (tmp_path / "workers").write_text("in the way")
    clock = Clock()
    reporter, _ = at(tmp_path, clock)

    for position in (1, 2, 3):
        clock.now += REPORT_INTERVAL_US
        reporter.report_progress(position)

    assert caplog.text.count("The status of the publisher cannot be stored") == 1
