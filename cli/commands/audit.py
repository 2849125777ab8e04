"""`decisionlog audit`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.options import Output, drop_unset
from cli.query import print_answer
from decisionlog_client import questions


@click.command()
@options.repeatable("--by", "Filter by the person responsible or the actor.")
@options.repeatable("--actor", "Filter by the person or service that recorded the event.")
@options.repeatable("--principal", "Filter by the person responsible.")
@options.repeatable("--subject", "Filter by subject, as kind:key.")
@options.repeatable("--product", "Filter by product.")
@options.kinds
@options.repeatable("--type", "Filter by event type, e.g. DecisionAccepted.")
@options.repeatable("--because", "Filter by the decision behind the event.")
@options.repeatable("--channel", "Filter by channel: http, cli, import.")
@options.repeatable("--system", "Filter by the system the event was imported from.")
@options.repeatable("--reference", "Filter by the reference in that system.")
@options.repeatable("--transaction", "Filter by transaction id.")
@click.option("--position", multiple=True, type=options.Number(1), help="Filter by position. Repeatable.")
@click.option("--text", help="Filter by words in any text.")
@click.option("--justified/--unjustified", default=None, help="Filter by whether a decision is behind the event.")
@click.option("--corrections", is_flag=True, help="Only events that void or replace another.")
@click.option("--voided/--not-voided", default=None, help="Filter by whether the event was voided.")
@click.option(
    "--backdated", is_flag=True, help="Only events that took effect, or whose period begins, before they were recorded."
)
@click.option("--unexplained", is_flag=True, help="Only events without any reason: no decision, note or own reason.")
@click.option("--on-behalf-of", is_flag=True, help="Only events recorded on behalf of another person.")
@options.repeatable("--verdict", "Filter decisions by verdict: within, exceeds, not_judged.")
@click.option("--self-approved", is_flag=True, help="Only decisions that only their proposer supported.")
@options.periods
@click.option("--order", type=click.Choice(["newest", "oldest"]), help="Sort order.  [newest]")
@options.bitemporal
@options.paging
@options.output
def audit(output: Output, justified: bool | None, voided: bool | None, **given: Any) -> None:
    """List events: who did what, when and why.

    Each event is shown with both times (effective and recorded), who it was recorded for, and where it came from.
    """
    flags: dict[str, Any] = {
        name: value for name, value in (("justified", justified), ("voided", voided)) if value is not None
    }
    print_answer(questions.audit(**drop_unset(**given), **flags), answer_tables.events, output)
