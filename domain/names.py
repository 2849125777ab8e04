"""How names of people are compared."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from domain.errors import AlreadyExists

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def normalize_name(name: str) -> str:
    """Return the form that a name shares with every spelling that differs only in case, spaces or accent composition.

    A control character counts as U+FFFD, which replaced it when the name was registered.
    """
    printable = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", " ".join(name.split()))
    return unicodedata.normalize("NFC", printable).casefold()


def name_taken_error(name: str, person: str, field: str) -> AlreadyExists:
    """Return the error for a name that already belongs to another person."""
    return AlreadyExists(f"{name!r} already belongs to {person}", field=field, subject=person)
