"""Routes that record: one entrance for every command, from sign-in to the receipt.

Each command has a route whose body is the command's own fields and whose path names the subject. These routes, and
`/v1/commands` and `/v1/bulk`, skip the framework's dependency resolution, which would take longer than the rest of a
write; `CommandRoute` makes the same checks itself.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic_core import to_json

from api import answer_documentation, problems
from api.authentication import CurrentCaller, authenticate_request
from api.bodies import json_body, read_json
from api.headers import find_header
from api.problems import HttpProblem, unprocessable
from api.query_parameters import check_parameters
from api.services import ServiceDependency, Services, refuse_writes_on_replica
from domain import any_subject, decision_messages
from domain.catalog import COMMAND
from domain.errors import Malformed, Refused
from domain.messages import Command, string_paths
from domain.roles import ROLE_HOLDER_PATTERN
from domain.values import KEY_PATTERN, SUBJECT_PATTERN, StringKind, format_micros
from eventlog.entry import Caller, Receipt, Transaction

VERSION_REQUIRED: Final = frozenset({decision_messages.ReviseDecision})
"""Commands that replace shared text, and so need the version that was read: no caller overwrites an unseen change."""
ERROR: Final = "decisionlog.error"
"""Where a request that failed in `api.fast_routing` carries its error to the framework, which answers it."""
IDEMPOTENCY_KEY_PATTERN: Final = r"^[\x21-\x7e]{1,200}$"

_KINDS: Final = {
    "products": "product",
    "decisions": "decision",
    "features": "feature",
    "releases": "release",
    "goals": "goal",
    "evidence": "evidence",
    "assumptions": "assumption",
    "meetings": "meeting",
    "tasks": "task",
    "people": "person",
    "teams": "team",
}
_PATH_PATTERNS: Final = {
    "key": f"^{KEY_PATTERN}$",
    "subject": f"^{SUBJECT_PATTERN}$",
    "holder": f"^{ROLE_HOLDER_PATTERN}$",
}
_PATH_DESCRIPTIONS: Final = {
    "key": "The subject's key, without its kind.",
    "subject": "The subject, as `kind:key`.",
    "holder": "The person, team, service or group, as `kind:key`.",
}
_IDEMPOTENCY_KEY: Final = re.compile(IDEMPOTENCY_KEY_PATTERN)
_IDEMPOTENCY_KEY_FORMAT: Final = "an idempotency key has 1 to 200 visible ASCII characters"
_ETAG: Final = r'(?:W/)?"[\x21\x23-\x7e]*"'
_ETAG_LIST: Final = re.compile(rf"^{_ETAG}(?:[ \t]*,[ \t]*{_ETAG})*$")
_VERSION: Final = re.compile(r'^"([0-9]{1,15})"$')


class CommandRoute(APIRoute):
    """A route that records: it signs the caller in, refuses what cannot be recorded here, and calls its endpoint."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the function that handles a request."""
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            if ERROR in request.scope:
                raise request.scope[ERROR]
            services: Services = request.app.state.services
            caller = await authenticate_request(request, services)
            await refuse_writes_on_replica(request, services)
            await check_parameters(request)
            response: Response = await endpoint(request, services, caller, **_read_flags(request))
            return response

        return handle


def _read_flags(request: Request) -> dict[str, bool]:
    """Return the query parameters of a route that records, all of which are flags. Unknown ones were refused before.

    Raises:
        HttpProblem: 422 for another value than `true` and `false`.
    """
    if not request.scope["query_string"]:
        return {}
    for name, value in request.query_params.items():
        if value not in ("true", "false"):
            raise unprocessable("must be `true` or `false`", field=name)
    return {name: value == "true" for name, value in request.query_params.items()}


def add_command_routes(router: APIRouter, paths: Mapping[type[Command], str]) -> None:
    """Add a route for each command to a router whose route class is `CommandRoute`."""
    for command, path in paths.items():
        status = 201 if command.creates else 200
        more = {**answer_documentation.UNSTORED, **(problems.VERSION_REQUIRED if command in VERSION_REQUIRED else {})}
        router.add_api_route(
            path,
            _build_endpoint(command, path),
            methods=["POST"],
            name=command.__name__,
            status_code=status,
            summary=re.sub(r"(?<!^)(?=[A-Z])", " ", command.__name__).capitalize(),
            description=_describe(command),
            openapi_extra=_document_request(command, path),
            **answer_documentation.describe_route(answer_documentation.Receipt, status=status, more=more),
        )


