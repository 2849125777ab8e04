"""Ask the log and print the answer: as a table with the time it is valid for, as JSON, or as CSV."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from cli.context import get_context
from cli.dates import Zone
from cli.errors import CommandFailed
from cli.options import Output
from cli.table import Table, print_note, print_table
from cli.tables import Titles
from cli.terminal import print_data
from decisionlog_client import Client, Question, exchange, questions
from decisionlog_client.errors import Unknown
from domain.values import KEY_PATTERN, parse_timestamp

T = TypeVar("T", bound=Mapping[str, Any])

_NAMED_KINDS: Final = ("decision", "feature")
_NUMBER: Final = re.compile(r"(?:product:)?(?P<product>[^/:]+)/(?P<number>\d+)")


@contextmanager
def open_log(output: Output, *, writes: bool = False) -> Iterator[Client]:
    """Open a client whose answers include everything that is recorded by now."""
    with get_context().client(output.settings, writes=writes) as log:
        log.cover(log.ask(questions.head())["size"])
        yield log


def print_answer(question: Question[T], build_table: Callable[[T, Titles], Table], output: Output) -> None:
    """Ask a question and print the answer."""
    with open_log(output) as log:
        print_response(log, question, build_table, output)


def print_response(
    log: Client, question: Question[T], build_table: Callable[[T, Titles], Table], output: Output
) -> None:
    """Ask an open log and print the answer."""
    response = log.call(exchange.build_question_call(question, log.position, output.format or "json"))
    if output.format:
        print_data(response.text, output.format)
        return
    answer: T = json.loads(response.content)
    print_table(build_table(answer, Titles(answer.get("titles", {}))), get_context().zone)
    for note in build_notes(answer, get_context().zone):
        print_note(note)


def build_notes(answer: Mapping[str, Any], zone: Zone) -> Iterator[str]:
    """Return the notes below an answer: whether it is empty, its time and position, and how to get the next page."""
    if not answer.get("rows", True):
        yield "No matching results."
    began = answer.get("from")
    since = f"From {_format_time(began, zone)} to " if began else "As of "
    yield f"{since}{_format_time(answer, zone)}; position {answer['position']}."
    if answer.get("next"):
        yield f"More results: add --cursor {answer['next']}, or raise --limit (max 10,000)."


def _format_time(point: Mapping[str, Any], zone: Zone) -> str:
    known = point.get("known_at")
    known_at = f", known at {zone.format(parse_timestamp(known))}" if known else ""
    return f"{zone.format(parse_timestamp(point['as_of']))}{known_at}"


def find_subject(log: Client, name: str, when: Mapping[str, Any] | None = None) -> str:
    """Return the subject that a person types: an id, a key, a name or number of its system, or `PRODUCT/NUMBER`.

    A name leads to the subject that bears it as of the time asked.

    Raises:
        CommandFailed: the product has no decision with that number.
        Refused: there is no such product.
    """
    numbered = _NUMBER.fullmatch(name)
    if not numbered:
        return _find_named(log, name, when or {}) if ":" not in name else name
    product, number = f"product:{numbered['product']}", int(numbered["number"])
    for answer in log.pages(questions.decisions(product=product, include_removed=True)):
        for row in answer["rows"]:
            if row["number"].get(product) == number:
                return row["subject"]
    raise CommandFailed(
        f"{product} has no decision number {number}. List its decisions with "
        f"`decisionlog decisions --product {numbered['product']}`."
    )


def _find_named(log: Client, name: str, when: Mapping[str, Any]) -> str:
    """Return the subject with a key, or that bears or bore a name; the key of a decision if there is none.

    Raises:
        CommandFailed: the name leads to several subjects.
    """
    keyed = [f"{kind}:{name.casefold()}" for kind in _NAMED_KINDS] if re.fullmatch(KEY_PATTERN, name.casefold()) else []
    for spelling in dict.fromkeys((name, name.upper(), name.casefold())):
        answer = log.ask(questions.fields(field=["aliases"], value=[spelling], **when))
        found = list(dict.fromkeys(row["subject"] for row in answer["rows"]))
        if len(found) > 1:
            raise CommandFailed(f"{name!r} may be {' or '.join(found[:10])}. Use one of these ids.")
        if found:
            return found[0]
    for subject in keyed:
        try:
            return str(log.ask(questions.subject(subject, **when))["subject"])
        except Unknown:
            continue
    return f"decision:{name}"
