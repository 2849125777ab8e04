"""The `decisionlog` command. Each subcommand imports what it needs when it is called, so that `--help` is there at once."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cli import accountable, options, planning, recording, register, reports, trail
from cli.errors import Exit
from cli.options import settings_of
from cli.terminal import guard_streams


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="decisionlog", prog_name="decisionlog")
def cli() -> None:
    """An event-sourced log of product decisions: the roadmap of any day, and the reason behind every cell."""


@cli.command()
@options.data
@options.owner
@click.option("--host", help="The address to serve on.  [DECISIONLOG_HOST; 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="The port; 0 takes a free one.  [DECISIONLOG_PORT; 8737]")
@click.option(
    "--replica",
    type=options.Address(),
    help="Serve this replica instead, for reading only: a file, postgresql://..., or @FILE with that in it.  [DECISIONLOG_REPLICA]",
)
def serve(data: Path | None, owner: str | None, host: str | None, port: int | None, replica: str | None) -> None:
    """Serve the log over HTTP. The first time, begin it, and print a token and how to record a first decision."""
    from cli.serving import serve as run

    run(settings_of(data=data, owner=owner, host=host, port=port, replica=replica))


@cli.command()
@options.data
def project(data: Path | None) -> None:
    """Keep the read models in a process of its own, beside a server started with DECISIONLOG_PROJECTION=beside.

    One keeps them at a time; a second stands by and goes on when the first ends.
    """
    from cli.projecting import project as run

    run(settings_of(data=data))


@cli.command()
@options.data
def publish(data: Path | None) -> None:
    """Publish every entry of the log, in order, to a topic of Kafka, also beside a running server.

    One process does so at a time; a second stands by and goes on when the first ends. Each message arrives at least once.
    """
    from cli.streaming import publish as run

    run(settings_of(data=data))


@cli.command()
@options.data
def intake(data: Path | None) -> None:
    """Take commands in from a topic of Kafka, and answer each on another: what became of it, or why nothing did.

    One process does so at a time; a second stands by and goes on when the first ends. Each command has one effect.
    """
    from cli.streaming import intake as run

    run(settings_of(data=data))


@cli.command()
@click.option(
    "--into",
    "replica",
    type=options.Address(),
    help="Where to keep it: a file, postgresql://... (?schema=), or @FILE with that in it.  [DECISIONLOG_REPLICA]",
)
def replica(replica: str | None) -> None:
    """Keep a replica: the read models in a database elsewhere, fed from the topic that `decisionlog publish` fills.

    One process keeps it at a time; a second stands by. What the topic does not bring is had from the log's server, where
    DECISIONLOG_UPSTREAM names it; else the replica waits for it, and says so.
    """
    from cli.replicating import replicate as run

    run(settings_of(replica=replica))


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
@options.data
@options.owner
def import_changes(
    file: Path, mapping: Path, dry_run: bool, as_json: bool, verbose: bool, data: Path | None, owner: str | None
) -> None:
    """Import a history of changes, one a line (JSON Lines), as observed history.

    The same file twice changes nothing; a longer file adds what is new; an interrupted import goes on.
    """
    from cli.importing import changes

    changes(settings_of(data=data, owner=owner), file, mapping, dry_run=dry_run, as_json=as_json, verbose=verbose)


@import_.command(name="commands")
@_file
@_dry_run
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@options.data
@options.owner
def import_commands(file: Path, dry_run: bool, as_json: bool, data: Path | None, owner: str | None) -> None:
    """Import commands, one a line (JSON Lines), as they could be posted."""
    from cli.importing import commands

    commands(settings_of(data=data, owner=owner), file, dry_run=dry_run, as_json=as_json)


_folder = click.argument("folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path))
_system = click.option(
    "--system", help="What these records are called together; the name of their git repository, else of DIR, if silent."
)
_product = click.option("--product", help="The key of the product they belong to; defined if there is none.")


@import_.command(name="madr")
@_folder
@_product
@_system
@_dry_run
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--verbose", is_flag=True, help="Tell what was noticed in versions that are in the log already, too.")
@options.data
@options.owner
def import_madr(folder: Path, data: Path | None, owner: str | None, **options: Any) -> None:
    """Import the decision records in DIR, written as MADR (2 to 4), as observed history.

    A record is a file NUMBER-NAME.md. Its history is that of git, or of DIR/history.jsonl; without one, it is as it is
    today. The same folder twice changes nothing, and a changed one adds what is new.
    """
    from cli.importing import records

    records(settings_of(data=data, owner=owner), folder, **options)


@import_.command(name="nygard")
@_folder
@_product
@_system
@_dry_run
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.option("--verbose", is_flag=True, help="Tell what was noticed in versions that are in the log already, too.")
@options.data
@options.owner
def import_nygard(folder: Path, data: Path | None, owner: str | None, **options: Any) -> None:
    """Import the decision records in DIR, written as Michael Nygard does: status, context, decision, consequences.

    The same as `import madr` otherwise.
    """
    from cli.importing import records

    records(settings_of(data=data, owner=owner), folder, **options)


@cli.group(invoke_without_command=True)
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="The file to write; else standard output."
)
@options.overwrite
@click.option("--people", is_flag=True, help="Add the directory of people: a line per person with every spelling.")
@options.data
@click.pass_context
def export(context: click.Context, output: Path | None, overwrite: bool, people: bool, data: Path | None) -> None:
    """Write the log as JSON Lines: each entry byte for byte, its leaf in the Merkle tree, and its texts."""
    if context.invoked_subcommand is not None:
        if output or people or overwrite:
            raise click.UsageError("--output, --overwrite and --people are for the export of the whole log.")
        context.obj = data
        return
    from cli.keeping import export as run

    run(settings_of(data=data), output, people=people, overwrite=overwrite)


@export.command(name="madr")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--product", help="Only the decisions of the product with this key.")
@options.data
@click.pass_obj
def export_madr(above: Path | None, folder: Path, product: str | None, data: Path | None) -> None:
    """Write the decisions to DIR as MADR 4, a file each. DIR is made; it must not hold anything yet."""
    from cli.exporting import madr

    madr(settings_of(data=data or above), folder, product=product)


@cli.command()
@click.argument("directory", type=click.Path(path_type=Path), default="demo")
@click.option(
    "--ends-on", type=click.DateTime(["%Y-%m-%d"]), help="The last day of the year it tells.  [today]",
)  # fmt: skip
def demo(directory: Path, ends_on: datetime | None) -> None:
    """Write a log of a year of an invented product to DIRECTORY (demo, if silent), to look around in.

    Twelve people, sixty decisions, eighty features; what slipped, what was handed over, reversed, told late and corrected.
    """
    from cli.demo.telling import demo as run

    run(settings_of(), directory, (ends_on or datetime.now(UTC)).date())


@cli.command()
@options.data
def rebuild(data: Path | None) -> None:
    """Throw the read model away and build it again from the log, also beside a running server."""
    from cli.keeping import rebuild as run

    run(settings_of(data=data))


@cli.command()
@options.data
@click.option(
    "--read-model", is_flag=True, help="Also build the read model again in a temporary file, and compare all of it."
)
def doctor(data: Path | None, *, read_model: bool) -> None:
    """Check versions, files, positions, every entry against its proof, and the read model.

    The rows of the read model are compared with the log where that takes a moment, and with --read-model always. Exit
    code 0: all is well; 4: something is damaged.
    """
    from cli.keeping import doctor as run

    run(settings_of(data=data), compare=read_model)


@cli.command()
@click.option(
    "--checkpoint", "checkpoints", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A checkpoint kept elsewhere, with which the log must agree. May be repeated.",
)  # fmt: skip
@click.option(
    "--write-checkpoint", "write", type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write a checkpoint to, once everything fits.",
)  # fmt: skip
@options.data
def verify(checkpoints: tuple[Path, ...], write: Path | None, data: Path | None) -> None:
    """Work out every hash again from what is stored, and compare: with the head, and with checkpoints.

    Names the first position that does not fit. Exit code 0: all fits; 4: something does not.
    """
    from cli.keeping import verify as run

    run(settings_of(data=data), checkpoints, write)


@cli.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@options.data
def backup(file: Path, data: Path | None) -> None:
    """Copy the log to FILE as it is now, also beside a running server. The copy is a log of its own."""
    from cli.keeping import backup as run

    run(settings_of(data=data), file)


@cli.group()
def person() -> None:
    """Make the log know people, so that they can be named."""


@person.command(name="add")
@click.argument("name")
@click.option(
    "--identifier", multiple=True, help="Another spelling: an e-mail, a handle, an old name. May be repeated."
)
@options.data
@options.owner
def person_add(name: str, identifier: tuple[str, ...], data: Path | None, owner: str | None) -> None:
    """Register the person called NAME. Anybody can then name them by it, or by another spelling."""
    from cli.people import add

    add(settings_of(data=data, owner=owner), name, identifier)


@cli.command()
@click.option(
    "--to",
    required=True,
    type=options.Address(),
    help="The address of a PostgreSQL database: postgresql://... (?schema= names a schema), or @FILE with that in it.",
)
@options.data
def migrate(to: str, data: Path | None) -> None:
    """Carry the log in the data directory to PostgreSQL, whole, and seal what stays behind. Interrupted, run it again."""
    from cli.migrating import migrate as run

    run(settings_of(data=data, store=""), to)


@cli.group()
def token() -> None:
    """Make, list and revoke tokens."""


@token.command(name="create")
@click.argument("holder")
@click.option("--right", "rights", multiple=True, help="A right it has: import, forget or administer. May be repeated.")
@click.option("--all-rights", is_flag=True, help="Give it every right.")
@click.option("--label", default="", help="What it is for.")
@options.data
@options.owner
def token_create(
    holder: str, rights: tuple[str, ...], all_rights: bool, label: str, data: Path | None, owner: str | None
) -> None:
    """Make a token for HOLDER: a person by any name the directory knows, or a service as `service:KEY`."""
    from cli.tokens import create

    create(settings_of(data=data, owner=owner), holder, rights, all_rights=all_rights, label=label)


@token.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON, one a line.")
@options.data
def token_list(as_json: bool, data: Path | None) -> None:
    """List all tokens there ever were, one a line. In a pipe the columns are separated by tabs."""
    from cli.tokens import show

    show(settings_of(data=data), as_json=as_json)


@token.command(name="revoke")
@click.argument("id")
@options.data
@options.owner
def token_revoke(id: str, data: Path | None, owner: str | None) -> None:  # noqa: A002  (what the user sees)
    """Make the token with this ID worthless from now on."""
    from cli.tokens import revoke

    revoke(settings_of(data=data, owner=owner), id)


for command in (
    recording.record, recording.decide, register.decisions, register.show, planning.roadmap, accountable.who,
    planning.changes, planning.blame, trail.audit, reports.report, register.search, accountable.people, trail.status,
):  # fmt: skip
    cli.add_command(command)


def main() -> None:
    """Runs the command line; what goes wrong is said in a sentence and an exit code."""
    guard_streams()
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
        from cli.sentences import in_a_sentence

        _end(*in_a_sentence(error))
    sys.exit(code or 0)


def _end(code: Exit, sentence: str) -> None:
    click.echo(sentence, err=True)
    sys.exit(code)
