"""`decisionlog tasks`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, field_of, title_of
from cli.answer_titles import Row, Titles
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Cell, Table
from decisionlog_client import questions


@click.command()
@options.product_and_status
@options.bitemporal
@options.paging
@options.output
def tasks(output: Output, **given: Any) -> None:
    """List tasks: what, who, and by when."""
    print_answer(questions.tasks(**drop_unset(**given)), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of tasks: what, who, and by when."""
    rows: list[list[Cell]] = [
        [
            title_of(row, titles),
            titles.format(row["roles"]["accountable"]["value"]) if "accountable" in row.get("roles", {}) else None,
            field_of(row, "due_on", titles),
            _status_of_task(row, answer, titles),
            row["subject"],
        ]
        for row in answer["rows"]
    ]
    return Table(("title", "who", "by when", "status", "task"), rows)


def _status_of_task(row: Row, answer: Answer, titles: Titles) -> str | None:
    """Return the status of a task, and whether it is overdue."""
    status, due = field_of(row, "status", titles), field_of(row, "due_on", titles)
    return "open, overdue" if status == "open" and due and due < answer["as_of"][:10] else status
