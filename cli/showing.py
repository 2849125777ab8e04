"""Tables for people: with headings and colours on a terminal, as lines with tabs where the output goes elsewhere.

What is shown comes from others. Control characters, which could move the cursor or turn the direction of a line, are
made visible, and text that runs from right to left is held in its own cell.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from cli.instants import Zone
from cli.terminal import open_console
from domain.characters import escape_unsafe
from domain.values import is_subject

if TYPE_CHECKING:
    from rich.console import Console

Cell = str | int | datetime | None

NARROW: Final = 110
"""Columns of a terminal below which a table leaves its lesser columns out."""
LEAST: Final = 18
"""Characters of the first column, by which a row is named, that stay together."""
LONGEST: Final = 32
"""Characters of a subject, to be copied into the next command, that stay together where there is room."""
TONED: Final = frozenset({"status", "value", "before", "after"})
"""Headings of the columns in which a word of ours has its colour."""
TONES: Final = {
    **dict.fromkeys(("accepted", "active", "committed", "met", "shipped", "started"), "green"),
    **dict.fromkeys(("departed", "dropped", "missed", "rejected", "reversed", "withdrawn"), "red"),
    **dict.fromkeys(("deferred", "paused", "proposed"), "magenta"),
}
"""Colours that every terminal has and chooses itself, so that they can be read on dark and on light ground; the word says
the same without them.
"""
REPLACED: Final = "\ufffd"
_FROM_THE_RIGHT: Final = frozenset({"R", "AL", "AN"})
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table.

    Attributes:
        columns: their headings.
        rows: a cell for each column; instants are aware.
        lesser: headings that a narrow terminal leaves out.
        common: headings said once above the table on a terminal, if all rows have the same there.
        grouped: whether the rows stand in groups that have their first cell in common.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    lesser: frozenset[str] = frozenset()
    common: frozenset[str] = frozenset()
    grouped: bool = False

    def without(self, headings: frozenset[str]) -> Sheet:
        """The same without some columns."""
        kept = [place for place, heading in enumerate(self.columns) if heading not in headings]
        rows = [[row[place] for place in kept] for row in self.rows]
        return Sheet([self.columns[place] for place in kept], rows, self.lesser, self.common, self.grouped)


def harmless(text: str) -> str:
    """Text that can do nothing to a terminal; tabs are spaces."""
    return escape_unsafe(text.replace("\t", " ").replace("\r\n", "\n"), lambda _: REPLACED)


def in_one_line(text: str) -> str:
    """Text that stays in its line and in its column."""
    return harmless(" ".join(text.split()))


def show(sheet: Sheet, zone: Zone) -> None:
    """Writes a table to standard output."""
    if not sys.stdout.isatty():
        for line in lines(sheet, zone):
            click.echo(line)
        return
    show_on(open_console(highlight=False, emoji=False), sheet, zone)


def lines(sheet: Sheet, zone: Zone) -> Iterator[str]:
    """A line of headings and one for each row, their cells with tabs between; instants with offset."""
    yield "\t".join(sheet.columns)
    for row in sheet.rows:
        yield "\t".join(in_one_line(_plain(cell, zone)) for cell in row)


def _plain(cell: Cell, zone: Zone) -> str:
    if isinstance(cell, datetime):
        return zone.local(cell).isoformat(timespec="seconds")
    return "" if cell is None else str(cell)


def show_on(console: Console, sheet: Sheet, zone: Zone) -> None:
    """Writes a table to a terminal, as wide as that is."""
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    common = _said_once(sheet)
    sheet = sheet.without(_empty(sheet))
    if common:
        console.print(Text(" ".join(_shown(cell, zone) for cell in common.values()), style="bold"))
    sheet = sheet.without(frozenset(common))
    if console.width < NARROW and sheet.lesser & set(sheet.columns):
        left_out = [heading for heading in sheet.columns if heading in sheet.lesser]
        sheet = sheet.without(sheet.lesser)
        click.echo(f"Left out for want of room: {', '.join(left_out)}. A wider terminal has them, and --csv.", err=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for place, heading in enumerate(sheet.columns):
        dated = any(isinstance(row[place], datetime) for row in sheet.rows)
        counted = any(isinstance(row[place], int) for row in sheet.rows)
        longest = max((len(str(row[place])) for row in sheet.rows), default=0)
        copied = console.width >= NARROW and longest <= LONGEST and all(_is_subject(row[place]) for row in sheet.rows)
        whole = dated or copied or (place == 0 and longest <= LEAST)
        table.add_column(heading, overflow="fold", no_wrap=whole, justify="right" if counted else "left")
    before = None
    for row in sheet.rows:
        cells = [
            Text(_shown(cell, zone), _tone(heading, cell)) for heading, cell in zip(sheet.columns, row, strict=True)
        ]
        if sheet.grouped and before is not None and row[0] == before[0]:
            cells[0] = Text("")
        elif sheet.grouped and before is not None:
            table.add_section()
        table.add_row(*cells)
        before = row
    console.print(table)


def _tone(heading: str, cell: Cell) -> str:
    """The colour of a cell, if it has one: a subject that can be asked for next has its own."""
    if not isinstance(cell, str):
        return ""
    return TONES.get(cell.casefold(), "") if heading in TONED else "cyan" if _is_subject(cell) else ""


def _is_subject(cell: Cell) -> bool:
    return isinstance(cell, str) and is_subject(cell)


def _empty(sheet: Sheet) -> frozenset[str]:
    """The columns in which nothing stands, of a table that has rows."""
    columns = zip(sheet.columns, zip(*sheet.rows, strict=True), strict=False)
    return frozenset(heading for heading, cells in columns if all(cell in (None, "") for cell in cells))


def _said_once(sheet: Sheet) -> dict[str, Cell]:
    """The columns that hold the same in all rows, of those for which that can be said once."""
    places = {heading: place for place, heading in enumerate(sheet.columns) if heading in sheet.common}
    found = {heading: {row[place] for row in sheet.rows} for heading, place in places.items()}
    return {heading: next(iter(held)) for heading, held in found.items() if len(held) == 1 and held != {None}}


def _shown(cell: Cell, zone: Zone) -> str:
    if isinstance(cell, datetime):
        return zone.local(cell).strftime("%Y-%m-%d %H:%M")
    text = "" if cell is None else harmless(str(cell))
    if any(unicodedata.bidirectional(character) in _FROM_THE_RIGHT for character in text):
        return "\n".join(f"{_ISOLATE}{line}{_END_ISOLATE}" for line in text.split("\n"))
    return text


def note(sentence: str) -> None:
    """Says something about an answer beside it, where it does not get into the way of who reads the answer."""
    click.echo(sentence, err=True)
