"""Write texts in the editor of the person at the terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import click

from cli.errors import CommandFailed

_SCISSORS: Final = "# ---- everything below this line is ignored ----"
_INSTRUCTIONS: Final = (
    f"{_SCISSORS}\nWrite below each heading. Save and close to record it; close without saving to cancel.\n"
)


def edit_text(heading: str) -> str:
    """Return one text from the editor.

    Raises:
        CommandFailed: it was not saved, or there is no editor.
    """
    return _parse_sections(_open_editor(f"# {heading}\n\n\n{_INSTRUCTIONS}"), [heading]).get(heading, "")


def edit_fields(headings: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, str]:
    """Return the texts that are not empty from the editor, which opens with the given ones.

    Raises:
        CommandFailed: they were not saved, or there is no editor.
    """
    text = "".join(f"# {headings[name]}\n\n{text}\n\n" for name, text in texts.items())
    sections = _parse_sections(_open_editor(f"{text}{_INSTRUCTIONS}"), [*headings.values()])
    return {name: sections[heading] for name, heading in headings.items() if sections.get(heading)}


def _open_editor(text: str) -> str:
    """Return the text as it was saved."""
    try:
        edited = click.edit(text, extension=".md")
    except click.ClickException as error:
        raise CommandFailed(
            f"{error.format_message().rstrip('.')}. Set EDITOR to an installed editor, or use options such as --why."
        ) from error
    if edited is None:
        raise CommandFailed("The editor was closed without saving; nothing was recorded.")
    return edited


def _parse_sections(text: str, headings: list[str]) -> dict[str, str]:
    """Return the text below each heading."""
    known = "|".join(map(re.escape, headings))
    parts = re.split(rf"^# ({known})[ \t]*$", text.partition(_SCISSORS)[0], flags=re.MULTILINE)
    return {heading: body.strip() for heading, body in zip(parts[1::2], parts[2::2], strict=True)}
