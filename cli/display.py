"""Fit text into a terminal by the width at which it is displayed, and put times into words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from cli.dates import Zone
from domain.characters import escape_unsafe

ELLIPSIS: Final = "…"
REPLACEMENT: Final = "\ufffd"
MAX_TEXT_WIDTH: Final = 100
"""Lines of prose are no longer than this, however wide the terminal."""
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_ISOLATE, END_ISOLATE, LEFT_TO_RIGHT = "\u2068", "\u2069", "\u200e"
DIRECTION_MARKS: Final = f"{_ISOLATE}{END_ISOLATE}{LEFT_TO_RIGHT}"
"""What the terminal's own output has around text from right to left; they take no column."""
WITHOUT_MARKS: Final = dict.fromkeys(map(ord, DIRECTION_MARKS))
"""Translates a text to one without these marks."""
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}(?:T|$)")
_RELATIVE_DAYS: Final = 60
"""Times farther away than this are shown as dates."""

Span = tuple[str, str]
"""A piece of text and its style."""
Line = Sequence[Span]


def make_safe(text: str) -> str:
    """Return text with unsafe characters replaced and tabs as spaces."""
    return escape_unsafe(text.replace("\t", " ").replace("\r\n", "\n"), lambda _: REPLACEMENT)


def to_single_line(text: str) -> str:
    """Return safe text without line breaks and tabs."""
    return make_safe(" ".join(text.split()))


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415  (only for other scripts)

    return cell_len(text.translate(WITHOUT_MARKS))


