"""Print tables: with headings and colors on a terminal, one line a row, as tab-separated lines in a pipe.

Values come from other people. Control characters, which could move the cursor or reverse a line, are made visible, and
right-to-left text is isolated within its cell.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Final

import click

from cli.dates import Zone
from cli.display import (
    Line,
    Span,
    format_day,
    format_when,
    isolate,
    pad,
    shorten,
    to_single_line,
    width_of,
    wrap,
)
from cli.paging import is_terminal, print_lines, width_of_terminal
from domain.ids import is_subject

Cell = str | int | datetime | None

GAP: Final = "  "
MIN_FLEXIBLE_WIDTH: Final = 12
"""A column of text is not narrower than this, unless its text is; columns are hidden instead."""
MIN_TITLE_WIDTH: Final = 24
SHORT_WIDTH: Final = 18
"""A column of text that is no wider than this is never cut."""
_MINIMA: Final = {"title": MIN_TITLE_WIDTH, "field": SHORT_WIDTH}
COMFORTABLE_WIDTH: Final = 30
"""Optional columns are hidden before a column of text becomes narrower than this."""
TITLE_SHARE: Final = 1.5
"""How much wider a title is than other columns of text, where not all of them fit."""
TITLE_RANK: Final = 1000
"""The rank of the title, and of a first column that names the row: they get room first and are hidden last."""
FLEXIBLE: Final = frozenset(
    {
        "title",
        "why",
        "value",
        "before",
        "after",
        "match",
        "content",
        "reason",
        "explanation",
        "because",
        "change",
        "expected",
        "measure",
        "finding",
        "deciders",
        "first",
        "from",
        "to",
        "target",
        "now",
        "holders",
        "gained",
        "lost",
        "decisions",
        "identifiers",
        "what",
        "members",
        "voided",
    }
)
"""Columns of text, which end in an ellipsis where they do not fit. All others are shown whole or hidden."""
MAX_FIXED_WIDTH: Final = 32
"""Any column whose cells are wider is one of text, unless it has ids."""
LAST_TO_HIDE: Final = (
    "title",
    "number",
    "field",
    "status",
    "result",
    "reason",
    "verdict",
    "to",
    "from",
    "why",
    "target",
    "by when",
    "event",
    "who",
    "when",
    "moves",
    "before",
    "after",
    "change",
    "gained",
    "lost",
    "now",
    "first",
    "owner",
    "accountable",
    "deciders",
    "recorded",
    "since",
)
MARKED_COLUMNS: Final = frozenset({"status", "verdict"})
VALUE_COLUMNS: Final = frozenset({"before", "after", "value", "status", "reason", "now", "from", "to"})
"""What a value is called in the source comes last in its cell: `shipped (implemented)`."""
BEFORE: Final = "before"
AFTER: Final = "after"
CHANGE: Final = "change"
_NOTHING: Final = "–"
PARTLY_BELOW: Final = (CHANGE, "value")
PARTLY_BELOW_WIDTH: Final = 20
MAX_LINES_BELOW: Final = 4
"""Lines that a text below a row takes at most."""
STYLES: Final = {
    **dict.fromkeys(("accepted", "active", "met", "shipped", "within"), "green"),
    **dict.fromkeys(("dropped", "left", "missed", "rejected", "reversed", "exceeds", "overdue", "no owner"), "red"),
    **dict.fromkeys(("deferred", "paused", "slipped", "late"), "magenta"),
    **dict.fromkeys(("committed", "started"), "cyan"),
}
"""Only the terminal's own basic colors, which are legible on dark and light backgrounds. No meaning is in color
alone."""


_COMMAND: Final = re.compile(r"`[^`\n]+`")
_JOINER: Final = "\u00a0"
_NAMED: Final = re.compile(r"^[A-Za-z][A-Za-z0-9.+-]*:\S|/|`")
"""What ids, addresses and paths have, also those with letters that are not ASCII."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        columns: the headings.
        rows: one cell for each column; datetimes are aware.
        optional: headings that a narrow terminal omits.
        shared: headings printed once above the table on a terminal if several rows all have the same value there.
        grouped: whether adjacent rows with the same first cell form a group.
        below: headings whose text, or id, is on lines of its own below each row where it does not fit into the row.
        events: headings whose cells are shown once for adjacent rows of one event, which have the same `position`.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    optional: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    grouped: bool = False
    below: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()

    def drop_columns(self, headings: frozenset[str]) -> Table:
        """Return the table without some columns."""
        kept = [index for index, heading in enumerate(self.columns) if heading not in headings]
        rows = [[row[index] for index in kept] for row in self.rows]
        return replace(self, columns=[self.columns[index] for index in kept], rows=rows)


