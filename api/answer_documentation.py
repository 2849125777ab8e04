"""How routes document their answers. The answers themselves are described in `projections.answer_types`, by noun."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from pydantic import TypeAdapter
from typing_extensions import is_typeddict

from api.problems import MEDIA_TYPE
from projections.answer_types import everything
from projections.answer_types.everything import *  # noqa: F403  (every answer, under the name that routes use)

Model = type[Any]
REFERENCE: Final = "#/components/schemas/"
Responses = dict[int | str, dict[str, Any]]


def problem(description: str, *, passes: bool = False) -> dict[str, Any]:
    """Return the documentation of a problem document; one that `passes` may say when to try again."""
    found = {"description": description, "content": {MEDIA_TYPE: {"schema": {"$ref": f"{REFERENCE}Problem"}}}}
    return found | ({"headers": _RETRY} if passes else {})


def _header(description: str, kind: str = "string", *, required: bool = False) -> dict[str, Any]:
    return {"description": description, "required": required, "schema": {"type": kind}}


_RETRY: Final = {"Retry-After": _header("The number of seconds after which to try again, if that helps.", "integer")}
_READ_HEADERS: Final = {
    "Decisionlog-Position": _header("The position of the log that the answer covers.", "integer", required=True),
    "Decisionlog-As-Of": _header("The valid time of the answer.", required=True),
    "Decisionlog-Lag": _header("On a replica, the number of entries that it is behind.", "integer"),
}
PAGE_HEADERS: Final = {
    "Decisionlog-Next": _header(
        "The value of `cursor` for the next page; missing on the last page. In CSV and JSON Lines, it is only here."
    )
}
_ETAG: Final = {"ETag": _header("The version of the subject, for `If-Match`.")}
_LOCATION: Final = {"Location": _header("The address of the new subject.")}

STOPPED: Final[Responses] = {
    503: problem(
        "The read model has stopped, or the query took too long or waited too long. The detail says which; "
        "`Retry-After` says when to try again.",
        passes=True,
    )
}
UNSTORED: Final[Responses] = {
    503: problem(
        "The log failed. Send the request again with the same idempotency key to learn whether it was recorded.",
        passes=True,
    ),
    507: problem("The disk is full. Nothing was recorded."),
}
LATE: Final[Responses] = {504: problem("The answer does not cover `min_position` yet. Try again.", passes=True)}


def describe_route(model: Model, *, status: int = 200, more: Responses | None = None) -> dict[str, Any]:
    """Return the arguments of a route that builds its response itself."""
    return {"response_model": None, "responses": {status: describe_response(model, status=status), **(more or {})}}


def describe_response(model: Model, description: str = "", *, status: int = 200) -> dict[str, Any]:
    """Return the documentation of a response; its schema is built only when the document is asked for."""
    content = {"application/json": {"schema": {"$ref": REFERENCE + model.__name__}}}
    described = {"description": description or (model.__doc__ or "").strip().partition("\n")[0], "content": content}
    headers = _headers_of(model) | (_LOCATION if model is everything.Receipt and status == HTTPStatus.CREATED else {})
    return described | ({"headers": headers} if headers else {})


def _headers_of(model: Model) -> dict[str, Any]:
    """Return the documentation of the headers that come with an answer."""
    fields = model.__annotations__
    return {
        **(_READ_HEADERS if "as_of" in fields else {}),
        **(_ETAG if model in (everything.Receipt, everything.SubjectPage) else {}),
    }


def describe_query(model: Model) -> dict[str, Any]:
    """Return the arguments of a route that queries the read model."""
    return describe_route(model, more={**STOPPED, **LATE})


def build_answer_schemas(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of every answer that an OpenAPI document refers to, by name."""
    names = sorted(_find_references(document))
    models = [getattr(everything, name) for name in names if is_typeddict(getattr(everything, name, None))]
    _, found = TypeAdapter.json_schemas(
        [(model, "serialization", TypeAdapter(model)) for model in models], ref_template=REFERENCE + "{model}"
    )
    return dict(found["$defs"])


def _find_references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"].removeprefix(REFERENCE)} if isinstance(part.get("$ref"), str) else set()
        return own.union(*map(_find_references, part.values()))
    return set().union(*map(_find_references, part)) if isinstance(part, list) else set()
