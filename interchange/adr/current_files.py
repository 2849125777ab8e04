"""Read the records of a folder as they are now."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from interchange.adr.document import MAX_RECORD_BYTES, parse_record
from interchange.adr.git_repository import HistoryError
from interchange.adr.record_dates import day_of
from interchange.adr.record_links import SERIES
from interchange.adr.record_versions import MAX_TOTAL_BYTES, RecordHistory, RecordVersion
from interchange.files import read_regular
from interchange.import_report import Remark

NOT_A_RECORD: Final = "is not a record: its name does not start with a number"
NO_STATUS: Final = "is the README of a folder and has no status, so it is not a record"
A_TEMPLATE: Final = "is a template, not a record"
MAX_DEPTH: Final = 5
_MARKDOWN: Final = re.compile(r".+\.(?:md|markdown|mdx)", re.IGNORECASE | re.DOTALL)
_PREFIX: Final = rf"(?:(?:(?:{SERIES}|record)s?[-_ ]?)|(?:[a-z][a-z0-9]{{0,11}}[-_ ])?adr[-_ ](?:[a-z]{{1,15}}[-_ ])?)?"
"""What may be before the number of a record: a series, also of a project or of a part of one, as in `SHOP-ADR-API-7`."""
_RECORD_NAME: Final = re.compile(rf"{_PREFIX}[0-9][^/\n]*\.(?:md|markdown|mdx)", re.IGNORECASE)
_RECORD_FOLDER: Final = re.compile(rf"{_PREFIX}[0-9]{{1,8}}[-_ ][^/\n]+", re.IGNORECASE)
_MAIN_FILE: Final = re.compile(r"(?:readme|index)\.(?:md|markdown|mdx)", re.IGNORECASE)
NOT_MARKDOWN: Final = "is not Markdown; convert it, for example with `pandoc -t markdown`"
_OTHER_FORMAT: Final = re.compile(
    rf"(?:{SERIES}[-_ ]?)?\d{{1,8}}[-_ .].{{0,200}}\.(?:rst|adoc|asciidoc|txt|org|textile|html?|docx?|odt|pdf)",
    re.IGNORECASE,
)
_TEMPLATE_NAME: Final = re.compile(r"(?:.*[-_. 0-9])?template(?:[-_. ].*)?\.[a-z]+", re.IGNORECASE)
_EXTENSION: Final = re.compile(r"\.(?:md|markdown|mdx)\Z", re.IGNORECASE)


def is_markdown(name: str) -> bool:
    """Whether a file with this name is Markdown."""
    return _MARKDOWN.fullmatch(name) is not None


def is_record_name(name: str) -> bool:
    """Whether a file with this name, or at this path, is a record. One may be the README of a folder with a record's name."""
    folder, _, base = name.rpartition("/")
    if _MAIN_FILE.fullmatch(base):
        parent = folder.rpartition("/")[2]
        return _RECORD_FOLDER.fullmatch(parent) is not None and "template" not in parent.casefold()
    return _RECORD_NAME.fullmatch(base) is not None and _TEMPLATE_NAME.fullmatch(base) is None


def is_other_format(name: str) -> bool:
    """Whether a file is named like a record, and is a document in another format than Markdown."""
    return _OTHER_FORMAT.fullmatch(name.rpartition("/")[2]) is not None


def describe_other_file(name: str) -> str:
    """Return why a file is not a record."""
    if is_other_format(name):
        return NOT_MARKDOWN
    return A_TEMPLATE if _TEMPLATE_NAME.fullmatch(name.rpartition("/")[2]) else NOT_A_RECORD


def record_name(path: str, prefix: str = "") -> str:
    """Return the name of a record by the path of its file: relative to the folder, without the extension."""
    inside = path.removeprefix(prefix) if path.startswith(prefix) else path.rpartition("/")[2]
    return _EXTENSION.sub("", decode_path(inside))


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
        for path, folder_descriptor, name in markdown_files(descriptor):
            if not is_record_name(path):
                history.skipped.append(Remark(decode_path(path), describe_other_file(name)))
                continue
            try:
                content = read_regular(name, MAX_RECORD_BYTES, dir_fd=folder_descriptor)
            except OSError as error:
                history.skipped.append(Remark(decode_path(path), str(error.strerror)))
                continue
            total += len(content)
            if total > MAX_TOTAL_BYTES:
                raise HistoryError(
                    f"The records have more than {MAX_TOTAL_BYTES} bytes together. Import fewer records at a time."
                )
            version = read_version(record_name(path), content, history)
            if version is not None:
                yield version


@contextmanager
def open_folder(folder: Path) -> Iterator[int]:
    """Open a folder as a file descriptor, so that its files are read from it even if its path is replaced."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def markdown_files(descriptor: int, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, int, str]]:
    """Yield each Markdown file, and each record in another format, in a folder and its subfolders: its path, the descriptor of its folder, and its name.

    A link to a folder is not followed, and hidden folders are not entered.
    """
    with os.scandir(descriptor) as entries:
        found = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    for name, is_folder in found:
        if (is_markdown(name) and (not is_folder or is_record_name(name))) or (not is_folder and is_other_format(name)):
            yield f"{prefix}{name}", descriptor, name
    for name, is_folder in found:
        if (
            is_folder
            and not is_markdown(name)
            and not name.startswith(".")
            and name != "node_modules"
            and depth < MAX_DEPTH
        ):
            try:
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
            except OSError:
                continue
            try:
                yield from markdown_files(inner, f"{prefix}{name}/", depth + 1)
            finally:
                os.close(inner)


def read_version(name: str, content: bytes, history: RecordHistory, **more: Any) -> RecordVersion | None:
    """Return the version of a record with this content; None if it cannot be read, or is a template."""
    text = decode_record(content)
    if text is None:
        message = "is not UTF-8, and has no mark of another encoding; convert it, for example with `iconv -t utf-8`"
        history.skipped.append(Remark(name, message))
        return None
    document = parse_record(text, history.words)
    if document.is_template:
        history.skipped.append(Remark(name, A_TEMPLATE))
        return None
    if "status" not in document.fields and _MAIN_FILE.fullmatch(f"{name.rpartition('/')[2]}.md"):
        history.skipped.append(Remark(name, NO_STATUS))
        return None
    return RecordVersion(name, fields=document.fields, is_complete=True, document=document, **({"key": None} | more))


def decode_record(content: bytes) -> str | None:
    """Return a record as text, by the mark of its encoding; None if it is neither UTF-8 nor marked."""
    encoding = next((name for mark, name in _ENCODING_MARKS if content.startswith(mark)), "utf-8")
    try:
        return content.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return None


_ENCODING_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def dated_by_text(version: RecordVersion) -> RecordVersion:
    """Return a version that took effect on the date in its text, if that is a date."""
    date = version.fields.get("date", "")
    day = day_of(date) if isinstance(date, str) else None
    return version if day is None else replace(version, at=day)
