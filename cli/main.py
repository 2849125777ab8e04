"""The `decisionlog` command. Each subcommand imports what it needs when it is called, so that `--help` is there at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.errors import CannotGoOn, Exit

if TYPE_CHECKING:
    from cli.settings import Settings

_data = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path),
    help="The directory of the log and its read model.  [DECISIONLOG_DATA; ./data]",
)  # fmt: skip
_owner = click.option("--owner", help="Whose log it is.  [DECISIONLOG_OWNER; the operating system's user]")


def _settings(**given: Any) -> Settings:
    """The settings, where what was given on the command line wins."""
    from cli.settings import Settings

    return Settings(**{name: value for name, value in given.items() if value is not None})


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="decisionlog", prog_name="decisionlog")
def cli() -> None:
    """An event-sourced log of product decisions: the roadmap of any day, and the reason behind every cell."""


@cli.command()
@_data
@_owner
@click.option("--host", help="The address to serve on.  [DECISIONLOG_HOST; 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 takes a free one.  [DECISIONLOG_PORT; 8737]")
@click.option(
    "--replica",
    help="Serve this replica instead, for reading only: a file, or postgresql://... .  [DECISIONLOG_REPLICA]",
)
def serve(data: Path | None, owner: str | None, host: str | None, port: int | None, replica: str | None) -> None:
    """Serve the log over HTTP. The first time, begin it, and print a token and how to record a first decision."""
    from cli.serving import serve as run

    run(_settings(data=data, owner=owner, host=host, port=port, replica=replica))


@cli.command()
@_data
def project(data: Path | None) -> None:
    """Keep the read models in a process of its own, beside a server started with DECISIONLOG_PROJECT=beside.

    One keeps them at a time; a second stands by and goes on when the first ends.
    """
    from cli.projecting import project as run

    run(_settings(data=data))


@cli.command()
@_data
def publish(data: Path | None) -> None:
    """Publish every entry of the log, in order, to a topic of Kafka, also beside a running server.

    One process does so at a time; a second stands by and goes on when the first ends. Each message arrives at least once.
    """
    from cli.streaming import publish as run

    run(_settings(data=data))


@cli.command()
@_data
def intake(data: Path | None) -> None:
    """Take commands in from a topic of Kafka, and answer each on another: what became of it, or why nothing did.

    One process does so at a time; a second stands by and goes on when the first ends. Each command has one effect.
    """
    from cli.streaming import intake as run

    run(_settings(data=data))


@cli.command()
@click.option(
    "--into", "replica", help="Where to keep it: a file, or postgresql://... (?schema=).  [DECISIONLOG_REPLICA]"
)
def replica(replica: str | None) -> None:
    """Keep a replica: the read models in a database elsewhere, fed from the topic that `decisionlog publish` fills.

    One process keeps it at a time; a second stands by. What the topic does not bring is had from the log's server, where
    DECISIONLOG_UPSTREAM names it; else the replica waits for it, and says so.
    """
    from cli.replicating import replicate as run

    run(_settings(replica=replica))


@cli.group(name="import")
def import_() -> None:
    """Bring in what was decided elsewhere, or commands from a file."""


_dry_run = click.option("--dry-run", is_flag=True, help="Say what would happen, and write nothing.")
_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@import_.command(name="changes")
@_file
@click.option(
    "--mapping", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The TOML file that says what the columns and words mean.",
)  # fmt: skip
@_dry_run
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--verbose", is_flag=True, help="Tell what was noticed in lines that are in the log already, too.")
@_data
@_owner
def import_changes(
    file: Path, mapping: Path, dry_run: bool, as_json: bool, verbose: bool, data: Path | None, owner: str | None
) -> None:
    """Import a history of changes, one a line (JSON Lines), as observed history.

    The same file twice changes nothing; a longer file adds what is new; an interrupted import goes on.
    """
    from cli.importing import changes

    changes(_settings(data=data, owner=owner), file, mapping, dry_run=dry_run, as_json=as_json, verbose=verbose)


@import_.command(name="commands")
@_file
@_dry_run
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@_data
@_owner
def import_commands(file: Path, dry_run: bool, as_json: bool, data: Path | None, owner: str | None) -> None:
    """Import commands, one a line (JSON Lines), as they could be posted."""
    from cli.importing import commands

    commands(_settings(data=data, owner=owner), file, dry_run=dry_run, as_json=as_json)


@cli.command()
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="The file to write; else standard output."
)
@click.option("--people", is_flag=True, help="Add the directory of people: a line per person with every spelling.")
@_data
def export(output: Path | None, people: bool, data: Path | None) -> None:
    """Write the log as JSON Lines: each entry byte for byte, its leaf in the Merkle tree, and its texts."""
    from cli.keeping import export as run

    run(_settings(data=data), output, people=people)


@cli.command()
@_data
def rebuild(data: Path | None) -> None:
    """Throw the read model away and build it again from the log, also beside a running server."""
    from cli.keeping import rebuild as run

    run(_settings(data=data))


@cli.command()
@_data
def doctor(data: Path | None) -> None:
    """Look whether all is well: versions, files, positions, and every entry against its proof."""
    from cli.keeping import doctor as run

    run(_settings(data=data))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.option("--working", metavar="NAME", help="Fail unless NAME is at work: projector, publisher, intake or replica.")
@click.option("--replica", help="Of this replica: a file, or postgresql://... .  [DECISIONLOG_REPLICA]")
@_data
def status(as_json: bool, working: str | None, replica: str | None, data: Path | None) -> None:
    """Say how far everything is that follows the log: read models, publisher, intake; and what went wrong last."""
    from cli.status import status as run

    run(_settings(data=data, replica=replica), as_json=as_json, working=working)


@cli.command()
@click.option(
    "--checkpoint", "checkpoints", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint kept elsewhere, with which the log must agree. May be repeated.",
)  # fmt: skip
@click.option(
    "--write-checkpoint", "write", type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write a checkpoint to, once everything fits.",
)  # fmt: skip
@_data
def verify(checkpoints: tuple[Path, ...], write: Path | None, data: Path | None) -> None:
    """Work out every hash again from what is stored, and compare: with the head, and with checkpoints.

    Names the first position that does not fit. Exit code 0: all fits; 4: something does not.
    """
    from cli.keeping import verify as run

    run(_settings(data=data), checkpoints, write)


@cli.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_data
def backup(file: Path, data: Path | None) -> None:
    """Copy the log to FILE as it is now, also beside a running server. The copy is a log of its own."""
    from cli.keeping import backup as run

    run(_settings(data=data), file)


@cli.group()
def person() -> None:
    """Make the log know people, so that they can be named."""


@person.command(name="add")
@click.argument("name")
@click.option("--also", multiple=True, help="Another spelling: an e-mail, a handle, an old name. May be repeated.")
@_data
@_owner
def person_add(name: str, also: tuple[str, ...], data: Path | None, owner: str | None) -> None:
    """Register the person called NAME. Anybody can then name them by it, or by another spelling."""
    from cli.people import add

    add(_settings(data=data, owner=owner), name, also)


@cli.command()
@click.option(
    "--to", required=True, help="The address of a PostgreSQL database: postgresql://... (?schema= names a schema)."
)
@_data
def migrate(to: str, data: Path | None) -> None:
    """Carry the log in the data directory to PostgreSQL, whole, and seal what stays behind. Interrupted, run it again."""
    from cli.migrating import migrate as run

    run(_settings(data=data, store=""), to)


@cli.group()
def token() -> None:
    """Make, list and revoke tokens."""


@token.command(name="create")
@click.argument("holder")
@click.option("--right", "rights", multiple=True, help="A right it has: import, forget or administer. May be repeated.")
@click.option("--all-rights", is_flag=True, help="Give it every right.")
@click.option("--label", default="", help="What it is for.")
@_data
@_owner
def token_create(
    holder: str, rights: tuple[str, ...], all_rights: bool, label: str, data: Path | None, owner: str | None
) -> None:
    """Make a token for HOLDER: a person by any name the directory knows, or a service as `service:KEY`."""
    from cli.tokens import create

    create(_settings(data=data, owner=owner), holder, rights, all_rights=all_rights, label=label)


@token.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON, one a line.")
@_data
def token_list(as_json: bool, data: Path | None) -> None:
    """List all tokens there ever were, one a line. In a pipe the columns are separated by tabs."""
    from cli.tokens import show

    show(_settings(data=data), as_json=as_json)


@token.command(name="revoke")
@click.argument("id")
@_data
@_owner
def token_revoke(id: str, data: Path | None, owner: str | None) -> None:  # noqa: A002  (what the user sees)
    """Make the token with this ID worthless from now on."""
    from cli.tokens import revoke

    revoke(_settings(data=data, owner=owner), id)


def main() -> None:
    """Runs the command line; what goes wrong is said in a sentence and an exit code."""
    os.umask(0o077)  # a log holds what people wrote: its files, and what is exported from it, are their owner's alone
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        _end(Exit.INTERRUPTED, "Interrupted.")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _end(Exit.INTERRUPTED, "Interrupted.")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more when it ends
        sys.exit(Exit.REFUSED)
    except Exception as error:  # noqa: BLE001  (told apart there; what nobody foresaw is raised again)
        _end(*_in_a_sentence(error))
    sys.exit(code or 0)


def _end(code: Exit, sentence: str) -> None:
    click.echo(sentence, err=True)
    sys.exit(code)


def _in_a_sentence(error: Exception) -> tuple[Exit, str]:
    """The exit code and the sentence for whatever can be foreseen.

    Raises:
        Exception: what nobody foresaw: a mistake of ours, of which the whole trace is wanted.
    """
    from eventsourcing.persistence import PersistenceError
    from pydantic import ValidationError

    from domain.errors import Refused
    from eventlog.errors import DamagedLogError, LogError, LogInUseError

    match error:
        case CannotGoOn():
            return error.code, str(error)
        case LogError():
            codes = {LogInUseError: Exit.IN_USE, DamagedLogError: Exit.DAMAGED}
            return codes.get(type(error), Exit.REFUSED), str(error)
        case PersistenceError():
            return Exit.REFUSED, f"The log's store failed: {error}. Look to it, and try again."
        case Refused():
            return Exit.REFUSED, f"Refused: {error}."
        case ValidationError():
            wrong = "; ".join(
                f"DECISIONLOG_{'.'.join(map(str, each['loc'])).upper()}: {each['msg']}" for each in error.errors()
            )
            return Exit.MISUNDERSTOOD, f"A setting is not in order. {wrong}."
        case OSError() if error.filename:
            return (
                Exit.REFUSED,
                f"{error.filename}: {error.strerror}. Check the path and its permissions, and try again.",
            )
        case _:
            raise error
