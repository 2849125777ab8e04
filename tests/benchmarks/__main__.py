"""Runs the benchmarks and prints what they measure, with the machine they were measured on."""

from __future__ import annotations

import argparse
import gc
import sys

from cli.bootstrap import freeze_gc
from cli.main import GC_THRESHOLDS
from tests.benchmarks import (
    asking,
    growing,
    hostile,
    importing,
    local_service,
    pages,
    policing,
    quotas,
    reading,
    rebuilding,
    replicating,
    starting,
    streaming,
    verifying,
    writing,
)

BENCHMARKS = {
    "importing": importing.measure,
    "reading": reading.measure,
    "writing": writing.measure,
    "starting": starting.measure,
    "replicating": replicating.measure,
    "streaming": streaming.measure,
    "quotas": quotas.measure,
    "policing": policing.measure,
    "pages": pages.measure,
}
SIZED = {
    "verifying": verifying.measure,
    "asking": asking.measure,
    "rebuilding": rebuilding.measure,
    "growing": growing.measure,
    "hostile": hostile.measure,
    "bodies": hostile.measure_bodies,
    "questions": hostile.measure_questions,
}
"""Those that want to know how large a log is to be."""


def main() -> None:
    """`python -m tests.benchmarks [NAME ...]`."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *BENCHMARKS, *SIZED], help="benchmarks to run; all by default")
    parser.add_argument(
        "--events", type=int, default=50_000, help="how long the logs of some are; 1000000 takes an hour"
    )
    asked = parser.parse_args()
    names = asked.names or [*BENCHMARKS, *SIZED]
    sys.stdout.write(local_service.machine() + "\n")
    freeze_gc()  # as the commands do
    gc.set_threshold(*GC_THRESHOLDS)
    for name in names:
        sys.stdout.write(f"\n{name}\n")
        for line in SIZED[name](asked.events) if name in SIZED else BENCHMARKS[name]():
            sys.stdout.write(f"  {line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
