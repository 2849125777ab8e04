"""Read the records of a folder as they are now."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from domain.values import parse_timestamp
from interchange.adr.document import MAX_RECORD_BYTES, parse_record
from interchange.adr.git_repository import HistoryError
from interchange.adr.record_versions import MAX_TOTAL_BYTES, RecordHistory, RecordVersion
from interchange.files import read_regular
from interchange.import_report import Remark

NOT_A_RECORD: Final = "is not a record: its name does not start with a number"
_RECORD_NAME: Final = re.compile(r"[0-9][^/\n]*\.md")


def is_record_name(name: str) -> bool:
    """Whether a file with this name is a record."""
    return _RECORD_NAME.fullmatch(name) is not None


def record_name(path: str) -> str:
    """Return the name of a record by the path of its file."""
    return decode_path(path).rpartition("/")[2].removesuffix(".md")


def decode_path(path: str) -> str:
    """Return a path as text, with what is not UTF-8 replaced."""
    return path.encode(errors="surrogateescape").decode(errors="replace")


def read_current_files(folder: Path, history: RecordHistory) -> Iterator[RecordVersion]:
    """Yield the records of a folder. Each took effect on the date in its text."""
    for version in read_record_files(folder, history):
        yield dated_by_text(version)


def read_record_files(folder: Path, history: RecordHistory) -> Iterator[RecordVersion]:
    """Yield the records of a folder, undated. Other Markdown files and irregular files are skipped.

    Raises:
        HistoryError: the records are too large together.
    """
    total = 0
    with open_folder(folder) as descriptor:
        for name in markdown_names(descriptor):
            if not is_record_name(name):
                history.skipped.append(Remark(decode_path(name), NOT_A_RECORD))
                continue
            try:
                content = read_regular(name, MAX_RECORD_BYTES, dir_fd=descriptor)
            except OSError as error:
                history.skipped.append(Remark(decode_path(name), str(error.strerror)))
                continue
            total += len(content)
            if total > MAX_TOTAL_BYTES:
                raise HistoryError(
                    f"The records have more than {MAX_TOTAL_BYTES} bytes together. Import fewer records at a time."
                )
            yield read_version(record_name(name), content, history)


@contextmanager
def open_folder(folder: Path) -> Iterator[int]:
    """Open a folder as a file descriptor, so that its files are read from it even if its path is replaced."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def markdown_names(descriptor: int) -> list[str]:
    """Return the names of the Markdown files in a folder."""
    return sorted(name for name in os.listdir(descriptor) if name.endswith(".md"))


def read_version(name: str, content: bytes, history: RecordHistory, **more: Any) -> RecordVersion:
    """Return the version of a record with this content."""
    text = content.decode(errors="replace")
    if "\N{REPLACEMENT CHARACTER}" in text and "\N{REPLACEMENT CHARACTER}".encode() not in content:
        message = "is not UTF-8: unreadable bytes were replaced by \N{REPLACEMENT CHARACTER}"
        history.skipped.append(Remark(name, message))
    document = parse_record(text)
    return RecordVersion(name, fields=document.fields, is_complete=True, document=document, **({"key": None} | more))


def dated_by_text(version: RecordVersion) -> RecordVersion:
    """Return a version that took effect on the date in its text, if that is a date."""
    try:
        return replace(version, at=parse_timestamp(version.fields.get("date", "")))
    except ValueError:
        return version
