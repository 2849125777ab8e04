"""The two clients. They differ in nothing but `await`."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar, cast

import httpx2

from decisionlog_client import exchange
from decisionlog_client.errors import refusal
from decisionlog_client.exchange import Call, Tries
from decisionlog_client.questions import Question
from domain.errors import Refused

if TYPE_CHECKING:
    from decisionlog_client.answers import Receipt
    from domain.messages import Command

TIMEOUT: Final = 30.0
PATIENCE: Final = 30.0

T = TypeVar("T")
Format = Literal["json", "csv", "jsonl"]
NO_VERSIONS: Final[Mapping[str, int]] = {}


def _new_key() -> str:
    return secrets.token_hex(16)


async def _sleep(seconds: float) -> None:
    import asyncio  # noqa: PLC0415  (it takes longer to load than most answers, and half of the clients never need it)

    await asyncio.sleep(seconds)


def _options(address: str, token: str | None, timeout: float) -> dict[str, Any]:
    """What both kinds of connection are made with.

    A plain address needs no certificates, which take a while to load. A proxy that is set for the world would not find
    a server on this machine.
    """
    url = httpx2.URL(address)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return {
        "base_url": url, "headers": headers, "timeout": timeout, "verify": url.scheme == "https",
        "trust_env": not _on_this_machine(url.host),
    }  # fmt: skip


def _on_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class _Known:
    """What a client has learned: the last position it has written, which every later answer must cover."""

    def __init__(self) -> None:
        self.position = 0

    def learn(self, outcome: Receipt) -> Receipt:
        self.position = max(self.position, outcome["position"])
        return outcome

    def outcomes(self, answer: Any) -> Iterator[Receipt | Refused]:
        for each in answer["results"]:
            yield refusal(each["refused"]) if "refused" in each else self.learn(each["receipt"])


class Client:
    """A decision log behind HTTP. Close it, or use it in a `with`."""

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        patience: float = PATIENCE,
        timeout: float = TIMEOUT,
        new_key: Callable[[], str] = _new_key,
        sleep: Callable[[float], object] = time.sleep,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """Makes the client; nothing is sent yet.

        Args:
            address: where the server is, such as `https://log.example.org`.
            token: who speaks; without one only health and version are answered.
            patience: seconds to wait in all, in one call, for a server that is away or asks to wait.
            timeout: seconds until an answer counts as lost.
            new_key: makes idempotency keys.
            sleep: waits for seconds.
            transport: another way to the server than the network.
        """
        self.address = address.rstrip("/")
        self._http = httpx2.Client(transport=transport, **_options(self.address, token, timeout))
        self._patience, self._new_key, self._sleep = patience, new_key, sleep
        self._known = _Known()

    @property
    def position(self) -> int:
        """The position that every answer to come covers: of the last own write, or what was passed to `cover`."""
        return self._known.position

    def cover(self, position: int) -> None:
        """Makes every answer to come wait until it covers a position, such as one that another client has written."""
        self._known.position = max(self._known.position, position)

    def send(self, *commands: Command, key: str | None = None, expected: Mapping[str, int] = NO_VERSIONS) -> Receipt:
        """Records commands as one unit, whole or not at all.

        Args:
            commands: what is to be recorded, in order.
            key: its idempotency key; a new one if silent. The same unit with the same key is recorded once.
            expected: the versions that were read, by subject.

        Raises:
            Refused: the log refused it; `Stale` if a version has moved.
            ClientError: whether it was recorded is not known, unless the error says so; send it again with its key.
        """
        call = exchange.sending(commands, key or self._new_key(), expected)
        return self._known.learn(exchange.read(self.call(call)))

    def send_bulk(self, *transactions: Sequence[Command]) -> list[Receipt | Refused]:
        """Records units in order, each with a fate of its own.

        Raises:
            ClientError: as `send`; the units before the one that failed may have been recorded.
        """
        calls = exchange.sending_bulk((self._new_key(), transaction) for transaction in transactions)
        return [outcome for call in calls for outcome in self._known.outcomes(exchange.read(self.call(call)))]

    def ask(self, question: Question[T]) -> T:
        """The answer to a question.

        Raises:
            Refused: it was not understood, or is about what the log does not know.
            ClientError: it was not answered.
        """
        return cast("T", exchange.read(self.call(exchange.asking(question, self.position))))

    def text(self, question: Question[Any], format: Format) -> str:  # noqa: A002  (its name in the interface)
        """The answer as it came: JSON, CSV or JSON Lines.

        Raises:
            Refused, ClientError: as `ask`.
        """
        return self.call(exchange.asking(question, self.position, format)).text

    def pages(self, question: Question[T]) -> Iterator[T]:
        """The answer and all that follow it, as long as there is more.

        Raises:
            Refused, ClientError: as `ask`.
        """
        following: Question[T] | None = question
        while following:
            answer = self.ask(following)
            yield answer
            following = following.behind(answer)

    def call(self, call: Call) -> httpx2.Response:
        """What the server answers to a call, sent again where that helps and does no harm.

        Raises:
            Refused, ClientError: it did not do what was asked.
        """
        tries = Tries(call, self._patience)
        while True:
            outcome = self._once(call)
            wait = tries.after(outcome)
            if wait is None:
                break
            self._sleep(wait)
        if isinstance(outcome, httpx2.TransportError):
            raise exchange.unreachable(self.address, outcome) from outcome
        return exchange.answered(outcome)

    def _once(self, call: Call) -> httpx2.Response | httpx2.TransportError:
        try:
            return self._http.request(
                call.method, call.path, params=list(call.params), content=call.body, headers=call.headers
            )
        except httpx2.TransportError as error:
            return error

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class AsyncClient:
    """The same for asyncio. Close it, or use it in an `async with`."""

    def __init__(
        self,
        address: str,
        *,
        token: str | None = None,
        patience: float = PATIENCE,
        timeout: float = TIMEOUT,
        new_key: Callable[[], str] = _new_key,
        sleep: Callable[[float], Awaitable[object]] = _sleep,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """Makes the client; nothing is sent yet. The arguments are those of `Client`."""
        self.address = address.rstrip("/")
        self._http = httpx2.AsyncClient(transport=transport, **_options(self.address, token, timeout))
        self._patience, self._new_key, self._sleep = patience, new_key, sleep
        self._known = _Known()

    @property
    def position(self) -> int:
        """The position that every answer to come covers: of the last own write, or what was passed to `cover`."""
        return self._known.position

    def cover(self, position: int) -> None:
        """Makes every answer to come wait until it covers a position, such as one that another client has written."""
        self._known.position = max(self._known.position, position)

    async def send(
        self, *commands: Command, key: str | None = None, expected: Mapping[str, int] = NO_VERSIONS
    ) -> Receipt:
        """Records commands as one unit, whole or not at all; as `Client.send`.

        Raises:
            Refused: the log refused it; `Stale` if a version has moved.
            ClientError: whether it was recorded is not known, unless the error says so; send it again with its key.
        """
        call = exchange.sending(commands, key or self._new_key(), expected)
        return self._known.learn(exchange.read(await self.call(call)))

    async def send_bulk(self, *transactions: Sequence[Command]) -> list[Receipt | Refused]:
        """Records units in order, each with a fate of its own.

        Raises:
            ClientError: as `send`; the units before the one that failed may have been recorded.
        """
        calls = exchange.sending_bulk((self._new_key(), transaction) for transaction in transactions)
        return [outcome for call in calls for outcome in self._known.outcomes(exchange.read(await self.call(call)))]

    async def ask(self, question: Question[T]) -> T:
        """The answer to a question.

        Raises:
            Refused: it was not understood, or is about what the log does not know.
            ClientError: it was not answered.
        """
        call = exchange.asking(question, self.position)
        return cast("T", exchange.read(await self.call(call)))

    async def text(self, question: Question[Any], format: Format) -> str:  # noqa: A002  (its name in the interface)
        """The answer as it came: JSON, CSV or JSON Lines.

        Raises:
            Refused, ClientError: as `ask`.
        """
        return (await self.call(exchange.asking(question, self.position, format))).text

    async def pages(self, question: Question[T]) -> AsyncIterator[T]:
        """The answer and all that follow it, as long as there is more.

        Raises:
            Refused, ClientError: as `ask`.
        """
        following: Question[T] | None = question
        while following:
            answer = await self.ask(following)
            yield answer
            following = following.behind(answer)

    async def call(self, call: Call) -> httpx2.Response:
        """What the server answers to a call, sent again where that helps and does no harm.

        Raises:
            Refused, ClientError: it did not do what was asked.
        """
        tries = Tries(call, self._patience)
        while True:
            outcome = await self._once(call)
            wait = tries.after(outcome)
            if wait is None:
                break
            await self._sleep(wait)
        if isinstance(outcome, httpx2.TransportError):
            raise exchange.unreachable(self.address, outcome) from outcome
        return exchange.answered(outcome)

    async def _once(self, call: Call) -> httpx2.Response | httpx2.TransportError:
        try:
            return await self._http.request(
                call.method, call.path, params=list(call.params), content=call.body, headers=call.headers
            )
        except httpx2.TransportError as error:
            return error

    async def close(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.close()
