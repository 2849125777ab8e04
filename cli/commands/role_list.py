"""`decisionlog role list`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.options import Output, drop_unset
from cli.query import print_answer
from decisionlog_client import questions


@click.command(name="list")
@click.option("--holder", help="Only roles of this person, team, service or group.")
@click.option("--product", help="Only roles that count for this product.")
@options.bitemporal
@options.paging
@options.output
def command(output: Output, **given: Any) -> None:
    """List roles.

    Each role is listed with who granted it, when and why.
    """
    print_answer(questions.grants(**drop_unset(**given)), answer_tables.grants, output)
