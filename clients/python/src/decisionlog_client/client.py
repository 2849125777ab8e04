"""The synchronous and the asynchronous client. They differ only in `await`."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar, cast

import httpx2

from decisionlog_client import exchange
from decisionlog_client.errors import Refused, parse_problem
from decisionlog_client.exchange import Call, Command, KeyedTransaction, Retries
from decisionlog_client.questions import Question

if TYPE_CHECKING:
    from decisionlog_client.answers import Receipt

TIMEOUT_S: Final = 30.0
PATIENCE_S: Final = 30.0

T = TypeVar("T")
Format = Literal["json", "csv", "jsonl"]
NO_VERSIONS: Final[Mapping[str, int]] = {}


def _new_key() -> str:
    return secrets.token_hex(16)


async def _sleep(seconds: float) -> None:
    import asyncio  # noqa: PLC0415  (slow to import, and not needed by `Client`)

    await asyncio.sleep(seconds)


def _build_options(address: str, token: str | None, timeout: float) -> dict[str, Any]:
    """Return the arguments that both kinds of HTTP client take.

    Certificates are loaded only for HTTPS, because that is slow. A configured proxy is not used for this machine.

    Raises:
        ValueError: the token has characters that no token has; a line break at its end, as in a file, is ignored.
    """
    url = httpx2.URL(address)
    secret = (token or "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", secret):
        raise ValueError("a token has only visible ASCII characters; this one has others")
    return {
        "base_url": url,
        "headers": {"Authorization": f"Bearer {secret}"} if secret else {},
        "timeout": timeout,
        "verify": url.scheme == "https",
        "trust_env": not _is_loopback(url.host),
    }


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class _WrittenPosition:
    """The last position that a client has written; every later answer must cover it."""

    def __init__(self) -> None:
        self.position = 0

    def update(self, receipt: Receipt) -> Receipt:
        self.position = max(self.position, receipt["position"])
        return receipt

    def read_outcomes(self, answer: Any) -> Iterator[Receipt | Refused]:
        for each in answer["results"]:
            yield parse_problem(each["refused"]) if "refused" in each else self.update(each["receipt"])


class Client:
    """A client of one decision log. Close it, or use it as a context manager."""

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        patience: float = PATIENCE_S,
        timeout: float = TIMEOUT_S,
        new_key: Callable[[], str] = _new_key,
        sleep: Callable[[float], object] = time.sleep,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Create the client; this sends nothing.

        Args:
            address: the server's URL, such as `https://log.example.org`.
            token: the API token; without one, only health and version are available.
            patience: seconds that one call may wait in total for a server that is down or asks to wait.
            timeout: seconds after which a response counts as lost.
            new_key: returns a new idempotency key.
            sleep: waits for a number of seconds.
            transport: replaces the network, for example in tests.
        """
        self.address = address.rstrip("/")
        self._http = httpx2.Client(transport=transport, **_build_options(self.address, token, timeout))
        self._patience, self._new_key, self._sleep = patience, new_key, sleep
        self._written = _WrittenPosition()

    @property
    def position(self) -> int:
        """The position that every later answer covers: that of the last write, or the one passed to `cover`."""
        return self._written.position

    def cover(self, position: int) -> None:
        """Make every later answer wait until it covers a position, such as one that another client has written."""
        self._written.position = max(self._written.position, position)

    def send(self, *commands: Command, key: str | None = None, expected: Mapping[str, int] = NO_VERSIONS) -> Receipt:
        """Record commands in one transaction: all of them or none.

        Args:
            commands: mappings such as `{"type": "SetGoal", ...}`, or pydantic models of commands, in order.
            key: the idempotency key, by default a new one. Commands sent again with the same key are recorded once.
            expected: the version of each subject that was read; the transaction is refused if one has changed.

        Raises:
            Refused: the server rejected the transaction; `Stale` if an expected version has changed.
            ClientError: it may or may not have been recorded; send it again with the same key.
        """
        call = exchange.build_commands_call(commands, key or self._new_key(), expected)
        return self._written.update(exchange.read_json(self.call(call)))

    def preview(self, *commands: Command, expected: Mapping[str, int] = NO_VERSIONS) -> Receipt:
        """Return the receipt that `send` would return; nothing is recorded. The arguments are those of `send`.

        Raises:
            Refused: the server would reject the transaction.
            ClientError: the server did not answer.
        """
        call = exchange.build_commands_call(commands, self._new_key(), expected, dry_run=True)
        return cast("Receipt", exchange.read_json(self.call(call)))

    def send_bulk(self, *transactions: Sequence[Command]) -> list[Receipt | Refused]:
        """Record transactions in order, and return a receipt or an error for each.

        Raises:
            Refused: a request was rejected as a whole, for example because one of its commands is malformed; transactions
                of earlier requests may have been recorded.
            ClientError: as in `send`; earlier transactions may have been recorded.
        """
        calls = exchange.build_bulk_calls(KeyedTransaction(self._new_key(), each) for each in transactions)
        return [
            outcome for call in calls for outcome in self._written.read_outcomes(exchange.read_json(self.call(call)))
        ]

    def ask(self, question: Question[T]) -> T:
        """Return the answer to a question.

        Raises:
            Refused: a parameter is invalid, or refers to something that does not exist.
            ClientError: the server did not answer.
        """
        return cast("T", exchange.read_json(self.call(exchange.build_question_call(question, self.position))))

    def text(self, question: Question[Any], format: Format) -> str:  # noqa: A002  (the name of the parameter in the HTTP interface)
        """Return the answer to a question as text: JSON, CSV or JSON Lines. It is one page; `text_pages` yields all.

        Raises:
            Refused, ClientError: as in `ask`.
        """
        return self.call(exchange.build_question_call(question, self.position, format)).text

    def text_pages(self, question: Question[Any], format: Format) -> Iterator[str]:  # noqa: A002  (as in `text`)
        """Yield the answer to a question as text, page by page. Each page of CSV has a header with the columns that it has.

        Raises:
            Refused, ClientError: as in `ask`.
        """
        following: Question[Any] | None = question
        while following:
            response = self.call(exchange.build_question_call(following, self.position, format))
            yield response.text
            following = following.next_page({"next": response.headers.get("Decisionlog-Next")})

    def pages(self, question: Question[T]) -> Iterator[T]:
        """Yield the answer to a question page by page.

        Raises:
            Refused, ClientError: as in `ask`.
        """
        following: Question[T] | None = question
        while following:
            answer = self.ask(following)
            yield answer
            following = following.next_page(answer)

    def call(self, call: Call) -> httpx2.Response:
        """Send a request, again where that may help and cannot record anything twice, and return the response.

        Raises:
            Refused, ClientError: the request did not succeed.
        """
        retries = Retries(call, self._patience)
        while True:
            outcome = self._send_once(call)
            wait = retries.get_wait(outcome)
            if wait is None:
                break
            self._sleep(wait)
        if isinstance(outcome, httpx2.TransportError):
            raise exchange.unreachable(self.address, outcome) from outcome
        return exchange.check_response(outcome)

    def _send_once(self, call: Call) -> httpx2.Response | httpx2.TransportError:
        try:
            return self._http.request(
                call.method, call.path, params=list(call.params), content=call.body, headers=call.headers
            )
        except httpx2.TransportError as error:
            return error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncClient:
    """A client of one decision log for asyncio. Close it, or use it as an asynchronous context manager."""

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        patience: float = PATIENCE_S,
        timeout: float = TIMEOUT_S,
        new_key: Callable[[], str] = _new_key,
        sleep: Callable[[float], Awaitable[object]] = _sleep,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Create the client; this sends nothing. The arguments are those of `Client`."""
        self.address = address.rstrip("/")
        self._http = httpx2.AsyncClient(transport=transport, **_build_options(self.address, token, timeout))
        self._patience, self._new_key, self._sleep = patience, new_key, sleep
        self._written = _WrittenPosition()

    @property
    def position(self) -> int:
        """The position that every later answer covers: that of the last write, or the one passed to `cover`."""
        return self._written.position

    def cover(self, position: int) -> None:
        """Make every later answer wait until it covers a position, such as one that another client has written."""
        self._written.position = max(self._written.position, position)

    async def send(
        self, *commands: Command, key: str | None = None, expected: Mapping[str, int] = NO_VERSIONS
    ) -> Receipt:
        """Record commands in one transaction: all of them or none. The arguments are those of `Client.send`.

        Raises:
            Refused: the server rejected the transaction; `Stale` if an expected version has changed.
            ClientError: it may or may not have been recorded; send it again with the same key.
        """
        call = exchange.build_commands_call(commands, key or self._new_key(), expected)
        return self._written.update(exchange.read_json(await self.call(call)))

    async def preview(self, *commands: Command, expected: Mapping[str, int] = NO_VERSIONS) -> Receipt:
        """Return the receipt that `send` would return; nothing is recorded. The arguments are those of `Client.send`.

        Raises:
            Refused: the server would reject the transaction.
            ClientError: the server did not answer.
        """
        call = exchange.build_commands_call(commands, self._new_key(), expected, dry_run=True)
        return cast("Receipt", exchange.read_json(await self.call(call)))

    async def send_bulk(self, *transactions: Sequence[Command]) -> list[Receipt | Refused]:
        """Record transactions in order, and return a receipt or an error for each.

        Raises:
            Refused, ClientError: as in `Client.send_bulk`.
        """
        calls = exchange.build_bulk_calls(KeyedTransaction(self._new_key(), each) for each in transactions)
        return [
            outcome
            for call in calls
            for outcome in self._written.read_outcomes(exchange.read_json(await self.call(call)))
        ]

    async def ask(self, question: Question[T]) -> T:
        """Return the answer to a question.

        Raises:
            Refused: a parameter is invalid, or refers to something that does not exist.
            ClientError: the server did not answer.
        """
        call = exchange.build_question_call(question, self.position)
        return cast("T", exchange.read_json(await self.call(call)))

    async def text(self, question: Question[Any], format: Format) -> str:  # noqa: A002  (the name of the parameter in the HTTP interface)
        """Return the answer to a question as text: JSON, CSV or JSON Lines. It is one page; `text_pages` yields all.

        Raises:
            Refused, ClientError: as in `ask`.
        """
        return (await self.call(exchange.build_question_call(question, self.position, format))).text

    async def text_pages(self, question: Question[Any], format: Format) -> AsyncIterator[str]:  # noqa: A002  (as in `text`)
        """Yield the answer to a question as text, page by page. Each page of CSV has a header with the columns that it has.

        Raises:
            Refused, ClientError: as in `ask`.
        """
        following: Question[Any] | None = question
        while following:
            response = await self.call(exchange.build_question_call(following, self.position, format))
            yield response.text
            following = following.next_page({"next": response.headers.get("Decisionlog-Next")})

    async def pages(self, question: Question[T]) -> AsyncIterator[T]:
        """Yield the answer to a question page by page.

        Raises:
            Refused, ClientError: as in `ask`.
        """
        following: Question[T] | None = question
        while following:
            answer = await self.ask(following)
            yield answer
            following = following.next_page(answer)

    async def call(self, call: Call) -> httpx2.Response:
        """Send a request, again where that may help and cannot record anything twice, and return the response.

        Raises:
            Refused, ClientError: the request did not succeed.
        """
        retries = Retries(call, self._patience)
        while True:
            outcome = await self._send_once(call)
            wait = retries.get_wait(outcome)
            if wait is None:
                break
            await self._sleep(wait)
        if isinstance(outcome, httpx2.TransportError):
            raise exchange.unreachable(self.address, outcome) from outcome
        return exchange.check_response(outcome)

    async def _send_once(self, call: Call) -> httpx2.Response | httpx2.TransportError:
        try:
            return await self._http.request(
                call.method, call.path, params=list(call.params), content=call.body, headers=call.headers
            )
        except httpx2.TransportError as error:
            return error

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()
