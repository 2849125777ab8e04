"""`decisionlog deciders`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, format_code
from cli.answer_titles import Titles
from cli.options import Output, drop_unset
from cli.query import find_subject, open_log, print_response
from cli.table import Cell, Table
from decisionlog_client import questions


@click.command()
@click.argument("product", type=options.AnySubject("product"))
@click.option("--kind", help="Kind of decision: strategic, feature, process, or your own.  [strategic]")
@click.option("--cost", nargs=2, type=(options.Number(0), str), metavar="AMOUNT CURRENCY", help="What it costs.")
@options.bitemporal
@options.output
def deciders(output: Output, product: str, cost: tuple[int, str] | None, **given: Any) -> None:
    """Show who may decide about a product.

    The decision rights of PRODUCT, or else of its line, say who may decide: by name, by role or by a delegation. Without
    decision rights for this kind of decision there are no results.
    """
    stated = {"cost": cost[0], "currency": cost[1]} if cost else {}
    asked = drop_unset(**given, **stated)
    with open_log(output) as log:
        when: dict[str, Any] = {name: asked[name] for name in ("as_of", "known_at") if name in asked}
        key = find_subject(log, product, when, kinds=("product",)).removeprefix("product:")
        print_response(log, questions.deciders(key, **asked), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of who may decide about a product."""
    rows: list[list[Cell]] = [
        [
            titles.format(row["holder"]),
            titles.format(row["members"]),
            format_code(row["verdict"]),
            titles.format_sentence(row["explanation"]),
            row["approvals"],
            row["mode"],
            row["rights_of"],
            row["rights"],
        ]
        for row in answer["rows"]
    ]
    columns = ("who", "members", "verdict", "because", "approvals", "mode", "rights of", "position")
    return Table(columns, rows, frozenset({"members", "mode", "rights of"}), below=frozenset({"because"}))
