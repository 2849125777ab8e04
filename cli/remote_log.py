"""A log that a server has: commands next to it send it requests instead of writing the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import decisionlog_client
from cli.connection import connect
from cli.errors import CommandFailed, Exit
from cli.settings import Settings
from cli.token_lookup import find_token
from decisionlog_client import Client, exchange, questions
from decisionlog_client.errors import parse_problem
from decisionlog_client.exchange import Call, KeyedTransaction
from domain import errors
from domain.errors import Refused
from domain.times import parse_micros
from eventlog.entry import Caller, Receipt, RecordedEvent, Transaction
from eventlog.errors import LogInUseError

DOMAIN_ERRORS: Final[Mapping[type[decisionlog_client.Refused], type[Refused]]] = {
    decisionlog_client.Refused: errors.Refused,
    decisionlog_client.Malformed: errors.Malformed,
    decisionlog_client.Unknown: errors.Unknown,
    decisionlog_client.AlreadyExists: errors.AlreadyExists,
    decisionlog_client.NotAllowed: errors.NotAllowed,
    decisionlog_client.OutOfOrder: errors.OutOfOrder,
    decisionlog_client.NothingChanges: errors.NothingChanges,
    decisionlog_client.Forbidden: errors.Forbidden,
    decisionlog_client.KeyReused: errors.KeyReused,
}
"""The error of the domain that each error of the client mirrors; `Stale`, which takes a version, is apart."""


@contextmanager
def connect_to_writer(found: LogInUseError, settings: Settings) -> Iterator[RemoteLog]:
    """Connect to the server that holds the lock.

    Raises:
        CommandFailed: the process that holds the lock is not a server.
    """
    if not found.address:
        raise CommandFailed(str(found), Exit.LOG_UNAVAILABLE)
    with connect(found.address, find_token(settings.location) or found.key) as client:
        yield RemoteLog(client)


@dataclass(frozen=True, slots=True)
class RemoteLog:
    """A log behind the HTTP interface."""

    client: Client

    def send(self, method: str, path: str, body: bytes | None = None) -> Any:
        """Send a request and return the parsed JSON of the response.

        Raises:
            Refused: the server refused it.
            ClientError: the server cannot be reached, or failed.
        """
        headers = {"Content-Type": "application/json"}
        return self._call(Call(method, path, body=body, headers=headers))

    def caller(self, channel: str) -> Caller:
        """Return the caller, as the server identifies them by token or key.

        Raises:
            NotSignedIn: the token is unknown or was revoked.
        """
        me = self.client.ask(questions.me())
        return Caller(me["actor"], me["credential"], channel, frozenset(me["scopes"]))

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Apply transactions in order, each with its own outcome."""
        outcomes: list[Receipt | Refused] = []
        sent = (KeyedTransaction(each.key, each.commands, each.expected) for each in transactions)
        for call in exchange.build_bulk_calls(sent):
            outcomes += [_parse_outcome(each) for each in self._call(call)["results"]]
        return outcomes

    def _call(self, call: Call) -> Any:
        try:
            return exchange.read_json(self.client.call(call))
        except decisionlog_client.Refused as refused:
            raise to_domain_error(refused) from refused


def to_domain_error(refused: decisionlog_client.Refused) -> Refused:
    """Return the error of the domain that the client's error mirrors."""
    if isinstance(refused, decisionlog_client.Stale):
        subject = refused.subject or ""
        return errors.Stale(refused.detail, subject=subject, version=refused.version, field=refused.field)
    return DOMAIN_ERRORS[type(refused)](refused.detail, field=refused.field, subject=refused.subject)


def _parse_outcome(result: Any) -> Receipt | Refused:
    if "refused" in result:
        return to_domain_error(parse_problem(result["refused"]))
    receipt = result["receipt"]
    recorded = (
        RecordedEvent(
            each["position"],
            each["subject"],
            each["version"],
            each["type"],
            parse_micros(each["recorded_at"]),
        )
        for each in receipt["recorded"]
    )
    return Receipt(tuple(recorded), receipt["replayed"])
