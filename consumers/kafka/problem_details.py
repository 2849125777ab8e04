"""Build problem documents (RFC 9457) for commands that were not applied: as over HTTP, without the status."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from domain.errors import KeyReused, Malformed, Refused
from domain.validation_messages import is_combination, list_errors, summarize_errors

TYPE_PREFIX: Final = "urn:decisionlog:problem:"
TOO_LARGE: Final = "too-large"


def build_problem(name: str, detail: str, **more: Any) -> dict[str, Any]:
    """Return a problem document of a named type, without the members that are None."""
    members = {name: value for name, value in more.items() if value is not None}
    return {"type": TYPE_PREFIX + name, "title": name.replace("-", " ").capitalize(), "detail": detail} | members


def refusal_problem(refused: Refused) -> dict[str, Any]:
    """Return the problem document of a refusal."""
    return build_problem(
        problem_name(type(refused)),
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


def problem_name(kind: type[Refused]) -> str:
    """Return the public name of a kind of refusal."""
    if kind is KeyReused:
        return "idempotency-key-reused"
    if kind is Malformed:
        return "unprocessable"  # `malformed` is what pydantic refuses
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()
