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
from domain.faults import faults_of, in_a_sentence
from eventlog.errors import DamagedStoreError, NoRoomError
from projections.model import ReadModelDamagedError

_log: Final = logging.getLogger("decisionlog.api")
MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:decisionlog:problem:"

_TABLE: Final[dict[type[Exception], tuple[int, str]]] = {
    errors.Malformed: (422, "malformed"),
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
    409: "conflict", 412: "stale", 413: "too-large", 415: "unsupported-media-type",
    421: "not-here", 422: "malformed",
    428: "version-required", 503: "unavailable", 504: "not-yet", 507: "no-space",
}  # fmt: skip


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


RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {
        "description": "Refused: a problem document that names the field and says what would be right.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        "model": Problem,
    }
}


class HttpProblem(Exception):
    """What is wrong with a request as such, before any rule is asked."""

    def __init__(
        self, status: int, detail: str, *, field: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.field = field
        self.headers = headers


def problem(status: int, name: str, detail: str, **more: Any) -> Problem:
    """A problem document of a named type."""
    title = name.replace("-", " ").capitalize()
    return Problem(type=TYPE_PREFIX + name, title=title, status=status, detail=detail, **more)


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
    faults = faults_of(found)
    wrong = [FieldProblem(field=field, detail=detail) for field, detail in faults]
    return problem(422, "malformed", in_a_sentence(faults), field=wrong[0].field or None, errors=wrong)


def of_store(error: PersistenceError, *, asked: bool = False) -> Problem:
    """The problem document of a store that failed; where something was `asked`, nothing was to be recorded.

    What the database says of itself, such as where it is, is for the server's log and not for whoever asks.
    """
    if isinstance(error, NoRoomError):
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
        name = _HTTP_NAMES.get(error.status, "refused")
        return respond(problem(error.status, name, error.detail, field=error.field), error.headers)

    @app.exception_handler(PersistenceError)
    async def not_stored(request: Request, error: PersistenceError) -> JSONResponse:
        _log.warning("%s %s: the store failed: %s", request.method, request.url.path, error)
        return respond(of_store(error, asked=request.method in {"GET", "HEAD"}), {"Retry-After": "10"})

    @app.exception_handler(RequestValidationError)
    async def request_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return respond(of_validation(error.errors()))

    @app.exception_handler(ValidationError)
    async def invalid(_: Request, error: ValidationError) -> JSONResponse:
        return respond(of_validation(error.errors(include_url=False, include_input=False)))

    @app.exception_handler(Exception)
    async def unforeseen(_: Request, __: Exception) -> JSONResponse:
        # The trace goes to the server's log; whoever asked learns that it was not their fault.
        return respond(problem(500, "unforeseen", "this is a mistake of the server; nothing of it tells you more"))

    @app.exception_handler(HTTPException)
    async def http(_: Request, error: HTTPException) -> JSONResponse:
        name = _HTTP_NAMES.get(error.status_code, "refused")
        headers = dict(error.headers) if error.headers else None
        return respond(problem(error.status_code, name, str(error.detail)), headers)
