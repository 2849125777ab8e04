"""The first access token of a log: printed on a terminal, written to a file when output may go to a service's log."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.bootstrap import local_caller
from cli.settings import Settings
from domain.roles import ADMIN, Role, holds
from domain.scopes import SCOPES
from identity.decision_log import DecisionLog

FILE_NAME: Final = "first-token"


@dataclass(frozen=True)
class FirstToken:
    """A new token. `file` holds its secret if it is not to be printed."""

    secret: str
    file: Path | None = None

    def format_announcement(self, owner: str) -> str:
        """Return the message that tells its holder where to find it."""
        if self.file is None:
            return f"Access token for {owner} (won't be shown again):\n\n  {self.secret}"
        return (
            f"The access token for {owner} is in {self.file}, readable only by this user. It is not printed, as output "
            "may end up in a log file. Move it to where you keep secrets."
        )

    def format_header(self) -> str:
        """Return the HTTP header with this token, quoted for a shell."""
        if self.file is None:
            return shlex.quote(f"Authorization: Bearer {self.secret}")
        return f'"Authorization: Bearer $(cat {shlex.quote(str(self.file))})"'


def create_first_token(log: DecisionLog, owner: str, settings: Settings) -> FirstToken | None:
    """Create the first token of a log, with every scope, for an administrator; None if the log has had a token.

    Raises:
        OSError: its file cannot be written. The token is then revoked.
    """
    if log.tokens.all():
        return None
    if sys.stdout.isatty():
        return FirstToken(_create(log, owner)[1])
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = settings.data / FILE_NAME
    path.unlink(missing_ok=True)  # left by an earlier log; O_EXCL and O_NOFOLLOW refuse anything that reappears
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        token, secret = _create(log, owner)
        try:
            file.write(f"{secret}\n")
            file.flush()
            os.fsync(handle)
        except OSError:
            log.tokens.revoke(token, by=local_caller(owner))
            raise
    return FirstToken(secret, path)


def _create(log: DecisionLog, owner: str) -> tuple[str, str]:
    role: Role | None = None if holds(log.state(owner), ADMIN) else ADMIN
    return log.tokens.create(owner, scopes=SCOPES, label="first start", role=role, by=local_caller(owner))
