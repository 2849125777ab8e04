"""Print tables: with headings and colors on a terminal, as tab-separated lines in a pipe.

Values come from other people. Control characters, which could move the cursor or reverse a line, are made visible, and
right-to-left text is isolated within its cell.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from cli.dates import Zone
from cli.terminal import open_console
from domain.characters import escape_unsafe
from domain.values import is_subject

if TYPE_CHECKING:
    import rich.table
    from rich.console import Console

Cell = str | int | datetime | None

NARROW_WIDTH: Final = 110
"""Terminals with fewer columns do not get the optional columns."""
UNBROKEN_FIRST_LENGTH: Final = 18
"""The first column, which names the row, is not wrapped if it is at most this long."""
UNBROKEN_SUBJECT_LENGTH: Final = 32
"""Subjects up to this length are not wrapped on a wide terminal, so that they can be copied."""
COLORED_COLUMNS: Final = frozenset({"status", "value", "before", "after"})
COLORS: Final = {
    **dict.fromkeys(("accepted", "active", "committed", "met", "shipped", "started"), "green"),
    **dict.fromkeys(("dropped", "left", "missed", "rejected", "reversed", "withdrawn"), "red"),
    **dict.fromkeys(("deferred", "paused", "proposed"), "magenta"),
}
"""Only the terminal's own basic colors, which are legible on dark and light backgrounds. No meaning is in color
alone."""
REPLACEMENT: Final = "\ufffd"
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        columns: the headings.
        rows: one cell for each column; datetimes are aware.
        optional: headings that a narrow terminal omits.
        shared: headings printed once above the table on a terminal if all rows have the same value there.
        grouped: whether adjacent rows with the same first cell form a group.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    optional: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    grouped: bool = False

    def drop_columns(self, headings: frozenset[str]) -> Table:
        """Return the table without some columns."""
        kept = [index for index, heading in enumerate(self.columns) if heading not in headings]
        rows = [[row[index] for index in kept] for row in self.rows]
        return Table([self.columns[index] for index in kept], rows, self.optional, self.shared, self.grouped)


def make_safe(text: str) -> str:
    """Return text with unsafe characters replaced and tabs as spaces."""
    return escape_unsafe(text.replace("\t", " ").replace("\r\n", "\n"), lambda _: REPLACEMENT)


def to_single_line(text: str) -> str:
    """Return safe text without line breaks and tabs."""
    return make_safe(" ".join(text.split()))


def print_table(table: Table, zone: Zone) -> None:
    """Print a table to standard output."""
    if not sys.stdout.isatty():
        for line in format_lines(table, zone):
            click.echo(line)
        return
    print_table_on(open_console(highlight=False, emoji=False), table, zone)


def format_lines(table: Table, zone: Zone) -> Iterator[str]:
    """Yield tab-separated lines: the headings, then each row. Times have an offset."""
    yield "\t".join(table.columns)
    for row in table.rows:
        yield "\t".join(to_single_line(_format_for_pipe(cell, zone)) for cell in row)


def _format_for_pipe(cell: Cell, zone: Zone) -> str:
    if isinstance(cell, datetime):
        return zone.day_of(cell) or zone.to_local(cell).isoformat(timespec="seconds")
    return "" if cell is None else str(cell)


def print_table_on(console: Console, table: Table, zone: Zone) -> None:
    """Print a table to a terminal, fitted to its width."""
    from rich.text import Text  # noqa: PLC0415  (only terminals need Rich)

    shared = _find_shared_cells(table)
    table = table.drop_columns(_find_empty_columns(table))
    if shared:
        console.print(Text(" ".join(_format_for_terminal(cell, zone) for cell in shared.values()), style="bold"))
    table = table.drop_columns(frozenset(shared))
    if console.width < NARROW_WIDTH and table.optional & set(table.columns):
        hidden = [heading for heading in table.columns if heading in table.optional]
        table = table.drop_columns(table.optional)
        columns = "1 column" if len(hidden) == 1 else f"{len(hidden)} columns"
        click.echo(f"{columns} hidden ({', '.join(hidden)}). Widen the terminal, or use --csv.", err=True)
    console.print(_layout(table, zone, console.width))


def _layout(table: Table, zone: Zone, width: int) -> rich.table.Table:
    from rich import box  # noqa: PLC0415  (only terminals need Rich)
    from rich.table import Table as RichTable  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    layout = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for index, heading in enumerate(table.columns):
        cells = [row[index] for row in table.rows]
        is_time = any(isinstance(cell, datetime) for cell in cells)
        is_number = any(isinstance(cell, int) for cell in cells)
        longest = max((len(str(cell)) for cell in cells), default=0)
        is_copied = width >= NARROW_WIDTH and longest <= UNBROKEN_SUBJECT_LENGTH and all(map(_is_subject, cells))
        unbroken = is_time or is_copied or (index == 0 and longest <= UNBROKEN_FIRST_LENGTH)
        layout.add_column(heading, overflow="fold", no_wrap=unbroken, justify="right" if is_number else "left")
    previous = None
    for row in table.rows:
        cells_of_row = [
            Text(_format_for_terminal(cell, zone), _color_of(heading, cell))
            for heading, cell in zip(table.columns, row, strict=True)
        ]
        if table.grouped and previous is not None and row[0] == previous[0]:
            cells_of_row[0] = Text("")
        elif table.grouped and previous is not None:
            layout.add_section()
        layout.add_row(*cells_of_row)
        previous = row
    return layout


def _color_of(heading: str, cell: Cell) -> str:
    if not isinstance(cell, str):
        return ""
    return COLORS.get(cell.casefold(), "") if heading in COLORED_COLUMNS else "cyan" if _is_subject(cell) else ""


def _is_subject(cell: Cell) -> bool:
    return isinstance(cell, str) and is_subject(cell)


def _find_empty_columns(table: Table) -> frozenset[str]:
    columns = zip(table.columns, zip(*table.rows, strict=True), strict=False)
    return frozenset(heading for heading, cells in columns if all(cell in (None, "") for cell in cells))


def _find_shared_cells(table: Table) -> dict[str, Cell]:
    """Return the cells of `shared` columns that have the same value in all rows."""
    indexes = {heading: index for index, heading in enumerate(table.columns) if heading in table.shared}
    found = {heading: {row[index] for row in table.rows} for heading, index in indexes.items()}
    return {heading: next(iter(cells)) for heading, cells in found.items() if len(cells) == 1 and cells != {None}}


def _format_for_terminal(cell: Cell, zone: Zone) -> str:
    if isinstance(cell, datetime):
        return zone.day_of(cell) or zone.to_local(cell).strftime("%Y-%m-%d %H:%M")
    text = "" if cell is None else make_safe(str(cell))
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return "\n".join(f"{_ISOLATE}{line}{_END_ISOLATE}" for line in text.split("\n"))
    return text


def print_note(note: str) -> None:
    """Print a note about an answer to standard error, so that it does not end up in a pipe."""
    click.echo(note, err=True)


def count_entries(size: int) -> str:
    """Return a number of entries as text."""
    return f"{size:,} {'entry' if size == 1 else 'entries'}"
