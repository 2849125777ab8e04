"""One run of Schemathesis against the application, and what came of it."""

from __future__ import annotations

import logging
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
from eventlog.entry import Caller
from tests.fuzz.subjects import commands, name_subjects
from tests.support_log import ALL_SCOPES, House

TOKEN: Final = "fuzz"
_CHECKS: Final = {
    "positive_data_acceptance": {
        # Besides the default: 412 and 428 (RFC 9110, RFC 6585) depend on the version a subject has, which no schema knows.
        "expected-statuses": ["2xx", "3xx", "401", "403", "404", "409", "412", "428", "429", "5xx"]
    },
    "negative_data_rejection": {
        # Besides the default: 412; 413, 414 and 431, which refuse what is too long before it is read.
        "expected-statuses": [
            "400", "401", "403", "404", "405", "406", "409", "412", "413", "414", "415", "422", "428", "429", "431", "5xx",
        ]
    },
    "missing_required_header": {
        # Besides the default: 428 is the status for a request without `If-Match` (RFC 6585, section 3).
        "expected-statuses": ["400", "401", "403", "406", "415", "422", "428"]
    },
}  # fmt: skip
"""Every check is on. Three of them get statuses that Schemathesis does not expect by itself."""


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
                self.failures.setdefault(each.name, []).append(_told(recorder.label, each, interaction))

    def unreached(self) -> list[str]:
        """The operations whose rules no case reached: none was done, none refused by a rule."""
        return sorted(label for label, seen in self.reached.items() if not seen & {200, 201, 403, 409, 412})


def _told(label: str, check: Any, interaction: Any) -> str:
    """Return a failure with what was sent and what came back, each cut to a length that can be read."""
    sent, got = interaction.request, interaction.response
    answer = got.content.decode(errors="replace")[:500] if got else "nothing"
    why = check.failure_info.failure.message if check.failure_info else ""
    return f"{label}: {why}\n  sent {sent.method} {sent.uri[:300]} {str(sent.body)[:500]}\n  got  {answer}"


@contextmanager
def application() -> Iterator[FastAPI]:
    """The application over a log of its own, whose caller is known by `TOKEN` and cannot be locked out by any case."""
    logging.getLogger("decisionlog.api").setLevel(logging.CRITICAL)
    caller = Caller("service:fuzz", "fuzz", "http", ALL_SCOPES)
    with tempfile.TemporaryDirectory() as folder, House(Path(folder), lambda: time.time_ns() // 1000) as house:
        for command in commands():
            created = house.post("/commands", command)
            assert created.status_code == 201, created.text
        sign_in = {TOKEN: caller}.get
        house.app.state.services = Services(house.log, house.model, house.runner, sign_in, workers=tuple)
        yield house.app


MEDIA_TYPES: Final = {
    "csv": "text/csv", "jsonl": "application/jsonl", "markdown": "text/markdown", "html": "text/html",
}  # fmt: skip


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
            "headers": {"Authorization": f"Bearer {token}"} if token else {},
            "continue-on-failure": True,
            "generation": {"max-examples": examples},
            "checks": _CHECKS,
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
    """Keep every failure but those that the document has no words for."""
    kind = type(failure).__name__
    if kind == "RejectedPositiveData":
        # A 422 that is not `malformed` says that the shape is right and that the parts do not go together, such as a
        # period that ends before it begins. A refusal of the shape itself stays a failure.
        return not (response.status_code == 422 and response.json()["type"] != "urn:decisionlog:problem:malformed")
    if kind == "AcceptedNegativeData" and case.operation.path == "/v1/bulk":
        # The answer is always 200; the refusals are in its results.
        return not _refuses_all(response)
    if kind == "MissingHeaderNotRejected":
        # `run` sets this header on every request, so it is never missing; the check `ignored_auth` covers it.
        return failure.header_name.lower() != "authorization"
    if kind == "AllowHeaderMismatch" and case.operation.path == "/v1/decisions/propose":
        # This path also matches `GET /v1/decisions/{key}`, and `propose` is a valid key, so `Allow` rightly lists GET.
        return failure.undocumented_methods != ["GET"] or bool(failure.missing_methods)
    if kind == "UnsupportedMethodResponse" and case.operation.path == "/v1/decisions/propose":
        # For the same reason, GET answers 404 here as long as there is no decision with that key.
        return failure.method != "GET" or failure.status_code != 404
    return True


def _refuses_all(response: schemathesis.Response) -> bool:
    results = response.json()["results"] if response.status_code == 200 else []
    return bool(results) and all("refused" in result for result in results)
