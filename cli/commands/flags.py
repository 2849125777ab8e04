"""`decisionlog flags`."""

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
def flags(output: Output, **given: Any) -> None:
    """List what rests on something that no longer holds.

    Something no longer holds if an assumption was broken, or if evidence expired, was withdrawn or was superseded. An item leaves the list when it
    is changed, when it ends, or when it is confirmed with a reason.
    """
    print_answer(questions.flags(**drop_unset(**given)), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of what rests on something that no longer holds."""
    rows: list[list[Cell]] = [
        [
            row["subject"],
            title_of(row, titles),
            row["field"],
            format_code(row["reason"]),
            titles.format(row["cause"]),
            titles.format(row["through"]),
            parse_time(row["since"]),
            titles.format(row["accountable"]),
        ]
        for row in answer["rows"]
    ]
    columns = ("subject", "title", "field", "reason", "rests on", "through", "since", "accountable")
    return Table(columns, rows, frozenset({"field", "through", "accountable"}))
