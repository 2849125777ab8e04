"""Field values equal a naive reference model at every valid time and transaction time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.any_subject import ChangesImported, EntryVoided, ImportedChange
from domain.ownership import OwnershipAssigned, OwnershipReleased
from domain.values import format_micros, from_micros
from eventlog.entry import Origin
from projections.queries.field_values import Group, count_fields, field_values
from projections.queries.filters import Filter
from projections.queries.timepoint import TimePoint
from projections.read_model.model import Read
from tests.projections.reference_model import values_in_effect, without_removed
from tests.projections.support import SECOND, START, BuildModel, Log

SUBJECTS = ["feature:a", "feature:b", "decision:c"]
HOLDERS = ["person:p", "person:q", "team:r"]
SECONDS = st.integers(0, 12)


def ownership(role: str, holders: list[str], begin: int | None, length: int | None) -> OwnershipAssigned:
    from_ = None if begin is None else from_micros(START + begin * SECOND)
    until = None if length is None else from_micros(START + ((begin or 0) + length) * SECOND)
    return OwnershipAssigned.model_validate({"role": role, "holders": holders, "from": from_, "until": until})


def imported(name: str, **values: Any) -> ChangesImported:
    return ChangesImported(changes=(ImportedChange(field=name, **values),))


EVENTS = st.one_of(
    st.builds(lambda on: imported("exists", value=on), st.booleans()),
    st.builds(
        lambda v, w: imported("status", value=v, source_value=w),
        st.sampled_from(["open", "shut", None]),
        st.sampled_from(["O", None]),
    ),
    st.builds(
        lambda person: imported("role.author", holders=tuple(person)),
        st.lists(st.sampled_from(HOLDERS), max_size=3, unique=True),
    ),
    st.builds(
        ownership,
        st.just("accountable"),
        st.lists(st.sampled_from(HOLDERS), min_size=1, max_size=2, unique=True),
        st.none() | SECONDS,
        st.none() | st.integers(1, 6),
    ),
    st.just(OwnershipReleased(role="accountable")),
)
EVENTS_ON_SUBJECTS = st.lists(
    st.tuples(st.sampled_from(SUBJECTS), EVENTS, st.none() | SECONDS, st.integers(0, 9)), min_size=1, max_size=25
)


def log_of(events: list[Any]) -> Log:
    """Return a log of these events. One in ten is followed by the voiding of an event of the same subject."""
    log = Log()
    voided: set[int] = set()
    for subject, event, when, chance in events:
        log.add(subject, event, at=when)
        mine = [e.position for e in log.entries if e.subject == subject and e.event.voided_position() is None]
        if chance > 7 and (still := [p for p in mine if p not in voided]):
            target = still[len(log.entries) % len(still)]
            voided.add(target)
            log.add(subject, EntryVoided(position=target, why="wrong"))
    return log


@given(
    events=EVENTS_ON_SUBJECTS,
    moments=st.lists(st.tuples(SECONDS, st.none() | st.integers(0, 30)), min_size=3, max_size=8),
)
@settings(max_examples=60)
def test_field_values_equal_the_reference_model(
    build_model: BuildModel, events: list[Any], moments: list[tuple[int, int | None]]
) -> None:
    """As of any time, known at any other, every field has the value of the reference model, and no other field is
    shown.
    """
    log = log_of(events)
    model = build_model(log)
    with model.read() as read:
        for t, k in moments:
            when = TimePoint(START + t * SECOND, None if k is None else START + k * SECOND)
            expected = values_in_effect(
                log.entries, when.as_of or 0, START + 99 * SECOND if k is None else when.known_at or 0
            )
            for absent in (True, False):
                found = field_values(read, Filter(include_removed=absent), when)
                contents = {(row["subject"], row["field"]): (row["value"], row["source_value"]) for row in found.rows}
                assert contents == (expected if absent else without_removed(expected))
                assert found.position == len(
                    [e for e in log.entries if k is None or e.recorded_at <= (when.known_at or 0)]
                )
                assert found.as_of == format_micros(when.as_of or 0)


MERGES = st.lists(st.tuples(st.sampled_from("pqrstu"), st.sampled_from("pqrstu")), max_size=6)
ROLES = st.lists(
    st.tuples(st.sampled_from(SUBJECTS), st.lists(st.sampled_from("pqrstu"), max_size=3, unique=True)), max_size=6
)


@given(merges=MERGES, roles=ROLES, person=st.sampled_from("pqrstu"))
@settings(max_examples=40)
def test_merged_people_are_one_holder(
    build_model: BuildModel, merges: list[tuple[str, str]], roles: list[Any], person: str
) -> None:
    """Either id of a merged person finds all roles, and counts count them once, also in chains and cycles of merges."""
    log = Log()
    into = dict(merges)
    for one, other in merges:
        log.add(f"person:{one}", imported("merged_into", value=f"person:{other}"))
    for subject, holders in roles:
        log.add(subject, imported("exists", value=True))
        log.add(subject, imported("role.author", holders=tuple(f"person:{each}" for each in holders)))
    person_ids = {person}
    while more := {a for a, b in into.items() if b in person_ids} | {into[a] for a in person_ids if a in into}:
        if more <= person_ids:
            break
        person_ids |= more
    expected = sorted({subject for subject, holders in dict(roles).items() if person_ids & set(holders)})

    model = build_model(log)
    with model.read() as read:
        selection = Filter(holders=[f"person:{person}"], fields=["role.*"])
        assert [row["subject"] for row in field_values(read, selection).rows] == expected
        counts = {row["holder"]: row["count"] for row in count_fields(read, Filter(fields=["role.*"]), "holder").rows}
        assert counts.get(read.surviving_id(f"person:{person}"), 0) == len(expected)


def test_field_filters(log: Log, read: Callable[[], Read]) -> None:
    """Each filter narrows the fields, and pages together are the whole answer."""
    for subject in ("feature:a", "feature:b", "decision:c"):
        log.add(subject, imported("exists", value=True))
    log.add("feature:a", imported("products", subjects=("product:p", "product:q")))
    log.add("feature:a", imported("target.beta", value="release:r-1", source_value="v1"))
    log.add("feature:b", imported("target.alpha", source_value="TBD"))
    log.add("feature:b", imported("rank", value=3))
    log.add("decision:c", imported("role.author", holders=("person:p",)))
    log.add("decision:c", imported("status", value="accepted", source_value="Final"))
    log.add("decision:d", imported("status", value="accepted"))
    snapshot = read()

    def find(**selection: Any) -> list[str]:
        return [f"{row['subject'][-1]}.{row['field']}" for row in field_values(snapshot, Filter(**selection)).rows]

    assert find(fields=["target.*"]) == ["a.target.beta", "b.target.alpha"]
    assert find(fields=["target.*", "rank"], kinds=["feature"], subjects=["feature:b"]) == ["b.rank", "b.target.alpha"]
    assert find(products=["product:q"], fields=["target.*"]) == ["a.target.beta"]
    assert find(values=["3"]) == find(values=[3]) == ["b.rank"]
    assert find(values=["release:r-1"]) == find(source_values=["v1"]) == ["a.target.beta"]
    assert find(values=["product:q"]) == find(holders=["product:q"]) == ["a.products"]
    assert find(source_values=["TBD"]) == ["b.target.alpha"]
    assert find(holders=["person:p"]) == ["c.role.author"]
    assert find(statuses=["Final"]) == find(statuses=["accepted"]) == ["c.exists", "c.role.author", "c.status"]
    assert find(statuses=["accepted"], include_removed=True)[-1] == "d.status"
    assert find(kinds=["feat"]) == find(fields=["target"]) == []
    whole = field_values(snapshot, Filter()).rows
    first = field_values(snapshot, Filter(), limit=4)
    assert [*first.rows, *field_values(snapshot, Filter(), limit=99, cursor=first.next).rows] == whole
    groups: dict[Group, Any] = {
        "kind": [("feature", 2)],
        "product": [("product:p", 1), ("product:q", 1)],
        "field": [("target.alpha", 1), ("target.beta", 1)],
        "source_value": [("TBD", 1), ("v1", 1)],
    }
    for by, expected in groups.items():
        rows = count_fields(snapshot, Filter(fields=["target.*"]), by).rows
        assert [(row[by], row["count"]) for row in rows] == expected


def test_blame_says_who_when_and_why(log: Log, read: Callable[[], Read]) -> None:
    """The blame of a field has the actor, the principal, both clocks, the decision, the note, and the source."""
    log.add("feature:a", imported("exists", value=True))
    source = Origin("import", "keps", "abc123", START)
    log.add(
        "feature:a",
        imported("status", value="x"),
        by="person:bob",
        at=-5,
        because=("decision:d",),
        note="so",
        source=source,
    )

    row = field_values(read(), Filter(fields=["status"], include_removed=True), blame=True).rows[0]

    assert row["blame"] == {
        "position": 2,
        "type": "ChangesImported.v1",
        "at": "2023-11-14T22:13:15.000000Z",
        "recorded_at": "2023-11-14T22:13:22.000000Z",
        "actor": "person:ann",
        "principal": "person:bob",
        "on_behalf_of": [{"who": "person:bob"}],
        "because": ["decision:d"],
        "note": "so",
        "source": {"channel": "import", "system": "keps", "reference": "abc123", "at": "2023-11-14T22:13:20.000000Z"},
    }
