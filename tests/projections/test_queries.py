"""Queries: roadmap, changes, slips, decisions, pages, graph, accountability, audit trail, search, and lists."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from domain.any_subject import ChangesImported, EntryVoided, ProductsAssigned, SubjectRemoved, SubjectRestored
from domain.decision_messages import (
    AdviceGiven,
    DecisionAccepted,
    DecisionDeferred,
    DecisionProposed,
    DecisionSuperseded,
)
from domain.delegation import ActionsDelegated
from domain.feature import FeatureDropped, FeatureLinked, FeaturePrioritized, FeatureProposed, MilestoneTargeted
from domain.messages import Event
from domain.ownership import OwnershipAcknowledged, OwnershipAssigned, OwnershipDelegated, OwnershipHandedOver
from domain.people import PersonLeft, PersonMerged, PersonRegistered, TeamRegistered
from domain.product import ProductDefined, ReleaseScheduled, ReleasesOrdered
from domain.values import format_micros
from eventlog.entry import Origin
from projections.queries import accountability, field_history, field_values, listings
from projections.queries.audit import AuditFilter, audit, count_events
from projections.queries.changes import changed_fields, changes
from projections.queries.decisions import DecisionFilter, NotFound, decisions, graph, history, subject_page
from projections.queries.filters import Filter
from projections.queries.paging import Answer, BadCursor
from projections.queries.roadmap import UNPLANNED, roadmap
from projections.queries.search import search
from projections.queries.slips import slips
from projections.queries.timepoint import NOW, TimePoint
from projections.read_model.model import Read
from projections.read_model.visibility import limit
from tests.projections.support import Log, at
from tests.projections.test_field_values import imported

Reader = Callable[[], Read]
P = "product:p"


def feature(log: Log, key: str, **more: Any) -> str:
    log.add(f"feature:{key}", FeatureProposed(title=f"Feature {key}", products=(P,)), **more)
    return f"feature:{key}"


def decision(log: Log, key: str, *, products: tuple[str, ...] = (P,), **more: Any) -> str:
    log.add(f"decision:{key}", DecisionProposed(title=f"Decision {key}", products=products, **more))
    return f"decision:{key}"


def accept(log: Log, subject: str, *deciders: str, **more: Any) -> int:
    return log.add(subject, DecisionAccepted(deciders=deciders or ("person:ann",), why="because"), **more)


def target(log: Log, subject: str, release: str, milestone: str = "beta", **more: Any) -> int:
    return log.add(subject, MilestoneTargeted(milestone=milestone, release=f"release:{release}"), **more)


def board(answer: Answer) -> dict[str, list[str]]:
    return {column["column"]: [card["subject"][8:] for card in column["cards"]] for column in answer.rows}


# Roadmap -----------------------------------------------------------------------------------------------------------


def test_a_board_sorts_cards_by_horizon_rank_and_title(log: Log, read: Reader) -> None:
    """Cards are sorted by rank, then title, within their horizon; others are unplanned, and removed features are left
    out.
    """
    for key in "edcba":
        feature(log, key)
    log.add("feature:a", FeaturePrioritized(horizon="later"))
    log.add("feature:b", FeaturePrioritized(horizon="now", rank=2))
    log.add("feature:c", FeaturePrioritized(horizon="now", rank=1))
    log.add("feature:d", SubjectRemoved(why="a mistake"))

    answer = roadmap(read(), Filter(products=[P]))

    assert board(answer) == {"now": ["c", "b"], "later": ["a"], UNPLANNED: ["e"]}
    assert list(board(answer)) == ["now", "later", UNPLANNED]
    assert board(roadmap(read(), Filter(products=["product:other"]))) == {}
    assert board(roadmap(read(), when=TimePoint(at(2)))) == {UNPLANNED: ["d", "e"]}


def test_release_columns_follow_the_order_of_releases(log: Log, read: Reader) -> None:
    """A card is in the column of each release it targets, with the milestone; releases come in order, other values
    after.
    """
    log.add("release:r-10", ReleaseScheduled(version="v10", products=(P,)))
    for key, release in (("a", "r-10"), ("b", "r-9"), ("c", "r-x")):
        target(log, feature(log, key), release)
    target(log, "feature:a", "r-9", "alpha")
    log.add(feature(log, "d"), imported("target.beta", source_value="TBD"))
    snapshot = read()

    by_release = roadmap(snapshot, columns="release")

    assert board(by_release) == {
        "release:r-9": ["a", "b"],
        "release:r-10": ["a"],
        "release:r-x": ["c"],
        "TBD": ["d"],
    }
    assert by_release.rows[0]["cards"][0]["milestone"] == "alpha"
    assert by_release.rows[1]["title"] == "v10"
    assert roadmap(snapshot, layout="timeline").rows == by_release.rows
    assert board(roadmap(snapshot, columns="release", milestone="alpha")) == {
        "release:r-9": ["a"],
        UNPLANNED: ["b", "c", "d"],
    }
    log.add(P, ReleasesOrdered(releases=("release:r-x", "release:r-10", "release:r-9")))
    assert list(board(roadmap(read(), columns="release")))[:3] == [
        "release:r-x",
        "release:r-10",
        "release:r-9",
    ]


def test_owner_columns_and_a_table_with_blame(log: Log, read: Reader) -> None:
    """A board by owner has a column for each; a table has a row for each feature, and each field has its blame."""
    for key, person in (("a", "person:bob"), ("b", "team:t")):
        log.add(feature(log, key), OwnershipAssigned(role="accountable", holders=(person,)), note="asked to")
    log.add("team:t", TeamRegistered(title="Tee"))

    answer = roadmap(read(), columns="owner")

    assert board(answer) == {"person:bob": ["a"], "team:t": ["b"]}
    assert [column["title"] for column in answer.rows] == [None, "Tee"]
    table = roadmap(read(), layout="table", blame=True).rows
    assert [row["title"] for row in table] == ["Feature a", "Feature b"]
    assert table[0]["roles"]["accountable"]["blame"]["note"] == "asked to"


def test_conditions_on_fields_select_whole_cards(log: Log, read: Reader) -> None:
    """A card selected by one of its fields has all its fields, and is in the same column as on the whole board."""
    for key in "abc":
        log.add(feature(log, key), FeaturePrioritized(horizon="now" if key == "a" else "next"))
    log.add("feature:a", OwnershipAssigned(role="accountable", holders=("person:bob",)))
    log.add("feature:b", OwnershipAssigned(role="driver", holders=("person:bob",)))
    log.add("feature:c", imported("x.mood", value="red", source_value="Rot"))
    snapshot = read()
    whole = {card["subject"]: card for column in roadmap(snapshot).rows for card in column["cards"]}

    assert board(roadmap(snapshot, Filter(holders=["person:bob"]))) == {"now": ["a"], "next": ["b"]}
    assert board(roadmap(snapshot, Filter(holders=["person:bob"], fields=["role.driver"]))) == {"next": ["b"]}
    for selection in (Filter(values=["red"]), Filter(source_values=["Rot"]), Filter(fields=["x.*"])):
        (column,) = roadmap(snapshot, selection).rows
        assert (column["column"], column["cards"]) == ("next", [whole["feature:c"]])
    assert roadmap(snapshot, Filter(holders=["person:eve"])).rows == []


def test_shown_fields_do_not_move_cards(log: Log, read: Reader) -> None:
    """Columns and order do not depend on the fields shown, and no other field is shown."""
    for key, rank in (("a", 2), ("b", 1)):
        log.add(feature(log, key), FeaturePrioritized(horizon="now", rank=rank))
        log.add(f"feature:{key}", OwnershipAssigned(role="accountable", holders=("person:bob",)))
        target(log, f"feature:{key}", "r-1")
    snapshot = read()

    for columns in ("horizon", "release", "owner", "status", "rank"):
        whole, bare = (roadmap(snapshot, columns=columns, fields=fields) for fields in (("*",), ("status",)))
        assert board(whole) == board(bare)
        assert {tuple(card["fields"]) for column in bare.rows for card in column["cards"]} == {("status",)}
    (column,) = roadmap(snapshot, layout="timeline", fields=("status",)).rows
    assert [(card["subject"], card["milestone"]) for card in column["cards"]] == [
        ("feature:b", "beta"),
        ("feature:a", "beta"),
    ]


def test_a_milestone_is_the_only_target_shown(log: Log, read: Reader) -> None:
    """With a milestone every layout shows no other target, and a table has only cards with that target."""
    for key in "ab":
        target(log, feature(log, key), "r-1")
    target(log, "feature:a", "r-2", "ga")
    snapshot = read()

    for selection in ({"columns": "release"}, {"columns": "status"}, {"layout": "timeline"}):
        cards = [card for column in roadmap(snapshot, milestone="ga", **selection).rows for card in column["cards"]]
        targets = {card["subject"]: list(card.get("targets", ())) for card in cards}
        assert targets == {"feature:a": ["ga"], "feature:b": []}
    (card,) = roadmap(snapshot, layout="table", milestone="ga", fields=("title", "target.beta")).rows
    assert (card["subject"], list(card["fields"])) == ("feature:a", ["title"])


# Changes and slips -------------------------------------------------------------------------------------------------


def test_changes_are_net_and_explained(log: Log, read: Reader) -> None:
    """A value that changed back is no change; others list each change; a removed subject has no values and is marked."""
    for key in "abc":
        target(log, feature(log, key), "r-1", at=None)
    target(log, "feature:a", "r-2", note="slow")
    target(log, "feature:a", "r-3", because=("decision:d",))
    target(log, "feature:b", "r-2")
    target(log, "feature:b", "r-1")
    log.add("feature:c", SubjectRemoved(why="no"))
    selection = Filter(fields=["target.*"])

    answer = changes(read(), TimePoint(at(6)), TimePoint(at(99)), selection)

    rows = {row["subject"]: row for row in answer.rows}
    assert list(rows) == ["feature:a", "feature:c"]
    assert rows["feature:a"]["direction"] == "later"
    assert [change["after"]["value"] for change in rows["feature:a"]["changes"]] == ["release:r-2", "release:r-3"]
    assert [change["blame"].get("note") for change in rows["feature:a"]["changes"]] == ["slow", None]
    assert (rows["feature:c"]["direction"], rows["feature:c"]["missing_after"]) == ("cleared", "removed")
    assert rows["feature:c"]["title"] == "Feature c"
    started = changes(read(), TimePoint(at(0)), TimePoint(at(2)), selection).rows
    assert [(row["subject"], row["missing_before"], row["direction"]) for row in started] == [
        ("feature:a", "absent", "first")
    ]
    left = changes(
        read(), TimePoint(at(6)), TimePoint(at(99)), selection, from_values=["release:r-1"], to_values=["release:r-3"]
    )
    assert [row["subject"] for row in left.rows] == ["feature:a"]
    assert answer.about["from"]["as_of"] == "2023-11-14T22:13:26.000000Z"


def test_changed_fields_are_those_of_the_changes(log: Log, read: Reader) -> None:
    """The fields that differ are the same with and without their explanation, at any two times and in both directions."""
    for key in "abc":
        target(log, feature(log, key), "r-1", at=None)
    target(log, "feature:a", "r-2")
    target(log, "feature:b", "r-2")
    target(log, "feature:b", "r-1")
    log.add("feature:c", SubjectRemoved(why="no"))
    snapshot, times = read(), [TimePoint(at(n)) for n in (0, 3, 6, 99)]

    for one, two in itertools.permutations(times, 2):
        for selection in (Filter(), Filter(fields=["target.*"]), Filter(subjects=["feature:b", "feature:c"])):
            listed = {(row["subject"], row["field"]) for row in changes(snapshot, one, two, selection).rows}
            assert changed_fields(snapshot, one, two, selection) == listed
    assert changed_fields(snapshot, times[2], times[3], Filter(fields=["target.*"])) == {
        ("feature:a", "target.beta"),
        ("feature:c", "target.beta"),
    }


def test_changes_between_two_transaction_times(log: Log, read: Reader) -> None:
    """Between two transaction times, late and voided events explain the changes."""
    target(log, feature(log, "a"), "r-1", at=2)
    wrong = target(log, feature(log, "b"), "r-1", at=4)
    target(log, "feature:a", "r-2", at=3)
    log.add("feature:b", EntryVoided(position=wrong, why="a slip of the pen"))
    selection = Filter(fields=["target.*"])

    rows = changes(read(), TimePoint(at(5), at(4)), TimePoint(at(5)), selection).rows

    assert [(row["subject"], row["before"]["value"], row["after"]["value"]) for row in rows] == [
        ("feature:a", "release:r-1", "release:r-2"),
        ("feature:b", "release:r-1", None),
    ]
    assert [change["position"] for change in rows[0]["changes"]] == [5]
    assert [(event["position"], event["reason"]) for event in rows[1]["voided"]] == [(wrong, "a slip of the pen")]


def test_slips_count_every_move(log: Log, read: Reader) -> None:
    """A slip has the target's moves, how many were later or earlier, and the comparison with the first target."""
    a = feature(log, "a")
    for release in ("r-1", "r-3", "r-2", "r-4"):
        target(log, a, release)
    b = feature(log, "b")
    log.add(b, imported("target.beta", source_value="TBD"))
    target(log, b, "r-1")
    target(log, b, "r-2")

    answer = slips(read(), Filter(products=[P]))

    figures = [
        (row["subject"], row["count"], row["later"], row["earlier"], row["against_first"]) for row in answer.rows
    ]
    assert figures == [(a, 3, 2, 1, "later"), (b, 1, 1, 0, "later")]
    assert answer.about["totals"] == {"later": 3, "earlier": 1}
    assert answer.rows[1]["first"] == {"value": "release:r-1", "source_value": None}
    assert [row["subject"] for row in slips(read(), Filter(), min_count=2, moves=["later"]).rows] == [a]


