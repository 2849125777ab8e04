"""The first token of a log: shown on a terminal, and written to a file where the output goes into a service's log."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.settings import Settings
from cli.wiring import local_caller
from eventlog.log import DecisionLog
from eventlog.tokens import RIGHTS

FILE_NAME: Final = "first-token"


@dataclass(frozen=True)
class FirstToken:
    """A token that was just made. `file` is where its secret is, if it is not to be shown."""

    secret: str
    file: Path | None = None

    def announcement(self, owner: str) -> str:
        """Return how its holder comes to it."""
        if self.file is None:
            return f"The token of {owner}, shown this once:\n\n  {self.secret}"
        return (
            f"The token of {owner} is in {self.file}, which only this user can read: what is printed here ends in the log "
            "of a service. Move it to where you keep secrets."
        )

    def header(self) -> str:
        """Return the header with this token, quoted for a shell."""
        if self.file is None:
            return shlex.quote(f"Authorization: Bearer {self.secret}")
        return f'"Authorization: Bearer $(cat {shlex.quote(str(self.file))})"'


def first_token(log: DecisionLog, owner: str, settings: Settings) -> FirstToken | None:
    """Make the first token of a log, with every right; None where there was one before.

    Raises:
        OSError: it cannot be written to its file. Then it is worth nothing.
    """
    if log.tokens.all():
        return None
    if sys.stdout.isatty():
        return FirstToken(log.tokens.create(owner, rights=RIGHTS, label="first start", by=local_caller(owner))[1])
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.data / FILE_NAME
    path.unlink(missing_ok=True)  # left by a log that was there before; nothing is written through a link
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        token, secret = log.tokens.create(owner, rights=RIGHTS, label="first start", by=local_caller(owner))
        try:
            file.write(f"{secret}\n")
            file.flush()
            os.fsync(handle)
        except OSError:
            log.tokens.revoke(token, by=local_caller(owner))
            raise
    return FirstToken(secret, path)
