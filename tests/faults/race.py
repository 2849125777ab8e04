"""Races: many writers want what only one can have.

Each race begins on new subjects of its own, and has just one winner; the losers learn the winner's version, and can go
on from there. In a file the writers are of one process, on PostgreSQL of several.
"""

from __future__ import annotations

import asyncio
import copyreg
import itertools
import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from cli.bootstrap import clock
from domain.catalog import COMMAND
from domain.credentials import RevokeToken
from domain.errors import Forbidden, Refused, Stale
from domain.messages import Command
from domain.scopes import SCOPES
from eventlog.entry import Caller, Receipt, Transaction
from eventlog.records import TokenRow
from identity.decision_log import DecisionLog
from identity.oidc.errors import SignInRefusedError
from identity.sessions import ProviderLogin
from tests.support_log import Ticking
from tests.support_postgresql import fresh_schema

WRITERS: Final = 16
ISSUER: Final = "https://login.example.org"
ANN: Final = Caller("person:ann", "local", "http", frozenset(SCOPES))
PROCESSES: Final = 4
"""That race on PostgreSQL."""
TOLD_EVERY: Final = 500
"""Races between two reports."""
copyreg.pickle(
    Stale, lambda stale: (partial(Stale, subject=stale.subject, version=stale.version), (stale.detail,))
)  # so that one process can tell another
Result = Receipt | Refused | BaseException | None
Wanted = Transaction | Callable[[DecisionLog], Refused | None]


def transaction(*commands: dict[str, Any], **expected: int) -> Transaction:
    """Commands of Ann's; `expected` versions by subject, with `__` for the colon."""
    versions = {subject.replace("__", ":"): version for subject, version in expected.items()}
    return Transaction(tuple(map(COMMAND.validate_python, commands)), ANN, None, versions)


async def at_once(log: DecisionLog, wanted: Sequence[Wanted]) -> list[Result]:
    """Run transactions and other actions at the same time, one per caller, and check the results."""

    async def one(each: Wanted) -> Receipt | Refused | None:
        if isinstance(each, Transaction):
            return (await log.execute_many([each]))[0]
        return await asyncio.to_thread(each, log)

    return list(await asyncio.gather(*map(one, wanted), return_exceptions=True))


@dataclass(frozen=True)
class Race:
    """One kind of race: what must be there before it, and what each runner wants."""

    given: Callable[[int], list[dict[str, Any]]]
    wanted: Callable[[int, int], Sequence[Wanted]]
    wrong: Callable[[DecisionLog, int, list[Result]], str | None]
    prepare: Callable[[DecisionLog, int], None] = lambda _log, _n: None


def one_winner(log: DecisionLog, n: int, results: list[Result]) -> str | None:
    """Just one is recorded, and the others get the version that it produced."""
    won = [result for result in results if isinstance(result, Receipt)]
    if len(won) != 1:
        return f"{len(won)} of {len(results)} won"
    lost = {result.version if isinstance(result, Stale) else str(result) for result in results if result is not won[0]}
    version = log.stream(won[0].recorded[0].subject)[-1].version
    return None if lost == {version} else f"the winner came to version {version}; the losers heard {lost}"


def one_stands(log: DecisionLog, n: int, results: list[Result]) -> str | None:
    """One of two decisions is superseded by the other, which stands."""
    replaced = sum(e.type == "DecisionSuperseded.v1" for side in "ab" for e in log.stream(f"decision:{side}{n}"))
    won = sum(isinstance(result, Receipt) for result in results)
    return None if won == replaced == 1 else f"{won} won, and {replaced} of both are superseded"


def one_ends_it(log: DecisionLog, n: int, results: list[Result]) -> str | None:
    """A delegation is ended once; a caller who read the subject before that has to read it again."""
    revoked = [e for e in log.stream(f"product:p{n}") if e.type == "DelegationRevoked.v1"]
    won = [result for result in results if isinstance(result, Receipt)]
    return None if len(won) == 1 and len(revoked) <= 1 else f"{len(won)} won, {len(revoked)} revocations"


