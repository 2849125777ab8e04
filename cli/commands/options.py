"""`decisionlog options`."""

from __future__ import annotations

from typing import Any

import click

from cli import options as cli_options
from cli.answer_tables import Answer, title_of
from cli.answer_titles import Row, Titles
from cli.options import Output, drop_unset
from cli.query import find_subject, open_log, print_response
from cli.table import Cell, Table
from decisionlog_client import questions


@click.command()
@click.argument("decision", type=cli_options.AnySubject("decision"))
@cli_options.bitemporal
@cli_options.output
def options(output: Output, decision: str, **given: Any) -> None:
    """Compare the options of a decision.

    DECISION is its number, key or title. Each option is listed with its cost and time, whether these are within the limits, and
    what was found on whether it is valuable, usable, feasible and viable.
    """
    when = drop_unset(**given)
    with open_log(output) as log:
        key = find_subject(log, decision, when, kinds=("decision",)).removeprefix("decision:")
        print_response(log, questions.decision_options(key, **when), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of a decision's options, with what speaks for and against each."""
    rows: list[list[Cell]] = [
        [
            title_of(row, titles),
            "chosen" if row["chosen"] else "",
            _format_amount(row["cost_amount"], "currency", row["cost_fit"]),
            _format_amount(row["duration"], "unit", row["time_fit"]),
            "; ".join(_format_check(each, titles) for each in row["constraints"]),
            "; ".join(
                _format_finding(each, titles, when)
                for when, found in (("", row["findings"]), ("afterward ", row["afterward"]))
                for each in found
            ),
        ]
        for row in answer["rows"]
    ]
    columns = ("option", "chosen", "cost", "time", "constraints", "finding")
    return Table(columns, rows, below=frozenset({"constraints", "finding"}))


def _format_check(check: Row, titles: Titles) -> str:
    """Return a constraint, whether the option meets it, what shows it, and who judged it."""
    answer = str(check["answer"] or "not judged").replace("-", " ")
    finding = f", {check['finding']}" if check["finding"] else ""
    by = f" ({titles.format(check['by'])})" if check["by"] else ""
    return f"{check['constraint']}: {answer}{finding}{by}"


def _format_amount(amount: Row | None, unit: str, fit: str | None) -> str:
    """Return an amount with its unit, and whether it keeps the limit."""
    if amount is None:
        return ""
    limit = f" ({fit} the limit)" if fit in ("within", "exceeds") else ""
    return f"{amount['amount']:,} {amount[unit]}{limit}"


def _format_finding(found: Row, titles: Titles, when: str) -> str:
    finding = f", {found['finding']}" if found["finding"] else ""
    evidence = f" ({titles.format(found['evidence'])})" if found["evidence"] else ""
    return f"{when}{found['risk']}: {found['answer']}{finding}{evidence}"
