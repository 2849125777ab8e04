"""`decisionlog imports`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from cli import options
from cli.answer_tables import Answer
from cli.answer_titles import Titles
from cli.errors import CommandFailed
from cli.import_sinks import open_sink
from cli.options import Output, drop_unset
from cli.query import open_log, print_answer, print_response
from cli.settings_loading import load_settings
from cli.table import Cell, Table
from decisionlog_client import questions
from domain.ids import key_of
from interchange.import_record import LINE_PREFIX, dismiss_lines


@click.command()
@click.argument("key", required=False)
@click.option("--dismiss", is_flag=True, help="Dismiss the lines of the import KEY that were not placed.")
@click.option("--why", help="The reason for dismissing them.")
@options.bitemporal
@options.paging
@options.output
def imports(output: Output, key: str | None, dismiss: bool, why: str | None, **given: Any) -> None:
    """List imports and the lines that were not placed.

    With KEY, list the lines that this import could not place, with the reason, and what its report said. A line is kept
    until a later import from the same system places it, or until it is dismissed.
    """
    asked = drop_unset(**given)
    if why is not None and not dismiss:
        raise click.UsageError("--why is the reason for --dismiss.")
    if dismiss and key is None:
        raise click.UsageError("--dismiss needs the KEY of an import; `decisionlog imports` lists them.")
    if key is None:
        print_answer(questions.imports(**asked), build_table, output)
        return
    subject = key if key.startswith("import:") else f"import:{key}"
    if dismiss:
        dismiss_import(output.location.data, subject, why)
        return
    with open_log(output) as log:
        when = {name: value for name, value in asked.items() if name in ("as_of", "known_at")}
        print_response(log, questions.subject(subject, **when), build_lines_table, output)


def dismiss_import(data: Path | None, subject: str, why: str | None) -> None:
    """Dismiss the lines that an import could not place.

    Raises:
        CommandFailed: no reason is given, or the import has no such lines.
        Forbidden: the token does not have the scope to import.
    """
    if not why or not why.strip():
        raise CommandFailed("Give the reason with --why: it stays in the history of the lines.")
    with open_sink(load_settings(data=data, owner=None)) as (sink, caller):
        lines = list(sink.state(subject).field_names(LINE_PREFIX))
        count = asyncio.run(dismiss_lines(sink, caller, subject, lines, why)) if lines else 0
    if not count:
        raise CommandFailed(f"{subject} has no line to dismiss. `decisionlog imports` lists the imports.")
    click.echo(f"{count} {'line' if count == 1 else 'lines'} dismissed")


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of imports."""
    rows = [
        [
            *(key_of(row["subject"]), row["title"]),
            *(titles.format_field(row["fields"].get(name)) for name in ("system", "lines", "unplaced", "products")),
        ]
        for row in answer["rows"]
    ]
    return Table(("import", "file", "system", "lines", "not placed", "products"), rows)


def build_lines_table(answer: Answer, _titles: Titles) -> Table:
    """Return the table of the lines that an import could not place, and of what its report said."""
    fields = answer["fields"]
    found = [
        json.loads(field["value"]) for name, field in fields.items() if name.startswith("line.") and field["value"]
    ]
    rows: list[list[Cell]] = [
        [str(one.get("line") or ""), one.get("reason"), json.dumps(one.get("data"), ensure_ascii=False)]
        for one in found
    ]
    remarks = (fields.get("remarks") or {}).get("value") or []
    return Table(("line", "reason", "content"), [*rows, *([["", remark, ""] for remark in remarks])])
