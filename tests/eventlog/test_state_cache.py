"""The caches save queries, and are never authoritative where several processes write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import AlreadyExists, KeyReused, Malformed, Stale, Unknown
from domain.fields import SubjectState
from eventlog.state_cache import StateCache
from identity.decision_log import DecisionLog
from identity.tokens import CACHE_TTL_S
from tests.eventlog.support import do, do_many, open_log, transaction
from tests.support_postgresql import fresh_schema

ANN = {"type": "RegisterPerson", "key": "ann", "name": "Ann Bee", "identifiers": ["@ann"]}
SHOP = {"type": "DefineProduct", "key": "shop", "title": "Shop"}
DECISION = {"type": "RecordDecision", "title": "T", "decision": "Yes.", "why": "So.", "accountable": "@ann"}


def retitle(title: str) -> dict[str, str]:
    return {"type": "ChangeTitle", "subject": "product:shop", "title": title}


@pytest.fixture
def two() -> Iterator[tuple[DecisionLog, DecisionLog]]:
    """A log opened as by two processes, of which the first gets no notifications of the other."""
    with fresh_schema() as address, open_log(address) as deaf, open_log(address, entropy=os.urandom) as other:
        deaf._store._on_remote_commit = lambda _size, *, has_erased: None  # type: ignore[attr-defined]
        do(deaf, ANN)
        do(deaf, SHOP)
        do(deaf, DECISION)
        yield deaf, other


def test_a_cached_decision_is_decided_without_a_query(place: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once people and subjects are cached, a decision with a key is decided without a query."""
    with open_log(place) as log:
        do(log, ANN)
        do(log, DECISION, key="first")
        asked: list[str] = []
        read = log._store.read
        monkeypatch.setattr(log._store, "read", lambda sql, values=(): asked.append(sql) or read(sql, values))

        for n in range(10):  # a process that listens to others clears its cache when it begins to
            asked.clear()
            do(log, DECISION, key=f"again {n}")
            if not asked:
                break

        assert asked == []


def test_a_stale_cache_refuses_nothing(two: tuple[DecisionLog, DecisionLog]) -> None:
    """A subject that another process created can be used, though this process was not notified of it."""
    deaf, other = two
    do(other, {"type": "ProposeFeature", "key": "gifts", "title": "Gifts", "products": ["shop"]})
    do(deaf, {"type": "ChangeTitle", "subject": "product:shop", "title": "A"})
    do(other, retitle("B"))

    do(deaf, {"type": "StartFeature", "subject": "feature:gifts"})

    assert do(deaf, retitle("C"), product__shop=3).recorded[0].version == 4
    with pytest.raises(Stale):
        do(deaf, retitle("D"), product__shop=3)
    with pytest.raises(AlreadyExists):
        do(deaf, {"type": "ProposeFeature", "key": "gifts", "title": "Gifts", "products": ["shop"]})


def test_a_decision_on_a_stale_state_is_decided_again(two: tuple[DecisionLog, DecisionLog]) -> None:
    """A command based on a version that another process has changed is decided on the new one."""
    deaf, other = two
    for n in range(5):
        do(other, retitle(f"other {n}"))
        do(deaf, retitle(f"deaf {n}"))
    assert deaf.state("product:shop").version == 11


def test_a_name_is_resolved_as_of_the_commit(two: tuple[DecisionLog, DecisionLog]) -> None:
    """If a name was moved to another person or became ambiguous, the command does not use the previous person."""
    deaf, other = two
    do(other, {"type": "RegisterPerson", "key": "bob", "name": "Bob"})
    other.directory.erase_names("person:ann", "@ann")
    other.directory.add("person:bob", "@ann")

    decision = do(deaf, DECISION).recorded[0].subject

    assert deaf.state(decision).value_at("role.accountable", deaf.head().recorded_at) == ["person:bob"]
    other.directory.erase_names("person:bob", "@ann")
    other.directory.add("person:ann", "@ann", shared=True)
    other.directory.add("person:bob", "@ann", shared=True)
    with pytest.raises(Malformed, match="may be"):
        do(deaf, DECISION)
    other.directory.erase_names("person:ann")
    other.directory.erase_names("person:bob")
    with pytest.raises(Unknown):
        do(deaf, DECISION)


