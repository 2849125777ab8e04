"""Ask the log and print the answer: as a table with the time it is valid for, as JSON, or as CSV."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final, Literal, TypeVar

from cli.answer_titles import Titles
from cli.connection import IN_PROCESS_URL
from cli.context import get_context
from cli.dates import Zone
from cli.display import MAX_TEXT_WIDTH, Line
from cli.errors import CommandFailed, Exit
from cli.finding import KINDS, Finder
from cli.options import Output
from cli.paging import is_terminal, print_lines, width_of_terminal
from cli.table import Table, print_note, print_table
from cli.terminal import print_data
from decisionlog_client import Client, Question, exchange, questions
from decisionlog_client.errors import Malformed, Refused, Unknown
from domain.ids import is_subject
from domain.times import parse_timestamp
from projections.queries.field_groups import flat_fields

T = TypeVar("T", bound=Mapping[str, Any])

_HOLDERS: Final = ("person", "team", "service", "group")
_KINDS_OF_PARAMETERS: Final[Mapping[str, Sequence[str]]] = {
    "product": ("product",),
    "because": ("decision",),
    "subject": KINDS,
    **dict.fromkeys(("who", "holder", "by", "actor", "principal", "decider", "accountable", "owner"), _HOLDERS),
}
"""Parameters that are names of subjects, and the kinds that are meant."""
_WILDCARDS: Final = "*?["
_MAX_LISTED: Final = 20
_FIELD_NAMES: Final = {"owner": "role.accountable", "accountable": "role.accountable", "release": "target.ship"}
"""What people call a field, and its name."""


@contextmanager
def open_log(output: Output, *, writes: bool = False) -> Iterator[Client]:
    """Open a client whose answers include everything that is recorded by now."""
    with get_context().client(output.location, writes=writes) as log:
        log.cover(log.ask(questions.head())["size"])
        yield log


def print_answer(
    question: Question[T],
    build_table: Callable[[T, Titles], Table],
    output: Output,
    draw: Callable[[T, Titles, int], Iterable[Line]] | None = None,
) -> None:
    """Ask a question and print the answer."""
    with open_log(output) as log:
        print_response(log, question, build_table, output, draw)


def print_response(
    log: Client,
    question: Question[T],
    build_table: Callable[[T, Titles], Table],
    output: Output,
    draw: Callable[[T, Titles, int], Iterable[Line]] | None = None,
) -> None:
    """Ask an open log and print the answer: as a table, or on a terminal as `draw` lays it out in a width."""
    answer = ask(log, question, output)
    if answer is not None:
        titles = Titles(answer.get("titles", {}))
        if draw and is_terminal():
            print_lines(draw(answer, titles, min(width_of_terminal(), MAX_TEXT_WIDTH)))
        else:
            print_table(build_table(answer, titles), get_context().zone, get_context().now())
        print_notes(answer, log, output)
        if not answer.get("rows", True):
            explain_emptiness(log, question)


def ask(log: Client, question: Question[T], output: Output) -> T | None:
    """Return the answer, or print it if a format of its own is wanted. Names are found as everywhere.

    Raises:
        Refused: the log refused the question.
        CommandFailed: nothing, or more than one subject, has a name that was given.
    """
    try:
        response = log.call(exchange.build_question_call(question, log.position, output.format or "json"))
    except (Unknown, Malformed) as refused:
        found = _find_names(log, question, refused)
        response = log.call(exchange.build_question_call(found, log.position, output.format or "json"))
    if output.format and not output.select:
        print_data(response.text, output.format)
        return None
    answer: T = json.loads(response.content)
    if output.select:
        print_data(json.dumps(_select(answer, output.select), ensure_ascii=False, indent=2), "json")
        return None
    return answer


def _find_names(log: Client, question: Question[T], refused: Refused) -> Question[T]:
    """Return a question that was refused with the ids of the subjects whose names it has.

    Raises:
        Refused: it has none.
    """
    finder = Finder(log, _get_times(question))
    found: dict[str, Any] = {}
    for name, kinds in _KINDS_OF_PARAMETERS.items():
        given = question.parameters.get(name)
        values = [given] if isinstance(given, str) else given or ()
        ids = [value if is_subject(value) else finder.find(value, kinds) for value in values]
        if ids != list(values):
            found[name] = ids[0] if isinstance(given, str) else ids
    if not found:
        raise refused
    return replace(question, parameters={**question.parameters, **found})


def _get_times(question: Question[Any]) -> dict[str, Any]:
    """Return the times that a question asks for, on both clocks."""
    return {name: question.parameters[name] for name in ("as_of", "known_at") if name in question.parameters}


def _select(answer: Mapping[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the values of some fields of each row.

    Raises:
        CommandFailed: no row has such a field.
    """
    rows = [_flatten(row) for row in answer.get("rows", [answer])]
    known = list(dict.fromkeys(name for row in rows for name in row))
    for name in names:
        if known and name not in known:
            raise CommandFailed(f"No field {name!r}.{suggest(name, known)}", Exit.USAGE_ERROR)
    return [{name: row.get(name) for name in names} for row in rows]


