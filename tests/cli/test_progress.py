"""The progress bar of commands that take long."""

from __future__ import annotations

import io

from rich.console import Console

from cli import progress as progress_bar
from cli.progress import progress


def test_a_file_that_is_read_shows_its_name_and_how_many_lines_were_read(monkeypatch):
    """While a file is read, its name and the number of lines are shown, and then how much of it is done."""
    shown = io.StringIO()
    monkeypatch.setattr(
        progress_bar, "open_console", lambda **_: Console(file=shown, force_terminal=True, width=100, color_system=None)
    )

    with progress("Importing", reading="Reading [b].jsonl") as update:
        update(12_000, None)
    while_reading = shown.getvalue()
    with progress("Importing", reading="Reading [b].jsonl") as update:
        update(12_000, None)
        update(500, 20_000)

    assert "Reading [b].jsonl" in while_reading
    assert "12,000 lines" in while_reading
    assert "?" not in while_reading.replace("\x1b[?25", "")
    assert "Importing" in shown.getvalue()[len(while_reading) :]
    assert "500/20000" in shown.getvalue()
