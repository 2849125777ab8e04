"""The subjects that a command names, and those that it changes."""

from __future__ import annotations

from collections.abc import Iterator

from domain.errors import Unknown, unknown_subject
from domain.fields import Subjects, Value
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


def restarted_subject(command: Command, subjects: Subjects) -> str | None:
    """Return the subject that a command starts again, because its first entry was voided; None if it starts none."""
    if not command.creates or command.corrects is None:
        return None
    subject = command.subject_id()
    return subject if subjects[subject].version else None


def restarted_products(command: Command, subjects: Subjects) -> tuple[str, ...]:
    """Return the products that the voided first entry gave the subject that a command starts again; of a product, its line."""
    subject = restarted_subject(command, subjects)
    if subject is None or command.corrects is None:
        return ()
    name = "line" if kind_of(subject) == "product" else "products"
    value: Value = subjects[subject].value_set_by(name, command.corrects)
    return tuple(map(str, value if isinstance(value, list) else [value] if value else []))


def unknown_error(field: str, subject: str) -> Unknown:
    """Return the refusal of a subject that is not in the log, or that the caller may not read."""
    hint = "register them first" if kind_of(subject) in ("person", "team") else ""
    return unknown_subject(subject, field=field, hint=hint)
