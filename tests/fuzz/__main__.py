"""The command: the number of cases, what failed by check, and an exit code that is 0 only if all ran and none failed."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Collection
from dataclasses import replace

from domain.roles import ROLES
from tests.fuzz.running import ADMINISTRATOR, Outcome, application, run, sample_commands
from tests.support_log import ALL_SCOPES

SHOWN_PER_CHECK = 5
EXAMPLES_PER_OPERATION = 3
COMMANDS_IN_SAMPLE = 3
MAX_UNREACHED = 20
"""How many operations may have no case that gets past their shape: random keys seldom name what exists."""


def main() -> int:
    """Run until there are as many cases as asked for: as each role, anonymous, every boundary, then at random."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the HTTP interface.")
    parser.add_argument("--cases", type=int, default=20_000, help="run at least this many cases")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="repeat a run by its seed")
    parser.add_argument("--scopes", nargs="*", default=sorted(ALL_SCOPES), help="the scopes of the caller")
    parser.add_argument(
        "--role", choices=[*ROLES, "none"], help="the role of the caller; by default each, and most as an administrator"
    )
    asked = parser.parse_args()
    _say(f"seed {asked.seed}")
    begun, outcome = time.monotonic(), Outcome()
    caller = replace(ADMINISTRATOR, scopes=frozenset(asked.scopes))
    for role in () if asked.role else (*sorted(set(ROLES) - {"admin"}), "none"):
        with application(caller, role) as app:
            run(app, outcome, phases=["examples"], examples=1, seed=asked.seed)
            _say(f"{outcome.cases} cases after role {role}")
    with application(caller, asked.role or "admin") as app:
        run(app, outcome, phases=["examples"], examples=1, seed=asked.seed, token=None)
        run(app, outcome, phases=["examples", "fuzzing"], examples=EXAMPLES_PER_OPERATION, seed=asked.seed)
        whole = app.openapi()
        document = sample_commands(whole, COMMANDS_IN_SAMPLE, asked.seed)
        run(app, outcome, phases=["coverage"], examples=1, seed=asked.seed, document=document)
        more = 0
        while outcome.cases < asked.cases and not outcome.failures:
            more += 1
            _say(f"{outcome.cases} cases so far")
            run(app, outcome, phases=["fuzzing"], examples=50, seed=asked.seed + more)
    operations = {f"{method.upper()} {path}" for path, methods in whole["paths"].items() for method in methods}
    return report(outcome, operations, asked.cases, time.monotonic() - begun)


def report(outcome: Outcome, operations: Collection[str], asked: int, seconds: float) -> int:
    """Print what came of a run, and return the exit code: 0 if every operation was tried, and few only with wrong shapes."""
    for check, found in sorted(outcome.failures.items()):
        _say(f"\n{check}: {len(found)} failures")
        for one in found[:SHOWN_PER_CHECK]:
            _say(f"- {one}")
    unreached = outcome.unreached()
    _say(f"{outcome.cases} cases in {seconds:.0f} s ({outcome.cases / seconds:.0f} per second)")
    _say("statuses: " + ", ".join(f"{status}: {count}" for status, count in sorted(outcome.statuses.items())))
    _say(f"{len(outcome.reached) - len(unreached)} of {len(outcome.reached)} operations got past their shape")
    for each in unreached:
        _say(f"  not {each}")
    if outcome.cases < asked:
        _say(f"only {outcome.cases} of {asked} cases ran")
    untried = sorted(set(operations) - outcome.reached.keys())
    for each in untried:
        _say(f"no case of {each}")
    _say(f"{outcome.cases - outcome.failed_cases} passed, {outcome.failed} failed")
    is_complete = outcome.cases >= asked and not untried and len(unreached) <= MAX_UNREACHED
    return 0 if is_complete and not outcome.failed else 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
