"""The check of `python -m tests.fuzz` works: where the OpenAPI document is made wrong, each kind of wrong is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI

from eventlog.entry import Caller
from tests.fuzz.running import ADMINISTRATOR, Outcome, application, run, sample_commands

pytestmark = pytest.mark.filterwarnings("default")  # what Schemathesis and its packages warn of is not ours


@pytest.fixture
def app() -> Iterator[FastAPI]:
    """An application whose log holds nothing of other tests, which could make it refuse what is sent."""
    with application() as opened:
        yield opened


def _body_of_another_pattern(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["RegisterTeamBody"]["properties"]["key"]["anyOf"][0]["pattern"] = "^![a-z]+$"


def _leave_out_what_rules_refuse(body: dict[str, Any]) -> None:
    """With these, a rule refuses a body that the server's own document allows, so that a stricter shape is not noticed."""
    for name in ("corrects", "on_behalf_of"):
        del body["properties"][name]


def _stricter_body(document: dict[str, Any]) -> None:
    body = document["components"]["schemas"]["RegisterTeamBody"]
    body["required"].append("key")
    _leave_out_what_rules_refuse(body)


def _undocumented_refusals(document: dict[str, Any]) -> None:
    del document["paths"]["/v1/teams"]["post"]["responses"]["4XX"]


def _answer_of_another_shape(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["Receipt"]["properties"]["position"] = {"type": "string"}


def _answer_of_another_type(document: dict[str, Any]) -> None:
    answers = document["paths"]["/v1/teams"]["post"]["responses"]["201"]
    answers["content"] = {"text/plain": {"schema": {"type": "string"}}}


def _missing_method(_: dict[str, Any]) -> None:
    """That GET is not in the document is wrong in itself."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (_stricter_body, "negative_data_rejection"),
        (_body_of_another_pattern, "positive_data_acceptance"),
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


@pytest.mark.slow
def test_a_transaction_of_a_bulk_request_is_judged_by_its_own_result(app: FastAPI) -> None:
    """A document that is stricter than the rules is found, although the response to a bulk request is always 200."""
    document, outcome = _with_short_titles(sample_commands(app.openapi(), 1, seed=1)), Outcome()

    run(app, outcome, phases=["coverage"], examples=1, seed=1, document=document)

    assert outcome.failures.keys() == {"bulk_results", "negative_data_rejection"}
    assert "title" in "".join(outcome.failures["bulk_results"])


def _with_short_titles(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of the route for bulk requests, in which all commands register teams with titles of one letter."""
    document["paths"] = {"/v1/bulk": document["paths"]["/v1/bulk"]}
    transaction = document["components"]["schemas"]["KeyedTransaction"]["properties"]
    transaction["commands"]["items"] = {"$ref": "#/components/schemas/RegisterTeam"}
    team = document["components"]["schemas"]["RegisterTeam"]
    team["properties"]["title"]["maxLength"] = 1
    _leave_out_what_rules_refuse(team)
    for each in (transaction, team["properties"]):
        del each["key"]  # one that an earlier case used is refused, too
    return document


def test_a_route_that_needs_no_token_is_found(app: FastAPI) -> None:
    """A document that asks for one where the server does not is wrong; and requests without one lack it."""
    document, outcome = deepcopy(app.openapi()), Outcome()
    document["paths"] = {"/v1/version": document["paths"]["/v1/version"], "/v1/me": document["paths"]["/v1/me"]}
    document["paths"]["/v1/version"]["get"]["security"] = [{"HTTPBearer": []}]

    run(app, outcome, phases=["coverage"], examples=1, seed=1, document=document)

    assert {"GET /v1/version", "GET /v1/me"} == outcome.reached.keys()
    assert all(each.startswith("GET /v1/version") for found in outcome.failures.values() for each in found)
    assert "ignored_auth" in outcome.failures
    assert 401 in outcome.reached["GET /v1/me"]


@pytest.mark.parametrize(
    ("caller", "role", "path"),
    [
        (replace(ADMINISTRATOR, scopes=frozenset()), "admin", "/v1/tokens"),
        (ADMINISTRATOR, "viewer", "/v1/teams"),
        (ADMINISTRATOR, "none", "/v1/goals"),
    ],
)
@pytest.mark.slow
def test_a_caller_who_may_less_is_refused_as_documented(caller: Caller, role: str, path: str) -> None:
    """Scopes and role of the caller are parameters of a run, so that what each may do can be tried."""
    outcome = Outcome()
    with application(caller, role) as restricted:
        document = deepcopy(restricted.openapi())
        document["paths"] = {path: document["paths"][path]}
        run(restricted, outcome, phases=["coverage"], examples=1, seed=1, document=document)

    assert outcome.failures == {}
    assert 403 in outcome.statuses
    assert 201 not in outcome.statuses
