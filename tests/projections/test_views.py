"""The views: roadmap, changes, slips, register, pages, graph, accountability, audit, search, and short lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from domain.any_subject import ChangesImported, EntryVoided, SubjectRemoved, SubjectRestored
from domain.decision import AdviceGiven, DecisionAccepted, DecisionProposed, DecisionSuperseded
from domain.feature import FeatureDropped, FeatureLinked, FeaturePrioritized, FeatureProposed, MilestoneTargeted
from domain.ownership import OwnershipAcknowledged, OwnershipAssigned, OwnershipDelegated
from domain.people import PersonLeft, PersonMerged, PersonRegistered, TeamRegistered
from domain.product import ProductDefined, ReleaseScheduled, ReleasesOrdered
from eventlog.entry import Origin
from projections import accountability, decisions, field_history, field_values, listings
from projections.audit import AuditFilter, audit
from projections.changes import changes, slips
from projections.decisions import NotFound, RegisterFilter, graph, history, page_of, register
from projections.query import Answer, BadCursor, Filter, TimePoint
from projections.read_model import Read
from projections.roadmap import UNPLANNED, roadmap
from projections.search import search
from tests.projections.support import Log, at
from tests.projections.test_field_values import observed

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


def test_the_board(log: Log, read: Reader) -> None:
    """Cards stand by horizon in rank, then by title; what has none stands in unplanned, and what is struck nowhere."""
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


def test_columns_of_releases_are_in_the_order_of_the_product(log: Log, read: Reader) -> None:
    """A card stands under each release it aims at, with the milestone; releases stand in order, words after them."""
    log.add("release:r-10", ReleaseScheduled(version="v10", products=(P,)))
    for key, release in (("a", "r-10"), ("b", "r-9"), ("c", "r-x")):
        target(log, feature(log, key), release)
    target(log, "feature:a", "r-9", "alpha")
    log.add(feature(log, "d"), observed("target.beta", source_value="TBD"))
    snapshot = read()

    by_release = roadmap(snapshot, columns="release")

    assert board(by_release) == {
        "release:r-9": ["a", "b"], "release:r-10": ["a"], "release:r-x": ["c"], "TBD": ["d"],
    }  # fmt: skip
    assert by_release.rows[0]["cards"][0]["milestone"] == "alpha"
    assert by_release.rows[1]["title"] == "v10"
    assert roadmap(snapshot, layout="timeline").rows == by_release.rows
    assert board(roadmap(snapshot, columns="release", milestone="alpha")) == {
        "release:r-9": ["a"], UNPLANNED: ["b", "c", "d"],
    }  # fmt: skip
    log.add(P, ReleasesOrdered(releases=("release:r-x", "release:r-10", "release:r-9")))
    assert list(board(roadmap(read(), columns="release")))[:3] == [
        "release:r-x",
        "release:r-10",
        "release:r-9",
    ]


def test_columns_of_owners_and_a_table_with_blame(log: Log, read: Reader) -> None:
    """Anybody's features side by side; a table has a row a feature, and each cell says who put it there."""
    for key, who in (("a", "person:bob"), ("b", "team:t")):
        log.add(feature(log, key), OwnershipAssigned(role="accountable", holders=(who,)), note="asked to")
    log.add("team:t", TeamRegistered(title="Tee"))

    answer = roadmap(read(), columns="owner")

    assert board(answer) == {"person:bob": ["a"], "team:t": ["b"]}
    assert [column["title"] for column in answer.rows] == [None, "Tee"]
    table = roadmap(read(), layout="table", blame=True).rows
    assert [row["title"] for row in table] == ["Feature a", "Feature b"]
    assert table[0]["fields"]["role.accountable"]["blame"]["note"] == "asked to"


