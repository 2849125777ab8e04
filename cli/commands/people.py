"""`decisionlog people`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.options import Output, drop_unset
from cli.query import print_answer
from decisionlog_client import questions


@click.command()
@click.argument("name", required=False)
@options.paging
@options.output
def people(output: Output, name: str | None, **paging: Any) -> None:
    """List people.

    Each person is listed with every identifier and spelling. With NAME, list only the people of that name.
    """
    print_answer(questions.people(name, **drop_unset(**paging)), answer_tables.people, output)
