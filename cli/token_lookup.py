"""Find the API token of a command: in the settings, a file, or the system's keyring."""

from __future__ import annotations

import os
import stat
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cli.errors import CommandFailed
from cli.location import Location

KEYRING_SERVICE: Final = "decisionlog"
"""The service name in the keyring; the user name is the URL of the server."""
GROUP_AND_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def find_token(location: Location) -> str | None:
    """Return DECISIONLOG_TOKEN, else the token in DECISIONLOG_TOKEN_FILE, else the keyring's for DECISIONLOG_URL.

    Raises:
        CommandFailed: other users may read the file, or it is empty.
    """
    if location.token is not None:
        return location.token
    if location.token_file is not None:
        return _read_token_file(location.token_file)
    return _read_keyring(location.url) if location.url and find_spec("keyring") else None


def _read_token_file(path: Path) -> str:
    token = read_secret(path)
    if not token:
        raise CommandFailed(f"{path} is empty. Write the token to it that `decisionlog token create` prints.")
    return token


def read_secret(path: Path) -> str:
    """Return the content of a private file, without surrounding white space.

    Raises:
        CommandFailed: other users may read it.
        OSError: it cannot be read.
    """
    if stat.S_IMODE(os.stat(path).st_mode) & GROUP_AND_OTHERS:  # noqa: PTH116  (an error names the file as it was set)
        raise CommandFailed(f"Other users can read {path}, so it cannot hold a secret. Run: chmod 600 {path}")
    return path.read_text(encoding="utf-8").strip()


def _read_keyring(address: str) -> str | None:
    found = import_module("keyring").get_password(KEYRING_SERVICE, address)
    return str(found) if found else None
