"""`decisionlog slips`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.options import Output, drop_unset, refuse_combination
from cli.query import print_answer
from decisionlog_client import questions


@click.command()
@options.product_and_status
@options.repeatable("--subject", "Filter by feature or release.")
@options.fields
@options.repeatable("--cause", "Filter by cause: decision, assumption, dependency, reason, none.")
@options.repeatable("--owner", "Filter by who was accountable then.")
@options.time_option("--since", "Moved at this time or later.", days="period")
@options.time_option("--until", "Moved before this time.")
@click.option(
    "--by",
    type=click.Choice(["cause", "release", "owner", "quarter", "target"]),
    help="Count the moves in groups instead of listing them; by target, include moves to an earlier date.",
)
@click.option("--min-count", type=options.Number(1), help="With --by target: minimum number of moves.")
@options.bitemporal
@options.paging
@options.output
def slips(output: Output, **given: Any) -> None:
    """List what slipped, and why.

    Each move of a target to a later date is compared with the first promise. Targets are those of features, and the due dates
    of releases and goals.
    """
    chosen = drop_unset(**given)
    if chosen.get("by") == "target":
        refuse_combination(chosen, "--by target", "cause", "owner", "since", "until")
        del chosen["by"]
        print_answer(questions.slips(**chosen), answer_tables.slips, output)
        return
    if "min_count" in chosen:
        raise click.UsageError("--min-count requires --by target.")
    if "by" in chosen:
        print_answer(questions.slip_counts(**chosen), answer_tables.slip_counts, output)
    else:
        print_answer(questions.slip_causes(**chosen), answer_tables.slip_causes, output)
