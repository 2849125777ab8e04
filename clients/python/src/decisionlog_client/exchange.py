"""Requests and responses without any input or output; both clients are a loop around this module.

A call is sent again only if that cannot record anything twice: it reads, or it carries an idempotency key, or it never
reached the server. The client's `patience` limits how long one call waits in total.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, runtime_checkable

import httpx2

from decisionlog_client.errors import (
    Failed,
    NotADecisionLog,
    NotSignedIn,
    NotYet,
    Unreachable,
    parse_problem,
)

if TYPE_CHECKING:
    from decisionlog_client.questions import Question

FIRST_PAUSE_S: Final = 0.1
"""The wait before a call is sent a second time; it doubles each further time."""
BULK_BODY_BYTES: Final = 2 * 1024 * 1024
"""The size of one bulk request; the server accepts twice as much."""
BULK_TRANSACTIONS: Final = 500
"""The number of transactions in one bulk request; the server accepts twice as many."""
BULK_COMMANDS: Final = 5_000
"""The number of commands in one bulk request, over all transactions; the server accepts twice as many."""
BULK_MEMBERS: Final = 75_000
"""The number of members of lists and objects in one bulk request; the server accepts twice as many."""
_GATEWAY_STATUSES: Final = frozenset({502, 503, 504})
_RETRIED_STATUSES: Final = frozenset({429, *_GATEWAY_STATUSES})


@runtime_checkable
class CommandModel(Protocol):
    """A command as a pydantic model."""

    def model_dump_json(self, *, by_alias: bool, exclude_none: bool) -> str:
        """Return the command as JSON."""
        ...


Command = Mapping[str, Any] | CommandModel
"""A command: a mapping such as `{"type": "SetGoal", "subject": "goal:growth", ...}`, or a pydantic model of one."""


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request. Sending a `repeatable` one twice has the same effect as sending it once."""

    method: str
    path: str
    params: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False


def build_question_call(question: Question[Any], min_position: int, format_: str = "json") -> Call:
    """Return the request for a question; where it can wait for a position, its answer covers `min_position`.

    Raises:
        ValueError: a time has no UTC offset.
    """
    covered = {"min_position": min_position} if min_position and question.awaits else {}
    wanted = {} if format_ == "json" else {"format": format_}
    return Call("GET", question.path, build_parameters({**covered, **wanted, **question.parameters}), repeatable=True)


def build_commands_call(
    commands: Sequence[Command], key: str, expected: Mapping[str, int], *, dry_run: bool = False
) -> Call:
    """Return the request for one transaction, with its idempotency key and the expected versions of subjects.

    With `dry_run`, nothing is recorded.

    Raises:
        ValueError: a time has no UTC offset.
        TypeError: a value has no form in JSON.
    """
    transaction = b'{"commands":[%b],"expected":%b}' % (_dump_commands(commands), json.dumps(dict(expected)).encode())
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    params = [("dry_run", "true")] if dry_run else []
    return Call("POST", "/v1/commands", params, body=transaction, headers=headers, repeatable=True)


class KeyedTransaction(NamedTuple):
    """The commands of one transaction in a bulk request, its idempotency key, and the expected versions of subjects."""

    key: str | None
    commands: Sequence[Command]
    expected: Mapping[str, int] = {}


def build_bulk_calls(transactions: Iterable[KeyedTransaction]) -> Iterator[Call]:
    """Yield the bulk requests for transactions, none larger than the server accepts.

    Raises:
        ValueError: a time has no UTC offset.
        TypeError: a value has no form in JSON.
    """
    waiting: list[tuple[KeyedTransaction, bytes]] = []
    total = _BulkSize()
    for transaction in transactions:
        body = _dump_transaction(transaction)
        size = _BulkSize(1, len(body), len(transaction.commands), sum(map(body.count, (b",", b"[", b"{"))))
        if waiting and not total.plus(size).fits():
            yield _build_bulk_call(waiting)
            waiting, total = [], _BulkSize()
        waiting.append((transaction, body))
        total = total.plus(size)
    if waiting:
        yield _build_bulk_call(waiting)


class _BulkSize(NamedTuple):
    """What a bulk request contains. The members are at least those that a server counts."""

    transactions: int = 0
    body_bytes: int = 0
    commands: int = 0
    members: int = 0

    def plus(self, other: _BulkSize) -> _BulkSize:
        return _BulkSize(*map(sum, zip(self, other, strict=True)))

    def fits(self) -> bool:
        limits = (BULK_TRANSACTIONS, BULK_BODY_BYTES, BULK_COMMANDS, BULK_MEMBERS)
        return all(size <= limit for size, limit in zip(self, limits, strict=True))


def _dump_transaction(transaction: KeyedTransaction) -> bytes:
    key, commands, expected = transaction
    more = {name: value for name, value in (("key", key), ("expected", dict(expected))) if value}
    fields = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in more.items())
    return b'{"commands":[%b]%b}' % (_dump_commands(commands), fields.encode())


