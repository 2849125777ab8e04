"""Recognize what a file is, and read its rows: JSON Lines, JSON, or CSV in any usual encoding and with any delimiter.

JSON Lines and CSV are read row by row in constant memory. A JSON document is read as a whole.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, TextIO

from pydantic_core import from_json

from interchange.files import open_regular
from interchange.jsonl import MAX_LINE_BYTES, read_raw_lines

FileFormat = Literal["jsonl", "json", "csv"]
MAX_DOCUMENT_BYTES: Final = 512 * 1024 * 1024
SAMPLE_BYTES: Final = 256 * 1024
DELIMITERS: Final = (",", ";", "\t", "|")
_UTF8: Final = "utf-8"
_FALLBACK: Final = "cp1252"
_UNREADABLE: Final = "\udcff"
"""A character that no text contains."""
_MARK_UNREADABLE: Final = "decisionlog.mark_unreadable"
_MARKS: Final = (
    (codecs.BOM_UTF8, _UTF8),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OTHER_FORMATS: Final = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook; export it as CSV, or unpack it first"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; export it as CSV"),
    (b"\x1f\x8b", "a gzip file; unpack it first with `gunzip`"),
    (b"BZh", "a bzip2 file; unpack it first with `bunzip2`"),
    (b"\xfd7zXZ", "an xz file; unpack it first with `unxz`"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file; unpack it first with `unzstd`"),
    (b"%PDF", "a PDF document; export the history as CSV or JSON instead"),
    (b"SQLite format 3", "a SQLite database; export the table as CSV"),
    (b"PAR1", "a Parquet file; convert it to JSON Lines"),
)
_DOCUMENT_START: Final = re.compile(r"[\s\ufeff]*(?=[\[{])")
_WRAPPERS: Final = (
    "data",
    "repository",
    "organization",
    "user",
    "viewer",
    "node",
    "project",
    "group",
    "team",
    "search",
)
"""Keys under which an answer of GraphQL has the object with the list of records."""
_CONTAINERS: Final = ("issues", "items", "values", "data", "results", "records", "rows", "nodes", "actions", "value")
"""Keys under which trackers put the list of records in a JSON document."""
_ANSWER_KEYS: Final = frozenset({"data", "errors", "extensions"})
_PAGE_KEYS: Final = frozenset(
    {"startAt", "maxResults", "total", "isLast", "nextPageToken", "expand", "total_count", "offset", "limit", "count"}
    | {"pageInfo", "totalCount", "warningMessages", "names", "schema"}
)
"""What a page of an API response contains besides its records."""
_WHOLE_FLOAT: Final = re.compile(r"\d(?:\.0+|e\+?\d+)[,}\]]")
"""A number in compact JSON that may be a whole number written as a float."""
_IN_ORDER: Final = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"))
MAX_WRAPPER_KEYS: Final = 3
"""An object with more keys is a record, and no wrapper of records."""


class NotAHistoryError(Exception):
    """The file has no history that can be imported; the message says what the file is and what to do."""


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One row. `data` are its columns, or None if `error` says why it cannot be read. `number` counts from 1."""

    number: int
    data: dict[str, Any] | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file whose format is known. `warnings` say what was assumed about it."""

    path: Path
    format: FileFormat
    encoding: str = _UTF8
    delimiter: str = ","
    mark_bytes: int = 0
    warnings: tuple[str, ...] = field(default=())

    def rows(self) -> Iterator[SourceLine]:
        """Yield the rows of the file.

        Raises:
            NotAHistoryError: a JSON document is invalid or not a list of objects.
            OSError: the file cannot be read.
        """
        if self.format == "csv":
            return self._csv_rows()
        if self.format == "json":
            return self._document_rows()
        return self._json_lines()

    def _json_lines(self) -> Iterator[SourceLine]:
        with open_regular(self.path, follow=True) as file:
            file.seek(self.mark_bytes)
            lines = read_raw_lines(file) if self.encoding == _UTF8 else self._decoded_lines(file)
            for number, raw in enumerate(lines, 1):
                if raw is None:
                    yield SourceLine(number, None, f"is longer than {MAX_LINE_BYTES} bytes")
                elif line := raw.removeprefix(codecs.BOM_UTF8).strip():
                    yield _parse_line(number, line)

    def _decoded_lines(self, file: BinaryIO) -> Iterator[bytes | None]:
        with _open_text(file, self.encoding, newline="\n") as text:
            while line := text.readline(MAX_LINE_BYTES + 1):
                is_too_long = len(line) > MAX_LINE_BYTES
                _skip_to_end(text, line)
                yield None if is_too_long else line.encode(errors="surrogatepass")

    def _csv_rows(self) -> Iterator[SourceLine]:
        with open_regular(self.path, follow=True) as file:
            file.seek(self.mark_bytes)
            with _open_text(file, self.encoding, newline="") as text:
                lines = _RowLines(text)
                rows = _read_csv(lines, self.delimiter)
                headers = self._read_headers(rows, lines)
                for number in count(1):
                    lines.begin_row()
                    try:
                        row = next(rows)
                    except StopIteration:
                        return
                    except csv.Error as error:
                        yield SourceLine(number, None, f"is not a row of CSV: {error}{lines.describe_skipped()}")
                        continue
                    if problem := self._find_problem(lines):
                        yield SourceLine(number, None, problem)
                    elif any(cell.strip() for cell in row):
                        yield _csv_line(number, headers, row)

    def _read_headers(self, rows: Iterator[list[str]], lines: _RowLines) -> list[str]:
        try:
            headers, problem = next(rows, []), self._find_problem(lines)
        except csv.Error as error:
            headers, problem = [], f"is not a row of CSV: {error}"
        if problem:
            raise NotAHistoryError(f"{self.path}: the header {problem}.")
        return _distinct_headers(headers)

    def _find_problem(self, lines: _RowLines) -> str:
        """Return what is wrong with the row that was read last; empty if nothing is."""
        if lines.is_cut_off:
            return f"is not a row of CSV: it has a quote that is not closed{lines.describe_skipped()}"
        return f"has bytes that are not {self.encoding}" if lines.has_unreadable else ""

    def _document_rows(self) -> Iterator[SourceLine]:
        with open_regular(self.path, follow=True) as file:
            file.seek(self.mark_bytes)
            content = file.read(MAX_DOCUMENT_BYTES + 1)
        if len(content) > MAX_DOCUMENT_BYTES:
            raise NotAHistoryError(
                f"{self.path}: this JSON document is larger than {MAX_DOCUMENT_BYTES // 1024**2} MiB. Convert it to "
                "JSON Lines, for example with `jq -c '.[]'`."
            )
        data = _parse_document(self.path, content, self.encoding)
        for number, row in enumerate(list_rows(data), 1):
            if isinstance(row, dict):
                yield SourceLine(number, row)
            else:
                yield SourceLine(number, None, "is not a JSON object")


class _RowLines:
    """The lines of a CSV file, and what is known about those of one row, which has several if a cell has line breaks."""

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self.begin_row()

    def begin_row(self) -> None:
        """Forget the lines of the previous row."""
        self._lines = self._characters = 0
        self.is_cut_off = False
        self.has_unreadable = False

    def __iter__(self) -> _RowLines:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_LINE_BYTES + 1)
        if not line:
            self.is_cut_off = self._lines > 0
            raise StopIteration
        self._lines += 1
        self._characters += len(line)
        if self._characters > MAX_LINE_BYTES:
            _skip_to_end(self._text, line)
            raise csv.Error(f"it is longer than {MAX_LINE_BYTES} characters")
        self.has_unreadable = self.has_unreadable or _UNREADABLE in line
        return line

    def describe_skipped(self) -> str:
        """Return how many lines were taken for a part of the row and are lost with it; empty if there are none."""
        more = self._lines - 1
        if more < 1:
            return ""
        return "; 1 line after it was not read" if more == 1 else f"; {more} lines after it were not read"


def _read_csv(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(MAX_LINE_BYTES)
    return csv.reader(lines, delimiter=delimiter)


def _open_text(file: BinaryIO, encoding: str, *, newline: str) -> io.TextIOWrapper:
    """Decode a file as it is read. `_UNREADABLE` stands for bytes that are not in its encoding."""
    codecs.register_error(_MARK_UNREADABLE, _mark_unreadable)
    return io.TextIOWrapper(file, encoding=encoding, errors=_MARK_UNREADABLE, newline=newline)


def _mark_unreadable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _UNREADABLE, error.end


def _skip_to_end(text: TextIO, line: str) -> None:
    """Skip what is left of a line that was not read to its end because it is too long."""
    while len(line) > MAX_LINE_BYTES and not line.endswith(("\n", "\r")):
        line = text.readline(MAX_LINE_BYTES + 1)


def recognize_file(
    path: Path, *, format_: FileFormat | None = None, encoding: str | None = None, delimiter: str | None = None
) -> SourceFile:
    """Return what a file is. What the caller gives is not recognized but taken as given.

    Raises:
        NotAHistoryError: the file is empty, or in a format that is not read.
        OSError: the file cannot be read.
    """
    with open_regular(path, follow=True) as file:
        sample = file.read(SAMPLE_BYTES)
        is_whole = len(sample) < SAMPLE_BYTES
    if not sample.strip(b" \t\r\n\x00"):
        raise NotAHistoryError(f"{path}: the file is empty.")
    for magic, what in _OTHER_FORMATS:
        if sample.startswith(magic):
            raise NotAHistoryError(f"{path}: this is {what}.")
    found, mark = _recognize_encoding(sample, encoding)
    text, warnings = sample[mark:].decode(found or _UTF8, errors="ignore"), []
    start = text.lstrip()[:1]
    kind = format_ or _recognize_format(path, text, is_whole=is_whole)
    if kind == "csv" and found == _UTF8 and not encoding and sample.isascii() and not is_whole:
        found = _recognize_encoding_beyond(path)
    if found is None:
        if kind != "csv" and start in "{[":
            raise NotAHistoryError(
                f"{path}: this is JSON, but not in UTF-8 or UTF-16. Convert it with `iconv -t utf-8`."
            )
        found = _FALLBACK
        text = sample.decode(found, errors="ignore")
        warnings.append("the file is not UTF-8 and was read as Windows-1252; set `file.encoding` if that is wrong")
    chosen = delimiter or (_recognize_delimiter(text) if kind == "csv" else ",")
    return SourceFile(path, kind, found, chosen, mark, tuple(warnings))


def fingerprint_of(data: dict[str, Any]) -> str:
    """Return a hash of what a row says: the order of its keys, its white space and its escapes do not matter."""
    said = {name: value for name, value in data.items() if value is not None}
    text = _IN_ORDER.encode(said)
    if _WHOLE_FLOAT.search(text):  # some programs write 1.0 for 1
        text = _IN_ORDER.encode(_with_whole_numbers(said))
    return sha256(text.encode()).hexdigest()[:40]


def _with_whole_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _with_whole_numbers(one) for name, one in value.items()}
    return [_with_whole_numbers(one) for one in value] if isinstance(value, list) else value


def _recognize_encoding(sample: bytes, given: str | None) -> tuple[str | None, int]:
    """Return the encoding, None if it is not UTF-8 and has no mark, and the length of the mark."""
    for mark, name in _MARKS:
        if sample.startswith(mark):
            return name, len(mark)
    if given:
        return given, 0
    even, odd = sample[:2000:2].count(0), sample[1:2000:2].count(0)
    if max(even, odd) > len(sample[:2000]) // 8:
        return ("utf-16-be" if even > odd else "utf-16-le"), 0
    return (_UTF8 if _is_utf8(sample) else None), 0


def _is_utf8(part: bytes) -> bool:
    """Whether the beginning of a text is UTF-8; its last character may be cut off."""
    try:
        codecs.getincrementaldecoder(_UTF8)().decode(part)
    except UnicodeDecodeError:
        return False
    return True


def _recognize_encoding_beyond(path: Path) -> str | None:
    """Return the encoding of a file that begins with ASCII, by the first part of it that has other characters."""
    with open_regular(path, follow=True) as file:
        while (part := file.read(SAMPLE_BYTES)) and part.isascii():
            pass
    return _UTF8 if _is_utf8(part) else None


def _recognize_format(path: Path, text: str, *, is_whole: bool) -> FileFormat:
    start = text.lstrip("\ufeff \t\r\n")
    if start.startswith("["):
        return "jsonl" if _is_json_line(start) and not start.partition("\n")[2].strip() and not is_whole else "json"
    if start.startswith("{"):
        first = start.partition("\n")[0]
        return "json" if not _is_json_line(first) and _opens_document(start, is_whole=is_whole) else "jsonl"
    if start.startswith("<"):
        what = "an HTML page" if "<html" in start[:2000].lower() or "<!doctype html" in start[:200].lower() else "XML"
        raise NotAHistoryError(f"{path}: this is {what}. Export the history as JSON or CSV instead.")
    if "\x00" in text:
        raise NotAHistoryError(f"{path}: this is a binary file. Export the history as JSON Lines, JSON or CSV.")
    header = start.splitlines()[0] if start else ""
    if max(header.count(one) for one in DELIMITERS) == 0:
        if any(line.lstrip().startswith("{") for line in start.splitlines()[:20]):
            return "jsonl"
        raise NotAHistoryError(
            f"{path}: this is neither JSON Lines nor JSON nor CSV with a header. Export the history in one of these formats."
        )
    return "csv"


def _is_json_line(line: str) -> bool:
    try:
        from_json(line)
    except ValueError:
        return False
    return True


def _opens_document(text: str, *, is_whole: bool) -> bool:
    """Whether an object goes on over several lines, so that the file is one document and not JSON Lines."""
    if is_whole and _is_json_line(text):
        return True
    lines = text.splitlines()
    return not any(
        _is_json_line(line)
        for line in (lines if is_whole else lines[:-1])
        if line.lstrip().startswith("{") and len(line) > 1
    )


def _recognize_delimiter(text: str) -> str:
    """Return the delimiter that the header has, outside of quotes."""
    header = _first_record(text)
    return max(DELIMITERS, key=lambda one: len(next(_read_csv([header], one), [])))


def _first_record(text: str) -> str:
    quoted = False
    for n, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character in "\r\n" and not quoted and n:
            return text[:n].replace("\n", " ").replace("\r", " ")
    return text.replace("\n", " ").replace("\r", " ")


def _distinct_headers(headers: list[str]) -> list[str]:
    """Return the names of the columns. A name that occurs again, as in Jira's CSV, stays; its cells become a list."""
    return [header.strip() or f"column {n}" for n, header in enumerate(headers, 1)]


