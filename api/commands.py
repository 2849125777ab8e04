"""A route for every command. Each takes the command's own fields as its body; the path names the subject.

`POST /v1/commands` takes any command, or several as one unit, and `POST /v1/bulk` takes many units, each with a fate
of its own.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, FailFast, Field, TypeAdapter
from starlette.routing import Route

from api import answers, problems
from api.bodies import json_body, read_json
from api.bulk import execute_in_chunks
from api.problems import HttpProblem, unprocessable
from api.security import Speaker, caller_in
from api.services import Served, Services, only_reads_from_a_replica
from api.v1 import v1
from domain import any_subject, decision, feature, ownership, people, product
from domain.catalog import COMMAND, COMMANDS, Batch
from domain.errors import Refused
from domain.examples import EXAMPLES
from domain.messages import Command, string_paths
from domain.values import KEY_PATTERN, SUBJECT_PATTERN, StringKind, format_micros
from eventlog.entry import Caller, Receipt, Transaction

ROUTES: Final[Mapping[type[Command], str]] = {
    product.DefineProduct: "/products",
    product.SetVision: "/products/{key}/vision",
    product.SetStrategy: "/products/{key}/strategy",
    product.OrderReleases: "/products/{key}/releases",
    product.RetireProduct: "/products/{key}/retire",
    product.IssueReport: "/products/{key}/report",
    product.ScheduleRelease: "/releases",
    product.RescheduleRelease: "/releases/{key}/reschedule",
    product.SetGoal: "/goals",
    product.CloseGoal: "/goals/{key}/close",
    decision.RecordDecision: "/decisions",
    decision.ProposeDecision: "/decisions/propose",
    decision.ReviseDecision: "/decisions/{key}/revise",
    decision.AdviseOnDecision: "/decisions/{key}/advise",
    decision.DissentFromDecision: "/decisions/{key}/dissent",
    decision.AcceptDecision: "/decisions/{key}/accept",
    decision.RejectDecision: "/decisions/{key}/reject",
    decision.DeferDecision: "/decisions/{key}/defer",
    decision.WithdrawDecision: "/decisions/{key}/withdraw",
    decision.ReopenDecision: "/decisions/{key}/reopen",
    decision.SupersedeDecision: "/decisions/{key}/supersede",
    decision.ReverseDecision: "/decisions/{key}/reverse",
    decision.ConfirmDecision: "/decisions/{key}/confirm",
    decision.RatifyDecision: "/decisions/{key}/ratify",
    decision.ReviewDecision: "/decisions/{key}/review",
    feature.ProposeFeature: "/features",
    feature.DefineFeature: "/features/{key}/define",
    feature.PrioritizeFeature: "/features/{key}/prioritize",
    feature.TargetMilestone: "/features/{key}/target",
    feature.CommitFeature: "/features/{key}/commit",
    feature.StartFeature: "/features/{key}/start",
    feature.PauseFeature: "/features/{key}/pause",
    feature.ShipFeature: "/features/{key}/ship",
    feature.DropFeature: "/features/{key}/drop",
    feature.ReopenFeature: "/features/{key}/reopen",
    feature.LinkFeature: "/features/{key}/link",
    ownership.AssignOwnership: "/subjects/{subject}/assign",
    ownership.ReleaseOwnership: "/subjects/{subject}/release",
    ownership.HandOverOwnership: "/subjects/{subject}/hand-over",
    ownership.AcknowledgeOwnership: "/subjects/{subject}/acknowledge",
    ownership.DelegateOwnership: "/subjects/{subject}/delegate",
    ownership.RevokeDelegation: "/subjects/{subject}/revoke-delegation",
    people.RegisterPerson: "/people",
    people.MergePeople: "/people/{key}/merge",
    people.RecordPersonLeft: "/people/{key}/leave",
    people.RegisterTeam: "/teams",
    people.DisbandTeam: "/teams/{key}/disband",
    any_subject.ChangeTitle: "/subjects/{subject}/title",
    any_subject.SetAliases: "/subjects/{subject}/aliases",
    any_subject.SetAttribute: "/subjects/{subject}/attributes",
    any_subject.AssignToProducts: "/subjects/{subject}/products",
    any_subject.RemoveSubject: "/subjects/{subject}/remove",
    any_subject.RestoreSubject: "/subjects/{subject}/restore",
    any_subject.VoidEntry: "/subjects/{subject}/void",
    any_subject.ImportChanges: "/subjects/{subject}/import",
    any_subject.EraseTexts: "/log/erase",
}
VERSION_REQUIRED: Final = frozenset({decision.ReviseDecision})
"""What changes shared prose in place needs the version that was read, or one writer would silently undo another."""

_KINDS: Final = {
    "products": "product", "decisions": "decision", "features": "feature", "releases": "release", "goals": "goal",
    "people": "person", "teams": "team",
}  # fmt: skip
_IN_PATHS: Final = {"key": f"^{KEY_PATTERN}$", "subject": f"^{SUBJECT_PATTERN}$"}
_ETAG: Final = re.compile(r'^"([0-9]{1,15})"$')
_CREATED: Final[answers.Responses] = {
    201: {"model": answers.Receipt, "description": "The same, where the first command began its subject."}
}
_IDEMPOTENCY_KEY: Final = re.compile(r"^[\x21-\x7e]{1,200}$")


class KeyedTransaction(Batch):
    """A unit with an idempotency key of its own."""

    key: str | None = Field(None, pattern=_IDEMPOTENCY_KEY.pattern, description="Its idempotency key.")


class BulkRequest(BaseModel):
    """Many units, each with a fate of its own."""

    model_config = ConfigDict(extra="forbid")

    transactions: Annotated[tuple[KeyedTransaction, ...], FailFast()] = Field(
        min_length=1, max_length=1000, description="The units, in order."
    )


MAX_COMMANDS: Final = 10_000
"""Commands of one request, in all its units together."""


_BATCH: Final = TypeAdapter(Batch)
_BULK: Final = TypeAdapter(BulkRequest)


def answer_of(receipt: Receipt, subject: str) -> answers.Receipt:
    """A receipt as the world outside sees it."""
    versions = {each.subject: each.version for each in receipt.recorded}
    addressed = subject if subject in versions else receipt.recorded[0].subject
    return answers.Receipt(
        position=receipt.position,
        subject=addressed,
        version=versions[addressed],
        replayed=receipt.replayed,
        recorded=[
            answers.Recorded(
                position=each.position, subject=each.subject, version=each.version, type=each.type,
                recorded_at=format_micros(each.recorded_at),
            )
            for each in receipt.recorded
        ],
    )  # fmt: skip


def _expected(request: Request, subject: str | None, *, required: bool) -> dict[str, int]:
    """The version in `If-Match` (RFC 9110, section 13.1.1), by the subject addressed; a 412 is due only for this one."""
    request.state.expected = _if_match(request, subject, required=required)
    return dict(request.state.expected)


def _if_match(request: Request, subject: str | None, *, required: bool) -> dict[str, int]:
    given = request.headers.get("if-match")
    if given is None:
        if required:
            raise HttpProblem(
                428, 'this changes prose in place: send the version you read, like `If-Match: "3"`', field="If-Match"
            )
        return {}
    if given.strip() == "*" and subject is not None:
        return {}  # whatever its version: that it is there is every command's rule
    matched = _ETAG.match(given.strip())
    if given.strip() != "*" and matched is None:
        raise HttpProblem(
            400, '`If-Match` takes one strong ETag of the addressed subject, like `"3"`', field="If-Match"
        )
    if matched is None or subject is None:
        raise unprocessable(
            "`If-Match` is for a command to a subject that exists; this one begins its own", field="If-Match"
        )
    return {subject: int(matched[1])}


def _idempotency_key(request: Request) -> str | None:
    given = request.headers.get("idempotency-key")
    if given is not None and not _IDEMPOTENCY_KEY.match(given):
        raise HttpProblem(400, "an idempotency key is 1 to 200 visible ASCII characters", field="Idempotency-Key")
    return given


def _transaction_of(
    commands: tuple[Command, ...], speaker: Caller, key: str | None, expected: dict[str, int]
) -> Transaction:
    """What tells of another system comes in as an import; whether the speaker may import is the log's to judge."""
    imported = any(command.source or isinstance(command, any_subject.ImportChanges) for command in commands)
    return Transaction(commands, replace(speaker, channel="import") if imported else speaker, key, expected)


