"""The `eventsourcing` library as its documentation shows it: an aggregate, an application, and its own recorder.

The library reads from the environment which database it uses.
"""

from __future__ import annotations

from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from fastapi import FastAPI

from tests.benchmarks.outsiders.bare import Decision, Recorded, serve


class RecordedDecision(Aggregate):
    @event("Recorded")
    def __init__(self, key: str, title: str, decision: str, why: str, accountable: str) -> None:
        self.key = key
        self.title = title
        self.decision = decision
        self.why = why
        self.accountable = accountable

    @staticmethod
    def create_id(key: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/decisions/{key}")


app = FastAPI()
decisions = Application[UUID]()


@app.post("/decisions", status_code=201)
def record(decision: Decision) -> Recorded:
    (recording,) = decisions.save(RecordedDecision(**decision.model_dump()))
    return Recorded(position=recording.notification.id, subject=f"decision:{decision.key}")


if __name__ == "__main__":
    serve(app)
