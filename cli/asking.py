"""Ask the person at the terminal: for a value, a choice, or a confirmation. Elsewhere nothing is asked."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from cli.context import get_context
from cli.errors import CommandFailed, Exit, NoLogError
from cli.location import Location
from cli.table import print_note


def is_interactive() -> bool:
    """Return whether a person can be asked: input and messages are on a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def choose(problem: str, labels: Sequence[str]) -> int | None:
    """Return the index of the label that the person chooses; None without a terminal.

    Raises:
        click.Abort: the person chose none.
    """
    if not is_interactive():
        return None
    print_note(problem)
    for number, label in enumerate(labels, start=1):
        print_note(f"  {number}  {label}")
    question = "Which one? (0: none)" if len(labels) > 1 else "Is it this one? (1: yes, 0: no)"
    chosen: int = click.prompt(question, type=click.IntRange(0, len(labels)), err=True)
    if not chosen:
        raise click.Abort
    return chosen - 1


def ask_text(heading: str, default: str | None = None, *, may_be_empty: bool = False) -> str:
    """Return a line that the person types."""
    shown = "" if may_be_empty and default is None else default
    answer: str = click.prompt(heading, default=shown, show_default=bool(default), err=True)
    return answer.strip()


def confirm(question: str, *, yes: bool, otherwise: str) -> None:
    """Ask for confirmation, unless `yes`.

    Raises:
        CommandFailed: the person declined, or there is no terminal; the message then ends with how to go on without.
    """
    if yes:
        return
    if not is_interactive():
        raise CommandFailed(otherwise, Exit.USAGE_ERROR)
    if not click.confirm(question, err=True):
        raise CommandFailed("Nothing was recorded.")


def confirm_new_log(location: Location, *, yes: bool) -> None:
    """Ask whether to start a log where there is none.

    Raises:
        CommandFailed: the person declined, or there is no terminal to ask on.
    """
    try:
        get_context().require_log(location)
    except NoLogError as missing:
        hint = "Choose a log with --data or DECISIONLOG_DATA, or start a new one with --yes."
        confirm(f"{missing} Start a new log in {location.data}?", yes=yes, otherwise=f"{missing} {hint}")
        click.echo(f"New log in {location.data}.", err=True)
