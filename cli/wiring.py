"""The parts put together: which files, which clock, who speaks."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from cli.errors import CannotGoOn
from cli.files import tighten_modes
from cli.settings import Settings
from domain.access import LOCAL
from eventlog.entry import Caller
from eventlog.errors import DamagedLogError, LogInUseError
from eventlog.ids import Pool
from eventlog.lock import writer_of
from eventlog.log import DecisionLog
from eventlog.tokens import RIGHTS
from eventlog.worker_status import WorkerStatus, workers_at
from projections.database import Database
from projections.factory import open_database
from projections.read_model import ReadModel
from projections.runner import Runner
from projections.sampling import CHECKED_AT_START, Sampler


def collect_seldom() -> None:
    """Has the garbage collector look seldom, and never again at what is there by now.

    What is kept is entries and states without cycles. Measured: imports a quarter faster, a server's p99 less than half.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def clock() -> int:
    """Microseconds since 1970, by the system's clock."""
    return time.time_ns() // 1000


@contextmanager
def writing(settings: Settings, *, by: Callable[[], int] = clock) -> Iterator[DecisionLog]:
    """The log, for this process alone to write, `by` a clock; begun if there is none.

    Raises:
        LogInUseError: another process writes it.
        DamagedLogError: the file is not a whole decision log.
    """
    if not settings.store:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)  # what people wrote is not for everybody's eyes
        tighten_modes(settings.data)
    with DecisionLog.open(settings.log, clock=by, entropy=Pool(os.urandom)) as log:
        yield log


@contextmanager
def writing_here(settings: Settings) -> Iterator[DecisionLog]:
    """The same for a command that can also speak to a server: one elsewhere has the log, where the settings name it.

    Raises:
        LogInUseError: another process writes it, here or elsewhere; the error carries its address.
        DamagedLogError: the file is not a whole decision log.
    """
    if settings.url:
        raise LogInUseError(settings.log_file, settings.url)
    with writing(settings) as log:
        yield log


@contextmanager
def reading(settings: Settings, *, whole: bool = True) -> Iterator[DecisionLog]:
    """The log to read, also beside a process that writes it; without `whole`, even one with missing entries.

    Raises:
        CannotGoOn: there is none.
        DamagedLogError: the file is not a whole decision log.
    """
    if not settings.store and not settings.log_file.exists():
        sentence = (
            f"There is no log in {settings.data}. Begin one with `decisionlog serve`, "
            "or say where it is with --data or DECISIONLOG_DATA."
        )
        raise CannotGoOn(sentence)
    with DecisionLog.open(settings.log, clock=clock, read_only=True, whole=whole) as log:
        yield log


def writer(settings: Settings) -> LogInUseError | None:
    """What stands in the way of writing: another process that has the file. A database can be written by any number."""
    return None if settings.store else writer_of(settings.log_file)


def local_caller(person: str, channel: str = "cli") -> Caller:
    """Whoever can write the log's files may do everything; what they do is theirs."""
    return Caller(person, LOCAL, channel, frozenset(RIGHTS))


@dataclass(frozen=True)
class House:
    """A log with the read model that follows it."""

    log: DecisionLog
    model: ReadModel
    runner: Runner


def workers(settings: Settings) -> list[tuple[WorkerStatus, bool]]:
    """The processes that carry a log out and in, each with whether it is at work."""
    now = clock()
    return [(sheet, sheet.working(now)) for sheet in workers_at(settings.log).all()]


POLL: Final = 0.05
"""Seconds between two looks at what another process writes."""


def read_models(settings: Settings) -> Database:
    """Where the read models are: where the log is."""
    return open_database(settings.store or settings.model_file)


@contextmanager
def house(
    log: DecisionLog, settings: Settings, *, beside: bool = False, poll: float = 1.0, check: bool = False
) -> Iterator[House]:
    """Opens the read model beside a log and lets it follow; it is begun anew where it cannot be trusted.

    With `beside` another process writes it. `poll` is how often, in seconds, to look for what nobody tells this one. With
    `check` it is compared with the log as long as this lasts, a few subjects at a time; a small log is verified first.

    Raises:
        DamagedLogError: the log is not what was written.
    """
    if check and log.head().size <= CHECKED_AT_START and (what := log.find_damage()):
        raise DamagedLogError(settings.log if not settings.store else "the log", what)
    model = ReadModel.open(read_models(settings), log, clock)
    runner = Runner(log, model, poll=POLL if beside else poll, beside=beside, find_source_damage=log.find_damage)
    stop_listening = log.on_append(lambda _size: runner.wake())
    if not beside:
        model.damage = model.begun_anew  # nothing is answered from it until it is as it was
    sampler = Sampler(log, model, runner) if check else None
    if sampler and not beside and not settings.store:
        sampler.check_before_start()
    runner.start()
    if sampler:
        sampler.start()
    try:
        yield House(log, model, runner)
    finally:
        if sampler:
            sampler.stop()
        stop_listening()
        runner.stop()
        model.close()
