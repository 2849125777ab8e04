"""`decisionlog publish`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from cli import options
from cli.bootstrap import open_read_only
from cli.kafka_workers import become_active, build_reporter, build_topics, connect_broker, kafka_errors, run_worker
from cli.settings import Settings
from cli.settings_loading import load_settings
from consumers.kafka.people_publisher import PeoplePublisher
from consumers.kafka.publisher import Publisher
from identity.decision_log import DecisionLog

PUBLISHER: Final = "publisher"


@click.command()
@options.data
def publish(data: Path | None) -> None:
    """Publish entries to Kafka.

    Entries are published in order and at least once, also while a server is running. Only one publisher is active;
    the others wait to take over.
    """
    publish_log(load_settings(data=data))


def publish_log(settings: Settings) -> None:
    """Publish until terminated; wait while another publisher is active.

    Raises:
        CommandFailed: there is no log, or the topic cannot be used.
    """
    with kafka_errors(), open_read_only(settings) as log, become_active(settings, PUBLISHER) as is_active:
        if is_active:
            topics = build_topics(settings)
            reporter = build_reporter(settings, PUBLISHER, topics.events.name)
            with _publish_people(settings, log):
                run_worker(Publisher(log, connect_broker(settings), topics, reporter, notify=click.echo))
    click.echo("Stopped.")


@contextmanager
def _publish_people(settings: Settings, log: DecisionLog) -> Iterator[None]:
    """Publish the names of people in the background if the settings ask for it."""
    if not settings.kafka_people:
        yield
        return
    people = PeoplePublisher(log.directory, connect_broker(settings), build_topics(settings))
    people.start()
    try:
        yield
    finally:
        people.stop()
