"""Problem documents (RFC 9457), and the HTTP status of every refusal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from secrets import token_hex
from typing import Any, Final, cast

from eventsourcing.persistence import PersistenceError
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from api.access_journal import record_refusal
from domain import errors
from domain.problems import build_problem, refusal_problem
from domain.validation_messages import is_combination, list_errors, summarize_errors
from eventlog.store_errors import DamagedStoreError, DiskFullError, FileUnavailableError
from projections.answer_types.problems import FieldProblem, Problem
from projections.read_model.model import ReadModelDamagedError

_log: Final = logging.getLogger("decisionlog.api")
MEDIA_TYPE: Final = "application/problem+json"

_STATUSES: Final[dict[type[Exception], int]] = {
    errors.Malformed: 422,
    errors.Unknown: 404,
    errors.AlreadyExists: 409,
    errors.OutOfOrder: 409,
    errors.NothingChanges: 409,
    errors.NotAllowed: 409,
    errors.Forbidden: 403,
    errors.Stale: 409,
    errors.KeyReused: 422,
    errors.Refused: 409,
}
_HTTP_NAMES: Final = {
    400: "bad-request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    408: "timeout",
    409: "conflict",
    412: "stale",
    413: "too-large",
    414: "too-large",
    415: "unsupported-media-type",
    421: "misdirected",
    422: "malformed",
    428: "version-required",
    429: "too-many-requests",
    431: "too-large",
    500: "internal-server-error",
    503: "unavailable",
    504: "not-caught-up",
    507: "no-space",
}
Responder = Callable[..., Response]
"""Takes a request, its problem document, and headers if there are any."""
REQUEST_ID_BYTES: Final = 6
MAX_ERRORS: Final = 100
"""Validation errors listed in one response. More are only counted, as each costs memory."""
MAX_SHOWN: Final = 500
"""Characters of a client's input, such as a field name, that a response repeats."""


def document_problem(description: str) -> dict[str, Any]:
    """Return the OpenAPI description of a problem document as a response."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    413: document_problem("The body is too large."),
    414: document_problem("The address is too long."),
    431: document_problem("The headers are too long."),
    "4XX": document_problem("The request was refused. The problem document names the field and says how to fix it."),
}
VERSION_REQUIRED: Final[dict[int | str, dict[str, Any]]] = {
    428: document_problem("This command replaces text: send the version you read in `If-Match`.")
}


class HttpProblem(Exception):
    """A problem with the request itself, found before any business rule is checked."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        field: str | None = None,
        headers: dict[str, str] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = headers
        self.name = name or _HTTP_NAMES.get(status, "refused")


def unprocessable(detail: str, *, field: str) -> HttpProblem:
    """Return the refusal of a request that is valid on its own, but not with its other parameters or on this log."""
    return HttpProblem(422, detail, field=field, name="unprocessable")


def problem(status: int, name: str, detail: str, **more: Any) -> Problem:
    """Return a problem document of a named type."""
    return _with_status(status, build_problem(name, detail, **more))


def _with_status(status: int, built: dict[str, Any]) -> Problem:
    return cast("Problem", {"type": built["type"], "title": built["title"], "status": status, **built})


def status_problem(status: int, detail: str, *, field: str | None = None) -> Problem:
    """Return the problem document of an HTTP status."""
    return problem(status, _HTTP_NAMES.get(status, "refused"), detail, field=field)


def of_refusal(refused: errors.Refused, *, preconditions: bool = False) -> Problem:
    """Return the problem document of a refusal. A conflict with a version that the client sent is a 412."""
    status = 412 if preconditions and isinstance(refused, errors.Stale) else _STATUSES[type(refused)]
    return _with_status(status, refusal_problem(refused))


def of_validation(found: Sequence[Any]) -> Problem:
    """Return the problem document of pydantic's errors, each with its field."""
    syntax_errors = [error for error in found if error["type"] == "json_invalid"]
    if syntax_errors:
        return problem(400, "malformed-json", str(syntax_errors[0]["msg"]))
    errors_by_field = [(_truncate(field), _truncate(detail)) for field, detail in list_errors(found)]
    listed = [FieldProblem(field=field, detail=detail) for field, detail in errors_by_field]
    name = "unprocessable" if is_combination(found) else "malformed"
    return problem(422, name, summarize_errors(errors_by_field), field=errors_by_field[0][0] or None, errors=listed)