def print_table(table: Table, zone: Zone, now: datetime) -> None:
    """Print a table to standard output: on a terminal one line a row, in a pipe the rows with tabs."""
    if is_terminal():
        print_lines(layout(table, zone, now, width_of_terminal()))
        return
    for line in format_lines(table, zone):
        click.echo(line)


def format_lines(table: Table, zone: Zone) -> Iterator[str]:
    """Yield tab-separated lines: the headings, then each row. Times have an offset."""
    yield "\t".join(table.columns)
    for row in table.rows:
        yield "\t".join(to_single_line(_format_for_pipe(cell, zone)) for cell in row)


def _format_for_pipe(cell: Cell, zone: Zone) -> str:
    if isinstance(cell, datetime):
        return zone.day_of(cell) or zone.to_local(cell).isoformat(timespec="seconds")
    return "" if cell is None else str(cell)


def layout(table: Table, zone: Zone, now: datetime, width: int) -> Iterator[Line]:
    """Yield the lines of a table that fits into a terminal: one a row. What is hidden is noted on standard error."""
    if not table.rows:
        return
    shared = _find_shared_cells(table) if len(table.rows) > 1 else {}
    table = table.drop_columns(_find_empty_columns(table) | frozenset(shared))
    cells = [[_format_cell(cell, zone, now) for cell in row] for row in table.rows]
    measured = [_measure(table, index, cells) for index in range(len(table.columns))]
    columns = _fit_whole(table, measured, width)
    if not _shows_change(table, measured, columns):
        table, cells = _join_change(table, cells)
        measured = [_measure(table, index, cells) for index in range(len(table.columns))]
        columns = _fit_whole(table, measured, width)
    below = [each.index for each in measured if _goes_below(table, each, columns)]
    while below:
        columns = _fit_around(table, measured, below, width, cells)
        more = [each.index for each in measured if each.index not in below and _goes_below(table, each, columns)]
        if not more:
            break
        below = sorted([*below, *more])
    hidden = [table.columns[each.index] for each in measured if each.index not in (*columns, *below)]
    if hidden:
        noun = "1 column" if len(hidden) == 1 else f"{len(hidden)} columns"
        print_note(f"{noun} hidden ({', '.join(hidden)}). Widen the terminal, or use --csv.")
    if shared:
        said = sorted((_format_cell(cell, zone, now) for cell in shared.values()), key=is_subject)
        yield from wrap([(" · ".join(isolate(text) for text in said if text), "bold")], width, 2)
    if not columns:
        return
    yield _join([(table.columns[index], "bold") for index in columns], list(columns.values()), set())
    numbers = {position for position, index in enumerate(columns) if _is_number(table, index)}
    previous = ""
    events = _find_events(table)
    once = {index for index, heading in enumerate(table.columns) if heading in table.events}
    for number, row in enumerate(cells):
        is_continued = number > 0 and events[number] is not None and events[number] == events[number - 1]
        lower = [index for index in below if width_of(row[index]) > columns.get(index, 0)]
        spans = [
            ("", "")
            if (is_continued and index in once) or index in lower
            else (row[index], style_of(table.columns[index], row[index]))
            for index in columns
        ]
        if table.grouped and 0 in columns:
            spans[0] = ("", "") if row[0] == previous else (row[0], "bold")
            previous = row[0]
        yield _join(spans, list(columns.values()), numbers)
        is_last = number + 1 == len(cells) or events[number] is None or events[number] != events[number + 1]
        told = [index for index in lower if row[index] and (is_last or index not in once)]
        yield from _lay_out_below(table, row, told, width)


