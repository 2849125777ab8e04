from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.any_subject import IMPORT_RIGHT
from domain.errors import AlreadyExists, Unknown
from eventlog.entry import Caller
from eventlog.log import DecisionLog
from tests.eventlog.support import do, everything, open_log


@pytest.fixture
def log(place: Path | str) -> Iterator[DecisionLog]:
    with open_log(place) as opened:
        do(opened, {"type": "RegisterPerson", "key": "ann", "name": "Ann Bee", "identifiers": ["@AnnB", "ann bee"]})
        do(opened, {"type": "RegisterPerson", "key": "bob", "name": "Bob"})
        yield opened


def test_a_spelling_is_found_in_any_case_and_kept_as_written(log: DecisionLog) -> None:
    """Case, outer and double spaces and composed accents make no difference in finding; what was written stays."""
    log.directory.add("person:ann", "Zoë  Straße")
    for spelling in ("ANN BEE", " ann  bee ", "@annb", "zoe\u0308 STRASSE"):
        assert log.directory.find(spelling) == ("person:ann",)
    assert log.directory.spellings("person:ann") == ("Ann Bee", "@AnnB", "Zoë  Straße", "ann bee")
    assert log.directory.find("Ann") == ()


def test_the_name_shown_changes_and_the_old_one_is_still_understood(log: DecisionLog) -> None:
    """A change of name is shown from then on, and finds the same id under either name."""
    log.directory.rename("person:ann", "Ann Cee")
    assert log.directory.name("person:ann") == "Ann Cee"
    assert log.directory.find("Ann Bee") == log.directory.find("ann cee") == ("person:ann",)


def test_a_service_has_a_name_as_well(log: DecisionLog) -> None:
    """Services are shown by name, and the whole directory can be exported."""
    log.directory.rename("service:ci", "The builder")
    assert [(one.id, one.name) for one in log.directory.list_people()] == [
        ("person:ann", "Ann Bee"), ("person:bob", "Bob"), ("service:ci", "The builder"),
    ]  # fmt: skip
    assert log.directory.name("service:other") is None


def test_a_spelling_passes_to_nobody_else_unless_it_is_meant_to(log: DecisionLog) -> None:
    """A spelling that is somebody's is refused to another; said to be shared, it finds both."""
    for change in (log.directory.add, log.directory.rename):
        with pytest.raises(AlreadyExists, match="person:ann"):
            change("person:bob", "ANN BEE")
    log.directory.add("person:bob", "Ann Bee", shared=True)
    assert log.directory.find("Ann Bee") == ("person:ann", "person:bob")


def test_names_can_be_forgotten_to_the_last_byte(log: DecisionLog, place: Path | str) -> None:
    """One spelling or all of somebody's are forgotten, and are in no file afterwards."""
    log.directory.forget("person:ann", "@AnnB")
    assert log.directory.find("@annb") == ()
    log.directory.forget("person:ann")
    assert log.directory.name("person:ann") is None
    with pytest.raises(Unknown):
        log.directory.forget("person:ann")
    log.checkpoint_and_vacuum()
    held = everything(place).lower()
    assert b"annb" not in held
    assert b"ann bee" not in held


def test_a_token_is_known_by_its_secret_until_it_is_revoked(log: DecisionLog) -> None:
    """A secret is told once, says who speaks with what rights, and is worthless once revoked."""
    token, secret = log.tokens.create("person:ann", rights=[IMPORT_RIGHT], label="laptop")
    found = log.tokens.find(secret)
    assert found is not None
    assert found.caller("http") == Caller("person:ann", token, "http", frozenset({IMPORT_RIGHT}))
    log.tokens.revoke(token)
    log.tokens.revoke(token)
    assert log.tokens.find(secret) is None
    (listed,) = log.tokens.all()
    assert (listed.id, listed.label, listed.revoked_at is not None) == (token, "laptop", True)
    with pytest.raises(Unknown):
        log.tokens.revoke("nothing")


def test_no_secret_is_kept(log: DecisionLog, place: Path | str) -> None:
    """Of a token the files hold only a hash."""
    _, secret = log.tokens.create("service:ci")
    held = everything(place)
    assert secret.startswith("dlog_")
    assert secret.encode() not in held
    assert secret.removeprefix("dlog_").encode() not in held
    assert log.tokens.find(secret + "x") is None
