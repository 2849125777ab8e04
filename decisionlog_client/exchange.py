"""What is sent and what comes back, without sending anything: both clients are a loop around this.

A call is sent again when it can do no harm: it asks, or it carries an idempotency key, or it never left. How long one
waits in all for that is the client's patience.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

import httpx2

from decisionlog_client.errors import (
    Failed,
    NotADecisionLog,
    NotSignedIn,
    NotYet,
    Unreachable,
    refusal,
)

if TYPE_CHECKING:
    from decisionlog_client.questions import Question
    from domain.messages import Command

FIRST_PAUSE: Final = 0.1
"""Seconds before a call is sent a second time; each further time it is twice as long."""
BODY: Final = 2 * 1024 * 1024
"""Bytes of units to send at once; the server takes twice as much."""
BULK_PATH: Final = 500
"""Units to send at once; the server takes twice as many."""
_SENT_AGAIN: Final = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `repeatable` says that sending it twice has no other effect than sending it once."""

    method: str
    path: str
    params: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False


def asking(question: Question[Any], min_position: int, format_: str = "json") -> Call:
    """A question as a call; its answer covers `min_position`, where it can wait for one."""
    covered = {"min_position": min_position} if min_position and question.awaits else {}
    wanted = {} if format_ == "json" else {"format": format_}
    return Call("GET", question.path, parameters({**covered, **wanted, **question.asked}), repeatable=True)


def sending(commands: Sequence[Command], key: str, expected: Mapping[str, int]) -> Call:
    """Commands as one unit, with its idempotency key and the versions that were read."""
    transaction = b'{"commands":[%b],"expected":%b}' % (_written(commands), json.dumps(dict(expected)).encode())
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    return Call("POST", "/v1/commands", body=transaction, headers=headers, repeatable=True)


def sending_bulk(transactions: Iterable[tuple[str | None, Sequence[Command]]]) -> Iterator[Call]:
    """Units with their keys as calls, none longer than the server takes."""
    headers = {"Content-Type": "application/json"}
    waiting: list[tuple[str | None, bytes]] = []
    for key, commands in transactions:
        transaction = b'{"commands":[%b]%b}' % (
            _written(commands),
            b',"key":%b' % json.dumps(key).encode() if key else b"",
        )
        if waiting and (len(waiting) == BULK_PATH or sum(len(each) for _, each in waiting) + len(transaction) > BODY):
            yield _transactions_of(waiting, headers)
            waiting = []
        waiting.append((key, transaction))
    if waiting:
        yield _transactions_of(waiting, headers)


def _transactions_of(waiting: Sequence[tuple[str | None, bytes]], headers: Mapping[str, str]) -> Call:
    body = b'{"transactions":[%b]}' % b",".join(transaction for _, transaction in waiting)
    return Call("POST", "/v1/bulk", body=body, headers=headers, repeatable=all(key for key, _ in waiting))


def _written(commands: Sequence[Command]) -> bytes:
    written = (command.model_dump_json(by_alias=True, exclude_none=True).encode() for command in commands)
    return b",".join(written)


def parameters(asked: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was asked for as query parameters: a list several times, None not at all.

    Raises:
        ValueError: an instant has no offset from UTC.
    """
    return [
        (name, _said(each))
        for name, value in asked.items()
        if value is not None
        for each in (value if isinstance(value, list | tuple) else (value,))
    ]


def _said(value: Any) -> str:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            msg = "an instant needs its offset from UTC; datetime.now(UTC) has one"
            raise ValueError(msg)
        return value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)


def answered(response: httpx2.Response) -> httpx2.Response:
    """A response in which the log says that it did what was asked.

    Raises:
        Refused: it was refused.
        NotSignedIn, NotYet, Failed: the server says so.
        NotADecisionLog: something else answers.
    """
    if response.is_success:
        return response
    problem = _json(response) if "problem+json" in response.headers.get("Content-Type", "") else None
    if not isinstance(problem, dict):
        detail = f"{response.request.url.copy_with(query=None)} answers {response.status_code}, and is no decision log"
        raise NotADecisionLog(detail)
    detail = str(problem.get("detail", response.reason_phrase))
    if response.status_code == httpx2.codes.UNAUTHORIZED:
        raise NotSignedIn(detail)
    if response.status_code == httpx2.codes.GATEWAY_TIMEOUT:
        raise NotYet(detail)
    if response.is_server_error:
        raise Failed(detail)
    raise refusal(problem)


def read(response: httpx2.Response) -> Any:
    """The JSON of an answer.

    Raises:
        NotADecisionLog: it is none.
    """
    found = _json(response)
    if found is None:
        detail = f"{response.request.url.copy_with(query=None)} answers what is no JSON, and is no decision log"
        raise NotADecisionLog(detail)
    return found


def _json(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


@dataclass(slots=True)
class Tries:
    """How often one call was sent, and whether it is to be sent again. `patience` is seconds of waiting in all."""

    call: Call
    patience: float
    waited: float = 0.0
    pause: float = FIRST_PAUSE

    def after(self, outcome: httpx2.Response | httpx2.TransportError) -> float | None:
        """Seconds to wait before it is sent again; None if what came of it stands."""
        wait = self._asked_to_wait(outcome)
        if wait is None or self.waited + wait > self.patience:
            return None
        self.waited += wait
        self.pause *= 2
        return wait

    def _asked_to_wait(self, outcome: httpx2.Response | httpx2.TransportError) -> float | None:  # noqa: PLR0911
        if isinstance(outcome, httpx2.ConnectError | httpx2.ConnectTimeout):  # it never left
            return self.pause
        if not self.call.repeatable:
            return None
        if isinstance(outcome, httpx2.TimeoutException):  # it was long enough the first time
            return None if self.waited else self.pause
        if isinstance(outcome, httpx2.TransportError):
            return None if isinstance(outcome, httpx2.UnsupportedProtocol) else self.pause
        if outcome.status_code not in _SENT_AGAIN:
            return None
        said = outcome.headers.get("Retry-After", "")
        if said.isdecimal():
            return max(float(said), self.pause)
        # A read model that has stopped says no time: waiting would not help.
        return None if outcome.status_code == httpx2.codes.SERVICE_UNAVAILABLE else self.pause


def unreachable(address: str, error: Exception) -> Unreachable:
    """Nobody answers at an address."""
    return Unreachable(f"nobody answers at {address} ({str(error) or type(error).__name__})")
