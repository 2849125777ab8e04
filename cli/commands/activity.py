"""`decisionlog activity`."""

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


@click.command()
@options.repeatable("--source", "Only `log` (entries) or only `access`.")
@options.repeatable("--type", "Filter by event type, e.g. DecisionAccepted.")
@options.repeatable("--kind", "Filter by kind: sign-in, denied, refused, export, audit, lost.")
@options.repeatable("--who", "Filter by person or service.")
@options.time_option("--since", "Recorded at this time or later.")
@options.time_option("--until", "Recorded before this time.")
@options.paging
@options.output
def activity(output: Output, **given: Any) -> None:
    """List events and access in one audit trail.

    The trail shows what was recorded, and who signed in, was refused, exported or audited; newest first, with counts of
    each. Needs the role auditor or admin for all products.
    """
    print_answer(questions.activity(**drop_unset(**given)), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of the audit trail with access."""
    rows = [
        [
            parse_time(row["at"]),
            row["kind"].partition(".")[0],
            titles.format(row["subject"]) or what,
            titles.format(row["who"]),
            titles.format(row["on_behalf_of"]),
            *(titles.format(row["because"]) or reason, row["times"], row["position"]),
        ]
        for row in answer["rows"]
        for what, reason in [request_cells(row, titles)]
    ]
    columns = ("when", "kind", "what", "who", "on behalf of", "reason", "times", "position")
    return Table(columns, rows, frozenset({"on behalf of", "times", "position"}), below=frozenset({"reason"}))