# Decisions ---------------------------------------------------------------------------------------------------------


def test_the_register(log: Log, read: Reader) -> None:
    """Decisions come in order with their numbers by product; a number stays when others are removed; every filter
    narrows.
    """
    one = decision(log, "one", tags=("money",), kind="technical", context="about penguins")
    two = decision(log, "two", products=("product:q",))
    three = decision(log, "three", products=("product:q", P))
    accept(log, two, "person:bob")
    log.add(one, OwnershipAssigned(role="accountable", holders=("person:eve",)))
    log.add(three, imported("status", value="rejected", source_value="Refused"))
    log.add(three, imported("status", value="proposed", source_value="Again"))
    snapshot = read()

    def find(**selection: Any) -> list[str]:
        return [row["subject"] for row in decisions(snapshot, DecisionFilter(**selection)).rows]

    rows = decisions(snapshot).rows
    assert [(row["subject"], row["number"]) for row in rows] == [
        (one, {P: 1}),
        (two, {"product:q": 1}),
        (three, {P: 2, "product:q": 2}),
    ]
    assert rows[1]["fields"]["deciders"]["value"] == ["person:bob"]
    assert find(about=Filter(products=[P])) == [one, three]
    assert find(about=Filter(statuses=["accepted"])) == find(deciders=["person:bob"]) == [two]
    assert find(kinds=["technical"]) == find(tags=["money"]) == find(accountable=["person:eve"]) == [one]
    assert find(text="penguin") == [one]
    assert find(ever=["Refused"]) == find(ever=["rejected"]) == [three]
    assert find(about=Filter(statuses=["Refused"])) == []
    first = decisions(snapshot, limit=2)
    assert decisions(snapshot, cursor=first.next).rows == rows[2:]
    log.add(one, SubjectRemoved(why="no"))
    assert [(row["subject"], row["number"].get(P)) for row in decisions(read()).rows] == [(two, None), (three, 2)]


