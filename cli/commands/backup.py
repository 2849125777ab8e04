"""`decisionlog backup`."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options
from cli.bootstrap import clock, open_read_only
from cli.errors import CommandFailed
from cli.files import create_private_folder, rename_into_place
from cli.integrity import require_valid_log
from cli.progress import progress
from cli.settings import Settings
from cli.settings_loading import load_settings
from cli.table import count_entries
from eventlog.sqlite_store import copy
from identity.decision_log import DecisionLog


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@options.data
def backup(file: Path, data: Path | None) -> None:
    """Back up the log to a file.

    Safe while a server is running. The backup is verified, and can be opened as a log.
    """
    back_up(load_settings(data=data), file)


def back_up(settings: Settings, target: Path) -> None:
    """Copy the log, and verify the copy before it gets its name.

    Raises:
        CommandFailed: the file exists, the log was migrated, or the copy failed verification.
    """
    if target.exists() or target.is_symlink():
        raise CommandFailed(f"{target} already exists. A backup never overwrites a file: choose a new name.")
    if settings.store:
        raise CommandFailed("Back up a log in PostgreSQL with pg_dump: see docs/how-to/back-up-and-restore.md.")
    with create_private_folder(target) as folder:
        partial = folder / "copy.sqlite3"
        with open_read_only(settings) as log, progress("Copying") as report_progress:
            _must_be_live(log)
            copy(settings.log_file, partial, report_progress)
        with DecisionLog.open(partial, clock=clock, read_only=True) as log:
            found = require_valid_log(log)
        rename_into_place(partial, target)
    click.echo(f"Backed up {count_entries(found.size)} of {found.log} to {target}")


def _must_be_live(log: DecisionLog) -> None:
    """Refuse to back up a log that goes on elsewhere: a scheduled backup would succeed for ever and save nothing new.

    Raises:
        CommandFailed: it was migrated.
    """
    if log.read_only_reason:
        raise CommandFailed(
            "Not backed up: this file has not changed since it was migrated. Back up the PostgreSQL database with "
            "pg_dump: see docs/how-to/back-up-and-restore.md."
        )
