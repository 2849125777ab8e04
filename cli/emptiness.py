"""Say why an answer is empty, and read a value as people write it: `v1.22` for the release 1.22."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from cli.finding import Finder
from cli.options import to_flag
from cli.table import print_note
from decisionlog_client import Client, Question, questions
from decisionlog_client.errors import Refused

T = TypeVar("T")

_MAX_LISTED: Final = 20
_WILDCARDS: Final = "*?["
_FIELD_NAMES: Final = {"owner": "role.accountable", "accountable": "role.accountable", "release": "target.ship"}
"""What people call a field, and its name."""

_USUAL_FIELDS: Final = frozenset({"status", "title", "horizon", "kind", "tags", "products", "exists", "rank"})
"""Fields that are read as they are, without a look at which there are."""
_TIMES: Final = ("as_of", "known_at", "since", "until", "known_since", "known_until")
_PERIODS: Final = ("recorded_since", "recorded_until")
_FORMS: Final = ("group", "order", "show", "layout", "columns", "blame", "durations", "milestone", "include_removed")
"""Parameters that say in which form an answer is wanted."""
_COUNTED_BY: Final = ("/v1/slips/count",)
"""The questions in which `by` is such a form, and names no person."""
_PAGING: Final = ("limit", "cursor", "min_count")
_VALUES: Final = ("value", "from_value", "to_value", "then_value")
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
    **dict.fromkeys(_VALUES, "the value {}"),
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
        print_note("Each filter matches something, but nothing matches all of them.")


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
    if not is_named or value in known or (name == "field" and set(value) & {*_WILDCARDS}):
        return f"Nothing matches {to_flag(name)}{'' if value == 'True' else f' {typed!r}'}."
    return f"No {row} has {_WORDS[name].format(repr(value))}.{_suggest_other(value, known)}"


def _suggest_for_condition(log: Client, question: Question[Any], condition: str) -> str:
    """Return a sentence that suggests a value of the field that a condition compares with a value."""
    field, operator, value = _split_condition(condition)
    return _suggest_other(value, _count(log, question, "value", [field])) if operator == "=" else ""


def _split_condition(condition: str) -> tuple[str, str, str]:
    """Return the field, the operator and the value of a condition such as `status=accepted`."""
    import re  # noqa: PLC0415  (only for an empty answer)

    found = re.fullmatch(r"\s*([^=<>!\s]+)\s*(!=|<=|>=|=|<|>)\s*(.*)", condition, re.DOTALL)
    return (found[1], found[2], found[3]) if found else (condition, "", "")


def _list_known(log: Client, question: Question[Any], name: str) -> list[str]:
    """Return the values, as far as they can be listed, that a filter could have had at the time asked."""
    match name:
        case "channel":
            known = [*CHANNELS]
        case "field":
            known = _count(log, question, "field", [])
        case "role":
            known = [each.removeprefix("role.") for each in _count(log, question, "field", ["role.*"])]
        case "name":
            known = list(_read_names(log))
        case "status" | "ever":
            known = [each for group in ("value", "source_value") for each in _count(log, question, group, ["status"])]
        case "tag" | "kind":
            known = _count(log, question, "value", ["tags" if name == "tag" else name], ["decision"])
        case "system":
            known = _count(log, question, "value", [name], ["import"])
        case _ if name in (*_VALUES, *_SOURCE_VALUES):
            group = "value" if name in _VALUES else "source_value"
            known = _count(log, question, group, _list_given(question, "field"))
        case _:
            known = []
    return known


def _read_names(log: Client) -> Iterator[str]:
    for answer in log.pages(questions.people(limit=10_000)):
        yield from (row["name"] for row in answer["rows"] if row["name"])


def _count(
    log: Client,
    question: Question[Any],
    group: str,
    fields: Sequence[str],
    kinds: Sequence[str] = (),
) -> list[str]:
    """Return the values, source values or fields that there were at the time asked; none if there are very many."""
    times = {name: question.parameters[name] for name in ("as_of", "known_at") if name in question.parameters}
    counted = questions.fields_count(
        group, field=list(fields), kind=list(kinds), include_removed=True, limit=10_000, **times
    )
    counts = log.ask(counted)
    if counts.get("next"):
        return []  # there are more, and what is meant may be one of those
    rows: Sequence[Mapping[str, Any]] = counts["rows"]
    found = [row[group] for row in rows if row[group]]
    members = [member for each in found for member in (each if isinstance(each, list) else [each])]
    return list(dict.fromkeys(str(each) for each in members))


def _list_given(question: Question[Any], name: str) -> list[str]:
    given = question.parameters.get(name) or ()
    return [given] if isinstance(given, str) else [str(each) for each in given]


def _suggest_other(typed: str, known: Sequence[str]) -> str:
    """Return a suggestion, unless what was typed is a known value that only matched nothing here."""
    return "" if typed.casefold() in (each.casefold() for each in known) else suggest(typed, known)


def suggest(typed: str, known: Sequence[str]) -> str:
    """Return a sentence that suggests the values closest in spelling, or else lists all values if they are few."""
    from difflib import get_close_matches  # noqa: PLC0415  (only for an error)

    by_folded = {each.casefold(): each for each in known}
    close = _find_endings(typed.casefold(), [*by_folded]) or get_close_matches(typed.casefold(), by_folded, 3, 0.5)
    if close:
        return f" Did you mean {' or '.join(by_folded[each] for each in close)}?"
    if not known or len(known) > _MAX_LISTED:
        return ""
    return f" There {'is' if len(known) == 1 else 'are'} {', '.join(sorted(known))}."


def _find_endings(typed: str, known: Sequence[str]) -> list[str]:
    """Return the known values that end with the typed text: `role.delegate` for `delegate`."""
    name = _FIELD_NAMES.get(typed, typed)
    ending = name.removeprefix("v")
    return [each for each in known if each == name or each.endswith((f"-{ending}", f":{ending}", f".{ending}"))][:3]


# Fields and values as people write them -------------------------------------------------------------------------------


def read_fields(log: Client, question: Question[T]) -> tuple[Question[T], str]:
    """Return the question with `role.author` in place of `author`, and a note about that; empty without one.

    A name is read so only if no subject has a field of that name, and exactly one field ends with it.
    """
    given = _list_given(question, "field")
    unknown = [each for each in given if not set(each) & {*_WILDCARDS, "."} and each not in _USUAL_FIELDS]
    known = _count(log, question, "field", []) if unknown else []
    read = {each: found[0] for each in unknown if each not in known and len(found := _find_endings(each, known)) == 1}
    if not read:
        return question, ""
    fields = [read.get(each, each) for each in given]
    notes = ", ".join(f"{typed!r} as {name}" for typed, name in read.items())
    return replace(question, parameters={**question.parameters, "field": fields}), f"Read {notes}."


def read_values(log: Client, question: Question[T]) -> Iterator[tuple[Question[T], str]]:
    """Yield the question as it may be meant instead, with a note: a value may be the name of a subject, such as `v1.22`,
    if it is the name of exactly one, or what the source called a value.
    """
    finder = Finder(log)
    read: dict[str, str] = {}

    def find(text: str) -> str:
        candidates = finder.list_named(text) if text and ":" not in text else []
        if len(candidates) != 1:
            return text
        read[text] = candidates[0].label
        return candidates[0].subject

    changed = {
        name: [find(each) for each in _list_given(question, name)] for name in _VALUES if name in question.parameters
    }
    if conditions := _list_given(question, "where"):
        changed["where"] = [_read_condition(each, find) for each in conditions]
    if read:
        notes = ", ".join(f"{typed!r} as {label}" for typed, label in read.items())
        yield replace(question, parameters={**question.parameters, **changed}), f"Read {notes}."
    originals = {
        name.replace("value", "source_value"): given for name in _VALUES if (given := question.parameters.get(name))
    }
    if originals and not originals.keys() & question.parameters.keys():
        kept = {name: given for name, given in question.parameters.items() if name not in _VALUES}
        values = ", ".join(repr(each) for given in originals.values() for each in given)
        yield replace(question, parameters={**kept, **originals}), f"Read {values} as what the source called it."


def _read_condition(condition: str, find: Callable[[str], str]) -> str:
    field, operator, value = _split_condition(condition)
    return f"{field}{operator}{find(value)}" if operator in ("=", "!=") else condition