def test_what_is_asked_of_cells_chooses_the_cards(log: Log, read: Reader) -> None:
    """A card chosen by one of its cells is whole, and stands where it stands on the whole board."""
    for key in "abc":
        log.add(feature(log, key), FeaturePrioritized(horizon="now" if key == "a" else "next"))
    log.add("feature:a", OwnershipAssigned(role="accountable", holders=("person:bob",)))
    log.add("feature:b", OwnershipAssigned(role="driver", holders=("person:bob",)))
    log.add("feature:c", observed("x.mood", value="red", source_value="Rot"))
    snapshot = read()
    whole = {card["subject"]: card for column in roadmap(snapshot).rows for card in column["cards"]}

    assert board(roadmap(snapshot, Filter(holders=["person:bob"]))) == {"now": ["a"], "next": ["b"]}
    assert board(roadmap(snapshot, Filter(holders=["person:bob"], fields=["role.driver"]))) == {"next": ["b"]}
    for asked in (Filter(values=["red"]), Filter(source_values=["Rot"]), Filter(fields=["x.*"])):
        (column,) = roadmap(snapshot, asked).rows
        assert (column["column"], column["cards"]) == ("next", [whole["feature:c"]])
    assert roadmap(snapshot, Filter(holders=["person:eve"])).rows == []


def test_what_a_card_shows_moves_no_card(log: Log, read: Reader) -> None:
    """Columns and order stay whatever is shown, and nothing is shown that was not asked for."""
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
        ("feature:b", "beta"), ("feature:a", "beta"),
    ]  # fmt: skip


def test_a_milestone_is_the_only_target_shown(log: Log, read: Reader) -> None:
    """In every layout; and a table has only the cards that aim at it."""
    for key in "ab":
        target(log, feature(log, key), "r-1")
    target(log, "feature:a", "r-2", "ga")
    snapshot = read()

    for asked in ({"columns": "release"}, {"columns": "status"}, {"layout": "timeline"}):
        cards = [card for column in roadmap(snapshot, milestone="ga", **asked).rows for card in column["cards"]]
        targets = {card["subject"]: [name for name in card["fields"] if "target" in name] for card in cards}
        assert targets == {"feature:a": ["target.ga"], "feature:b": []}
    (card,) = roadmap(snapshot, layout="table", milestone="ga", fields=("title", "target.beta")).rows
    assert (card["subject"], list(card["fields"])) == ("feature:a", ["title"])


# Changes and slips -------------------------------------------------------------------------------------------------


def test_changes_are_net_and_say_why(log: Log, read: Reader) -> None:
    """What went and came back is no change; what differs tells each step; what is struck holds nothing, and is so called."""
    for key in "abc":
        target(log, feature(log, key), "r-1", at=None)
    target(log, "feature:a", "r-2", note="slow")
    target(log, "feature:a", "r-3", because=("decision:d",))
    target(log, "feature:b", "r-2")
    target(log, "feature:b", "r-1")
    log.add("feature:c", SubjectRemoved(why="no"))
    asked = Filter(fields=["target.*"])

    answer = changes(read(), TimePoint(at(6)), TimePoint(at(99)), asked)

    rows = {row["subject"]: row for row in answer.rows}
    assert list(rows) == ["feature:a", "feature:c"]
    assert rows["feature:a"]["direction"] == "later"
    assert [step["after"]["value"] for step in rows["feature:a"]["changes"]] == ["release:r-2", "release:r-3"]
    assert [step["blame"].get("note") for step in rows["feature:a"]["changes"]] == ["slow", None]
    assert (rows["feature:c"]["direction"], rows["feature:c"]["after_is"]) == ("cleared", "struck")
    assert rows["feature:c"]["title"] == "Feature c"
    begun = changes(read(), TimePoint(at(0)), TimePoint(at(2)), asked).rows
    assert [(row["subject"], row["before_is"], row["direction"]) for row in begun] == [("feature:a", "absent", "first")]
    left = changes(
        read(), TimePoint(at(6)), TimePoint(at(99)), asked, from_values=["release:r-1"], to_values=["release:r-3"]
    )
    assert [row["subject"] for row in left.rows] == ["feature:a"]
    assert answer.about["from"]["as_of"] == "2023-11-14T22:13:26.000000Z"


