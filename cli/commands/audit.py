"""`decisionlog audit`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, parse_time
from cli.answer_titles import Row, Titles, source
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Table
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
@options.repeatable("--channel", "Filter by channel: http, cli, import, kafka, log, demo.")
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
    print_answer(questions.audit(**drop_unset(**given), **flags), build_table, output)


def _parse_effective(event: Row) -> datetime | None:
    """Return when the period of an event begins, or else when it took effect; None if that is when it was recorded."""
    at = event["data"].get("from") or event["at"]
    return parse_time(at) if at != event["recorded_at"] else None


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of the audit trail."""
    rows = [
        [
            parse_time(row["recorded_at"]),
            _parse_effective(row),
            row["type"].partition(".")[0],
            row["title"] or titles.format(row["subject"]),
            titles.format(row["principal"]),
            titles.format(row["actor"]) if row["actor"] != row["principal"] else "",
            titles.event_reason(row),
            source(row["source"]),
            row["data"]["position"] if row["type"].startswith("EntryVoided.") else None,
            row.get("corrects"),
            row.get("voided_by"),
            row["subject"],
            row["position"],
        ]
        for row in answer["rows"]
    ]
    columns = (
        "recorded",
        "effective",
        "event",
        "title",
        "who",
        "put by",
        "why",
        "source",
        "voids",
        "corrects",
        "voided by",
        "subject",
        "position",
    )
    optional = frozenset({"effective", "put by", "source", "voids", "corrects", "voided by", "subject", "position"})
    return Table(columns, rows, optional, below=frozenset({"why"}))
