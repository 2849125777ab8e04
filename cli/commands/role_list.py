"""`decisionlog role list`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import OPTIONAL, Answer, parse_time
from cli.answer_titles import WHO, Titles
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Table
from decisionlog_client import questions


@click.command(name="list")
@click.option("--holder", help="Only roles of this person, team, service or group.")
@click.option("--product", help="Only roles that count for this product.")
@options.bitemporal
@options.paging
@options.output
def command(output: Output, **given: Any) -> None:
    """List roles.

    Each role is listed with who granted it, when and why.
    """
    print_answer(questions.grants(**drop_unset(**given)), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of roles that were granted."""
    rows = [
        [
            titles.format(row["holder"]),
            row["role"],
            titles.format(row["product"]) or "all products",
            parse_time(row["since"]),
            *titles.blame_cells(row["blame"]),
        ]
        for row in answer["rows"]
    ]
    return Table(("holder", "role", "product", "since", *WHO), rows, OPTIONAL, frozenset({"role"}))
