"""One subject on the terminal: by its id, or by the number people say aloud."""

from __future__ import annotations

import re
from typing import Any, Final

import click

from cli import sheets
from cli.asking import log_of, tell
from cli.errors import CannotGoOn
from cli.options import Form
from cli.showing import Sheet, harmless
from decisionlog_client import Client, questions

NUMBER: Final = re.compile(r"(?:product:)?(?P<product>[^/:]+)/(?P<number>\d+)")


def page(form: Form, named: str, when: dict[str, Any]) -> None:
    """Shows all there is to say of a subject."""
    with log_of(form) as log:
        tell(log, questions.page(subject_of(log, named), **when), _page, form)


def _page(answer: Any, names: sheets.Names) -> Sheet:
    click.echo(harmless(sheets.heading(answer)), err=True)
    return sheets.page(answer, names)


def subject_of(log: Client, named: str) -> str:
    """The subject that somebody names: an id, the key of a decision, or `PRODUCT/NUMBER`.

    Raises:
        CannotGoOn: there is no decision with that number.
        Refused: there is no such product.
    """
    numbered = NUMBER.fullmatch(named)
    if not numbered:
        return named if ":" in named else f"decision:{named}"
    product, number = f"product:{numbered['product']}", int(numbered["number"])
    for answer in log.pages(questions.decisions(product=product, include_removed=True)):
        for row in answer["rows"]:
            if row["number"].get(product) == number:
                return row["subject"]
    sentence = f"{product} has no decision with number {number}. `decisionlog decisions --product {numbered['product']}` lists them."
    raise CannotGoOn(sentence)