def test_changes_of_what_was_known(log: Log, read: Reader) -> None:
    """Between two states of knowledge of one day, what was learnt late and what was voided are the reasons."""
    target(log, feature(log, "a"), "r-1", at=2)
    wrong = target(log, feature(log, "b"), "r-1", at=4)
    target(log, "feature:a", "r-2", at=3)
    log.add("feature:b", EntryVoided(position=wrong, reason="a slip of the pen"))
    asked = Filter(fields=["target.*"])

    rows = changes(read(), TimePoint(at(5), at(4)), TimePoint(at(5)), asked).rows

    assert [(row["subject"], row["before"]["value"], row["after"]["value"]) for row in rows] == [
        ("feature:a", "release:r-1", "release:r-2"), ("feature:b", "release:r-1", None),
    ]  # fmt: skip
    assert [step["position"] for step in rows[0]["changes"]] == [5]
    assert [(act["position"], act["reason"]) for act in rows[1]["voided"]] == [(wrong, "a slip of the pen")]


def test_slips_count_every_move(log: Log, read: Reader) -> None:
    """A target's moves, how many went later or earlier, and how it stands against the first promise."""
    a = feature(log, "a")
    for release in ("r-1", "r-3", "r-2", "r-4"):
        target(log, a, release)
    b = feature(log, "b")
    log.add(b, observed("target.beta", source_value="TBD"))
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
    """Decisions in order with their numbers by product; a number stays when others are struck; every filter narrows."""
    one = decision(log, "one", tags=("money",), kind="technical", context="about penguins")
    two = decision(log, "two", products=("product:q",))
    three = decision(log, "three", products=("product:q", P))
    accept(log, two, "person:bob")
    log.add(one, OwnershipAssigned(role="accountable", holders=("person:eve",)))
    log.add(three, observed("status", value="rejected", source_value="Refused"))
    log.add(three, observed("status", value="proposed", source_value="Again"))
    snapshot = read()

    def found(**asked: Any) -> list[str]:
        return [row["subject"] for row in register(snapshot, RegisterFilter(**asked)).rows]

    rows = register(snapshot).rows
    assert [(row["subject"], row["number"]) for row in rows] == [
        (one, {P: 1}), (two, {"product:q": 1}), (three, {P: 2, "product:q": 2}),
    ]  # fmt: skip
    assert rows[1]["fields"]["deciders"]["value"] == ["person:bob"]
    assert found(about=Filter(products=[P])) == [one, three]
    assert found(about=Filter(statuses=["accepted"])) == found(deciders=["person:bob"]) == [two]
    assert found(kinds=["technical"]) == found(tags=["money"]) == found(accountable=["person:eve"]) == [one]
    assert found(text="penguin") == [one]
    assert found(ever=["Refused"]) == found(ever=["rejected"]) == [three]
    assert found(about=Filter(statuses=["Refused"])) == []
    first = register(snapshot, limit=2)
    assert register(snapshot, cursor=first.next).rows == rows[2:]
    log.add(one, SubjectRemoved(why="no"))
    assert [(row["subject"], row["number"].get(P)) for row in register(read()).rows] == [(two, None), (three, 2)]


def test_a_page_tells_all_of_a_decision(log: Log, read: Reader) -> None:
    """Every cell with its blame, what it replaces, what replaced it, and what rests on it; struck or not."""
    old, new = decision(log, "old"), decision(log, "new")
    accept(log, old)
    accept(log, new)
    log.add(new, AdviceGiven(by="person:bob", advice="wait"))
    log.add(old, DecisionSuperseded(by=(new,)))
    log.add(feature(log, "a", because=(new,)), FeatureLinked(decisions=(old,)))

    page = page_of(read(), new).about

    assert page["version"] == 3
    assert page["current"] is True
    assert page["replaces"] == [{"subject": old, "title": "Decision old"}]
    assert page["supports"] == [{"subject": "feature:a", "title": "Feature a"}]
    assert page["fields"]["advice.bob"]["blame"]["position"] == 5
    assert page_of(read(), old).about["replaced_by"] == [{"subject": new, "title": "Decision new"}]
    assert [one["subject"] for one in page_of(read(), "feature:a").about["rests_on"]] == [new, old]
    log.add(new, SubjectRemoved(why="no"))
    assert page_of(read(), new).about["current"] is False
    with pytest.raises(NotFound):
        page_of(read(), "decision:none")


