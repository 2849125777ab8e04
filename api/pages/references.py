"""Finding the subjects and people that a reader types: by number, title, key, id, or the beginning of one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from api.pages.command_forms import FormField
from api.pages.fields import flatten
from api.pages.page import Page, format_number
from domain.errors import format_alternatives
from domain.ids import key_of
from domain.values import is_subject
from identity.people_directory import DirectoryPerson
from projections.queries.decisions import decision_numbers
from projections.queries.field_values import as_ids
from projections.queries.filters import Filter
from projections.queries.listings import subjects
from projections.queries.paging import Row
from projections.queries.timepoint import NOW, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import Read

MAX_OFFERED: Final = 300
"""Candidates that a field offers while one types; all are found."""
MAX_CANDIDATES: Final = 5
PEOPLE_KINDS: Final = frozenset({"person", "holder", "actor"})
KINDS_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "holder": ("person", "team"),
    "actor": ("person", "service"),
    "ground": ("decision", "evidence", "assumption"),
    "dependent": ("decision", "feature", "goal"),
    "supported": ("decision", "feature", "goal", "assumption"),
    "awaited": ("evidence", "assumption", "decision", "release"),
}
"""The kinds of subject that a field takes, where it takes several."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A subject that can be meant, and what it is called."""

    subject: str
    label: str
    names: tuple[str, ...]
    """Everything by which it is found, folded."""


class NotFoundError(Exception):
    """Nothing, or more than one subject, is called as the reader typed; `candidates` may be meant instead."""

    def __init__(self, message: str, candidates: Sequence[Candidate]) -> None:
        super().__init__(message)
        self.message = message
        self.candidates = candidates


def list_candidates(read: Read, kind: str) -> list[Candidate]:
    """Return every subject of a kind. Decisions are the newest first, with their numbers."""
    rows = [*map(flatten, subjects(read, Filter(kinds=(kind,)), ("products",) if kind == "release" else ()).rows)]
    if kind == "decision":
        numbers = decision_numbers(read, [row["subject"] for row in rows], resolve_time(read, NOW))
        labels = {subject: format_number(found) for subject, found in numbers.items() if found}
        found = [_candidate(row["subject"], row["title"], labels.get(row["subject"])) for row in rows]
        return sorted(found, key=lambda each: _number_of(each.label), reverse=True)
    if kind == "release":  # two products may both have a release 1.0
        titles = find_titles(
            read, (each for row in rows for each in as_ids(row.get("products"))), resolve_time(read, NOW)
        )
        return [_candidate(row["subject"], row["title"], _product_of(row, titles)) for row in rows]
    return [_candidate(row["subject"], row["title"], None) for row in rows]


def find_candidates(read: Read, page: Page, fields: Iterable[FormField]) -> dict[str, Sequence[Candidate]]:
    """Return what each kind of field can refer to, by the kind."""
    kinds = {each.kind for each in fields if each.control in ("subject", "person") and each.kind}
    found: dict[str, Sequence[Candidate]] = {
        kind: [each for one in KINDS_OF.get(kind, (kind,)) for each in list_candidates(read, one)]
        for kind in kinds - PEOPLE_KINDS
    }
    if kinds & PEOPLE_KINDS:
        everyone = [*page.services.book.directory.list_people()]
        people = people_candidates(everyone, read.merged_into)
        found |= {"person": people, "holder": [*people, *list_candidates(read, "team")]}
        if "actor" in kinds:
            found["actor"] = people_candidates(everyone, read.merged_into, ("person:", "service:"))
    return {kind: with_distinct_labels(each) for kind, each in found.items()}


def noun_of(kind: str) -> str:
    """Return what a field of a kind refers to, such as "person or team"."""
    return format_alternatives(KINDS_OF.get(kind, (kind,)))


def _product_of(row: Row, titles: Mapping[str, str]) -> str | None:
    return ", ".join(titles.get(each, each) for each in as_ids(row.get("products"))) or None


_DECISION_NUMBER: Final = re.compile(r"[0-9]{1,18}")


def _number_of(label: str) -> tuple[int, str]:
    digits = label.partition(" ")[0].rpartition("-")[2]
    return int(digits) if _DECISION_NUMBER.fullmatch(digits) else -1, label


def _candidate(subject: str, title: str | None, number: str | None) -> Candidate:
    key = key_of(subject)
    label = " ".join(each for each in (number, title or key) if each).replace(";", ",")  # which separates several
    names = (number if subject.startswith("decision:") else None, title, key, subject, label)
    return Candidate(subject, label, tuple(_fold(each) for each in names if each))


def people_candidates(
    people: Iterable[DirectoryPerson],
    merged_into: Mapping[str, str] = MappingProxyType({}),
    kinds: tuple[str, ...] = ("person:",),
) -> list[Candidate]:
    """Return everyone in the directory whose id begins with one of the kinds, found by each of their names.

    People who were merged are one, found by the names of all.
    """
    found: dict[str, Candidate] = {}
    for each in people:
        kept = merged_into.get(each.id, each.id)
        if not kept.startswith(kinds):
            continue
        names = tuple(map(_fold, (*each.spellings, each.id)))
        known = found.get(kept)
        label = known.label if known and each.id != kept else each.name
        found[kept] = Candidate(kept, label, (*(known.names if known else ()), *names))
    return [*found.values()]


def labels_of(candidates: Mapping[str, Sequence[Candidate]], merged_into: Mapping[str, str]) -> dict[str, str]:
    """Return what each subject is called in a form; a person who was merged, as the one who is kept."""
    labels = {each.subject: each.label for found in candidates.values() for each in found}
    return labels | {merged: labels[kept] for merged, kept in merged_into.items() if kept in labels}


def with_distinct_labels(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates; those that are called the same have their keys in their labels, so that each can be chosen."""
    counts = Counter(each.label for each in candidates)
    return [each if counts[each.label] == 1 else _with_key(each) for each in candidates]


def _with_key(candidate: Candidate) -> Candidate:
    label = f"{candidate.label} ({key_of(candidate.subject)})"
    return replace(candidate, label=label, names=(*candidate.names, _fold(label)))


def _fold(text: str) -> str:
    return " ".join(text.casefold().split())


def find_one(typed: str, candidates: Sequence[Candidate], what: str) -> str:
    """Return the id of the one subject that is meant.

    Raises:
        NotFoundError: nothing or more than one is called so, with those that may be meant.
    """
    wanted = _fold(typed)
    exact = [each for each in candidates if wanted in each.names]
    found = exact or [each for each in candidates if any(name.startswith(wanted) for name in each.names)]
    if len({each.subject for each in found}) == 1:
        return found[0].subject
    if found:
        raise NotFoundError(f"More than one {what} is called “{typed}”.", found[:MAX_CANDIDATES])
    if is_subject(typed):
        return typed  # the log itself knows better
    close = _close(wanted, candidates)
    hint = f" Did you mean {format_alternatives([each.label for each in close])}?" if close else ""
    raise NotFoundError(f"No {what} is called “{typed}”.{hint}", close)


def _close(wanted: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates one of whose names, or a word of one, is spelled nearly like what was typed."""
    by_name: dict[str, Candidate] = {}
    for candidate in candidates:
        for name in candidate.names:
            for part in (name, *name.split()):
                by_name.setdefault(part, candidate)
    names = get_close_matches(wanted, by_name, MAX_CANDIDATES * 2, 0.6)
    return list({by_name[name].subject: by_name[name] for name in names}.values())[:MAX_CANDIDATES]
