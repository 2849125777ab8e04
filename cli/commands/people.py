"""`decisionlog people`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer
from cli.answer_titles import Titles
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Table
from decisionlog_client import questions


@click.command()
@click.argument("name", required=False)
@options.paging
@options.output
def people(output: Output, name: str | None, **paging: Any) -> None:
    """List people.

    Each person is listed with every identifier and spelling. With NAME, list only the people of that name.
    """
    print_answer(questions.people(name, **drop_unset(**paging)), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of people."""
    rows = [
        [
            row["name"],
            ", ".join(each for each in row["spellings"] if each != row["name"]),
            titles.format(row.get("merged_into")),
            row["id"],
        ]
        for row in answer["rows"]
    ]
    return Table(("name", "identifiers", "merged into", "id"), rows)
