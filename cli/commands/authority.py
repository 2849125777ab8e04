"""`decisionlog authority`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, format_code, parse_time
from cli.answer_titles import Titles
from cli.options import Output, drop_unset
from cli.query import find_subject, open_log, print_response
from cli.table import Cell, Table, print_note
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
        print_response(log, questions.decision_authority(key, **when), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of the authority behind a decision: a row for each verdict, then how it would be judged now."""
    if answer["needs_ratification"]:
        print_note("Exceeds the authority of its deciders, and needs ratification by an entitled person.")
    rows: list[list[Cell]] = []
    for row in answer["rows"]:
        decider, event = titles.format(row["decider"]), row["type"].partition(".")[0]
        then = [_format_sentences(row["explanation"], titles), row["position"]]
        rows.append([event, parse_time(row["at"]), decider, "then", format_code(row["verdict"]), *then])
        if row["explanation_now"] != row["explanation"]:
            now = [_format_sentences(row["explanation_now"], titles), None]
            rows.append([event, parse_time(row["at"]), decider, "now", format_code(row["verdict_now"]), *now])
    columns = ("event", "effective", "decider", "judged", "verdict", "explanation", "position")
    return Table(columns, rows, below=frozenset({"explanation"}))


def _format_sentences(sentences: Iterable[str], titles: Titles) -> str:
    return " ".join(map(titles.format_sentence, sentences))
