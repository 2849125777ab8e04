"""What can go wrong with a command, as one tree.

    Refused
    ├── Malformed             the command itself is not in order; names the field
    ├── Unknown               it speaks of something the log has never heard of
    ├── AlreadyExists         a key is used once, for ever
    ├── NotAllowed            the subject is not in a state for this
    │   ├── OutOfOrder        a status act dated before the latest one
    │   └── NothingChanges    it is so already
    ├── Forbidden             who asks may not do this
    ├── Stale                 the subject has moved since the caller looked
    └── KeyReused             an idempotency key that belongs to another command

The domain knows no status codes: `api/problems.py` maps each class to one.
"""

from __future__ import annotations


class Refused(Exception):
    """The command was refused; nothing was recorded."""

    def __init__(self, detail: str, *, field: str | None = None, subject: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.subject = subject


class Malformed(Refused):
    """The command is not in order."""


class Unknown(Refused):
    """The log knows nothing by this name."""


class AlreadyExists(Refused):
    """The key has been used; keys are for life and never used twice."""


class NotAllowed(Refused):
    """The subject is not in a state for this."""


class OutOfOrder(NotAllowed):
    """A status act may not be dated before the subject's latest status act."""


class NothingChanges(NotAllowed):
    """It is so already."""


class Forbidden(Refused):
    """Whoever asks may not do this."""


class Stale(Refused):
    """The subject has moved since the caller looked at it."""

    def __init__(self, detail: str, *, subject: str, version: int, field: str | None = None) -> None:
        super().__init__(detail, field=field, subject=subject)
        self.version = version


class KeyReused(Refused):
    """The idempotency key belongs to another command."""