def _lay_out_below(table: Table, row: Sequence[str], said: Sequence[int], width: int) -> Iterator[Line]:
    """Yield what stands below a row: the id of a subject without its heading, then a line for each other column."""
    line: Line = [(f"{row[index]}  ", "cyan") for index in said if is_subject(row[index])]
    has_text = False
    for index in (index for index in said if not is_subject(row[index])):
        text = isolate(shorten(row[index], (width - 8) * MAX_LINES_BELOW))
        spans: Line = [(f"{table.columns[index]}: ", "dim"), (f"{text}  ", "")]
        if has_text and sum(width_of(part) for part, _ in [*line, *spans]) + 2 > width:  # 4 of indent, 2 of gap
            yield from wrap([("    ", ""), *_strip_end(line)], width, 6)
            line = []
        line, has_text = [*line, *spans], True
    if line:
        yield from wrap([("    ", ""), *_strip_end(line)], width, 6)


def _strip_end(line: Line) -> Line:
    """Return a line without the spaces at its end."""
    *others, (text, style) = line
    return [*others, (text.rstrip(), style)]


def _shows_change(table: Table, measured: Sequence[_Column], fitted: Mapping[int, int]) -> bool:
    """Return whether the values before and after a change are shown whole, if the table has both."""
    if not {BEFORE, AFTER} <= set(table.columns):
        return True
    return all(
        fitted.get(each.index) == each.width for each in measured if table.columns[each.index] in (BEFORE, AFTER)
    )


def _join_change(table: Table, cells: Sequence[Sequence[str]]) -> tuple[Table, list[list[str]]]:
    """Return the table and its cells with the values before and after in one column."""
    before, after = list(table.columns).index(BEFORE), list(table.columns).index(AFTER)
    rows = [[cell for index, cell in enumerate(row) if index != after] for row in table.rows]
    joined = [
        [_format_change(row[before], row[after]) if index == before else cell for index, cell in enumerate(row)]
        for row in cells
    ]
    columns = [CHANGE if heading == BEFORE else heading for heading in table.columns if heading != AFTER]
    shown = [[cell for index, cell in enumerate(row) if index != after] for row in joined]
    return replace(table, columns=columns, rows=rows, below=table.below | {CHANGE}), shown


def _format_change(before: str, after: str) -> str:
    """Return a change in one text, in which each side runs in its own direction; a first value is only that."""
    if not before:
        return isolate(after)
    return f"{isolate(before)} → {isolate(after) or _NOTHING}"


def _find_events(table: Table) -> list[Cell]:
    """Return the position of each row's event, or None if the rows of an event are not shown as one."""
    if not table.events or "position" not in table.columns:
        return [None] * len(table.rows)
    index = list(table.columns).index("position")
    return [row[index] for row in table.rows]


def _fit_around(
    table: Table, measured: Sequence[_Column], below: Sequence[int], width: int, cells: Sequence[Sequence[str]]
) -> dict[int, int]:
    """Return the columns that are shown. One of `PARTLY_BELOW` has a place for the short values, if it has any; long ones
    go below.
    """
    partly = [
        each
        for each in measured
        if each.index in below
        and table.columns[each.index] in PARTLY_BELOW
        and any(0 < width_of(row[each.index]) <= PARTLY_BELOW_WIDTH for row in cells)
    ]
    taken = sum(min(each.width, PARTLY_BELOW_WIDTH) + len(GAP) for each in partly)
    columns = _fit_whole(table, [each for each in measured if each.index not in below], width - taken)
    for each in partly:
        left = width - _total(columns.values()) - len(GAP)
        columns[each.index] = min(each.width, max(left, PARTLY_BELOW_WIDTH))
    return dict(sorted(columns.items()))