def _build_endpoint(command: type[Command], path: str) -> Callable[..., Awaitable[JSONResponse]]:
    async def endpoint(request: Request, services: ServiceDependency, caller: CurrentCaller) -> JSONResponse:
        subject = _subject_in(path, request.path_params, services.log.id)
        from_path = {"subject": subject, "type": command.__name__} if subject else {"type": command.__name__}
        parsed = await read_json(
            request, caller, lambda value: COMMAND.validate_python(_check_object(value) | from_path)
        )
        expected = read_if_match(request, services, subject, required=command in VERSION_REQUIRED)
        return await record(request, services, caller, (parsed,), expected, subject)

    return endpoint


async def record(
    request: Request,
    services: Services,
    caller: Caller,
    commands: tuple[Command, ...],
    expected: dict[str, int],
    subject: str | None,
) -> JSONResponse:
    """Record one transaction and return its receipt, with the subject's version as the ETag."""
    transaction = build_transaction(commands, caller, read_idempotency_key(request), expected)
    services.quotas.take_commands(caller, len(commands))
    services.questions.short += 1
    try:
        receipt = await services.log.execute(transaction)
    finally:
        services.questions.short -= 1
    answer = public_receipt(receipt, subject or receipt.recorded[0].subject)
    headers = [(b"etag", b'"%d"' % answer["version"])]
    created = commands[0].creates is not None
    if created:
        headers.append((b"location", f"/v1/subjects/{answer['subject']}".encode("latin-1")))
    return ReceiptResponse(answer, 201 if created else 200, headers)


async def preview(
    request: Request,
    services: Services,
    caller: Caller,
    commands: tuple[Command, ...],
    expected: dict[str, int],
    subject: str | None,
) -> JSONResponse:
    """Return the receipt that a transaction would get now; nothing is recorded.

    Raises:
        Refused: it would be refused.
    """
    transaction = build_transaction(commands, caller, read_idempotency_key(request), expected)
    services.quotas.take_commands(caller, len(commands))
    (outcome,) = await services.log.dry_run().execute_many([transaction])
    if isinstance(outcome, Refused):
        raise outcome
    return ReceiptResponse(public_receipt(outcome, subject or outcome.recorded[0].subject), 200, [])


