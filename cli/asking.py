"""How a question is put and its answer shown: as a table that says which instant it speaks for, as JSON, or as CSV."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from cli.instants import Zone
from cli.options import Form
from cli.sheets import Names
from cli.showing import Sheet, note, show
from cli.surroundings import here
from cli.terminal import print_data
from decisionlog_client import Client, Question, exchange, questions
from domain.values import parse_timestamp

T = TypeVar("T", bound=Mapping[str, Any])


@contextmanager
def log_of(form: Form) -> Iterator[Client]:
    """The log, to ask: its answers cover whatever is recorded by now, whoever has recorded it."""
    with here().client(form.settings, writes=False) as log:
        log.cover(log.ask(questions.head())["size"])
        yield log


def ask(question: Question[T], sheet: Callable[[T, Names], Sheet], form: Form) -> None:
    """Puts a question and shows the answer."""
    with log_of(form) as log:
        tell(log, question, sheet, form)


def tell(log: Client, question: Question[T], sheet: Callable[[T, Names], Sheet], form: Form) -> None:
    """Shows the answer to a question."""
    response = log.call(exchange.asking(question, log.position, form.format or "json"))
    if form.format:
        print_data(response.text, form.format)
        return
    answer: T = json.loads(response.content)
    show(sheet(answer, Names(answer.get("names", {}))), here().zone)
    for sentence in remarks(answer, here().zone):
        note(sentence)


def remarks(answer: Mapping[str, Any], zone: Zone) -> Iterator[str]:
    """What is to be said of an answer: for which instant it speaks, and whether there is more."""
    if not answer.get("rows", True):
        yield "Nothing fits."
    began = answer.get("from")
    since = f"from {_then(began, zone)} to " if began else "as of "
    yield f"{since[0].upper()}{since[1:]}{_then(answer, zone)}; up to position {answer['position']}."
    if answer.get("next"):
        yield f"There is more: --cursor {answer['next']} goes on from here, and --limit takes up to 10000 at once."


def _then(moment: Mapping[str, Any], zone: Zone) -> str:
    known = moment.get("known_at")
    as_known = f" as known at {zone.said(parse_timestamp(known))}" if known else ""
    return f"{zone.said(parse_timestamp(moment['as_of']))}{as_known}"
