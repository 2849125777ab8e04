"""`decisionlog authority`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.answer_titles import Titles
from cli.options import Output, drop_unset
from cli.query import find_subject, open_log, print_response
from cli.table import Table, print_note
from decisionlog_client import questions


@click.command()
@click.argument("decision", type=options.AnySubject("decision"))
@options.bitemporal
@options.output
def authority(output: Output, decision: str, **given: Any) -> None:
    """Explain who had the authority to decide.

    DECISION is its number, key or title. Each verdict is explained as it was judged then, and, where that
    differs, as it would be judged with what is known now.
    """
    when = drop_unset(**given)
    with open_log(output) as log:
        key = find_subject(log, decision, when, kinds=("decision",)).removeprefix("decision:")
        print_response(log, questions.decision_authority(key, **when), _build_table, output)


def _build_table(answer: Any, titles: Titles) -> Table:
    if answer["needs_ratification"]:
        print_note("Exceeds the authority of its deciders, and needs ratification by an entitled person.")
    return answer_tables.authority(answer, titles)
