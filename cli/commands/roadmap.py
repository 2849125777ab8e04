"""`decisionlog roadmap`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

import click

from cli import options
from cli.answer_tables import OPTIONAL, TARGET, Answer, parse_time
from cli.answer_titles import WHO, Row, Titles
from cli.browser import open_path
from cli.context import get_context
from cli.errors import CommandFailed, Exit
from cli.options import Output, drop_unset
from cli.paging import is_terminal, print_lines, width_of_terminal
from cli.query import ask, open_log, print_notes
from cli.roadmap_drawing import draw_plan, read_schedule
from cli.table import Cell, Table, print_table
from decisionlog_client import Client, questions
from projections.queries.field_groups import flat_fields

_COLUMNS = ("horizon", "status", "release", "owner", "accountable")


class ColumnsParam(click.ParamType[str]):
    """What the columns of the board are."""

    name = "text"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:  # noqa: ARG002
        """Return the usual columns that begin so."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415  (only for completion)

        return [CompletionItem(name) for name in _COLUMNS if name.startswith(incomplete)]


_FIRST: Final = ("status", "role.accountable", "horizon", "rank")
_ALWAYS: Final = frozenset(
    {"column", "subject", "title", "milestone", "status", "accountable", "targets", "who", "why"}
)


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
            print_table(build_table(answer, titles, show), get_context().zone, get_context().now())
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


def build_table(answer: Answer, titles: Titles, shown: Sequence[str]) -> Table:
    """Return the table of the roadmap with the fields in `shown`, or the usual ones if there are none."""
    cards = list(_cards(answer))
    fields = [field for field in _fields(card for _, card in cards) if field not in ("title", "exists")]
    if not shown:
        fields = [field for field in fields if not field.startswith(TARGET)]
    ordered = sorted(fields, key=lambda field: (_FIRST.index(field) if field in _FIRST else len(_FIRST), field))
    has_targets = any("targets" in card for _, card in cards) and not shown
    has_milestones = any("milestone" in card for _, card in cards)
    has_blame = any("blame" in cell for _, card in cards for _, cell in flat_fields(card))
    has_columns = any("cards" in row for row in answer["rows"])
    rows: list[list[Cell]] = [
        [
            *([column] if has_columns else []),
            card["subject"],
            card["title"],
            *([card.get("milestone")] if has_milestones else []),
            *(titles.format_field(dict(flat_fields(card)).get(field)) for field in ordered),
            *([_targets(card, titles)] if has_targets else []),
            *(_last_change(card, titles) if has_blame else []),
        ]
        for column, card in cards
    ]
    columns = [
        *(["column"] if has_columns else []),
        "subject",
        "title",
        *(["milestone"] if has_milestones else []),
        *(field.removeprefix("role.") for field in ordered),
        *(["targets"] if has_targets else []),
        *(("changed", *WHO) if has_blame else ()),
    ]
    extra = frozenset() if shown else frozenset(columns) - _ALWAYS
    return Table(columns, rows, extra | OPTIONAL, frozenset(), has_columns)


def _cards(answer: Answer) -> Iterator[tuple[str, Row]]:
    for row in answer["rows"]:
        if "cards" not in row:
            yield "", row
            continue
        column = f"{row['column']} {row['title']}" if row["title"] else str(row["column"])
        for card in row["cards"]:
            yield column, card


def _fields(cards: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys(field for card in cards for field, _ in flat_fields(card)))


def _targets(card: Row, titles: Titles) -> str:
    return ", ".join(
        f"{milestone} {cell['source_value'] or titles.format(cell['value'])}"
        for milestone, cell in card.get("targets", {}).items()
    )


def _last_change(card: Row, titles: Titles) -> list[Cell]:
    """Return when, by whom and why the card was last changed."""
    blames = [cell["blame"] for _, cell in flat_fields(card) if cell.get("blame")]
    last = max(blames, key=lambda blame: blame["position"], default=None)
    return [parse_time(last["at"]) if last else None, *titles.blame_cells(last)]
