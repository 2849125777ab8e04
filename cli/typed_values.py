"""Read fields and values as people write them: `v1.22` for the release 1.22, `author` for `role.author`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, TypeVar

from cli.finding import Finder
from cli.known_values import VALUES, WILDCARDS, count_values, find_endings, list_given, split_condition
from decisionlog_client import Client, Question

T = TypeVar("T")

_USUAL_FIELDS: Final = frozenset({"status", "title", "horizon", "kind", "tags", "products", "exists", "rank"})
"""Fields that are read as they are, without a look at which there are."""


def read_fields(log: Client, question: Question[T]) -> tuple[Question[T], str]:
    """Return the question with `role.author` in place of `author`, and a note about that; empty without one.

    A name is read so only if no subject has a field of that name, and exactly one field ends with it.
    """
    given = list_given(question, "field")
    unknown = [each for each in given if not set(each) & {*WILDCARDS, "."} and each not in _USUAL_FIELDS]
    known = count_values(log, question, "field", []) if unknown else []
    read = {each: found[0] for each in unknown if each not in known and len(found := find_endings(each, known)) == 1}
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
        name: [find(each) for each in list_given(question, name)] for name in VALUES if name in question.parameters
    }
    if conditions := list_given(question, "where"):
        changed["where"] = [_read_condition(each, find) for each in conditions]
    if read:
        notes = ", ".join(f"{typed!r} as {label}" for typed, label in read.items())
        yield replace(question, parameters={**question.parameters, **changed}), f"Read {notes}."
    originals = {
        name.replace("value", "source_value"): given for name in VALUES if (given := question.parameters.get(name))
    }
    if originals and not originals.keys() & question.parameters.keys():
        kept = {name: given for name, given in question.parameters.items() if name not in VALUES}
        values = ", ".join(repr(each) for given in originals.values() for each in given)
        yield replace(question, parameters={**kept, **originals}), f"Read {values} as what the source called it."


def _read_condition(condition: str, find: Callable[[str], str]) -> str:
    field, operator, value = split_condition(condition)
    return f"{field}{operator}{find(value)}" if operator in ("=", "!=") else condition
