"""`decisionlog record` and `decide`: decisions go in, from answers to four questions, from an editor, or from a script."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cli import options

_act: options.Option = options.together(
    options.several("--because", "A decision it rests on."),
    options.several("--reference", "An outside id or link, such as a ticket or a page."),
    click.option("--note", help="A remark."),
    click.option("--on-behalf-of", help="Whose act it was, where it is not yours: a claim, and shown as one."),
    options.at("--effective-at", "When it took effect, if that was earlier than now."),
    click.option("--json", "as_json", is_flag=True, help="Print the receipt as JSON."),
    options.data,
    options.owner,
)


@click.command()
@click.argument("title", required=False)
@click.option("--decision", help="What was decided.")
@click.option("--why", help="The reason.")
@click.option(
    "--accountable", help="Who answers for it: a person or team, by id or any name the directory knows.  [you]"
)
@click.option("--edit", "-e", is_flag=True, help="Write it in your editor: $VISUAL or $EDITOR.")
@click.option("--propose", is_flag=True, help="Put it up to be taken, instead of recording what has been decided.")
@click.option("--key", help="Its key, for life.  [a random one]")
@click.option("--kind", help="Its kind: strategic, feature, ownership, process, technical, or your own.  [strategic]")
@options.several("--product", "A product it concerns.")
@options.several("--decider", "Who took it.  [whoever's act it is]")
@options.several("--supersedes", "A decision in force that it replaces.")
@options.several("--tag", "A word to find it by.")
@click.option("--context", help="What the situation is, and why a decision is needed.")
@options.several("--considered", "The title of a way that was open.")
@click.option("--option", help="The title of the way that was chosen.")
@options.several("--evidence", "What speaks to it: a figure, an interview, a test.")
@options.several("--assumption", "What is taken to be so, and would change it if it were not.")
@options.several("--constraint", "What it had to keep to.")
@click.option("--expected", help="What is expected to come of it.")
@click.option("--review-on", help="The day to look at it again, as 2025-03-01.")
@_act
def record(
    as_json: bool, data: Path | None, owner: str | None, effective_at: datetime | None, edit: bool, propose: bool, **given: Any
) -> None:  # fmt: skip
    """Record a decision. Called bare on a terminal it asks four questions; an empty answer to a long one opens $EDITOR.

    What is left out of title, decision and reason is asked for. Where nobody serves, a log is begun if there is none.
    """
    from cli.deciding import record as run

    settings = options.settings_of(data=data, owner=owner)
    asked = options.said(effective_at=effective_at, **given)
    run(settings, asked, edit=edit, propose=propose, as_json=as_json)


@click.command()
@click.argument("decision_")
@click.argument("outcome", default="accept")
@click.option("--decision", help="What is decided; with accept, where it is not said yet.")
@click.option("--why", help="The reason.")
@click.option("--option", help="With accept: the title of the option chosen.")
@options.several("--decider", "With accept and reject: who took it.  [whoever's act it is]")
@click.option("--until", help="With defer: until what has happened.")
@click.option("--look-again-on", help="With defer: the day to look at it again, as 2025-03-01.")
@options.several("--by", "With supersede and reverse: the decision that replaces it.")
@_act
def decide(
    decision_: str, outcome: str, as_json: bool, data: Path | None, owner: str | None, effective_at: datetime | None, **given: Any
) -> None:  # fmt: skip
    """Bring DECISION_ to its OUTCOME: accept, reject, defer, withdraw, reopen, supersede, reverse, confirm or ratify.

    DECISION_ is a key, decision:KEY, or PRODUCT/NUMBER. Without OUTCOME it is accepted.
    """
    from cli.deciding import decide as run

    settings = options.settings_of(data=data, owner=owner)
    run(settings, decision_, outcome, options.said(effective_at=effective_at, **given), as_json=as_json)
