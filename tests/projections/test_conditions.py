"""Conditions on fields, the state at each change and the duration of values equal a naive reading."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.any_subject import StillValidConfirmed
from domain.catalog import EVENTS
from domain.ownership import OwnershipAssigned
from domain.people import PersonMerged
from domain.values import STORED, format_micros, from_micros
from identity.decision_log import DecisionLog
from projections.queries.change_counts import count_changes
from projections.queries.conditions import (
    FIELD_NAMES,
    Condition,
    UnknownField,
    check_field_names,
    is_absent,
    parse_condition,
)
from projections.queries.field_history import ChangeFilter, field_history
from projections.queries.field_values import field_values
from projections.queries.filters import Filter
from projections.queries.listings import subjects
from projections.queries.timepoint import TimePoint
from projections.read_model.model import Read
from projections.read_model.visibility import limit
from tests.eventlog.test_golden import NAMES as GOLDEN
from tests.eventlog.test_golden import load
from tests.faults.logs import write_log
from tests.projections import reference_model
from tests.projections.support import SECOND, BuildModel, Log, at
from tests.projections.test_field_values import EVENTS_ON_SUBJECTS, SECONDS, imported, log_of

FEW_EXAMPLES = settings(max_examples=40)
FIELDS = ["status", "role.author", "role.accountable"]
Values = dict[tuple[str, str], tuple[Any, str | None]]


def has_value(values: Values, subject: str, field: str, wanted: str) -> bool:
    value, source_value = values.get((subject, field), (None, None))
    return wanted in (value, source_value) or (isinstance(value, list) and wanted in value)


def share(values: Values, subject: str, one: str, other: str) -> bool:
    sides = [values.get((subject, field), ([], None))[0] or [] for field in (one, other)]
    return bool({*sides[0]} & {*sides[1]})


NAIVE: list[tuple[list[str], Callable[[Values, str], bool]]] = [
    (["status=open"], lambda values, subject: has_value(values, subject, "status", "open")),
    (["status!=open"], lambda values, subject: not has_value(values, subject, "status", "open")),
    (["status=O"], lambda values, subject: has_value(values, subject, "status", "O")),
    (["status=*"], lambda values, subject: (subject, "status") in values),
    (["role.author!=*"], lambda values, subject: (subject, "role.author") not in values),
    (["role.*=person:p"], lambda values, subject: any(has_value(values, subject, f, "person:p") for f in FIELDS[1:])),
    (["role.author=field:role.accountable"], lambda values, subject: share(values, subject, *FIELDS[1:])),
    (
        ["role.author!=field:role.accountable", "role.accountable=person:q"],
        lambda values, subject: (
            not share(values, subject, *FIELDS[1:]) and has_value(values, subject, "role.accountable", "person:q")
        ),
    ),
]


@given(events=EVENTS_ON_SUBJECTS, t=SECONDS, k=st.none() | st.integers(0, 30), chosen=st.sampled_from(NAIVE))
@FEW_EXAMPLES
def test_conditions_equal_a_naive_reading(
    build_model: BuildModel, events: list[Any], t: int, k: int | None, chosen: Any
) -> None:
    """As of any time, known at any other, the subjects are those whose fields meet the conditions."""
    texts, holds = chosen
    log = log_of(events)
    for field in FIELDS:  # so that each name is known
        log.add("feature:z", imported(field))
    values = reference_model.values_in_effect(log.entries, at(t), at(99 if k is None else k))
    asked = Filter(conditions=[parse_condition(text) for text in texts])
    with build_model(log).read() as read:
        found = subjects(read, asked, (), TimePoint(at(t), None if k is None else at(k)))
        expected = {subject for subject, field in values if field == "exists" and holds(values, subject)}
        assert {row["subject"] for row in found.rows} == {
            subject for subject in expected if values[subject, "exists"][0] is True
        }


@given(events=EVENTS_ON_SUBJECTS, t=SECONDS, k=st.none() | st.integers(0, 30), chosen=st.sampled_from(NAIVE))
@FEW_EXAMPLES
def test_the_state_at_each_change_equals_a_naive_reading(
    build_model: BuildModel, events: list[Any], t: int, k: int | None, chosen: Any
) -> None:
    """Each change has what other fields were at its time, and conditions in the history are on that state."""
    texts, holds = chosen
    log = log_of(events)
    for field in FIELDS:
        log.add("feature:z", imported(field))
    known = at(99 if k is None else k)
    when = TimePoint(at(t), None if k is None else at(k))
    everything = ChangeFilter(include_unchanged=True)
    asked = ChangeFilter(include_unchanged=True, conditions=[parse_condition(text) for text in texts])
    with build_model(log).read() as read:
        whole = field_history(read, everything, when, state=FIELDS).rows
        kept = field_history(read, asked, when, state=FIELDS).rows
    expected = []
    for row in whole:
        values = reference_model.values_in_effect(log.entries, to_micros(row["at"]), known)
        for field, state in row["state"].items():
            assert (state["value"] or None, state["source_value"]) == tuple(
                part or None for part in values.get((row["subject"], field), (None, None))
            )
        expected += [row] if holds(values, row["subject"]) else []
    assert kept == expected


def to_micros(time: str) -> int:
    from domain.values import parse_timestamp
    from domain.values import to_micros as convert

    return convert(parse_timestamp(time))


@given(events=EVENTS_ON_SUBJECTS, t=SECONDS, k=st.none() | st.integers(0, 30), least=st.integers(0, 6))
@FEW_EXAMPLES
def test_durations_equal_a_naive_reading(
    build_model: BuildModel, events: list[Any], t: int, k: int | None, least: int
) -> None:
    """A value holds until the next change to another value; filters on durations keep the changes that match."""
    log = log_of(events)
    when = TimePoint(at(t), None if k is None else at(k))
    with build_model(log).read() as read:
        rows = field_history(read, ChangeFilter(include_unchanged=True), when, durations=True).rows
        long = field_history(read, ChangeFilter(include_unchanged=True, held=(least * SECOND, None)), when).rows
        short = field_history(read, ChangeFilter(include_unchanged=True, held=(None, least * SECOND)), when).rows
        ended = field_history(read, ChangeFilter(include_unchanged=True, is_open=False), when, limit=1).rows
    for n, row in enumerate(rows):
        later = [r for r in rows[n + 1 :] if (r["subject"], r["field"]) == (row["subject"], row["field"])]
        other = next((r for r in later if content(r) != content(row)), None)
        end = at(t) if other is None else to_micros(other["at"])
        assert row["held"]["until"] == (None if other is None else other["at"])
        assert row["held"]["days"] == round((end - to_micros(row["at"])) / 86_400_000_000, 3)
        assert (row in long, row in short) == (
            end - to_micros(row["at"]) >= least * SECOND,
            end - to_micros(row["at"]) < least * SECOND,
        )
    assert ended == [row for row in rows if row["held"]["until"]][:1]


def content(row: dict[str, Any]) -> tuple[Any, Any]:
    return row["after"]["value"] or None, row["after"]["source_value"]


def test_ranges_compare_numbers_days_and_times(log: Log, read: Callable[[], Read]) -> None:
    """Ranges cover numbers, with or without a unit, days and times; other texts are in no range."""
    for n, value in enumerate((5, "7", "12.5", "50000 EUR", "-3", "1.2.3", "--1", "soon", "-", ".")):
        log.add(f"feature:n{n}", imported("x.size", value=value))
    log.add("feature:source", imported("x.size", source_value="9"))
    log.add("feature:owned", imported("role.accountable", holders=("person:p",)))
    for n, value in enumerate(("2024-06-30", "2024-07-01", "2024-07-01T09:30:00.000000Z", "2024-07-02", "later")):
        log.add(f"feature:d{n}", imported("x.day", value=value))
    snapshot = read()

    def find(*texts: str) -> list[str]:
        asked = Filter(
            include_removed=True, fields=["x.*", "role.*"], conditions=[parse_condition(text) for text in texts]
        )
        return [row["subject"].partition(":")[2] for row in field_values(snapshot, asked).rows]

    assert find("x.size>=5", "x.size<50000") == ["n0", "n1", "n2", "source"]
    assert find("x.size>12.4") == ["n2", "n3"]
    assert find("x.size>=50000 EUR") == ["n3"]
    assert find("x.size>=1 USD") == []
    assert find("x.size<0") == ["n4"]
    assert find("x.size>.5", "x.size<6") == ["n0"]
    assert find("role.accountable<5") == []
    assert find("x.day<=2024-07-01") == ["d0", "d1", "d2"]
    assert find("x.day<2024-07-01") == ["d0"]
    assert find("x.day>2024-07-01") == ["d3"]
    assert find("x.day>=2024-07-01") == ["d1", "d2", "d3"]
    assert find("x.day>2024-07-01T09:00:00Z") == ["d2", "d3"]


def test_when_a_subject_last_changed(log: Log, read: Callable[[], Read]) -> None:
    """`subject.changed` is when the last value of any of its fields began, as of the time asked for."""
    log.add("feature:a", imported("exists", value=True), at=-86_400 * 10)
    log.add("feature:b", imported("exists", value=True), at=-86_400 * 10)
    log.add("feature:b", imported("status", value="open"), at=5)
    snapshot = read()
    day = format_micros(at(0))

    def find(text: str, when: TimePoint | None = None) -> list[str]:
        rows = subjects(snapshot, Filter(conditions=[parse_condition(text)]), (), when or TimePoint()).rows
        return [row["subject"] for row in rows]

    assert find(f"subject.changed<{day}") == ["feature:a"]
    assert find(f"subject.changed>={day}") == ["feature:b"]
    assert find(f"subject.changed<{day}", TimePoint(at(4))) == ["feature:a", "feature:b"]
    assert find(f"subject.created<{day}") == ["feature:a", "feature:b"]


def test_conditions_on_the_change(log: Log, read: Callable[[], Read]) -> None:
    """Who made a change, its note and its decisions can be compared; merged people are one."""
    log.add("decision:a", imported("role.author", holders=("person:p2",)))
    log.add("decision:a", imported("status", value="accepted"), by="person:p", note="Because.")
    log.add("decision:a", imported("status", value="rejected"), by="person:q", because=("decision:b",))
    log.add("person:p2", PersonMerged(into="person:p"))
    snapshot = read()

    def find(*texts: str) -> list[int]:
        asked = ChangeFilter(fields=Filter(fields=["status"]), conditions=[parse_condition(text) for text in texts])
        return [row["position"] for row in field_history(snapshot, asked).rows if row["subject"] == "decision:a"]

    assert find("change.by=field:role.author") == [2]
    assert find("change.by!=field:role.author") == [3]
    assert find("change.by=person:p2") == [2]
    assert find("change.note=*") == [2]
    assert find("change.because=decision:b") == find("change.note!=*", "change.because=*") == [3]


def test_counts_by_time_value_and_product(log: Log, read: Callable[[], Read]) -> None:
    """Changes are counted by year, quarter, month and week in order, by value, and for each product of the subject."""
    times = {"2023-12-31T23:59:59Z": "open", "2024-01-01T00:00:00Z": "done", "2024-11-30T12:00:00Z": "open"}
    log.add("feature:a", imported("products", subjects=("product:x", "product:y")), at=-86_400 * 900)
    for time, value in times.items():
        log.add("feature:a", imported("status", value=value), at=(to_micros(time) - at(0)) / SECOND)
    snapshot = read()
    about = ChangeFilter(fields=Filter(fields=["status"]))
    when = TimePoint(to_micros("2025-01-01T00:00:00Z"))

    def count(*by: Any) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in count_changes(snapshot, about, by, when).rows]

    assert count("year") == [("2023", 1), ("2024", 2)]
    assert count("quarter", "to") == [("2023-Q4", "open", 1), ("2024-Q1", "done", 1), ("2024-Q4", "open", 1)]
    assert count("month") == [("2023-12", 1), ("2024-01", 1), ("2024-11", 1)]
    assert count("week") == [("2023-W52", 1), ("2024-W01", 1), ("2024-W48", 1)]
    assert count("from", "kind") == [(None, "feature", 1), ("done", "feature", 1), ("open", "feature", 1)]
    assert count("product") == [("product:x", 3), ("product:y", 3)]


def test_an_end_of_a_period_ends_a_value(log: Log, read: Callable[[], Read]) -> None:
    """A value holds until its period ends, and what follows is nothing."""
    until = from_micros(at(5))
    log.add("feature:a", OwnershipAssigned(role="driver", holders=("person:p",), until=until), at=1)

    (first, second) = field_history(read(), ChangeFilter(), durations=True).rows

    assert first["held"]["until"] == format_micros(at(5))
    assert first["held"]["next"] == {"value": None, "source_value": None, "position": 1}
    assert second["held"]["until"] is None


MALFORMED = [
    ("status", "is not a condition"),
    ("=open", "is not a condition"),
    ("status=", "needs a value"),
    ("status<open", "compares numbers, days and times"),
    ("review_on<2024-13-01", "month must be in 1..12"),
    ("change.bye=*", "did you mean `change.by`?"),
    ("change.by>3", "can be compared with = and != only"),
    ("subject.changed=2024-01-01", "is compared with a day or a time"),
    ("subject.changed<3", "is compared with a day or a time"),
    ("subject.made<2024-01-01", "there is no `subject.made`"),
    ("status<field:kind", "compares numbers, days and times"),
]


@pytest.mark.parametrize(("text", "detail"), MALFORMED)
def test_a_malformed_condition_is_refused(text: str, detail: str) -> None:
    """The error says what would be right."""
    with pytest.raises(ValueError, match=r".") as caught:
        parse_condition(text)
    assert detail in str(caught.value)


@pytest.mark.parametrize("name", ["statsu", "whyy", "rolle.author"])
def test_an_unknown_field_is_refused(name: str, log: Log, read: Callable[[], Read]) -> None:
    """A misspelled field is refused in conditions and in what to show; a field that no subject has yet is not."""
    log.add("feature:a", imported("status", value="open"))
    log.add("feature:a", imported("role.author", holders=("person:p",)))
    snapshot = read()

    for asked in (is_absent(name), Condition("status", "=", ("x",), other=name)):
        with pytest.raises(UnknownField, match=f"no field `{name}`; did you mean"):
            subjects(snapshot, Filter(conditions=[asked]), ())
    with pytest.raises(UnknownField):
        field_history(snapshot, ChangeFilter(), state=[name])
    assert subjects(snapshot, Filter(conditions=[is_absent("evidence"), is_absent("target.*")]), ()).rows == []


def test_a_limited_reader_learns_nothing_about_other_products(log: Log, read: Callable[[], Read]) -> None:
    """Conditions, the state at a change, durations and counts are of the subjects that the reader may see."""
    for name, product in (("a", "x"), ("b", "y")):
        log.add(f"product:{product}", imported("exists", value=True))
        log.add(f"feature:{name}", imported("products", subjects=(f"product:{product}",)))
        log.add(f"feature:{name}", imported("exists", value=True))
        log.add(f"feature:{name}", imported("status", value="open"))
        log.add(f"feature:{name}", imported(f"x.secret_{name}", value="yes"))
    limited = limit(read(), ["product:x"])
    about = ChangeFilter(fields=Filter(fields=["status"]))

    def find(text: str) -> list[str]:
        asked = Filter(conditions=[parse_condition(text)], kinds=["feature"])
        return [row["subject"] for row in subjects(limited, asked, ()).rows]

    assert find("status=open") == find("x.secret_a=yes") == find("subject.changed>2000-01-01") == ["feature:a"]
    with pytest.raises(UnknownField, match=r"did you mean `x\.secret_a`"):  # as if the other field did not exist
        find("x.secret_b=yes")
    (row,) = field_history(limited, about, state=["products"], durations=True).rows
    assert (row["subject"], row["state"]["products"]["value"]) == ("feature:a", ["product:x"])
    assert list(count_changes(limited, about, ["product"]).rows) == [{"product": "product:x", "count": 1}]


def test_a_condition_on_a_change_needs_changes(read: Callable[[], Read]) -> None:
    """A list of subjects has no changes to compare."""
    with pytest.raises(UnknownField, match="only in the history of fields"):
        subjects(read(), Filter(conditions=[parse_condition("change.by=person:p")]), ())


def test_another_key_or_number_is_no_misspelling(log: Log, read: Callable[[], Read]) -> None:
    """A field of a group whose members have keys or numbers is known, also next to a similar one that a subject has."""
    for name in ("expectation.1", "approval.anna"):
        log.add("decision:a", imported(name, value="yes"))
    snapshot = read()

    check_field_names(snapshot, ["expectation.2", "approval.ann"])
    with pytest.raises(UnknownField, match=r"did you mean `expectation\.1`"):
        check_field_names(snapshot, ["expectations.1"])


def test_every_field_that_an_event_sets_is_known(tmp_path: Path) -> None:
    """The names of fields cover all that commands and events set, but for those that people name or that have a key."""
    write_log(tmp_path / "log.sqlite", 1, seed=1)
    with DecisionLog.open(tmp_path / "log.sqlite", clock=lambda: 0) as log:
        subjects_in_log = {entry.subject for entry in log.read(0, 10_000)}
        names = {name for subject in subjects_in_log for name in log.state(subject).field_names()}
    stored = [load(name)["given"] for name in GOLDEN]
    events = [EVENTS[given["type"]].model_validate(given["data"], context=STORED) for given in stored]
    for event in (*events, StillValidConfirmed(why="It is.")):
        names |= {change.field for change in event.field_changes() if not event.is_imported}

    spelled = {name for name in names if "." not in name or name.partition(".")[0] in {"review", "authority"}}
    assert {"status", "evidence", "cost", "still_valid", "review.outcome"} <= spelled
    assert spelled <= FIELD_NAMES