def test_an_idempotency_key_works_across_processes(two: tuple[DecisionLog, DecisionLog]) -> None:
    """A repeated request to another process gets the first receipt, also where it would be refused."""
    deaf, other = two
    gifts = {"type": "ProposeFeature", "key": "gifts", "title": "Gifts", "products": ["shop"]}
    first = [do(other, retitle("A"), key="1"), do(other, gifts, key="2")]

    again = [do(deaf, retitle("A"), key="1"), do(deaf, gifts, key="2")]

    assert [receipt.recorded for receipt in again] == [receipt.recorded for receipt in first]
    assert all(receipt.replayed for receipt in again)
    with pytest.raises(KeyReused):
        do(deaf, retitle("B"), key="1")
    with pytest.raises(KeyReused):
        do(deaf, gifts | {"title": "Other"}, key="1")


def test_a_token_revoked_by_another_process_expires_from_the_cache(two: tuple[DecisionLog, DecisionLog]) -> None:
    """A token is cached for a second; where it is revoked, it is refused at once."""
    deaf, other = two
    now = [0.0]
    tokens = deaf.tokens
    tokens._timer = lambda: now[0]
    token, secret = tokens.create("person:ann")
    assert tokens.find(secret)

    other.tokens.revoke(token)

    now[0] = CACHE_TTL_S - 0.01
    assert tokens.find(secret)
    now[0] = CACHE_TTL_S
    assert tokens.find(secret) is None
    mine, secret = tokens.create("person:ann")
    assert tokens.find(secret)
    tokens.revoke(mine)
    assert tokens.find(secret) is None


def test_a_state_read_before_a_remote_commit_is_stale() -> None:
    """A state that was outdated when it was put, or is older than the cached one, is not returned; the size is limited."""
    states = StateCache(2, event_limit=100)
    age = states.generation
    states.put(SubjectState("product:a", 2), age)
    states.put(SubjectState("product:a", 1), age)
    assert states.get("product:a") == SubjectState("product:a", 2)

    states.on_remote_change({"product:a": 3})
    states.put(SubjectState("product:a", 2), age)
    assert states.get("product:a") is None

    for name in "abc":
        states.put(SubjectState(f"product:{name}", 1), states.generation)
    assert [states.get(f"product:{name}") is None for name in "abc"] == [True, False, False]
    states.clear()
    assert states.get("product:c") is None


def test_the_events_of_all_cached_states_are_limited() -> None:
    """States of long histories make room for each other; the latest is always kept, however long it is."""
    states = StateCache(10, event_limit=100)
    for name, version in (("a", 60), ("b", 30), ("b", 40), ("c", 1)):
        states.put(SubjectState(f"product:{name}", version), states.generation)
    assert [states.get(f"product:{name}") is None for name in "abc"] == [True, False, False]

    states.drop(["product:b"])
    states.put(SubjectState("product:d", 99), states.generation)
    assert [states.get(f"product:{name}") is None for name in "bcd"] == [True, False, False]
    states.put(SubjectState("product:e", 1_000), states.generation)
    assert [states.get(f"product:{name}") is None for name in "cde"] == [True, True, False]


def test_many_repeated_transactions_need_few_queries(place: Path | str) -> None:
    """The results of a hundred repeated transactions are looked up together."""
    with open_log(place) as log:
        do(log, SHOP)
        transactions = [transaction(retitle(f"T{n}"), key=f"k{n}") for n in range(100)]
        first = do_many(log, *transactions)
        asked: list[str] = []
        read = log._store.read
        log._store.read = lambda sql, values=(): asked.append(sql) or read(sql, values)  # type: ignore[method-assign]

        again = do_many(log, *transactions)

        assert [receipt.recorded for receipt in again] == [receipt.recorded for receipt in first]
        assert sum("FROM idempotency_records" in sql for sql in asked) < 10
