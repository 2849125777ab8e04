"""`decisionlog roadmap`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from cli import answer_tables, options
from cli.answer_titles import Titles
from cli.browser import open_path
from cli.context import get_context
from cli.errors import CommandFailed, Exit
from cli.options import Output, drop_unset
from cli.paging import is_terminal, print_lines, width_of_terminal
from cli.query import ask, open_log, print_notes
from cli.roadmap_drawing import draw_plan, read_schedule
from cli.table import print_table
from decisionlog_client import Client, questions

_COLUMNS = ("horizon", "status", "release", "owner", "accountable")


class ColumnsParam(click.ParamType[str]):
    """What the columns of the board are."""

    name = "text"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:  # noqa: ARG002
        """Return the usual columns that begin so."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415  (only for completion)

        return [CompletionItem(name) for name in _COLUMNS if name.startswith(incomplete)]


@click.command()
@click.argument("product", nargs=-1, type=options.AnySubject("product"))
@click.option(
    "--columns",
    type=ColumnsParam(),
    help="Group by horizon, status, release, owner, owner.ROLE, or any field.  [horizon]",
)
@click.option("--layout", type=click.Choice(["board", "timeline", "table"]), help="Layout.  [board]")
@click.option("--milestone", help="Show only the targets of this milestone.")
@options.repeatable("--show", "Field to show on each card, or role.* for a group.")
@click.option("--blame", is_flag=True, help="Show who last changed each card, when and why.")
@click.option("--all", "-a", "shows_all", is_flag=True, help="Also list what is shipped or dropped.")
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
@options.status_filter
@options.conditions
@options.repeatable("--kind", "Kind of subject to show.  [feature]")
@options.fields
@options.current_values
@options.include_removed
@options.bitemporal
@options.paging
@options.output
def roadmap(
    output: Output,
    product: tuple[str, ...],
    show: tuple[str, ...],
    shows_all: bool,
    opens: bool,
    **given: Any,
) -> None:
    """Show the roadmap, now or as of any day.

    Without PRODUCT, show all products. Open features are listed in the order in which they are due; shipped and dropped
    ones are only counted, unless you add --all or --status. In a pipe, the rows are those of the API.
    """
    chosen = drop_unset(product=product, show=show, **given)
    with open_log(output) as log:
        if opens:
            open_path(log, "/roadmap")
            return
        if columns := given["columns"]:
            _check_columns(log, columns)
        if milestone := given["milestone"]:
            _check_milestone(log, milestone)
        question = questions.roadmap(**chosen)
        answer, asked = ask(log, question, output)
        if answer is None:
            return
        titles = Titles(answer["titles"])
        if not is_terminal() or show or given["blame"] or given["layout"] == "table":
            print_table(answer_tables.roadmap(answer, titles, show), get_context().zone, get_context().now())
        else:
            draw = partial(draw_plan, answer, titles, read_schedule(log, chosen), get_context(), width_of_terminal())
            print_lines(draw(shows_all=shows_all or bool(given["status"])))
        print_notes(answer, log, output, asked, question)


def _check_columns(log: Client, columns: str) -> None:
    """Check that there is such a column: without it, everything would be listed as unplanned.

    Raises:
        CommandFailed: no subject has the field.
    """
    if columns in _COLUMNS or columns.startswith(("owner.", "role.", "target.", "x.")):
        return
    counts = log.ask(questions.fields_count("field", include_removed=True))
    known = sorted({*_COLUMNS, *(str(row["field"]) for row in counts["rows"] if row["field"])})
    if columns not in known:
        raise CommandFailed(f"No column {columns!r}.{_suggest(log, columns, known)}", Exit.USAGE_ERROR)


def _check_milestone(log: Client, milestone: str) -> None:
    """Check that there is such a milestone: without it, everything would be listed without a target.

    Raises:
        CommandFailed: no subject has a target of it.
    """
    counts = log.ask(questions.fields_count("field", field=["target.*"], include_removed=True))
    known = [str(row["field"]).removeprefix("target.") for row in counts["rows"]]
    if milestone not in known:
        raise CommandFailed(
            f"No target has the milestone {milestone!r}.{_suggest(log, milestone, known)}", Exit.USAGE_ERROR
        )


def _suggest(log: Client, typed: str, known: Sequence[str]) -> str:
    """Return what may have been meant: a subject that is called so, and what takes it, or else one of the known names."""
    from cli.finding import Finder  # noqa: PLC0415  (only for an error)
    from cli.known_values import suggest  # noqa: PLC0415

    other_kind = Finder(log).explain_other_kind(typed)
    return f" {other_kind}" if other_kind else suggest(typed, known)
