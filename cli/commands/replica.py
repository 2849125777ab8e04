"""`decisionlog replica`."""

from __future__ import annotations

import click

from cli import options
from cli.bootstrap import clock, freeze_gc
from cli.errors import CommandFailed
from cli.kafka_workers import build_topics, connect_broker, kafka_errors, run_worker
from cli.replica_reader import open_replica_database
from cli.settings import Settings
from cli.settings_loading import load_settings
from consumers.kafka.event_consumer import TopicFeed
from consumers.kafka.log_api import LogApi
from consumers.kafka.name_replicator import NameReplicator, NoNames
from consumers.kafka.replica_session import WrongLog
from consumers.kafka.replica_worker import ReplicaWorker
from projections.read_model.model import ReadModel


@click.command()
@click.option(
    "--into",
    "replica",
    type=options.AddressParam(),
    help="Target: a file, postgresql://... (?schema=), or @FILE with the address.  [DECISIONLOG_REPLICA]",
)
def replica(replica: str | None) -> None:
    """Keep a replica of the read model fed from Kafka.

    It reads the topic that `decisionlog publish` writes. Missing entries are fetched from the server in
    DECISIONLOG_UPSTREAM; without one, the replica waits for them. Only one process is active; the
    others wait to take over.
    """
    keep_replica(load_settings(replica=replica))


def keep_replica(settings: Settings) -> None:
    """Keep a replica up to date until terminated; wait while another process does.

    Raises:
        CommandFailed: no target is set, or it contains something else.
    """
    database = open_replica_database(settings)
    token = settings.token.get_secret_value() if settings.token else None
    upstream = LogApi(settings.upstream, token) if settings.upstream and token else None
    with kafka_errors():
        broker, topics = connect_broker(settings), build_topics(settings)
        people = NameReplicator(broker, topics, clock) if settings.kafka_people else NoNames()
        model = ReadModel(database, clock)
        freeze_gc()
        try:
            run_worker(
                ReplicaWorker(model, TopicFeed(broker, topics), upstream, clock, extensions=[people], notify=click.echo)
            )
        except WrongLog as error:
            message = str(error)
            raise CommandFailed(f"{message[:1].upper()}{message[1:]}.") from error
        finally:
            model.close()
    click.echo("Stopped.")
