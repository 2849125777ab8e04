"""Succession: everything a person holds, owes and waits for, and the commands that hand it over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from domain.catalog import COMMAND
from domain.decision_messages import DecisionProposed, DecisionRecorded
from domain.feature import FeatureDropped, FeatureProposed
from domain.outcome import ExpectedOutcomeStated
from domain.ownership import OwnershipAssigned, OwnershipDelegated
from domain.people import TeamRegistered
from domain.values import format_micros
from projections.queries.succession import succession
from projections.queries.timepoint import TimePoint
from projections.read_model.model import Read
from tests.projections.support import Log, at

Reader = Callable[[], Read]
ANN, BOB, P = "person:ann", "person:bob", "product:p"

pytestmark = pytest.mark.sqlite_only  # the queries use nothing that the other tests do not run on PostgreSQL


def story(log: Log) -> None:
    log.add("feature:cards", FeatureProposed(title="Cards", products=(P,), accountable=ANN))
    log.add("feature:old", FeatureProposed(title="Old", products=(P,), accountable=ANN))
    log.add("feature:old", FeatureDropped(why="No."))
    log.add("feature:cards", OwnershipAssigned(role="approver", holders=("person:cas", ANN, BOB)))
    log.add("team:core", TeamRegistered(title="Core"))
    log.add("team:core", OwnershipAssigned(role="member", holders=(ANN,)))
    log.add("feature:cards", OwnershipDelegated(delegation="x", to=ANN, by=(BOB,)))
    decided = {"title": "Tea", "decision": "D.", "why": "W.", "accountable": BOB, "deciders": (ANN,)}
    log.add("decision:tea", DecisionRecorded(**decided))
    log.add(
        "decision:tea",
        ExpectedOutcomeStated(expectation="1", measure="M", target="T", due_on="2023-11-20", by=ANN, judge=ANN),
    )
    log.add("decision:milk", DecisionProposed(title="Milk", by=ANN))


def relations(read: Read, when: TimePoint) -> list[tuple[str, str, str, str | None]]:
    rows = succession(read, ANN, when).rows
    return [(row["relation"], row["code"], row["subject"], row["part"]) for row in rows]


def test_what_a_person_holds_owes_and_waits_for(log: Log, read: Reader) -> None:
    """Roles and delegations on what is open, then what they should do, then what they wait for."""
    story(log)
    assert relations(read(), TimePoint(as_of=at(86_400 * 10))) == [
        ("holds", "delegation", "feature:cards", "x"),
        ("holds", "role", "feature:cards", "accountable"),
        ("holds", "role", "feature:cards", "approver"),
        ("holds", "role", "team:core", "member"),
        ("owes", "outcome_overdue", "decision:tea", "1"),
        ("waits_for", "open_decision", "decision:milk", None),
        ("waits_for", "overdue_outcome", "decision:tea", "1"),
    ]
    assert ("owes", "open_outcome", "decision:tea", "1") in relations(read(), TimePoint(as_of=at(86_400)))
    assert relations(read(), TimePoint(as_of=at(1))) == [("holds", "role", "feature:cards", "accountable")]


def test_what_is_held_or_owed_is_described(log: Log, read: Reader) -> None:
    """A delegation has what it covers, and an item of decision debt what makes it owed."""
    story(log)

    found = {
        (row["relation"], row["code"]): row["detail"]
        for row in succession(read(), ANN, TimePoint(as_of=at(86_400 * 10))).rows
    }

    assert found["holds", "delegation"] == {"to": ANN, "by": [BOB], "kinds": [], "until": None}
    assert found["owes", "outcome_overdue"] == {"due_on": "2023-11-20", "measure": "M", "target": "T"}
    assert found["holds", "role"] == {}


def test_the_commands_hand_over_every_role_once(log: Log, read: Reader) -> None:
    """The successor takes each role in the place of the person, and is named once; memberships are not handed over."""
    story(log)
    commands = succession(read(), ANN, to=BOB).about["commands"]
    assert commands == [
        {"type": "HandOverOwnership", "subject": "feature:cards", "to": BOB},
        {
            "type": "AssignOwnership",
            "subject": "feature:cards",
            "role": "approver",
            "holders": ["person:cas", BOB],
        },
    ]
    assert [type(COMMAND.validate_python(each)).__name__ for each in commands] == [each["type"] for each in commands]
    assert succession(read(), ANN).about["commands"] == []


@pytest.mark.parametrize(("to", "holders"), [("person:cas", ["person:cas", BOB]), (BOB, [BOB])])
def test_who_shares_accountability_keeps_it(log: Log, read: Reader, to: str, holders: list[str]) -> None:
    """If two people are accountable, the successor replaces the one who leaves, even if the successor is the other one."""
    log.add("feature:cards", FeatureProposed(title="Cards", products=(P,)))
    log.add("feature:cards", OwnershipAssigned(role="accountable", holders=(ANN, BOB)))

    (command,) = succession(read(), ANN, to=to).about["commands"]

    assert command["holders"] == holders
    assert COMMAND.validate_python(command).type == "AssignOwnership"


def test_a_person_who_holds_nothing_hands_over_nothing(log: Log, read: Reader) -> None:
    """There is no command for a person without roles, as before they got any."""
    story(log)

    assert succession(read(), "person:zoe", to=BOB).about["commands"] == []
    assert succession(read(), ANN, TimePoint(known_at=at(0)), to=BOB).about["commands"] == []


def test_planned_roles_and_the_ends_of_roles_are_handed_over(log: Log, read: Reader) -> None:
    """A role that begins later is listed and handed over from then on, and one that ends until then."""
    soon, end = format_micros(at(86_400)), format_micros(at(2 * 86_400))
    log.add("feature:cards", FeatureProposed(title="Cards", products=(P,), accountable="person:cas"))
    log.add("feature:cards", OwnershipAssigned(role="accountable", holders=(ANN,), **{"from": soon}))
    log.add("feature:cards", OwnershipAssigned(role="approver", holders=(ANN, "person:cas"), until=end))
    log.add("feature:cards", OwnershipDelegated(delegation="x", to=ANN, by=(BOB,), **{"from": soon}, until=end))
    log.add("product:p", OwnershipAssigned(role="driver", holders=(ANN,), **{"from": end}))
    log.add("product:p", OwnershipAssigned(role="driver", holders=("person:cas",), **{"from": end}))

    found = succession(read(), ANN, TimePoint(as_of=at(10)), to=BOB)

    assert [(row["part"], row["since"], row["detail"].get("until")) for row in found.rows] == [
        ("x", soon, end),
        ("accountable", soon, None),
        ("approver", format_micros(at(3)), end),
    ]
    accountable = {"type": "HandOverOwnership", "subject": "feature:cards", "to": BOB, "from": soon}
    holders = [BOB, "person:cas"]
    approver = {"type": "AssignOwnership", "subject": "feature:cards", "role": "approver", "holders": holders}
    assert found.about["commands"] == [accountable, {**approver, "until": end}]
    assert [COMMAND.validate_python(each).type for each in found.about["commands"]] == [
        "HandOverOwnership",
        "AssignOwnership",
    ]
