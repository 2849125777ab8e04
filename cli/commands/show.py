"""`decisionlog show`."""

from __future__ import annotations

from typing import Any

import click

from cli import options, tables
from cli.options import Output, drop_unset
from cli.query import find_subject, open_log, print_answer, print_response
from cli.table import Table, make_safe, print_note
from decisionlog_client import questions


@click.command()
@click.argument("subject", required=False)
@options.product_and_status
@options.kinds
@options.fields
@options.current_values
@options.shown_fields
@options.include_removed
@click.option("--blame", is_flag=True, help="Show who set each field, when and why.")
@options.bitemporal
@options.paging
@options.output
def show(output: Output, subject: str | None, **options_: Any) -> None:
    """Show a decision or another subject.

    SUBJECT is kind:key, e.g. feature:gift-cards. A key alone is a decision, and shop/3 is decision number 3 of the
    product shop. Without SUBJECT, list all fields that match the filters.
    """
    given = drop_unset(**options_)
    if subject and not given.keys() - {"as_of", "known_at"}:
        show_subject(output, subject, given)
        return
    filters: dict[str, Any] = {"subject": [subject]} if subject else {}
    print_answer(questions.fields(**filters, **given), tables.fields, output)


def show_subject(output: Output, name: str, when: dict[str, Any]) -> None:
    """Print everything about one subject."""
    with open_log(output) as log:
        print_response(log, questions.subject(find_subject(log, name, when), **when), _build_table, output)


def _build_table(answer: Any, titles: tables.Titles) -> Table:
    print_note(make_safe(tables.summarize_subject(answer)))
    return tables.subject(answer, titles)
