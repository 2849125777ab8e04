"""`decisionlog access-journal`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.options import Output, drop_unset
from cli.query import print_answer
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
    print_answer(questions.access_journal(**drop_unset(**given)), answer_tables.access_journal, output)
