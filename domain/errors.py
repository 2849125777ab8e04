"""The reasons to refuse a command, as one tree.

    Refused
    ├── Malformed             the command itself is invalid; names the field
    ├── Unknown               it refers to something that is not in the log
    ├── AlreadyExists         the key was used before; keys are never reused
    ├── NotAllowed            the current state of the subject does not allow it
    │   ├── OutOfOrder        a status change dated before the latest one
    │   └── NothingChanges    it would change nothing
    ├── Forbidden             the caller does not have permission
    ├── Stale                 the subject changed since the caller read it
    └── KeyReused             the idempotency key was used for another command

A message starts in lower case and has no final period, so that it can follow a field name or "Refused:".
The domain knows no HTTP status codes: `api/problems.py` maps each class to one.
"""

from __future__ import annotations

from collections.abc import Sequence


class Refused(Exception):
    """The command was refused; nothing was recorded."""

    def __init__(self, detail: str, *, field: str | None = None, subject: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.subject = subject


def format_alternatives(names: Sequence[str]) -> str:
    """Return names as a sentence offers them: "a", "a or b", "a, b or c"."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def unknown_subject(subject: str, *, field: str | None = None, similar: Sequence[str] = (), hint: str = "") -> Unknown:
    """Return the refusal of a subject that is not in the log, with similar ones that are, or else with a hint."""
    kind, _, key = subject.partition(":")
    suggestion = f"did you mean {format_alternatives(similar)}?" if similar else hint
    return Unknown(f"no {kind} '{key}'" + (f"; {suggestion}" if suggestion else ""), field=field, subject=subject)


def key_taken_error(subject: str) -> AlreadyExists:
    """Return the refusal of a new subject whose key the log has, or had."""
    return AlreadyExists(
        f"{subject} already exists; keys are never reused, so choose another one or omit `key`",
        field="key",
        subject=subject,
    )


class Malformed(Refused):
    """The command itself is invalid."""


class Unknown(Refused):
    """The command refers to something that is not in the log."""


class AlreadyExists(Refused):
    """The key was used before; keys are never reused."""


class NotAllowed(Refused):
    """The current state of the subject does not allow the command."""


class OutOfOrder(NotAllowed):
    """A status change cannot take effect before the subject's latest status change."""


class NothingChanges(NotAllowed):
    """The command would change nothing."""


class Forbidden(Refused):
    """The caller does not have permission."""


class Stale(Refused):
    """The subject changed since the caller read it."""

    def __init__(self, detail: str, *, subject: str, version: int, field: str | None = None) -> None:
        super().__init__(detail, field=field, subject=subject)
        self.version = version


class KeyReused(Refused):
    """The idempotency key was used for another command."""
