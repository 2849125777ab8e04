"""`python -m tests.faults NAME [options]`: one way to break the log, at length."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import Final

STORES: Final = ("sqlite", "postgresql")
WAYS: Final = (
    ("tamper", "rounds", 100_000, ("rows", "flips")),
    ("kill", "rounds", 100, ("sqlite", "postgresql-server", "postmaster")),
    ("again", "rounds", 20, STORES),
    ("race", "rounds", 10_000, STORES),
    ("tail", "events", 1_000_000, STORES),
    ("schedules", "times", 1_000, ()),
    ("replica", "kills", 50, ()),
    ("kafka-publisher", "rounds", 200, ()),
    ("kafka-broker", "events", 100_000, ()),
    ("kafka-cluster", "events", 100_000, ()),
)
"""Name, what is counted, how much of it, and the kinds there are of it, the usual one first."""
IN_STREAMS: Final = {
    "kafka-publisher": "run_publisher", "kafka-broker": "run_broker", "kafka-cluster": "run_cluster",
}  # fmt: skip


def main() -> None:
    """Runs one and prints what came of it; exit code 1 where the log did not stand."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    ways = parser.add_subparsers(dest="way", required=True)
    for kind, option, times, kinds_of_it in WAYS:
        way = ways.add_parser(kind)
        way.add_argument(f"--{option}", dest="times", type=int, default=times)
        if kinds_of_it:
            way.add_argument("--kind", choices=kinds_of_it, default=kinds_of_it[0])
    asked = vars(parser.parse_args())
    way = asked.pop("way")
    module = import_module(f"tests.faults.{'streams' if way in IN_STREAMS else way}")
    for line in getattr(module, IN_STREAMS.get(way, "run"))(asked.pop("times"), **asked):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
