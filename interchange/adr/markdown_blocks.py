"""Parse the blocks of a Markdown text in linear time."""

from __future__ import annotations

from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.reference import reference

MAX_REFERENCE_LINES: Final = 50
MAX_REFERENCE_CHARACTERS: Final = 16 * 1024
"""A longer link definition is treated as a paragraph. A label alone may have 1000 characters."""


def block_parser() -> MarkdownIt:
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
