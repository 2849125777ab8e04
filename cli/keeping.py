"""`decisionlog export`, `rebuild` and `doctor`: what keeps a log well. All of them work beside a running server."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, Final

import click

from cli.errors import CannotGoOn, Exit
from cli.files import loose_modes, must_be_free, open_new_file, private_folder, put_in_place
from cli.progress import progress
from cli.settings import Settings
from cli.terminal import data_stream
from cli.wiring import clock, collect_seldom, read_models, reading, writer
from eventlog.canonical import canonical
from eventlog.checkpoint import Checkpoint
from eventlog.dsn import without_secret
from eventlog.log import DecisionLog, RawEntry
from eventlog.sqlite import copy
from eventlog.sqlite_integrity import DAMAGE_ERRORS, describe
from eventlog.verification import Finding
from projections.checking import find_difference
from projections.read_model import ReadModel, content_hash
from projections.rebuild import rebuild as build_again

BATCH: Final = 1000
COMPARED_ENTRIES: Final = 20_000
"""Up to how many entries `doctor` compares the read model without being asked: about ten seconds."""


def export(settings: Settings, output: Path | None, *, people: bool, overwrite: bool = False) -> None:
    """Writes the log as JSON Lines: `{"entry":..,"leaf":..,"texts":..}`, the entry in its very bytes.

    With `people`, a line `{"person":..,"name":..,"spellings":[..]}` for each of the directory comes before them.
    """
    with reading(settings) as log, _output(output, overwrite=overwrite) as stream, progress("Exporting") as tell:
        if people:
            for somebody in log.directory.list_people():
                line = {"person": somebody.id, "name": somebody.name, "spellings": list(somebody.spellings)}
                stream.write(canonical(line) + b"\n")
        written = sum(1 for raw in _entries(log, tell) if stream.write(_line(raw)))
    if output:
        click.echo(f"{in_words(written)} in {output}", err=True)


def in_words(size: int) -> str:
    """A number of entries in words."""
    return f"{size} {'entry' if size == 1 else 'entries'}"


def _entries(log: DecisionLog, tell: Callable[[int, int], None]) -> Iterator[RawEntry]:
    """Every entry there was when it began."""
    size, position = log.head().size, 0
    while position < size:
        for raw in log.raw(position, min(BATCH, size - position)):
            position = raw.position
            yield raw
        tell(position, size)


def _line(raw: RawEntry) -> bytes:
    texts = canonical({place: list(text) for place, text in raw.texts.items()})
    return b'{"entry":%b,"leaf":"%b","texts":%b}\n' % (raw.entry, raw.leaf.encode(), texts)


@contextmanager
def _output(output: Path | None, *, overwrite: bool) -> Iterator[BinaryIO]:
    """The stream to write to. A file appears under its name only once it is whole."""
    if output is not None:
        with open_new_file(output, overwrite=overwrite) as stream:
            yield stream
        return
    stream = data_stream()
    yield stream
    stream.flush()


def rebuild(settings: Settings) -> None:
    """Builds the read model again and says whether its content is the same as before."""
    with reading(settings) as log, progress("Rebuilding") as tell:
        collect_seldom()
        serving = writer(settings) is not None or bool(settings.store)
        # Beside a server the file is in use and sound; alone, one that cannot be trusted is thrown away first.
        database = read_models(settings)
        model = ReadModel(database, clock) if serving else ReadModel.open(database, log, clock)
        try:
            before = _content_of(model, alone=not serving)
            position = build_again(log, model, tell)
            after = content_hash(model)
        except database.transient_errors as error:
            sentence = f"The read model in {database} could not be built again, and stays as it was: {error}. "
            raise CannotGoOn(sentence + "See that there is room for another beside it, and try again.") from error
        model.close()
    click.echo(f"The read model is built again, up to position {position}.")
    click.echo(f"SHA-256 of its content: {after}")
    if before[0] == position:
        click.echo(
            "The same as before." if before[1] == after else "It was another before: something was wrong with it."
        )


def _content_of(model: ReadModel, *, alone: bool) -> tuple[int, str]:
    """Up to where a model goes, and its hash; one that is damaged is emptied, if no other process has it open."""
    try:
        return model.position, content_hash(model)
    except Exception as error:
        if not (alone and model.is_damage(error)):
            raise
        click.echo(f"The read model was damaged: {describe(error)}.")
        model.database.renew()
        return 0, ""


def doctor(settings: Settings, *, compare: bool = False) -> None:
    """Says how things stand, and changes nothing. With `compare` all of the read model is compared, however large it is.

    Raises:
        CannotGoOn: something is wrong with the log or with its read model.
    """
    click.echo(
        f"decisionlog {version('decisionlog')}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )
    with reading(settings) as log:
        _tell_files(settings)
        _tell_positions(settings, log)
        _must_be_whole(log)
        _must_be_a_sound_model(settings, log, compare=compare)
    if not settings.store and resets_may_corrupt(sqlite3.sqlite_version):
        click.echo(
            "Note: this SQLite can, very rarely, damage a file that two write (sqlite.org/wal.html#walresetbug). The log has "
            "one writer; a read model has two while it is rebuilt. A Python with SQLite 3.51.3 or later has no such bug."
        )


def verify(settings: Settings, checkpoints: Sequence[Path], write: Path | None) -> None:
    """Works everything out again from what is stored, and says what the log was at that moment.

    Raises:
        CannotGoOn: something does not fit, or a checkpoint is none.
    """
    known = [_checkpoint(file) for file in checkpoints]
    replaced = _replaced_checkpoint(write) if write else None
    if replaced:
        known.append(replaced)  # what no longer fits it must not take its place
    collect_seldom()
    with reading(settings, whole=False) as log:
        if replaced and replaced.log != log.id:
            raise CannotGoOn(f"{write} is a checkpoint of another log, {replaced.log}. Choose another name.")
        now = _must_be_whole(log, known)
        _must_be_a_sound_model(settings)
    click.echo(f"{now.log}: {in_words(now.size)}, root {now.root.hex()}")
    if write:
        with open_new_file(write, overwrite=replaced is not None) as stream:
            stream.write(str(now).encode())
        earlier = f", in place of the checkpoint of {in_words(replaced.size)}, which it fits" if replaced else ""
        click.echo(f"That is written to {write}{earlier}: keep it where those who can write the log cannot.")
    if not known:
        click.echo(
            "Whoever rewrites entries and head together is found only by a checkpoint that was kept elsewhere: "
            "--write-checkpoint FILE makes one, --checkpoint FILE compares."
        )


def _checkpoint(file: Path) -> Checkpoint:
    try:
        return Checkpoint.parse(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CannotGoOn(f"{file} cannot be read as a checkpoint: {error}.") from error


def _replaced_checkpoint(file: Path) -> Checkpoint | None:
    """The checkpoint in a file that is to be written; None where there is no such file.

    Raises:
        CannotGoOn: the file is something else, which is not replaced.
    """
    if not file.exists() and not file.is_symlink():
        return None
    must_be_free(file, overwrite=True)
    try:
        return _checkpoint(file)
    except CannotGoOn as error:
        raise CannotGoOn(f"{error} It is not replaced: choose another name for --write-checkpoint.") from error


def _must_be_whole(log: DecisionLog, checkpoints: Sequence[Checkpoint] = ()) -> Checkpoint:
    """What the log was found to be; says so."""
    with progress("Verifying") as tell:
        found = log.verify_each(checkpoints, tell)
    if isinstance(found, Finding):
        sentence = (
            f"The log is not what was written: {found}. "
            "Keep the files as they are, and put a backup in their place: docs/how-to/back-up-and-restore.md says how."
        )
        raise CannotGoOn(sentence, Exit.DAMAGED)
    click.echo("Every entry fits its proof, every text its commitment, and every answer under a key its unit.")
    return found


def _must_be_a_sound_model(settings: Settings, log: DecisionLog | None = None, *, compare: bool = False) -> None:
    """Checks the read model's database, if there is one, and, where a log is given, its rows against the log's entries.

    Raises:
        CannotGoOn: it is damaged, or holds something else than the log says.
    """
    if not _has_model(settings):
        return
    database = read_models(settings)
    model = ReadModel(database, clock)
    try:
        damage = database.find_damage() if database.has("projection") else []
        if not damage and log:
            damage = _differences(log, model, compare=compare)
    except Exception as error:
        if not model.is_damage(error):
            raise
        damage = [describe(error)]
    finally:
        model.close()
    for what in damage:
        sentence = (
            f"The read model in {database} is damaged: {what}. The log is sound: `decisionlog rebuild` builds the read "
            "model again from it."
        )
        raise CannotGoOn(sentence, Exit.DAMAGED)


def _has_model(settings: Settings) -> bool:
    """Whether there is a read model that can be looked at; SQLite makes files beside one that it reads."""
    return bool(settings.store) or (settings.model_file.exists() and os.access(settings.data, os.W_OK))


def _differences(log: DecisionLog, model: ReadModel, *, compare: bool) -> list[str]:
    """Where the rows of the model are not those that the log gives; compared if they are few, or if it is asked for."""
    if log.head().size > COMPARED_ENTRIES and not compare:
        click.echo("The rows of the read model were not compared with the log: --read-model does that.")
        return []
    if reason := model.distrust(log):
        click.echo(f"The read model is of no use ({reason}): the next `decisionlog serve` builds it again.")
        return []
    with progress("Comparing the read model") as tell:
        different = find_difference(log, model, tell)
    if different is None:
        click.echo("The rows of the read model are those that the log gives.")
    return [different] if different else []


def backup(settings: Settings, target: Path) -> None:
    """Copies the log as it is now, and verifies the copy before it gets its name.

    Raises:
        CannotGoOn: there is something under that name already, or the copy is not what was written.
    """
    if target.exists() or target.is_symlink():
        raise CannotGoOn(f"{target} is there already. A backup is never written over another file: choose a new name.")
    if settings.store:
        raise CannotGoOn("A log in PostgreSQL is backed up by PostgreSQL: docs/how-to/back-up-and-restore.md says how.")
    with private_folder(target) as folder:
        partial = folder / "copy.sqlite3"
        with reading(settings), progress("Copying") as tell:
            copy(settings.log_file, partial, tell)
        with DecisionLog.open(partial, clock=clock, read_only=True) as log:
            found = _must_be_whole(log)
        put_in_place(partial, target)
    click.echo(f"{in_words(found.size)} of {found.log} in {target}")


def resets_may_corrupt(sqlite: str) -> bool:
    """Whether a version of SQLite has the WAL-reset bug: 3.7.0 to 3.51.2, but for the repaired 3.44.6 and 3.50.7."""
    number = tuple(int(part) for part in re.findall(r"\d+", sqlite)[:3])
    return (3, 7, 0) <= number < (3, 51, 3) and not any(
        fixed <= number < (3, fixed[1] + 1, 0) for fixed in ((3, 44, 6), (3, 50, 7))
    )


def _tell_files(settings: Settings) -> None:
    if settings.store:
        click.echo(f"  {without_secret(settings.store)}")
        return
    for file in sorted(settings.data.glob("*.sqlite3*")):
        click.echo(f"  {file}  {file.stat().st_size:,} bytes, mode {file.stat().st_mode & 0o777:o}")
    for path, mode in loose_modes(settings.data):
        click.echo(f"Others may get at {path}, which has mode {mode:o}. The next command that writes takes that away.")
    found = writer(settings)
    if found is None:
        click.echo("Nobody serves it.")
    else:
        click.echo(f"Served at {found.address}." if found.address else "Another process writes it.")


def _tell_positions(settings: Settings, log: DecisionLog) -> None:
    head = log.head()
    click.echo(f"{log.id}: {in_words(head.size)}, root {head.root}")
    if not settings.store and not settings.model_file.exists():
        click.echo("No read model: the next `decisionlog serve` builds it.")
        return
    if not settings.store and not os.access(settings.data, os.W_OK):
        click.echo("The read model cannot be looked at where nothing can be written; nothing rests on it.")
        return
    try:
        model = ReadModel(read_models(settings), clock)
        behind = head.size - model.position
        model.close()
    except DAMAGE_ERRORS as error:
        click.echo(f"The read model cannot be read ({describe(error)}): `decisionlog rebuild` builds it again.")
        return
    click.echo("The read model is up to date." if not behind else f"The read model is {in_words(behind)} behind.")
    click.echo("A process keeps it." if model.database.has_active_writer() else "Nobody keeps it now.")
