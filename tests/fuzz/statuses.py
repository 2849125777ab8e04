"""The statuses that each check accepts, beyond those that Schemathesis expects by itself."""

from __future__ import annotations

from typing import Any, Final

CHECKS: Final[dict[str, dict[str, Any]]] = {
    "positive_data_acceptance": {
        # Besides the default: 412 and 428 (RFC 9110, RFC 6585) depend on the version a subject has, which no schema knows.
        "expected-statuses": ["2xx", "3xx", "401", "403", "404", "409", "412", "428", "429", "5xx"]
    },
    "negative_data_rejection": {
        # Besides the default: 412; 413, 414 and 431, which refuse what is too long before it is read.
        "expected-statuses": [
            "400",
            "401",
            "403",
            "404",
            "405",
            "406",
            "409",
            "412",
            "413",
            "414",
            "415",
            "422",
            "428",
            "429",
            "431",
            "5xx",
        ]
    },
    "missing_required_header": {
        # Besides the default: 428 is the status for a request without `If-Match` (RFC 6585, section 3).
        "expected-statuses": ["400", "401", "403", "406", "415", "422", "428"]
    },
}

_COMBINATION: Final = {f"urn:decisionlog:problem:{name}" for name in ("unprocessable", "idempotency-key-reused")}


def is_expected(check: str, status: int) -> bool:
    """Return whether a check accepts a status."""
    expected = CHECKS[check]["expected-statuses"]
    return str(status) in expected or f"{status // 100}xx" in expected


def is_refused_combination(problem: dict[str, Any]) -> bool:
    """Return whether a problem says that the shape of a request is right and that its parts do not go together.

    Such as a period that ends before it begins. A schema describes shapes, so it has no words for this. A refusal of
    the shape itself is of the type `malformed`.
    """
    return problem["status"] == 422 and problem["type"] in _COMBINATION
