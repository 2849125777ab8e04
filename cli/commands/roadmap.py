"""`decisionlog roadmap`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from cli import options, tables
from cli.options import Output, drop_unset
from cli.query import print_answer
from decisionlog_client import questions


@click.command()
@click.argument("product", nargs=-1)
@click.option("--columns", help="Group by horizon, status, release, owner, owner.ROLE, or any field.  [horizon]")
@click.option("--layout", type=click.Choice(["board", "timeline", "table"]), help="Layout.  [board]")
@click.option("--milestone", help="Show the targets for this milestone only.")
@options.repeatable("--show", "Field to show on each card, or role.* for a group.")
@click.option("--blame", is_flag=True, help="Show who last changed each card, when and why.")
@options.status_filter
@options.conditions
@options.repeatable("--kind", "Kind of subject to show.  [feature]")
@options.fields
@options.current_values
@options.include_removed
@options.bitemporal
@options.paging
@options.output
def roadmap(output: Output, product: tuple[str, ...], show: tuple[str, ...], **given: Any) -> None:
    """Show the roadmap, now or as of any day.

    Show one PRODUCT or several; without one, all. Cards without a value for the column are listed as unplanned.
    """
    question = questions.roadmap(**drop_unset(product=product, show=show, **given))
    print_answer(question, partial(tables.roadmap, shown=show), output)
