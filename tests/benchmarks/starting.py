"""How long somebody at a terminal waits: for help, and for the answer of a server that runs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.benchmarks.local_service import timed_in_turn
from tests.support_serving import COMMAND, run, serving, surroundings

ROUNDS = 15
WANTED = {"decisionlog --help": 0.3, "a question to a running server": 0.5}


def measure() -> Iterator[str]:
    """Medians in one run, compared with a Python that does nothing, from the start of the process to its end."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as _:
        run(Path(folder), "record", "Tea", "--decision", "Tea.", "--why", "Thirst.", "--yes").check_returncode()
        environment = surroundings(Path(folder))

        def start(*words: str | Path) -> Callable[[], object]:
            return lambda: subprocess.run(words, env=environment, capture_output=True, check=True)

        times = timed_in_turn(
            {
                "python -c pass": start(sys.executable, "-c", "pass"),
                "decisionlog --help": start(COMMAND, "--help"),
                "a question to a running server": start(COMMAND, "decisions", "--as-of", "yesterday"),
            },
            ROUNDS,
        )
    bare = times.pop("python -c pass")
    yield f"python -c pass: {bare:.3f} s"
    for name, seconds in times.items():
        yield f"{name}: {seconds:.3f} s, {seconds / bare:.1f} of a bare Python (wanted: under {WANTED[name]} s)"
