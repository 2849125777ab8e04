"""Say why an answer is empty: which filter matches nothing, and what may have been meant."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from cli.known_values import VALUES, WILDCARDS, count_values, list_given, split_condition, suggest
from cli.options import to_flag
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
_NOT_YET: Final[Mapping[str, tuple[str, str]]] = {
    "/v1/roadmap": ("No features on the roadmap", "Add one with `decisionlog feature add`"),
    "/v1/decisions": ("No decisions", "Record one with `decisionlog record`"),
    "/v1/slips": ("No target was moved", "Targets are set and moved with `decisionlog feature target`"),
    "/v1/slips/causes": ("Nothing slipped", "Targets are set with `decisionlog feature target`"),
    "/v1/slips/count": ("Nothing slipped", "Targets are set with `decisionlog feature target`"),
    "/v1/expected-outcomes": ("No expected outcomes", "State one with `decisionlog outcome expect`"),
    "/v1/calibration": ("No forecasts", "State one with `decisionlog outcome expect --probability`"),
    "/v1/flags": (
        "Nothing rests on what no longer holds",
        "`decisionlog evidence link` and `decisionlog assumption link` say what a decision rests on",
    ),
    "/v1/arrivals": ("No deferred decision is back", "Defer one with `decisionlog decision defer`"),
    "/v1/debt": ("Nothing is left undone", ""),
    "/v1/debt/months": ("Nothing was left undone", ""),
    "/v1/contributions": (
        "Nothing contributes to a goal",
        "Add a goal with `decisionlog goal add`, and link work to it with `decisionlog feature link`",
    ),
    "/v1/contributions/gaps": ("No goal is without work, and no work without a goal", ""),
    "/v1/unowned": ("Nothing is without an owner", ""),
    "/v1/accountability/count": ("No one is accountable for anything", "Assign owners with `decisionlog owner assign`"),
    "/v1/meetings": ("No meetings", "Plan one with `decisionlog meeting plan`"),
    "/v1/tasks": ("No tasks", "Assign one with `decisionlog task add`"),
    "/v1/imports": ("No imports", "`decisionlog import` lists what can be imported"),
    "/v1/people": ("No people", "Add one with `decisionlog person add`"),
    "/v1/roles": ("No roles", "Grant one with `decisionlog role grant`"),
    "/v1/accounts": ("No sign-in accounts are connected", "Connect one with `decisionlog account connect`"),
    "/v1/access-journal": ("No access was recorded", "The server records sign-ins, refusals, exports and audits"),
    "/v1/changes": ("Nothing changed in this period", "Choose a longer one with `--since`"),
    "/deciders": (
        "No decision rights cover this kind of decision",
        "Set them with `decisionlog product rights`; until then, no one's authority is limited or confirmed",
    ),
    "/minutes": ("No minutes", "Write them up with `decisionlog meeting add-minutes`"),
    "/options": ("The decision has no options", "Add them with `decisionlog decision revise --considered`"),
    "/authority": ("No verdict", "Authority is judged when a decision is recorded, accepted or rejected here"),
}
"""What is missing where an unfiltered list is empty, and what to type to change that; the keys end in the last part of
the path of questions about one subject.
"""
_ADDED_BY: Final[Mapping[str, str]] = {
    **{
        kind: f"{kind} add"
        for kind in ("product", "feature", "goal", "release", "person", "team", "evidence", "assumption", "task")
    },
    "decision": "record",
    "meeting": "meeting plan",
    "import": "import",
}
"""The command that adds a subject of a kind."""
_PLURALS: Final[Mapping[str, str]] = {"person": "people", "evidence": "evidence"}
CHANNELS: Final = ("cli", "demo", "http", "import", "kafka", "log")


def explain_emptiness(
    log: Client, question: Question[Any], typed: Question[Any], *, skip: Collection[str] = ()
) -> Iterator[str]:
    """Yield a sentence for each filter that matches nothing even alone, with what may have been meant.

    `typed` is the question with the names of subjects as they were typed, and `skip` names filters to say nothing of.
    """
    filters = [each for each in _list_filters(question) if each[0] not in skip]
    found = [each for each in filters if not _matches_alone(log, question, each)]
    typed_filters = [value for name, value in _list_filters(typed) if name not in skip]
    names = dict(zip(filters, typed_filters, strict=False))
    for each in found:
        yield _build_sentence(log, question, each, names[each])
    if len(filters) > 1 and not found and not skip:
        notes = list(_explain_fields(log, question))
        yield from notes or ["Each filter matches something, but nothing matches all of them."]


def describe_missing(log: Client, question: Question[Any]) -> str | None:
    """Return what the log has none of, and the command that adds it; None if only the filters match nothing."""
    filters = {name for name, _ in _list_filters(question)}
    about = question.path if question.path in _NOT_YET else f"/{question.path.rpartition('/')[2]}"
    kinds = list_given(question, "kind")
    if question.path == "/v1/fields" and len(kinds) == 1 and kinds[0] in _ADDED_BY:
        added_by = _ADDED_BY[kinds[0]]
        what, how = (
            f"No {_PLURALS.get(kinds[0], f'{kinds[0]}s')}",
            f"Add {'some' if kinds[0] == 'evidence' else 'one'} with `decisionlog {added_by}`",
        )
        filters -= {"kind"}
    elif about in _NOT_YET:
        what, how = _NOT_YET[about]
    else:
        return None
    if filters and (about not in _OF_ONE_SUBJECT and not _is_empty_without(log, question, filters)):
        return None
    if any(question.parameters.get(name) for name in (*_SINCE, *_PERIODS)) and question.path != "/v1/changes":
        return f"{what} in this period."
    if any(question.parameters.get(name) for name in ("as_of", "known_at")):
        return f"{what} at that time."
    return f"{what}{' yet' if how and what.startswith('No ') else ''}.{f' {how}.' if how else ''}"


_SINCE: Final = ("since", "until", "known_since", "known_until")
_OF_ONE_SUBJECT: Final = ("/deciders", "/minutes", "/options", "/authority")


def _is_empty_without(log: Client, question: Question[Any], filters: Collection[str]) -> bool:
    """Return whether the question has no answer either without some filters and the cursor."""
    kept = {name: each for name, each in question.parameters.items() if name not in {*filters, "cursor"}}
    return not log.ask(replace(question, parameters=kept))["rows"]


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
        where = " in this period" if any(question.parameters.get(each) for each in (*_SINCE, *_PERIODS)) else ""
        return f"Nothing{where} matches {to_flag(name)}{'' if value == 'True' else f' {typed!r}'}."
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
