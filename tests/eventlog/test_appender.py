"""The core of an append, without a store."""

from __future__ import annotations

from eventlog.appender import (
    Append,
    Appender,
    Conflict,
    EntryRow,
    Head,
    IdempotencyRecord,
    NameRow,
    NewEvent,
    UniqueClaim,
)


def event(subject: str, version: int) -> NewEvent:
    return NewEvent(subject, version, "T.v1", b"{}", None)


def committer(*, clock: int = 1000, taken: frozenset[UniqueClaim] = frozenset(), **versions: int) -> Appender:
    core = Appender(Head(size=8, frontier=(bytes(32),), recorded_at=500), lambda: clock)
    core.provide({name: versions.get(name) for name in "abc"}, dict.fromkeys(taken, True), {})
    return core


def place(core: Appender, append: Append) -> list[EntryRow] | Conflict:
    core.provide({}, dict.fromkeys(core.missing([append]).claims, False), {})
    return core.append(append)


def test_positions_follow_each_other_and_instants_always_rise() -> None:
    """Rows get the next positions, and an instant each: the clock's, or a microsecond after the one before."""
    rows = place(committer(clock=100, a=1), Append((event("a", 2), event("b", 1), event("a", 3))))
    assert isinstance(rows, list)
    assert [(row.position, row.recorded_at) for row in rows] == [(9, 501), (10, 502), (11, 503)]


def test_a_stream_that_moved_is_a_conflict_and_nothing_moves() -> None:
    """A version that is not the next names the stream and where it stands, and the head stays."""
    core = committer(a=3)
    head = core.head
    assert place(core, Append((event("b", 1), event("a", 3)))) == Conflict("a", 3)
    assert place(core, Append((event("b", 1), event("a", 5)))) == Conflict("a", 3)
    assert core.head == head
    assert isinstance(place(core, Append((event("b", 1),))), list)


def test_what_a_unit_rests_on_must_not_have_moved() -> None:
    """A stream only looked at counts as well, also one that was not there."""
    assert place(committer(a=3), Append((event("b", 1),), {"a": 2})) == Conflict("a", 3)
    assert place(committer(c=1), Append((event("b", 1),), {"c": 0})) == Conflict("c", 1)
    assert isinstance(place(committer(a=3), Append((event("b", 1),), {"a": 3, "c": 0})), list)


def test_the_second_of_a_group_sees_the_first() -> None:
    """Within one group versions, keys and names are judged as if each append had its own transaction."""
    core = committer()
    claim = UniqueClaim("key", "person:ann", "k")
    answer = IdempotencyRecord(claim, b"", b"")
    name = NameRow("person:x", "@x", "@x", shown=False)
    assert isinstance(place(core, Append((event("a", 1),), idempotency=answer, names=(name,))), list)
    assert core.append(Append((event("a", 1),))) == Conflict("a", 1)
    assert core.append(Append((event("b", 1),), idempotency=answer)) == Conflict("", 0, claim)
    assert core.append(Append((event("b", 1),), names=(name,))) == Conflict("", 0, UniqueClaim("name", "", "@x"))


def test_a_name_to_show_may_be_shared() -> None:
    """Also in another spelling; two people of one name may be registered at the same instant."""
    names = [NameRow(f"person:{n}", spelling, "x", shown=spelling == "X") for n in "ab" for spelling in ("X", "x")]
    core = committer()
    assert isinstance(place(core, Append((event("a", 1),), names=tuple(names[:2]))), list)
    assert isinstance(place(core, Append((event("b", 1),), names=tuple(names[2:]))), list)


def test_a_claim_that_is_taken_is_a_conflict() -> None:
    """An idempotency key that is in the store already cannot be used again."""
    claim = UniqueClaim("key", "person:ann", "k")
    core = committer(taken=frozenset({claim}))
    assert place(core, Append((event("a", 1),), idempotency=IdempotencyRecord(claim, b"", b""))) == Conflict(
        "", 0, claim
    )