def of_parameters(error: RequestValidationError) -> Problem:
    """Return the problem document of invalid parameters. `query` and names of the types tried are not part of a path."""
    errors = ({**each, "loc": (each["loc"][1], *_indices(each["loc"][2:]))} for each in error.errors())
    return of_validation(list(errors))


def _indices(path: Sequence[str | int]) -> list[int]:
    return [each for each in path if isinstance(each, int)]


def _truncate(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def of_invalid(error: ValidationError) -> Problem:
    """Return the problem document of an invalid body. Too many errors are only counted."""
    count = error.error_count()
    if count > MAX_ERRORS:
        detail = f"the body has {count} errors, too many to list; GET /openapi.json describes each command"
        return problem(422, "malformed", detail)
    return of_validation(error.errors(include_url=False, include_input=False))


def of_store(error: PersistenceError, *, read_only: bool = False) -> Problem:
    """Return the problem document of a failed store; `read_only` means that the request would not have recorded anything.

    The database's own message, which may contain its address, goes only to the server's log.
    """
    if isinstance(error, DiskFullError):
        detail = "the disk is full; nothing was recorded; free some space and try again"
        return problem(507, "no-space", detail)
    if isinstance(error, ReadModelDamagedError):
        return problem(503, "unavailable", "the read model is damaged and is being rebuilt; try again soon")
    if isinstance(error, DamagedStoreError):
        detail = "the log file is damaged; nothing more is recorded; run `decisionlog verify` on the server for details"
        return problem(503, "unavailable", detail)
    if read_only:
        return problem(503, "unavailable", "the log cannot be read right now; try again later")
    if isinstance(error, FileUnavailableError):
        detail = (
            "the log file cannot be written; check its disk, owner and mode on the server, then send the request again with "
            "the same idempotency key"
        )
        return problem(503, "unavailable", detail)
    detail = "the log failed; send the request again with the same idempotency key to learn whether it was recorded"
    return problem(503, "unavailable", detail)


def respond(document: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return a problem document as a response."""
    return JSONResponse(document, document["status"], headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI, respond_to: Responder) -> None:
    """Turn every error of an application into a response, made from its problem document by `respond_to`."""

    @app.exception_handler(errors.Refused)
    async def handle_refusal(request: Request, error: errors.Refused) -> Response:
        expected = getattr(request.state, "expected", {})
        document = of_refusal(error, preconditions=error.subject in expected)
        if isinstance(error, errors.Stale) and error.subject in getattr(request.state, "if_match", {}):
            document["field"] = "If-Match"
        record_refusal(request, document["status"], error.detail, is_command=request.method != "GET")
        return respond_to(request, document)

    @app.exception_handler(HttpProblem)
    async def handle_http_problem(request: Request, error: HttpProblem) -> Response:
        record_refusal(request, error.status, error.detail)
        document = problem(error.status, error.name, error.detail, field=error.field)
        return respond_to(request, document, error.headers)

    @app.exception_handler(PersistenceError)
    async def handle_store_failure(request: Request, error: PersistenceError) -> Response:
        _log.warning("%s %s: the store failed: %s", request.method, request.url.path, error)
        document = of_store(error, read_only=request.method in {"GET", "HEAD"})
        return respond_to(request, document, {"Retry-After": "10"})

    @app.exception_handler(RequestValidationError)
    async def handle_invalid_parameters(request: Request, error: RequestValidationError) -> Response:
        return respond_to(request, of_parameters(error))

    @app.exception_handler(ValidationError)
    async def handle_invalid_body(request: Request, error: ValidationError) -> Response:
        return respond_to(request, of_invalid(error))

    @app.exception_handler(Exception)
    async def handle_unexpected_error(request: Request, _: Exception) -> Response:
        # The traceback goes only to the server's log, right after this line.
        request_id = token_hex(REQUEST_ID_BYTES)
        _log.error("request %s failed: %s %s", request_id, request.method, request.url.path)
        detail = f"the server failed to process the request; its log has the details of request {request_id}"
        return respond_to(request, status_problem(500, detail))

    @app.exception_handler(HTTPException)
    async def handle_http_error(request: Request, error: HTTPException) -> Response:
        own = {
            HTTPStatus.NOT_FOUND: "there is nothing at this address",
            HTTPStatus.METHOD_NOT_ALLOWED: f"{request.url.path} does not support {request.method}",
        }
        detail = own.get(HTTPStatus(error.status_code), str(error.detail))
        return respond_to(request, status_problem(error.status_code, detail), error.headers)
