"""A parser of the blocks of a markdown text, in time that grows with the text and no faster."""

from __future__ import annotations

from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_block.reference import reference

MAX_REFERENCE_LINES: Final = 50
MAX_REFERENCE_CHARACTERS: Final = 16 * 1024
"""A definition of a link that takes more is a paragraph. A label alone may have a thousand characters."""


def block_parser() -> MarkdownIt:
    """Return a parser that finds headings, lists, code and the like, and leaves what stands in them as it is."""
    parser = MarkdownIt("commonmark").disable(["inline", "text_join"])
    parser.block.ruler.at("reference", _bounded_reference)
    return parser


def _bounded_reference(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Read the definition of a link, but see only so many lines of it: the library's rule takes the square of its length."""
    if not state.src.startswith("[", state.bMarks[start] + state.tShift[start]):
        return False
    last = _last_line(state, start)
    everything, state.lineMax = state.lineMax, last
    try:
        return last > start and reference(state, start, end, silent)
    finally:
        state.lineMax = everything


def _last_line(state: StateBlock, start: int) -> int:
    """The line behind the last one that a definition may take: of its paragraph, within the bounds."""
    line = start
    while (
        line < min(state.lineMax, start + MAX_REFERENCE_LINES)
        and not state.isEmpty(line)
        and state.eMarks[line] - state.bMarks[start] <= MAX_REFERENCE_CHARACTERS
    ):
        line += 1
    return line