def none_rests_on_a_lost_right(log: DecisionLog, n: int, results: list[Result]) -> str | None:
    """Each decision is recorded before its decider loses the right, or refused; none of them is recorded after it."""
    ends = [e.position for e in log.stream(f"product:p{n}") if e.type == "OwnershipReleased.v1"]
    decided = [event for result in results if isinstance(result, Receipt) for event in result.recorded]
    late = [event for event in decided if event.type == "DecisionRecorded.v1" and event.position > ends[0]]
    refused = sum(isinstance(result, Forbidden) for result in results)
    is_complete = len(ends) == 1 and len(decided) + refused == len(results)
    return None if is_complete and not late else f"{len(late)} rest on a right that was lost, {refused} were refused"


def none_rests_on_what_ended(log: DecisionLog, n: int, results: list[Result]) -> str | None:
    """Whatever of Bob's or his agent's was recorded was recorded before what it rests on had ended."""
    entries = [entry for subject in (f"person:b{n}", f"team:t{n}") for entry in log.stream(subject)]
    ends = [each.position for each in entries if each.type in ENDS]
    decided = [each for result in results if isinstance(result, Receipt) for each in result.recorded]
    late = [each for each in decided if ends and each.type == "DecisionRecorded.v1" and each.position > ends[0]]
    refused = sum(isinstance(result, Forbidden) for result in results)
    is_complete = len(ends) == 1 and len(decided) + refused == len(results)
    return (
        None if is_complete and not late else f"{len(late)} rest on what had ended, {refused} were refused: {results}"
    )


ENDS: Final = {"RoleRevoked.v1", "OwnershipReleased.v1", "TokenRevoked.v1", "DelegationRevoked.v1"}


def none_is_signed_in(log: DecisionLog, n: int, results: list[Result]) -> str | None:
    """The account is disconnected and has no sessions, whichever action came first."""
    left = [each for each in log.sessions.all() if each.subject == f"u{n}"]
    refused = sum(isinstance(result, Refused) for result in results)
    is_complete = log.accounts.find(ISSUER, f"u{n}") is None and refused <= 1
    return None if is_complete and not left else f"{len(left)} sessions of an account that was disconnected: {results}"


