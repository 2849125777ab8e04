"""`decisionlog who` and `people`: who answers for what, and how everybody is called."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.options import Form, said


@click.command()
@click.argument("name", required=False)
@options.several("--role", "Only this role, such as accountable.")
@click.option("--nobody", is_flag=True, help="Instead, what nobody is accountable for.")
@click.option("--min-count", type=click.IntRange(1), help="Without NAME: only who holds at least so much.")
@click.option("--blame", is_flag=True, help="With NAME of a person or team: who made it so, when and why.")
@options.about
@options.kinds
@options.absent
@options.then
@options.paged
@options.form
def who(form: Form, name: str | None, nobody: bool, **asked: Any) -> None:
    """Show who answers for NAME, if that is a subject, or what NAME holds, if that is a person or a team.

    A subject is written kind:key; a person by any name the directory knows. Without NAME, how much everybody holds.
    """
    from cli import sheets
    from cli.asking import ask
    from decisionlog_client import questions

    given = said(**asked)
    if nobody:
        _not_with(given, "--nobody", "role", "min_count", "blame")
        ask(questions.unowned(**given), sheets.unowned, form)
    elif name is None:
        _not_with(given, "a question about everybody", "blame", "limit", "cursor")
        ask(questions.holders_counted(**given), sheets.counts, form)
    elif _is_held(name):
        _not_with(given, "a subject", *given.keys() - {"as_of", "known_at"})
        ask(questions.holders(name, **given), sheets.roles, form)
    else:
        _not_with(given, "NAME", "min_count")
        ask(questions.held_by(name, **given), sheets.roles, form)


def _is_held(name: str) -> bool:
    """Whether a name is that of something somebody answers for, rather than of a person or team."""
    from domain.values import is_subject, kind_of

    return is_subject(name) and kind_of(name) not in ("person", "team", "service")


def _not_with(given: dict[str, Any], what: str, *options_: str) -> None:
    for name in sorted(options_):
        if name in given:
            raise click.UsageError(f"--{name.replace('_', '-')} does not go with {what}.")


@click.command()
@click.argument("name", required=False)
@options.form
def people(form: Form, name: str | None) -> None:
    """List everybody the directory knows, with every spelling, or who goes by NAME."""
    from cli import sheets
    from cli.asking import ask
    from decisionlog_client import questions

    ask(questions.people(name), sheets.people, form)
