"""Connect to Kafka as the settings say, and run a worker while no other process runs it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Final, Protocol

import click

from cli.bootstrap import clock, open_read_model_database
from cli.errors import CommandFailed
from cli.settings import Settings
from cli.table import print_note
from consumers.kafka.broker import Broker, KafkaClientMissing, require_client
from consumers.kafka.status_reporter import StatusReporter
from consumers.kafka.topic_reader import CannotPublish
from consumers.kafka.topics import InvalidTopic, Topics
from eventlog.worker_status import workers_at

CLAIM_INTERVAL_S: Final = 0.5
"""How often a standby tries to become active."""


class Worker(Protocol):
    """A worker that runs until it is stopped."""

    def run(self) -> None:
        """Run until `stop` is called."""

    def stop(self) -> None:
        """Make `run` return."""


def connect_broker(settings: Settings) -> Broker:
    """Return the brokers that the settings name."""
    secrets = {"sasl_password": settings.kafka_sasl_password, "ssl_password": settings.kafka_ssl_password}
    files = {
        "ssl_cafile": settings.kafka_ssl_cafile,
        "ssl_certfile": settings.kafka_ssl_certfile,
        "ssl_keyfile": settings.kafka_ssl_keyfile,
    }
    return Broker.from_addresses(
        settings.kafka_bootstrap_servers,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_username=settings.kafka_sasl_username,
        **{name: secret.get_secret_value() if secret else None for name, secret in secrets.items()},
        **{name: str(path) if path else None for name, path in files.items()},
    )


def build_topics(settings: Settings) -> Topics:
    """Return the topics that the settings name."""
    return Topics(settings.kafka_prefix, settings.kafka_retention_days, settings.kafka_replication_factor)


def build_reporter(settings: Settings, name: str, place: str) -> StatusReporter:
    """Return the reporter of a worker's status, which also prints when the worker begins to fail."""
    return StatusReporter(workers_at(settings.log), name, place, clock, notify=print_note)


def run_worker(worker: Worker) -> None:
    """Run a worker until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    worker.run()


@contextmanager
def kafka_errors() -> Iterator[None]:
    """Check that the Kafka client is installed, and turn expected errors into messages.

    Raises:
        CommandFailed: an expected error occurred.
    """
    try:
        require_client()
        yield
    except (KafkaClientMissing, InvalidTopic, CannotPublish) as error:
        message = str(error)
        raise CommandFailed(f"{message[:1].upper()}{message[1:].rstrip('.')}.") from error


@contextmanager
def become_active(settings: Settings, name: str) -> Iterator[bool]:
    """Wait until no other process is the active worker of this name; False if this one was terminated first."""
    is_stopped = False

    def stop(*_: object) -> None:
        nonlocal is_stopped
        is_stopped = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with closing(open_read_model_database(settings).writer()) as writer:
        is_standby = False
        while not is_stopped and not writer.try_lock(name):
            if not is_standby:
                click.echo(f"Standby: another {name} is active.")
            is_standby = True
            time.sleep(CLAIM_INTERVAL_S)
        yield not is_stopped
