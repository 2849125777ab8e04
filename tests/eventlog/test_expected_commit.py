"""A commit on PostgreSQL in one round trip: written only if the log is as the appends expect, and else as with a lookup."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from eventlog.postgresql_store import PostgresStore
from eventlog.records import Append, Conflict, EntryRow, IdempotencyRecord, NameRow, NewEvent, Outcome, UniqueClaim
from tests.eventlog.support import Clock, tables
from tests.support_postgresql import fresh_schema

KEY = UniqueClaim("key", "person:ann", "k")


class CountingStore(PostgresStore):
    """Counts the groups that began with a lookup, and those that were committed as expected."""

    lookups = 0
    as_expected = 0

    def _begin(self, wanted: Any) -> Any:
        self.lookups += 1
        return super()._begin(wanted)

    def _append_as_expected(self, appends: Any) -> list[Outcome] | None:
        outcomes = super()._append_as_expected(appends)
        self.as_expected += outcomes is not None
        return outcomes


@pytest.fixture
def address() -> Iterator[str]:
    with fresh_schema() as found:
        yield found


@pytest.fixture
def store(address: str) -> Iterator[CountingStore]:
    """The store of a process that wrote last: a subject `a` with one event."""
    opened = CountingStore(address, clock=Clock())
    write(opened, Append((event("a", 1),)))
    assert (opened.lookups, opened.as_expected) == (1, 0)
    yield opened
    opened.close()


def event(subject: str, version: int) -> NewEvent:
    return NewEvent(subject, version, "T.v1", b"{}", None)


def write(store: PostgresStore, *appends: Append) -> list[Outcome]:
    """Write appends as one group."""
    return store.submit(appends).result(60)


def write_past(address: str, statement: str, *values: Any) -> None:
    """Change a table without a trace in the head, as another process that is not noticed."""
    with tables(address) as connection:
        connection.execute(statement, values)


def positions(outcome: Outcome) -> list[int]:
    assert isinstance(outcome, list), outcome
    return [row.position for row in outcome]


def test_who_wrote_last_commits_without_a_lookup(store: CountingStore) -> None:
    """A group of a process that wrote last needs no lookup, whatever it writes, and reads back as it was answered."""
    record = IdempotencyRecord(KEY, b"salt", b"digest")
    name = NameRow("person:bob", "Bob", "bob", 0)
    appends = [
        Append((event("a", 2), event("b", 1)), {"c": 0}),
        Append((event("person:bob", 1),), names=(name,), idempotency=record),
        Append((event("c", 1),), {"a": 2}, {"bob": ("person:bob",)}),
    ]

    outcomes = write(store, *appends)

    assert [positions(each) for each in outcomes] == [[2, 3], [4], [5]]
    assert (store.lookups, store.as_expected) == (1, 1)
    assert store.rows(1, 10) == [row for rows in outcomes if isinstance(rows, list) for row in rows]
    assert store.head() == store.cached_head
    assert store.find_people("bob") == ("person:bob",)


def test_a_version_that_is_not_as_expected_is_a_conflict(store: CountingStore) -> None:
    """An append that was decided before the last commit conflicts with it, by what it writes and by what it read."""
    write(store, Append((event("a", 2),)))
    assert write(store, Append((event("a", 2),))) == [Conflict("a", 2)]
    write(store, Append((event("d", 1),)))
    assert write(store, Append((event("b", 1),), {"a": 1})) == [Conflict("a", 2)]
    write(store, Append((event("d", 2),)))
    assert write(store, Append((event("b", 1),), {"d": 0})) == [Conflict("d", 2)]
    assert store.head().size == 4


def test_one_conflict_of_a_group_leaves_the_others_their_place(store: CountingStore) -> None:
    """Of a group with a conflict, the others are written, in their order."""
    conflict, *others = write(store, Append((event("a", 1),)), Append((event("b", 1),)), Append((event("a", 2),)))
    assert conflict == Conflict("a", 1)
    assert [positions(each) for each in others] == [[2], [3]]


def test_a_head_that_another_process_moved_is_noticed(store: CountingStore, address: str) -> None:
    """What another process wrote is found, also where nothing announced it, and the next group follows it."""
    other = PostgresStore(address, clock=Clock())
    store.on_remote_change = lambda _versions: None
    write(other, Append((event("b", 1),)))

    assert write(store, Append((event("b", 1),))) == [Conflict("b", 1)]
    assert positions(write(store, Append((event("b", 2),)))[0]) == [3]
    assert positions(write(other, Append((event("b", 3),)))[0]) == [4]
    other.close()


def test_an_unnoticed_change_of_the_head_alone_ends_the_commit(store: CountingStore, address: str) -> None:
    """A head of the same size with another tree is not built upon."""
    write_past(address, "UPDATE head SET frontier = %s", bytes(32))
    write(store, Append((event("b", 1),)))
    assert (store.lookups, store.as_expected) == (2, 0)


def test_people_behind_a_name_are_compared(store: CountingStore, address: str) -> None:
    """A name that another process gave to a second person is a conflict, though the head did not move."""
    write(store, Append((event("person:bob", 1),), names=(NameRow("person:bob", "Bob", "bob", 1),)))
    assert positions(write(store, Append((event("b", 1),), {}, {"bob": ("person:bob",)}))[0]) == [3]
    assert store.as_expected == 2
    write_past(address, "INSERT INTO names VALUES ('bob', 'person:bob-2', 'Bob', 1)")

    (outcome,) = write(store, Append((event("b", 2),), {}, {"bob": ("person:bob",)}))

    assert outcome == Conflict("", 0, UniqueClaim("name", "", "bob"))


def test_a_taken_identifier_is_a_conflict(store: CountingStore, address: str) -> None:
    """An email address that another process gave to another person is not given again."""
    write_past(address, "INSERT INTO names VALUES ('b@x.org', 'person:other', 'b@x.org', 0)")
    (outcome,) = write(
        store, Append((event("person:bob", 1),), names=(NameRow("person:bob", "b@x.org", "b@x.org", 0),))
    )
    assert outcome == Conflict("", 0, UniqueClaim("name", "", "b@x.org"))


def test_a_used_key_is_a_conflict(store: CountingStore) -> None:
    """A key that was used before is refused by the table, and the group is then looked at with a lookup."""
    record = IdempotencyRecord(KEY, b"salt", b"digest")
    write(store, Append((event("a", 2),), idempotency=record))
    used, other = write(store, Append((event("a", 3),), idempotency=record), Append((event("b", 1),)))
    assert used == Conflict("", 0, KEY)
    assert positions(other) == [3]


def test_what_is_written_alongside_sees_the_locked_log(store: CountingStore) -> None:
    """A group that also writes names or tokens by itself begins with a lookup: it may read before it writes."""
    seen: list[Any] = []
    row: EntryRow
    (rows,) = write(store, Append((event("a", 2),), alongside=lambda tables: seen.append(tables.has_name("person:x"))))
    assert isinstance(rows, list)
    (row,) = rows
    assert (row.position, seen, store.as_expected) == (2, [False], 0)
