"""The `decisionlog` command. A subcommand is imported when it is called, so that `--help` is fast."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module
from io import StringIO
from typing import Final

import click

from cli import recording_commands
from cli.command_wording import NOUNS, OPERATED_NOUNS
from cli.errors import Exit
from cli.examples import add_examples
from cli.suggesting_group import SuggestingGroup
from cli.terminal import guard_streams
from cli.verb_list import read_verbs, recording_nouns

GC_THRESHOLDS: Final = (20_000, 0, 10_000)
"""Importing, building routes and decoding entries allocate much and leave few reference cycles. With Python's own
thresholds, a command without a server takes a tenth longer, and an import an eighth.

A collection holds the interpreter lock, and that of the middle generation takes as long as the young ones before it
together: after 5 of them up to 57 ms, after 1 up to 16. So every second collection includes it.
"""
SECTIONS: Final = {
    "Ask": {
        "roadmap": "Show the roadmap, now or as of any day.",
        "changes": "Show what changed between two times, and why.",
        "blame": "Show who changed a field, when and why.",
        "decisions": "List decisions.",
        "slips": "List what slipped, and why.",
        "calibration": "Show how accurate forecasts were.",
        "debt": "List what is left undone, and how to clear it.",
        "outcomes": "List expected outcomes, and what came of them.",
        "flags": "List what rests on something that no longer holds.",
        "arrivals": "List deferred decisions whose wait is over.",
        "options": "Compare the options of a decision.",
        "contributions": "List what contributes to which goal.",
        "minutes": "Show the minutes of a meeting, or list meetings.",
        "tasks": "List tasks: what, who, and by when.",
        "show": "Show a decision or another subject.",
        "search": "Search all text.",
        "who": "Show who is accountable for what.",
        "authority": "Explain who had the authority to decide.",
        "deciders": "Show who may decide about a product.",
        "people": "List people.",
        "imports": "List imports and the lines that were not placed.",
        "audit": "List events: who did what, when and why.",
        "activity": "List events and access in one audit trail.",
        "access-journal": "List sign-ins, refusals and exports.",
        "report": "Create a progress report for a product.",
    },
    "Record": {
        "record": "Record a decision that was made, in one step.",
        **NOUNS,
        "succession": "List what a person holds and owes, and hand it over.",
        "import": "Import histories, decision records or commands.",
    },
    "Run": {
        "serve": "Serve the log over HTTP.",
        "project": "Run the projector in its own process.",
        "publish": "Publish entries to Kafka.",
        "consume": "Consume commands from Kafka.",
        "replica": "Keep a replica of the read model fed from Kafka.",
        "demo": "Create a demo log: one year of a fictional product.",
    },
    "Operate": {
        "status": "Show where the log is, its state, and who you are.",
        "token": "Manage API tokens.",
        "account": "Connect sign-in accounts to people, and disconnect them.",
        "login-link": "Create a one-time link to sign in with a browser.",
        **OPERATED_NOUNS,
        "verify": "Verify every hash, and compare with checkpoints.",
        "doctor": "Check the installation and the integrity of every entry.",
        "export": "Export the log as JSON Lines, or decisions as MADR files.",
        "backup": "Back up the log to a file.",
        "rebuild": "Rebuild the read model from the log.",
        "migrate": "Move the log to PostgreSQL.",
    },
}
"""The commands as --help lists them. Each summary is the first line of the command's own help; a test compares them."""
OTHER_VERBS: Final = {"role": {"list": "role_list"}}
"""Commands of a noun that ask: the module of each."""


class LazyGroup(SuggestingGroup):
    """A group that imports `cli.commands.NAME` when the command NAME is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """Return the names of all commands."""
        return [name for commands in SECTIONS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        if cmd_name in recording_nouns():
            verb = read_verbs()[1].get(cmd_name)
            others = OTHER_VERBS.get(cmd_name, {})
            return (
                recording_commands.build_command(cmd_name, verb)
                if verb
                else recording_commands.NounGroup(cmd_name, others)
            )
        name = f"{cmd_name}_" if cmd_name == "import" else cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"cli.commands.{name}"), name)
        return add_examples(cmd_name, command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands by section, without importing them."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()), col_max=14)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="decisionlog-server", prog_name="decisionlog")
def cli() -> None:
    """Record product decisions, and ask what the roadmap was on any day, and why."""


def main() -> None:
    """Run the command line. Expected errors end in a message and an exit code."""
    gc.set_threshold(*GC_THRESHOLDS)
    guard_streams()
    os.umask(0o077)  # log files and exports are private: they contain what people wrote
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        _exit(Exit.INTERRUPTED, "Interrupted.")
    except click.ClickException as error:
        _show(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _exit(Exit.INTERRUPTED, "Interrupted.")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails to flush it at exit
        sys.exit(Exit.FAILED)
    except Exception as error:  # noqa: BLE001  (an unexpected error is raised again)
        from cli.error_messages import describe_failure  # noqa: PLC0415  (--help needs none)

        _exit(*describe_failure(error))
    sys.exit(code or 0)


def _show(error: click.ClickException) -> None:
    from cli.table import print_note  # noqa: PLC0415  (--help needs none)

    message = StringIO()
    error.show(message)
    print_note(message.getvalue().removesuffix("\n"))


def _exit(code: Exit, message: str) -> None:
    from cli.table import print_note  # noqa: PLC0415  (--help needs none)

    print_note(message)
    sys.exit(code)
