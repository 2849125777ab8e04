"""Reading JSON Lines files: what stands on each line, and the name by which the line is known again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic_core import from_json


@dataclass(frozen=True, slots=True)
class FileLine:
    """One line. `told` is what it says, or None with the `error` that kept it from being read.

    `fingerprint` is the hash of its bytes and which of the lines alike it is: the same again when the file has grown.
    """

    number: int
    fingerprint: str
    told: dict[str, Any] | None
    error: str = ""


def read_lines(path: Path) -> Iterator[FileLine]:
    """The lines of a file that are not blank, in order.

    Raises:
        OSError: the file cannot be read.
    """
    seen: Counter[str] = Counter()
    with path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            line = raw.removeprefix(b"\xef\xbb\xbf").strip()
            if not line:
                continue
            digest = sha256(line).hexdigest()[:40]
            seen[digest] += 1
            yield _parsed(number, f"{digest}-{seen[digest]}", line)


def _parsed(number: int, fingerprint: str, line: bytes) -> FileLine:
    try:
        # Not `json`: it takes NaN, and dies on deep nesting.
        told = from_json(line, allow_inf_nan=False)
    except ValueError as error:
        return FileLine(number, fingerprint, None, f"is no JSON: {error}")
    if not isinstance(told, dict):
        return FileLine(number, fingerprint, None, "is no JSON object")
    return FileLine(number, fingerprint, told)
