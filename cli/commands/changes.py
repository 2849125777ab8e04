"""`decisionlog changes`."""

from __future__ import annotations

from typing import Any

import click

from cli import options, tables
from cli.options import Output, TimeParam, drop_unset, refuse_combination
from cli.query import print_answer
from decisionlog_client import questions

_SLIPS_OPTIONS = {"product", "status", "kind", "field", "include_removed"}


@click.command()
@options.time_option("--since", "First point in time.  [a week ago]")
@options.time_option("--until", "Second point in time.  [now]")
@options.time_option("--known-since", "Compare with what was known of --since at this time.  [now]")
@options.time_option("--known-until", "Compare with what was known of --until at this time.  [now]")
@click.option("--slips", is_flag=True, help="List targets that moved, how often and by how much.")
@click.option("--min-count", type=click.IntRange(1), help="With --slips: minimum number of moves.")
@options.product_and_status
@options.kinds
@options.fields
@options.current_values
@options.changed_values
@options.include_removed
@options.output
def changes(output: Output, slips: bool, min_count: int | None, **options_: Any) -> None:
    """Compare two points in time.

    Each difference is shown with who made it, and why.
    """
    given = drop_unset(**options_)
    if slips:
        refuse_combination(given, "--slips", *given.keys() - _SLIPS_OPTIONS)
        print_answer(questions.slips(**drop_unset(min_count=min_count), **given), tables.slips, output)
        return
    if min_count:
        raise click.UsageError("--min-count requires --slips.")
    since = given.pop("since", None) or TimeParam().convert("a week ago", None, None)
    print_answer(questions.changes(since, **given), tables.changes, output)