def _responded(receipt: Receipt, subject: str, *, created: bool) -> JSONResponse:
    answer = answer_of(receipt, subject)
    headers = {"ETag": f'"{answer.version}"'}
    if created:
        headers["Location"] = f"/v1/subjects/{answer.subject}"
    return JSONResponse(answer.model_dump(), 201 if created else 200, headers=headers)


def router() -> APIRouter:
    """Every route that writes."""
    routes = v1("Record")
    for command, path in ROUTES.items():
        routes.add_api_route(
            path, _handler(command, path),
            methods=["POST"], name=command.__name__, status_code=201 if command.creates else 200,
            **answers.declared(
                answers.Receipt,
                status=201 if command.creates else 200,
                more={**answers.UNSTORED, **(problems.VERSION_REQUIRED if command in VERSION_REQUIRED else {})},
            ),
            summary=re.sub(r"(?<!^)(?=[A-Z])", " ", command.__name__).capitalize(),
            description=_described(command), openapi_extra=_body_of(command, path),
        )  # fmt: skip
    routes.add_api_route(
        "/commands", post_commands, methods=["POST"], **answers.declared(answers.Receipt, more={**_CREATED, **problems.VERSION_REQUIRED, **answers.UNSTORED}),
        summary="Any command, or several as one unit", openapi_extra={**json_body("AnyCommand", "Batch"), "parameters": _headers(required=False)},
    )  # fmt: skip
    routes.add_api_route(
        "/bulk", post_bulk, methods=["POST"], **answers.declared(answers.Outcomes, more=answers.UNSTORED),
        summary="Many units, each with a fate of its own", openapi_extra=json_body("BulkRequest"),
    )  # fmt: skip
    return routes


