"""`decisionlog options`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables
from cli import options as cli_options
from cli.options import Output, drop_unset
from cli.query import find_subject, open_log, print_response
from decisionlog_client import questions


@click.command()
@click.argument("decision", type=cli_options.AnySubject("decision"))
@cli_options.bitemporal
@cli_options.output
def options(output: Output, decision: str, **given: Any) -> None:
    """Compare the options of a decision.

    DECISION is its number, key or title. Each option is listed with its cost and time, whether these are within the limits, and
    what was found on whether it is valuable, usable, feasible and viable.
    """
    when = drop_unset(**given)
    with open_log(output) as log:
        key = find_subject(log, decision, when, kinds=("decision",)).removeprefix("decision:")
        print_response(log, questions.decision_options(key, **when), answer_tables.weighed_options, output)