class ReceiptResponse(JSONResponse):
    """A receipt as a response, encoded by pydantic, with headers that are bytes already."""

    def __init__(self, content: answer_documentation.Receipt, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status_code = status
        self.background = None
        self.body = to_json(content)
        self.raw_headers = [
            *headers,
            (b"content-length", b"%d" % len(self.body)),
            (b"content-type", b"application/json"),
        ]


def public_receipt(receipt: Receipt, subject: str) -> answer_documentation.Receipt:
    """Return a receipt as API responses show it."""
    versions = {each.subject: each.version for each in receipt.recorded}
    addressed = subject if subject in versions else receipt.recorded[0].subject
    return answer_documentation.Receipt(
        position=receipt.position,
        subject=addressed,
        version=versions[addressed],
        replayed=receipt.replayed,
        recorded=[
            answer_documentation.RecordedEvent(
                position=each.position,
                subject=each.subject,
                version=each.version,
                type=each.type,
                recorded_at=format_micros(each.recorded_at),
            )
            for each in receipt.recorded
        ],
    )


def build_transaction(
    commands: tuple[Command, ...], caller: Caller, key: str | None, expected: dict[str, int]
) -> Transaction:
    """Return the transaction; commands from another system arrive on the `import` channel, which needs its own scope.

    Raises:
        Malformed: the idempotency key is not one, such as that of a form that someone changed.
    """
    if key and not _IDEMPOTENCY_KEY.fullmatch(key):
        raise Malformed(f"{_IDEMPOTENCY_KEY_FORMAT}; open the form again", field="form_key")
    imported = any(command.source or isinstance(command, any_subject.ImportChanges) for command in commands)
    return Transaction(commands, replace(caller, channel="import") if imported else caller, key or None, expected)


# Headers --------------------------------------------------------------------------------------------------------------


def read_if_match(request: Request, services: Services, subject: str | None, *, required: bool) -> dict[str, int]:
    """Return the expected version of the subject from `If-Match` (RFC 9110, section 13.1.1).

    `request.state.expected` keeps it: only a conflict with it is answered with 412, which names the header.

    Raises:
        HttpProblem: 400 or 422 for a header that cannot be applied, 412 for one that cannot match, 428 if it is missing.
    """
    header = find_header(request, b"if-match")
    if header is None and not required:
        return {}
    request.state.expected = request.state.if_match = _parse_if_match(header, services, subject)
    return dict(request.state.expected)


def _parse_if_match(header: str | None, services: Services, subject: str | None) -> dict[str, int]:
    if header is None:
        raise HttpProblem(
            428, 'this command replaces text: send the version you read, like `If-Match: "3"`', field="If-Match"
        )
    given = header.strip()
    if given == "*" and subject is not None:
        return {}  # any version; every command already requires that its subject exists
    if given != "*" and not _ETAG_LIST.match(given):
        raise HttpProblem(400, 'send the ETag of the subject in `If-Match`, like `"3"`', field="If-Match")
    if given == "*" or subject is None:
        raise unprocessable(
            "`If-Match` applies to a command on an existing subject; this command creates its own", field="If-Match"
        )
    # Strong comparison: a weak ETag never matches. The ETags of this server are versions.
    found = [_VERSION.match(etag) for etag in re.findall(_ETAG, given)]
    versions = [int(each[1]) for each in found if each]
    if not versions:
        detail = "`If-Match` does not match: send the ETag of a response about this subject, without `W/`"
        raise HttpProblem(412, detail, field="If-Match")
    if len(versions) > 1 and (current := services.log.cached_state(subject).version) in versions:
        return {subject: current}
    return {subject: max(versions)}


def read_idempotency_key(request: Request) -> str | None:
    """Return the request's idempotency key.

    Raises:
        HttpProblem: 400 for a key of another form.
    """
    given = find_header(request, b"idempotency-key")
    if given is not None and not _IDEMPOTENCY_KEY.match(given):
        raise HttpProblem(400, _IDEMPOTENCY_KEY_FORMAT, field="Idempotency-Key")
    return given


def check_idempotency_key(key: str) -> str:
    """Return an idempotency key.

    Raises:
        ValueError: it has another form.
    """
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise ValueError(_IDEMPOTENCY_KEY_FORMAT)
    return key


# Paths and bodies -----------------------------------------------------------------------------------------------------


def _subject_in(path: str, parameters: Mapping[str, str], log_id: str) -> str | None:
    if "{key}" in path:
        return f"{_KINDS[path.split('/')[1]]}:{parameters['key']}"
    return log_id if path == "/log/erase" else parameters.get("subject", parameters.get("holder"))


def _check_object(value: Any) -> dict[str, Any]:
    """Return the value of a body, an object without the members that the path sets."""
    if not isinstance(value, dict):
        raise HttpProblem(422, "the body must be a JSON object")
    for name in ("type", "subject"):
        if name in value:
            raise HttpProblem(422, f"remove `{name}` from the body: the path sets it", field=name)
    return value


# OpenAPI --------------------------------------------------------------------------------------------------------------


def _describe(command: type[Command]) -> str:
    """Return what a command does, and whom to register first if it names people."""
    names_people = {path[0] for path in string_paths(command, StringKind.PERSON)} - Command.model_fields.keys()
    hint = " Register the people it names first, with `POST /v1/people`; then use their ids, keys, names or email addresses."
    return f"{command.__doc__}{hint if names_people else ''}"


def _document_request(command: type[Command], path: str) -> dict[str, Any]:
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": _path_pattern(command, name)},
            "description": _PATH_DESCRIPTIONS[name],
        }
        for name in re.findall(r"\{(\w+)\}", path)
    ]
    headers = document_headers(version_required=command in VERSION_REQUIRED)
    return {
        **json_body(f"{command.__name__}Body"),
        "parameters": parameters + (headers[:1] if command.creates else headers),
    }


def _path_pattern(command: type[Command], name: str) -> str:
    """Return the pattern of a path parameter; that of a subject allows the kinds that the command does."""
    field = command.model_json_schema()["properties"].get("subject", {}) if name == "subject" else {}
    return str(field.get("pattern", _PATH_PATTERNS[name]))


def document_headers(*, version_required: bool) -> list[dict[str, Any]]:
    """Return the OpenAPI parameters `Idempotency-Key` and `If-Match`."""
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "pattern": IDEMPOTENCY_KEY_PATTERN},
            "description": "Makes retries safe: the same request with the same key is recorded once and gets the same "
            "response.",
        },
        {
            "name": "If-Match",
            "in": "header",
            "required": version_required,
            "schema": {"type": "string", "pattern": rf"^(?:\*|{_ETAG}(?:[ \t]*,[ \t]*{_ETAG})*)$"},
            "description": "The version you read, as its ETag. The response is 412 if the subject has changed since.",
        },
    ]
