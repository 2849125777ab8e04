"""`decisionlog debt`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, format_code, format_part, title_of
from cli.answer_titles import Row, Titles
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Cell, Table
from cli.verb_list import read_verbs
from decisionlog_client import questions


@click.command()
@options.product_and_status
@options.repeatable("--subject", "Filter by subject.")
@options.kinds
@options.repeatable("--code", "Filter by code, e.g. review_overdue.")
@options.repeatable("--owner", "Filter by the person or team who should act.")
@click.option("--stale-days", type=options.Number(1), help="Days without an event after which it is stale.  [30]")
@click.option("--months", type=options.Number(1), help="Count month by month instead: the number of months.")
@options.bitemporal
@options.paging
@options.output
def debt(output: Output, **given: Any) -> None:
    """List what is left undone, and how to clear it.

    The oldest items come first. With --months, count them by product and code at the end of each month.
    """
    chosen = drop_unset(**given)
    if "months" in chosen:
        print_answer(questions.debt_by_month(**chosen), build_months_table, output)
    else:
        print_answer(questions.debt(**chosen), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of what is left undone."""
    rows: list[list[Cell]] = [
        [
            format_code(row["code"]),
            row["subject"],
            title_of(row, titles),
            format_part(row, titles),
            row["days"],
            titles.format(row["owners"]),
            titles.format(row["detail"]),
            _command_line(row),
        ]
        for row in answer["rows"]
    ]
    columns = ("left undone", "subject", "title", "about", "days", "who", "detail", "clear it with")
    return Table(columns, rows, frozenset({"about", "detail"}), below=frozenset({"clear it with"}))


def _command_line(row: Row) -> str:
    """Return what to type to clear an item, such as `decisionlog decision review decision:tea`."""
    path = next((path for path, verb in read_verbs()[1].items() if verb["command"] == row["action"]), row["action"])
    number = f" --expectation {row['part']}" if row["code"] == "outcome_overdue" else ""
    return f"decisionlog {path} {row['subject']}{number}"


def build_months_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of decision debt month by month."""
    rows: list[list[Cell]] = [
        [row["month"], titles.format(row["product"]), format_code(row["code"]), row["count"]] for row in answer["rows"]
    ]
    return Table(("month", "product", "left undone", "count"), rows)