def test_history_tells_the_acts_with_their_steps(log: Log, read: Reader) -> None:
    """In the order in which they took effect; a voided act is told without steps, and the one that voids it too."""
    subject = feature(log, "a")
    target(log, subject, "r-2")
    wrong = target(log, subject, "r-3")
    log.add(subject, EntryVoided(position=wrong, reason="wrong"))
    target(log, subject, "r-1", at=1.5)

    rows = history(read(), subject).rows

    assert [(row["position"], [step["field"] for step in row["changes"]]) for row in rows] == [
        (1, ["exists", "status", "title", "products"]), (5, ["target.beta"]), (2, ["target.beta"]), (3, []), (4, []),
    ]  # fmt: skip
    assert rows[2]["changes"][0]["before"]["value"] == "release:r-1"
    assert rows[3]["void"] == 4
    assert rows[4]["data"]["reason"] == "wrong"
    only = history(read(), subject, fields=["target.*"]).rows
    assert [row["position"] for row in only] == [5, 2]


def test_the_graph_goes_through_others(log: Log, read: Reader) -> None:
    """What a decision replaces and rests on, and what rests on it, at any distance; a circle ends."""
    a, b, c = (decision(log, key) for key in "abc")
    log.add(a, DecisionSuperseded(by=(b,)))
    log.add(b, DecisionSuperseded(by=(c,)), because=(a,))
    log.add(a, observed("status", value="proposed"), because=(b,))
    feature(log, "f", because=(c,))

    answer = graph(read(), c)

    edges = {(edge["from"], edge["to"], edge["way"], edge["distance"]) for edge in answer.rows}
    assert edges == {(c, b, "replaces", 1), (b, a, "replaces", 2), (c, "feature:f", "supports", 1)}
    assert answer.about["nodes"][0] == {"subject": a, "title": "Decision a", "status": "proposed"}
    ways = {(edge["from"], edge["to"]) for edge in graph(read(), a).rows if edge["way"] == "rests_on"}
    assert ways == {(a, b), (b, a)}
    assert graph(read(), c, most=1).about["truncated"] is True


# Accountability ----------------------------------------------------------------------------------------------------


def test_accountability(log: Log, read: Reader) -> None:
    """Of a subject, of a person, by holder, at any instant; and what nobody answers for, the departed included."""
    for who in ("bob", "eve"):
        log.add(f"person:{who}", PersonRegistered())
    for key, who in (("a", "person:bob"), ("b", "person:eve"), ("c", "team:t")):
        log.add(feature(log, key), OwnershipAssigned(role="accountable", holders=(who,)))
    log.add("feature:a", OwnershipAssigned(role="approver", holders=("person:eve", "person:bob")))
    log.add(feature(log, "d"), observed("role.accountable", source_value="TBD"))
    log.add("person:eve", PersonLeft())
    snapshot = read()

    roles = accountability.of_subject(snapshot, "feature:a").rows
    assert [(row["role"], row["value"]) for row in roles] == [
        ("accountable", ["person:bob"]), ("approver", ["person:eve", "person:bob"]),
    ]  # fmt: skip
    held = accountability.of_person(snapshot, "person:eve").rows
    assert [(row["subject"], row["role"]) for row in held] == [("feature:a", "approver"), ("feature:b", "accountable")]
    assert accountability.of_person(snapshot, "person:eve", roles=["accountable"]).rows == held[1:]
    assert accountability.of_person(snapshot, "person:eve", TimePoint(at(8))).rows == held[1:]
    counts = accountability.counted(snapshot).rows
    assert counts[0] == {"holder": "person:bob", "count": 2}
    unowned = accountability.unowned(snapshot)
    assert [(row["subject"], row["departed"], row["source_value"]) for row in unowned.rows] == [
        ("feature:b", ["person:eve"], None), ("feature:d", [], "TBD"),
    ]  # fmt: skip
    first = accountability.unowned(snapshot, limit=1)
    assert accountability.unowned(snapshot, cursor=first.next).rows == unowned.rows[1:]


