"""Reading JSON Lines files: what stands on each line, and the name by which the line is known again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic_core import from_json

from interchange.tracker.regular_files import open_regular

MAX_LINE_BYTES: Final = 4 * 1024 * 1024
"""As many as a request to the API may have."""


@dataclass(frozen=True, slots=True)
class FileLine:
    """One line. `told` is what it says, or None with the `error` that kept it from being read.

    `fingerprint` is the hash of its bytes and which of the lines alike it is: the same again when the file has grown.
    """

    number: int
    fingerprint: str
    told: dict[str, Any] | None
    error: str = ""


def read_lines(path: Path, *, follow: bool = True) -> Iterator[FileLine]:
    """The lines of a file that are not blank, in order. A file that is found in a folder must not be a link to `follow`.

    Raises:
        NotRegularError: it is a device, a pipe, a socket, or a link that is not to be followed.
        OSError: the file cannot be read.
    """
    seen: Counter[str] = Counter()
    with open_regular(path, follow=follow) as file:
        for number, raw in enumerate(_raw_lines(file), 1):
            if raw is None:
                yield FileLine(number, "", None, f"is longer than {MAX_LINE_BYTES} bytes")
                continue
            line = raw.removeprefix(b"\xef\xbb\xbf").strip()
            if not line:
                continue
            digest = sha256(line).hexdigest()[:40]
            seen[digest] += 1
            yield _parsed(number, f"{digest}-{seen[digest]}", line)


def _raw_lines(file: BinaryIO) -> Iterator[bytes | None]:
    """The lines of a file; None for each that is too long, which is never held whole."""
    while raw := file.readline(MAX_LINE_BYTES + 1):
        if len(raw) <= MAX_LINE_BYTES:
            yield raw
            continue
        while raw and not raw.endswith(b"\n"):
            raw = file.readline(MAX_LINE_BYTES)
        yield None


def _parsed(number: int, fingerprint: str, line: bytes) -> FileLine:
    try:
        # Not `json`: it takes NaN, and dies on deep nesting.
        told = from_json(line, allow_inf_nan=False)
    except ValueError as error:
        return FileLine(number, fingerprint, None, f"is no JSON: {error}")
    if not isinstance(told, dict):
        return FileLine(number, fingerprint, None, "is no JSON object")
    return FileLine(number, fingerprint, told)
