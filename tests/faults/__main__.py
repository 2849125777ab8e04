"""`python -m tests.faults NAME [options]`: one way to break the log, at length."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module


def main() -> None:
    """Runs one and prints what came of it; exit code 1 where the log did not stand."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, option, times, where in (
        ("tamper", "rounds", 100_000, "tamper.run"), ("kill", "rounds", 100, "kill.run"),
        ("race", "rounds", 10_000, "race.run"), ("tail", "events", 1_000_000, "tail.run"),
        ("kafka-publisher", "rounds", 200, "streams.run_publisher"),
        ("kafka-broker", "events", 100_000, "streams.run_broker"),
        ("kafka-cluster", "events", 100_000, "streams.run_cluster"),
        ("schedules", "times", 1_000, "schedules.run"), ("replica", "kills", 50, "replica.run"),
    ):  # fmt: skip
        one = kinds.add_parser(kind)
        one.add_argument(f"--{option}", dest="times", type=int, default=times)
        one.set_defaults(where=where)
    asked = parser.parse_args()
    module, _, run = asked.where.partition(".")
    for line in getattr(import_module(f"tests.faults.{module}"), run)(asked.times):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
