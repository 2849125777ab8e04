"""`decisionlog calibration`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.answer_titles import Titles
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Table, print_note
from decisionlog_client import questions


@click.command()
@click.argument("who", required=False)
@options.repeatable("--product", "Filter by product.")
@options.bitemporal
@options.output
def calibration(output: Output, who: str | None, **given: Any) -> None:
    """Show how accurate forecasts were.

    Without WHO, show the forecasts of all people together. Those of another person are shown only if
    that person agreed.
    """
    print_answer(questions.calibration(**drop_unset(who=who, **given)), _build_table, output)


def _build_table(answer: Any, titles: Titles) -> Table:
    if answer["why_not"]:
        print_note(f"No score is shown: {titles.format_sentence(answer['why_not'])}.")
    return answer_tables.calibration(answer, titles)
