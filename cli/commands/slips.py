"""`decisionlog slips`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, title_of
from cli.answer_titles import Titles
from cli.options import Output, drop_unset, refuse_combination
from cli.query import print_answer
from cli.table import Cell, Table
from decisionlog_client import questions
from projections.queries.hidden_reasons import describe_hidden_cause


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
        print_answer(questions.slips(**chosen), build_targets_table, output)
        return
    if "min_count" in chosen:
        raise click.UsageError("--min-count requires --by target.")
    if "by" in chosen:
        print_answer(questions.slip_counts(**chosen), build_counts_table, output)
    else:
        print_answer(questions.slip_causes(**chosen), build_causes_table, output)


def build_targets_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of targets that moved."""
    rows = [
        [
            row["subject"],
            title_of(row, titles),
            row["field"],
            titles.format_field(row["first"]),
            titles.format_field(row["now"]),
            row["count"],
            row["later"],
            row["earlier"],
            row["against_first"],
        ]
        for row in answer["rows"]
    ]
    columns = ("subject", "title", "field", "first", "now", "moves", "later", "earlier", "against first")
    return Table(columns, rows, frozenset({"title", "against first"}), below=frozenset({"subject"}))


def build_causes_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of what slipped, and why."""
    rows: list[list[Cell]] = [
        [
            row["subject"],
            row["title"] or titles.format(row["subject"]),
            row["field"],
            titles.format(row["first"]),
            titles.format(row["before"]),
            titles.format(row["after"]),
            row["days"],
            row["days_from_first"],
            row["cause"],
            titles.format(row["because"]) or row["reason"] or describe_hidden_cause(row["cause"]),
            titles.format(row["owners"]),
            row["quarter"],
        ]
        for row in answer["rows"]
    ]
    columns = ("subject", "title", "field", "first", "from", "to", "days", "from first", "cause", "why", "owner")
    optional = frozenset({"field", "first", "days", "from first", "cause", "owner", "quarter"})
    return Table((*columns, "quarter"), rows, optional, below=frozenset({"why"}))


def build_counts_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of how many moves to later there were."""
    names = ("count", "decision", "assumption", "dependency", "reason", "none")
    rows: list[list[Cell]] = [
        [titles.format(row["group"]) or "none", *(row[name] for name in names)] for row in answer["rows"]
    ]
    return Table(("group", *names), rows)