def test_a_number_is_the_same_in_every_list_and_for_every_reader(log: Log, read: Reader) -> None:
    """A decision has numbers in the products it belongs to as of the time, whichever decisions are listed with it, also
    for a reader who may not read the others.
    """
    for product in ("product:q", P):
        log.add(product, ProductDefined(title=product))
    one, two = decision(log, "one"), decision(log, "two")
    moved = log.add(one, ProductsAssigned(products=("product:q",)))
    snapshot = read()

    def numbers(snapshot: Read, when: TimePoint = NOW, **about: Any) -> dict[str, dict[str, int]]:
        found = decisions(snapshot, DecisionFilter(about=Filter(**about)), when)
        return {row["subject"]: row["number"] for row in found.rows}

    assert numbers(snapshot) == {one: {"product:q": 1}, two: {P: 2}}
    assert (
        numbers(snapshot, subjects=[one])
        == {one: {"product:q": 1}}
        == {one: subject_page(snapshot, one).about["number"]}
    )
    assert numbers(snapshot, TimePoint(at(moved) - 1)) == {one: {P: 1}, two: {P: 2}}
    assert numbers(limit(snapshot, [P])) == {two: {P: 2}}


def test_a_page_has_all_fields_and_relations_of_a_decision(log: Log, read: Reader) -> None:
    """A page has every field with its blame, what replaces and supports the decision, removed or not."""
    old, new = decision(log, "old"), decision(log, "new")
    accept(log, old)
    accept(log, new)
    log.add(new, AdviceGiven(by="person:bob", advice="wait"))
    log.add(old, DecisionSuperseded(by=(new,)))
    log.add(feature(log, "a", because=(new,)), FeatureLinked(decisions=(old,)))

    page = subject_page(read(), new).about

    assert page["version"] == 3
    assert page["current"] is True
    assert page["replaces"] == [{"subject": old, "title": "Decision old"}]
    assert page["supports"] == [{"subject": "feature:a", "title": "Feature a"}]
    assert page["advice"]["bob"]["blame"]["position"] == 5
    assert subject_page(read(), old).about["replaced_by"] == [{"subject": new, "title": "Decision new"}]
    assert [one["subject"] for one in subject_page(read(), "feature:a").about["rests_on"]] == [new, old]
    log.add(new, SubjectRemoved(why="no"))
    assert subject_page(read(), new).about["current"] is False
    with pytest.raises(NotFound):
        subject_page(read(), "decision:none")


