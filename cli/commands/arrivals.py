"""`decisionlog arrivals`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, format_code, parse_time, title_of
from cli.answer_titles import Titles
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Cell, Table
from decisionlog_client import questions


@click.command()
@options.product_and_status
@options.repeatable("--subject", "Filter by subject.")
@options.bitemporal
@options.paging
@options.output
def arrivals(output: Output, **given: Any) -> None:
    """List deferred decisions whose wait is over.

    The evidence, assumption, decision, release or day that they waited for has come. A decision leaves the list when it is
    decided, or deferred again.
    """
    print_answer(questions.arrivals(**drop_unset(**given)), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of deferred decisions that are back."""
    rows: list[list[Cell]] = [
        [
            row["subject"],
            title_of(row, titles),
            format_code(row["reason"]),
            titles.format(row["awaited"]),
            parse_time(row["since"]),
            titles.format(row["accountable"]),
        ]
        for row in answer["rows"]
    ]
    columns = ("subject", "title", "reason", "waited for", "since", "accountable")
    return Table(columns, rows, frozenset({"accountable"}))
