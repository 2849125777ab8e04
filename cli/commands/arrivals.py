"""`decisionlog arrivals`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.options import Output, drop_unset
from cli.query import print_answer
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
    print_answer(questions.arrivals(**drop_unset(**given)), answer_tables.arrivals, output)
