"""Where the log is, and the token to ask it with: what a client needs of the settings.

Reading these needs no pydantic, which takes longer to load than a server takes to answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PREFIX: Final = "DECISIONLOG_"
DEFAULT_DATA: Final = Path("data")
STORE_PATTERN: Final = "^(postgres(ql)?://.*)?$"
URL_PATTERN: Final = "^(https?://.+)?$"


@dataclass(frozen=True)
class Location:
    """Where the log is. `load_settings` returns all `Settings`, which only a process that opens the files needs."""

    data: Path
    store: str = field(repr=False)
    url: str
    token: str | None = field(repr=False)
    token_file: Path | None
    load_settings: Callable[[], Any] = field(repr=False)

    @property
    def log_file(self) -> Path:
        """The log's file."""
        return self.data / "log.sqlite3"