def _csv_line(number: int, headers: list[str], row: list[str]) -> SourceLine:
    if len(row) > len(headers) and any(row[len(headers) :]):
        return SourceLine(number, None, f"has {len(row)} cells, but the header has {len(headers)}")
    counts = Counter(headers)
    data: dict[str, Any] = {}
    for header, cell in zip(headers, row, strict=False):
        if counts[header] == 1:
            data[header] = cell
        elif cell.strip():
            data.setdefault(header, []).append(cell)
    return SourceLine(number, data)


def _parse_line(number: int, line: bytes) -> SourceLine:
    try:
        # Not `json`: it accepts NaN, and fails with RecursionError on deep nesting.
        data = from_json(line, allow_inf_nan=False)
    except ValueError as error:
        return SourceLine(number, None, f"is not JSON: {error}")
    if not isinstance(data, dict):
        return SourceLine(number, None, "is not a JSON object")
    return SourceLine(number, data)


def _parse_document(path: Path, content: bytes, encoding: str) -> Any:
    try:
        return from_json(content if encoding == _UTF8 else content.decode(encoding), allow_inf_nan=False)
    except ValueError as error:
        documents = _parse_documents(content, encoding)
        if documents is None:
            raise NotAHistoryError(f"{path}: this is not JSON: {error}") from None
        return documents


