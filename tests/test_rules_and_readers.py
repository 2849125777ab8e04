"""Rules and the read model always agree: after any commands, both have the same current value of every field."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.catalog import COMMAND
from domain.errors import Refused
from domain.examples import examples_for
from domain.values import format_micros
from eventlog.entry import Transaction
from tests.support_log import T0, EmptyService, LocalService

SECOND = 1_000_000
PEOPLE = ["Ada Lovelace", "Bo"]
FEATURES = ["feature:f1", "feature:f2"]
DECISIONS = ["decision:d1", "decision:d2", "decision:d3"]
ANY = [*FEATURES, *DECISIONS, "product:p1"]


def _assert_agreement(service: LocalService) -> None:
    """Compare every field of every subject, in both directions."""
    now = service.clock()
    from_read_model: dict[str, dict[str, Any]] = {}
    for row in service.rows("/fields", include_removed="true", limit=10_000, as_of=format_micros(now)):
        from_read_model.setdefault(row["subject"], {})[row["field"]] = row["value"]
    for subject in {entry.subject for entry in service.log.read(0, 10_000)}:
        state = service.log.state(subject)
        from_rules = {name: state.value_at(name, now) for name in state.field_names()}
        assert _drop_empty(from_rules) == _drop_empty(from_read_model.pop(subject, {})), subject
    assert not from_read_model


def _drop_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, [])}


def _send(service: LocalService, command: dict[str, Any]) -> bool:
    """Send a command, and return whether it was recorded."""
    try:
        parsed = COMMAND.validate_python(command)
    except ValidationError:  # a period that ends before it starts
        return False
    (result,) = asyncio.run(service.log.execute_many([Transaction((parsed,), service.caller())]))
    return not isinstance(result, Refused)


def _times() -> st.SearchStrategy[str]:
    """Times in the past and in the future, some of them equal."""
    return st.integers(-20, 20).map(lambda n: format_micros(T0 + n * SECOND))


def _optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _command(type_: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    content = st.fixed_dictionaries({"type": st.just(type_), **fields})
    effective_at = _optional(st.integers(-20, 0).map(lambda n: format_micros(T0 + n * SECOND)))
    return st.tuples(content, effective_at).map(lambda pair: {**pair[0], "effective_at": pair[1]})


WORDS = st.sampled_from(["a", "b", "c"])
people, anything = st.sampled_from(PEOPLE), st.sampled_from(ANY)
features, decisions = st.sampled_from(FEATURES), st.sampled_from(DECISIONS)
COMMANDS = st.one_of(
    _command("ProposeFeature", key=st.sampled_from(["f1", "f2"]), title=WORDS, products=st.just(["p1"])),
    _command("ProposeDecision", key=st.sampled_from(["d1", "d2", "d3"]), title=WORDS, accountable=_optional(people)),
    _command("AcceptDecision", subject=decisions, why=WORDS),
    _command("DeferDecision", subject=decisions, until=WORDS),
    _command("ReopenDecision", subject=decisions, why=WORDS),
    _command("SupersedeDecision", subject=decisions, by=st.lists(decisions, min_size=1, max_size=2, unique=True)),
    _command(
        "PrioritizeFeature", subject=features, horizon=st.sampled_from(["now", "next"]), rank=_optional(st.just(3))
    ),
    _command("TargetMilestone", subject=features, milestone=WORDS, day=_optional(st.just("2025-05-01"))),
    _command("StartFeature", subject=features),
    _command("ShipFeature", subject=features),
    _command("LinkFeature", subject=features, decisions=st.lists(decisions, max_size=2, unique=True)),
    _command(
        "AssignOwnership",
        subject=anything,
        role=st.sampled_from(["accountable", "driver"]),
        holders=st.lists(people, min_size=1, max_size=2, unique=True),
        **{"from": _optional(_times())},
        until=_optional(_times()),
    ),
    _command("HandOverOwnership", subject=anything, to=people, until=_optional(_times())),
    _command("ReleaseOwnership", subject=anything, role=st.sampled_from(["accountable", "driver"])),
    _command("SetAttribute", subject=anything, name=WORDS, value=_optional(WORDS)),
    _command("RemoveSubject", subject=anything, why=WORDS),
    _command("RestoreSubject", subject=anything, why=WORDS),
    _command(
        "ImportChanges",
        subject=st.sampled_from(["feature:o1", "decision:d3"]),
        source=st.just({"system": "s"}),
        changes=st.lists(
            st.sampled_from(
                [
                    {"field": "exists", "value": True},
                    {"field": "exists", "value": False},
                    {"field": "status", "value": "accepted", "source_value": "Yes"},
                    {"field": "status", "source_value": "Hm"},
                    {"field": "role.driver", "holders": ["Bo", "Ada Lovelace"]},
                    {"field": "x.a", "texts": ["x", "y"]},
                ]
            ),
            min_size=1,
            max_size=3,
        ),
    ),
    st.tuples(anything, st.integers(1, 40)).map(
        lambda pair: {"type": "VoidEntry", "subject": pair[0], "position": pair[1], "why": "Wrong."}
    ),
)


@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.lists(COMMANDS, min_size=5, max_size=30))
def test_after_any_commands(commands: list[dict[str, Any]]) -> None:
    """Rules and the read model agree after backdated, voided, removing and imported changes and changes with a period."""
    with TemporaryDirectory() as folder, LocalService(Path(folder)) as service:
        service.person("Bo")
        _send(
            service,
            {"type": "DefineProduct", "key": "p1", "title": "P", "effective_at": format_micros(T0 - 30 * SECOND)},
        )

        for command in commands:
            _send(service, command)

        _assert_agreement(service)


def test_after_each_example_command(tmp_path: Path) -> None:
    """Rules and the read model agree after each of the example commands."""
    with EmptyService(tmp_path) as service:
        for example in examples_for(service.log.id)[:-1]:
            assert _send(service, example), example
            if example["type"] == "RecordPersonLeft":
                service.leave()
            _assert_agreement(service)
