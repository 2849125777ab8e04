"""`decisionlog search`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, title_of
from cli.answer_titles import Titles
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Table
from decisionlog_client import questions


@click.command()
@click.argument("text")
@options.product_and_status
@options.kinds
@options.include_removed
@click.option("--limit", type=options.Number(1, options.MAX_ROWS), help="Maximum number of results.  [50]")
@click.option("--cursor", help="Pagination cursor from the previous page.")
@options.bitemporal
@options.output
def search(output: Output, text: str, **given: Any) -> None:
    """Search all text.

    Results contain every word of TEXT, best match first. The last word also matches as a prefix.
    """
    print_answer(questions.search(text, **drop_unset(**given)), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of search results."""
    rows = [
        [
            title_of(row, titles),
            "unplaced line" if row["field"].startswith("line.") else titles.format_field_name(row["field"]),
            row["snippet"],
            "" if row["current"] else "removed",
            row["subject"],
            row["position"],
        ]
        for row in answer["rows"]
    ]
    return Table(("title", "field", "match", "state", "subject", "position"), rows, frozenset({"position"}))
