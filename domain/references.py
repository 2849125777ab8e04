"""The subjects that a command names, and those that it changes."""

from __future__ import annotations

from collections.abc import Iterator

from domain.errors import Unknown, unknown_subject
from domain.messages import Command, strings_of_kind
from domain.values import StringKind, is_subject, kind_of


def referenced_subjects(command: Command) -> Iterator[tuple[str, str]]:
    """Yield each subject that a command references, with the path of the field."""
    for kind in (StringKind.SUBJECT, StringKind.PERSON):
        for path, value in strings_of_kind(command, kind):
            if is_subject(value):
                yield path[0] if len(path) == 1 else ".".join(map(str, path)), value  # type: ignore[misc]


def changed_subjects(command: Command) -> tuple[str, ...]:
    """Return the subjects in the log that a command changes: all but the one it creates."""
    superseded: tuple[str, ...] = getattr(command, "supersedes", ())
    return superseded if command.creates else (command.subject_id(), *superseded)


def unknown_error(field: str, subject: str) -> Unknown:
    """Return the refusal of a subject that is not in the log, or that the caller may not read."""
    hint = "register them first" if kind_of(subject) in ("person", "team") else ""
    return unknown_subject(subject, field=field, hint=hint)
