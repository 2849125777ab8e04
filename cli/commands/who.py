"""`decisionlog who`."""

from __future__ import annotations

from typing import Any

import click

from cli import options, tables
from cli.options import Output, drop_unset, refuse_combination
from cli.query import print_answer
from decisionlog_client import questions
from domain.values import is_subject, kind_of


@click.command()
@click.argument("name", required=False)
@options.repeatable("--role", "Filter by role, e.g. accountable.")
@click.option("--nobody", is_flag=True, help="List what has no accountable person or team.")
@click.option("--min-count", type=click.IntRange(1), help="Without NAME: minimum number of roles held.")
@click.option("--blame", is_flag=True, help="For a person or team: show who assigned each role, when and why.")
@options.product_and_status
@options.kinds
@options.include_removed
@options.bitemporal
@options.paging
@options.output
def who(output: Output, name: str | None, nobody: bool, **options_: Any) -> None:
    """Show who is accountable for what.

    NAME is a subject (kind:key), to show its roles, or a person or team, to show what they hold. Without NAME, count
    the roles of every person and team.
    """
    given = drop_unset(**options_)
    if nobody:
        refuse_combination(given, "--nobody", "role", "min_count", "blame")
        print_answer(questions.unowned(**given), tables.unowned, output)
    elif name is None:
        refuse_combination(given, "counts of all people and teams", "blame", "limit", "cursor")
        print_answer(questions.accountability_count(**given), tables.counts, output)
    elif _is_owned_subject(name):
        refuse_combination(given, "a subject", *given.keys() - {"as_of", "known_at"})
        print_answer(questions.accountability_of(name, **given), tables.roles, output)
    else:
        refuse_combination(given, "NAME", "min_count")
        print_answer(questions.accountability(name, **given), tables.roles, output)


def _is_owned_subject(name: str) -> bool:
    return is_subject(name) and kind_of(name) not in ("person", "team", "service")