def _handler(command: type[Command], path: str) -> Callable[..., Awaitable[JSONResponse]]:
    async def handle(request: Request, served: Served, speaker: Speaker) -> JSONResponse:
        subject = _subject_in(path, request.path_params, served.log.id)
        said = {"subject": subject, "type": command.__name__} if subject else {"type": command.__name__}
        parsed = await read_json(request, lambda value: COMMAND.validate_python(_object(value) | said))
        expected = _expected(request, subject, required=command in VERSION_REQUIRED)
        receipt = await served.log.execute(_transaction_of((parsed,), speaker, _idempotency_key(request), expected))
        return _responded(receipt, subject or receipt.recorded[0].subject, created=command.creates is not None)

    return handle


def _subject_in(path: str, params: Mapping[str, str], log_id: str) -> str | None:
    if "{key}" in path:
        return f"{_KINDS[path.split('/')[1]]}:{params['key']}"
    return log_id if path == "/log/erase" else params.get("subject")


def _object(value: Any) -> dict[str, Any]:
    """Return the value of a body, which must be an object that leaves out what the path says."""
    if not isinstance(value, dict):
        raise HttpProblem(422, "the body must be a JSON object")
    for name in ("type", "subject"):
        if name in value:
            raise HttpProblem(422, f"leave `{name}` out: the path says it", field=name)
    return value


async def _post_quickly(request: Request) -> JSONResponse:
    if request.query_params:
        raise HttpProblem(422, "this route has no parameters", field=next(iter(request.query_params)))
    served: Services = request.app.state.services
    await only_reads_from_a_replica(request, served)
    return await post_commands(request, served, await caller_in(request, served))


QUICK: Final = Route("/v1/commands", _post_quickly, methods=["POST"])
"""The same as the documented route of this path, in front of it and without the framework's dependencies, which take longer
than all the rest of a write.
"""


async def post_commands(request: Request, served: Served, speaker: Speaker) -> JSONResponse:
    """Takes one command with its `type`, or `{"commands": [...]}`, which is applied whole or not at all."""
    batch, commands = await read_json(request, _one_or_several)
    first = commands[0]
    subject = None if first.creates else first.subject_id()
    needed = {each.subject_id() for each in commands if type(each) in VERSION_REQUIRED} - (
        batch.expected.keys() if batch else set()
    )
    expected = _expected(request, subject, required=bool(needed)) | (dict(batch.expected) if batch else {})
    if needed - expected.keys():
        raise HttpProblem(
            428,
            f"say in `expected` which version you read of {', '.join(sorted(needed - expected.keys()))}",
            field="expected",
        )
    request.state.expected = expected
    receipt = await served.log.execute(_transaction_of(tuple(commands), speaker, _idempotency_key(request), expected))
    return _responded(receipt, subject or receipt.recorded[0].subject, created=first.creates is not None)


def _one_or_several(value: Any) -> tuple[Batch | None, tuple[Command, ...]]:
    """Return the commands of a body, and their batch where there is one."""
    if isinstance(value, dict) and "commands" in value:
        batch = _BATCH.validate_python(value)
        return batch, batch.commands
    return None, (COMMAND.validate_python(value),)


async def post_bulk(request: Request, served: Served, speaker: Speaker) -> Response:
    """Takes up to 1,000 units of 10,000 commands in all; answers for each in order its receipt, or the problem that kept it
    out. Others can write between its units.
    """
    if "idempotency-key" in request.headers:
        raise HttpProblem(400, "here each unit has a `key` of its own", field="Idempotency-Key")
    body = await read_json(request, _transactions_of)
    transactions = [
        _transaction_of(tuple(transaction.commands), speaker, transaction.key, dict(transaction.expected))
        for transaction in body.transactions
    ]
    results = await execute_in_chunks(served.log, transactions)
    return JSONResponse({"results": [_outcome(result) for result in results]})