def test_history_lists_events_with_their_changes(log: Log, read: Reader) -> None:
    """Events come in effective order; a voided event and the one that voids it have no changes."""
    subject = feature(log, "a")
    target(log, subject, "r-2")
    wrong = target(log, subject, "r-3")
    log.add(subject, EntryVoided(position=wrong, why="wrong"))
    target(log, subject, "r-1", at=1.5)

    rows = history(read(), subject).rows

    assert [(row["position"], [change["field"] for change in row["changes"]]) for row in rows] == [
        (1, ["exists", "status", "title", "products"]),
        (5, ["target.beta"]),
        (2, ["target.beta"]),
        (3, []),
        (4, []),
    ]
    assert rows[2]["changes"][0]["before"]["value"] == "release:r-1"
    assert rows[3]["voided_by"] == 4
    assert rows[4]["data"]["why"] == "wrong"
    only = history(read(), subject, fields=["target.*"]).rows
    assert [row["position"] for row in only] == [5, 2]


def test_the_graph_is_transitive(log: Log, read: Reader) -> None:
    """The graph has what a decision replaces, rests on and supports at any distance, and ends in cycles."""
    a, b, c = (decision(log, key) for key in "abc")
    log.add(a, DecisionSuperseded(by=(b,)))
    log.add(b, DecisionSuperseded(by=(c,)), because=(a,))
    log.add(a, imported("status", value="proposed"), because=(b,))
    feature(log, "f", because=(c,))

    answer = graph(read(), c)

    edges = {(edge["from"], edge["to"], edge["relation"], edge["distance"]) for edge in answer.rows}
    assert edges == {(c, b, "replaces", 1), (b, a, "replaces", 2), (c, "feature:f", "supports", 1)}
    assert answer.about["nodes"][0] == {"subject": a, "title": "Decision a", "status": "proposed"}
    ways = {(edge["from"], edge["to"]) for edge in graph(read(), a).rows if edge["relation"] == "rests_on"}
    assert ways == {(a, b), (b, a)}
    assert graph(read(), c, most=1).about["truncated"] is True