def _flatten(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in row.items() if not isinstance(value, dict)}
    grouped = dict(flat_fields(row)) if isinstance(row.get("fields"), dict) else {}
    values = {name.removeprefix("role."): cell["value"] for name, cell in grouped.items()}
    return {**values, **plain, **({"number": row["number"]} if "number" in row else {})}


def suggest(typed: str, known: Sequence[str]) -> str:
    """Return a sentence that suggests the values closest in spelling, or else lists all values if they are few."""
    from difflib import get_close_matches  # noqa: PLC0415  (only for an error)

    folded = [each.casefold() for each in known]
    close = _find_endings(typed.casefold(), folded) or get_close_matches(typed.casefold(), folded, 3, 0.5)
    if close:
        return f" Did you mean {' or '.join(close)}?"
    return f" There are {', '.join(sorted(known))}." if len(known) <= _MAX_LISTED else ""


def _find_endings(typed: str, known: Sequence[str]) -> list[str]:
    """Return the known values that end with the typed text: `role.delegate` for `delegate`."""
    name = _FIELD_NAMES.get(typed, typed)
    ending = name.removeprefix("v")
    return [each for each in known if each == name or each.endswith((f"-{ending}", f":{ending}", f".{ending}"))][:3]


def explain_emptiness(log: Client, question: Question[Any]) -> None:
    """Print a note about a status, field or value that no subject has at that time, because it may be misspelled."""
    times = _get_times(question)
    fields = [name for name in _list_given(question, "field") if not set(name) & set(_WILDCARDS)]
    _note_unknown(log, "status", _list_given(question, "status"), "value", ["status"], times)
    _note_unknown(log, "field", fields, "field", [], times)
    _note_unknown(log, "value", _list_given(question, "value"), "value", _list_given(question, "field"), times)


def _list_given(question: Question[Any], name: str) -> list[str]:
    given = question.parameters.get(name) or ()
    return [given] if isinstance(given, str) else [str(each) for each in given]


def _note_unknown(
    log: Client,
    what: str,
    given: Sequence[str],
    group: Literal["value", "field"],
    fields: Sequence[str],
    times: Mapping[str, Any],
) -> None:
    """Print a note about each given name that no subject has, with the names closest in spelling."""
    if not given:
        return
    counts = log.ask(questions.fields_count(group, field=fields, include_removed=True, limit=10_000, **times))
    if counts.get("next_cursor"):
        return  # there are more, and it may be one of those
    known = [str(row[group]) for row in counts["rows"] if row[group]]
    for each in given:
        if known and each.casefold() not in (name.casefold() for name in known):
            print_note(f"No subject has the {what} {each!r}.{suggest(each, known)}")


def print_notes(answer: Mapping[str, Any], log: Client, output: Output) -> None:
    """Print below an answer whether it is empty, its time and position, which log it is of, and how to get more."""
    for note in build_notes(answer, get_context().zone, name_log(log, output)):
        print_note(note)


def name_log(log: Client, output: Output) -> str:
    """Return which log answered, and through what."""
    location = output.location
    if log.address != IN_PROCESS_URL:
        return (
            log.address
            if location.url
            else f"{(location.store and 'PostgreSQL') or location.data} through {log.address}"
        )
    return "PostgreSQL, without a server" if location.store else f"{location.data}, without a server"


def build_notes(answer: Mapping[str, Any], zone: Zone, name: str = "") -> Iterator[str]:
    """Return the notes below an answer."""
    if not answer.get("rows", True) and "counts" not in answer:
        yield "No matching results."
    began = answer.get("from")
    since = f"From {_format_time(began, zone)} to " if began else "As of "
    source = f" of {name}" if name else ""
    yield f"{since}{_format_time(answer, zone)}; position {answer['position']}{source}."
    if answer.get("next"):
        yield f"More results: add --cursor {answer['next']}, or raise --limit (max 10,000)."


def _format_time(point: Mapping[str, Any], zone: Zone) -> str:
    known = point.get("known_at")
    known_at = f", known at {zone.format(parse_timestamp(known))}" if known else ""
    return f"{zone.format(parse_timestamp(point['as_of']))}{known_at}"


def find_subject(log: Client, name: str, when: Mapping[str, Any] | None = None, kinds: Sequence[str] = KINDS) -> str:
    """Return the subject that a person types: an id, a key, a name, a number, or the beginning of one.

    Raises:
        CommandFailed: nothing, or more than one subject, is called so.
        click.Abort: the person at the terminal chose none of several.
    """
    return Finder(log, when or {}).find(name, kinds)
