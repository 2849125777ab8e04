"""`decisionlog doctor`."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from importlib.metadata import version
from pathlib import Path

import click

from cli import options
from cli.bootstrap import clock, find_writer, open_read_model_database, open_read_only
from cli.files import loose_modes
from cli.integrity import format_root, require_valid_log, require_valid_read_model
from cli.settings import Settings
from cli.settings_loading import load_settings
from cli.table import count_entries, print_sentence
from eventlog.dsn import without_secret
from eventlog.sqlite_disk import explain_disk_error
from eventlog.sqlite_integrity import DAMAGE_ERRORS, describe
from identity.decision_log import DecisionLog
from projections.read_model.model import ReadModel
from projections.read_model.projector import WrongPositionError


@click.command()
@options.data
@click.option("--read-model", is_flag=True, help="Compare the read model with the log even if it takes a long time.")
def doctor(data: Path | None, *, read_model: bool) -> None:
    """Check the installation and the integrity of every entry.

    Checks versions, files, positions, every hash, and the read model. Exit code 0: no problems; 4: something is
    damaged.
    """
    run_doctor(load_settings(data=data), compare=read_model)


def run_doctor(settings: Settings, *, compare: bool = False) -> None:
    """Check everything and change nothing. With `compare`, a large read model is compared too.

    Raises:
        CommandFailed: the log or its read model is damaged.
    """
    click.echo(
        f"decisionlog {version('decisionlog-server')}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )
    with open_read_only(settings) as log:
        _print_files(settings)
        _print_positions(settings, log)
        require_valid_log(log)
        require_valid_read_model(settings, log, compare=compare)
    if not settings.store and has_wal_reset_bug(sqlite3.sqlite_version):
        print_sentence(
            "Note: this version of SQLite can, very rarely, corrupt a file with two writers "
            "(sqlite.org/wal.html#walresetbug). The log has one writer; a read model has two while it is rebuilt. "
            "Use a Python with SQLite 3.51.3 or later."
        )


def has_wal_reset_bug(sqlite: str) -> bool:
    """Whether a version of SQLite has the WAL-reset bug: 3.7.0 to 3.51.2, except 3.44.6 and 3.50.7."""
    number = tuple(int(part) for part in re.findall(r"\d+", sqlite)[:3])
    return (3, 7, 0) <= number < (3, 51, 3) and not any(
        fixed <= number < (3, fixed[1] + 1, 0) for fixed in ((3, 44, 6), (3, 50, 7))
    )


def _print_files(settings: Settings) -> None:
    if settings.store:
        click.echo(f"  {without_secret(settings.store)}")
        return
    for file in sorted(settings.data.glob("*.sqlite3*")):
        click.echo(f"  {file}  {file.stat().st_size:,} bytes, mode {file.stat().st_mode & 0o777:o}")
    for path, mode in loose_modes(settings.data):
        print_sentence(
            f"Other users can access {path} (mode {mode:o}). The next command that writes the log fixes this."
        )
    found = find_writer(settings)
    if found is None:
        click.echo("No server is running.")
    else:
        click.echo(f"Server running at {found.address}." if found.address else "Another process is writing the log.")


def _print_positions(settings: Settings, log: DecisionLog) -> None:
    head = log.head()
    click.echo(f"{log.id}: {count_entries(head.size)}\n{format_root(bytes.fromhex(head.root))}")
    if not settings.store and not settings.model_file.exists():
        click.echo("No read model: the next `decisionlog serve` builds it.")
        return
    if not settings.store and not os.access(settings.data, os.W_OK):
        click.echo("The read model was not checked, as the data directory is read-only.")
        return
    try:
        model = ReadModel(open_read_model_database(settings), clock)
        lag = head.size - model.position
        model.close()
    except (*DAMAGE_ERRORS, WrongPositionError) as error:
        if disk_error := explain_disk_error(error, settings.model_file):
            raise disk_error from error
        print_sentence(f"The read model cannot be read ({describe(error)}): run `decisionlog rebuild`.")
        return
    click.echo("The read model is up to date." if not lag else f"The read model is {count_entries(lag)} behind.")
    is_active = model.database.has_active_writer()
    click.echo("A projector is running." if is_active else "No projector is running.")