def test_what_is_held_is_told_apart_by_its_status(log: Log, read: Reader) -> None:
    """Whoever was accountable for a decision that was superseded still is, and the row says that it was."""
    for key in ("old", "new"):
        log.add(decision(log, key), OwnershipAssigned(role="accountable", holders=("person:bob",)))
        accept(log, f"decision:{key}")
    log.add("decision:old", DecisionSuperseded(by=("decision:new",)))
    log.add(decision(log, "seen"), OwnershipAssigned(role="driver", holders=("person:bob",)))
    log.add("decision:seen", observed("status", source_value="Parked"))

    held = {row["subject"]: row["status"] for row in accountability.of_person(read(), "person:bob").rows}

    assert held == {"decision:old": "superseded", "decision:new": "accepted", "decision:seen": "Parked"}
    assert accountability.of_person(read(), "person:eve").rows == []


def test_only_roles_are_roles(log: Log, read: Reader) -> None:
    """A delegation and an acknowledgement stand with the roles of a subject, and are none."""
    log.add(feature(log, "a"), OwnershipAssigned(role="driver", holders=("person:bob",)))
    log.add("feature:a", OwnershipAcknowledged(role="driver", by="person:bob"))
    log.add("feature:a", OwnershipDelegated(delegation="d1", to="person:eve", by=("person:bob",)))

    rows = accountability.of_subject(read(), "feature:a").rows

    assert [(row["field"], row["role"]) for row in rows] == [
        ("acknowledged.driver.bob", None), ("delegation.d1", None), ("role.driver", "driver"),
    ]  # fmt: skip


def test_who_left_under_another_id_answers_for_nothing(log: Log, read: Reader) -> None:
    """What somebody holds under one id is without an owner once they have departed under the id they are read as."""
    for who in ("robert", "bob"):
        log.add(f"person:{who}", PersonRegistered())
    log.add(feature(log, "a"), OwnershipAssigned(role="accountable", holders=("person:robert",)))
    log.add("person:robert", PersonMerged(into="person:bob"))
    assert accountability.unowned(read()).rows == []

    log.add("person:bob", PersonLeft())

    assert [row["subject"] for row in accountability.unowned(read()).rows] == ["feature:a"]


# Audit, search, lists ----------------------------------------------------------------------------------------------


