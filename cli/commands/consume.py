"""`decisionlog consume`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from eventsourcing.persistence import OperationalError

from cli import options
from cli.bootstrap import clock, find_writer, freeze_gc, open_for_write, open_read_only
from cli.errors import CommandFailed
from cli.kafka_workers import become_active, build_reporter, build_topics, connect_broker, kafka_errors, run_worker
from cli.remote_log import connect_to_writer
from cli.settings import Settings
from cli.settings_loading import load_settings
from consumers.kafka.command_consumer import CommandConsumer
from decisionlog_client.errors import ClientError, NotSignedIn
from domain.errors import Forbidden, Refused
from eventlog.entry import Caller, Receipt, Sink, Transaction
from eventlog.errors import LogInUseError
from identity.decision_log import DecisionLog

CHANNEL: Final = "kafka"
CONSUMER: Final = "consumer"


@click.command()
@options.data
def consume(data: Path | None) -> None:
    """Consume commands from Kafka.

    The outcome of each command is published to another topic. Each command takes effect once. Only one consumer is
    active; the others wait to take over.
    """
    run_consumer(load_settings(data=data))


def run_consumer(settings: Settings) -> None:
    """Consume commands until terminated; wait while another consumer is active.

    Raises:
        CommandFailed: there is no log, or no service to record the commands for.
    """
    if not settings.store:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)  # as when a log is created
    with kafka_errors(), become_active(settings, CONSUMER) as is_active:
        if is_active:
            _consume(settings)
    click.echo("Stopped.")


def _consume(settings: Settings) -> None:
    with _open_sink(settings) as (log, sink, caller):
        freeze_gc()
        broker, topics = connect_broker(settings), build_topics(settings)
        reporter = build_reporter(settings, CONSUMER, topics.commands.name)
        run_worker(
            CommandConsumer(sink, broker, topics, caller, reporter, log_id=log.id, clock=clock, notify=click.echo)
        )


@dataclass(frozen=True, slots=True)
class RemoteSink:
    """The log of the server next to this process. While it does not answer or refuses the token, the commands wait."""

    settings: Settings

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Apply transactions in order, each with its own outcome.

        Raises:
            Forbidden: the token has expired or was revoked. The commands stay in the topic, to be applied with another.
            OperationalError: there is no server, or it did not answer. After a restart it may have another address.
        """
        found = find_writer(self.settings)
        if found is None:
            raise OperationalError("the log's server is not running; start it with `decisionlog serve`")
        try:
            with connect_to_writer(found, self.settings) as server:
                return await server.execute_many(transactions)
        except NotSignedIn as error:
            raise _token_has_ended(self.settings) from error
        except (CommandFailed, ClientError) as error:
            raise OperationalError(str(error)) from error


@dataclass(frozen=True, slots=True)
class LocalSink:
    """The log that this process has open. If the consumer's own token has ended, no command is rejected for it."""

    log: DecisionLog
    settings: Settings

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Apply transactions in order, each with its own outcome.

        Raises:
            Forbidden: the token has expired or was revoked. The commands stay in the topic, to be applied with another.
        """
        outcomes = await self.log.execute_many(transactions)
        token = self.settings.token
        if token is None or not any(isinstance(each, Forbidden) for each in outcomes):
            return outcomes
        self.log.tokens.clear_cache()
        if find_holder(self.log, token.get_secret_value()) is None:
            raise _token_has_ended(self.settings)
        return outcomes


def _token_has_ended(settings: Settings) -> Forbidden:
    return Forbidden(
        "the consumer's token has expired or was revoked. Create another with `decisionlog token create "
        f"{settings.kafka_service}`, set DECISIONLOG_TOKEN to it, and restart the consumer"
    )


@contextmanager
def _open_sink(settings: Settings) -> Iterator[tuple[DecisionLog, Sink, Caller]]:
    """Open the log and the sink of commands, and resolve their caller."""
    try:
        with open_for_write(settings) as log:
            yield log, LocalSink(log, settings), resolve_service(settings, lambda secret: find_holder(log, secret))
    except LogInUseError as found:
        with connect_to_writer(found, settings) as server, open_read_only(settings) as log:
            caller = resolve_service(settings, lambda _secret: server.caller(CHANNEL), needs_token=True)
            yield log, RemoteSink(settings), caller


def resolve_service(
    settings: Settings, find_holder: Callable[[str], Caller | None], *, needs_token: bool = False
) -> Caller:
    """Return the service for which commands are recorded: the token's holder, or without a token the configured one.

    Raises:
        CommandFailed: the token is missing or unknown, or its holder is not a service.
    """
    if settings.token is None and not needs_token:
        return Caller(settings.kafka_service, "local", CHANNEL)
    caller = find_holder(settings.token.get_secret_value()) if settings.token else None
    if caller is None or not caller.actor.startswith("service:"):
        raise CommandFailed(
            "Commands from a topic are recorded for a service, so the token must belong to one. Create it with "
            f"`decisionlog token create {settings.kafka_service}`, and set DECISIONLOG_TOKEN to it."
        )
    return caller


def find_holder(log: DecisionLog, secret: str) -> Caller | None:
    token = log.tokens.find(secret)
    return token.caller(CHANNEL) if token else None
