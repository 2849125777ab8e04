from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.errors import AlreadyExists, Malformed, Unknown
from domain.scopes import IMPORT_SCOPE
from eventlog.entry import Caller, Receipt
from identity import tokens
from identity.decision_log import DecisionLog
from tests.eventlog.support import Clock, do, do_many, everything, open_log, transaction
from tests.support_postgresql import fresh_schema

ADMIN = Caller("service:admin", "token-2", "http", frozenset({"admin"}))


@pytest.fixture
def log(place: Path | str) -> Iterator[DecisionLog]:
    with open_log(place) as opened:
        do(opened, {"type": "RegisterPerson", "key": "ann", "name": "Ann Bee", "identifiers": ["@AnnB", "ann bee"]})
        do(opened, {"type": "RegisterPerson", "key": "bob", "name": "Bob"})
        yield opened


def test_a_name_is_found_in_any_case_and_kept_as_written(log: DecisionLog) -> None:
    """Case, extra spaces and composed accents make no difference in finding; the stored name is unchanged."""
    log.directory.add("person:ann", "Zoë  Straße")
    for spelling in ("ANN BEE", " ann  bee ", "@annb", "zoe\u0308 STRASSE"):
        assert log.directory.find(spelling) == ("person:ann",)
    assert log.directory.spellings("person:ann") == ("Ann Bee", "@AnnB", "Zoë  Straße", "ann bee")
    assert log.directory.find("Ann") == ()


def test_a_former_name_is_still_found(log: DecisionLog) -> None:
    """A new name is displayed from then on, and both names find the same id."""
    log.directory.rename("person:ann", "Ann Cee")
    assert log.directory.name("person:ann") == "Ann Cee"
    assert log.directory.find("Ann Bee") == log.directory.find("ann cee") == ("person:ann",)


def test_a_service_has_a_name(log: DecisionLog) -> None:
    """Services have display names, and the whole directory can be listed."""
    log.directory.rename("service:ci", "The builder")
    assert [(one.id, one.name) for one in log.directory.list_people()] == [
        ("person:ann", "Ann Bee"),
        ("person:bob", "Bob"),
        ("service:ci", "The builder"),
    ]
    assert log.directory.name("service:other") is None


def test_a_name_of_another_person_is_refused_unless_shared(log: DecisionLog) -> None:
    """Another person's name is refused; added as a shared name, it finds both people."""
    for change in (log.directory.add, log.directory.rename):
        with pytest.raises(AlreadyExists, match="person:ann"):
            change("person:bob", "ANN BEE")
    log.directory.add("person:bob", "Ann Bee", shared=True)
    assert log.directory.find("Ann Bee") == ("person:ann", "person:bob")


def test_a_process_that_has_read_no_names_yet_knows_those_of_others(place: Path | str) -> None:
    """A process that just started refuses the handle of another person, and a name that several people have."""
    with open_log(place) as earlier:
        do(earlier, {"type": "RegisterPerson", "key": "ann", "name": "Ann Bee", "identifiers": ["@annb"]})
    names = {"handle": {"name": "Bea", "identifiers": ["@AnnB"]}, "same": {"name": "Ann Bee"}}
    register = {key: {"type": "RegisterPerson", "key": key, **each} for key, each in names.items()}

    with open_log(place) as log, pytest.raises(AlreadyExists, match="person:ann"):
        do(log, register["handle"])
    with open_log(place) as log:
        assign = {"type": "DefineProduct", "key": "shop", "title": "The shop", "accountable": "Ann Bee"}
        added, assigned = do_many(log, transaction(register["same"]), transaction(assign))

        assert isinstance(added, Receipt)
        assert isinstance(assigned, Malformed)
        assert "person:ann or person:same" in str(assigned)
        assert log.directory.find("@annb") == ("person:ann",)


def test_erased_names_are_in_no_file(log: DecisionLog, place: Path | str) -> None:
    """One name of a person or all of them are erased, and are in no file afterwards."""
    log.directory.erase_names("person:ann", "@AnnB")
    assert log.directory.find("@annb") == ()
    log.directory.erase_names("person:ann")
    assert log.directory.name("person:ann") is None
    with pytest.raises(Unknown):
        log.directory.erase_names("person:ann")
    log.checkpoint_and_vacuum()
    held = everything(place).lower()
    assert b"annb" not in held
    assert b"ann bee" not in held


def test_a_token_is_found_by_its_secret_until_it_is_revoked(log: DecisionLog) -> None:
    """The secret is returned once; it identifies the holder and the scopes until it is revoked."""
    token, secret = log.tokens.create("person:ann", scopes=[IMPORT_SCOPE], label="laptop")
    found = log.tokens.find(secret)
    assert found is not None
    assert found.caller("http") == Caller("person:ann", token, "http", frozenset({IMPORT_SCOPE}))
    log.tokens.revoke(token)
    log.tokens.revoke(token)
    assert log.tokens.find(secret) is None
    (listed,) = log.tokens.all()
    assert (listed.id, listed.label, listed.revoked_at is not None) == (token, "laptop", True)
    with pytest.raises(Unknown):
        log.tokens.revoke("nothing")