# Accountability ----------------------------------------------------------------------------------------------------


def test_accountability(log: Log, read: Reader) -> None:
    """Roles are found by subject, by person and by holder at any time; subjects whose owner has left are unowned."""
    for person in ("bob", "eve"):
        log.add(f"person:{person}", PersonRegistered())
    for key, person in (("a", "person:bob"), ("b", "person:eve"), ("c", "team:t")):
        log.add(feature(log, key), OwnershipAssigned(role="accountable", holders=(person,)))
    log.add("feature:a", OwnershipAssigned(role="approver", holders=("person:eve", "person:bob")))
    log.add(feature(log, "d"), imported("role.accountable", source_value="TBD"))
    log.add("person:eve", PersonLeft())
    snapshot = read()

    roles = accountability.roles_of_subject(snapshot, "feature:a").rows
    assert [(row["role"], row["value"]) for row in roles] == [
        ("accountable", ["person:bob"]),
        ("approver", ["person:eve", "person:bob"]),
    ]
    roles = accountability.roles_of_holder(snapshot, "person:eve").rows
    assert [(row["subject"], row["role"]) for row in roles] == [("feature:a", "approver"), ("feature:b", "accountable")]
    assert accountability.roles_of_holder(snapshot, "person:eve", roles=["accountable"]).rows == roles[1:]
    assert accountability.roles_of_holder(snapshot, "person:eve", TimePoint(at(8))).rows == roles[1:]
    counts = accountability.count_holders(snapshot).rows
    assert counts[0] == {"holder": "person:bob", "count": 2}
    unowned = accountability.unowned(snapshot)
    assert [(row["subject"], row["left"], row["source_value"]) for row in unowned.rows] == [
        ("feature:b", ["person:eve"], None),
        ("feature:d", [], "TBD"),
    ]
    first = accountability.unowned(snapshot, limit=1)
    assert accountability.unowned(snapshot, cursor=first.next).rows == unowned.rows[1:]


def test_roles_of_a_holder_have_the_status_of_the_subject(log: Log, read: Reader) -> None:
    """A superseded decision still has its accountable person, and the row shows its status."""
    for key in ("old", "new"):
        log.add(decision(log, key), OwnershipAssigned(role="accountable", holders=("person:bob",)))
        accept(log, f"decision:{key}")
    log.add("decision:old", DecisionSuperseded(by=("decision:new",)))
    log.add(decision(log, "seen"), OwnershipAssigned(role="driver", holders=("person:bob",)))
    log.add("decision:seen", imported("status", source_value="Parked"))

    roles = {row["subject"]: row["status"] for row in accountability.roles_of_holder(read(), "person:bob").rows}

    assert roles == {"decision:old": "superseded", "decision:new": "accepted", "decision:seen": "Parked"}
    assert accountability.roles_of_holder(read(), "person:eve").rows == []


