"""`decisionlog roadmap`, `changes` and `blame`: what is planned, what became of it, and why."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.options import Form, said


@click.command()
@click.argument("product", nargs=-1)
@click.option("--columns", help="The columns: horizon, status, release, owner, owner.ROLE, or any field.  [horizon]")
@click.option("--layout", type=click.Choice(["board", "timeline", "table"]), help="How it is laid out.  [board]")
@click.option("--milestone", help="Only this milestone's targets.")
@options.several(
    "--show", "A cell on each card, or role.* for all that begin so; what a roadmap needs, if none is named."
)
@click.option("--blame", is_flag=True, help="With who changed each card last, when and why.")
@options.several("--status", "Only with this status, in our meaning or the source's word.")
@options.several("--kind", "Subjects of this kind.  [feature]")
@options.fields
@options.contents
@options.absent
@options.then
@options.paged
@options.form
def roadmap(form: Form, product: tuple[str, ...], show: tuple[str, ...], **asked: Any) -> None:
    """Show the roadmap of a PRODUCT, or of several, or of all, as it stood on any day. What has no place is unplanned."""
    from functools import partial

    from cli import sheets
    from cli.asking import ask
    from decisionlog_client import questions

    question = questions.roadmap(**said(product=product, show=show, **asked))
    ask(question, partial(sheets.board, shown=show), form)


@click.command()
@options.at("--since", "The first instant.  [a week ago]")
@options.at("--until", "The second instant.  [now]")
@options.at("--known-since", "What was known of the first.  [all that is known now]")
@options.at("--known-until", "What was known of the second.  [all that is known now]")
@click.option(
    "--slips", is_flag=True, help="Instead, every target that ever moved: how often, and from where to where."
)
@click.option("--min-count", type=click.IntRange(1), help="With --slips: only what moved at least so often.")
@options.about
@options.kinds
@options.fields
@options.contents
@options.moves
@options.absent
@options.form
def changes(form: Form, slips: bool, min_count: int | None, **asked: Any) -> None:
    """Show what differs between two instants, each change with who made it and why."""
    from cli import sheets
    from cli.asking import ask
    from decisionlog_client import questions

    given = said(**asked)
    if slips:
        _only(given, "--slips", "product", "status", "kind", "field", "include_removed")
        ask(questions.slips(**said(min_count=min_count), **given), sheets.slips, form)
        return
    if min_count:
        raise click.UsageError("--min-count goes with --slips.")
    since = given.pop("since", None) or options.Instant().convert("a week ago", None, None)
    ask(questions.changes(since, **given), sheets.changes, form)


def _only(given: dict[str, Any], option: str, *taken: str) -> None:
    """Refuses what has no meaning together."""
    left = [f"--{name.replace('_', '-')}" for name in given if name not in taken]
    if left:
        raise click.UsageError(f"{option} does not go with {', '.join(left)}.")


@click.command()
@click.argument("subject", required=False)
@options.about
@options.kinds
@options.fields
@options.moves
@options.several(
    "--direction",
    "Only such steps: first, cleared, later, earlier, changed; of lists also gained, lost, replaced, reordered.",
)
@options.several("--by", "Only acts of this person, or put to the log by them.")
@options.spans
@click.option("--live", is_flag=True, help="Only of what is on the record.")
@click.option("--include-unchanged", is_flag=True, help="Also what says again what was so already.")
@click.option("--order", type=click.Choice(["oldest", "newest"]), help="Which come first.  [oldest]")
@click.option(
    "--count-by", "group", multiple=True, type=click.Choice(["subject", "field", "direction", "actor", "principal"]),
    help="Count them instead, by this. May be repeated.",
)  # fmt: skip
@click.option("--min-count", type=click.IntRange(1), help="With --count-by: only what is counted at least so often.")
@options.then
@options.paged
@options.form
def blame(form: Form, subject: str | None, group: tuple[str, ...], min_count: int | None, **asked: Any) -> None:
    """Show how SUBJECT came to be what it is: each step of each cell, who made it, when and why. Without it, of all."""
    from cli import sheets
    from cli.asking import ask
    from decisionlog_client import questions

    given = said(subject=(subject,) if subject else (), **asked)
    if group:
        for option in ("order", "cursor"):
            if option in given:
                raise click.UsageError(f"--count-by does not go with --{option}.")
        ask(questions.steps_counted(group, **said(min_count=min_count), **given), sheets.counts, form)
        return
    if min_count:
        raise click.UsageError("--min-count goes with --count-by.")
    ask(questions.steps(**given), sheets.steps, form)
