"""Problem documents (RFC 9457): the one table that says which refusal is which status, and nothing else knows both."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

from eventsourcing.persistence import PersistenceError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

from domain import errors
from domain.validation_messages import is_combination, list_errors, summarize_errors
from eventlog.errors import DamagedStoreError, DiskFullError
from projections.read_model import ReadModelDamagedError

_log: Final = logging.getLogger("decisionlog.api")
MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:decisionlog:problem:"

_TABLE: Final[dict[type[Exception], tuple[int, str]]] = {
    errors.Malformed: (422, "unprocessable"),
    errors.Unknown: (404, "unknown"),
    errors.AlreadyExists: (409, "already-exists"),
    errors.OutOfOrder: (409, "out-of-order"),
    errors.NothingChanges: (409, "nothing-changes"),
    errors.NotAllowed: (409, "not-allowed"),
    errors.Forbidden: (403, "forbidden"),
    errors.Stale: (409, "stale"),
    errors.KeyReused: (422, "idempotency-key-reused"),
    errors.Refused: (409, "refused"),
}
_HTTP_NAMES: Final = {
    400: "bad-request", 401: "unauthenticated", 403: "forbidden", 404: "not-found", 405: "method-not-allowed", 406: "not-acceptable",
    408: "timeout", 409: "conflict", 412: "stale", 413: "too-large", 414: "too-large", 415: "unsupported-media-type",
    421: "not-here", 422: "malformed",
    428: "version-required", 431: "too-large", 503: "unavailable", 504: "not-yet", 507: "no-space",
}  # fmt: skip
MAX_ERRORS: Final = 100
"""Errors of one request that are looked at; each is a dictionary, and of more nobody would read the list."""
MAX_SHOWN: Final = 500
"""Characters of what a caller sent, such as the name of a field, that an answer repeats."""


class FieldProblem(BaseModel):
    """What is wrong with one field."""

    field: str = Field(description="The field, by its path; empty for the whole.")
    detail: str = Field(description="What is wrong with it, and what would be right.")


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str = Field(description="The kind of problem, as `urn:decisionlog:problem:KIND`.")
    title: str = Field(description="The kind in words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong, and what would be right.")
    field: str | None = Field(None, description="The first field, parameter or header that is wrong, by its path.")
    subject: str | None = Field(None, description="The subject that stands in the way.")
    version: int | None = Field(None, description="The version that subject has now.")
    errors: list[FieldProblem] | None = Field(None, description="Each field that is wrong.")


def documented(description: str) -> dict[str, Any]:
    """How OpenAPI declares a problem document as an answer."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": description, "content": content}


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    413: documented("The body is too long."),
    414: documented("The address is too long."),
    431: documented("The headers are too long."),
    "4XX": {
        **documented("Refused: a problem document that names the field and says what would be right."),
        "model": Problem,
    },
}
VERSION_REQUIRED: Final[dict[int | str, dict[str, Any]]] = {
    428: documented("This changes what others may have changed: send the version you read, in `If-Match`.")
}


class HttpProblem(Exception):
    """What is wrong with a request as such, before any rule is asked."""

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
    """The refusal of what has the documented shape, but cannot be answered with the other parameters or by this log."""
    return HttpProblem(422, detail, field=field, name="unprocessable")


def problem(status: int, name: str, detail: str, **more: Any) -> Problem:
    """A problem document of a named type."""
    title = name.replace("-", " ").capitalize()
    return Problem(type=TYPE_PREFIX + name, title=title, status=status, detail=detail, **more)


def status_problem(status: int, detail: str, *, field: str | None = None) -> Problem:
    """Return the problem document of an HTTP status."""
    return problem(status, _HTTP_NAMES.get(status, "refused"), detail, field=field)


