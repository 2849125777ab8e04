"""`decisionlog blame`."""

from __future__ import annotations

from typing import Any

import click

from cli import options, tables
from cli.options import Output, drop_unset, refuse_combination
from cli.query import print_answer
from decisionlog_client import questions


@click.command()
@click.argument("subject", required=False, type=options.AnySubject())
@options.product_and_status
@options.kinds
@options.fields
@options.changed_values
@options.repeatable(
    "--direction",
    "Filter by direction: first, cleared, later, earlier, changed; for lists also gained, lost, replaced, reordered.",
)
@options.repeatable("--by", "Filter by the person who made the change or recorded it.")
@options.periods
@click.option("--live", is_flag=True, help="Leave out removed subjects.")
@click.option("--include-unchanged", is_flag=True, help="Include changes that had no effect.")
@click.option("--order", type=click.Choice(["oldest", "newest"]), help="Sort order.  [oldest]")
@click.option(
    "--count-by",
    "group",
    multiple=True,
    type=click.Choice(["subject", "field", "direction", "actor", "principal"]),
    help="Count the changes by this. Repeatable.",
)
@click.option("--min-count", type=click.IntRange(1), help="With --count-by: minimum count.")
@options.bitemporal
@options.paging
@options.output
def blame(output: Output, subject: str | None, group: tuple[str, ...], min_count: int | None, **options_: Any) -> None:
    """Show who changed a field, when and why.

    List every change to the fields of SUBJECT; without SUBJECT, of all.
    """
    given = drop_unset(subject=(subject,) if subject else (), **options_)
    if group:
        refuse_combination(given, "--count-by", "order", "cursor")
        counts = questions.field_history_count(group, **drop_unset(min_count=min_count), **given)
        print_answer(counts, tables.counts, output)
        return
    if min_count:
        raise click.UsageError("--min-count requires --count-by.")
    print_answer(questions.field_history(**given), tables.field_changes, output)
