"""Races: many writers want what only one can have.

Each race begins anew on subjects of its own, and has just one winner; the losers learn the winner's version, and can go
on from there.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from domain.catalogue import COMMAND
from domain.errors import Refused, Stale
from eventlog.entry import Caller, Receipt, Unit
from eventlog.log import DecisionLog
from eventlog.tokens import RIGHTS
from tests.support_house import Ticking

WRITERS: Final = 16
ANN: Final = Caller("person:ann", "a-token", "http", frozenset(RIGHTS))
Result = Receipt | Refused | BaseException


def unit(*commands: dict[str, Any], **expected: int) -> Unit:
    """Commands of Ann's; `expected` versions by subject, with `__` for the colon."""
    versions = {subject.replace("__", ":"): version for subject, version in expected.items()}
    return Unit(tuple(map(COMMAND.validate_python, commands)), ANN, None, versions)


async def at_once(log: DecisionLog, units: list[Unit]) -> list[Result]:
    """What becomes of units that are sent at the same time, by as many callers."""

    async def one(unit: Unit) -> Receipt | Refused:
        return (await log.execute_many([unit]))[0]

    return list(await asyncio.gather(*map(one, units), return_exceptions=True))


@dataclass(frozen=True)
class Race:
    """One kind of race: what must be there before it, and what each runner wants."""

    given: Callable[[int], list[dict[str, Any]]]
    wanted: Callable[[int, int], list[Unit]]
    wrong: Callable[[DecisionLog, int, list[Result]], str | None]


def one_winner(log: DecisionLog, n: int, results: list[Result]) -> str | None:
    """Just one is recorded, and the others are told the version it came to."""
    won = [result for result in results if isinstance(result, Receipt)]
    if len(won) != 1:
        return f"{len(won)} of {len(results)} won"
    lost = {result.version if isinstance(result, Stale) else str(result) for result in results if result is not won[0]}
    version = log.state(won[0].recorded[0].subject).version
    return None if lost == {version} else f"the winner came to version {version}; the losers heard {lost}"


def one_stands(log: DecisionLog, n: int, results: list[Result]) -> str | None:
    """One of two decisions is superseded by the other, which stands."""
    status = sorted(str(log.state(f"decision:{side}{n}").value("status", log.head().recorded_at)) for side in "ab")
    won = sum(isinstance(result, Receipt) for result in results)
    return None if won == 1 and status == ["accepted", "superseded"] else f"{won} won, and they are {status}"


def one_ends_it(log: DecisionLog, n: int, results: list[Result]) -> str | None:
    """A delegation is ended once; whoever saw the subject before that has to look again."""
    revoked = [e for e in log.stream(f"product:p{n}") if e.type == "DelegationRevoked.v1"]
    won = [result for result in results if isinstance(result, Receipt)]
    return None if len(won) == 1 and len(revoked) <= 1 else f"{len(won)} won, {len(revoked)} revocations"


def _decided(key: str) -> dict[str, Any]:
    return {
        "type": "RecordDecision",
        "key": key,
        "title": key,
        "decision": "x",
        "why": "y",
        "accountable": "person:ann",
    }


def _product(n: int) -> dict[str, Any]:
    return {"type": "DefineProduct", "key": f"p{n}", "title": f"P{n}"}


RACES: Final = {
    "one version": Race(
        lambda n: [_product(n)],
        lambda n, k: [
            unit({"type": "Retitle", "subject": f"product:p{n}", "title": f"T{i}"}, **{f"product__p{n}": 1})
            for i in range(k)
        ],
        one_winner,
    ),
    "each supersedes the other": Race(
        lambda n: [_decided(f"a{n}"), _decided(f"b{n}")],
        lambda n, k: [
            unit({"type": "SupersedeDecision", "subject": f"decision:{old}{n}", "by": [f"{new}{n}"]})
            for old, new in ("ab", "ba")
        ],
        one_stands,
    ),
    "a delegation ends while others act on it": Race(
        lambda n: [
            _product(n), {"type": "AssignOwnership", "subject": f"product:p{n}", "holders": ["person:ann"]},
            {"type": "DelegateOwnership", "subject": f"product:p{n}", "delegation": "d", "to": "person:ann"},
        ],
        lambda n, k: [
            unit(
                {"type": "RevokeDelegation", "subject": f"product:p{n}", "delegation": "d"} if i % 2 else
                {"type": "Retitle", "subject": f"product:p{n}", "title": f"T{i}"},
                **{f"product__p{n}": 3},
            )
            for i in range(k)
        ],
        one_ends_it,
    ),
}  # fmt: skip


async def race(log: DecisionLog, name: str, n: int) -> str | None:
    """Runs one race; what was wrong with it, if anything."""
    kind = RACES[name]
    for made in await log.execute_many([unit(command) for command in kind.given(n)]):
        assert isinstance(made, Receipt), made
    results = await at_once(log, kind.wanted(n, WRITERS))
    broken = [repr(result) for result in results if not isinstance(result, Receipt | Refused)]
    return broken[0] if broken else kind.wrong(log, n, results)


def races(path: Path, rounds: int, open_log: Callable[..., DecisionLog] = DecisionLog.open) -> Iterator[str]:
    """Many races of every kind in turn on one log; tells what was wrong."""
    with open_log(path, clock=Ticking()) as log:
        asyncio.run(log.execute(unit({"type": "RegisterPerson", "key": "ann", "name": "Ann"})))
        for n in range(rounds):
            name = list(RACES)[n % len(RACES)]
            wrong = asyncio.run(race(log, name, n))
            if wrong:
                yield f"race {n}, {name}: {wrong}"
        finding = log.verify()
        if finding:
            yield str(finding)


def run(rounds: int) -> Iterator[str]:
    """Many races; says how many had other than one winner."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        wrong = list(races(Path(folder) / "log.sqlite3", rounds))
    yield f"{rounds:,} races of {WRITERS} writers in {time.monotonic() - begun:.0f} s, {len(wrong)} wrong"
    yield from wrong[:20]
    if wrong:
        raise SystemExit(1)
