"""Open a replica that another process keeps up to date, to serve it or to show its status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.bootstrap import POLL_INTERVAL_S, clock, set_access
from cli.errors import CommandFailed, Exit
from cli.settings import Settings
from eventlog.dsn import is_dsn, without_secret
from eventlog.worker_status import WorkerStatus
from projections.read_model import schema
from projections.read_model.continuous_check import Sampler
from projections.read_model.database import Database
from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel
from projections.read_model.replica_state import Replica
from projections.read_model.runner import Runner


@dataclass(frozen=True)
class OpenReplica:
    """An open replica, its read model and runner, and where it is."""

    replica: Replica
    model: ReadModel
    runner: Runner
    place: str


def open_replica_database(settings: Settings) -> Database:
    """Open the database of the replica.

    Raises:
        CommandFailed: none is set, or it is the log's own.
    """
    where = settings.replica
    if not where:
        raise CommandFailed("Set the replica with --into or DECISIONLOG_REPLICA: a file, or postgresql://...")
    if is_dsn(where):
        if where == settings.store:
            raise CommandFailed("The log itself is at this address. Use another database or ?schema= for the replica.")
        return open_database(where)
    if "://" in where:  # not printed: it may contain a password
        raise CommandFailed("The address of a replica must be a file name or start with postgresql://.")
    path = Path(where)
    if path.resolve() in (settings.log_file.resolve(), settings.model_file.resolve()):
        raise CommandFailed(f"{path} belongs to the log itself. Use another file for the replica.")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open_database(path)


def build_replica_status(replica: Replica, place: str) -> tuple[WorkerStatus, bool]:
    """Return the status of a replica, and whether it is working."""
    state = replica.read_state()
    waits_for = f"waiting for position {state.missing_position}" if state.missing_position else None
    status = WorkerStatus(
        "replica",
        place,
        state.polled_at,
        state.position,
        state.lag,
        failing=waits_for is not None,
        error=waits_for or state.error or None,
        error_at=state.polled_at if waits_for else state.error_at,
    )
    return status, status.is_working(clock())


@contextmanager
def open_replica(settings: Settings) -> Iterator[OpenReplica]:
    """Open a replica for reading.

    Raises:
        CommandFailed: there is none, or this version cannot read it.
    """
    database = open_replica_database(settings)
    place = without_secret(settings.replica) if is_dsn(settings.replica) else settings.replica
    start = f"run `decisionlog replica --into {place}`"
    try:
        damage = database.check()
    except database.transient_errors as error:
        raise CommandFailed(
            f"Cannot read the replica in {place}: {error}. Check its disk, and {start}.", Exit.LOG_UNAVAILABLE
        ) from error
    if damage:
        raise CommandFailed(f"No replica in {place}: {damage}. To create one, {start}.")
    model = ReadModel(database, clock)
    try:
        with model.read() as read:
            found = read.one("select version from projection", {})
        if found != (schema.VERSION,):
            raise CommandFailed(f"The replica in {place} was made by another version. To update it, {start}.")
        replica = Replica(model)
        set_access(replica, settings)
        if not replica.exists():
            raise CommandFailed(f"No replica in {place}. To create one, {start}.")
        runner = Runner(replica, model, poll_s=POLL_INTERVAL_S, external=True)
        runner.start()
        sampler = Sampler(replica, model, runner)
        sampler.start()
        try:
            yield OpenReplica(replica, model, runner, place)
        finally:
            sampler.stop()
            runner.stop()
    finally:
        model.close()
