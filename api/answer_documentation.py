"""How routes document their answers. The answers themselves are described in `projections.answer_types`, by noun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import TypeAdapter
from typing_extensions import is_typeddict

from api.problems import MEDIA_TYPE
from projections.answer_types import everything
from projections.answer_types.everything import *  # noqa: F403  (every answer, under the name that routes use)

Model = type[Any]
REFERENCE: Final = "#/components/schemas/"
Responses = dict[int | str, dict[str, Any]]


def problem(description: str) -> dict[str, Any]:
    """Return the documentation of a problem document."""
    return {"description": description, "content": {MEDIA_TYPE: {"schema": {"$ref": f"{REFERENCE}Problem"}}}}


STOPPED: Final[Responses] = {
    503: problem(
        "The read model has stopped, or the query took too long or waited too long. The detail says which; "
        "`Retry-After` says when to try again."
    )
}
UNSTORED: Final[Responses] = {
    503: problem(
        "The log failed. Send the request again with the same idempotency key to learn whether it was recorded."
    ),
    507: problem("The disk is full. Nothing was recorded."),
}
LATE: Final[Responses] = {504: problem("The answer does not cover `min_position` yet. Try again.")}


def describe_route(model: Model, *, status: int = 200, more: Responses | None = None) -> dict[str, Any]:
    """Return the arguments of a route that builds its response itself."""
    return {"response_model": None, "responses": {status: describe_response(model), **(more or {})}}


def describe_response(model: Model, description: str = "") -> dict[str, Any]:
    """Return the documentation of a response; its schema is built only when the document is asked for."""
    content = {"application/json": {"schema": {"$ref": REFERENCE + model.__name__}}}
    return {"description": description or (model.__doc__ or "").strip().partition("\n")[0], "content": content}


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
