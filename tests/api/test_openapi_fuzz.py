"""The OpenAPI document and the server agree; `python -m tests.fuzz` tries this far longer.

And the check itself works: where the document is made wrong, each kind of wrong is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from fastapi import FastAPI

from tests.fuzz.running import Outcome, application, run

pytestmark = pytest.mark.filterwarnings("default")  # what Schemathesis and its packages warn of is not ours


@pytest.fixture(scope="module")
def app() -> Iterator[FastAPI]:
    with application() as opened:
        yield opened


def test_the_server_does_what_its_document_says(app: FastAPI) -> None:
    """Examples and random cases of every operation pass every check."""
    outcome = Outcome()
    run(app, outcome, phases=["examples", "fuzzing"], examples=3, seed=1)

    assert outcome.failures == {}
    assert outcome.cases > 700
    assert len(outcome.reached) == sum(len(methods) for methods in app.openapi()["paths"].values())
    assert len(outcome.unreached()) < 20


def _body_without_pattern(document: dict[str, Any]) -> None:
    del document["components"]["schemas"]["RegisterTeamBody"]["properties"]["key"]["anyOf"][0]["pattern"]


def _stricter_body(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["RegisterTeamBody"]["required"].append("key")


def _undocumented_refusals(document: dict[str, Any]) -> None:
    del document["paths"]["/v1/teams"]["post"]["responses"]["4XX"]


def _answer_of_another_shape(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Receipt"]["properties"]["position"] = {"type": "string"}


def _answer_of_another_type(document: dict[str, Any]) -> None:
    answers = document["paths"]["/v1/teams"]["post"]["responses"]["201"]
    answers["content"] = {"text/plain": {"schema": {"type": "string"}}}


def _missing_method(_: dict[str, Any]) -> None:
    """That GET is not in the document is wrong in itself."""


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (_stricter_body, "negative_data_rejection"),
        (_body_without_pattern, "positive_data_acceptance"),
        (_undocumented_refusals, "status_code_conformance"),
        (_answer_of_another_shape, "response_schema_conformance"),
        (_answer_of_another_type, "content_type_conformance"),
        (_missing_method, "unsupported_method"),
    ],
)
def test_a_wrong_document_is_found(app: FastAPI, spoil: Callable[[dict[str, Any]], None], check: str) -> None:
    """What the document says wrongly of one operation is a failure of the check that is for it."""
    document, outcome = deepcopy(app.openapi()), Outcome()
    document["paths"] = {"/v1/teams": document["paths"]["/v1/teams"]}
    del document["paths"]["/v1/teams"]["get"]
    spoil(document)

    # Each phase by itself: Schemathesis puts what an earlier one was answered into what a later one leaves out.
    for phase in ("coverage", "examples", "fuzzing"):
        run(app, outcome, phases=[phase], examples=30, seed=1, document=document)

    assert check in outcome.failures
