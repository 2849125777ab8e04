"""Where the token comes from with which a command speaks."""

from __future__ import annotations

import os
import stat
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cli.errors import CannotGoOn
from cli.settings import Settings

KEYRING: Final = "decisionlog"
"""The name of the service under which the keyring has tokens, each by its address."""
OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def token_of(settings: Settings) -> str | None:
    """The token that is set, else that of the file that is named, else the keyring's for the server elsewhere.

    Raises:
        CannotGoOn: others may read the file, or there is nothing in it.
    """
    if settings.token is not None:
        return settings.token.get_secret_value()
    if settings.token_file is not None:
        return _in_file(settings)
    return _in_keyring(settings.url) if settings.url and find_spec("keyring") else None


def _in_file(settings: Settings) -> str:
    path = settings.token_file
    assert path is not None
    token = secret_in(path)
    if not token:
        raise CannotGoOn(f"There is nothing in {path}. Put the token there that `decisionlog token create` shows.")
    return token


def secret_in(path: Path) -> str:
    """Return what a file holds that is its owner's alone, without white space around it.

    Raises:
        CannotGoOn: others may read it.
        OSError: it cannot be read.
    """
    if stat.S_IMODE(os.stat(path).st_mode) & OTHERS:  # noqa: PTH116  (an error names the file as it was set)
        sentence = f"Others may read {path}, what is in it is no secret. Make it yours alone: chmod 600 {path}"
        raise CannotGoOn(sentence)
    return path.read_text(encoding="utf-8").strip()


def _in_keyring(address: str) -> str | None:
    found = import_module("keyring").get_password(KEYRING, address)
    return str(found) if found else None
