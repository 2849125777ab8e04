"""A rule and a reader never disagree: the state a rule judges is the cells of now, after any commands whatever."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from support_log import T0, EmptyHouse, House

from domain.catalog import COMMAND
from domain.errors import Refused
from domain.examples import examples_for
from domain.values import format_micros
from eventlog.entry import Transaction

SECOND = 1_000_000
PEOPLE = ["Ada Lovelace", "Bo"]
FEATURES = ["feature:f1", "feature:f2"]
DECISIONS = ["decision:d1", "decision:d2", "decision:d3"]
ANY = [*FEATURES, *DECISIONS, "product:p1"]


def _agree(house: House) -> None:
    """Compares every cell of every subject, both ways."""
    now = house.clock()
    shown: dict[str, dict[str, Any]] = {}
    for row in house.rows("/fields", include_removed="true", limit=10_000, as_of=format_micros(now)):
        shown.setdefault(row["subject"], {})[row["field"]] = row["value"]
    for subject in {entry.subject for entry in house.log.read(0, 10_000)}:
        state = house.log.state(subject)
        held = {name: state.value(name, now) for name in state.fields()}
        assert {name: value for name, value in held.items() if value not in (None, [])} == {
            name: value for name, value in shown.pop(subject, {}).items() if value not in (None, [])
        }, subject
    assert not shown


def _do(house: House, command: dict[str, Any]) -> bool:
    try:
        parsed = COMMAND.validate_python(command)
    except ValidationError:  # a term that ends before it begins
        return False
    (result,) = asyncio.run(house.log.execute_many([Transaction((parsed,), house.caller())]))
    return not isinstance(result, Refused)


def _instants() -> st.SearchStrategy[str]:
    """Some in the past, ties among them, and some still to come."""
    return st.integers(-20, 20).map(lambda n: format_micros(T0 + n * SECOND))


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def _command(type_: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    said = st.fixed_dictionaries({"type": st.just(type_), **fields})
    dated = _maybe(st.integers(-20, 0).map(lambda n: format_micros(T0 + n * SECOND)))
    return st.tuples(said, dated).map(lambda pair: {**pair[0], "effective_at": pair[1]})


WORDS = st.sampled_from(["a", "b", "c"])
people, anything = st.sampled_from(PEOPLE), st.sampled_from(ANY)
features, decisions = st.sampled_from(FEATURES), st.sampled_from(DECISIONS)
COMMANDS = st.one_of(
    _command("ProposeFeature", key=st.sampled_from(["f1", "f2"]), title=WORDS, products=st.just(["p1"])),
    _command("ProposeDecision", key=st.sampled_from(["d1", "d2", "d3"]), title=WORDS, accountable=_maybe(people)),
    _command("AcceptDecision", subject=decisions, why=WORDS),
    _command("DeferDecision", subject=decisions, until=WORDS),
    _command("ReopenDecision", subject=decisions, why=WORDS),
    _command("SupersedeDecision", subject=decisions, by=st.lists(decisions, min_size=1, max_size=2, unique=True)),
    _command("PrioritizeFeature", subject=features, horizon=st.sampled_from(["now", "next"]), rank=_maybe(st.just(3))),
    _command("TargetMilestone", subject=features, milestone=WORDS, day=_maybe(st.just("2025-05-01"))),
    _command("StartFeature", subject=features),
    _command("ShipFeature", subject=features),
    _command("LinkFeature", subject=features, decisions=st.lists(decisions, max_size=2, unique=True)),
    _command("AssignOwnership", subject=anything, role=st.sampled_from(["accountable", "driver"]),
             holders=st.lists(people, min_size=1, max_size=2, unique=True), **{"from": _maybe(_instants())}, until=_maybe(_instants())),
    _command("HandOverOwnership", subject=anything, to=people, until=_maybe(_instants())),
    _command("ReleaseOwnership", subject=anything, role=st.sampled_from(["accountable", "driver"])),
    _command("SetAttribute", subject=anything, name=WORDS, value=_maybe(WORDS)),
    _command("RemoveSubject", subject=anything, why=WORDS),
    _command("RestoreSubject", subject=anything, why=WORDS),
    _command("ImportChanges", subject=st.sampled_from(["feature:o1", "decision:d3"]), source=st.just({"system": "s"}),
             steps=st.lists(st.sampled_from([
                 {"field": "exists", "value": True}, {"field": "exists", "value": False},
                 {"field": "status", "value": "accepted", "source_value": "Yes"}, {"field": "status", "source_value": "Hm"},
                 {"field": "role.driver", "holders": ["Bo", "Ada Lovelace"]}, {"field": "x.a", "texts": ["x", "y"]},
             ]), min_size=1, max_size=3)),
    st.tuples(anything, st.integers(1, 40)).map(
        lambda pair: {"type": "VoidEntry", "subject": pair[0], "position": pair[1], "reason": "Wrong."}),
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(COMMANDS, min_size=5, max_size=30))
def test_after_any_commands_rules_and_readers_agree(commands: list[dict[str, Any]]) -> None:
    """Backdated, with terms, voided, struck, observed: what the fold of the events says, the read model says too."""
    with TemporaryDirectory() as folder, House(Path(folder)) as house:
        house.person("Bo")
        _do(
            house, {"type": "DefineProduct", "key": "p1", "title": "P", "effective_at": format_micros(T0 - 30 * SECOND)}
        )

        for command in commands:
            _do(house, command)

        _agree(house)


def test_after_every_kind_of_command_rules_and_readers_agree(tmp_path: Path) -> None:
    """One of each, and a look after every single one."""

    with EmptyHouse(tmp_path) as house:
        for example in examples_for(house.log.id)[:-1]:
            assert _do(house, example), example
            if example["type"] == "RecordPersonLeft":
                house.leave()
            _agree(house)
