"""`decisionlog outcomes`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, title_of
from cli.answer_titles import Titles
from cli.forecasts import draw_outcomes
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Cell, Table
from decisionlog_client import questions


@click.command()
@options.product_and_status
@options.repeatable("--subject", "Filter by decision or feature.")
@options.repeatable("--state", "Filter by state: open, overdue, recorded.")
@options.repeatable("--by", "Filter by the person who expected it.")
@options.bitemporal
@options.paging
@options.output
def outcomes(output: Output, **given: Any) -> None:
    """List expected outcomes, and what came of them.

    They are sorted by the date on which each is due.
    """
    print_answer(questions.expected_outcomes(**drop_unset(**given)), build_table, output, draw_outcomes)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of what was expected, and what came of it."""
    rows: list[list[Cell]] = [
        [
            row["subject"],
            title_of(row, titles),
            row["expectation"],
            row["measure"],
            row["baseline"],
            row["target"],
            row["due_on"],
            None if row["probability"] is None else f"{row['probability']} %",
            titles.format(row["by"]),
            row["result"] or row["state"],
            row["actual"],
            titles.format(row["judged_by"]),
        ]
        for row in answer["rows"]
    ]
    columns = ("subject", "title", "no.", "measure", "from", "target", "by when", "likely", "by", "result", "actual")
    optional = frozenset({"no.", "from", "likely", "by", "judged by"})
    return Table((*columns, "judged by"), rows, optional, below=frozenset({"actual"}))
