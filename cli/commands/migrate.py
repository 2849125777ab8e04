"""`decisionlog migrate`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from cli import options
from cli.bootstrap import clock
from cli.errors import CommandFailed
from cli.progress import progress
from cli.settings import Settings
from cli.settings_loading import load_settings
from cli.table import count_entries
from eventlog.dsn import is_dsn
from eventlog.lock import WriterLock
from eventlog.log import open_store
from eventlog.migration import Migrated
from eventlog.migration import migrate as copy_log


@click.command()
@click.option(
    "--to",
    required=True,
    type=options.AddressParam(),
    help="PostgreSQL database: postgresql://... (?schema= for another schema), or @FILE with the address.",
)
@options.data
def migrate(to: str, data: Path | None) -> None:
    """Move the log to PostgreSQL.

    Copies and compares every entry, then makes the old file read-only. Safe to run again if interrupted.
    """
    migrate_log(load_settings(data=data, store=""), to)


def migrate_log(settings: Settings, to: str) -> None:
    """Move the log to a PostgreSQL database, or continue an interrupted move.

    Raises:
        CommandFailed: there is no log, or the address is invalid.
        LogInUseError: a process is writing the log.
        LogError: the target cannot be reached, or contains something else.
    """
    if not is_dsn(to):
        raise CommandFailed("--to must be the address of a PostgreSQL database: postgresql://...")
    if not settings.log_file.exists():
        raise CommandFailed(f"No log in {settings.data}. Set its location with --data or DECISIONLOG_DATA.")
    lock = WriterLock(settings.log_file)
    try:
        with (
            closing(open_store(settings.log_file, clock=clock)) as source,
            closing(open_store(to, clock=clock)) as target,
            progress("Migrating") as report_progress,
        ):
            migrated = copy_log(source, target, report_progress)
    finally:
        lock.release()
    click.echo(_format_result(migrated))
    click.echo(f"{settings.log_file} is now read-only.")
    click.echo("Next, set DECISIONLOG_STORE to the new address. The read model is built there automatically.")


def _format_result(migrated: Migrated) -> str:
    head = migrated.head
    if not migrated.was_finished:
        return f"Migrated {count_entries(head.size)}; both logs have the root {head.root}."
    since = (
        f"the target has grown to {count_entries(head.size + migrated.recorded_since)}"
        if migrated.recorded_since
        else "nothing has been recorded in the target since"
    )
    return f"Already migrated at position {head.size}; {since}."
