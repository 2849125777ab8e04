"""`decisionlog access-journal`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, parse_time, request_cells
from cli.answer_titles import Titles
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Table
from decisionlog_client import questions


@click.command("access-journal")
@options.repeatable("--kind", "Filter by kind: sign-in, denied, refused, export, audit, lost.")
@options.repeatable("--who", "Filter by person or service.")
@options.time_option("--since", "At this time or later.")
@options.time_option("--until", "Before this time.")
@options.paging
@options.output
def access_journal(output: Output, **given: Any) -> None:
    """List sign-ins, refusals and exports.

    It also lists who read the audit trail or this journal. Needs the role auditor or admin for all products.
    """
    print_answer(questions.access_journal(**drop_unset(**given)), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of the access journal."""
    rows = [
        [parse_time(row["at"]), row["kind"], titles.format(row["who"]), *request_cells(row, titles), row["times"]]
        for row in answer["rows"]
    ]
    return Table(
        ("when", "kind", "who", "what", "reason", "times"), rows, frozenset({"times"}), below=frozenset({"reason"})
    )