def _signs_in_until_disconnected(n: int, k: int) -> list[Wanted]:
    """Sign-ins with Bob's account, after it was looked up, while the account is disconnected."""

    def sign_in(log: DecisionLog) -> None:
        with suppress(SignInRefusedError):
            log.sessions.start(f"person:b{n}", ProviderLogin(ISSUER, f"u{n}"))

    def disconnect(log: DecisionLog) -> Refused | None:
        try:
            log.accounts.unlink(ISSUER, f"u{n}")
        except Refused as refused:
            return refused
        return None

    return [*[sign_in] * (k // 2), disconnect, *[sign_in] * (k - k // 2 - 1)]


def _people(n: int) -> list[dict[str, Any]]:
    """Bob, a product, and a role elsewhere, so that the default role is not his."""
    return [
        {"type": "RegisterPerson", "key": f"b{n}", "name": f"Bob {n}"},
        _product(n),
        {"type": "DefineProduct", "key": f"q{n}", "title": "Elsewhere"},
        *(
            {"type": "GrantRole", "subject": who, "role": "viewer", "product": f"q{n}"}
            for who in (f"person:b{n}", f"service:a{n}")
        ),
    ]


def _acts_until(
    end: Callable[[int], Command | dict[str, Any]], actor: str = "person:b"
) -> Callable[[int, int], list[Transaction]]:
    """Decisions of Bob's or of his agent, and in their middle what ends what they rest on."""

    def build(n: int, k: int) -> list[Transaction]:
        caller = Caller(f"{actor}{n}", _token(n), "http")
        behalf = {"on_behalf_of": f"person:b{n}"} if actor != "person:b" else {}
        made = [{**_decision(f"e{n}-{i}"), "products": [f"p{n}"], **behalf} for i in range(k)]
        acts = [Transaction((COMMAND.validate_python(each),), caller) for each in made]
        found = end(n)
        ending = found if isinstance(found, Command) else COMMAND.validate_python(found)
        # Each ends their own delegation; everything else is ended by Ann.
        by = caller if ending.type == "RevokeDelegation" else ANN
        by = Caller(f"person:b{n}", "other", "http") if by is caller else by
        return [*acts[: k // 2], Transaction((ending,), by), *acts[k // 2 + 1 :]]

    return build


def _token(n: int) -> str:
    """The id of the token of a race."""
    return sha256(b"%d" % n).hexdigest()[:16]


def _put_token(log: DecisionLog, n: int) -> None:
    hashed = sha256(_token(n).encode()).digest()
    row = TokenRow(_token(n), hashed, f"person:b{n}", "read write", "", log._clock(), None)
    log._store.change(lambda tables: tables.put_token(row))


def _delegate(log: DecisionLog, n: int) -> None:
    """Bob lets his agent act on his behalf, which only he can."""
    given = {"type": "DelegateActions", "subject": f"person:b{n}", "delegation": "d", "to": f"service:a{n}"}
    bob = Caller(f"person:b{n}", "other", "http")
    asyncio.run(log.execute(Transaction((COMMAND.validate_python(given),), bob)))


def _connect(log: DecisionLog, n: int) -> None:
    log.accounts.link(ISSUER, f"u{n}", f"person:b{n}")


def _manager(subject: str) -> dict[str, Any]:
    return {"type": "GrantRole", "subject": subject, "role": "manager"}


def _decision(key: str) -> dict[str, Any]:
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
            transaction({"type": "ChangeTitle", "subject": f"product:p{n}", "title": f"T{i}"}, **{f"product__p{n}": 1})
            for i in range(k)
        ],
        one_winner,
    ),
    "each supersedes the other": Race(
        lambda n: [_decision(f"a{n}"), _decision(f"b{n}")],
        lambda n, k: [
            transaction({"type": "SupersedeDecision", "subject": f"decision:{old}{n}", "by": [f"{new}{n}"]})
            for old, new in ("ab", "ba")
        ],
        one_stands,
    ),
    "a delegation ends while others act on it": Race(
        lambda n: [
            _product(n),
            {"type": "AssignOwnership", "subject": f"product:p{n}", "holders": ["person:ann"]},
            {"type": "DelegateOwnership", "subject": f"product:p{n}", "delegation": "d", "to": "person:ann"},
        ],
        lambda n, k: [
            transaction(
                {"type": "RevokeDelegation", "subject": f"product:p{n}", "delegation": "d"}
                if i % 2
                else {"type": "ChangeTitle", "subject": f"product:p{n}", "title": f"T{i}"},
                **{f"product__p{n}": 3},
            )
            for i in range(k)
        ],
        one_ends_it,
    ),
    "a right ends while decisions rest on it": Race(
        lambda n: [
            {**_product(n), "accountable": "person:ann"},
            {
                "type": "SetDecisionRights",
                "subject": f"product:p{n}",
                "rules": [{"roles": ["accountable"], "mode": "enforce"}],
            },
        ],
        lambda n, k: [
            transaction(
                {"type": "ReleaseOwnership", "subject": f"product:p{n}"}
                if i == k // 2
                else {**_decision(f"r{n}-{i}"), "products": [f"p{n}"]}
            )
            for i in range(k)
        ],
        none_rests_on_a_lost_right,
    ),
    "a role ends while acts rest on it": Race(
        lambda n: [*_people(n), {**_manager(f"person:b{n}"), "product": f"p{n}"}],
        _acts_until(lambda n: {"type": "RevokeRole", "subject": f"person:b{n}", "role": "manager", "product": f"p{n}"}),
        none_rests_on_what_ended,
    ),
    "a membership ends while acts rest on it": Race(
        lambda n: [
            *_people(n),
            {"type": "RegisterTeam", "key": f"t{n}", "title": f"T{n}"},
            {"type": "AssignOwnership", "subject": f"team:t{n}", "role": "member", "holders": [f"person:b{n}"]},
            {**_manager(f"team:t{n}"), "product": f"p{n}"},
        ],
        _acts_until(lambda n: {"type": "ReleaseOwnership", "subject": f"team:t{n}", "role": "member"}),
        none_rests_on_what_ended,
    ),
    "a token is revoked while acts rest on it": Race(
        lambda n: [*_people(n), _manager(f"person:b{n}")],
        _acts_until(lambda n: RevokeToken(subject=f"person:b{n}", token=_token(n))),
        none_rests_on_what_ended,
        _put_token,
    ),
    "a delegation to an agent ends while it acts on it": Race(
        lambda n: [*_people(n), _manager(f"service:a{n}"), {**_manager(f"person:b{n}"), "role": "contributor"}],
        _acts_until(
            lambda n: {"type": "RevokeDelegation", "subject": f"person:b{n}", "delegation": "d"}, actor="service:a"
        ),
        none_rests_on_what_ended,
        _delegate,
    ),
    "an account is disconnected while its person signs in": Race(
        _people,
        _signs_in_until_disconnected,
        none_is_signed_in,
        _connect,
    ),
}


Run = Callable[[str, int], list[Result]]
"""Lets the writers of a race of one kind and number loose, and tells what became of each."""


def race(log: DecisionLog, name: str, n: int, run: Run) -> str | None:
    """Runs one race; what was wrong with it, if anything."""
    kind = RACES[name]
    for made in asyncio.run(log.execute_many([transaction(command) for command in kind.given(n)])):
        assert isinstance(made, Receipt), made
    kind.prepare(log, n)
    results = run(name, n)
    broken = [repr(result) for result in results if not isinstance(result, Receipt | Refused | None)]
    return broken[0] if broken else kind.wrong(log, n, results)


def races(where: Path | str, rounds: int, open_log: Callable[..., DecisionLog] = DecisionLog.open) -> Iterator[str]:
    """Many races of every kind in turn on one log; tells what was wrong. At an address several processes run them."""
    with (
        open_log(where, clock=Ticking() if isinstance(where, Path) else clock) as log,
        _runners(log, where) as run,
    ):
        log.default_role = "admin"
        asyncio.run(log.execute(transaction({"type": "RegisterPerson", "key": "ann", "name": "Ann"})))
        for n, name in zip(range(rounds), itertools.cycle(RACES), strict=False):
            wrong = race(log, name, n, run)
            if wrong:
                yield f"race {n}, {name}: {wrong}"
        finding = log.verify()
        if finding:
            yield str(finding)


@contextmanager
def _runners(log: DecisionLog, where: Path | str) -> Iterator[Run]:
    if isinstance(where, Path):
        yield lambda name, n: asyncio.run(at_once(log, RACES[name].wanted(n, WRITERS)))
        return
    pipes, processes = [], []
    for number in range(PROCESSES):
        mine, other = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=runner, args=(where, number, other))
        process.start()
        pipes.append(mine)
        processes.append(process)
    for pipe in pipes:
        assert pipe.recv() == "ready"

    def run(name: str, n: int) -> list[Result]:
        for pipe in pipes:
            pipe.send((name, n))
        return [result for pipe in pipes for result in pipe.recv()]

    yield run
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send(None)
        process.join()


def runner(store: str, number: int, pipe: Connection) -> None:
    """One process: runs its share of the writers of each race that it receives."""
    with DecisionLog.open(store, clock=clock) as log:
        log.default_role = "admin"
        pipe.send("ready")
        while asked := pipe.recv():
            name, n = asked
            share = RACES[name].wanted(n, WRITERS)[number::PROCESSES]
            pipe.send(asyncio.run(at_once(log, share)))


def run(rounds: int, kind: str = "sqlite") -> Iterator[str]:
    """Many races; says how many had other than one winner."""
    begun, done, wrong = time.monotonic(), 0, list[str]()
    while done < rounds and not wrong:
        some = min(TOLD_EVERY, rounds - done)
        with tempfile.TemporaryDirectory() as folder, fresh_schema() if kind != "sqlite" else _file(folder) as where:
            wrong += races(where, some)
        done += some
        yield f"{kind}: {done:,} races of {WRITERS} writers in {time.monotonic() - begun:.0f} s, {len(wrong)} wrong"
    yield from wrong[:20]
    if wrong:
        raise SystemExit(1)


@contextmanager
def _file(folder: str) -> Iterator[Path]:
    yield Path(folder) / "log.sqlite3"
