"""`decisionlog calibration`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, format_code
from cli.answer_titles import Titles
from cli.options import Output, drop_unset
from cli.query import print_answer
from cli.table import Cell, Table, print_note
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
    print_answer(questions.calibration(**drop_unset(who=who, **given)), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of how good forecasts were."""
    if answer["why_not"]:
        print_note(f"No score is shown: {titles.format_sentence(answer['why_not'])}.")
    counts = [(format_code(standing), count) for standing, count in answer["counts"].items() if count]
    scores = [(name, answer[name]) for name in ("score", "low", "high", "climate") if answer[name] is not None]
    points = [
        (
            f"said {row['probability']} % ({row['count']})",
            f"{row['observed']:.0f} %, by chance {row['low']:.0f} to {row['high']:.0f}",
        )
        for row in answer["rows"]
    ]
    rows: list[list[Cell]] = [[name, value] for name, value in (*scores, *counts, *points)]
    return Table(("what", "value"), rows)