def test_only_roles_are_roles(log: Log, read: Reader) -> None:
    """Delegations and acknowledgments are listed with the roles of a subject, without a role."""
    log.add(feature(log, "a"), OwnershipAssigned(role="driver", holders=("person:bob",)))
    log.add("feature:a", OwnershipAcknowledged(role="driver", by="person:bob"))
    log.add("feature:a", OwnershipDelegated(delegation="d1", to="person:eve", by=("person:bob",)))

    rows = accountability.roles_of_subject(read(), "feature:a").rows

    assert [(row["field"], row["role"]) for row in rows] == [
        ("acknowledged.driver.bob", None),
        ("delegation.d1", None),
        ("role.driver", "driver"),
    ]


def test_a_merged_person_who_left_is_not_accountable(log: Log, read: Reader) -> None:
    """A subject is unowned if its owner was merged into a person who has left."""
    for person in ("robert", "bob"):
        log.add(f"person:{person}", PersonRegistered())
    log.add(feature(log, "a"), OwnershipAssigned(role="accountable", holders=("person:robert",)))
    log.add("person:robert", PersonMerged(into="person:bob"))
    assert accountability.unowned(read()).rows == []

    log.add("person:bob", PersonLeft())

    assert [row["subject"] for row in accountability.unowned(read()).rows] == ["feature:a"]


# Audit, search, lists ----------------------------------------------------------------------------------------------


def test_the_audit_trail(log: Log, read: Reader) -> None:
    """Every filter narrows; events are newest first by default; pages together are the whole answer."""
    log.add(P, ProductDefined(title="The product"))
    feature(log, "a", by="person:bob", because=("decision:d",))
    wrong = log.add("feature:a", FeatureDropped(why="no penguins"), at=1.5, note="sad")
    log.add("feature:a", EntryVoided(position=wrong, why="wrong"))
    log.add("decision:x", imported("exists", value=True), source=Origin("import", "keps", "ref-1"))
    log.add("feature:a", FeatureDropped(why="now"), corrects=wrong)
    snapshot = read()

    def find(**selection: Any) -> list[int]:
        return [row["position"] for row in audit(snapshot, AuditFilter(**selection)).rows]

    assert find() == [6, 5, 4, 3, 2, 1]
    assert find(by=["person:bob"]) == find(principals=["person:bob"]) == find(because=["decision:d"]) == [2]
    assert find(by=["person:ann"]) == find(actors=["person:ann"]) == [6, 5, 4, 3, 2, 1]
    assert find(subjects=["feature:a"]) == find(kinds=["feature"]) == [6, 4, 3, 2]
    assert find(products=[P]) == [6, 4, 3, 2, 1]
    assert find(types=["FeatureDropped"]) == find(types=["FeatureDropped.v1"]) == [6, 3]
    assert find(systems=["keps"]) == find(references=["ref-1"]) == find(channels=["import"]) == [5]
    assert find(span=(at(1.5), at(2))) == find(text="PENGUINS") == find(text="sad") == find(voided=True) == [3]
    assert find(backdated=True) == [3]
    assert find(recorded=(at(5), None)) == [6, 5]
    assert find(justified=True) == [2]
    assert find(corrections=True) == [6, 4]
    assert find(positions=[1, 99]) == find(transactions=["u1"]) == [1]
    assert find(text="...") == []
    first = audit(snapshot, limit=4)
    assert [row["position"] for row in audit(snapshot, cursor=first.next).rows] == [2, 1]
    oldest = audit(snapshot, oldest_first=True, limit=2)
    assert [row["position"] for row in audit(snapshot, oldest_first=True, cursor=oldest.next).rows] == [3, 4, 5, 6]
    assert [row["position"] for row in audit(snapshot, when=TimePoint(known_at=at(3))).rows] == [3, 2, 1]
    row = audit(snapshot, AuditFilter(positions=[wrong])).rows[0]
    assert (row["title"], row["data"]["why"], row["version"], row["voided_by"]) == ("Feature a", "no penguins", 2, 4)


def test_a_period_that_begins_before_it_was_recorded_is_backdated(log: Log, read: Reader) -> None:
    """Roles and delegations are backdated by when they begin: not if that is when they were recorded, or later."""
    early, late = format_micros(at(-100)), format_micros(at(100))

    def period(begin: str | None) -> dict[str, Any]:
        return {"from": begin, "until": format_micros(at(200))}

    events: list[Callable[[dict[str, Any]], tuple[str, Event]]] = [
        lambda given: ("feature:a", OwnershipAssigned(role="accountable", holders=("person:bob",), **given)),
        lambda given: ("feature:a", OwnershipHandedOver(to="person:cas", previous_holders=("person:bob",), **given)),
        lambda given: (P, OwnershipDelegated(delegation="d", to="person:bob", by=("person:ann",), **given)),
        lambda given: ("person:ann", ActionsDelegated(delegation="d", to="person:bob", **given)),
    ]
    backdated = [log.add(*event(period(begin))) for begin in (None, late, early) for event in events][-len(events) :]

    found = audit(read(), AuditFilter(backdated=True)).rows
    assert [row["position"] for row in found] == backdated[::-1]
    assert count_events(read()).flags["backdated"] == len(events)


