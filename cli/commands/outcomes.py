"""`decisionlog outcomes`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.forecasts import draw_outcomes
from cli.options import Output, drop_unset
from cli.query import print_answer
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
    print_answer(questions.expected_outcomes(**drop_unset(**given)), answer_tables.outcomes, output, draw_outcomes)
