"""The blocks of a Markdown text: its headings and bold lines, found in linear time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.reference import reference
from markdown_it.token import Token

MAX_LINES: Final = 25_000
"""A longer record is kept as one text, because parsing its headings would take seconds."""
MAX_REFERENCE_LINES: Final = 50
MAX_REFERENCE_CHARACTERS: Final = 16 * 1024
"""A longer link definition is treated as a paragraph. A label alone may have 1000 characters."""


def _block_parser() -> MarkdownIt:
    """Return a parser that finds blocks such as headings, lists and code, and does not parse their content."""
    parser = MarkdownIt("commonmark").disable(["inline", "text_join"])
    parser.block.ruler.at("reference", _bounded_reference)
    return parser


def _bounded_reference(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a link definition within the limits, because the library's rule takes quadratic time."""
    if not state.src.startswith("[", state.bMarks[start] + state.tShift[start]):
        return False
    last = _last_line(state, start)
    line_max, state.lineMax = state.lineMax, last
    try:
        return last > start and reference(state, start, end, silent)
    finally:
        state.lineMax = line_max


def _last_line(state: StateBlock, start: int) -> int:
    """Return the line after the last one that a definition may take: the end of its paragraph, or the limit."""
    line = start
    while (
        line < min(state.lineMax, start + MAX_REFERENCE_LINES)
        and not state.isEmpty(line)
        and state.eMarks[line] - state.bMarks[start] <= MAX_REFERENCE_CHARACTERS
    ):
        line += 1
    return line


_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_BOLD_LINE: Final = re.compile(r"\*\*([^*\n]{1,80})\*\*:?|__([^_\n]{1,80})__:?")
BULLET: Final = re.compile(r"(?m)^[ \t]*(?:[*+-]|\d{1,3}[.)])[ \t]+")
"""The mark of each member of a list."""
_BLOCKS: Final = _block_parser()


def parse_blocks(text: str) -> list[tuple[Token, Token]]:
    """Return the Markdown blocks of a text at its top level, each with what it contains; none if it has too many lines."""
    tokens: list[Token] = _BLOCKS.parse(text) if text.count("\n") <= MAX_LINES else []
    return [(token, inline) for token, inline in pairwise(tokens) if token.level == 0 and token.map]


def list_headings(blocks: Iterable[tuple[Token, Token]]) -> Iterator[tuple[int, str, int, int]]:
    """Yield each heading: its level, its text, its first line, and the line after it."""
    for token, inline in blocks:
        if token.type == "heading_open" and token.map:
            yield int(token.tag[1:]), strip_comments(" ".join(inline.content.split())), token.map[0], token.map[1]


def list_bold_lines(blocks: Iterable[tuple[Token, Token]]) -> Iterator[tuple[str, int, int]]:
    """Yield each paragraph that is one bold line: its text, its first line, and the line after it."""
    for token, inline in blocks:
        if token.type == "paragraph_open" and token.map and len(inline.content) < 100:  # noqa: PLR2004
            found = _BOLD_LINE.fullmatch(inline.content.strip())
            if found is not None:
                yield found[1] or found[2], token.map[0], token.map[1]


def trim_blank_lines(text: str) -> str:
    """Return a text without blank lines at its start and end."""
    return re.sub(r"\A(?:[ \t]*\n)+", "", text).rstrip()


def strip_comments(text: str) -> str:
    """Return a text without its HTML comments, as of a template that was filled in."""
    return _COMMENT.sub("", text).strip() if "<!--" in text else text