def test_a_period_is_backdated_by_a_microsecond(log: Log, read: Reader) -> None:
    """A period that begins when it was recorded is not backdated; one that begins a microsecond earlier is, or in the year 1."""
    recorded = len(log.entries) + 1

    def assign(begin: str) -> int:
        return log.add(P, OwnershipAssigned(role="accountable", holders=("person:bob",), **{"from": begin}))

    assign(format_micros(at(recorded)))
    backdated = [assign(format_micros(at(recorded + 1) - 1)), assign("0001-01-01T00:00:00Z")]

    assert [row["position"] for row in audit(read(), AuditFilter(backdated=True)).rows] == backdated[::-1]


def test_times_in_sql_are_written_as_in_entries(log: Log, read: Reader) -> None:
    """The text of a time has six digits of a second, as those in the data of events."""
    times = [at(seconds) for seconds in (0, 0.5, 1.000007, 86_400 * 107 + 0.999999)]
    for time in times:
        log.add(P, ProductDefined(title="Till"), at=(time - at(0)) / 1_000_000)

    found = list(read().rows("select a.valid_from, rfc3339(a.valid_from) from event a", {}))
    assert len(found) == len(log.entries)
    assert [text for _, text in found] == [format_micros(time) for time, _ in found]


def test_the_end_of_a_period_is_no_reason(log: Log, read: Reader) -> None:
    """A role that is assigned until a time without a reason is unexplained; a deferral gives its reason as `until`."""
    until = format_micros(at(200))
    assigned = log.add("feature:a", OwnershipAssigned(role="accountable", holders=("person:bob",), until=until))
    log.add("feature:a", OwnershipAssigned(role="approver", holders=("person:bob",), until=until), note="Ann is away.")
    log.add("decision:d", DecisionDeferred(until="The numbers are in."))

    assert [row["position"] for row in audit(read(), AuditFilter(unexplained=True)).rows] == [assigned]
    assert count_events(read()).flags["unexplained"] == 1


def test_later_voiding_is_not_known_before(log: Log, read: Reader) -> None:
    """As known at an earlier time, no blame and no event shows a later voiding."""
    feature(log, "a")
    wrong = target(log, "feature:a", "r-1")
    log.add("feature:a", EntryVoided(position=wrong, why="wrong"))
    log.add("feature:a", FeaturePrioritized(horizon="now"))
    snapshot, then, selection = read(), TimePoint(known_at=at(wrong)), Filter(fields=["target.*"])

    def voided(when: TimePoint) -> list[int | None]:
        told = [
            *audit(snapshot, AuditFilter(positions=[wrong]), when).rows,
            *(row for row in history(snapshot, "feature:a", when).rows if row["position"] == wrong),
            *(row["blame"] for row in field_values.field_values(snapshot, selection, when, blame=True).rows),
            *(
                row["blame"]
                for row in field_history.field_history(snapshot, field_history.ChangeFilter(selection), when).rows
            ),
            *(
                card["targets"]["beta"]["blame"]
                for card in roadmap(snapshot, selection, when, layout="table", blame=True).rows
            ),
            *(
                cell["blame"]
                for cell in [subject_page(snapshot, "feature:a", when).about.get("targets", {}).get("beta")]
                if cell
            ),
        ]
        return [event.get("voided_by") for event in told]

    assert voided(then) == [None] * 6
    assert voided(TimePoint()) == [3, 3]


def test_events_in_effect_later_are_left_out_as_of_before(log: Log, read: Reader) -> None:
    """As of a day, audit trail and history have only events in effect that day, whenever they were recorded."""
    subject = feature(log, "a")
    target(log, subject, "r-1")
    target(log, subject, "r-2")
    target(log, subject, "r-3", at=1.5)
    snapshot = read()

    assert [row["position"] for row in audit(snapshot, when=TimePoint(at(2))).rows] == [4, 2, 1]
    assert [row["position"] for row in history(snapshot, subject, TimePoint(at(2))).rows] == [1, 4, 2]
    assert [row["position"] for row in history(snapshot, subject, TimePoint(at(2), at(2))).rows] == [1, 2]
    assert [row["position"] for row in history(snapshot, subject).rows] == [1, 4, 2, 3]


