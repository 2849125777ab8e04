"""Any command, several commands as one transaction, and many transactions in one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, TypeAdapter
from pydantic_core import to_json

from api import answer_documentation, problems
from api.access_journal import record_refusal
from api.authentication import CurrentCaller
from api.bodies import json_body, read_json
from api.bulk import execute_in_chunks
from api.command_routes import (
    IDEMPOTENCY_KEY_PATTERN,
    VERSION_REQUIRED,
    build_transaction,
    check_idempotency_key,
    document_headers,
    preview,
    public_receipt,
    read_if_match,
    record,
)
from api.problems import HttpProblem, unprocessable
from api.services import ServiceDependency
from domain.catalog import COMMAND, Batch
from domain.errors import Forbidden, Refused
from domain.messages import Command
from domain.values import documented
from eventlog.entry import Receipt

MAX_COMMANDS: Final = 10_000
"""Commands in one bulk request, over all its transactions."""
_CREATED: Final[answer_documentation.Responses] = {
    201: answer_documentation.describe_response(
        answer_documentation.Receipt, "The receipt, if the first command created its subject.", status=201
    )
}


class KeyedTransaction(Batch):
    """A transaction with its own idempotency key."""

    key: Annotated[str, AfterValidator(check_idempotency_key), documented(pattern=IDEMPOTENCY_KEY_PATTERN)] | None = (
        Field(None, description="The idempotency key of this transaction.")
    )


class BulkRequest(BaseModel):
    """Many transactions, each with its own outcome."""

    model_config = ConfigDict(extra="forbid")

    transactions: Annotated[tuple[KeyedTransaction, ...], FailFast()] = Field(
        min_length=1, max_length=1000, description="The transactions, in order."
    )


_BATCH: Final = TypeAdapter(Batch)
_BULK: Final = TypeAdapter(BulkRequest)


def add_routes(router: APIRouter) -> None:
    """Add the routes to a router whose route class is `CommandRoute`."""
    router.add_api_route(
        "/commands",
        post_commands,
        methods=["POST"],
        summary="Send any command, or several as one transaction",
        openapi_extra={**json_body("AnyCommand", "Batch"), "parameters": document_headers(version_required=False)},
        **answer_documentation.describe_route(
            answer_documentation.Receipt,
            more={**_CREATED, **problems.VERSION_REQUIRED, **answer_documentation.UNSTORED},
        ),
    )
    router.add_api_route(
        "/bulk",
        post_bulk,
        methods=["POST"],
        summary="Send many transactions, each with its own outcome",
        openapi_extra=json_body("BulkRequest"),
        **answer_documentation.describe_route(answer_documentation.Outcomes, more=answer_documentation.UNSTORED),
    )


async def post_commands(
    request: Request,
    services: ServiceDependency,
    caller: CurrentCaller,
    dry_run: Annotated[
        bool, Query(description="Return the receipt that the commands would get, and record nothing.")
    ] = False,
) -> JSONResponse:
    """Takes one command with its `type`, or `{"commands": [...]}`, which is recorded in full or not at all."""
    batch, commands = await read_json(request, caller, _parse_commands)
    first = commands[0]
    subject = None if first.creates else first.subject_id()
    given = dict(batch.expected) if batch else {}
    is_required = batch is None and bool(_find_missing(commands, given))  # a batch has `expected`, for each subject
    matched = read_if_match(request, services, subject, required=is_required)
    if contradictory := [each for each, version in matched.items() if given.get(each, version) != version]:
        raise unprocessable(
            f"`If-Match` and `expected` name different versions of {contradictory[0]}; send one", field="expected"
        )
    expected = matched | given
    if missing := _find_missing(commands, expected):
        raise HttpProblem(428, missing, field="expected")
    request.state.expected = expected
    if dry_run:
        return await preview(request, services, caller, commands, expected, subject)
    return await record(request, services, caller, commands, expected, subject)


def _find_missing(commands: Sequence[Command], expected: Mapping[str, int]) -> str:
    """Return what to do if a command that replaces text does not say which version was read; empty if all do.

    What the same transaction creates has no version that could be read.
    """
    needed = {each.subject_id() for each in commands if type(each) in VERSION_REQUIRED} - expected.keys()
    if needed:
        needed -= {each.subject_id() for each in commands if each.creates and each.corrects is None}
    return f"set the version you read of {', '.join(sorted(needed))} in `expected`" if needed else ""


def _parse_commands(value: Any) -> tuple[Batch | None, tuple[Command, ...]]:
    """Return the commands of a body, and their batch if they are in one."""
    if isinstance(value, dict) and "commands" in value:
        batch = _BATCH.validate_python(value)
        return batch, batch.commands
    return None, (COMMAND.validate_python(value),)


async def post_bulk(request: Request, services: ServiceDependency, caller: CurrentCaller) -> Response:
    """Takes up to 1,000 transactions with 10,000 commands in all. The response has, for each in order, its receipt or the
    problem that refused it; but if any command is malformed, the whole request is refused. Other writers can record between
    the transactions. What replaces text needs its `expected` version.
    """
    if "idempotency-key" in request.headers:
        raise HttpProblem(
            400, "set a `key` for each transaction instead of the `Idempotency-Key` header", field="Idempotency-Key"
        )
    body = await read_json(request, caller, _parse_bulk)
    transactions = [
        build_transaction(tuple(each.commands), caller, each.key, dict(each.expected)) for each in body.transactions
    ]
    services.quotas.take_commands(caller, sum(len(each.commands) for each in transactions))
    missing = [_find_missing(each.commands, each.expected) for each in transactions]
    complete = [each for each, detail in zip(transactions, missing, strict=True) if not detail]
    results = await execute_in_chunks(services.log, complete)
    for refused in {each.detail: each for each in results if isinstance(each, Forbidden)}.values():
        record_refusal(request, HTTPStatus.FORBIDDEN, refused.detail, is_command=True)
    remaining = iter(results)
    outcomes = [
        {"refused": problems.status_problem(428, detail, field="expected")} if detail else _outcome_of(next(remaining))
        for detail in missing
    ]
    return Response(to_json({"results": outcomes}), media_type="application/json")


def _parse_bulk(value: Any) -> BulkRequest:
    """Return the bulk request in a body.

    Raises:
        HttpProblem: 422 for more commands than one request can have.
        ValidationError: the body is not a bulk request.
    """
    transactions = value.get("transactions") if isinstance(value, dict) else None
    if isinstance(transactions, list):
        lists = [each.get("commands") for each in transactions if isinstance(each, dict)]
        count = sum(len(commands) for commands in lists if isinstance(commands, list))
        if count > MAX_COMMANDS:
            detail = f"a bulk request can have at most {MAX_COMMANDS} commands, not {count}; send several requests"
            raise HttpProblem(422, detail, field="transactions")
    return _BULK.validate_python(value)


def _outcome_of(result: Receipt | Refused) -> dict[str, Any]:
    if isinstance(result, Refused):
        return {"refused": problems.of_refusal(result)}
    return {"receipt": public_receipt(result, result.recorded[0].subject)}
