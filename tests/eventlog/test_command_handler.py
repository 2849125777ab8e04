"""The command handler: resolving names, corrections, and superseded decisions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.errors import AlreadyExists, Malformed, NotAllowed, Unknown
from domain.examples import EXAMPLES
from eventlog.entry import Receipt
from eventlog.idempotency import request_digest
from identity.decision_log import DecisionLog
from tests.eventlog.support import do, do_many, open_log, transaction


def person(key: str, name: str, *also: str) -> dict[str, Any]:
    return {"type": "RegisterPerson", "key": key, "name": name, "identifiers": also}


def product(key: str, **more: Any) -> dict[str, Any]:
    return {"type": "DefineProduct", "key": key, "title": key, **more}


def state_vision(of: str, **more: Any) -> dict[str, Any]:
    return {"type": "SetVision", "subject": of, "vision": "More.", **more}


def void(subject: str, position: int) -> dict[str, Any]:
    return {"type": "VoidEntry", "subject": subject, "position": position, "why": "Wrong."}


def decide(key: str, **more: Any) -> dict[str, Any]:
    said = {"title": key, "decision": "D.", "why": "W.", "accountable": "person:ann"}
    return {"type": "RecordDecision", "key": key, **said, **more}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[DecisionLog]:
    with open_log(tmp_path) as opened:
        do(opened, person("ann", "Ann Bee", "@annb"), product("shop"), product("till"))
        yield opened


def test_two_people_may_share_a_name(log: DecisionLog) -> None:
    """In one transaction or in several; the name is refused with both ids, and a handle is resolved."""
    do(log, person("bea", "ann bee", "@bea"), person("cat", "Ann Bee", "@cat"))
    results = do_many(log, *[transaction(person(key, "Dan", f"@{key}")) for key in ("dan", "don")])
    assert [type(result) for result in results] == [Receipt, Receipt]

    with pytest.raises(Malformed, match="person:ann or person:bea or person:cat; use an id") as refused:
        do(log, product("x", accountable="Ann Bee"))

    assert refused.value.field == "accountable"
    do(log, product("x", accountable="@bea"))
    assert log.state("product:x").value_at("role.accountable", 1 << 60) == ["person:bea"]


def test_a_handle_belongs_to_one_person(log: DecisionLog) -> None:
    """The email address or handle of another person is refused, also within one transaction, and the error names the person."""
    for commands, field in (
        ([person("bea", "Bea", "x", "@ANNB")], "identifiers.1"),
        ([person("bea", "Bea", "@b"), person("cat", "Cat", "@b")], "commands.1.identifiers.0"),
    ):
        with pytest.raises(AlreadyExists, match=r"person:(ann|bea)") as refused:
            do(log, *commands)
        assert refused.value.field == field


@pytest.mark.parametrize("limited", [False, True])
def test_a_refusal_names_its_command(log: DecisionLog, limited: bool) -> None:
    """Of several commands, the one that would take effect in the future is named, also where reading is limited."""
    log.limits_reading = limited

    with pytest.raises(Malformed, match="in the future") as refused:
        do(log, state_vision("shop"), state_vision("till", effective_at="2990-01-01T00:00:00Z"))

    assert refused.value.field == "commands.1.effective_at"


def test_a_person_is_found_by_key(log: DecisionLog) -> None:
    """A key means its person, as it does for other subjects, unless it is a name of a person."""
    do(log, product("x", accountable="ann"))
    do(log, person("bea", "Bea"), product("y", accountable="bea"))
    do(log, person("cat", "ann"))
    do(log, product("z", accountable="ann"))

    accountable = [log.state(f"product:{key}").value_at("role.accountable", 1 << 60) for key in "xyz"]
    assert accountable == [["person:ann"], ["person:bea"], ["person:cat"]]
    with pytest.raises(Unknown, match="no person named 'dan'"):
        do(log, product("w", accountable="dan"))


def test_a_name_of_two_merged_ids_is_resolved(log: DecisionLog) -> None:
    """After two ids are merged, a name of either means the remaining one."""
    do(log, person("bea", "Ann Bee"))
    do(log, {"type": "MergePeople", "subject": "person:ann", "into": "person:bea"})

    do(log, product("x", accountable="Ann Bee"))

    assert log.state("product:x").value_at("role.accountable", 1 << 60) == ["person:bea"]


def test_registering_many_people_compares_no_name_with_all_others(
    log: DecisionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of comparisons grows linearly with the number of people in a transaction."""
    compared = 0

    class Counted(str):
        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    monkeypatch.setattr("eventlog.command_handler.normalize_name", lambda spelling: Counted(spelling.casefold()))
    monkeypatch.setattr("eventlog.records.normalize_name", lambda spelling: Counted(spelling.casefold()))

    do(log, *[person(f"p{n}", f"Person {n}", f"@{n}") for n in range(200)])

    assert compared < 200 * 50


