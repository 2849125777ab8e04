"""A progress bar, on terminals only."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from cli.terminal import open_console


class _Counts(MofNCompleteColumn):
    """How many lines are done, of how many once their number is known."""

    def render(self, task: Task) -> Text:
        if task.total is not None:
            return super().render(task)
        return Text(f"{int(task.completed):,} lines" if task.completed else "", style="progress.download")


@contextmanager
def progress(
    label: str, *, reading: str | None = None, prints: bool = False
) -> Iterator[Callable[[int, int | None], None]]:
    """Show a progress bar if standard error is a terminal; yields a function that takes the done and the total
    count. While the total is None, the lines of a file are counted, and the label is `reading`. A command that `prints`
    meanwhile on the same terminal has no bar in between.
    """
    console = open_console(stderr=True)
    is_hidden = not console.is_terminal or (prints and sys.stdout.isatty())
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), _Counts(), TimeRemainingColumn())
    # If Rich redirected what is printed meanwhile, it would interpret escape sequences in it as styling.
    options: dict[str, Any] = {"transient": True, "redirect_stdout": False, "redirect_stderr": False}
    with Progress(*columns, console=console, disable=is_hidden, **options) as bar:
        task = bar.add_task(label, total=None)

        def update(done: int, total: int | None) -> None:
            bar.update(task, description=label if total is not None else reading, completed=done, total=total)

        yield update
