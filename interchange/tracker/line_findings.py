"""What is noticed about one line of a tracker's history that is imported all the same."""

from __future__ import annotations

from typing import Final

from interchange.import_report import Findings, Remark
from interchange.tracker.entries import Entry

_CUT: Final = " […]"


class LineFindings:
    """The findings about the line that is read now; most lines have none."""

    def __init__(self) -> None:
        self.noted: Findings | None = None

    @property
    def current(self) -> Findings:
        """The findings, to which more can be added."""
        if self.noted is None:
            self.noted = Findings()
        return self.noted

    def warn(self, entry: Entry, message: str) -> None:
        """Add a warning about an entry."""
        self.current.warnings.append(Remark(entry.label, message))

    def cut(self, entry: Entry, what: str, text: str, limit: int) -> str:
        """Return a text up to its limit. What is cut off is reported, and the change is kept."""
        if len(text) <= limit:
            return text
        self.warn(entry, f"{what}: {len(text)} characters; only the first {limit} are kept")
        return text[: limit - len(_CUT)] + _CUT
