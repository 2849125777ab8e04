"""What subjects are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from domain.values import is_subject
from identity.people_directory import Names
from projections.queries.paging import Answer, Row
from projections.queries.timepoint import ResolvedTime
from projections.read_model.model import Read
from projections.read_model.schema import is_any_of, loads

IN_DIRECTORY: Final = ("person:", "service:")
"""What is named in the directory, outside the log."""


def find_titles(read: Read, subjects: Iterable[str], time: ResolvedTime) -> Mapping[str, str]:
    """Return the title of each of these subjects that has one, removed or not. A release is called by its version.

    Each is read once in a snapshot: the rows of an answer have titles of their own.
    """
    known = read.titles.setdefault((time.as_of, time.position), {})
    wanted = set(subjects)
    if unknown := sorted(wanted - known.keys()):
        known.update(dict.fromkeys(unknown))
        parameters = time.parameters
        sql = f"""select c.subject, c.value from field_value c
            where {is_any_of("c.subject", "named", unknown, parameters)} and c.field in ('title', 'version')
            and c.value is not null and {time.is_in_effect("c")} order by c.field desc"""
        known.update({subject: str(loads(value)) for subject, value in read.rows(sql, parameters)})
    return {subject: title for subject in wanted if (title := known.get(subject)) is not None}


def titles_of_answer(read: Read, answer: Answer[Row, Row], names: Names) -> dict[str, str]:
    """Return what each subject anywhere in an answer is called as of the answer's time, in the order of their ids.

    Takes one query of the read model, and one more of it and one of the directory for people and services.
    """
    subjects = sorted(_find_subjects([answer.rows, answer.about]))
    in_directory = [subject for subject in subjects if subject.startswith(IN_DIRECTORY)]
    in_log = [subject for subject in subjects if not subject.startswith(IN_DIRECTORY)]
    found = {
        **(find_titles(read, in_log, answer.time) if in_log else {}),
        **(_name_people(read, in_directory, names) if in_directory else {}),
    }
    return {subject: found[subject] for subject in subjects if subject in found}


def _name_people(read: Read, people: Iterable[str], names: Names) -> dict[str, str]:
    """Return the name of each of these people; of one who was merged, also that of the person who is kept."""
    kept = {person: read.surviving_id(person) for person in people}
    found = names.display_names(sorted({*kept, *kept.values()}))
    return {person: name for person, one in kept.items() if (name := _join_names(found.get(person), found.get(one)))}


def _join_names(own: str | None, kept: str | None) -> str | None:
    return f"{own} (now {kept})" if own and kept and own != kept else own or kept


def _find_subjects(value: list[Any]) -> set[str]:
    """Return every id of a subject in a value, as a member or as a key."""
    found: set[str] = set()
    waiting: list[Any] = [value]
    while waiting:  # a large answer has a hundred thousand members, and a call for each takes longer than the rest
        members = waiting.pop()
        if not isinstance(members, list | tuple):
            found.update([key for key in members if ":" in key])
            members = members.values()
        for member in members:
            if type(member) is str:
                if ":" in member:
                    found.add(member)
            elif isinstance(member, dict | list | tuple):
                waiting.append(member)
    return set(filter(is_subject, found))
