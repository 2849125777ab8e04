"""`decisionlog verify`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from cli import options
from cli.bootstrap import freeze_gc, open_read_only
from cli.errors import CommandFailed
from cli.files import must_not_exist, open_new_file
from cli.integrity import format_root, require_valid_read_model, verify_and_save
from cli.settings import Settings
from cli.settings_loading import load_settings
from cli.table import count_entries, print_sentence
from eventlog.checkpoint import Checkpoint


@click.command()
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare the log with this checkpoint. Repeatable.",
)
@click.option(
    "--write-checkpoint",
    "write",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a checkpoint to this file if verification succeeds.",
)
@options.data
def verify(checkpoints: tuple[Path, ...], write: Path | None, data: Path | None) -> None:
    """Verify every hash, and compare with checkpoints.

    Reports the first position that does not match. Exit code 0: verified; 4: verification failed.
    """
    verify_log(load_settings(data=data), checkpoints, write)


def verify_log(settings: Settings, checkpoints: Sequence[Path], write: Path | None) -> None:
    """Recompute every hash from what is stored, compare, and print the checkpoint.

    Raises:
        CommandFailed: something does not match, or a file is not a checkpoint.
    """
    known = [_read_checkpoint(file) for file in checkpoints]
    replaced = _read_replaced_checkpoint(write) if write else None
    if replaced:
        known.append(replaced)  # a checkpoint is only replaced by one that is consistent with it
    freeze_gc()
    with open_read_only(settings, whole=False) as log:
        if replaced and replaced.log != log.id:
            raise CommandFailed(f"{write} is a checkpoint of another log, {replaced.log}. Choose another file.")
        now = verify_and_save(settings, log, known)
        require_valid_read_model(settings)
    click.echo(f"{now.log}: {count_entries(now.size)}\n{format_root(now.root)}")
    if write:
        with open_new_file(write, overwrite=replaced is not None) as stream:
            stream.write(str(now).encode())
        earlier = f", replacing a consistent checkpoint of {count_entries(replaced.size)}" if replaced else ""
        print_sentence(f"Wrote the checkpoint to {write}{earlier}. Store it where the log's writers cannot change it.")
    if not known:
        click.echo(
            "To detect a complete rewrite, keep a checkpoint somewhere else:\n"
            "--write-checkpoint FILE creates one, --checkpoint FILE compares."
        )


def _read_checkpoint(file: Path) -> Checkpoint:
    try:
        return Checkpoint.parse(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CommandFailed(f"{file} is not a valid checkpoint: {error}.") from error


def _read_replaced_checkpoint(file: Path) -> Checkpoint | None:
    """Return the checkpoint in a file that will be written; None if the file does not exist.

    Raises:
        CommandFailed: the file is not a checkpoint.
    """
    if not file.exists() and not file.is_symlink():
        return None
    must_not_exist(file, overwrite=True)
    try:
        return _read_checkpoint(file)
    except CommandFailed as error:
        raise CommandFailed(f"{error} It was not replaced: choose another file for --write-checkpoint.") from error