def _goes_below(table: Table, column: _Column, fitted: Mapping[int, int]) -> bool:
    return table.columns[column.index] in table.below and fitted.get(column.index, 0) < column.width


@dataclass(frozen=True, slots=True)
class _Column:
    """What a column needs. `rank` is the order in which columns are hidden where there is no room, the lowest first."""

    index: int
    width: int
    minimum: int
    rank: int
    is_optional: bool
    share: float


def _measure(table: Table, index: int, cells: Sequence[Sequence[str]]) -> _Column:
    heading = table.columns[index]
    widest = max([width_of(row[index]) for row in cells] + [width_of(heading)])
    has_ids = all((isinstance(cell := row[index], str) and is_subject(cell)) or not cell for row in table.rows)
    is_text = (heading in FLEXIBLE or widest > MAX_FIXED_WIDTH) and not has_ids and widest > SHORT_WIDTH
    least = min(widest, _MINIMA.get(heading, MIN_FLEXIBLE_WIDTH)) if is_text else widest
    if heading == "title" or (index == 0 and not has_ids and heading not in table.optional):
        rank = TITLE_RANK
    elif heading in table.optional:
        rank = -index
    else:
        rank = 500 - LAST_TO_HIDE.index(heading) if heading in LAST_TO_HIDE else 300 - index
        rank -= 200 if has_ids and "title" in table.columns else 0
    share = TITLE_SHARE if heading == "title" else 1
    return _Column(index, widest, least, rank, heading in table.optional and rank < TITLE_RANK, share)


def _fit(columns: Sequence[_Column], width: int) -> dict[int, int]:
    """Return the columns that are shown, each with its width, so that all fit."""
    shown = list(columns)
    for each in sorted(columns, key=lambda each: each.rank):
        if each.is_optional and _total(min(each.width, max(each.minimum, COMFORTABLE_WIDTH)) for each in shown) > width:
            shown.remove(each)
    while len(shown) > 1 and _total(each.minimum for each in shown) > width:
        shown.remove(min(shown, key=lambda each: each.rank))
    if len(shown) == 1:
        return {shown[0].index: min(shown[0].width, width)}
    widths = {each.index: each.minimum for each in shown}
    for level in range(1, width + 1):
        raised = {each.index: min(each.width, max(each.minimum, int(level * each.share))) for each in shown}
        if _total(raised.values()) > width:
            break
        widths = raised
    return widths


def _fit_whole(table: Table, columns: Sequence[_Column], width: int) -> dict[int, int]:
    """Return the columns as `_fit` does, with values whole and the titles shorter where that hides only optional columns,
    or where it shows who made a change.
    """
    fitted = _fit(columns, width)
    whole = _fit([_keep_whole(table.columns[each.index], each) for each in columns], width)
    needed = {each.index for each in columns if not each.is_optional}
    kept, more = fitted.keys() & needed <= whole.keys(), whole.keys() & needed - fitted.keys()
    return whole if kept and {table.columns[index] for index in more} <= {"who"} - table.below else fitted


def _keep_whole(heading: str, column: _Column) -> _Column:
    if heading == "title":
        return replace(column, minimum=min(column.minimum, SHORT_WIDTH))
    is_value = heading in VALUE_COLUMNS and column.width <= MAX_FIXED_WIDTH
    return replace(column, minimum=column.width) if is_value else column


def _total(widths: Iterable[int]) -> int:
    found = list(widths)
    return sum(found) + len(GAP) * max(len(found) - 1, 0)


def _join(spans: Sequence[Span], widths: Sequence[int], numbers: Container[int]) -> list[Span]:
    line: list[Span] = []
    for position, ((text, style), width) in enumerate(zip(spans, widths, strict=True)):
        is_last = position == len(widths) - 1
        fitted = shorten(text, width)
        padded = fitted if is_last and position not in numbers else pad(fitted, width, right=position in numbers)
        core = fitted.strip()
        line += [(padded.replace(core, isolate(core), 1) if core else padded, style), ("" if is_last else GAP, "")]
    return line