def test_no_secret_is_stored(log: DecisionLog, place: Path | str) -> None:
    """The files contain only a hash of a token."""
    _, secret = log.tokens.create("service:ci")
    held = everything(place)
    assert secret.startswith("dlog_")
    assert secret.encode() not in held
    assert secret.removeprefix("dlog_").encode() not in held
    assert log.tokens.find(secret + "x") is None


def test_an_expired_token_is_worth_nothing(place: Path | str) -> None:
    """A token works until the time it expires and not at that time, also where it was looked up just before."""
    clock = Clock()
    with open_log(place, clock=clock) as log:
        log.side_table_listeners.remove(log.tokens.clear_cache)  # PostgreSQL may notify late that the token was created
        clock.step = 0
        _, secret = log.tokens.create("service:ci", expires_at=clock.now + 60_000_000)
        clock.now += 59_999_999
        assert log.tokens.find(secret) is not None
        assert log.tokens.cached(secret)[0] is not None
        clock.now += 1
        assert log.tokens.cached(secret) == (None, True)
        assert log.tokens.find(secret) is None
        assert not log.access().tokens
        with pytest.raises(Malformed, match="expired"):
            log.tokens.create("service:ci", expires_at=clock.now)


def test_the_last_use_is_kept_to_the_hour_and_written_in_batches(place: Path | str) -> None:
    """A use costs no write: many are written in one transaction, and a token at most once an hour."""
    clock = Clock()
    with open_log(place, clock=clock) as log:
        clock.step = 0
        secrets = [log.tokens.create("service:ci", label=label)[1] for label in "ab"]
        writes = []
        run = log._store.run
        log._store.run = lambda work: [writes.append(work), run(work)][1]
        for _ in range(3):
            for secret in secrets:
                log.tokens.find(secret)
                log.tokens.clear_cache()
        assert [token.used_at for token in log.tokens.all()] == [None, None]
        log.tokens.uses.write()
        used_at = clock.now
        assert [token.used_at for token in log.tokens.all()] == [used_at, used_at]
        clock.now += 3_599_999_999
        log.tokens.find(secrets[0])
        log.tokens.uses.write()
        assert len(writes) == 1
        clock.now += 1
        log.tokens.clear_cache()
        log.tokens.find(secrets[0])
    with open_log(place) as log:  # closing it wrote what was noted
        assert {token.label: token.used_at for token in log.tokens.all()} == {"a": clock.now, "b": used_at}


def test_a_one_time_code_is_redeemed_once_by_concurrent_callers(place: Path | str) -> None:
    """Of many callers who redeem a code at the same time, one gets what it stands for."""
    with open_log(place) as log:
        do(log, {"type": "RegisterPerson", "key": "ann", "name": "Ann"})
        code, _ = log.sign_in_links.create("person:ann")
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(log.sign_in_links.redeem, [code] * 16))
        assert sorted(found, key=str) == [None] * 15 + ["person:ann"]
        assert [log.codes.claim("logout", "jti", 2**60) for _ in range(3)] == [True, False, False]


def test_what_ends_in_one_process_has_ended_in_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A revoked token and an ended session are refused by another process, which is notified, for good."""
    monkeypatch.setattr(tokens, "CACHE_TTL_S", 3600.0)  # so that it is not the cache that forgets them
    with (
        fresh_schema() as address,
        open_log(address, clock=system_clock) as first,
        open_log(address, clock=system_clock) as second,
    ):
        do(first, {"type": "RegisterPerson", "key": "ann", "name": "Ann"})
        session, cookie = first.sessions.start("person:ann")
        token, secret = first.tokens.create("person:ann")
        assert second.tokens.find(secret) is not None
        assert second.sessions.find(cookie) is not None

        first.sessions.end(session.id)
        assert second.sessions.find(cookie) is None  # nothing is cached
        first.tokens.revoke(token)
        wait_until_gone(second, secret)

        other, again = first.tokens.create("person:ann"), first.sessions.start("person:ann")[1]
        assert second.tokens.find(other[1]) is not None
        do(first, {"type": "RecordPersonLeft", "subject": "person:ann"}, caller=ADMIN)
        assert second.sessions.find(again) is None
        wait_until_gone(second, other[1])


def wait_until_gone(log: DecisionLog, secret: str) -> None:
    deadline = time.monotonic() + 60
    while log.tokens.find(secret) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def system_clock() -> int:
    return time.time_ns() // 1000
