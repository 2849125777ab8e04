"""`decisionlog deciders`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.options import Output, drop_unset
from cli.query import find_subject, open_log, print_response
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
        print_response(log, questions.deciders(key, **asked), answer_tables.deciders, output)
