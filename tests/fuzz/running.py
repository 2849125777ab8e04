"""One run of Schemathesis against the application, and what came of it."""

from __future__ import annotations

import logging
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import schemathesis
from fastapi import FastAPI
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

from api.services import Services
from eventlog.entry import Caller, Receipt, Transaction
from tests.fuzz.bulk import refuses_every_invalid_transaction
from tests.fuzz.statuses import CHECKS, is_refused_combination
from tests.fuzz.subjects import commands, delegations, name_subjects
from tests.support_log import ALL_SCOPES, LocalService

_CLIENT_HEADERS: Final = {"Accept-Encoding", "Connection", "Content-Length", "User-Agent"}
TOKEN: Final = "fuzz"
ADMINISTRATOR: Final = Caller("service:fuzz", "fuzz", "http", ALL_SCOPES)


@dataclass
class Outcome:
    """What came of some runs: how many cases, which statuses, and each failure by its check."""

    cases: int = 0
    failed_cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[str, list[str]] = field(default_factory=dict)
    reached: dict[str, set[int]] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """How many cases failed, and how many operations could not be tested."""
        return self.failed_cases + len(self.failures.get("error", ()))

    def add(self, event: events.EngineEvent) -> None:
        """Take in what the engine reports."""
        if isinstance(event, events.ScenarioFinished):
            self._add_scenario(event.recorder)
        elif isinstance(event, events.NonFatalError):
            self.failures.setdefault("error", []).append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.FatalError):
            self.failures.setdefault("error", []).append(repr(event.exception))

    def _add_scenario(self, recorder: Any) -> None:
        self.cases += len(recorder.interactions)
        for case, interaction in recorder.interactions.items():
            status = interaction.response.status_code if interaction.response else 0
            self.statuses[status] += 1
            self.reached.setdefault(recorder.label, set()).add(status)
            found = [each for each in recorder.checks.get(case, ()) if each.status is Status.FAILURE]
            self.failed_cases += bool(found)
            for each in found:
                self.failures.setdefault(each.name, []).append(_describe(recorder.label, each, interaction))

    def unreached(self) -> list[str]:
        """The operations whose rules no case reached: none was done, none refused by a rule."""
        return sorted(label for label, seen in self.reached.items() if not seen & {200, 201, 403, 409, 412})


def _describe(label: str, check: Any, interaction: Any) -> str:
    """Return a failure with what was sent and what came back, each cut to a length that can be read."""
    sent, got = interaction.request, interaction.response
    answer = got.content.decode(errors="replace")[:500] if got else "nothing"
    why = check.failure_info.failure.message if check.failure_info else ""
    headers = {name: value for name, value in sent.headers.items() if name not in _CLIENT_HEADERS}
    return f"{label}: {why}\n  sent {sent.method} {sent.uri[:300]} {str(headers)[:300]} {str(sent.body)[:500]}\n  got  {answer}"


def _as(person: str) -> Caller:
    return Caller(person, "fuzz", "http", ALL_SCOPES)


@contextmanager
def quiet() -> Iterator[None]:
    """Log no errors of the API, of which a run makes thousands; the next test in the same process may look for one."""
    logger = logging.getLogger("decisionlog.api")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def application(caller: Caller = ADMINISTRATOR, role: str = "admin") -> Iterator[FastAPI]:
    """The application over a log of its own, to which `TOKEN` signs a caller in whom no case can lock out.

    `role` is the one that callers have for all products unless they are granted another; `none` is possible too.
    """
    with (
        quiet(),
        tempfile.TemporaryDirectory() as folder,
        LocalService(Path(folder), lambda: time.time_ns() // 1000) as service,
    ):
        for command in commands():
            created = service.post("/commands", command)
            assert created.status_code == 201, created.text
        given = service.execute(*(Transaction((each,), _as(each.subject)) for each in delegations(caller.actor)))
        assert all(isinstance(each, Receipt) for each in given), given
        service.log.default_role = None if role == "none" else role
        sign_in = {TOKEN: caller}.get
        service.app.state.services = Services(service.log, service.model, service.runner, sign_in, workers=tuple)
        yield service.app


MEDIA_TYPES: Final = {
    "csv": "text/csv",
    "jsonl": "application/jsonl",
    "markdown": "text/markdown",
    "html": "text/html",
}


def document_formats(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document whose 200 responses list every media type that the parameter `format` allows.

    The server's own document lists JSON alone there, so that generated clients get one type for each answer.
    """
    document = deepcopy(document)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            if any(parameter["name"] == "format" for parameter in operation.get("parameters", [])):
                formats = MEDIA_TYPES if path.endswith("/report") else ("csv", "jsonl")
                content = operation["responses"]["200"]["content"]
                content |= {MEDIA_TYPES[name]: {"schema": {"type": "string"}} for name in formats}
    return document


def sample_commands(document: dict[str, Any], count: int, seed: int) -> dict[str, Any]:
    """Return a document in which routes that take any command take only some, chosen by the seed.

    Each command has a route of its own, whose every boundary is tried anyway; all of them once more in `/v1/commands`
    and in `/v1/bulk` would be three quarters of all cases.
    """
    document = deepcopy(document)
    schemas = document["components"]["schemas"]
    choices = [
        schemas["AnyCommand"],
        *(schemas[name]["properties"]["commands"]["items"] for name in ("Batch", "KeyedTransaction")),
    ]
    names = sorted(each["$ref"] for each in schemas["AnyCommand"]["oneOf"])
    chosen = random.Random(seed).sample(names, count)
    for each in choices:
        each["oneOf"] = [{"$ref": name} for name in chosen]
        each["discriminator"].pop("mapping", None)
    return document


def run(
    app: FastAPI,
    outcome: Outcome,
    *,
    phases: Sequence[str],
    examples: int,
    seed: int,
    token: str | None = TOKEN,
    document: dict[str, Any] | None = None,
) -> None:
    """Run some phases of Schemathesis, and add to an outcome what comes of them.

    `document` is held against the application instead of its own.
    """
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            # As authentication and not as a header, which would be added to requests that are to lack it.
            "auth": {"openapi": {"HTTPBearer": {"bearer": token}}} if token else {},
            "continue-on-failure": True,
            "generation": {"max-examples": examples},
            "checks": CHECKS,
            "phases": {name: {"enabled": name in phases} for name in ("examples", "coverage", "fuzzing", "stateful")},
        }
    )
    schema = schemathesis.openapi.from_dict(document_formats(document or app.openapi()), config=config)
    schema.app = app
    for event in from_schema(schema).execute():
        outcome.add(event)


@schemathesis.hook("before_call")
def _before_call(_: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    name_subjects(case)


@schemathesis.hook("filter_failure")
def _filter_failure(
    _: schemathesis.HookContext, failure: Any, case: schemathesis.Case, response: schemathesis.Response
) -> bool:
    """Keep every failure but two kinds, which the document has no words for."""
    kind = type(failure).__name__
    if kind == "RejectedPositiveData":
        return not is_refused_combination(response.json())
    if kind == "AcceptedNegativeData" and case.operation.path == "/v1/bulk":
        # The response is 200 whatever becomes of a transaction; its own result has the status that the check asks for.
        return not refuses_every_invalid_transaction(case, response)
    return True
