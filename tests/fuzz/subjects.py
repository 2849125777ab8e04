"""The subjects that the fuzzed log holds, and how cases come to name them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Any, Final

import schemathesis
from schemathesis.core.parameters import ParameterLocation

from api.command_routes import document_headers
from domain.delegation import DelegateActions
from domain.values import KEY_PATTERN

PER_KIND: Final = 25
_ID: Final = re.compile(
    rf"(product|decision|feature|goal|release|person|team|evidence|assumption|meeting|task):{KEY_PATTERN}"
)
_IF_MATCH: Final = re.compile(document_headers(version_required=False)[1]["schema"]["pattern"])
_KIND_OF_FIELD: Final = {
    "because": "decision",
    "decisions": "decision",
    "supersedes": "decision",
    "products": "product",
    "product": "product",
    "line": "product",
    "goals": "goal",
    "features": "feature",
    "releases": "release",
    "release": "release",
    "evidence": "evidence",
    "accountable": "person",
    "holders": "person",
    "holder": "person",
    "deciders": "person",
    "decider": "person",
    "on_behalf_of": "person",
    "into": "person",
    "who": "person",
    "actor": "person",
    "principal": "person",
}
_NOT_NAMES: Final = ("", "true", "false")
"""In a query: whether `on_behalf_of` matters is a yes or no, unlike whom it names in a command."""
_KIND_OF_COLLECTION: Final = {
    "products": "product",
    "decisions": "decision",
    "features": "feature",
    "goals": "goal",
    "releases": "release",
    "people": "person",
    "teams": "team",
    "evidence": "evidence",
    "assumptions": "assumption",
    "meetings": "meeting",
    "tasks": "task",
}


def commands() -> Iterator[dict[str, Any]]:
    """Commands that bring the subjects into a log, one after the other."""
    for n in range(PER_KIND):
        products, key = [f"product{n}"], lambda kind, n=n: f"{kind}{n}"
        yield {"type": "RegisterPerson", "key": key("person"), "name": f"Person {n}"}
        yield {"type": "RegisterTeam", "key": key("team"), "title": f"Team {n}"}
        yield {"type": "DefineProduct", "key": key("product"), "title": f"Product {n}"}
        yield {"type": "ScheduleRelease", "key": key("release"), "products": products, "version": f"{n}.0"}
        yield {"type": "SetGoal", "key": key("goal"), "title": f"Goal {n}", "products": products}
        yield {
            "type": "ProposeDecision",
            "key": key("decision"),
            "title": f"Decision {n}",
            "products": products,
            "decision": "Yes.",
            "why": "It helps.",
            "accountable": f"person:person{n}",
        }
        yield {"type": "ProposeFeature", "key": key("feature"), "title": f"Feature {n}", "products": products}
        yield {
            "type": "RecordEvidence",
            "key": key("evidence"),
            "title": f"Evidence {n}",
            "kind": "data",
            "products": products,
        }
        yield {"type": "StateAssumption", "key": key("assumption"), "title": f"Assumption {n}", "products": products}
        yield {
            "type": "PlanMeeting",
            "key": key("meeting"),
            "title": f"Meeting {n}",
            "held_on": "2025-01-01",
            "products": products,
        }
        yield {
            "type": "AssignTask",
            "key": key("task"),
            "title": f"Task {n}",
            "accountable": f"person:person{n}",
            "products": products,
        }


def delegations(actor: str) -> Iterator[DelegateActions]:
    """The delegation of each person, with which a service may act for them."""
    for n in range(PER_KIND):
        yield DelegateActions(subject=f"person:person{n}", to=actor)


def name_subjects(case: schemathesis.Case) -> None:
    """Make three of four cases name subjects that exist, where they name any.

    What is put in is chosen from the case itself, so that the same case is always changed in the same way. Schemathesis
    judges again whether what was changed is valid.
    """
    chosen = random.Random(repr((case.path, case.path_parameters, case.query, case.body)))
    _replace_seed_of_if_match(case, chosen)
    if chosen.random() < 0.25:
        return
    _name_in_path(case, chosen)
    if case.query:
        case.query = {name: _name_values(value, chosen, name, unique=False) for name, value in case.query.items()}
    if isinstance(case.body, dict):
        case.body = _name_values(case.body, chosen)
    if "If-Match" in (case.headers or {}) and chosen.random() < 0.75:
        case.headers["If-Match"] = "*"


def _replace_seed_of_if_match(case: schemathesis.Case, chosen: random.Random) -> None:
    """Give a case that is not about headers a valid `If-Match`.

    Schemathesis finds no valid value for this pattern to build the cases of the phase `coverage` on, and takes an invalid
    one, also in cases that it calls valid.
    """
    headers, meta = case.headers or {}, case.meta
    if "If-Match" not in headers or meta is None or _IF_MATCH.match(str(headers["If-Match"])):
        return
    data = meta.phase.data
    targets = {data.parameter_location, *(each.parameter_location for each in data.mutations)}
    if meta.generation.mode.is_positive or ParameterLocation.HEADER not in targets:
        headers["If-Match"] = chosen.choice(['"3"', '"0", "1"', 'W/"2"', "*"])


def _name_in_path(case: schemathesis.Case, chosen: random.Random) -> None:
    parameters = case.path_parameters or {}
    if isinstance(parameters.get("key"), str) and re.fullmatch(KEY_PATTERN, parameters["key"]):
        kind = _KIND_OF_COLLECTION.get(case.path.split("/")[2])
        if kind:
            case.path_parameters["key"] = _one(kind, chosen).partition(":")[2]
    if isinstance(parameters.get("subject"), str) and _ID.fullmatch(parameters["subject"]):
        case.path_parameters["subject"] = _one(parameters["subject"].partition(":")[0], chosen)


def _one(kind: str, chosen: random.Random) -> str:
    return f"{kind}:{kind}{chosen.randrange(PER_KIND)}"


def _name_values(value: Any, chosen: random.Random, field: str = "", *, unique: bool = True) -> Any:
    """Return a value with the subjects in it replaced by ones of the same kind that exist.

    With `unique`, lists name each string once, as bodies must. Parameters may repeat one, and may be invalid by it.
    """
    if isinstance(value, dict):
        return {name: _name_values(member, chosen, name, unique=unique) for name, member in value.items()}
    if isinstance(value, list):
        if field in _KIND_OF_FIELD and len(value) <= PER_KIND and all(isinstance(each, str) and each for each in value):
            first = chosen.randrange(PER_KIND)
            kind = _KIND_OF_FIELD[field]
            return [f"{kind}:{kind}{(first + n) % PER_KIND}" for n in range(len(value))]
        members = [_name_values(member, chosen, field, unique=unique) for member in value]
        strings = [member for member in members if isinstance(member, str)]
        return list(dict.fromkeys(strings)) if unique and len(strings) == len(members) else members
    if isinstance(value, str) and value not in _NOT_NAMES:
        if field in _KIND_OF_FIELD:
            return _one(_KIND_OF_FIELD[field], chosen)
        if _ID.fullmatch(value):
            return _one(value.partition(":")[0], chosen)
    return value