def _is_number(table: Table, index: int) -> bool:
    return any(isinstance(row[index], int) for row in table.rows)


def style_of(heading: str, text: str) -> str:
    """Return the style of a cell: that of the state it tells, else that of an id."""
    if heading in MARKED_COLUMNS:
        return next((style for word, style in STYLES.items() if word in text.casefold()), "")
    if heading in ("before", "after", "value"):  # what people wrote is no state, even if it contains the word
        return STYLES.get(text.casefold().partition(" (")[0], "")
    return "cyan" if is_subject(text) or heading == "number" else ""


def _format_cell(cell: Cell, zone: Zone, now: datetime) -> str:
    if isinstance(cell, datetime):
        return format_when(cell, now, zone)
    return "" if cell is None else format_day(to_single_line(str(cell)))


def _find_empty_columns(table: Table) -> frozenset[str]:
    columns = zip(table.columns, zip(*table.rows, strict=True), strict=False)
    return frozenset(heading for heading, cells in columns if all(cell in (None, "") for cell in cells))


def _find_shared_cells(table: Table) -> dict[str, Cell]:
    """Return the cells of `shared` columns that have the same value in all rows, unless a single column would be left."""
    indexes = {heading: index for index, heading in enumerate(table.columns) if heading in table.shared}
    found = {heading: {row[index] for row in table.rows} for heading, index in indexes.items()}
    shared = {heading: next(iter(cells)) for heading, cells in found.items() if len(cells) == 1 and cells != {None}}
    left = len(table.columns) - len(_find_empty_columns(table) | frozenset(shared))
    return shared if left > 1 or len(table.rows) > 1 else {}


def print_note(note: str) -> None:
    """Print a note about an answer to standard error, so that it does not end up in a pipe."""
    if not sys.stderr.isatty():
        click.echo(note, err=True)
        return
    for line in wrap_sentences(note, width_of_terminal()):
        click.echo(line, err=True)


def wrap_sentences(text: str, width: int) -> Iterator[str]:
    """Yield the lines of a text, broken between words; a command in backquotes is one word, so that it can be copied.

    A word that is wider than a line is broken, unless a line break in it would be copied: in a command, an id, a path or
    a cursor.
    """
    joined = _COMMAND.sub(lambda found: found[0].replace(" ", _JOINER), text)
    for paragraph in joined.split("\n"):
        indent = len(paragraph) - len(paragraph.lstrip(" "))
        lines: list[str] = []
        for words in _part_copied(paragraph, width):
            if len(words) == 1 and _is_copied(words[0]):
                lines.append(f"{' ' * indent}{words[0]}")
            else:
                spans: Line = [(f"{' ' * indent}{' '.join(words)}", "")]
                lines += ["".join(part for part, _ in line) for line in wrap(spans, width, indent)]
        yield from (line.replace(_JOINER, " ") for line in lines or [""])


def _part_copied(paragraph: str, width: int) -> Iterator[list[str]]:
    """Yield the words of a paragraph in order, each that is wider than a line and to be copied on its own."""
    words = paragraph.strip(" ").split(" ")
    for is_apart, group in groupby(words, key=lambda word: width_of(word) > width and _is_copied(word)):
        found = list(group)
        yield from ([word] for word in found) if is_apart else [found]


def _is_copied(word: str) -> bool:
    """Return whether a reader copies a word as a whole: it is a command, an id, a path or a cursor, and no prose."""
    core = word.strip(".,;()'\"")
    return (
        _JOINER in word or (not core.isascii() and bool(_NAMED.search(core))) or (core.isascii() and not core.isalpha())
    )


def print_sentence(text: str) -> None:
    """Print a sentence to standard output: on a terminal in lines that fit."""
    if not is_terminal():
        click.echo(text)
        return
    for line in wrap_sentences(text, width_of_terminal()):
        click.echo(line)


def count_entries(size: int) -> str:
    """Return a number of entries as text."""
    return f"{size:,} {'entry' if size == 1 else 'entries'}"
