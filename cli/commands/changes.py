"""`decisionlog changes`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from cli import options
from cli.answer_tables import OPTIONAL, Answer, parse_time, title_of
from cli.answer_titles import WHO, Titles
from cli.browser import open_path
from cli.context import get_context
from cli.display import MAX_TEXT_WIDTH, count
from cli.options import Output, TimeParam, drop_unset
from cli.paging import is_terminal, print_lines, width_of_terminal
from cli.query import ask, open_log, print_notes
from cli.sentences import Happening, lay_out_groups
from cli.table import Table, print_note, print_table
from decisionlog_client import questions


@click.command()
@options.time_option("--since", "The earlier of the two times.  [a week ago]", days="period")
@options.time_option("--until", "The later of the two times.  [now]")
@options.time_option("--known-since", "For --since, use what was known at this time.  [now]")
@options.time_option("--known-until", "For --until, use what was known at this time.  [now]")
@click.option("--table", "as_table", is_flag=True, help="Show a row for every field that differs.")
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@options.product_and_status
@options.kinds
@options.fields
@options.current_values
@options.changed_values
@options.include_removed
@options.output
def changes(output: Output, as_table: bool, opens: bool, **options_: Any) -> None:
    """Show what changed between two times, and why.

    Changes are grouped by what happened: decided, shipped, slipped, moved, handed over. With --table, and in a pipe,
    there is a row for every field that differs, with who changed it and why.
    """
    given = drop_unset(**options_)
    if opens:
        with open_log(output) as log:
            open_path(log, "/audit")
        return
    since = given.pop("since", None) or TimeParam().convert("a week ago", None, None)
    with open_log(output) as log:
        question = questions.changes(since, **given)
        answer, asked = ask(log, question, output)
        if answer is not None:
            show_changes(answer, as_table=as_table or not is_terminal())
            print_notes(answer, log, output, asked, question)


def show_changes(answer: Any, *, as_table: bool) -> None:
    """Print differences as sentences, or as a table."""
    context, titles = get_context(), Titles(answer["titles"])
    if as_table:
        print_table(build_table(answer, titles), context.zone, context.now())
        return
    width = min(width_of_terminal(), MAX_TEXT_WIDTH)
    print_lines(lay_out_groups(collect_happenings(answer["rows"]), titles, context.zone, context.now(), width))
    ended = sum(not row["changes"] for row in answer["rows"])
    if ended:
        print_note(
            f"{count(ended, 'more field')} {'differs' if ended == 1 else 'differ'} without an event in between; see --table."
        )


def collect_happenings(rows: Iterable[Any]) -> list[Happening]:
    """Return the events behind differences, each with the changes it made to fields that differ."""
    found: dict[int, Happening] = {}
    for row in rows:
        for change in row["changes"]:
            blame = change["blame"]
            happening = Happening(blame, row["subject"], row["title"])
            found.setdefault(blame["position"], happening).changes.append(change)
        for voided in row["voided"]:
            found.setdefault(voided["blame"]["position"], Happening(voided["blame"], row["subject"], row["title"]))
    return list(found.values())


def build_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of differences between two times."""
    rows = []
    for row in answer["rows"]:
        own = [change for change in row["changes"] if change["field"] == row["field"] and "missing_after" not in row]
        last = (own or row["changes"])[-1:]
        before, after = titles.format_change(row)
        voided = ", ".join(f"{each['position']}: {each['reason']}" for each in row["voided"])
        rows.append(
            [
                row["subject"],
                title_of(row, titles),
                titles.format_field_name(row["field"]),
                before or row.get("missing_before") or "",
                after or row.get("missing_after") or "",
                row["direction"],
                parse_time(last[0]["at"]) if last else None,
                *titles.blame_cells(last[0]["blame"] if last else None),
                voided,
            ]
        )
    columns = ("subject", "title", "field", "before", "after", "direction", "when", *WHO, "voided")
    return Table(
        columns,
        rows,
        OPTIONAL | {"title", "voided"},
        frozenset({"subject", "field"}),
        below=frozenset({"why", "subject", "when", "who"}),
    )