def test_the_audit_trail(log: Log, read: Reader) -> None:
    """Every filter narrows; newest first unless told otherwise; pages by position make up the whole."""
    log.add(P, ProductDefined(title="The product"))
    feature(log, "a", by="person:bob", because=("decision:d",))
    wrong = log.add("feature:a", FeatureDropped(why="no penguins"), at=1.5, note="sad")
    log.add("feature:a", EntryVoided(position=wrong, reason="wrong"))
    log.add("decision:x", observed("exists", value=True), source=Origin("import", "keps", "ref-1"))
    log.add("feature:a", FeatureDropped(why="now"), corrects=wrong)
    snapshot = read()

    def found(**asked: Any) -> list[int]:
        return [row["position"] for row in audit(snapshot, AuditFilter(**asked)).rows]

    assert found() == [6, 5, 4, 3, 2, 1]
    assert found(by=["person:bob"]) == found(principals=["person:bob"]) == found(because=["decision:d"]) == [2]
    assert found(by=["person:ann"]) == found(actors=["person:ann"]) == [6, 5, 4, 3, 2, 1]
    assert found(subjects=["feature:a"]) == found(kinds=["feature"]) == [6, 4, 3, 2]
    assert found(products=[P]) == [6, 4, 3, 2, 1]
    assert found(types=["FeatureDropped"]) == found(types=["FeatureDropped.v1"]) == [6, 3]
    assert found(systems=["keps"]) == found(references=["ref-1"]) == found(channels=["import"]) == [5]
    assert found(span=(at(1.5), at(2))) == found(text="PENGUINS") == found(text="sad") == found(voided=True) == [3]
    assert found(backdated=True) == [3]
    assert found(recorded=(at(5), None)) == [6, 5]
    assert found(justified=True) == [2]
    assert found(corrections=True) == [6, 4]
    assert found(positions=[1, 99]) == found(transactions=["u1"]) == [1]
    assert found(text="...") == []
    first = audit(snapshot, limit=4)
    assert [row["position"] for row in audit(snapshot, cursor=first.next).rows] == [2, 1]
    oldest = audit(snapshot, oldest_first=True, limit=2)
    assert [row["position"] for row in audit(snapshot, oldest_first=True, cursor=oldest.next).rows] == [3, 4, 5, 6]
    assert [row["position"] for row in audit(snapshot, when=TimePoint(known_at=at(3))).rows] == [3, 2, 1]
    row = audit(snapshot, AuditFilter(positions=[wrong])).rows[0]
    assert (row["title"], row["data"]["why"], row["version"], row["void"]) == ("Feature a", "no penguins", 2, 4)


def test_what_is_learnt_later_is_not_known_before(log: Log, read: Reader) -> None:
    """Asked for what was known then, no blame and no act says that it was voided since."""
    feature(log, "a")
    wrong = target(log, "feature:a", "r-1")
    log.add("feature:a", EntryVoided(position=wrong, reason="wrong"))
    log.add("feature:a", FeaturePrioritized(horizon="now"))
    snapshot, then, asked = read(), TimePoint(known_at=at(wrong)), Filter(fields=["target.*"])

    def voided(when: TimePoint) -> list[int | None]:
        told = [
            *audit(snapshot, AuditFilter(positions=[wrong]), when).rows,
            *(row for row in history(snapshot, "feature:a", when).rows if row["position"] == wrong),
            *(row["blame"] for row in field_values.field_values(snapshot, asked, when, blame=True).rows),
            *(row["blame"] for row in field_history.field_history(snapshot, field_history.ChangeFilter(asked), when).rows),
            *(card["fields"]["target.beta"]["blame"] for card in roadmap(snapshot, asked, when, layout="table", blame=True).rows),
            *(cell["blame"] for cell in [page_of(snapshot, "feature:a", when).about["fields"].get("target.beta")] if cell),
        ]  # fmt: skip
        return [act.get("void") for act in told]

    assert voided(then) == [None] * 6
    assert voided(TimePoint()) == [3, 3]


def test_what_took_effect_later_is_not_told_as_of_before(log: Log, read: Reader) -> None:
    """As of a day, the trail and a history end with what was in effect that day, however early or late it was recorded."""
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
    """Accents and case do not matter, words may be begun; what was since changed or voided is found and marked."""
    one = decision(log, "one", context="Les pingouins sont déjà là")
    log.add(
        one, ChangesImported(changes=observed("context", text="no more pingouins", source_value="Pinguine").changes)
    )
    noted = log.add(one, SubjectRestored(why="x"), note="pingouins again")
    feature(log, "a")
    snapshot = read()

    hits = search(snapshot, "PINGOUIN").rows

    assert {(hit["position"], hit["field"], hit["current"]) for hit in hits} == {
        (1, "context", False), (2, "context", True), (noted, "note", True),
    }  # fmt: skip
    assert "«pingouins»" in hits[0]["snippet"]
    assert hits[0]["title"] == "Decision one"
    assert [hit["position"] for hit in search(snapshot, "deja").rows] == [1]
    assert [hit["position"] for hit in search(snapshot, "pinguine").rows] == [2]
    assert search(snapshot, "pingouin", Filter(kinds=["feature"])).rows == search(snapshot, " ").rows == []
    assert [hit["current"] for hit in search(snapshot, "deja", when=TimePoint(known_at=at(1))).rows] == [True]
    assert [hit["position"] for hit in search(snapshot, "pingouin", when=TimePoint(known_at=at(1))).rows] == [1]
    log.add(one, EntryVoided(position=noted, reason="wrong"))
    assert {hit["position"]: hit["current"] for hit in search(read(), "pingouin again").rows} == {noted: False}


