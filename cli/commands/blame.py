"""`decisionlog blame`."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.answer_tables import OPTIONAL, Answer, counts_table, headings, parse_time, state_cells, state_columns, title_of
from cli.answer_titles import WHO, Row, Titles
from cli.options import Output, drop_unset, refuse_combination
from cli.query import print_answer
from cli.table import Cell, Table
from decisionlog_client import questions

GROUPS = (
    *("subject", "kind", "product", "field", "direction", "from", "from_source_value", "to", "to_source_value"),
    *("actor", "principal", "year", "quarter", "month", "week"),
)


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
@options.repeatable("--then-value", "Filter by the value that followed.")
@options.repeatable("--then-source-value", "Filter by the original value that followed.")
@click.option("--held-at-least", help="Filter by how long the value held, e.g. 90d or 2y.")
@click.option("--held-less-than", help="Filter by how long the value held, e.g. 90d or 2y.")
@click.option("--open/--ended", "open", default=None, help="Only values that still hold, or only those that ended.")
@click.option("--durations", is_flag=True, help="Show how long each value held.")
@options.shown_fields
@click.option("--live", is_flag=True, help="Leave out removed subjects.")
@click.option("--include-unchanged", is_flag=True, help="Include changes that had no effect.")
@click.option("--order", type=click.Choice(["oldest", "newest"]), help="Sort order.  [oldest]")
@click.option(
    "--count-by",
    "group",
    multiple=True,
    type=click.Choice(GROUPS),
    metavar="BY",
    help=f"Count the changes by one of {', '.join(GROUPS)}. Repeatable.",
)
@click.option("--min-count", type=options.Number(1), help="With --count-by: minimum count.")
@options.bitemporal
@options.paging
@options.output
def blame(output: Output, subject: str | None, group: tuple[str, ...], min_count: int | None, **options_: Any) -> None:
    """Show who changed a field, when and why.

    List every change to the fields of SUBJECT; without SUBJECT, to those of all subjects.
    """
    is_open = options_.pop("open")
    given = drop_unset(subject=(subject,) if subject else (), **options_) | (
        {} if is_open is None else {"open": is_open}
    )
    if group:
        refuse_combination(given, "--count-by", "order", "cursor", "show", "durations")
        counts = questions.field_history_count(group, **drop_unset(min_count=min_count), **given)
        print_answer(counts, counts_table, output)
        return
    if min_count:
        raise click.UsageError("--min-count requires --count-by.")
    print_answer(questions.field_history(**given), build_table, output)


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of changes to fields."""
    shown = state_columns(answer)
    held = ("days", "held until", "then") if any("held" in row for row in answer["rows"]) else ()
    rows = [
        [
            parse_time(row["at"]),
            row["subject"],
            title_of(row, titles),
            titles.format_field_name(row["field"]),
            *titles.format_change(row),
            row["direction"],
            *_list_changes(row, titles),
            *(_held_cells(row["held"], titles) if held else ()),
            *state_cells(row, shown, titles),
            *titles.blame_cells(row["blame"]),
        ]
        for row in answer["rows"]
    ]
    values = ("when", "subject", "title", "field", "before", "after", "direction", "gained", "lost")
    columns = (*values, *held, *headings(shown, {*values, *WHO}), *WHO)
    return Table(
        columns,
        rows,
        OPTIONAL,
        frozenset({"subject", "title", "field"}),
        below=frozenset({"why", "subject", "gained", "lost"}),
        events=frozenset({"when", *WHO}),
    )


def _held_cells(held: Row, titles: Titles) -> list[Cell]:
    """Return how long a value held in whole days, until when, and what followed."""
    return [int(held["days"]), parse_time(held["until"]), titles.format_field(held["next"])]


def _list_changes(row: Row, titles: Titles) -> list[Cell]:
    """Return who or what a list gained and lost, where its values before and after do not show that at a glance."""
    sizes = [len(value) for side in ("before", "after") if row[side] and isinstance(value := row[side]["value"], list)]
    if min(sizes, default=0) < 1 or max(sizes) == 1 or len(sizes) == 1:
        return ["", ""]
    return [titles.format(row.get("gained")), titles.format(row.get("lost"))]
