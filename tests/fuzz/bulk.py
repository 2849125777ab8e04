"""A check of bulk responses: each result is held against its own transaction, since the response itself is always 200."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jsonschema_rs
import schemathesis
from schemathesis.core.failures import Failure

from tests.fuzz.statuses import is_expected, is_refused_combination

_OK: Final = 200
_validators: Final[dict[int, tuple[Any, Any]]] = {}
"""By the identity of the document that a run is made with, which is kept so that the identity stays its own."""


class UnexpectedResult(Failure):
    """A result of a bulk request does not agree with the shape of its transaction."""

    __slots__ = ("code",)


@schemathesis.check
def bulk_results(_: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case) -> None:
    """Fail if a well-formed transaction is refused for its shape, or if one that is not is recorded."""
    if case.operation.path != "/v1/bulk" or response.status_code != _OK:
        return
    for n, (is_valid, result) in enumerate(_results(case, response)):
        check = "positive_data_acceptance" if is_valid else "negative_data_rejection"
        if not _agrees(check, result):
            message = f"transactions.{n}: {check}: {str(result)[:300]}"
            raise UnexpectedResult(operation=case.operation.label, title="Unexpected result", message=message)


def refuses_every_invalid_transaction(case: schemathesis.Case, response: schemathesis.Response) -> bool:
    """Return whether a body is invalid only in some transactions, and each of these was refused as it must be."""
    if response.status_code != _OK or not isinstance(case.body, dict):
        return False
    results = _results(case, response)
    invalid = [result for is_valid, result in results if not is_valid]
    valid = [each for each, (is_valid, _) in zip(case.body["transactions"], results, strict=True) if is_valid]
    is_only_reason = not valid or _is_valid(case, valid)
    return bool(invalid) and is_only_reason and all(_agrees("negative_data_rejection", result) for result in invalid)


def _results(case: schemathesis.Case, response: schemathesis.Response) -> list[tuple[bool, Mapping[str, Any]]]:
    """Return, for each transaction, whether it has the documented shape, and its result."""
    transactions = case.body["transactions"]
    all_valid = _is_valid(case, transactions)
    valid = [all_valid or _is_valid(case, [each]) for each in transactions]
    return list(zip(valid, response.json()["results"], strict=True))


def _is_valid(case: schemathesis.Case, transactions: list[Any]) -> bool:
    """Return whether a body with these transactions has the documented shape."""
    document = case.operation.schema.raw_schema
    if id(document) not in _validators:
        body = {"$ref": "#/components/schemas/BulkRequest", "components": document["components"]}
        _validators[id(document)] = (document, jsonschema_rs.validator_for(body))
    is_valid: bool = _validators[id(document)][1].is_valid({**case.body, "transactions": transactions})
    return is_valid


def _agrees(check: str, result: Mapping[str, Any]) -> bool:
    refusal = result.get("refused")
    if refusal is None:
        return is_expected(check, _OK)
    is_combination = check == "positive_data_acceptance" and is_refused_combination(refusal)
    return is_combination or is_expected(check, refusal["status"])
