"""`decisionlog succession`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, format_code, format_part, parse_time, title_of
from cli.answer_titles import Titles
from cli.errors import CommandFailed
from cli.options import Output, drop_unset
from cli.query import find_subject, open_log, print_response
from cli.table import Cell, Table, print_note
from decisionlog_client import questions
from domain.catalog import COMMAND


@click.command()
@click.argument("who")
@click.option("--to", help="Person or team who takes over all roles.")
@click.option("--yes", is_flag=True, help="Hand over without asking.")
@options.bitemporal
@options.output
def succession(output: Output, who: str, *, to: str | None, yes: bool, **given: Any) -> None:
    """List what a person holds and owes, and hand it over.

    With --to, all roles are handed over in one transaction, after you confirm it.
    """
    times = drop_unset(**given)
    if to is None:
        with open_log(output) as log:
            person = find_subject(log, who, times, kinds=("person", "team"))
            nothing = "There is nothing that they hold, owe or wait for."
            print_response(log, questions.succession(person, **times), build_table, output, if_empty=nothing)
        return
    if times:
        raise click.UsageError("--to cannot be combined with --as-of or --known-at.")
    _hand_over(output, who, to, is_confirmed=yes)


def _hand_over(output: Output, who: str, to: str, *, is_confirmed: bool) -> None:
    with open_log(output, writes=True) as log:
        person, successor = (find_subject(log, name, kinds=("person", "team")) for name in (who, to))
        question = questions.succession(person, to=successor)
        answer = log.ask(question)
        if not answer["commands"]:
            raise CommandFailed(f"{who} holds no roles that can be handed over.")
        print_response(log, question, build_table, output)
        number = len(answer["commands"])
        if not is_confirmed:
            click.confirm(f"Hand over {number} {'role' if number == 1 else 'roles'} to {to}?", abort=True, err=True)
        receipt = log.send(*(COMMAND.validate_python(each) for each in answer["commands"]))
        print_note(f"Handed over in one transaction, at position {receipt['position']}.")


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of what a person holds, owes and waits for."""
    rows: list[list[Cell]] = [
        [
            format_code(row["relation"]),
            format_code(row["code"]),
            row["subject"],
            title_of(row, titles),
            format_part(row, titles),
            parse_time(row["since"]),
            parse_time(row.get("detail", {}).get("until")),
        ]
        for row in answer["rows"]
    ]
    columns = ("relation", "what", "subject", "title", "about", "since", "until")
    return Table(columns, rows, frozenset({"until"}), below=frozenset({"about", "subject"}))
