"""Runs the benchmarks and prints what they measure beside the machine they were measured on."""

from __future__ import annotations

import argparse
import sys

from cli.wiring import collect_seldom
from tests.benchmarks import house, importing, reading, replicating, streaming

BENCHMARKS = {
    "importing": importing.measure, "reading": reading.measure, "replicating": replicating.measure,
    "streaming": streaming.measure,
}  # fmt: skip


def main() -> None:
    """`python -m tests.benchmarks [NAME ...]`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS], help="which; all, if silent")
    names = parser.parse_args().names or list(BENCHMARKS)
    sys.stdout.write(house.machine() + "\n")
    collect_seldom()  # as the commands do
    for name in names:
        sys.stdout.write(f"\n{name}\n")
        for line in BENCHMARKS[name]():
            sys.stdout.write(f"  {line}\n")


if __name__ == "__main__":
    main()
