"""Every row of a file is read or reported, whatever its bytes are."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from interchange import source_file
from interchange.jsonl import MAX_LINE_BYTES
from interchange.source_file import NotAHistoryError, SourceLine, recognize_file

ROWS = 2_000
"""More than a decoder reads at once."""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[bytes], Path]:
    def write_file(content: bytes) -> Path:
        path = tmp_path / "history"
        path.write_bytes(content)
        return path

    return write_file


def csv_of(changed: dict[int, bytes], *, header: bytes = b"id,who,what", end: bytes = b"\n") -> bytes:
    rows = (changed.get(n, b"%d,Ann Lee,from a to b" % n) for n in range(1, ROWS + 1))
    return end.join((header, *rows, b""))


def ids(rows: list[SourceLine]) -> list[int]:
    return [int(row.data["id"]) for row in rows if row.data is not None]


def others(*left_out: int) -> list[int]:
    return [n for n in range(1, ROWS + 1) if n not in left_out]


def errors(rows: list[SourceLine]) -> dict[int, str]:
    return {row.number: row.error for row in rows if row.data is None}


def test_the_encoding_is_that_of_the_first_characters_beyond_ascii(
    write: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that begins with ASCII is read as Windows-1252 if the first other characters in it are not UTF-8."""
    monkeypatch.setattr(source_file, "SAMPLE_BYTES", 1_000)

    windows = recognize_file(write(csv_of({1_500: "1500,Zoë,x".encode("cp1252")})))
    read = list(windows.rows())

    assert "read as Windows-1252" in windows.warnings[0]
    assert ids(read) == others()
    assert read[1_499].data == {"id": "1500", "who": "Zoë", "what": "x"}
    utf8 = recognize_file(write(csv_of({1_400: "1400,Zoë,x".encode(), 1_500: "1500,Zoë,x".encode("cp1252")})))
    rows = list(utf8.rows())
    assert not utf8.warnings
    assert ids(rows) == others(1_500)
    assert errors(rows) == {1_500: "has bytes that are not utf-8"}


@pytest.mark.parametrize(
    ("encoding", "bad"),
    [
        ("utf-8", b"\xeb"),
        ("utf-8", b"\xe2\x82"),
        ("utf-8", b"\xff" * 9_000),
        ("cp1252", b"\x81"),
        ("utf-16-le", b"\x00\xd8"),
        ("utf-16-be", b"\xd8\x00"),
        ("utf-32-le", b"\xff\xff\xff\x7f"),
    ],
)
def test_a_row_that_cannot_be_decoded_is_the_only_one_reported(
    encoding: str, bad: bytes, write: Callable[[bytes], Path]
) -> None:
    """Bytes that are not in the encoding of a file cost the row that has them, and no other."""
    row = '700,"two\nlines '.encode(encoding) + bad + '",x'.encode(encoding)
    lines = csv_of({}).decode().split("\n")
    before, after = ("\n".join(part) for part in ([*lines[:700], ""], ["", *lines[701:]]))

    file = recognize_file(
        write(before.encode(encoding) + row + after.encode(encoding)), format_="csv", encoding=encoding
    )

    rows = list(file.rows())
    assert ids(rows) == others(700)
    assert errors(rows) == {700: f"has bytes that are not {encoding}"}


def test_a_file_that_ends_within_a_character_is_read_up_to_it(write: Callable[[bytes], Path]) -> None:
    """The end of a file that was cut off is reported, and the rows before it are read."""
    content = "\ufeff".encode("utf-16-le") + csv_of({}).decode().encode("utf-16-le") + "2001,x".encode("utf-16-le")

    rows = list(recognize_file(write(content[:-1])).rows())

    assert ids(rows) == others()
    assert errors(rows) == {ROWS + 1: "has bytes that are not utf-16-le"}


def test_line_breaks_in_cells_are_kept(write: Callable[[bytes], Path]) -> None:
    """A cell in quotes may have line breaks of any kind."""
    cell = b'700,"a\nb\r\nc\rd",x'

    rows = list(recognize_file(write(csv_of({700: cell}))).rows())

    assert ids(rows) == others()
    assert rows[699].data == {"id": "700", "who": "a\nb\r\nc\rd", "what": "x"}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_rows_end_with_any_line_break(end: bytes, write: Callable[[bytes], Path]) -> None:
    """Rows may end as on Unix, on Windows, or as on an old Mac."""
    rows = list(recognize_file(write(csv_of({}, end=end))).rows())

    assert ids(rows) == others()
    assert not errors(rows)


def test_a_quote_that_is_not_closed_is_reported(write: Callable[[bytes], Path]) -> None:
    """The report says how many lines were lost with the row."""
    rows = list(recognize_file(write(csv_of({1_990: b'1990,"Ann Lee,x'}))).rows())

    assert ids(rows) == others(*range(1_990, ROWS + 1))
    assert errors(rows) == {
        1_990: "is not a row of CSV: it has a quote that is not closed; 10 lines after it were not read"
    }


def test_a_row_that_is_too_long_is_reported_and_skipped(write: Callable[[bytes], Path]) -> None:
    """The row after one that is too long is read, whether it is one line or a quote in it is not closed for many lines."""
    in_one = b"700," + b"x" * (2 * MAX_LINE_BYTES) + b",x"
    in_lines = b'800,"' + b"\n".join([b"xxxxxxx"] * (MAX_LINE_BYTES // 8))

    rows = list(recognize_file(write(csv_of({700: in_one, 800: in_lines}))).rows())

    assert ids(rows) == others(700, 800)
    assert errors(rows) == {
        700: f"is not a row of CSV: it is longer than {MAX_LINE_BYTES} characters",
        800: f"is not a row of CSV: it is longer than {MAX_LINE_BYTES} characters; {MAX_LINE_BYTES // 8 - 1} lines after "
        "it were not read",
    }


@pytest.mark.parametrize("header", [b'id,"who,what', b"id,\xff,what", b"id,who," + b"x" * (MAX_LINE_BYTES + 1)])
def test_a_header_that_cannot_be_read_is_refused(header: bytes, write: Callable[[bytes], Path]) -> None:
    """Without its header, no row of a file can be read."""
    file = recognize_file(write(csv_of({}, header=header)), format_="csv", encoding="utf-8", delimiter=",")

    with pytest.raises(NotAHistoryError, match="the header"):
        list(file.rows())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_line_of_json_that_cannot_be_decoded_is_the_only_one_reported(
    encoding: str, write: Callable[[bytes], Path]
) -> None:
    """JSON Lines in any encoding lose the line with bytes that are not text, or that is too long, and no other."""
    bad = {"utf-8": b"\xeb", "utf-16-le": b"\x00\xd8", "utf-16-be": b"\xd8\x00"}[encoding]
    lines = [(json.dumps({"id": n}) + "\n").encode(encoding) for n in range(1, ROWS + 1)]
    lines[699] = '{"id": "'.encode(encoding) + bad + '"}\n'.encode(encoding)
    lines[799] = ('"' + "x" * MAX_LINE_BYTES + '"\n').encode(encoding)

    rows = list(recognize_file(write(b"".join(lines)), format_="jsonl", encoding=encoding).rows())

    assert ids(rows) == others(700, 800)
    assert errors(rows)[700].startswith("is not JSON: ")
    assert errors(rows)[800] == f"is longer than {MAX_LINE_BYTES} bytes"
