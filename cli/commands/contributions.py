"""`decisionlog contributions`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, format_code
from cli.answer_titles import Titles
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Cell, Table
from decisionlog_client import questions


@click.command()
@options.product_and_status
@options.repeatable("--subject", "Filter by subject.")
@click.option("--gaps", is_flag=True, help="List open goals without work, and work without a goal, instead.")
@options.bitemporal
@options.paging
@options.output
def contributions(output: Output, gaps: bool, **given: Any) -> None:
    """List what contributes to which goal.

    Each row is a path from a goal through a decision and a feature to a release.
    """
    chosen = drop_unset(**given)
    if gaps:
        print_answer(questions.contribution_gaps(**chosen), build_gaps_table, output)
    else:
        print_answer(questions.contributions(**chosen), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of ways from a goal to a release."""
    columns = ("goal", "decision", "feature", "release")
    rows: list[list[Cell]] = [[titles.format(row[name]) for name in columns] for row in answer["rows"]]
    return Table(columns, rows, grouped=True)


def build_gaps_table(answer: Answer, _: Titles) -> Table:
    """Return the table of goals without work, and of work without a goal."""
    rows: list[list[Cell]] = [
        [row["subject"], row["title"], row["status"], format_code(row["reason"])] for row in answer["rows"]
    ]
    return Table(("subject", "title", "status", "missing"), rows)