def _transactions_of(value: Any) -> BulkRequest:
    """Return the units of a body.

    Raises:
        HttpProblem: 422, more commands than one request can have.
        ValidationError: it holds no units, or one that is wrong.
    """
    transactions = value.get("transactions") if isinstance(value, dict) else None
    lists = (
        [transaction.get("commands") for transaction in transactions if isinstance(transaction, dict)]
        if isinstance(transactions, list)
        else []
    )
    count = sum(len(commands) for commands in lists if isinstance(commands, list))
    if count > MAX_COMMANDS:
        detail = f"a request can have {MAX_COMMANDS} commands in all its units, not {count}; send several requests"
        raise HttpProblem(422, detail, field="transactions")
    return _BULK.validate_python(value)


def _outcome(result: Receipt | Refused) -> dict[str, Any]:
    if isinstance(result, Refused):
        return {"refused": problems.of_refusal(result).model_dump(exclude_none=True)}
    return {"receipt": answer_of(result, result.recorded[0].subject).model_dump()}


# OpenAPI -----------------------------------------------------------------------------------------------------------


def _described(command: type[Command]) -> str:
    """What a command is for, and what must be there before it when it names people."""
    named = {path[0] for path in string_paths(command, StringKind.PERSON)} - Command.model_fields.keys()
    first = " Register people first, with `POST /v1/people`; then any name they go by will do." if named else ""
    return f"{command.__doc__}{first}"


def _body_of(command: type[Command], path: str) -> dict[str, Any]:
    extra = json_body(f"{command.__name__}Body")
    parameters = [
        {
            "name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": _IN_PATHS[name]},
            "description": "The subject, as `kind:key`." if name == "subject" else "Its key, without the kind.",
        }
        for name in re.findall(r"\{(\w+)\}", path)
    ]  # fmt: skip
    headers = _headers(required=command in VERSION_REQUIRED)
    return {**extra, "parameters": parameters + (headers[:1] if command.creates else headers)}


def _headers(*, required: bool) -> list[dict[str, Any]]:
    return [
        {
            "name": "Idempotency-Key", "in": "header", "required": False,
            "schema": {"type": "string", "pattern": _IDEMPOTENCY_KEY.pattern},
            "description": "Send again with the same key after a lost answer: one effect, the same answer.",
        },
        {
            "name": "If-Match", "in": "header", "required": required,
            "schema": {"type": "string", "pattern": rf"^(?:\*|{_ETAG.pattern[1:-1]})$"},
            "description": "The version you read, as its ETag; 412 when the subject has moved since.",
        },
    ]  # fmt: skip


def _refuse_duplicates(schema: dict[str, Any], command: type[Command]) -> None:
    """Adds `uniqueItems` to each list of subjects or people, as an ordinary command names each of them once."""
    if command is any_subject.ImportChanges:
        return
    for path in (*string_paths(command, StringKind.SUBJECT), *string_paths(command, StringKind.PERSON)):
        if path[1:] == ("*",):
            found = schema["properties"][path[0]]
            for listed in (found, *found.get("anyOf", ())):
                if listed.get("type") == "array":
                    listed["uniqueItems"] = True


def body_schemas(*others: type[BaseModel]) -> dict[str, Any]:
    """The component schemas of every command, whole and as the body of its own route, and of what else is sent."""
    from pydantic.json_schema import models_json_schema  # noqa: PLC0415  (only when somebody asks for the document)

    models: list[type[BaseModel]] = [*COMMANDS.values(), Batch, KeyedTransaction, BulkRequest, *others]
    _, found = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = found["$defs"]
    for name, command in COMMANDS.items():
        whole = schemas[name]
        _refuse_duplicates(whole, command)
        left_out = {"type"} if command.creates else {"type", "subject"}
        whole["examples"] = [EXAMPLES[name]]
        schemas[f"{name}Body"] = {
            **whole, "title": f"{name}Body",
            "examples": [{key: value for key, value in EXAMPLES[name].items() if key not in left_out}],
            "properties": {key: value for key, value in whole["properties"].items() if key not in left_out},
            "required": [key for key in whole.get("required", []) if key not in left_out],
        }  # fmt: skip
        whole["required"] = [*whole.get("required", []), "type"]
    several = [EXAMPLES["RegisterPerson"], EXAMPLES["DefineProduct"]]
    schemas["Batch"]["examples"] = [{"commands": several}]
    schemas["BulkRequest"]["examples"] = [{"transactions": [{"key": "first", "commands": several}]}]
    schemas["AnyCommand"] = {
        "oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in COMMANDS],
        "discriminator": {"propertyName": "type"},
    }
    return schemas
