"""`decisionlog activity`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.options import Output, drop_unset
from cli.query import print_answer
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
    print_answer(questions.activity(**drop_unset(**given)), answer_tables.activity, output)
