"""Verify a log and its read model; shared by `decisionlog verify`, `doctor` and `backup`."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final

import click
from eventsourcing.persistence import PersistenceError

from cli.bootstrap import clock, open_read_model_database
from cli.errors import CommandFailed, Exit
from cli.progress import progress
from cli.settings import Settings
from cli.table import count_entries
from eventlog.checkpoint import Checkpoint
from eventlog.sqlite_disk import explain_disk_error
from eventlog.sqlite_integrity import describe
from eventlog.verification import Finding
from eventlog.worker_status import VERIFIER, WorkerStatus, workers_at
from identity.decision_log import DecisionLog
from projections.read_model.checking import find_difference
from projections.read_model.model import ReadModel

MAX_COMPARED_ENTRIES: Final = 20_000
"""Larger logs are compared with the read model only on request; this many take about ten seconds."""


def format_root(root: bytes) -> str:
    """Return a Merkle root in both of its forms: as the API and the pages show it, and as a checkpoint has it."""
    return f"Merkle root {root.hex()}\nin a checkpoint {b64encode(root).decode()}"


def verify_and_save(settings: Settings, log: DecisionLog, checkpoints: Sequence[Checkpoint]) -> Checkpoint:
    """Verify a log as `require_valid_log` does, and save what was found, so that pages show when it was last verified.

    Raises:
        CommandFailed: an entry, a text or a checkpoint does not match.
    """
    place = "decisionlog verify"
    if checkpoints:
        place += f", compared with {len(checkpoints)} checkpoint{'s' if len(checkpoints) > 1 else ''}"
    status = WorkerStatus(VERIFIER, place, clock())
    try:
        found = require_valid_log(log, checkpoints)
    except CommandFailed as error:
        _save(settings, status.with_error(str(error), clock()))
        raise
    _save(settings, replace(status, at=clock(), position=found.size, topic=found.root.hex()))
    return found


def _save(settings: Settings, status: WorkerStatus) -> None:
    """Save a status, unless the log belongs to another user, whose server could then not replace it."""
    if not settings.store and settings.data.stat().st_uid != os.geteuid():
        return
    with suppress(OSError, PersistenceError):
        workers_at(settings.log).save(status)


def require_valid_log(log: DecisionLog, checkpoints: Sequence[Checkpoint] = ()) -> Checkpoint:
    """Verify a log, print the result, and return its checkpoint.

    Raises:
        CommandFailed: an entry, a text or a checkpoint does not match.
    """
    with progress("Verifying") as report_progress:
        found = log.verify_against(checkpoints, report_progress)
    what = str(found) if isinstance(found, Finding) else log.journal.find_damage()
    if isinstance(found, Finding) or what:
        raise CommandFailed(
            f"Verification failed: {what}. "
            "Keep the files as they are, and restore a backup: see docs/how-to/back-up-and-restore.md.",
            Exit.DAMAGED,
        )
    click.echo(f"OK: {count_entries(found.size)} verified; all hashes, texts and idempotency records match.")
    for each in checkpoints:
        click.echo(f"OK: the log agrees with the checkpoint of {count_entries(each.size)}.")
    if last := log.journal.head().last:
        click.echo(
            f"OK: the access journal is unchanged up to row {last},\nwith the hash {log.journal.head().hash.hex()}."
        )
    return found


def require_valid_read_model(settings: Settings, log: DecisionLog | None = None, *, compare: bool = False) -> None:
    """Check the read model's database if there is one and, if a log is given, compare its rows with the log.

    A large read model is compared only if `compare` is set.

    Raises:
        CommandFailed: it is damaged, or differs from the log.
    """
    if not _has_read_model(settings):
        return
    database = open_read_model_database(settings)
    model = ReadModel(database, clock)
    try:
        damage = database.find_damage() if database.has_table("projection") else []
        if not damage and log:
            damage = _compare(log, model, compare=compare)
    except Exception as error:
        if disk_error := explain_disk_error(error, settings.model_file):
            raise disk_error from error
        if not model.is_damage(error):
            raise
        damage = [describe(error)]
    finally:
        model.close()
    if damage:
        raise CommandFailed(
            f"The read model in {database} is damaged: {damage[0]}. The log is intact: "
            "run `decisionlog rebuild` to build the read model again.",
            Exit.DAMAGED,
        )


def _has_read_model(settings: Settings) -> bool:
    """Whether there is a read model that can be checked; SQLite creates files next to one that it reads."""
    return bool(settings.store) or (settings.model_file.exists() and os.access(settings.data, os.W_OK))


def _compare(log: DecisionLog, model: ReadModel, *, compare: bool) -> list[str]:
    if log.head().size > MAX_COMPARED_ENTRIES and not compare:
        click.echo("The read model was not compared with the log: use --read-model.")
        return []
    if reason := model.find_mismatch(log):
        click.echo(f"The read model cannot be used ({reason}): the next `decisionlog serve` rebuilds it.")
        return []
    with progress("Comparing the read model") as report_progress:
        difference = find_difference(log, model, report_progress)
    if difference is None:
        click.echo("OK: the read model matches the log.")
    return [difference] if difference else []
