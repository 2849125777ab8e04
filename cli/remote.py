"""Speaking to the server that has the log, where there is one: a command beside it never writes the file itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cli.errors import CannotGoOn, Exit
from cli.reaching import reach
from cli.secret import token_of
from cli.settings import Settings
from decisionlog_client import Client, exchange, questions
from decisionlog_client.errors import refusal
from decisionlog_client.exchange import Call
from domain.errors import Refused
from domain.values import parse_timestamp, to_micros
from eventlog.entry import Caller, Receipt, RecordedEvent, Transaction
from eventlog.errors import LogInUseError


@contextmanager
def server_of(found: LogInUseError, settings: Settings) -> Iterator[Server]:
    """The server that holds the lock.

    Raises:
        CannotGoOn: it gave no address.
    """
    if not found.address:
        raise CannotGoOn(str(found), Exit.IN_USE)
    with reach(found.address, token_of(settings) or found.key) as client:
        yield Server(client)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that has the log."""

    client: Client

    def send(self, method: str, path: str, body: bytes | None = None) -> Any:
        """The answer to a request, as parsed JSON.

        Raises:
            Refused: it was refused.
            ClientError: the server cannot be reached, or does not answer it.
        """
        headers = {"Content-Type": "application/json"}
        return exchange.read(self.client.call(Call(method, path, body=body, headers=headers)))

    def speaker(self, channel: str) -> Caller:
        """Who speaks, as the server knows from the token or the key.

        Raises:
            NotSignedIn: the token is unknown or was revoked.
        """
        told = self.client.ask(questions.me())
        return Caller(told["actor"], told["credential"], channel, frozenset(told["rights"]))

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Applies units in order, each with its own fate."""
        results: list[Receipt | Refused] = []
        for call in exchange.sending_bulk((transaction.key, transaction.commands) for transaction in transactions):
            results += [_outcome(each) for each in exchange.read(self.client.call(call))["results"]]
        return results


def _outcome(result: Any) -> Receipt | Refused:
    if "refused" in result:
        return refusal(result["refused"])
    receipt = result["receipt"]
    recorded = (
        RecordedEvent(
            each["position"], each["subject"], each["version"], each["type"],
            to_micros(parse_timestamp(each["recorded_at"])),
        )
        for each in receipt["recorded"]
    )  # fmt: skip
    return Receipt(tuple(recorded), receipt["replayed"])
