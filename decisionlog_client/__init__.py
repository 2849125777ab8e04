"""A client of the decision log, sync and async: commands go in as the log's own models, answers come out typed.

    from decisionlog_client import Client, questions
    from domain.feature import ProposeFeature

    with Client("https://log.example.org", token="dlog_...") as log:
        log.send(ProposeFeature(key="gift-cards", title="Gift cards", products=("shop",)))
        board = log.ask(questions.roadmap(product="shop"))  # covers what was just sent

A lost answer is asked for again with the same idempotency key, so that nothing is recorded twice.
"""

from decisionlog_client import questions
from decisionlog_client.client import AsyncClient, Client
from decisionlog_client.errors import ClientError, Failed, NotADecisionLog, NotSignedIn, NotYet, Unreachable
from decisionlog_client.questions import Question

__all__ = [
    "AsyncClient",
    "Client",
    "ClientError",
    "Failed",
    "NotADecisionLog",
    "NotSignedIn",
    "NotYet",
    "Question",
    "Unreachable",
    "questions",
]
