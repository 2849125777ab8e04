from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import AlreadyExists, Unknown
from domain.scopes import IMPORT_SCOPE
from eventlog.entry import Caller
from identity.decision_log import DecisionLog
from tests.eventlog.support import do, everything, open_log


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
