"""The first access token and the first sign-in link of a log.

They are printed on a terminal, and written to private files where the output may go to the log of a service.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from cli.bootstrap import local_caller
from cli.settings import Settings
from domain.roles import ADMIN
from domain.scopes import SCOPES
from identity.decision_log import DecisionLog
from identity.sign_in_links import FIRST_LIFETIME_S

FILE_NAME: Final = "first-token"
LINK_FILE_NAME: Final = "first-sign-in-link"


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


def create_first_token(log: DecisionLog, owner: str, settings: Settings) -> FirstToken | None:
    """Create the first token of a log, with every scope, for an administrator; None if the log has had a token.

    Raises:
        OSError: its file cannot be written. The token is then revoked.
    """
    if log.tokens.all():
        return None
    if sys.stdout.isatty():
        return FirstToken(_create_token(log, owner)[1])
    with _open_private(settings.data / FILE_NAME) as file:
        token, secret = _create_token(log, owner)
        try:
            _write(file, secret)
        except OSError:
            log.tokens.revoke(token, by=local_caller(owner))
            raise
    return FirstToken(secret, settings.data / FILE_NAME)


def _create_token(log: DecisionLog, owner: str) -> tuple[str, str]:
    until = log.tokens.default_expiry()
    by = local_caller(owner)
    return log.tokens.create(owner, scopes=SCOPES, label="first start", expires_at=until, role=ADMIN, by=by)


@dataclass(frozen=True)
class FirstLink:
    """A new sign-in link. `file` holds it if it is not to be printed."""

    url: str
    file: Path | None = None

    def format_announcement(self, owner: str) -> str:
        """Return the message that tells its holder where to find it."""
        works = "It works once, within 24 hours; `decisionlog login-link` creates another."
        if self.file is None:
            return f"Sign in as {owner} with a browser:\n\n  {self.url}\n\n{works}"
        return f"The link to sign in as {owner} with a browser is in {self.file}, readable only by this user. {works}"


def create_first_link(
    log: DecisionLog, owner: str, settings: Settings, build: Callable[[str], str]
) -> FirstLink | None:
    """Create a sign-in link for the owner, if it is a person; `build` returns the URL of a code.

    Raises:
        OSError: its file cannot be written.
    """
    if not owner.startswith("person:"):
        return None
    if sys.stdout.isatty():
        return FirstLink(build(_create_link(log, owner)))
    with _open_private(settings.data / LINK_FILE_NAME) as file:
        url = build(_create_link(log, owner))
        _write(file, url)
    return FirstLink(url, settings.data / LINK_FILE_NAME)


def _create_link(log: DecisionLog, owner: str) -> str:
    return log.sign_in_links.create(owner, lifetime_s=FIRST_LIFETIME_S, by=local_caller(owner))[0]


@contextmanager
def _open_private(path: Path) -> Iterator[IO[str]]:
    """Open a new file that only this user can read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # left by an earlier log; O_EXCL and O_NOFOLLOW refuse anything that reappears
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        yield file


def _write(file: IO[str], secret: str) -> None:
    file.write(f"{secret}\n")
    file.flush()
    os.fsync(file.fileno())
