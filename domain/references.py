"""The subjects that a command names."""

from __future__ import annotations

from collections.abc import Iterator

from domain.errors import Unknown
from domain.messages import Command, string_paths, strings_at
from domain.values import StringKind, is_subject, kind_of


def referenced_subjects(command: Command) -> Iterator[tuple[str, str]]:
    """Yield each subject that a command references, with the path of the field."""
    for kind in (StringKind.SUBJECT, StringKind.PERSON):
        for path in string_paths(type(command), kind):
            for exact_path, value in strings_at(command, path):
                if is_subject(value):
                    yield ".".join(str(part) for part in exact_path), value


def unknown_error(field: str, subject: str) -> Unknown:
    """Return the refusal of a subject that is not in the log, or that the caller may not read."""
    kind = kind_of(subject)
    hint = "; register them first" if kind in ("person", "team") else ""
    return Unknown(f"no {kind} '{subject}'{hint}", field=field, subject=subject)
