"""`decisionlog decisions`."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from cli import options
from cli.answer_tables import Answer, parse_time, title_of
from cli.answer_titles import Titles
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Table
from cli.values import format_number
from decisionlog_client import questions
from domain.ids import key_of
from projections.queries.field_groups import flat_fields

_NUMBERED: Final = re.compile(r"[a-z]+-\d+")
"""A key by which people know a decision from elsewhere, such as `pep-8`: rather shown than its number here."""


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
    print_answer(questions.decisions(**drop_unset(**given)), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of `decisions`."""
    fields = ("status", "kind", "deciders", "role.accountable", "products", "tags")
    rows = [
        [
            format_number(row["number"]),
            row["subject"],
            title_of(row, titles),
            *(titles.format_field(dict(flat_fields(row)).get(field)) for field in fields),
            parse_time(row["fields"]["status"]["since"] if "status" in row["fields"] else None),
        ]
        for row in answer["rows"]
    ]
    columns = ("number", "decision", "title", "status", "kind", "deciders", "accountable", "products", "tags", "since")
    has_own_numbers = all(_NUMBERED.fullmatch(key_of(row["subject"])) for row in answer["rows"])
    optional = frozenset({"kind", "products", "tags", "accountable", *(("number",) if has_own_numbers else ())})
    return Table(columns, rows, optional)
