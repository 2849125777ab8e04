"""Speaking to the server that has the log, where there is one: a command beside it never writes the file itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx2
from pydantic_core import to_json

from cli.errors import CannotGoOn, Exit
from cli.settings import Settings
from domain import errors
from domain.errors import Refused
from domain.values import micros, parse_instant
from eventlog.entry import Caller, Receipt, Recorded, Unit
from eventlog.errors import LogInUseError

SECONDS: Final = 120.0
BODY: Final = 2 * 1024 * 1024
"""Bytes of units to send at once; the server takes twice as much."""
UNITS: Final = 500


@contextmanager
def server_of(found: LogInUseError, settings: Settings) -> Iterator[Server]:
    """The server that holds the lock.

    Raises:
        CannotGoOn: it gave no address, or it cannot be reached.
    """
    if not found.address:
        raise CannotGoOn(str(found), Exit.IN_USE)
    secret = settings.token.get_secret_value() if settings.token else found.key
    headers = {"Authorization": f"Bearer {secret}"}
    # The server is on this machine; a proxy that is set for the world would not find it.
    with httpx2.Client(base_url=found.address, headers=headers, timeout=SECONDS, trust_env=False) as client:
        yield Server(client)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that has the log."""

    client: httpx2.Client

    def send(self, method: str, path: str, body: bytes | None = None) -> Any:
        """The answer to a request, as parsed JSON.

        Raises:
            Refused: it was refused.
            CannotGoOn: the server cannot be reached.
        """
        try:
            answer = self.client.request(method, path, content=body, headers={"Content-Type": "application/json"})
        except httpx2.HTTPError as error:
            sentence = (
                f"The server at {self.client.base_url} does not answer ({error}). Stop it or wait, then try again."
            )
            raise CannotGoOn(sentence, Exit.IN_USE) from error
        if answer.is_error:
            raise refusal(answer.json())
        return answer.json()

    def speaker(self, channel: str) -> Caller:
        """Who speaks, as the server knows from the token or the key.

        Raises:
            Refused: the token is unknown or was revoked.
        """
        told = self.send("GET", "/v1/me")
        return Caller(told["actor"], told["credential"], channel, frozenset(told["rights"]))

    async def execute_many(self, units: Sequence[Unit]) -> list[Receipt | Refused]:
        """Applies units in order, each with its own fate."""
        results: list[Receipt | Refused] = []
        for body in _bodies(units):
            results += [_fate(each) for each in self.send("POST", "/v1/units", body)["results"]]
        return results


def _bodies(units: Sequence[Unit]) -> Iterator[bytes]:
    """The units as request bodies, none longer than the server takes."""
    waiting: list[bytes] = []
    for unit in units:
        written = _written(unit)
        if waiting and (len(waiting) == UNITS or sum(map(len, waiting)) + len(written) > BODY):
            yield b'{"units":[%b]}' % b",".join(waiting)
            waiting = []
        waiting.append(written)
    if waiting:
        yield b'{"units":[%b]}' % b",".join(waiting)


def _written(unit: Unit) -> bytes:
    commands = [command.model_dump(mode="json", by_alias=True, exclude_none=True) for command in unit.commands]
    expected = {"expected": dict(unit.expected)} if unit.expected else {}
    return to_json({"commands": commands} | ({"key": unit.key} if unit.key else {}) | expected)


def _fate(result: Any) -> Receipt | Refused:
    if "refused" in result:
        return refusal(result["refused"])
    receipt = result["receipt"]
    recorded = (
        Recorded(
            each["position"], each["subject"], each["version"], each["type"],
            micros(parse_instant(each["recorded_at"])),
        )
        for each in receipt["recorded"]
    )  # fmt: skip
    return Receipt(tuple(recorded), receipt["replayed"])


def refusal(problem: Any) -> Refused:
    """A problem document as the refusal it tells of; its type is the name of the class in lower case."""
    name = problem.get("type", "").rpartition(":")[2]
    detail, field, subject = (problem.get(part) for part in ("detail", "field", "subject"))
    kind = _KINDS.get(name, Refused)
    if kind is errors.Stale:
        return errors.Stale(detail, subject=subject or "", version=problem.get("version") or 0, field=field)
    return kind(detail, field=field, subject=subject)


def _all_of(kind: type[Refused]) -> Iterator[type[Refused]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _all_of(below)


_KINDS: Final = {re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower(): kind for kind in _all_of(Refused)}
_KINDS["idempotency-key-reused"] = errors.KeyReused
