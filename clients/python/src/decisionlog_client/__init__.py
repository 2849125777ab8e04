"""A client of the decision log, for synchronous code and for asyncio.

    from decisionlog_client import Client, questions

    with Client("https://log.example.org", token="dlog_...") as log:
        log.send({"type": "ProposeFeature", "key": "gift-cards", "title": "Gift cards", "products": ["shop"]})
        board = log.ask(questions.roadmap(product="shop"))  # includes the feature that was just sent

A request whose response was lost is sent again with the same idempotency key, so nothing is recorded twice.
"""

from decisionlog_client import questions
from decisionlog_client.client import AsyncClient, Client
from decisionlog_client.errors import (
    AlreadyExists,
    ClientError,
    DecisionLogError,
    Failed,
    Forbidden,
    KeyReused,
    Malformed,
    NotADecisionLog,
    NotAllowed,
    NothingChanges,
    NotSignedIn,
    NotYet,
    OutOfOrder,
    Refused,
    Stale,
    Unknown,
    Unreachable,
)
from decisionlog_client.exchange import Command, CommandModel
from decisionlog_client.questions import Question

__all__ = [
    "AlreadyExists",
    "AsyncClient",
    "Client",
    "ClientError",
    "Command",
    "CommandModel",
    "DecisionLogError",
    "Failed",
    "Forbidden",
    "KeyReused",
    "Malformed",
    "NotADecisionLog",
    "NotAllowed",
    "NotSignedIn",
    "NotYet",
    "NothingChanges",
    "OutOfOrder",
    "Question",
    "Refused",
    "Stale",
    "Unknown",
    "Unreachable",
    "questions",
]
