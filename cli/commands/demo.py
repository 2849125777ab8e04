"""`decisionlog demo`."""

from __future__ import annotations

import shlex
from datetime import UTC, date, datetime
from pathlib import Path

import click

from cli.commands.serve import run_server
from cli.demo.questions import questions
from cli.demo.writer import create_demo
from cli.examples import wrap_command
from cli.paging import is_terminal, width_of_terminal
from cli.settings_loading import load_settings
from cli.table import print_sentence


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), default="demo")
@click.option("--ends-on", type=click.DateTime(["%Y-%m-%d"]), help="Last day of the year.  [today]")
@click.option("--open", "open_browser", is_flag=True, help="Serve the demo and open it in the browser.")
def demo(directory: Path, ends_on: datetime | None, *, open_browser: bool) -> None:
    """Create a demo log: one year of a fictional product.

    The log is created in DIRECTORY [demo]. It has twelve people, sixty decisions and eighty features, with evidence,
    outcomes, slips, a handover, a reversal, entries recorded late, and a correction. At the end, four questions about it
    are answered. With --open, an existing demo is served as it is.
    """
    if not (open_browser and (directory / "log.sqlite3").exists()):
        last_day = (ends_on or datetime.now(UTC)).date()
        size = create_demo(load_settings(), directory, last_day)
        print_sentence(
            f"Created {directory}: one year of a fictional product, Tideline ({size} entries up to {last_day})."
        )
        _ask_questions(directory, last_day)
        if not open_browser:
            click.echo(f"\nSee it in the browser: decisionlog demo {shlex.quote(str(directory))} --open")
    if open_browser:
        run_server(load_settings(data=directory), open_browser=True)


def _ask_questions(directory: Path, ends_on: date) -> None:
    """Print each question with its command and its answer, by running the command."""
    cli = click.get_current_context().find_root().command
    for number, question in enumerate(questions(ends_on), start=1):
        command = [*question.command, "--data", str(directory)]
        print_sentence(f"\n{number}. {question.words}\n")
        typed = f"$ decisionlog {shlex.join(command)}"
        click.echo(wrap_command(typed, width_of_terminal()) if is_terminal() else typed)
        cli.main(command, prog_name="decisionlog", standalone_mode=False)
