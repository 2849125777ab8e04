"""`decisionlog publish` and `intake`: the log out to Kafka, and commands in from it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import click
from eventsourcing.persistence import OperationalError

from cli.errors import CannotGoOn
from cli.remote import Server, server_of
from cli.settings import Settings
from cli.wiring import clock, collect_seldom, read_models, reading, writing
from consumers.kafka.broker import Broker, NoClient, must_have_client
from consumers.kafka.command_consumer import Intake, Sink
from consumers.kafka.people_topic import PeoplePublisher
from consumers.kafka.publisher import CannotPublish, Publisher
from consumers.kafka.status_reporter import Reporter
from consumers.kafka.topics import Topics, UnfitTopic
from domain.errors import Refused
from eventlog.entry import Caller, Receipt, Transaction
from eventlog.errors import LogInUseError
from eventlog.log import DecisionLog
from eventlog.worker_status import workers_at

CHANNEL: Final = "kafka"
PUBLISHER: Final = "publisher"
INTAKE: Final = "intake"
LOOK: Final = 0.5
"""Seconds between two looks whether it is this one's turn."""


class Worker(Protocol):
    """What runs until it is stopped."""

    def run(self) -> None:
        """Works."""

    def stop(self) -> None:
        """Has `run` come to its end."""


def publish(settings: Settings) -> None:
    """Publishes until it is told to end; while another process does so, stands by.

    Raises:
        CannotGoOn: there is no log, or the topic is not one to publish it to.
    """
    with sentences(), reading(settings) as log, _in_turn(settings, PUBLISHER) as turn:
        if turn:
            reporter = reporter_of(settings, PUBLISHER, topics_of(settings).events.name)
            with _people(settings, log):
                work(Publisher(log, broker_of(settings), topics_of(settings), reporter, tell=click.echo))
    click.echo("Stopped.")


def intake(settings: Settings) -> None:
    """Takes commands in until it is told to end; while another process does so, stands by.

    Raises:
        CannotGoOn: there is no log, or nobody it may speak as.
    """
    if not settings.store:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)  # as for whoever begins a log
    with sentences(), _in_turn(settings, INTAKE) as turn:
        if turn:
            _take_in(settings)
    click.echo("Stopped.")


def _take_in(settings: Settings) -> None:
    with _taking(settings) as (log, sink, caller):
        collect_seldom()
        broker, topics = broker_of(settings), topics_of(settings)
        reporter = reporter_of(settings, INTAKE, topics.commands.name)
        work(Intake(sink, broker, topics, caller, reporter, log_id=log.id, clock=clock, tell=click.echo))


@contextmanager
def _people(settings: Settings, log: DecisionLog) -> Iterator[None]:
    """Publishes names beside, where that is wanted."""
    if not settings.kafka_people:
        yield
        return
    people = PeoplePublisher(log.directory, broker_of(settings), topics_of(settings))
    people.start()
    try:
        yield
    finally:
        people.stop()


def broker_of(settings: Settings) -> Broker:
    """The brokers that the settings name."""
    secrets = {
        "sasl_password": settings.kafka_sasl_password, "ssl_password": settings.kafka_ssl_password,
    }  # fmt: skip
    files = {
        "ssl_cafile": settings.kafka_ssl_cafile, "ssl_certfile": settings.kafka_ssl_certfile,
        "ssl_keyfile": settings.kafka_ssl_keyfile,
    }  # fmt: skip
    return Broker.at(
        settings.kafka_bootstrap_servers,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        sasl_username=settings.kafka_sasl_username,
        **{name: secret.get_secret_value() if secret else None for name, secret in secrets.items()},
        **{name: str(path) if path else None for name, path in files.items()},
    )


def topics_of(settings: Settings) -> Topics:
    """The topics that the settings name."""
    return Topics(settings.kafka_prefix, settings.kafka_retention_days, settings.kafka_replication_factor)


def reporter_of(settings: Settings, name: str, place: str) -> Reporter:
    """What tells others how a worker fares."""
    return Reporter(workers_at(settings.log), name, place, clock)


def work(worker: Worker) -> None:
    """Runs a worker until either signal."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    worker.run()


@contextmanager
def sentences() -> Iterator[None]:
    """What is foreseen is said in its sentence."""
    try:
        must_have_client()
        yield
    except (NoClient, UnfitTopic, CannotPublish) as error:
        sentence = str(error)
        raise CannotGoOn(f"{sentence[:1].upper()}{sentence[1:].rstrip('.')}.") from error


@contextmanager
def _in_turn(settings: Settings, what: str) -> Iterator[bool]:
    """Waits until no other process does it; false where this one was told to end before."""
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with closing(read_models(settings).writer()) as writer:
        told = False
        while not ended and not writer.claim(what):
            if not told:
                click.echo(f"Standing by: another process is the {what}.")
            told = True
            time.sleep(LOOK)
        yield not ended


@dataclass(frozen=True, slots=True)
class ServerSink:
    """A log that a server has; a server that does not answer is one more thing that may be over soon."""

    server: Server

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Applies units in order, each with its own fate."""
        try:
            return await self.server.execute_many(transactions)
        except CannotGoOn as error:
            raise OperationalError(str(error)) from error


@contextmanager
def _taking(settings: Settings) -> Iterator[tuple[DecisionLog, Sink, Caller]]:
    """The log, where commands go, and whose act they are."""
    try:
        with writing(settings) as log:
            yield log, log, _speaker(settings, lambda secret: _holder(log, secret))
    except LogInUseError as found:
        with server_of(found, settings) as server, reading(settings) as log:
            yield log, ServerSink(server), _speaker(settings, lambda _secret: server.speaker(CHANNEL), served=True)


def _speaker(settings: Settings, holder: Callable[[str], Caller | None], *, served: bool = False) -> Caller:
    """Whose act commands are: the service's whose token it is; without one, where the log is ours to write, our own.

    Raises:
        CannotGoOn: there is no such token, or it is not a service's.
    """
    if settings.token is None and not served:
        return Caller(settings.kafka_service, "local", CHANNEL)
    caller = holder(settings.token.get_secret_value()) if settings.token else None
    if caller is None or not caller.actor.startswith("service:"):
        sentence = (
            f"Commands of a topic are a service's acts, and {'the server' if served else 'this log'} needs to know which: make a "
            f"token with `decisionlog token create {settings.kafka_service}`, and set DECISIONLOG_TOKEN to it."
        )
        raise CannotGoOn(sentence)
    return caller


def _holder(log: DecisionLog, secret: str) -> Caller | None:
    token = log.tokens.find(secret)
    return token.caller(CHANNEL) if token else None