def test_a_correction_replaces_a_voided_entry_of_its_subject(log: DecisionLog) -> None:
    """`corrects` is the position of a voided entry of the same subject, or of any subject if the command creates one."""
    wrong = do(log, state_vision("shop")).position

    with pytest.raises(NotAllowed, match="void it first") as refused:
        do(log, state_vision("shop", corrects=wrong))
    assert refused.value.field == "corrects"
    do(log, void("product:shop", wrong))
    with pytest.raises(NotAllowed, match="one of product:shop, not of product:till"):
        do(log, state_vision("till", corrects=wrong))

    do(log, state_vision("shop", corrects=wrong))
    do(log, product("kiosk", corrects=wrong))
    again = do(log, state_vision("shop")).position
    do(log, void("product:shop", again), state_vision("shop", corrects=again))


def test_a_recorded_decision_is_corrected_under_its_own_key(tmp_path: Path) -> None:
    """A voided DecisionRecorded is recorded again under its key, also by a process that has not read it yet."""
    with open_log(tmp_path) as log:
        do(log, person("ann", "Ann Bee"))
        wrong = do(log, decide("tea")).position
        do(log, void("decision:tea", wrong))
        with pytest.raises(AlreadyExists):
            do(log, decide("tea"))

    with open_log(tmp_path, entropy=os.urandom) as log:
        done = do(log, decide("tea", corrects=wrong))
        once_more = do(log, void("decision:tea", done.position), decide("tea", corrects=done.position, title="Tea"))

        assert [(each.type, each.version) for each in done.recorded] == [("DecisionRecorded.v1", 3)]
        assert [each.version for each in once_more.recorded] == [4, 5]
        assert log.state("decision:tea").value_at("title", 1 << 60) == "Tea"


def test_voiding_an_acceptance_requires_voiding_the_supersession_first(log: DecisionLog) -> None:
    """The error says what to void first, whether the supersession is committed or in the same request."""
    do(log, decide("old"), decide("older"))
    unit_of_new = do(log, decide("new", supersedes=["decision:old"]))
    assert [each.type for each in unit_of_new.recorded] == ["DecisionRecorded.v1", "DecisionSuperseded.v1"]
    accepted, replacing = unit_of_new.recorded[0].position, unit_of_new.recorded[1]

    with pytest.raises(NotAllowed, match=f"position {replacing.position} of decision:old first"):
        do(log, void("decision:new", accepted))
    do(log, void("decision:old", replacing.position))
    supersede = {"type": "SupersedeDecision", "subject": "decision:older", "by": ["decision:new"]}
    done, refused = do_many(log, transaction(supersede), transaction(void("decision:new", accepted)))
    assert isinstance(done, Receipt)
    assert isinstance(refused, NotAllowed)
    assert f"position {done.position} of decision:older" in refused.detail

    do(log, void("decision:older", done.position), void("decision:new", accepted))

    assert log.state("decision:new").value_at("status", 1 << 60) is None


def test_request_digests_are_stable() -> None:
    """The digest of every example is unchanged: moving a field of a model would change it, and a repeated import would be refused."""
    kept = json.loads((Path(__file__).parent / "digests.json").read_text(encoding="utf-8"))
    now = {name: request_digest(transaction(example), b"salt").hex() for name, example in EXAMPLES.items()}

    assert {name: now[name] for name in kept} == kept
    assert set(kept) == set(now), "a new command's digest is to be kept as well"
