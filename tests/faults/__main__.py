"""`python -m tests.faults NAME [options]`: one way to break the log, at length."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module


def main() -> None:
    """Runs one and prints what came of it; exit code 1 where the log did not stand."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, option, times in (
        ("tamper", "rounds", 100_000), ("kill", "rounds", 100), ("race", "rounds", 10_000), ("tail", "events", 1_000_000),
        ("schedules", "times", 1_000), ("replica", "kills", 50),
    ):  # fmt: skip
        kinds.add_parser(kind).add_argument(f"--{option}", dest="times", type=int, default=times)
    asked = parser.parse_args()
    for line in import_module(f"tests.faults.{asked.kind}").run(asked.times):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
