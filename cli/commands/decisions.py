"""`decisionlog decisions`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.options import Output, drop_unset
from cli.query import print_answer
from decisionlog_client import questions


@click.command()
@options.product_and_status
@options.repeatable("--kind", "Filter by kind: strategic, feature, ownership, process, technical, or your own.")
@options.repeatable("--decider", "Filter by the person who decided.")
@options.repeatable("--accountable", "Filter by the person or team accountable.")
@options.repeatable("--tag", "Filter by tag.")
@options.repeatable("--ever", "Filter by a status the decision has ever had.")
@options.repeatable("--authority", "Filter by verdict: within, exceeds, not_judged.")
@click.option("--unratified", is_flag=True, help="Only decisions that exceed authority and were not ratified.")
@click.option("--self-approved", is_flag=True, help="Only decisions that only their proposer supported.")
@click.option("--backdated", is_flag=True, help="Only backdated decisions to which decision rights applied.")
@click.option("--text", help="Filter by words in any text.")
@options.include_removed
@options.bitemporal
@options.paging
@options.output
def decisions(output: Output, **given: Any) -> None:
    """List decisions.

    Decisions are listed in the order in which they were recorded.
    """
    print_answer(questions.decisions(**drop_unset(**given)), answer_tables.decisions, output)
