"""What subjects are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from domain.values import is_subject
from identity.directory import Names
from projections.paging import AnyAnswer
from projections.read_model import Read
from projections.schema import loads, members
from projections.timepoint import ResolvedTime

IN_DIRECTORY: Final = ("person:", "service:")
"""What is named in the directory, outside the log."""


def find_titles(read: Read, subjects: Iterable[str], time: ResolvedTime) -> Mapping[str, str]:
    """Return the title of each of these subjects that has one, removed or not. A release is called by its version."""
    sql = f"""select c.subject, c.value from field_value c where c.subject in {members("named")}
        and c.field in ('title', 'version') and c.value is not null and {time.is_in_effect("c")}
        order by c.field desc"""
    found = read.rows(sql, {"named": sorted(set(subjects)), **time.parameters})
    return {subject: str(loads(value)) for subject, value in found}


def titles_of_answer(read: Read, answer: AnyAnswer, names: Names) -> dict[str, str]:
    """Return what each subject anywhere in an answer is called as of the answer's time, in the order of their ids.

    Takes one query of the read model, and one of the directory for people and services.
    """
    subjects = sorted(set(_find_subjects([answer.rows, answer.about])))
    in_directory = [subject for subject in subjects if subject.startswith(IN_DIRECTORY)]
    in_log = [subject for subject in subjects if not subject.startswith(IN_DIRECTORY)]
    found = {
        **(find_titles(read, in_log, answer.time) if in_log else {}),
        **(names.display_names(in_directory) if in_directory else {}),
    }
    return {subject: found[subject] for subject in subjects if subject in found}


def _find_subjects(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if ":" in value and is_subject(value):
            yield value
    elif isinstance(value, Mapping):
        for key, member in value.items():
            yield from _find_subjects(key)
            yield from _find_subjects(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _find_subjects(member)
