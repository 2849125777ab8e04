"""The ids of subjects: `kind:key`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

SUBJECT_KINDS: Final = (
    "product",
    "decision",
    "feature",
    "goal",
    "release",
    "person",
    "team",
    "service",
    "group",
    "evidence",
    "assumption",
    "meeting",
    "task",
    "import",
    "log",
)
KEY_PATTERN: Final = r"[a-z0-9][a-z0-9._~-]{0,99}"
SUBJECT_PATTERN: Final = rf"(?:{'|'.join(SUBJECT_KINDS)}):{KEY_PATTERN}"
LOG_SERVICE: Final = "service:decisionlog"
SUBJECT_IN_TEXT: Final = re.compile(rf"(?<![\w:]){SUBJECT_PATTERN}(?<![.~-])")
"""The id of a subject within a text, without the period that ends a sentence."""
_MAX_DERIVED_CHARS: Final = 30
_SUBJECT = re.compile(SUBJECT_PATTERN)
IN_BACKTICKS: Final = re.compile(r"(`[^`]*`)")
"""What a message gives as code. Splits a message into parts of which every second one is code; a single backtick is text."""


def is_subject(text: str) -> bool:
    """Return whether `text` has the form `kind:key` of a subject id."""
    return _SUBJECT.fullmatch(text) is not None


def replace_ids(text: str, title_of: Callable[[str], str]) -> str:
    """Return a text with titles in place of the ids of subjects; a command in backticks keeps the ids, as it is typed."""
    parts = IN_BACKTICKS.split(text)
    parts[::2] = [SUBJECT_IN_TEXT.sub(lambda found: title_of(found[0]), each) for each in parts[::2]]
    return "".join(parts)


def kind_of(subject: str) -> str:
    """Return the kind of a subject: `feature` for `feature:gift-cards`."""
    return subject.partition(":")[0]


def key_from_title(title: str) -> str | None:
    """Return a key made from a title, `gift-cards` for "Gift cards"; None if the title has no letters for one."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:_MAX_DERIVED_CHARS].strip("-") or None


def key_of(subject: str) -> str:
    """Return the key of a subject: `gift-cards` for `feature:gift-cards`."""
    return subject.partition(":")[2]