def of_refusal(refused: errors.Refused, *, preconditions: bool = False) -> Problem:
    """The problem document of a refusal; a version that the caller named itself makes staleness a 412."""
    kind = next(kind for kind in type(refused).__mro__ if kind in _TABLE)
    status, name = _TABLE[kind]
    if isinstance(refused, errors.Stale):
        status = 412 if preconditions else 409
    return problem(
        status, name, refused.detail,
        field=refused.field, subject=refused.subject, version=getattr(refused, "version", None),
    )  # fmt: skip


def of_validation(found: Sequence[Any]) -> Problem:
    """The problem document of what pydantic found wrong, each error with its field."""
    broken = [error for error in found if error["type"] == "json_invalid"]
    if broken:
        return problem(400, "malformed-json", str(broken[0]["msg"]))
    faults = [(_shortened(field), _shortened(detail)) for field, detail in list_errors(found)]
    wrong = [FieldProblem(field=field, detail=detail) for field, detail in faults]
    name = "unprocessable" if is_combination(found) else "malformed"
    return problem(422, name, summarize_errors(faults), field=wrong[0].field or None, errors=wrong)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def of_invalid(error: ValidationError) -> Problem:
    """Return the problem document of a model that does not fit; with too many errors to list, only their number."""
    count = error.error_count()
    if count > MAX_ERRORS:
        detail = f"{count} things are wrong with the body, too many to list; GET /openapi.json describes each command"
        return problem(422, "malformed", detail)
    return of_validation(error.errors(include_url=False, include_input=False))


def of_store(error: PersistenceError, *, asked: bool = False) -> Problem:
    """The problem document of a store that failed; where something was `asked`, nothing was to be recorded.

    What the database says of itself, such as where it is, is for the server's log and not for whoever asks.
    """
    if isinstance(error, DiskFullError):
        detail = "the disk of the log is full, and nothing was recorded; make room, and send it again"
        return problem(507, "no-space", detail)
    if isinstance(error, ReadModelDamagedError):
        return problem(503, "unavailable", "the read model was found damaged and is being built again; ask again soon")
    if isinstance(error, DamagedStoreError):
        detail = (
            "the file of the log is damaged, and nothing more is recorded; `decisionlog verify` on the server says more"
        )
        return problem(503, "unavailable", detail)
    if asked:
        return problem(503, "unavailable", "the log cannot be read now; ask again in a while")
    detail = "the log failed; whether this was recorded shows when it is sent again with the same key"
    return problem(503, "unavailable", detail)


def respond(document: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem document as a response."""
    return JSONResponse(document.model_dump(exclude_none=True), document.status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Makes every error of the application a problem document."""

    @app.exception_handler(errors.Refused)
    async def refused(request: Request, error: errors.Refused) -> JSONResponse:
        named = getattr(request.state, "expected", {})
        return respond(of_refusal(error, preconditions=error.subject in named))

    @app.exception_handler(HttpProblem)
    async def http_problem(_: Request, error: HttpProblem) -> JSONResponse:
        return respond(problem(error.status, error.name, error.detail, field=error.field), error.headers)

    @app.exception_handler(PersistenceError)
    async def not_stored(request: Request, error: PersistenceError) -> JSONResponse:
        _log.warning("%s %s: the store failed: %s", request.method, request.url.path, error)
        return respond(of_store(error, asked=request.method in {"GET", "HEAD"}), {"Retry-After": "10"})

    @app.exception_handler(RequestValidationError)
    async def request_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # The first part of each path says where in the request it stood.
        return respond(of_validation([{**each, "loc": each["loc"][1:]} for each in error.errors()]))

    @app.exception_handler(ValidationError)
    async def invalid(_: Request, error: ValidationError) -> JSONResponse:
        return respond(of_invalid(error))

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, __: Exception) -> JSONResponse:
        # The trace goes to the server's log; whoever asked learns that it was not their fault.
        return respond(problem(500, "unforeseen", "this is a mistake of the server; nothing of it tells you more"))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers) if error.headers else None
        return respond(status_problem(error.status_code, str(error.detail)), headers)
