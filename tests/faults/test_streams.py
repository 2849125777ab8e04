"""Publishing stands whatever dies; what does not is caught."""

from random import Random

import pytest

from cli.wiring import clock
from consumers.kafka.broker import Broker
from eventlog.log import DecisionLog
from tests.faults.logs import write_log
from tests.faults.streams import EARLY, Careless, finish, kill_brokers, kill_publisher, wrong_with
from tests.faults.twins import caught
from tests.kafka.broker import Cluster, missing

MISSING = "a reader stands at"


def killed(servers, folder, prefix, rounds, *command):
    """What is wrong after a publisher was killed so often."""
    with DecisionLog.open(folder / "log.sqlite3", clock=clock) as log:
        for n in range(rounds):
            kill_publisher(servers, folder, log, prefix, Random(n), *command)
        finish(servers, folder, log, prefix, *command)
        told, wrong = wrong_with(servers, f"{prefix}.events", log)
        assert told.messages > 100
        return wrong


def test_a_publisher_that_is_killed_loses_nothing(tmp_path, bootstrap_servers, prefix):
    """Killed at any moment under load, it goes on so that a reader ends with every entry."""
    assert killed(bootstrap_servers, tmp_path, prefix, 2) == []


def test_a_publisher_that_counts_what_it_has_sent_is_caught(tmp_path, bootstrap_servers, prefix):
    """The sabotaged twin takes for published what is still under way, and a kill shows it."""

    def tried(n):
        (folder := tmp_path / str(n)).mkdir()
        return killed(bootstrap_servers, folder, f"{prefix}-{n}", 1, EARLY)

    assert caught(MISSING, tried)


@pytest.fixture(scope="module")
def mortal(tmp_path_factory):
    """A log, and a broker of our own to kill."""
    if reason := missing(own=True):
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("mortal")
    write_log(folder / "log.sqlite3", 600, 1)
    with (
        DecisionLog.open(folder / "log.sqlite3", clock=clock, read_only=True) as log,
        Cluster(folder / "kafka") as cluster,
    ):
        yield log, cluster


def died(mortal, prefix, broker):
    """What is wrong after the only broker was killed while a log was published."""
    log, cluster = mortal
    wrong = list(kill_brokers(log, cluster, 1, Random(1), broker, prefix))
    return wrong or wrong_with(cluster.bootstrap_servers, f"{prefix}.events", log)[1]


def test_a_broker_that_is_killed_loses_nothing(mortal, prefix):
    """Killed while a log is published and started again, it has every entry in order."""
    assert died(mortal, prefix, Broker) == []


def test_a_producer_that_does_not_wait_is_caught(mortal, prefix):
    """The sabotaged twin takes for arrived what is on the wire; what the dead broker never read is then missing."""
    assert caught(MISSING, lambda n: died(mortal, f"{prefix}-{n}", Careless))
