"""What all sources of a record's history are read into: the versions of the records of one folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from interchange.adr.document import FieldTexts, RecordDocument
from interchange.adr.keywords import DEFAULT_WORDS, Words
from interchange.import_report import Remark

MAX_TOTAL_BYTES: Final = 256 * 1024 * 1024
"""The limit for all versions of all records together, because they are held in memory."""


@dataclass(frozen=True, slots=True)
class RecordVersion:
    """A record from a time on.

    Attributes:
        name: the name of its file, without the extension.
        key: the same in every import; None for a current file, which is compared with the log instead.
        fields: its texts by field.
        is_complete: whether fields that it does not have are empty; otherwise they are unchanged.
        previous_name: the name before this version, if it was renamed.
        is_removal: whether the record was removed.
        at: when the version took effect; None if unknown.
    """

    name: str
    key: str | None
    fields: FieldTexts = field(default_factory=dict)
    is_complete: bool = False
    previous_name: str | None = None
    is_removal: bool = False
    at: datetime | None = None
    written_at: datetime | None = None
    who: str | None = None
    reference: str | None = None
    references: tuple[tuple[str, str], ...] = ()
    document: RecordDocument | None = None

    @property
    def is_from_git(self) -> bool:
        """Whether the version is a commit, whose ancestry says what it follows."""
        return self.key is not None and ":" in self.key

    @property
    def label(self) -> str:
        """What the version is called in a report."""
        return f"{self.name} ({self.reference})" if self.reference else self.name


@dataclass(slots=True)
class RecordHistory:
    """All versions of the records of a folder in order, what was skipped, and warnings."""

    words: Words = DEFAULT_WORDS
    versions: list[RecordVersion] = field(default_factory=list)
    skipped: list[Remark] = field(default_factory=list)
    warnings: list[Remark] = field(default_factory=list)
