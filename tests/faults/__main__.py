"""`python -m tests.faults NAME [options]`: run one kind of fault injection at length."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import Final

STORES: Final = ("sqlite", "postgresql")
FAULTS: Final = (
    ("tamper", "rounds", 100_000, ("rows", "flips", "postgresql")),
    ("kill", "rounds", 100, ("sqlite", "postgresql-server", "postmaster")),
    ("retry", "rounds", 20, STORES),
    ("race", "rounds", 10_000, STORES),
    ("tail", "events", 1_000_000, STORES),
    ("schedules", "times", 1_000, ()),
    ("replica", "kills", 50, ()),
    ("import", "size", 1_000, ("sqlite", "postgresql", "http")),
    ("kafka-publisher", "rounds", 200, ()),
    ("kafka-broker", "events", 100_000, ()),
    ("kafka-cluster", "events", 100_000, ()),
)
"""Name, option for the number of rounds, its default, and the variants, the default one first."""
MODULES: Final = {"import": "large_import"}
"""The modules that are not named after their fault."""
STREAM_RUNS: Final = {
    "kafka-publisher": "run_publisher",
    "kafka-broker": "run_broker",
    "kafka-cluster": "run_cluster",
}


def main() -> None:
    """Run one kind and print the result; the exit code is 1 if the log failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    subparsers = parser.add_subparsers(dest="fault", required=True)
    for kind, option, times, variants in FAULTS:
        subparser = subparsers.add_parser(kind)
        subparser.add_argument(f"--{option}", dest="times", type=int, default=times)
        if variants:
            subparser.add_argument("--kind", choices=variants, default=variants[0])
    options = vars(parser.parse_args())
    fault = options.pop("fault")
    module = import_module(f"tests.faults.{'streams' if fault in STREAM_RUNS else MODULES.get(fault, fault)}")
    for line in getattr(module, STREAM_RUNS.get(fault, "run"))(options.pop("times"), **options):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
