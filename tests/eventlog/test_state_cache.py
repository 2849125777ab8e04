"""What is at hand saves questions, and is never the last word where several processes write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support_postgresql import fresh_schema

from domain.errors import AlreadyExists, KeyReused, Malformed, Stale, Unknown
from domain.fields import SubjectState
from eventlog.log import DecisionLog
from eventlog.state_cache import StateCache
from eventlog.tokens import TRUSTED
from tests.eventlog.support import do, do_many, open_log, transaction

ANN = {"type": "RegisterPerson", "key": "ann", "name": "Ann Bee", "identifiers": ["@ann"]}
SHOP = {"type": "DefineProduct", "key": "shop", "title": "Shop"}
DECISION = {"type": "RecordDecision", "title": "T", "decision": "Yes.", "why": "So.", "accountable": "@ann"}


def retitle(title: str) -> dict[str, str]:
    return {"type": "ChangeTitle", "subject": "product:shop", "title": title}


@pytest.fixture
def two() -> Iterator[tuple[DecisionLog, DecisionLog]]:
    """One log opened as two processes would, of which the first hears nothing of the other."""
    with fresh_schema() as address, open_log(address) as deaf, open_log(address, entropy=os.urandom) as other:
        deaf._store._news = lambda _size, *, forgotten: None  # type: ignore[attr-defined]
        do(deaf, ANN)
        do(deaf, SHOP)
        do(deaf, DECISION)
        yield deaf, other


def test_a_write_asks_nothing_before_the_lock(place: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once people and subjects are known, a decision with a key is judged without a question to the database."""
    with open_log(place) as log:
        do(log, ANN)
        do(log, DECISION, key="first")
        asked: list[str] = []
        read = log._store.read
        monkeypatch.setattr(log._store, "read", lambda sql, values=(): asked.append(sql) or read(sql, values))

        for n in range(10):  # whoever listens to others forgets what is at hand when they begin to
            asked.clear()
            do(log, DECISION, key=f"again {n}")
            if not asked:
                break

        assert asked == []


def test_nobody_is_refused_by_what_is_at_hand(two: tuple[DecisionLog, DecisionLog]) -> None:
    """What another process has begun can be spoken of, though this one has not heard of it."""
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


def test_what_is_old_at_hand_is_judged_again(two: tuple[DecisionLog, DecisionLog]) -> None:
    """A write that rests on a version another process has moved is judged by the new one."""
    deaf, other = two
    for n in range(5):
        do(other, retitle(f"other {n}"))
        do(deaf, retitle(f"deaf {n}"))
    assert deaf.state("product:shop").version == 11


def test_a_name_is_taken_as_it_is_when_it_is_written(two: tuple[DecisionLog, DecisionLog]) -> None:
    """Where a spelling has passed to somebody else, or become ambiguous, nobody is taken for who went by it before."""
    deaf, other = two
    do(other, {"type": "RegisterPerson", "key": "bob", "name": "Bob"})
    other.directory.forget("person:ann", "@ann")
    other.directory.add("person:bob", "@ann")

    decision = do(deaf, DECISION).recorded[0].subject

    assert deaf.state(decision).value_at("role.accountable", deaf.head().recorded_at) == ["person:bob"]
    other.directory.forget("person:bob", "@ann")
    other.directory.add("person:ann", "@ann", shared=True)
    other.directory.add("person:bob", "@ann", shared=True)
    with pytest.raises(Malformed, match="may be"):
        do(deaf, DECISION)
    other.directory.forget("person:ann")
    other.directory.forget("person:bob")
    with pytest.raises(Unknown):
        do(deaf, DECISION)


def test_a_key_is_known_whoever_has_answered(two: tuple[DecisionLog, DecisionLog]) -> None:
    """A second call to another process, which judges it first, is answered as the first, also where it would be refused."""
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


def test_a_token_revoked_elsewhere_is_worth_nothing_a_moment_later(two: tuple[DecisionLog, DecisionLog]) -> None:
    """A token is trusted for a second after it was looked up; where it was revoked, not for an instant."""
    deaf, other = two
    now = [0.0]
    tokens = deaf.tokens
    tokens._timer = lambda: now[0]
    token, secret = tokens.create("person:ann")
    assert tokens.find(secret)

    other.tokens.revoke(token)

    now[0] = TRUSTED - 0.01
    assert tokens.find(secret)
    now[0] = TRUSTED
    assert tokens.find(secret) is None
    mine, secret = tokens.create("person:ann")
    assert tokens.find(secret)
    tokens.revoke(mine)
    assert tokens.find(secret) is None


def test_a_state_that_was_read_before_others_went_on_is_not_kept() -> None:
    """What was read and is old when it is put, or older than what is there, is dropped; and there is room for so many."""
    states = StateCache(2)
    age = states.age
    states.put(SubjectState("product:a", 2), age)
    states.put(SubjectState("product:a", 1), age)
    assert states.get("product:a") == SubjectState("product:a", 2)

    states.moved({"product:a": 3})
    states.put(SubjectState("product:a", 2), age)
    assert states.get("product:a") is None

    for name in "abc":
        states.put(SubjectState(f"product:{name}", 1), states.age)
    assert [states.get(f"product:{name}") is None for name in "abc"] == [True, False, False]
    states.clear()
    assert states.get("product:c") is None


def test_many_units_with_keys_cost_few_questions(place: Path | str) -> None:
    """A hundred units under keys that were used are answered by looking up all their keys at once."""
    with open_log(place) as log:
        do(log, SHOP)
        transactions = [transaction(retitle(f"T{n}"), key=f"k{n}") for n in range(100)]
        first = do_many(log, *transactions)
        asked: list[str] = []
        read = log._store.read
        log._store.read = lambda sql, values=(): asked.append(sql) or read(sql, values)  # type: ignore[method-assign]

        again = do_many(log, *transactions)

        assert [receipt.recorded for receipt in again] == [receipt.recorded for receipt in first]
        assert sum("FROM answers" in sql for sql in asked) < 10
