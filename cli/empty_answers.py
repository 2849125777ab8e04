"""Say why an answer is empty: which filter matches nothing, and what may have been meant."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from cli.known_values import VALUES, WILDCARDS, count_values, list_given, split_condition, suggest
from cli.options import to_flag
from cli.table import print_note
from decisionlog_client import Client, Question, questions
from decisionlog_client.errors import Refused

_TIMES: Final = ("as_of", "known_at", "since", "until", "known_since", "known_until")
_PERIODS: Final = ("recorded_since", "recorded_until")
_FORMS: Final = ("group", "order", "show", "layout", "columns", "blame", "durations", "milestone", "include_removed")
"""Parameters that say in which form an answer is wanted."""
_COUNTED_BY: Final = ("/v1/slips/count",)
"""The questions in which `by` is such a form, and names no person."""
_PAGING: Final = ("limit", "cursor", "min_count")
_SOURCE_VALUES: Final = ("source_value", "from_source_value", "to_source_value", "then_source_value")
_WORDS: Final[Mapping[str, str]] = {
    "status": "the status {}",
    "ever": "the status {}",
    "field": "the field {}",
    "tag": "the tag {}",
    "kind": "the kind {}",
    "role": "the role {}",
    "channel": "the channel {}",
    "system": "the source system {}",
    "reference": "the reference {}",
    "transaction": "the transaction {}",
    "name": "the name {}",
    **dict.fromkeys(VALUES, "the value {}"),
    **dict.fromkeys(_SOURCE_VALUES, "the original value {}"),
}
"""How what is asked for is called in the sentence "No subject has the tag 'crew'."."""
_ROWS: Final[Mapping[str, str]] = {"/v1/decisions": "decision", "/v1/audit": "event", "/v1/people": "person"}
CHANNELS: Final = ("cli", "http", "import", "kafka")


def explain_emptiness(log: Client, question: Question[Any], typed: Question[Any]) -> None:
    """Print a note for each filter that matches nothing even alone, with what may have been meant.

    `typed` is the question with the names of subjects as they were typed.
    """
    filters = list(_list_filters(question))
    found = [each for each in filters if not _matches_alone(log, question, each)]
    names = dict(zip(filters, (value for _, value in _list_filters(typed)), strict=False))
    for each in found:
        print_note(_build_sentence(log, question, each, names[each]))
    if len(filters) > 1 and not found:
        notes = list(_explain_fields(log, question))
        for note in notes or ["Each filter matches something, but nothing matches all of them."]:
            print_note(note)


def _explain_fields(log: Client, question: Question[Any]) -> Iterator[str]:
    """Yield a sentence for each field that the only subject asked about never had, with those it has instead."""
    subjects = list_given(question, "subject")
    if len(subjects) != 1 or "field" not in question.parameters:
        return
    counted = questions.field_history_count(["field"], subject=subjects, limit=10_000)
    known = [str(row["field"]) for row in log.ask(counted)["rows"]]
    for name in list_given(question, "field"):
        if name not in known:
            yield f"{subjects[0]} never had the field {name!r}.{suggest(name, known)}"


def _list_filters(question: Question[Any]) -> Iterator[tuple[str, str]]:
    """Yield each filter of a question: its parameter and one of its values."""
    for name, given in question.parameters.items():
        is_form = name in (*_TIMES, *_PERIODS, *_PAGING, *_FORMS) or (name == "by" and question.path in _COUNTED_BY)
        if is_form or given is None:
            continue
        yield from ((name, str(each)) for each in ([given] if isinstance(given, (str, int)) else given))


def _matches_alone(log: Client, question: Question[Any], filter_: tuple[str, str]) -> bool:
    """Return whether the question would have an answer with this filter only, at the same times."""
    name, value = filter_
    others = {each for each, _ in _list_filters(question)}
    kept = {each: given for each, given in question.parameters.items() if each not in {*others, "cursor"}}
    given = question.parameters[name]
    alone = given if isinstance(given, (bool, int)) else value if isinstance(given, str) else [value]
    try:
        return bool(log.ask(replace(question, parameters={**kept, name: alone}))["rows"])
    except Refused:  # it means something only with another: a currency with its amount
        return True


def _build_sentence(log: Client, question: Question[Any], filter_: tuple[str, str], typed: str) -> str:
    """Return a sentence such as "No subject has the field 'horizo'. Did you mean horizon?"."""
    name, value = filter_
    row = _ROWS.get(question.path, "subject")
    if name == "text":
        return f"No text contains {value!r}."
    if name == "where":
        return f"No {row} meets the condition {value!r}.{_suggest_for_condition(log, question, value)}"
    if name == "without":
        return f"No {row} is without the field {value!r}."
    is_named = name in _WORDS and not (name == "kind" and row != "decision")
    known = _list_known(log, question, name) if is_named else []
    if not is_named or value in known or (name == "field" and set(value) & {*WILDCARDS}):
        return f"Nothing matches {to_flag(name)}{'' if value == 'True' else f' {typed!r}'}."
    return f"No {row} has {_WORDS[name].format(repr(value))}.{_suggest_other(value, known)}"


def _suggest_for_condition(log: Client, question: Question[Any], condition: str) -> str:
    """Return a sentence that suggests a value of the field that a condition compares with a value."""
    field, operator, value = split_condition(condition)
    return _suggest_other(value, count_values(log, question, "value", [field])) if operator == "=" else ""


def _list_known(log: Client, question: Question[Any], name: str) -> list[str]:
    """Return the values, as far as they can be listed, that a filter could have had at the time asked."""
    match name:
        case "channel":
            known = [*CHANNELS]
        case "field":
            known = count_values(log, question, "field", [])
        case "role":
            known = [each.removeprefix("role.") for each in count_values(log, question, "field", ["role.*"])]
        case "name":
            known = list(_read_names(log))
        case "status" | "ever":
            known = [
                each for group in ("value", "source_value") for each in count_values(log, question, group, ["status"])
            ]
        case "tag" | "kind":
            known = count_values(log, question, "value", ["tags" if name == "tag" else name], ["decision"])
        case "system":
            known = count_values(log, question, "value", [name], ["import"])
        case _ if name in (*VALUES, *_SOURCE_VALUES):
            group = "value" if name in VALUES else "source_value"
            known = count_values(log, question, group, list_given(question, "field"))
        case _:
            known = []
    return known


def _read_names(log: Client) -> Iterator[str]:
    for answer in log.pages(questions.people(limit=10_000)):
        yield from (row["name"] for row in answer["rows"] if row["name"])


def _suggest_other(typed: str, known: Sequence[str]) -> str:
    """Return a suggestion, unless what was typed is a known value that only matched nothing here."""
    return "" if typed.casefold() in (each.casefold() for each in known) else suggest(typed, known)
