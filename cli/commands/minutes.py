"""`decisionlog minutes`."""

from __future__ import annotations

from typing import Any

import click

from cli import answer_tables, options
from cli.finding import Finder
from cli.options import Output, drop_unset
from cli.query import open_log, print_response
from decisionlog_client import questions


@click.command()
@click.argument("meeting", required=False)
@options.bitemporal
@options.output
def minutes(output: Output, *, meeting: str | None, **given: Any) -> None:
    """Show the minutes of a meeting, or list meetings.

    The minutes are what was said and decided, each by name, and the tasks. What was recorded for others is marked until
    they confirm it.
    """
    times = drop_unset(**given)
    with open_log(output) as log:
        if meeting is None:
            print_response(log, questions.meetings(**times), answer_tables.meetings, output)
            return
        key = Finder(log, times).find(meeting, ("meeting",)).partition(":")[2]
        print_response(log, questions.minutes(key, **times), answer_tables.minutes, output)