def _build_bulk_call(transactions: Sequence[tuple[KeyedTransaction, bytes]]) -> Call:
    body = b'{"transactions":[%b]}' % b",".join(body for _, body in transactions)
    headers = {"Content-Type": "application/json"}
    return Call("POST", "/v1/bulk", body=body, headers=headers, repeatable=all(each.key for each, _ in transactions))


def _dump_commands(commands: Sequence[Command]) -> bytes:
    return b",".join(_dump_command(command) for command in commands)


def _dump_command(command: Command) -> bytes:
    if isinstance(command, CommandModel):
        return command.model_dump_json(by_alias=True, exclude_none=True).encode()
    return json.dumps(dict(command), ensure_ascii=False, default=_dump_value).encode()


def _dump_value(value: Any) -> Any:
    if isinstance(value, date):
        return _format_parameter(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a command cannot contain a {type(value).__name__}; use text, numbers, lists, mappings or dates")


def build_parameters(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return query parameters: one for each item of a list, and none for None.

    Raises:
        ValueError: a time has no UTC offset.
    """
    return [
        (name, _format_parameter(each))
        for name, value in parameters.items()
        if value is not None
        for each in (value if isinstance(value, list | tuple) else (value,))
    ]


def _format_parameter(value: Any) -> str:
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"{value} needs a UTC offset; for example, use datetime.now(UTC)")
    if isinstance(value, date):
        return value.isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_response(response: httpx2.Response) -> httpx2.Response:
    """Return the response if the request succeeded.

    Raises:
        Refused: the server rejected the request.
        NotSignedIn: the token is missing, unknown or revoked.
        NotYet: the answer does not cover the required position yet.
        Failed: the server failed.
        Unreachable: a proxy in front of the server could not reach it.
        NotADecisionLog: the server is not a decision log.
    """
    if response.is_success:
        return response
    problem = _parse_json(response) if "problem+json" in response.headers.get("Content-Type", "") else None
    if not isinstance(problem, dict):
        url = response.request.url.copy_with(query=None)
        if response.status_code in _GATEWAY_STATUSES:
            answer = f"{response.status_code} {response.reason_phrase}".rstrip()
            raise Unreachable(f"a proxy in front of the decision log cannot reach it: {url} answered {answer}")
        raise NotADecisionLog(f"{url} answered {response.status_code}; it is not the address of a decision log")
    detail = str(problem.get("detail", response.reason_phrase))
    if response.status_code == httpx2.codes.UNAUTHORIZED:
        raise NotSignedIn(detail)
    if response.status_code == httpx2.codes.GATEWAY_TIMEOUT:
        raise NotYet(detail)
    if response.is_server_error:
        raise Failed(detail)
    raise parse_problem(problem)


def read_json(response: httpx2.Response) -> Any:
    """Return the JSON of a response.

    Raises:
        NotADecisionLog: it is not JSON.
    """
    found = _parse_json(response)
    if found is None:
        url = response.request.url.copy_with(query=None)
        raise NotADecisionLog(f"{url} did not answer with JSON; it is not the address of a decision log")
    return found


def _parse_json(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


@dataclass(slots=True)
class Retries:
    """Decides whether one call is sent again; `patience` is the number of seconds to wait in total."""

    call: Call
    patience: float
    waited: float = 0.0
    pause: float = FIRST_PAUSE_S

    def get_wait(self, outcome: httpx2.Response | httpx2.TransportError) -> float | None:
        """Return the seconds to wait before the call is sent again, or None if the outcome is final."""
        wait = self._get_requested_wait(outcome)
        if wait is None or self.waited + wait > self.patience:
            return None
        self.waited += wait
        self.pause *= 2
        return wait

    def _get_requested_wait(self, outcome: httpx2.Response | httpx2.TransportError) -> float | None:  # noqa: PLR0911
        if isinstance(outcome, httpx2.ConnectError | httpx2.ConnectTimeout):  # the server did not receive it
            return self.pause
        if not self.call.repeatable:
            return None
        if isinstance(outcome, httpx2.TimeoutException):  # retried once: a timeout is long
            return None if self.waited else self.pause
        if isinstance(outcome, httpx2.TransportError):
            return None if isinstance(outcome, httpx2.UnsupportedProtocol) else self.pause
        if outcome.status_code not in _RETRIED_STATUSES:
            return None
        retry_after = outcome.headers.get("Retry-After", "")
        if retry_after.isdecimal():
            return max(float(retry_after), self.pause)
        # A 503 without Retry-After means that the read model has stopped; waiting does not help.
        return None if outcome.status_code == httpx2.codes.SERVICE_UNAVAILABLE else self.pause


def unreachable(address: str, error: Exception) -> Unreachable:
    """Return the error for an address at which no server answers."""
    return Unreachable(f"no server answers at {address} ({str(error) or type(error).__name__})")
