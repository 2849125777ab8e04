"""Ask the log and print the answer: as a table with the time it is valid for, as JSON, or as CSV."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from cli.answer_titles import Titles
from cli.connection import IN_PROCESS_URL
from cli.context import get_context
from cli.dates import Zone
from cli.display import MAX_TEXT_WIDTH, Line
from cli.errors import CommandFailed, Exit
from cli.finding import KINDS, Finder
from cli.options import Output, to_flag
from cli.paging import is_terminal, print_lines, width_of_terminal
from cli.table import Table, print_note, print_table
from cli.terminal import print_data
from decisionlog_client import Client, Question, exchange, questions
from decisionlog_client.errors import Malformed, Refused, Unknown
from domain.ids import is_subject
from domain.times import parse_timestamp
from projections.queries.field_groups import flat_fields

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T", bound=Mapping[str, Any])

NOTHING_FOUND: Final = "No matching results."

_HOLDERS: Final = ("person", "team", "service", "group")
_KINDS_OF_PARAMETERS: Final[Mapping[str, Sequence[str]]] = {
    "product": ("product",),
    "because": ("decision",),
    "subject": KINDS,
    "person": ("person",),
    **dict.fromkeys(("who", "holder", "by", "actor", "principal", "decider", "accountable", "owner", "to"), _HOLDERS),
}
"""Parameters that are names of subjects, and the kinds that are meant."""
_VALUE_PARAMETERS: Final = frozenset({"value", "from_value", "to_value", "then_value", "where"})
"""Parameters that are values of fields, which may be subjects that people call by a name."""
_KINDS_WITH_TARGETS: Final = ("feature", "release")


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
    if_empty: str = "",
) -> None:
    """Ask an open log and print the answer: as a table, or on a terminal as `draw` lays it out in a width."""
    answer, asked = ask(log, question, output)
    if answer is not None:
        titles = Titles(answer.get("titles", {}))
        if draw and is_terminal():
            print_lines(draw(answer, titles, min(width_of_terminal(), MAX_TEXT_WIDTH)))
        else:
            print_table(build_table(answer, titles), get_context().zone, get_context().now())
        print_notes(answer, log, output, asked, question, if_empty)


def ask(log: Client, question: Question[T], output: Output) -> tuple[T | None, Question[T]]:
    """Return the answer, or print it if a format of its own is wanted; and the question as it was understood.

    Names are found as everywhere.

    Raises:
        Refused: the log refused the question.
        CommandFailed: nothing, or more than one subject, has a name that was given, or an option has an invalid value.
    """
    response, question = _call_understood(log, question, output)
    if output.format and not output.select:
        print_data(response.text, output.format)
        if output.format == "csv":  # JSON has the cursor itself
            _warn_if_incomplete(response.headers.get("Decisionlog-Next"))
        return None, question
    answer: T = json.loads(response.content)
    if output.select:
        print_data(json.dumps(_select(answer, output.select), ensure_ascii=False, indent=2), "json")
        _warn_if_incomplete(answer.get("next"))
        return None, question
    return answer, question


def _warn_if_incomplete(cursor: str | None) -> None:
    """Print to standard error how to get the rest of an answer whose format has no place for that."""
    if cursor:
        print_note(f"Incomplete: add --cursor {cursor} for the next rows, or raise --limit (max 10,000).")


def _call_understood(log: Client, question: Question[T], output: Output) -> tuple[httpx2.Response, Question[T]]:
    """Return the response to a question, and the question with the ids of what it names."""
    if "field" in question.parameters:
        from cli.typed_values import read_fields  # noqa: PLC0415  (most questions name no field)

        question, note = read_fields(log, question)
        if note:
            print_note(note)
    try:
        response = _call(log, question, output)
    except (Unknown, Malformed) as refused:
        question = _find_names(log, question, refused)
        response = _call(log, question, output)
    if question.parameters.keys() & _VALUE_PARAMETERS and _is_empty(response, output):
        return _call_as_meant(log, question, output) or (response, question)
    return response, question


def _call_as_meant(log: Client, question: Question[T], output: Output) -> tuple[httpx2.Response, Question[T]] | None:
    """Return the response to a question whose values are read as people write them, unless that has no answer either."""
    from cli.typed_values import read_values  # noqa: PLC0415  (only for an empty answer)

    for readable, note in read_values(log, question):
        if not _is_empty(response := _call(log, readable, output), output):
            print_note(note)
            return response, readable
    return None


def _call(log: Client, question: Question[Any], output: Output) -> httpx2.Response:
    return log.call(exchange.build_question_call(question, log.position, output.format or "json"))


def _is_empty(response: httpx2.Response, output: Output) -> bool:
    """Return whether an answer has no rows."""
    if output.format == "csv":
        return response.text.count("\n") <= 1
    answer = json.loads(response.content)
    return isinstance(answer, dict) and not answer.get("rows", True)


def _find_names(log: Client, question: Question[T], refused: Refused) -> Question[T]:
    """Return a question that was refused with the ids of the subjects whose names it has.

    Raises:
        Refused: it has none.
    """
    finder = Finder(log, _get_times(question), prefers_decision=True)
    found: dict[str, Any] = {}
    for name, kinds in _KINDS_OF_PARAMETERS.items():
        given = question.parameters.get(name)
        if name == "subject" and question.path.startswith("/v1/slips"):
            kinds = _KINDS_WITH_TARGETS  # noqa: PLW2901
        values = [given] if isinstance(given, str) else given or ()
        ids = [value if is_subject(value) else finder.find(value, kinds) for value in values]
        if ids != list(values):
            found[name] = ids[0] if isinstance(given, str) else ids
    if not found:
        raise _name_option(question, refused) from refused
    return replace(question, parameters={**question.parameters, **found})


def _name_option(question: Question[Any], refused: Refused) -> Exception:
    """Return the error that names the option whose value was refused, where there is one."""
    field, _, problem = refused.detail.partition(": ")
    name = field.partition(".")[0]
    if not problem or name not in question.parameters:
        return refused
    option = {"currency": "cost"}.get(name, name)  # which takes both
    return CommandFailed(f"Invalid {to_flag(option)}: {problem}.", Exit.USAGE_ERROR)


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
            from cli.known_values import suggest  # noqa: PLC0415  (only for an error)

            raise CommandFailed(f"No field {name!r}.{suggest(name, known)}", Exit.USAGE_ERROR)
    return [{name: row.get(name) for name in names} for row in rows]


def _flatten(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = {name: value for name, value in row.items() if not isinstance(value, dict)}
    grouped = dict(flat_fields(row)) if isinstance(row.get("fields"), dict) else {}
    values = {name.removeprefix("role."): cell["value"] for name, cell in grouped.items()}
    return {**values, **plain, **({"number": row["number"]} if "number" in row else {})}


def print_notes(
    answer: Mapping[str, Any],
    log: Client,
    output: Output,
    asked: Question[Any] | None = None,
    typed: Question[Any] | None = None,
    if_empty: str = "",
) -> None:
    """Print below an answer why it is empty, its time and position, which log it is of, and how to get more.

    `asked` is the question that it answers, and `typed` the same with the names as they were typed.
    """
    explained: Iterable[str] = ()
    if _has_nothing(answer) and asked is not None and not if_empty:
        from cli.empty_answers import describe_missing, explain_emptiness  # noqa: PLC0415  (only for an empty answer)

        if_empty = describe_missing(log, asked) or ""
        skip = (*_KINDS_OF_PARAMETERS, *(("kind",) if asked.path == "/v1/fields" else ())) if if_empty else ()
        explained = explain_emptiness(log, asked, typed or asked, skip=skip)
    given = asked.parameters if asked else {}
    for note in build_notes(answer, get_context().zone, name_log(log, output), if_empty, given):
        print_note(note)
    for note in explained:
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


def _has_nothing(answer: Mapping[str, Any]) -> bool:
    """Return whether an answer is empty; forecasts whose score is not shown are no rows, but are counted or hidden."""
    has_forecasts = "why_not" in answer and (answer["who"] or any(answer["counts"].values()))
    return not answer.get("rows", True) and not has_forecasts


def build_notes(
    answer: Mapping[str, Any], zone: Zone, name: str, if_empty: str, given: Mapping[str, Any]
) -> Iterator[str]:
    """Yield the notes below an answer; `given` are the parameters of its question."""
    if _has_nothing(answer):
        yield if_empty or NOTHING_FOUND
    began = answer.get("from")
    if not began:
        yield from _describe_periods(given, zone)
    since = f"From {_format_time(began, zone)} to " if began else "As of "
    source = f" of {name}" if name else ""
    yield f"{since}{_format_time(answer, zone)}; position {answer['position']}{source}."
    if answer.get("next"):
        yield f"More results: add --cursor {answer['next']}, or raise --limit (max 10,000)."


def _describe_periods(parameters: Mapping[str, Any], zone: Zone) -> Iterator[str]:
    """Yield the periods that were asked for, as they were understood."""
    for name in ("", "recorded_"):
        given = ((word, parameters.get(f"{name}{end}")) for word, end in (("from", "since"), ("until", "until")))
        ends = [f"{word} {zone.format(time)}" for word, time in given if isinstance(time, datetime)]
        if ends:
            sentence = f"{name.replace('_', ' ')}{' '.join(ends)}."
            yield sentence[0].upper() + sentence[1:]


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
    return Finder(log, when or {}, prefers_decision=True).find(name, kinds)