def shorten(text: str, width: int) -> str:
    """Return the text, or as many of its first words as fit, followed by an ellipsis.

    A word is broken only if it is the first one, or in a script without spaces.
    """
    if width_of(text) <= width:
        return text
    begun = _beginning(text, width - 1)
    words, _, part = begun.rpartition(" ")
    is_whole = text[len(begun) :].startswith(" ") or width_of(part) > len(part)
    return f"{(begun if is_whole or not words else words).rstrip(' ,;:')}{ELLIPSIS}"


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Return the text with spaces up to a width; on its left if it is to stand on the right."""
    spaces = " " * (width - width_of(text))
    return f"{spaces}{text}" if right else f"{text}{spaces}"


def _beginning(text: str, width: int) -> str:
    """Return the longest beginning of a text that fits; combined characters are not parted."""
    size = 0
    for index, character in enumerate(text):
        size += width_of(character)
        if size > width:
            return _without_parted_character(text, index)
    return text


def _without_parted_character(text: str, end: int) -> str:
    """Return the text before an index, without the base of a character that is combined with what follows."""
    while end and unicodedata.combining(text[end]):
        end -= 1
    return text[:end].removesuffix("\u200d")


def isolate(text: str) -> str:
    """Return a text that runs from right to left between marks that keep what surrounds it in its place.

    An isolate alone is not enough: tmux drops a mark that is the first character of a line, and a number after the
    unmatched end of an isolate becomes part of the text before it.
    """
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return f"{LEFT_TO_RIGHT}{_ISOLATE}{text}{END_ISOLATE}{LEFT_TO_RIGHT}"
    return text


def wrap(spans: Line, width: int, indent: int = 0) -> Iterator[list[Span]]:
    """Yield the lines of a styled text, broken between words; the second and later ones are indented.

    Only a word that is wider than a line is broken, as in scripts without spaces.
    """
    line: list[Span] = []
    size = 0
    for word in _join_words(spans):
        taken = sum(width_of(text) for text, _ in word)
        whole = "".join(text for text, _ in word)
        is_apart = width_of(whole) > len(whole) + len(whole.strip()) // 2  # mostly of a script without spaces
        has_room = is_apart and width - size >= _MIN_BEGINNING
        if size > indent and size + width_of(whole.rstrip()) > width and not has_room:
            yield [*line[:-1], (line[-1][0].rstrip(" "), line[-1][1])]
            line, size = [(" " * indent, "")], indent
            taken -= len(word[0][0]) - len(word[0][0].lstrip())
            word[0] = (word[0][0].lstrip(), word[0][1])  # a line begins without spaces
        for text, style in word:
            rest = text
            while size + width_of(rest) > width and (has_room or taken > width - indent):
                part = _keep_with(rest, _beginning(rest, width - size)) or ("" if size > indent else rest[:1])
                yield [*line, (part, style)]
                line, size, rest = [(" " * indent, "")], indent, rest[len(part) :]
            line.append((rest, style))
            size += width_of(rest)
    if line:
        yield line


_MIN_BEGINNING: Final = 8
"""The columns that a text without spaces needs at the end of a line to begin there."""
_NEVER_FIRST: Final = frozenset("。、，．：；！？）」』】〉》〕］｝・ーぁぃぅぇぉっゃゅょァィゥェォッャュョ々…")


def _keep_with(text: str, beginning: str) -> str:
    """Return the beginning of a text, shorter if the next line would begin with punctuation of Chinese or Japanese."""
    end = len(beginning)
    while 1 < end < len(text) and text[end] in _NEVER_FIRST:
        end -= 1
    return beginning if end <= 1 else beginning[:end]


def _join_words(spans: Line) -> Iterator[list[Span]]:
    """Yield the words of a styled text, each in pieces of one style: a comma stays with the word before it."""
    word: list[Span] = []
    for text, style in spans:
        for piece in _words(text):
            if word and piece.startswith(" ") and "".join(text for text, _ in word).strip():
                yield word
                word = []
            word.append((piece, style))
    if word:
        yield word


def _words(text: str) -> Iterator[str]:
    """Yield the words of a text, each with the spaces before it."""
    word = ""
    for character in text:
        if character == " " and word.strip():
            yield word
            word = ""
        word += character
    if word:
        yield word


def paragraphs(text: str, width: int) -> Iterator[Line]:
    """Yield the lines of a text of several paragraphs, all of them indented."""
    for paragraph in make_safe(text).split("\n"):
        yield from wrap([("  ", ""), (isolate(" ".join(paragraph.split())), "")], width, 2)


# Times ---------------------------------------------------------------------------------------------------------------


def format_when(time: datetime, now: datetime, zone: Zone) -> str:
    """Return a time as people say it: "3 weeks ago"; farther away than two months, the date."""
    span = now - time
    if span >= timedelta(0) and span < timedelta(days=1) and not _is_day(time):
        return _format_hours(span)
    days = (_day_of(now, zone) - _day_of(time, zone)).days
    return format_date(time, zone) if abs(days) > _RELATIVE_DAYS else _format_days(days)


def _format_hours(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return "just now"
    return count(minutes, "minute") + " ago" if minutes < 60 else count(minutes // 60, "hour") + " ago"  # noqa: PLR2004


def _format_days(days: int) -> str:
    named = {0: "today", 1: "yesterday", -1: "tomorrow"}
    if days in named:
        return named[days]
    number = abs(days)
    words = count(number, "day") if number < 14 else count(number // 7, "week")  # noqa: PLR2004  (two weeks)
    return f"{words} ago" if days > 0 else f"in {words}"


def format_date(time: datetime, zone: Zone) -> str:
    """Return a date: "Jul 20, 2026"."""
    day = _day_of(time, zone)
    return f"{day:%b} {day.day}, {day.year}"


def format_day(day: str) -> str:
    """Return a calendar day in words; what is no day as it is."""
    if not _DAY.match(day):
        return day
    try:
        return format_date(datetime.fromisoformat(day).replace(tzinfo=UTC), Zone(UTC))
    except ValueError:
        return day


def _day_of(time: datetime, zone: Zone) -> datetime:
    """Return the day in the reader's zone; a day that was recorded as midnight UTC is that day in every zone."""
    local = time.astimezone(UTC) if _is_day(time) else zone.to_local(time)
    return local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)


def _is_day(time: datetime) -> bool:
    utc = time.astimezone(UTC)
    return (utc.hour, utc.minute, utc.second, utc.microsecond) == (0, 0, 0, 0)


def count(number: int, noun: str) -> str:
    """Return a number with its noun: "1 day", "2 days"."""
    return f"{number:,} {noun if number == 1 else f'{noun}s'}"