def _parse_documents(content: bytes, encoding: str) -> list[Any] | None:
    """Return several documents that follow each other, as the pages of an API that were appended; None if it is none."""
    decoder, rest, found = json.JSONDecoder(parse_constant=_refuse_constant), 0, []
    try:
        text = content.decode(encoding)
        while match := _DOCUMENT_START.match(text, rest):
            document, rest = decoder.raw_decode(text, match.end())
            found.append(document)
    except (ValueError, RecursionError):
        return None
    return found if len(found) > 1 and not text[rest:].strip() else None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number in JSON")


def list_rows(data: Any) -> list[Any]:
    """Return the rows of a document: the list itself, the list in an object around it, or the object alone.

    A list of such objects, as the pages of an API joined by `jq -s`, is read as one.
    """
    if isinstance(data, list):
        if data and all(isinstance(one, dict) and _find_list(one) is not None for one in data):
            return [row for one in data for row in list_rows(one)]
        if data and all(isinstance(one, list) for one in data):
            return [row for one in data for row in list_rows(one)]
        return data
    found = _find_list(data)
    return [_find_record(data)] if found is None else found


def _find_record(data: dict[str, Any]) -> dict[str, Any]:
    """Return the only record in a GraphQL response; any other object is returned unchanged."""
    if not isinstance(data.get("data"), dict) or not data.keys() <= _ANSWER_KEYS:
        return data
    found = data
    while len(inner := [found[name] for name in (*_WRAPPERS, "issue") if isinstance(found.get(name), dict)]) == 1:
        if len(found) > MAX_WRAPPER_KEYS:
            break
        found = inner[0]
    return found


def _find_list(data: dict[str, Any]) -> list[Any] | None:
    """Return the list of records in an object that wraps it, such as `issues` in an answer of Jira or of GraphQL."""
    if any(name in data for name in ("key", "number", "iid", "fields", "identifier", "cards")):
        return None
    for name in _CONTAINERS:
        value = data.get(name)
        rows = value if isinstance(value, list) else nodes_of(value)
        if rows is not None and (all_objects(rows) or (not rows and data.keys() <= {name, *_PAGE_KEYS})):
            return rows
    inner = [data[name] for name in _WRAPPERS if isinstance(data.get(name), dict)]
    return _find_list(inner[0]) if len(inner) == 1 and len(data) <= MAX_WRAPPER_KEYS else None


def nodes_of(value: Any) -> list[Any] | None:
    """Return the nodes of a list of GraphQL."""
    if not isinstance(value, dict):
        return None
    edges = value.get("edges")
    if isinstance(edges, list) and all_objects(edges):
        return [edge.get("node") for edge in edges]
    nodes = value.get("nodes")
    return nodes if isinstance(nodes, list) else None


def all_objects(values: list[Any]) -> bool:
    """Whether a list has members, and all of them are objects."""
    return bool(values) and all(isinstance(value, dict) for value in values)
