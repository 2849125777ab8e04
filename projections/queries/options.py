"""The options of a decision, each with its findings, cost and time, and whether it stays within the limits and
meets the constraints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from domain.decision_messages import CONSTRAINT_PREFIX, RISKS, Risk
from domain.fields import Value
from domain.money import Cost
from domain.quantities import Duration, compare_cost, compare_duration
from domain.values import ERASED
from projections.answer_types.decisions import ConstraintCheck, OptionFinding, OptionLimits, WeighedOption
from projections.answer_types.fields import FieldRow
from projections.queries.field_values import as_text, subject_fields
from projections.queries.paging import Answer, build_answer
from projections.queries.timepoint import NOW, TimePoint, resolve_time
from projections.read_model.model import Read

Quantity = TypeVar("Quantity", Cost, Duration)
MAX_AMOUNT_DIGITS: Final = 18


def weighed_options(read: Read, subject: str, when: TimePoint = NOW) -> Answer[WeighedOption, OptionLimits]:
    """Return the options of a decision, in their order.

    Each has its `title`, whether it was `chosen`, its `cost_amount` and `duration` with their fit to `cost_limit` and
    `time_limit` (`within`, `exceeds`, `unclear`; null without a limit), what a person said of each of the `constraints`,
    which are texts (`met`, `not-met`, `unclear`; null until it is judged for these lists), and for each risk what was
    found before (`findings`) and, for the option chosen, what turned out (`afterward`).
    """
    resolved = resolve_time(read, when)
    fields = subject_fields(read, subject, resolved)
    values: dict[str, Value] = {name: row["value"] for name, row in fields.items()}
    options = values.get("options")
    rows = [
        _build_row(each, values, _find_checks(read, number, fields))
        for number, each in enumerate(options if isinstance(options, list) else (), 1)
        if isinstance(each, dict)
    ]
    about: OptionLimits = {
        "subject": subject,
        "cost_limit": as_text(values.get("cost_limit")),
        "time_limit": as_text(values.get("time_limit")),
    }
    return build_answer(resolved, rows, about=about)


def _build_row(
    option: Mapping[str, Any], values: Mapping[str, Value], checks: Sequence[ConstraintCheck]
) -> WeighedOption:
    # All erased titles read the same, so none of them says which option was chosen.
    is_chosen = option.get("title") not in (None, ERASED) and option.get("title") == values.get("option")
    cost_limit, time_limit = parse_cost(values.get("cost_limit")), parse_duration(values.get("time_limit"))
    cost = Cost.model_validate(option["cost_amount"]) if "cost_amount" in option else None
    duration = Duration.model_validate(option["duration"]) if "duration" in option else None
    return {
        "title": option.get("title"),
        "chosen": is_chosen,
        "cost_amount": option.get("cost_amount"),
        "cost_fit": compare_cost(cost, cost_limit) if cost_limit else None,
        "duration": option.get("duration"),
        "time_fit": compare_duration(duration, time_limit) if time_limit else None,
        "constraints": list(checks),
        "findings": [_build_finding(each["risk"], each) for each in option.get("findings", ())],
        "afterward": _find_afterward(values) if is_chosen else [],
    }


def _find_checks(read: Read, option: int, fields: Mapping[str, FieldRow]) -> list[ConstraintCheck]:
    """Return the checks of an option, one for each constraint; checks against earlier lists do not count."""
    constraints = fields["constraints"]["value"] if "constraints" in fields else None
    if not isinstance(constraints, list):
        return []
    lists = {f"{name}_position": fields[name]["position"] for name in ("options", "constraints")}
    return [
        _build_check(read, str(constraint), fields.get(f"{CONSTRAINT_PREFIX}{number}.option.{option}"), lists)
        for number, constraint in enumerate(constraints, 1)
    ]


def _build_check(read: Read, constraint: str, row: FieldRow | None, lists: Mapping[str, int]) -> ConstraintCheck:
    judged: Any = row["value"] if row and isinstance(row["value"], dict) else None
    if judged is None or any(judged[name] != position for name, position in lists.items()):
        return {"constraint": constraint, "answer": None, "finding": None, "by": None}
    return {
        "constraint": constraint,
        "answer": judged["answer"],
        "finding": judged.get("finding"),
        "by": read.surviving_id(judged["by"]),
    }


def _build_finding(risk: Risk, found: Mapping[str, Any]) -> OptionFinding:
    return {
        "risk": risk,
        "answer": found["answer"],
        "finding": found.get("finding"),
        "evidence": list(found.get("evidence", ())),
    }


def _find_afterward(values: Mapping[str, Value]) -> list[OptionFinding]:
    found = ((risk, values.get(f"afterward.{risk}")) for risk in RISKS)
    return [_build_finding(risk, value) for risk, value in found if isinstance(value, dict)]


def parse_cost(value: Value) -> Cost | None:
    """Return the cost in the value of a field; None if it holds none, as only imported history can."""
    return _parse_amount(value, Cost, "currency")


def parse_duration(value: Value) -> Duration | None:
    """Return the length of time in the value of a field; None if it holds none."""
    return _parse_amount(value, Duration, "unit")


def _parse_amount(value: Value, quantity: type[Quantity], unit_name: str) -> Quantity | None:
    amount, _, unit = str(value or "").partition(" ")
    if not amount.isdecimal() or len(amount) > MAX_AMOUNT_DIGITS:  # `int` refuses thousands of digits
        return None
    try:
        return quantity.model_validate({"amount": int(amount), unit_name: unit})
    except ValidationError:
        return None
