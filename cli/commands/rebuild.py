"""`decisionlog rebuild`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from cli import options
from cli.bootstrap import clock, find_writer, freeze_gc, open_read_model_database, open_read_only
from cli.errors import CommandFailed
from cli.progress import progress
from cli.settings import Settings
from cli.settings_loading import load_settings
from cli.table import print_sentence
from eventlog.sqlite_integrity import describe
from projections.read_model.model import ReadModel, content_hash
from projections.read_model.rebuild import rebuild as rebuild_model


@click.command()
@options.data
def rebuild(data: Path | None) -> None:
    """Rebuild the read model from the log.

    Safe while a server is running.
    """
    rebuild_read_model(load_settings(data=data))


def rebuild_read_model(settings: Settings) -> None:
    """Build the read model again, and print whether its content changed.

    Raises:
        CommandFailed: it could not be built.
    """
    with open_read_only(settings) as log, progress("Rebuilding") as report_progress:
        freeze_gc()
        is_shared = find_writer(settings) is not None or bool(settings.store)
        # A running server has checked the file and has it open; without one, a file that cannot be trusted is discarded.
        database = open_read_model_database(settings)
        model = ReadModel(database, clock) if is_shared else ReadModel.open(database, log, clock)
        try:
            before = _hash_content(model, discard_damaged=not is_shared)
            position = rebuild_model(log, model, report_progress, partial(open_read_only, settings, whole=False))
            after = content_hash(model)
        except database.transient_errors as error:
            raise CommandFailed(
                f"The read model in {database} could not be rebuilt, and is unchanged: {error}. "
                "Check that there is disk space for a second copy, and retry."
            ) from error
        model.close()
    click.echo(f"Rebuilt the read model up to position {position}.")
    print_sentence(f"SHA-256 of its content: {after}")
    if before[0] == position:
        same = before[1] == after
        click.echo("The content is unchanged." if same else "The content changed: the previous read model was corrupt.")


def _hash_content(model: ReadModel, *, discard_damaged: bool) -> tuple[int, str]:
    """Return the position and the hash of a read model; a damaged one is emptied first if that is allowed."""
    try:
        return model.position, content_hash(model)
    except Exception as error:
        if not (discard_damaged and model.is_damage(error)):
            raise
        click.echo(f"The read model was damaged: {describe(error)}.")
        model.database.recreate()
        return 0, ""