def test_short_lists(log: Log, read: Reader) -> None:
    """Products by what they are called, and releases in order."""
    log.add(P, ProductDefined(title="The product"))
    for n in (10, 9):
        log.add(f"release:r-{n}", ReleaseScheduled(version=f"v1.{n}", products=(P,)))

    products = listings.subjects(read(), Filter(kinds=["product"]), ("title", "status"))
    assert [(row["subject"], row["title"]) for row in products.rows] == [(P, "The product")]
    assert [row["version"] for row in listings.releases(read(), [P]).rows] == ["v1.9", "v1.10"]


# Strangers ---------------------------------------------------------------------------------------------------------

HOSTILE = [
    "'; drop table cell; --", '"', "%", "_", "*", "a*", ":t", "?1", "\x00", "\ud800", "\U0010ffff", "\u202eevil", "NEAR(a b)",
    '" OR 1=1', "{}", "[]", "null", "true", "9" * 400, "é" * 1000, "", " ", "subject:x", "AND", "-", "^a", "content:a",
]  # fmt: skip


@pytest.mark.parametrize("word", HOSTILE)
def test_what_strangers_send_does_no_harm(word: str, log: Log, read: Reader) -> None:
    """Whatever stands in a filter, a cursor or a search, the answer is an empty one or a plain refusal."""
    accept(log, decision(log, "one"))
    target(log, feature(log, "a"), "r-1")
    snapshot = read()
    hostile = Filter([word], [word], [word], [word], [word], [word], [word], [word])
    for f in ("kinds", "subjects", "products", "fields", "values", "words", "holders", "statuses"):
        asked = Filter(**{f: [word]})
        for question in _questions(snapshot, asked, word):
            question()
    for question in _questions(snapshot, hostile, word):
        assert question().rows == []
    for f in AuditFilter.__dataclass_fields__.values():
        if str(f.type) == "Sequence[str]":
            assert audit(snapshot, AuditFilter(**{f.name: [word]})).rows == []
    for f in ("kinds", "deciders", "accountable", "tags", "ever"):
        assert register(snapshot, RegisterFilter(**{f: [word]})).rows == []
    audit(snapshot, AuditFilter(text=word))
    search(snapshot, word)
    graph(snapshot, word)
    accountability.of_person(snapshot, word)
    with pytest.raises(BadCursor):
        audit(snapshot, cursor=word)
    assert len(audit(snapshot).rows) == 4


def _questions(snapshot: Read, asked: Filter, word: str) -> list[Callable[[], Answer]]:
    return [
        lambda: field_values.field_values(snapshot, asked),
        lambda: field_values.count_fields(snapshot, asked, "holder"),
        lambda: field_history.field_history(
            snapshot, field_history.ChangeFilter(fields=asked, from_values=[word], to_source_values=[word], by=[word])
        ),
        lambda: roadmap(snapshot, asked, columns=word or "x", milestone=word, fields=[word]),
        lambda: changes(snapshot, TimePoint(at(0)), TimePoint(), asked, from_values=[word]),
        lambda: slips(snapshot, asked),
        lambda: register(snapshot, RegisterFilter(about=asked), columns=[word]),
        lambda: decisions.history(snapshot, word),
        lambda: accountability.unowned(snapshot, asked),
        lambda: search(snapshot, "decision", asked),
    ]
