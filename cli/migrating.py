"""`decisionlog migrate`: the log in the data directory goes on in PostgreSQL."""

from __future__ import annotations

from contextlib import closing

import click

from cli.errors import CannotGoOn
from cli.keeping import in_words
from cli.progress import progress
from cli.settings import Settings
from cli.wiring import clock
from eventlog.dsn import is_dsn
from eventlog.lock import WriterLock
from eventlog.log import open_store
from eventlog.migration import migrate as carry


def migrate(settings: Settings, to: str) -> None:
    """Carries the log to a PostgreSQL database, or goes on where that was interrupted.

    Raises:
        CannotGoOn: there is no log, or that is no address.
        LogInUseError: a process writes the log.
        LogError: the target cannot be had, or holds something else.
    """
    if not is_dsn(to):
        raise CannotGoOn("--to needs the address of a PostgreSQL database: it begins with postgresql://.")
    if not settings.log_file.exists():
        raise CannotGoOn(f"There is no log in {settings.data}. Say where it is with --data or DECISIONLOG_DATA.")
    lock = WriterLock(settings.log_file)
    try:
        with (
            closing(open_store(settings.log_file, clock=clock)) as source, closing(open_store(to, clock=clock)) as target,
            progress("Carrying") as tell,
        ):  # fmt: skip
            head = carry(source, target, tell)
    finally:
        lock.release()
    click.echo(f"{in_words(head.size)} carried and compared, root {head.root}: the same in both.")
    click.echo(f"{settings.log_file} is sealed: it can be read, and is written no more.")
    click.echo("From now on set DECISIONLOG_STORE to that address. The read model builds itself again there.")