def test_search_finds_words_and_says_what_is_current(log: Log, read: Reader) -> None:
    """Search ignores accents and case and matches starts of words; outdated and voided texts are found and marked."""
    one = decision(log, "one", context="Les pingouins sont déjà là")
    log.add(
        one, ChangesImported(changes=imported("context", text="no more pingouins", source_value="Pinguine").changes)
    )
    noted = log.add(one, SubjectRestored(why="x"), note="pingouins again")
    feature(log, "a")
    snapshot = read()

    hits = search(snapshot, "PINGOUIN").rows

    assert {(hit["position"], hit["field"], hit["current"]) for hit in hits} == {
        (1, "context", False),
        (2, "context", True),
        (noted, "note", True),
    }
    assert "«pingouins»" in hits[0]["snippet"]
    assert hits[0]["title"] == "Decision one"
    assert [hit["position"] for hit in search(snapshot, "deja").rows] == [1]
    assert [hit["position"] for hit in search(snapshot, "pinguine").rows] == [2]
    assert search(snapshot, "pingouin", Filter(kinds=["feature"])).rows == search(snapshot, " ").rows == []
    assert [hit["current"] for hit in search(snapshot, "deja", when=TimePoint(known_at=at(1))).rows] == [True]
    assert [hit["position"] for hit in search(snapshot, "pingouin", when=TimePoint(known_at=at(1))).rows] == [1]
    log.add(one, EntryVoided(position=noted, why="wrong"))
    assert {hit["position"]: hit["current"] for hit in search(read(), "pingouin again").rows} == {noted: False}


def test_lists_of_subjects_and_releases(log: Log, read: Reader) -> None:
    """Products are listed with their titles, and releases in order."""
    log.add(P, ProductDefined(title="The product"))
    for n in (10, 9):
        log.add(f"release:r-{n}", ReleaseScheduled(version=f"v1.{n}", products=(P,)))

    products = listings.subjects(read(), Filter(kinds=["product"]), ("title", "status"))
    assert [(row["subject"], row["title"]) for row in products.rows] == [(P, "The product")]
    assert [row["fields"]["version"]["value"] for row in listings.releases(read(), [P]).rows] == ["v1.9", "v1.10"]


# Strangers ---------------------------------------------------------------------------------------------------------

HOSTILE = [
    "'; drop table field_value; --",
    '"',
    "%",
    "_",
    "*",
    "a*",
    ":t",
    "?1",
    "\x00",
    "\ud800",
    "\U0010ffff",
    "\u202eevil",
    "NEAR(a b)",
    '" OR 1=1',
    "{}",
    "[]",
    "null",
    "true",
    "9" * 400,
    "é" * 1000,
    "",
    " ",
    "subject:x",
    "AND",
    "-",
    "^a",
    "content:a",
]


def test_hostile_input_does_no_harm(log: Log, read: Reader) -> None:
    """Hostile text in a filter, cursor or search gives an empty answer or a plain refusal."""
    accept(log, decision(log, "one"))
    target(log, feature(log, "a"), "r-1")
    snapshot = read()

    for text in HOSTILE:
        _ask_everything(snapshot, text)


def _ask_everything(snapshot: Read, text: str) -> None:
    hostile = Filter([text], [text], [text], [text], [text], [text], [text], [text])
    for f in ("kinds", "subjects", "products", "fields", "values", "source_values", "holders", "statuses"):
        selection = Filter(**{f: [text]})
        for question in _questions(snapshot, selection, text):
            question()
    for question in _questions(snapshot, hostile, text):
        assert question().rows == []
    for f in AuditFilter.__dataclass_fields__.values():
        if str(f.type) == "Sequence[str]":
            assert audit(snapshot, AuditFilter(**{f.name: [text]})).rows == []
    for f in ("kinds", "deciders", "accountable", "tags", "ever"):
        assert decisions(snapshot, DecisionFilter(**{f: [text]})).rows == []
    audit(snapshot, AuditFilter(text=text))
    search(snapshot, text)
    graph(snapshot, text)
    accountability.roles_of_holder(snapshot, text)
    with pytest.raises(BadCursor):
        audit(snapshot, cursor=text)
    assert len(audit(snapshot).rows) == 4


def _questions(snapshot: Read, selection: Filter, text: str) -> list[Callable[[], Answer]]:
    return [
        lambda: field_values.field_values(snapshot, selection),
        lambda: field_values.count_fields(snapshot, selection, "holder"),
        lambda: field_history.field_history(
            snapshot,
            field_history.ChangeFilter(fields=selection, from_values=[text], to_source_values=[text], by=[text]),
        ),
        lambda: roadmap(snapshot, selection, columns=text or "x", milestone=text, fields=[text]),
        lambda: changes(snapshot, TimePoint(at(0)), TimePoint(), selection, from_values=[text]),
        lambda: slips(snapshot, selection),
        lambda: decisions(snapshot, DecisionFilter(about=selection), columns=[text]),
        lambda: history(snapshot, text),
        lambda: accountability.unowned(snapshot, selection),
        lambda: search(snapshot, "decision", selection),
    ]
