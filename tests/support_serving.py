"""A real `decisionlog serve` in a process of its own, as a user starts it, and other commands next to it."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tests.support_fork_server import run_forked, warm

COMMAND = Path(sys.executable).with_name("decisionlog")
ENDED_S = 60
WITHOUT_QUOTAS = {
    "DECISIONLOG_REQUESTS_PER_MINUTE": "0",
    "DECISIONLOG_COMMANDS_PER_MINUTE": "0",
    "DECISIONLOG_QUESTIONS_PER_TOKEN": "0",
}
"""Tests and benchmarks load a server more than one client should."""


def surroundings(data: Path, **more: str) -> dict[str, str]:
    """The environment of a user called ann, whose log is in `data`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DECISIONLOG_")}
    own = {"DECISIONLOG_DATA": str(data), "DECISIONLOG_OWNER": "ann", "DECISIONLOG_PORT": "0"}
    return kept | own | WITHOUT_QUOTAS | more


def run(data: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command that has come to its end."""
    return run_forked(list(arguments), surroundings(data, **more), timeout_s=180)


@dataclass(frozen=True)
class Serving:
    """What a started server has said."""

    process: subprocess.Popen[bytes]
    said: str

    @property
    def address(self) -> str:
        return re.search(r"http://\S+:\d+", self.said)[0]

    @property
    def sign_in_link(self) -> str:
        """The one-time link of the first start, from the file that the server names or from the terminal."""
        shown = re.search(r"http://\S+/sign-in\?\S+", self.said)
        return (
            shown[0] if shown else Path(re.search(r"browser is in (\S+), readable", self.said)[1]).read_text().strip()
        )

    @property
    def token(self) -> str:
        """The first token, as it is shown on a terminal, else from the file that the server names."""
        shown = re.search(r"dlog_\S+", self.said)
        return (
            shown[0]
            if shown
            else Path(re.search(r"token for .* is in (\S+), readable", self.said)[1]).read_text().strip()
        )


@contextmanager
def serving(
    data: Path,
    end: int = signal.SIGINT,
    command: Sequence[str | Path] = (COMMAND,),
    *,
    terminal: bool = False,
    **more: str,
) -> Iterator[Serving]:
    """A server, from the end of its startup output until it is asked to stop.

    What it says goes to a pipe, as to the log of a service, or to a terminal.
    """
    reading, writing = pty.openpty() if terminal else os.pipe()
    environment = surroundings(data, PYTHONUNBUFFERED="1", **more)
    with os.fdopen(reading) as said:
        process = subprocess.Popen([*command, "serve"], env=environment, stdout=writing, stderr=subprocess.STDOUT)
        os.close(writing)
        try:
            yield Serving(process, "".join(_greeting(said)))
        finally:
            process.send_signal(end)
            try:
                process.wait(timeout=ENDED_S)
            finally:
                process.kill()


@contextmanager
def forked_server(data: Path, **more: Any) -> Iterator[Serving]:
    """A server that starts in a third of the time, because it is forked from a process that has imported everything."""
    with serving(data, command=(warm(),), **more) as server:
        yield server


def _greeting(said: TextIO) -> Iterator[str]:
    """The lines up to the end of the first decision's command, or to the remark that there was a token before."""
    with suppress(OSError):  # a terminal that no process writes to any more
        for line in said:
            yield line
            if line.startswith(("  --accountable", "Access tokens already exist")):
                return
