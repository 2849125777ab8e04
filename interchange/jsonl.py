"""Read JSON Lines files, with a fingerprint by which each line is recognized on the next import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO, Final

from pydantic_core import from_json

from domain.duplicate_names import find_duplicate_name
from interchange.files import open_regular

MAX_LINE_BYTES: Final = 4 * 1024 * 1024
"""The same limit as for the body of an API request."""


@dataclass(frozen=True, slots=True)
class JsonLine:
    """One line. `data` is its JSON object, or None if `error` says why it cannot be read.

    `fingerprint` is the hash of the line's bytes and its number among identical lines. It stays the same when the file
    grows.
    """

    number: int
    fingerprint: str
    data: dict[str, Any] | None
    error: str = ""


def read_lines(path: Path, *, follow: bool = True) -> Iterator[JsonLine]:
    """Yield the lines of a file that are not blank, in order. A symbolic link is read only with `follow`.

    Raises:
        NotRegularError: the path is a device, a pipe, a socket, or a link that is not followed.
        OSError: the file cannot be read.
    """
    seen: Counter[str] = Counter()
    with open_regular(path, follow=follow) as file:
        for number, raw in enumerate(read_raw_lines(file), 1):
            if raw is None:
                yield JsonLine(number, "", None, f"is longer than {MAX_LINE_BYTES} bytes")
                continue
            line = raw.removeprefix(b"\xef\xbb\xbf").strip()
            if not line:
                continue
            digest = sha256(line).hexdigest()[:40]
            seen[digest] += 1
            yield _parse_line(number, f"{digest}-{seen[digest]}", line)


def read_raw_lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Yield the lines of a file; None for a line that is too long, which is never held in memory as a whole."""
    while raw := file.readline(MAX_LINE_BYTES + 1):
        if len(raw) <= MAX_LINE_BYTES:
            yield raw
            continue
        while raw and not raw.endswith(b"\n"):
            raw = file.readline(MAX_LINE_BYTES)
        yield None


def _parse_line(number: int, fingerprint: str, line: bytes) -> JsonLine:
    try:
        # Not `json`: it accepts NaN, and fails with RecursionError on deep nesting.
        data = from_json(line, allow_inf_nan=False)
    except ValueError as error:
        return JsonLine(number, fingerprint, None, f"is not JSON: {error}")
    if not isinstance(data, dict):
        return JsonLine(number, fingerprint, None, "is not a JSON object")
    if (name := find_duplicate_name(line, data)) is not None:
        return JsonLine(number, fingerprint, None, f"has `{name}` twice")
    return JsonLine(number, fingerprint, data)
