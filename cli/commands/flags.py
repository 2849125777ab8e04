"""`decisionlog flags`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.options import Output, drop_unset
from cli.query import print_answer
from decisionlog_client import questions


@click.command()
@options.product_and_status
@options.repeatable("--subject", "Filter by subject.")
@options.bitemporal
@options.paging
@options.output
def flags(output: Output, **given: Any) -> None:
    """List what rests on something that no longer holds.

    Something no longer holds if an assumption was broken, or if evidence expired, was withdrawn or was superseded. An item leaves the list when it
    is changed, when it ends, or when it is confirmed with a reason.
    """
    print_answer(questions.flags(**drop_unset(**given)), answer_tables.flags, output)
