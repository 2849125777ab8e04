"""`decisionlog status`: how far everything is that follows the log, also beside a running server."""

from __future__ import annotations

import json
import os

import click

from cli.settings import Settings
from cli.wiring import clock, read_models, reading, workers
from domain.values import format_micros
from eventlog.workers import Sheet
from projections.model import ReadModel


def status(settings: Settings, *, as_json: bool) -> None:
    """Says how far the read models and the processes beside are, and what went wrong last.

    Raises:
        CannotGoOn: there is no log.
    """
    with reading(settings) as log:
        size, name = log.head().size, log.id
    shown, found = _shown(settings), workers(settings)
    if as_json:
        told = [sheet.told(size, working=working) for sheet, working in found]
        lag = None if shown is None else size - shown
        click.echo(json.dumps({"log": name, "position": size, "read_model": shown, "lag": lag, "workers": told}))
        return
    click.echo(f"{name}: position {size}")
    click.echo("read model: none yet" if shown is None else f"read model: position {shown}, {size - shown} behind")
    for sheet, working in found:
        click.echo(_line(sheet, size, working=working))


def _shown(settings: Settings) -> int | None:
    """The position of the read model; None where there is none to be read."""
    if not settings.store and not (settings.model_file.exists() and os.access(settings.data, os.W_OK)):
        return None
    database = read_models(settings)
    try:
        return None if database.trouble() else ReadModel(database, clock).position
    finally:
        database.close()


def _line(sheet: Sheet, size: int, *, working: bool) -> str:
    state = "working" if working else "failing" if sheet.failing else "not heard of"
    said = f"{sheet.name}: {state}, position {sheet.position}, {sheet.left(size)} behind, {sheet.place}"
    seen = "" if working else f", last seen {format_micros(sheet.at)}"
    error = f"\n  last error {format_micros(sheet.error_at or 0)}: {sheet.error}" if sheet.error else ""
    return f"{said}{seen}{error}"
