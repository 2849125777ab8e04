"""Cells equal a fold that fits on one screen, at every instant and by every state of knowledge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.any_subject import ChangesImported, EntryVoided, ImportedChange
from domain.ownership import OwnershipAssigned, OwnershipReleased
from domain.values import format_micros, from_micros
from eventlog.entry import Origin
from projections.field_values import Group, count_fields, field_values
from projections.query import Filter, TimePoint
from projections.read_model import Read
from tests.projections.naive import holds, on_record
from tests.projections.support import SECOND, START, Anew, Log

SUBJECTS = ["feature:a", "feature:b", "decision:c"]
HOLDERS = ["person:p", "person:q", "team:r"]
SECONDS = st.integers(0, 12)


def term(role: str, holders: list[str], begin: int | None, length: int | None) -> OwnershipAssigned:
    from_ = None if begin is None else from_micros(START + begin * SECOND)
    until = None if length is None else from_micros(START + ((begin or 0) + length) * SECOND)
    return OwnershipAssigned.model_validate({"role": role, "holders": holders, "from": from_, "until": until})


def observed(name: str, **said: Any) -> ChangesImported:
    return ChangesImported(changes=(ImportedChange(field=name, **said),))


EVENTS = st.one_of(
    st.builds(lambda on: observed("exists", value=on), st.booleans()),
    st.builds(lambda v, w: observed("status", value=v, source_value=w), st.sampled_from(["open", "shut", None]), st.sampled_from(["O", None])),
    st.builds(lambda who: observed("role.author", holders=tuple(who)), st.lists(st.sampled_from(HOLDERS), max_size=3, unique=True)),
    st.builds(term, st.just("accountable"), st.lists(st.sampled_from(HOLDERS), min_size=1, max_size=2, unique=True),
              st.none() | SECONDS, st.none() | st.integers(1, 6)),
    st.just(OwnershipReleased(role="accountable")),
)  # fmt: skip
ACTS = st.lists(
    st.tuples(st.sampled_from(SUBJECTS), EVENTS, st.none() | SECONDS, st.integers(0, 9)), min_size=1, max_size=25
)


def log_of(acts: list[Any]) -> Log:
    """A log of these acts; one in ten is followed by its own voiding, or that of an earlier act of its subject."""
    log = Log()
    voided: set[int] = set()
    for subject, event, when, chance in acts:
        log.add(subject, event, at=when)
        mine = [e.position for e in log.entries if e.subject == subject and e.event.voided_position() is None]
        if chance > 7 and (still := [p for p in mine if p not in voided]):
            target = still[len(log.entries) % len(still)]
            voided.add(target)
            log.add(subject, EntryVoided(position=target, reason="wrong"))
    return log


@given(acts=ACTS, moments=st.lists(st.tuples(SECONDS, st.none() | st.integers(0, 30)), min_size=3, max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cells_equal_the_naive_fold(anew: Anew, acts: list[Any], moments: list[tuple[int, int | None]]) -> None:
    """As of any instant, known at any other, every cell holds what the definition says, and nothing else is shown."""
    log = log_of(acts)
    model = anew(log)
    with model.read() as read:
        for t, k in moments:
            when = TimePoint(START + t * SECOND, None if k is None else START + k * SECOND)
            expected = holds(log.entries, when.as_of or 0, START + 99 * SECOND if k is None else when.known_at or 0)
            for absent in (True, False):
                found = field_values(read, Filter(include_removed=absent), when)
                held = {(row["subject"], row["field"]): (row["value"], row["source_value"]) for row in found.rows}
                assert held == (expected if absent else on_record(expected))
                assert found.position == len(
                    [e for e in log.entries if k is None or e.recorded_at <= (when.known_at or 0)]
                )
                assert found.as_of == format_micros(when.as_of or 0)


JOINS = st.lists(st.tuples(st.sampled_from("pqrstu"), st.sampled_from("pqrstu")), max_size=6)
ROLES = st.lists(
    st.tuples(st.sampled_from(SUBJECTS), st.lists(st.sampled_from("pqrstu"), max_size=3, unique=True)), max_size=6
)


@given(joins=JOINS, roles=ROLES, who=st.sampled_from("pqrstu"))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_joined_persons_are_one_holder(anew: Anew, joins: list[tuple[str, str]], roles: list[Any], who: str) -> None:
    """Asking for either id finds what all of them hold, and counting counts them once; chains and circles are no matter."""
    log = Log()
    into = dict(joins)
    for one, other in joins:
        log.add(f"person:{one}", observed("merged_into", value=f"person:{other}"))
    for subject, holders in roles:
        log.add(subject, observed("exists", value=True))
        log.add(subject, observed("role.author", holders=tuple(f"person:{each}" for each in holders)))
    same = {who}
    while more := {a for a, b in into.items() if b in same} | {into[a] for a in same if a in into}:
        if more <= same:
            break
        same |= more
    expected = sorted({subject for subject, holders in dict(roles).items() if same & set(holders)})

    model = anew(log)
    with model.read() as read:
        asked = Filter(holders=[f"person:{who}"], fields=["role.*"])
        assert [row["subject"] for row in field_values(read, asked).rows] == expected
        counts = {row["holder"]: row["count"] for row in count_fields(read, Filter(fields=["role.*"]), "holder").rows}
        assert counts.get(read.one_of(f"person:{who}"), 0) == len(expected)


def test_filters_of_cells(log: Log, read: Callable[[], Read]) -> None:
    """Kind, subject, product, field, value, word, holder and status each narrow the cells, and pages make up the whole."""
    for subject in ("feature:a", "feature:b", "decision:c"):
        log.add(subject, observed("exists", value=True))
    log.add("feature:a", observed("products", subjects=("product:p", "product:q")))
    log.add("feature:a", observed("target.beta", value="release:r-1", source_value="v1"))
    log.add("feature:b", observed("target.alpha", source_value="TBD"))
    log.add("feature:b", observed("rank", value=3))
    log.add("decision:c", observed("role.author", holders=("person:p",)))
    log.add("decision:c", observed("status", value="accepted", source_value="Final"))
    log.add("decision:d", observed("status", value="accepted"))
    snapshot = read()

    def found(**asked: Any) -> list[str]:
        return [f"{row['subject'][-1]}.{row['field']}" for row in field_values(snapshot, Filter(**asked)).rows]

    assert found(fields=["target.*"]) == ["a.target.beta", "b.target.alpha"]
    assert found(fields=["target.*", "rank"], kinds=["feature"], subjects=["feature:b"]) == ["b.rank", "b.target.alpha"]
    assert found(products=["product:q"], fields=["target.*"]) == ["a.target.beta"]
    assert found(values=["3"]) == found(values=[3]) == ["b.rank"]
    assert found(values=["release:r-1"]) == found(source_values=["v1"]) == ["a.target.beta"]
    assert found(values=["product:q"]) == found(holders=["product:q"]) == ["a.products"]
    assert found(source_values=["TBD"]) == ["b.target.alpha"]
    assert found(holders=["person:p"]) == ["c.role.author"]
    assert found(statuses=["Final"]) == found(statuses=["accepted"]) == ["c.exists", "c.role.author", "c.status"]
    assert found(statuses=["accepted"], include_removed=True)[-1] == "d.status"
    assert found(kinds=["feat"]) == found(fields=["target"]) == []
    whole = field_values(snapshot, Filter()).rows
    first = field_values(snapshot, Filter(), limit=4)
    assert [*first.rows, *field_values(snapshot, Filter(), limit=99, cursor=first.next).rows] == whole
    groups: dict[Group, Any] = {
        "kind": [("feature", 2)], "product": [("product:p", 1), ("product:q", 1)],
        "field": [("target.alpha", 1), ("target.beta", 1)], "source_value": [("TBD", 1), ("v1", 1)],
    }  # fmt: skip
    for by, expected in groups.items():
        rows = count_fields(snapshot, Filter(fields=["target.*"]), by).rows
        assert [(row[by], row["count"]) for row in rows] == expected


def test_blame_says_who_when_and_why(log: Log, read: Callable[[], Read]) -> None:
    """Behind every cell stand the actor, whose act it was, both clocks, the decision or the note, and the source."""
    log.add("feature:a", observed("exists", value=True))
    source = Origin("import", "keps", "abc123", START)
    log.add(
        "feature:a",
        observed("status", value="x"),
        by="person:bob",
        at=-5,
        because=("decision:d",),
        note="so",
        source=source,
    )

    cell = field_values(read(), Filter(fields=["status"], include_removed=True), blame=True).rows[0]

    assert cell["blame"] == {
        "position": 2, "type": "ChangesImported.v1", "at": "2023-11-14T22:13:15.000000Z",
        "recorded_at": "2023-11-14T22:13:22.000000Z", "actor": "person:ann", "principal": "person:bob",
        "on_behalf_of": [{"who": "person:bob"}], "because": ["decision:d"], "note": "so",
        "source": {"channel": "import", "system": "keps", "reference": "abc123", "at": "2023-11-14T22:13:20.000000Z"},
    }  # fmt: skip
