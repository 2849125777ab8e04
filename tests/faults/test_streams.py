"""Publishing survives the death of the publisher and of brokers; a faulty publisher is detected."""

from random import Random

import pytest

from cli.bootstrap import clock
from consumers.kafka.broker import Broker
from identity.decision_log import DecisionLog
from tests.faults.logs import write_log
from tests.faults.sabotage import is_caught
from tests.faults.streams import SABOTAGED_PUBLISHER, Unacknowledged, finish, kill_brokers, kill_publisher, wrong_with
from tests.kafka.broker import Cluster, missing

pytestmark = pytest.mark.slow

MISSING = "a reader is at"


def killed(servers, folder, prefix, rounds, *command):
    """What is wrong after a publisher was killed some times."""
    with DecisionLog.open(folder / "log.sqlite3", clock=clock) as log:
        log.default_role = "admin"
        for n in range(rounds):
            kill_publisher(servers, folder, log, prefix, Random(n), *command)
        finish(servers, folder, log, prefix, *command)
        told, wrong = wrong_with(servers, f"{prefix}.events", log)
        assert told.messages > 100
        return wrong


def test_a_killed_publisher_loses_nothing(tmp_path, bootstrap_servers, prefix):
    """After kills at any moment under load, a reader ends with every entry."""
    assert killed(bootstrap_servers, tmp_path, prefix, 2) == []


def test_a_publisher_that_confirms_too_early_is_detected(tmp_path, bootstrap_servers, prefix):
    """A publisher that saves its position before the broker has confirmed loses messages when it is killed."""

    def tried(n):
        (folder := tmp_path / str(n)).mkdir()
        return killed(bootstrap_servers, folder, f"{prefix}-{n}", 1, SABOTAGED_PUBLISHER)

    assert is_caught(MISSING, tried)


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


def test_a_killed_broker_loses_nothing(mortal, prefix):
    """After a broker was killed and restarted during publishing, it has every entry in order."""
    assert died(mortal, prefix, Broker) == []


def test_a_producer_without_acknowledgments_is_detected(mortal, prefix):
    """A producer that does not wait for acknowledgments loses what the killed broker never read."""
    assert is_caught(MISSING, lambda n: died(mortal, f"{prefix}-{n}", Unacknowledged))
