"""Problem documents (RFC 9457) of refused commands: what HTTP and Kafka have in common. HTTP adds the status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.errors import (
    AlreadyExists,
    Forbidden,
    KeyReused,
    Malformed,
    NotAllowed,
    NothingChanges,
    OutOfOrder,
    Refused,
    Stale,
    Unknown,
)
from domain.validation_messages import is_combination, list_errors, summarize_errors

TYPE_PREFIX: Final = "urn:decisionlog:problem:"
PROBLEM_NAMES: Final[Mapping[type[Exception], str]] = {
    Malformed: "unprocessable",  # `malformed` is what pydantic refuses
    Unknown: "unknown",
    AlreadyExists: "already-exists",
    OutOfOrder: "out-of-order",
    NothingChanges: "nothing-changes",
    NotAllowed: "not-allowed",
    Forbidden: "forbidden",
    Stale: "stale",
    KeyReused: "idempotency-key-reused",
    Refused: "refused",
}
"""The public name of each kind of refusal."""


def build_problem(name: str, detail: str, **more: Any) -> dict[str, Any]:
    """Return a problem document of a named type, without the members that are None."""
    members = {name: value for name, value in more.items() if value is not None}
    return {"type": TYPE_PREFIX + name, "title": name.replace("-", " ").capitalize(), "detail": detail} | members


def refusal_problem(refused: Refused) -> dict[str, Any]:
    """Return the problem document of a refusal."""
    return build_problem(
        PROBLEM_NAMES[type(refused)],
        refused.detail,
        field=refused.field,
        subject=refused.subject,
        version=getattr(refused, "version", None),
    )


def validation_problem(found: Sequence[Any]) -> dict[str, Any]:
    """Return the problem document of pydantic's validation errors, each with its field."""
    by_field = list_errors(found)
    errors = [{"field": field, "detail": detail} for field, detail in by_field]
    name = "unprocessable" if is_combination(found) else "malformed"
    return build_problem(name, summarize_errors(by_field), field=by_field[0][0] or None, errors=errors)
