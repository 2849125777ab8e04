"""`decisionlog search`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.options import Output, drop_unset
from cli.query import print_answer
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
    print_answer(questions.search(text, **drop_unset(**given)), answer_tables.search_results, output)
