"""`decisionlog decisions`, `show` and `search`: what was decided, and what is on record of anything."""

from __future__ import annotations

from typing import Any

import click

from cli import options
from cli.options import Form, said


@click.command()
@options.about
@options.several("--kind", "Only of this kind: strategic, feature, ownership, process, technical, or your own.")
@options.several("--decider", "Only taken by this person.")
@options.several("--accountable", "Only those this person or team answers for.")
@options.several("--tag", "Only with this tag.")
@options.several("--ever", "Only those that at some time had this status, in our meaning or the source's word.")
@click.option("--text", help="Only with these words in their texts.")
@options.absent
@options.then
@options.paged
@options.form
def decisions(form: Form, **asked: Any) -> None:
    """List the decisions, in the order in which they came to the log, as they stood at any instant."""
    from cli import sheets
    from cli.asking import ask
    from decisionlog_client import questions

    ask(questions.decisions(**said(**asked)), sheets.register, form)


@click.command()
@click.argument("subject", required=False)
@options.about
@options.kinds
@options.fields
@options.contents
@options.absent
@click.option("--blame", is_flag=True, help="With who, when and why for each cell.")
@options.then
@options.paged
@options.form
def show(form: Form, subject: str | None, **asked: Any) -> None:
    """Show all there is to say of SUBJECT, or every cell that fits.

    SUBJECT is written kind:key, such as feature:gift-cards; a key alone is a decision's, and shop/3 is the decision with
    number 3 of the product shop.
    """
    from cli import sheets
    from cli.asking import ask
    from cli.pages import page
    from decisionlog_client import questions

    given = said(**asked)
    if subject and not given.keys() - {"as_of", "known_at"}:
        page(form, subject, given)
        return
    about: dict[str, Any] = {"subject": [subject]} if subject else {}
    ask(questions.cells(**about, **given), sheets.cells, form)


@click.command()
@click.argument("text")
@options.about
@options.kinds
@options.absent
@click.option("--limit", type=click.IntRange(1, 1000), help="At most so many places.  [50]")
@options.then
@options.form
def search(form: Form, text: str, **asked: Any) -> None:
    """Find where the words of TEXT stand, best first; the last may be the beginning of one."""
    from cli import sheets
    from cli.asking import ask
    from decisionlog_client import questions

    ask(questions.search(text, **said(**asked)), sheets.hits, form)
