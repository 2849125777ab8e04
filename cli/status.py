"""`decisionlog status`: how far everything is that follows the log, also beside a running server."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from cli.errors import CannotGoOn
from cli.settings import Settings
from cli.wiring import clock, read_models, reading, workers
from eventlog.worker_status import WorkerStatus
from projections.database import PROJECTOR
from projections.read_model import ReadModel


def status(settings: Settings, *, as_json: bool, working: str | None = None) -> None:
    """Says how far the read models and the processes beside are, and what went wrong last; or the replica that is set.

    Raises:
        CannotGoOn: there is no log; or one of them was to be at work, and is not.
    """
    if settings.replica:
        told = _of_replica(settings)
    else:
        with reading(settings) as log:
            size, name = log.head().size, log.id
        told = Told(name, size, _shown(settings), workers(settings))
    if as_json:
        click.echo(json.dumps(told.as_json()))
    else:
        _tell(told)
    if working is not None and not _is_working(settings, told, working):
        raise CannotGoOn(f"The {working} is not at work.")


@dataclass(frozen=True)
class Told:
    """What is known: of which log, how long it is, up to where it can be read, and each worker, with whether it works."""

    log: str
    size: int
    shown: int | None
    workers: Sequence[tuple[WorkerStatus, bool]]

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        told = [sheet.told(self.size, working=working) for sheet, working in self.workers]
        lag = None if self.shown is None else self.size - self.shown
        return {"log": self.log, "position": self.size, "read_model": self.shown, "lag": lag, "workers": told}


def _of_replica(settings: Settings) -> Told:
    from cli.replicating import reading_replica, sheet_of  # noqa: PLC0415  (what it needs of Kafka is an extra)

    with reading_replica(settings) as served:
        found = served.replica.standing()
        return Told(found.log, found.known, found.position, [sheet_of(served.replica, served.place)])


def _tell(told: Told) -> None:
    click.echo(f"{told.log}: position {told.size}")
    shown = "none yet" if told.shown is None else f"position {told.shown}, {told.size - told.shown} behind"
    click.echo(f"read model: {shown}")
    for worker in told.as_json()["workers"]:
        click.echo(line_of(worker))


def _is_working(settings: Settings, told: Told, name: str) -> bool:
    if name == PROJECTOR:
        return read_models(settings).has_active_writer()
    return any(sheet.name == name and working for sheet, working in told.workers)


def _shown(settings: Settings) -> int | None:
    """The position of the read model; None where there is none to be read."""
    if not settings.store and not (settings.model_file.exists() and os.access(settings.data, os.W_OK)):
        return None
    database = read_models(settings)
    try:
        return None if database.check() else ReadModel(database, clock).position
    except database.transient_errors:
        return None
    finally:
        database.close()


def line_of(worker: Mapping[str, Any]) -> str:
    """What one worker says, for people."""
    failing = worker["error"] and not worker["working"]
    state = "working" if worker["working"] else "failing" if failing else "not heard of"
    said = f"{worker['name']}: {state}, position {worker['position']}, {worker['lag']} behind, {worker['place']}"
    seen = "" if worker["working"] else f", last seen {worker['seen_at']}"
    error = f"\n  last error {worker['error_at']}: {worker['error']}" if worker["error"] else ""
    return f"{said}{seen}{error}"
