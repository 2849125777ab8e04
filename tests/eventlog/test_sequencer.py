"""The sequencer, without a store."""

from __future__ import annotations

from eventlog.records import (
    Append,
    Conflict,
    EntryRow,
    Head,
    IdempotencyRecord,
    NameRow,
    NewEvent,
    UniqueClaim,
)
from eventlog.sequencer import Sequencer


def event(subject: str, version: int) -> NewEvent:
    return NewEvent(subject, version, "T.v1", b"{}", None)


def build_sequencer(*, clock: int = 1000, taken: frozenset[UniqueClaim] = frozenset(), **versions: int) -> Sequencer:
    sequencer = Sequencer(Head(size=8, frontier=(bytes(32),), recorded_at=500), lambda: clock)
    sequencer.provide({name: versions.get(name) for name in "abc"}, dict.fromkeys(taken, True), {})
    return sequencer


def append_to(sequencer: Sequencer, append: Append) -> list[EntryRow] | Conflict:
    sequencer.provide({}, dict.fromkeys(sequencer.missing([append]).claims, False), {})
    return sequencer.append(append)


def test_positions_are_consecutive_and_times_increase() -> None:
    """Rows get the next positions, and a time each: that of the clock, or a microsecond after the previous one."""
    rows = append_to(build_sequencer(clock=100, a=1), Append((event("a", 2), event("b", 1), event("a", 3))))
    assert isinstance(rows, list)
    assert [(row.position, row.recorded_at) for row in rows] == [(9, 501), (10, 502), (11, 503)]


def test_a_changed_stream_is_a_conflict() -> None:
    """An append with an outdated version conflicts with the current version, and the head does not move."""
    sequencer = build_sequencer(a=3)
    head = sequencer.head
    assert append_to(sequencer, Append((event("b", 1), event("a", 3)))) == Conflict("a", 3)
    assert append_to(sequencer, Append((event("b", 1), event("a", 5)))) == Conflict("a", 3)
    assert sequencer.head == head
    assert isinstance(append_to(sequencer, Append((event("b", 1),))), list)


def test_a_changed_stream_that_was_read_is_a_conflict() -> None:
    """A stream that was only read counts too, also one that did not exist."""
    assert append_to(build_sequencer(a=3), Append((event("b", 1),), {"a": 2})) == Conflict("a", 3)
    assert append_to(build_sequencer(c=1), Append((event("b", 1),), {"c": 0})) == Conflict("c", 1)
    assert isinstance(append_to(build_sequencer(a=3), Append((event("b", 1),), {"a": 3, "c": 0})), list)


def test_an_append_sees_those_before_it_in_its_group() -> None:
    """Within a group versions, keys and names are checked as if each append had its own transaction."""
    sequencer = build_sequencer()
    claim = UniqueClaim("key", "person:ann", "k")
    answer = IdempotencyRecord(claim, b"", b"")
    name = NameRow("person:x", "@x", "@x", shown=False)
    assert isinstance(append_to(sequencer, Append((event("a", 1),), idempotency=answer, names=(name,))), list)
    assert sequencer.append(Append((event("a", 1),))) == Conflict("a", 1)
    assert sequencer.append(Append((event("b", 1),), idempotency=answer)) == Conflict("", 0, claim)
    assert sequencer.append(Append((event("b", 1),), names=(name,))) == Conflict("", 0, UniqueClaim("name", "", "@x"))


def test_a_display_name_can_be_shared() -> None:
    """In any spelling; two people with one name can be registered at the same time."""
    names = [NameRow(f"person:{n}", spelling, "x", shown=spelling == "X") for n in "ab" for spelling in ("X", "x")]
    sequencer = build_sequencer()
    assert isinstance(append_to(sequencer, Append((event("a", 1),), names=tuple(names[:2]))), list)
    assert isinstance(append_to(sequencer, Append((event("b", 1),), names=tuple(names[2:]))), list)


def test_a_used_idempotency_key_is_a_conflict() -> None:
    """An idempotency key that is in the store cannot be used again."""
    claim = UniqueClaim("key", "person:ann", "k")
    sequencer = build_sequencer(taken=frozenset({claim}))
    assert append_to(sequencer, Append((event("a", 1),), idempotency=IdempotencyRecord(claim, b"", b""))) == Conflict(
        "", 0, claim
    )
