"""`decisionlog audit` and `status`: every act in the log, and how the log is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli import options
from cli.options import Form, said


@click.command()
@options.several("--by", "Only acts of this person, or put to the log by them.")
@options.several("--actor", "Only what this person or service put to the log.")
@options.several("--principal", "Only what was the act of this person.")
@options.several("--subject", "Only of this subject, as kind:key.")
@options.several("--product", "Only of this product.")
@options.kinds
@options.several("--type", "Only such acts: the name of an event, such as DecisionAccepted.")
@options.several("--because", "Only what rests on this decision.")
@options.several("--channel", "Only what came in this way: http, cli, import.")
@options.several("--system", "Only what was imported from this system.")
@options.several("--reference", "Only what that system calls by this.")
@options.several("--transaction", "Only what was sent together, by the id of the unit.")
@click.option("--position", multiple=True, type=click.IntRange(1), help="Only this position. May be repeated.")
@click.option("--text", help="Only with these words in their texts.")
@click.option(
    "--justified/--unjustified", default=None, help="Only with, or without, a decision that stands behind it."
)
@click.option("--corrections", is_flag=True, help="Only acts that void another or replace one.")
@click.option("--voided/--not-voided", default=None, help="Only what was voided, or was not.")
@click.option("--backdated", is_flag=True, help="Only what was dated earlier than it was recorded.")
@options.spans
@click.option("--order", type=click.Choice(["newest", "oldest"]), help="Which come first.  [newest]")
@options.then
@options.paged
@options.form
def audit(form: Form, justified: bool | None, voided: bool | None, **asked: Any) -> None:
    """List acts: who, on whose behalf, when on both clocks, why, and from where. Newest first."""
    from cli import sheets
    from cli.asking import ask
    from decisionlog_client import questions

    either: dict[str, Any] = {
        name: value for name, value in (("justified", justified), ("voided", voided)) if value is not None
    }
    ask(questions.audit(**said(**asked), **either), sheets.acts, form)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
@click.option("--working", metavar="NAME", help="Fail unless NAME is at work: projector, publisher, intake or replica.")
@click.option(
    "--replica",
    type=options.Address(),
    help="Of this replica: a file, postgresql://..., or @FILE with that in it.  [DECISIONLOG_REPLICA]",
)
@options.data
def status(as_json: bool, working: str | None, replica: str | None, data: Path | None) -> None:
    """Say where the log is, how far it and all that follows it are, what went wrong last, and who you are to it."""
    settings = options.settings_of(data=data, replica=replica)
    if working or settings.replica:
        from cli.status import status as of_workers

        of_workers(settings, as_json=as_json, working=working)
        return
    from cli.standing import status as run

    run(settings, as_json=as_json)
