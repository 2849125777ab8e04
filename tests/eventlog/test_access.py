"""Nobody is shut out or brought back by accident, and what is done to tokens and names is on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from domain.access import ADMIN_RIGHT, LOCAL, NamesChanged, TokenCreated, TokenRevoked, may_speak
from domain.errors import AlreadyExists, Forbidden, NotAllowed, Refused, Unknown
from eventlog.directory import normalize_name
from eventlog.entry import Caller
from eventlog.log import DecisionLog
from eventlog.tokens import RIGHTS, TRUSTED
from tests.eventlog.support import do, do_many, everything, open_log, transaction

OWNER = Caller("person:owner", LOCAL, "cli", frozenset(RIGHTS))
WHY = {"why": "Because.", "reason": "Because."}


@dataclass
class Org:
    """A log with an owner who administers, three who have an ordinary token, and one who has none."""

    log: DecisionLog
    secrets: dict[str, str]

    def caller(self, key: str) -> Caller:
        token = self.log.tokens.find(self.secrets[key])
        assert token, key
        return token.caller("http")

    def speaks(self, key: str) -> bool:
        """Whether a token is good, and its holder may speak."""
        token = self.log.tokens.find(self.secrets[key])
        return token is not None and may_speak(token.actor, self.log.state)

    def events(self, kind: type[Any]) -> list[tuple[str, str, Any]]:
        """Of one kind of event: the actor, the subject and the event."""
        return [
            (entry.metadata.actor, entry.subject, entry.event)
            for entry in self.log.read(0, 10_000)
            if isinstance(entry.event, kind)
        ]


def organization(log: DecisionLog) -> Org:
    for key in ("owner", "admin", "ann", "mallory", "second", "guest"):
        do(log, {"type": "RegisterPerson", "key": key, "name": key.title(), "identifiers": [f"{key}@example.org"]})
    log.owners.remember("Owner", "person:owner")
    secrets = {
        key: log.tokens.create(f"person:{key}", rights=RIGHTS if key in ("owner", "admin") else (), by=OWNER)[1]
        for key in ("owner", "admin", "ann", "mallory", "second")
    }
    return Org(log, secrets)


@pytest.fixture
def org(place: Path | str) -> Iterator[Org]:
    with open_log(place) as log:
        yield organization(log)


def depart(key: str) -> dict[str, Any]:
    return {"type": "RecordPersonLeft", "subject": f"person:{key}"}


def merge(key: str, into: str) -> dict[str, Any]:
    return {"type": "MergePeople", "subject": f"person:{key}", "into": f"person:{into}"}


def remove(key: str) -> dict[str, Any]:
    return {"type": "RemoveSubject", "subject": f"person:{key}", "why": "Because."}


def restore(key: str) -> dict[str, Any]:
    return {"type": "RestoreSubject", "subject": f"person:{key}", "why": "Because."}


def void(log: DecisionLog, key: str, event: str) -> dict[str, Any]:
    (position,) = [entry.position for entry in log.stream(f"person:{key}") if entry.type == f"{event}.v1"]
    return {"type": "VoidEntry", "subject": f"person:{key}", "position": position, "reason": "Because."}


# Who has left does not speak -----------------------------------------------------------------------------------------


def test_who_left_does_not_speak_under_an_id_that_was_merged_before(org: Org) -> None:
    """A departure holds for every id that is read as the one who left."""
    do(org.log, merge("mallory", "second"), caller=org.caller("admin"))
    do(org.log, depart("second"), caller=org.caller("admin"))

    assert not org.speaks("mallory")
    assert not org.speaks("second")
    assert org.speaks("ann")


def test_who_left_does_not_speak_again_by_being_merged(org: Org) -> None:
    """An id that has left stays silent, whoever it is merged into; the other one speaks on."""
    do(org.log, depart("mallory"), caller=org.caller("admin"))
    do(org.log, merge("mallory", "ann"), caller=org.caller("admin"))

    assert not may_speak("person:mallory", org.log.state)
    assert org.speaks("ann")


def test_a_departure_revokes_every_token_of_the_person_for_good(org: Org) -> None:
    """The tokens of all merged ids are revoked with an entry each, and bringing the person back revives none."""
    do(org.log, merge("mallory", "second"), caller=org.caller("admin"))
    do(org.log, depart("second"), caller=org.caller("admin"))

    revoked = org.events(TokenRevoked)
    assert {(actor, subject, event.reason) for actor, subject, event in revoked} == {
        ("person:admin", "person:mallory", "left"), ("person:admin", "person:second", "left"),
    }  # fmt: skip
    do(org.log, void(org.log, "second", "PersonLeft"), caller=org.caller("admin"))
    assert may_speak("person:second", org.log.state)
    assert not org.speaks("second")
    assert not org.speaks("mallory")
    org.secrets["second"] = org.log.tokens.create("person:second", by=OWNER)[1]
    assert org.speaks("second")


def test_an_ordinary_token_brings_nobody_back(org: Org) -> None:
    """Voiding a departure, restoring and merging who has left take the right to administer, alone or in a transaction."""
    do(org.log, depart("mallory"), caller=org.caller("admin"))
    do(org.log, remove("guest"), caller=org.caller("ann"))
    back = void(org.log, "mallory", "PersonLeft")

    for commands in ([back], [restore("guest")], [merge("guest", "mallory")], [depart("guest")]):
        with pytest.raises(Refused):
            do(org.log, *commands, caller=org.caller("ann"))
    with pytest.raises(Forbidden):
        do(org.log, {"type": "DefineProduct", "key": "p", "title": "P"}, back, caller=org.caller("ann"))
    assert not may_speak("person:mallory", org.log.state)


def test_a_token_for_who_has_left_is_refused(org: Org) -> None:
    """Nobody gets a token who may not speak, or whom the log does not know."""
    do(org.log, depart("mallory"), caller=org.caller("admin"))
    with pytest.raises(NotAllowed, match="has left"):
        org.log.tokens.create("person:mallory", by=OWNER)
    with pytest.raises(Unknown):
        org.log.tokens.create("person:nobody", by=OWNER)


def test_another_process_hears_of_a_departure(org: Org, place: Path | str) -> None:
    """A token revoked here is worthless to every process as soon as it looks, within a second at the latest."""
    now = [0.0]
    with open_log(place, read_only=isinstance(place, Path)) as other:
        other.tokens._timer = lambda: now[0]
        assert other.tokens.find(org.secrets["mallory"])
        do(org.log, depart("mallory"), caller=org.caller("admin"))
        now[0] = TRUSTED
        assert other.tokens.find(org.secrets["mallory"]) is None
        assert not may_speak("person:mallory", other.state)


# Nobody is shut out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["owner", "admin", "second", "mallory"])
def test_an_ordinary_token_changes_nobody_who_has_access(org: Org, target: str) -> None:
    """Who has a token is departed, removed, merged or voided by no other ordinary token, nor by an import."""
    attacks = [depart(target), remove(target), merge(target, "ann"), merge("ann", target),
               void(org.log, target, "PersonRegistered")]  # fmt: skip
    importer = replace(org.caller("ann"), rights=frozenset({"import"}))
    observed = {"type": "ImportChanges", "subject": f"person:{target}", "source": {"system": "hr"},
                "changes": [{"field": "status", "value": "departed"}]}  # fmt: skip

    for attack in attacks:
        with pytest.raises(Forbidden, match="administrator"):
            do(org.log, attack, caller=org.caller("ann"))
    with pytest.raises(Refused):
        do(org.log, observed, caller=importer)
    assert org.speaks(target)


def test_an_importer_shuts_out_no_service(org: Org) -> None:
    """A service that has a token is not observed away, nor is the log itself."""
    secret = org.log.tokens.create("service:ci", by=OWNER)[1]
    org.secrets["ci"] = secret
    importer = replace(org.caller("ann"), rights=frozenset({"import"}))
    for field, value in (("status", "departed"), ("exists", False), ("merged_into", "person:guest")):
        observed = {"type": "ImportChanges", "subject": "service:ci", "source": {"system": "hr"},
                    "changes": [{"field": field, "value": value}]}  # fmt: skip
        with pytest.raises(Refused):
            do(org.log, observed, caller=importer)
    assert org.speaks("ci")


def test_a_local_owner_stays_whoever_says_otherwise(org: Org) -> None:
    """Not even administrators, or the owner by accident, shut a local owner out; another local owner may."""
    attacks = [depart("owner"), remove("owner"), merge("owner", "admin"), void(org.log, "owner", "PersonRegistered")]
    for caller in (org.caller("admin"), org.caller("owner"), OWNER):
        for attack in attacks:
            with pytest.raises(NotAllowed, match="--owner"):
                do(org.log, attack, caller=caller)

    org.log.owners.remember("Admin", "person:admin")
    do(org.log, depart("owner"), caller=replace(OWNER, actor="person:admin"))
    assert not org.speaks("owner")


def test_the_last_administrator_stays(org: Org) -> None:
    """One of two administrators may go; the last may not, by any command, nor may their token be revoked from afar."""
    do(org.log, {"type": "RegisterPerson", "key": "new", "name": "New"})
    org.log.owners.remember("New", "person:new")
    local = replace(OWNER, actor="person:new")
    do(org.log, depart("owner"), caller=local)

    for attack in (depart("admin"), remove("admin"), void(org.log, "admin", "PersonRegistered")):
        for caller in (org.caller("admin"), local):
            with pytest.raises(NotAllowed, match="token create"):
                do(org.log, attack, caller=caller)
    token = org.caller("admin").credential
    with pytest.raises(NotAllowed, match="token create"):
        org.log.tokens.revoke(token, by=org.caller("admin"))
    org.log.tokens.revoke(token, by=local)
    assert not org.speaks("admin")


def test_two_administrators_cannot_remove_each_other_at_once(org: Org) -> None:
    """In one transaction or in two that are sent together, at least one administrator is left."""
    do(org.log, {"type": "RegisterPerson", "key": "new", "name": "New"})
    org.log.owners.remember("New", "person:new")
    do(org.log, depart("owner"), caller=replace(OWNER, actor="person:new"))
    org.secrets["ann"] = org.log.tokens.create("person:ann", rights=[ADMIN_RIGHT], by=OWNER)[1]
    ann, admin = org.caller("ann"), org.caller("admin")

    with pytest.raises(NotAllowed):
        do(org.log, depart("ann"), depart("admin"), caller=ann)
    outcomes = do_many(org.log, transaction(depart("ann"), caller=admin), transaction(depart("admin"), caller=ann))
    assert [isinstance(outcome, NotAllowed) for outcome in outcomes] == [False, True]
    assert org.speaks("admin")


def test_what_is_sent_together_revokes_each_token_once(org: Org) -> None:
    """Who left and came back in the same request has no token left, and so does not count as an administrator."""
    do(org.log, {"type": "RegisterPerson", "key": "new", "name": "New"})
    org.log.owners.remember("New", "person:new")
    do(org.log, depart("owner"), caller=replace(OWNER, actor="person:new"))
    org.secrets["ann"] = org.log.tokens.create("person:ann", rights=[ADMIN_RIGHT], by=OWNER)[1]
    admin = org.caller("admin")
    before = len(org.events(TokenRevoked))

    outcomes = do_many(
        org.log, transaction(depart("mallory"), caller=admin), transaction(remove("ann"), caller=admin), transaction(restore("ann"), caller=admin),
        transaction(depart("second"), caller=admin), transaction(depart("admin"), caller=admin),
    )  # fmt: skip

    assert [isinstance(outcome, Refused) for outcome in outcomes] == [False, False, False, False, True]
    revoked = [subject for _, subject, _ in org.events(TokenRevoked)[before:]]
    assert sorted(revoked) == ["person:ann", "person:ann", "person:mallory", "person:second"]
    assert org.speaks("admin")


def test_a_person_may_leave_on_their_own(org: Org) -> None:
    """An ordinary person may say of themselves that they left, and no longer speaks then."""
    do(org.log, depart("ann"), caller=org.caller("ann"))
    assert not org.speaks("ann")


def test_a_loop_over_everybody_leaves_a_log_that_can_be_used(org: Org, place: Path | str) -> None:
    """Whatever an ordinary token does to all people in turn, administrators and owner speak on, also after a restart."""
    caller = org.caller("mallory")
    people = [one.id.removeprefix("person:") for one in org.log.directory.list_people()]
    refused = 0
    for key in [*people, "mallory"]:
        for attack in (merge(key, "mallory"), merge("mallory", key), remove(key), depart(key),
                       void(org.log, key, "PersonRegistered")):  # fmt: skip
            try:
                do(org.log, attack, caller=caller)
            except Refused:
                refused += 1
    for name in people:
        do(org.log, {"type": "RegisterPerson", "name": name.title()}, caller=caller)
    assert refused
    org.log.close()

    with open_log(place) as again:
        org.log = again
        assert again.owners.find("owner") == "person:owner"
        assert [key for key in ("owner", "admin", "ann", "second") if org.speaks(key)] == [
            "owner", "admin", "ann", "second",
        ]  # fmt: skip
        do(again, {"type": "DefineProduct", "key": "after", "title": "After"}, caller=org.caller("admin"))
        assert again.verify() is None


# Names ---------------------------------------------------------------------------------------------------------------


def test_a_name_never_hides_whom_an_identifier_means(org: Org) -> None:
    """A person who is called like another's e-mail is refused; like another's name, that name is asked back."""
    with pytest.raises(AlreadyExists, match="person:ann"):
        do(org.log, {"type": "RegisterPerson", "name": "ANN@example.org"}, caller=org.caller("mallory"))
    with pytest.raises(AlreadyExists, match="person:ann"):
        do(
            org.log,
            {"type": "RegisterPerson", "name": "X", "identifiers": ["ann@example.org"]},
            caller=org.caller("mallory"),
        )
    do(org.log, {"type": "RegisterPerson", "key": "other", "name": "Ann"})
    assert org.log.directory.find("Ann") == ("person:ann", "person:other")
    assert org.log.directory.find("ann@example.org") == ("person:ann",)


def test_an_identifier_wins_over_names_that_are_spelled_like_it(org: Org) -> None:
    """Where names and an identifier are the same spelling, the identifier says who is meant, also in a command."""
    org.log.directory.add("person:guest", "ann@example.org", shared=True)
    assert org.log.directory.find_people(normalize_name("ann@example.org")) == ("person:ann", "person:guest")
    assert org.log.directory.find("ann@example.org") == ("person:ann",)
    do(org.log, {"type": "DefineProduct", "key": "p", "title": "P"})
    do(org.log, {"type": "AssignOwnership", "subject": "product:p", "holders": ["ann@example.org"]})
    assert org.log.state("product:p").value_at("role.accountable", org.log.head().recorded_at) == ["person:ann"]


def test_an_identifier_that_was_taken_can_be_moved(org: Org) -> None:
    """An administrator moves a spelling to whom it belongs; both persons get an entry, and nothing names it."""
    do(org.log, {"type": "RegisterPerson", "key": "squat", "name": "Squat", "identifiers": ["cid@example.org"]})
    with pytest.raises(AlreadyExists):
        org.log.directory.add("person:guest", "cid@example.org", by=OWNER)
    with pytest.raises(Forbidden):
        org.log.directory.add("person:guest", "cid@example.org", move=True, by=org.caller("ann"))
    org.log.directory.add("person:guest", "cid@example.org", move=True, by=OWNER)
    assert org.log.directory.find("cid@example.org") == ("person:guest",)
    assert org.events(NamesChanged)[-2:] == [
        ("person:owner", f"person:{key}", NamesChanged(change="moved")) for key in ("guest", "squat")
    ]


# What is on record ---------------------------------------------------------------------------------------------------


def test_tokens_and_names_leave_entries_with_who_did_it(org: Org, place: Path | str) -> None:
    """Making and revoking a token and each change of a name are entries, without a secret or a name in them."""
    admin = org.caller("admin")
    token, secret = org.log.tokens.create("person:guest", rights=["import"], label="laptop", by=admin)
    org.log.tokens.revoke(token, by=admin)
    org.log.tokens.revoke(token, by=admin)
    org.log.directory.add("person:guest", "zzyzx@example.org", by=admin)
    org.log.directory.rename("person:guest", "Zzyzx", by=admin)
    org.log.directory.forget("person:guest", "Zzyzx", by=admin)

    guest = [(entry.metadata.actor, entry.event) for entry in org.log.stream("person:guest")][1:]
    assert guest == [
        ("person:admin", event)
        for event in (
            TokenCreated(token=token, rights=("import",)), TokenRevoked(token=token, reason="revoked"),
            NamesChanged(change="added"), NamesChanged(change="renamed"), NamesChanged(change="erased"),
        )
    ]  # fmt: skip
    told = b"".join(raw.entry for raw in org.log.raw(0, 10_000)).lower()
    assert b"zzyzx" not in told
    assert b"laptop" not in told
    assert secret.encode() not in everything(place)
    assert org.log.verify() is None


def test_a_token_and_its_entry_are_written_together_or_not_at_all(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the row cannot be written there is no entry, and where the entry is refused there is no row."""
    size, tokens = org.log.head().size, len(org.log.tokens.all())
    with pytest.raises(AlreadyExists):
        org.log.directory.add("person:guest", "ann@example.org", by=OWNER)
    with pytest.raises(Forbidden):
        org.log.tokens.create("person:guest", rights=[ADMIN_RIGHT], by=org.caller("ann"))
    limited = replace(OWNER, rights=frozenset({ADMIN_RIGHT}))
    with pytest.raises(Forbidden, match="import"):
        org.log.tokens.create("person:guest", rights=["import"], by=limited)
    assert (org.log.head().size, len(org.log.tokens.all())) == (size, tokens)


def test_an_entry_on_access_cannot_be_voided(org: Org) -> None:
    """What was done to a token stays on record: its entry is not voided, not even by an administrator."""
    with pytest.raises(NotAllowed, match="cannot be voided"):
        do(org.log, void(org.log, "ann", "TokenCreated"), caller=org.caller("admin"))
