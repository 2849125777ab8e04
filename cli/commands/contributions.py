"""`decisionlog contributions`."""

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
        print_answer(questions.contribution_gaps(**chosen), answer_tables.contribution_gaps, output)
    else:
        print_answer(questions.contributions(**chosen), answer_tables.contributions, output)
