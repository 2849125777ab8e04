"""`decisionlog minutes`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from cli import options
from cli.answer_tables import Answer, field_of
from cli.answer_titles import Titles
from cli.display import Line, Span, format_day, isolate, paragraphs, to_single_line, wrap
from cli.finding import Finder
from cli.options import Output, drop_unset
from cli.query import open_log, print_response
from cli.status_marks import mark_status
from cli.table import Cell, Table
from decisionlog_client import questions


@click.command()
@click.argument("meeting", required=False)
@options.bitemporal
@options.output
def minutes(output: Output, *, meeting: str | None, **given: Any) -> None:
    """Show the minutes of a meeting, or list meetings.

    The minutes are the advice, objections, decisions and tasks, each with its people. What was recorded for other people
    is marked until they confirm it.
    """
    times = drop_unset(**given)
    with open_log(output) as log:
        if meeting is None:
            print_response(log, questions.meetings(**times), build_meetings_table, output)
            return
        key = Finder(log, times).find(meeting, ("meeting",)).partition(":")[2]
        print_response(log, questions.minutes(key, **times), build_minutes_table, output, draw_minutes)


def draw_minutes(answer: Mapping[str, Any], titles: Titles, width: int) -> Iterator[Line]:
    """Yield the minutes as a document: the meeting, its attendees, and what was said, decided and assigned."""
    title = isolate(to_single_line(titles.format(answer["subject"])))
    day = f", {format_day(answer['held_on'])}" if answer["held_on"] else ""
    status = mark_status(answer["status"])
    yield from wrap([(title, "bold")], width)
    by = isolate(to_single_line(titles.format(answer["recorded_by"])))
    yield from wrap([status, (day, ""), (f", recorded by {by}" if by else "", "dim")], width, 2)
    for heading, found in (
        ("Attendees", answer["attendees"]),
        ("Invited", answer["invited"]),
        ("Agenda", answer["agenda"]),
    ):
        if found:
            yield from wrap([(f"{heading}: ", "bold"), (isolate(to_single_line(titles.format(found))), "")], width, 2)
    if answer["notes"]:
        yield from ([], [("Notes", "bold")], *paragraphs(answer["notes"], width))
    yield []
    for row in answer["rows"]:
        yield from wrap(_tell_item(row, titles), width, 4)


def _tell_item(row: Mapping[str, Any], titles: Titles) -> list[Span]:
    """Return an item: "Dissent by Lars Holm on Messages from harbors: No one has the time."."""
    who = isolate(to_single_line(titles.format(row["people"])))
    title = to_single_line(titles.format(row["title"] or row["subject"]))
    said = to_single_line(row["said"] or "")
    spans: list[Span] = [
        (f"  • {row['kind'].capitalize()}", "bold"),
        (f" {'for' if row['kind'] == 'task' else 'by'} {who}" if who else "", ""),
    ]
    if said != title:
        spans.append((f" on {isolate(title)}", ""))
    spans.append((f": {isolate(said)}" if said else "", ""))
    spans.append((f", due {format_day(row['due_on'])}" if row["due_on"] else "", ""))
    spans.append((f", because: {isolate(to_single_line(row['why']))}" if row["why"] else "", ""))
    if row["unconfirmed"]:
        spans.append((f" (not confirmed by {isolate(to_single_line(titles.format(row['unconfirmed'])))})", "magenta"))
    return spans


def build_meetings_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of meetings."""
    rows: list[list[Cell]] = [
        [row["title"], *(field_of(row, name, titles) for name in ("held_on", "status", "agenda")), row["subject"]]
        for row in answer["rows"]
    ]
    return Table(("title", "day", "status", "agenda", "meeting"), rows, below=frozenset({"agenda"}))


def build_minutes_table(answer: Answer, titles: Titles) -> Table:
    """Return the table of the minutes of a meeting."""
    rows: list[list[Cell]] = [
        [
            row["kind"],
            row["subject"],
            titles.format(row["people"]),
            row["said"] or row["title"],
            row["why"],
            row["due_on"],
            titles.format(row["unconfirmed"]),
        ]
        for row in answer["rows"]
    ]
    columns = ("what", "subject", "who", "said", "why", "by when", "not confirmed by")
    return Table(columns, rows)
