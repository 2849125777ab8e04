"""Open the log, its read model and everything around them, as the settings say."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import Final

from eventsourcing.persistence import PersistenceError

from cli.errors import CommandFailed
from cli.files import tighten_modes
from cli.settings import Settings
from cli.table import print_note
from domain.credentials import LOCAL_CREDENTIAL
from domain.scopes import SCOPES
from eventlog.entry import Caller
from eventlog.errors import DamagedLogError, LogInUseError, ReadOnlyLogError
from eventlog.ids import EntropyPool
from eventlog.lock import find_writer as find_lock_holder
from eventlog.worker_status import VERIFIER, WorkerStatus, workers_at
from identity.decision_log import DecisionLog
from projections.queries.report_hashes import ReportHashes
from projections.read_model.continuous_check import MAX_ENTRIES_AT_START, Sampler
from projections.read_model.database import Database
from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel
from projections.read_model.replica_state import Replica
from projections.read_model.runner import Runner

POLL_INTERVAL_S: Final = 0.05
"""How often to check for entries that another process wrote."""


def freeze_gc() -> None:
    """Exclude the existing objects from garbage collection, before a command reads or writes many entries."""
    gc.collect()
    gc.freeze()


def clock() -> int:
    """Return the system time in microseconds since 1970."""
    return time.time_ns() // 1000


@contextmanager
def open_for_write(settings: Settings, *, by: Callable[[], int] = clock) -> Iterator[DecisionLog]:
    """Open the log as its only writer, with the clock `by`; create it if it does not exist.

    Raises:
        LogInUseError: another process is writing it.
        DamagedLogError: the file is not a complete decision log.
    """
    if not settings.store:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)  # the log holds what people wrote
        tighten_modes(settings.data)
    with DecisionLog.open(settings.log, clock=by, entropy=EntropyPool(os.urandom)) as log:
        set_access(log, settings)
        log.report_sha256 = _know_no_report
        yield log


@contextmanager
def open_local_for_write(settings: Settings) -> Iterator[DecisionLog]:
    """Open the log for writing, for commands that fall back to the server that has it.

    Raises:
        LogInUseError: a server here, or the one in DECISIONLOG_URL, has the log; the error carries its address.
        DamagedLogError: the file is not a complete decision log.
    """
    if settings.url:
        raise LogInUseError(settings.log_file, settings.url)
    with open_for_write(settings) as log:
        yield log


@contextmanager
def open_read_only(settings: Settings, *, whole: bool = True) -> Iterator[DecisionLog]:
    """Open the log for reading, also while another process writes it. Without `whole`, entries may be missing.

    If the log was migrated, a note says where to: what is read here ends at the migration.

    Raises:
        CommandFailed: there is no log.
        DamagedLogError: the file is not a complete decision log.
    """
    if not settings.store and not settings.log_file.exists():
        raise CommandFailed(
            f"No log in {settings.data}. Create one with `decisionlog serve`, "
            "or set its location with --data or DECISIONLOG_DATA."
        )
    with DecisionLog.open(settings.log, clock=clock, read_only=True, whole=whole) as log:
        _note_migration(log)
        set_access(log, settings)
        yield log


def _note_migration(log: DecisionLog) -> None:
    """Say on standard error that a log has ended, and where it goes on."""
    with suppress(PersistenceError):  # what cannot be read is reported by the command that reads it
        if reason := log.read_only_reason:
            _print_note_once(f"Note: {ReadOnlyLogError(log.name, reason)}.")


@cache
def _print_note_once(note: str) -> None:
    """Print a note, unless this command has opened the log before and printed it then."""
    print_note(note)


def _know_no_report(_command: object, *, in_loop: bool) -> None:
    """Without a read model, no report can be computed, so none can be issued."""


def set_access(log: DecisionLog | Replica, settings: Settings) -> None:
    """Set which role callers have to whom none was granted, and whether reading is limited to one's own products."""
    log.default_role = None if settings.default_role == "none" else settings.default_role
    log.limits_reading = settings.reading == "own"


def find_writer(settings: Settings) -> LogInUseError | None:
    """Return the error that writing would raise because another process has the file. PostgreSQL has no such limit."""
    return None if settings.store else find_lock_holder(settings.log_file)


def local_caller(person: str, channel: str = "cli") -> Caller:
    """Return a caller with every scope: a user who can write the log's files has them anyway."""
    return Caller(person, LOCAL_CREDENTIAL, channel, frozenset(SCOPES))


def list_workers(settings: Settings) -> list[tuple[WorkerStatus, bool]]:
    """Return the status of each publisher and command consumer, and whether it is working."""
    now = clock()
    found = workers_at(settings.log).all()
    return [(status, status.is_working(now)) for status in found if status.name != VERIFIER]


def find_last_verification(settings: Settings) -> WorkerStatus | None:
    """Return what `decisionlog verify` last found, up to which position; None if it never ran here."""
    return workers_at(settings.log).find(VERIFIER)


def open_read_model_database(settings: Settings) -> Database:
    """Open the database of the read model: the log's PostgreSQL database, or a SQLite file next to the log."""
    return open_database(settings.store or settings.model_file)


@dataclass(frozen=True)
class Runtime:
    """An open log, its read model, and the runner that keeps the read model up to date."""

    log: DecisionLog
    model: ReadModel
    runner: Runner


@contextmanager
def open_runtime(
    log: DecisionLog, settings: Settings, *, external: bool = False, poll: float = 1.0, check: bool = False
) -> Iterator[Runtime]:
    """Open the read model of a log and keep it up to date; it is rebuilt if it cannot be trusted.

    Args:
        log: the log.
        settings: where the read model is.
        external: another process writes the read model.
        poll: seconds between checks for entries of other processes.
        check: compare the read model with the log in the background, and verify a small log first.

    Raises:
        DamagedLogError: the log failed verification.
    """
    if check and log.head().size <= MAX_ENTRIES_AT_START and (what := log.find_damage()):
        raise DamagedLogError(settings.log if not settings.store else "the log", what)
    with closing(ReadModel.open(open_read_model_database(settings), log, clock)) as model:
        runner = Runner(
            log,
            model,
            poll_s=POLL_INTERVAL_S if external else poll,
            external=external,
            find_source_damage=log.find_damage,
        )
        stop_listening = log.on_append(lambda _size: runner.wake())
        if not external:
            model.damage = model.reset_reason  # answers wait until a discarded read model is rebuilt
        sampler = Sampler(log, model, runner) if check else None
        if sampler:
            sampler.check_before_start()
        runner.start()
        if sampler:
            sampler.start()
        log.report_sha256 = ReportHashes(model, runner)
        try:
            yield Runtime(log, model, runner)
        finally:
            log.report_sha256 = _know_no_report
            if sampler:
                sampler.stop()
            stop_listening()
            runner.stop()
