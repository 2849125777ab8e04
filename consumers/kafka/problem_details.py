"""Why a command was not applied, as a problem document (RFC 9457): what HTTP answers, but for the status it has there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from domain.errors import KeyReused, Malformed, Refused
from domain.validation_messages import is_combination, list_errors, summarize_errors

TYPE_PREFIX: Final = "urn:decisionlog:problem:"
TOO_LARGE: Final = "too-large"


def of_fault(name: str, detail: str, **more: Any) -> dict[str, Any]:
    """A problem document of a named type; what is None is left out."""
    given = {name: value for name, value in more.items() if value is not None}
    return {"type": TYPE_PREFIX + name, "title": name.replace("-", " ").capitalize(), "detail": detail} | given


def of_refusal(refused: Refused) -> dict[str, Any]:
    """The problem document of a refusal."""
    return of_fault(
        name_of(type(refused)), refused.detail,
        field=refused.field, subject=refused.subject, version=getattr(refused, "version", None),
    )  # fmt: skip


def of_validation(found: Sequence[Any]) -> dict[str, Any]:
    """The problem document of what pydantic found wrong, each error with its field."""
    faults = list_errors(found)
    wrong = [{"field": field, "detail": detail} for field, detail in faults]
    name = "unprocessable" if is_combination(found) else "malformed"
    return of_fault(name, summarize_errors(faults), field=faults[0][0] or None, errors=wrong)


def name_of(kind: type[Refused]) -> str:
    """What a kind of refusal is called outside."""
    if kind is KeyReused:
        return "idempotency-key-reused"
    if kind is Malformed:
        return "unprocessable"  # its shape was right: `malformed` is what pydantic refuses
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()
