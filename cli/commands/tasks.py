"""`decisionlog tasks`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.options import Output, drop_unset
from cli.query import print_answer
from decisionlog_client import questions


@click.command()
@options.product_and_status
@options.bitemporal
@options.paging
@options.output
def tasks(output: Output, **given: Any) -> None:
    """List tasks: what, who, and by when."""
    print_answer(questions.tasks(**drop_unset(**given)), answer_tables.tasks, output)
