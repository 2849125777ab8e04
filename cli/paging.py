"""Print lines: on a terminal with styles, and through a pager if there are more than fit; elsewhere as plain text."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable
from typing import Final

import click

from cli.display import WITHOUT_MARKS, Line
from cli.terminal import open_console

DEFAULT_PAGER: Final = "less -FRX"


def is_terminal() -> bool:
    """Return whether answers are read on a terminal."""
    return sys.stdout.isatty()


def width_of_terminal() -> int:
    """Return the number of columns; 80 without a terminal."""
    return shutil.get_terminal_size((80, 24)).columns


def print_lines(lines: Iterable[Line]) -> None:
    """Print styled lines, which must fit; a reader who leaves the pager early ends the output."""
    if not is_terminal():
        for line in lines:
            click.echo("".join(text for text, _ in line).rstrip().translate(WITHOUT_MARKS))  # they are for a terminal
        return
    shown = list(lines)
    _show(_render(shown), len(shown))


def _render(lines: Iterable[Line]) -> str:
    from rich.text import Text  # noqa: PLC0415  (a pipe needs none)

    console = open_console(highlight=False, emoji=False)
    with console.capture() as captured:
        for line in lines:
            console.print(Text.assemble(*line), soft_wrap=True)
    return captured.get()


def _show(text: str, lines: int) -> None:
    command = shlex.split(os.environ.get("PAGER", DEFAULT_PAGER))
    fits = lines < shutil.get_terminal_size().lines
    if fits or not command or not shutil.which(command[0]):
        _write(text)
        return
    sys.stdout.flush()
    environment = {"LESS": "FRX", "LESSCHARSET": "utf-8", **os.environ}
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as pager:
        pager.communicate(text.encode("utf-8", "backslashreplace"))


def _write(text: str) -> None:
    stream = getattr(sys.stdout, "trusted", sys.stdout)  # the console has escaped the text, and styled it
    sys.stdout.flush()
    stream.write(text)
    stream.flush()
