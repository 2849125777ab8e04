"""`decisionlog debt`."""

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
        print_answer(questions.debt_by_month(**chosen), answer_tables.debt_by_month, output)
    else:
        print_answer(questions.debt(**chosen), answer_tables.debt, output)
