"""Access: no person is locked out or let in by accident, and every change of tokens and names is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from domain.credentials import LOCAL_CREDENTIAL, NamesChanged, TokenCreated, TokenRevoked, is_active
from domain.errors import AlreadyExists, Forbidden, NotAllowed, Refused, Unknown
from domain.names import normalize_name
from domain.scopes import ADMIN_SCOPE, DEFAULT_SCOPES, SCOPES
from eventlog.entry import Caller
from identity.decision_log import DecisionLog
from identity.tokens import CACHE_TTL_S
from tests.eventlog.support import do, do_many, everything, open_log, transaction

OWNER = Caller("person:owner", LOCAL_CREDENTIAL, "cli", frozenset(SCOPES))
WHY = {"why": "Because."}


@dataclass
class Org:
    """A log with an owner who is an administrator, three people with ordinary tokens, and one without a token."""

    log: DecisionLog
    secrets: dict[str, str]

    def caller(self, key: str) -> Caller:
        token = self.log.tokens.find(self.secrets[key])
        assert token, key
        return token.caller("http")

    def speaks(self, key: str) -> bool:
        """Whether a token is active, and its holder may act."""
        token = self.log.tokens.find(self.secrets[key])
        return token is not None and is_active(token.actor, self.log.state)

    def events(self, kind: type[Any]) -> list[tuple[str, str, Any]]:
        """The actor, the subject and the event of each entry of a type."""
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
        key: log.tokens.create(
            f"person:{key}", scopes=SCOPES if key in ("owner", "admin") else DEFAULT_SCOPES, by=OWNER
        )[1]
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
    return {"type": "VoidEntry", "subject": f"person:{key}", "position": position, "why": "Because."}


# Who has left does not speak -----------------------------------------------------------------------------------------


def test_leaving_revokes_access_under_every_merged_id(org: Org) -> None:
    """A person who left cannot act under any id that was merged into theirs."""
    do(org.log, merge("mallory", "second"), caller=org.caller("admin"))
    do(org.log, depart("second"), caller=org.caller("admin"))

    assert not org.speaks("mallory")
    assert not org.speaks("second")
    assert org.speaks("ann")


def test_merging_a_person_who_left_gives_no_access_back(org: Org) -> None:
    """An id that has left stays without access after a merge; the id it is merged into keeps its access."""
    do(org.log, depart("mallory"), caller=org.caller("admin"))
    do(org.log, merge("mallory", "ann"), caller=org.caller("admin"))

    assert not is_active("person:mallory", org.log.state)
    assert org.speaks("ann")


def test_leaving_revokes_every_token_permanently(org: Org) -> None:
    """The tokens of all merged ids are revoked with an event each, and restoring the person revives none."""
    do(org.log, merge("mallory", "second"), caller=org.caller("admin"))
    do(org.log, depart("second"), caller=org.caller("admin"))

    revoked = org.events(TokenRevoked)
    assert {(actor, subject, event.reason) for actor, subject, event in revoked} == {
        ("person:admin", "person:mallory", "left"),
        ("person:admin", "person:second", "left"),
    }
    do(org.log, void(org.log, "second", "PersonLeft"), caller=org.caller("admin"))
    assert is_active("person:second", org.log.state)
    assert not org.speaks("second")
    assert not org.speaks("mallory")
    org.secrets["second"] = org.log.tokens.create("person:second", by=OWNER)[1]
    assert org.speaks("second")


def test_bringing_a_person_back_needs_the_admin_right(org: Org) -> None:
    """Voiding a departure, restoring, and merging a person who left need the admin scope, alone or in a transaction."""
    do(org.log, depart("mallory"), caller=org.caller("admin"))
    do(org.log, remove("guest"), caller=org.caller("admin"))
    back = void(org.log, "mallory", "PersonLeft")

    for commands in ([back], [restore("guest")], [merge("guest", "mallory")], [depart("guest")]):
        with pytest.raises(Refused):
            do(org.log, *commands, caller=org.caller("ann"))
    with pytest.raises(Forbidden):
        do(org.log, {"type": "DefineProduct", "key": "p", "title": "P"}, back, caller=org.caller("ann"))
    assert not is_active("person:mallory", org.log.state)


def test_a_token_for_a_person_who_left_is_refused(org: Org) -> None:
    """A token cannot be created for a person who left or whom the log does not have."""
    do(org.log, depart("mallory"), caller=org.caller("admin"))
    with pytest.raises(NotAllowed, match="has left"):
        org.log.tokens.create("person:mallory", by=OWNER)
    with pytest.raises(Unknown):
        org.log.tokens.create("person:nobody", by=OWNER)


def test_another_process_stops_accepting_a_revoked_token(org: Org, place: Path | str) -> None:
    """A token that another process revoked is refused within a second at the latest."""
    now = [0.0]
    with open_log(place, read_only=isinstance(place, Path)) as other:
        other.tokens._timer = lambda: now[0]
        assert other.tokens.find(org.secrets["mallory"])
        do(org.log, depart("mallory"), caller=org.caller("admin"))
        now[0] = CACHE_TTL_S
        assert other.tokens.find(org.secrets["mallory"]) is None
        assert not is_active("person:mallory", other.state)


# No one is shut out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["owner", "admin", "second", "mallory"])
def test_removing_a_person_with_access_needs_the_admin_right(org: Org, target: str) -> None:
    """Without the admin scope a token holder cannot be recorded as left, removed, merged, voided, or removed by an import."""
    attacks = [
        depart(target),
        remove(target),
        merge(target, "ann"),
        merge("ann", target),
        void(org.log, target, "PersonRegistered"),
    ]
    importer = replace(org.caller("ann"), scopes=frozenset({"import"}))
    observed = {
        "type": "ImportChanges",
        "subject": f"person:{target}",
        "source": {"system": "hr"},
        "changes": [{"field": "status", "value": "departed"}],
    }

    for attack in attacks:
        with pytest.raises(Forbidden, match="`admin`"):
            do(org.log, attack, caller=org.caller("ann"))
    with pytest.raises(Refused):
        do(org.log, observed, caller=importer)
    assert org.speaks(target)


def test_an_import_cannot_remove_a_service_with_a_token(org: Org) -> None:
    """An import cannot remove a service that has a token, nor the log itself."""
    secret = org.log.tokens.create("service:ci", by=OWNER)[1]
    org.secrets["ci"] = secret
    importer = replace(org.caller("ann"), scopes=frozenset({"import"}))
    for field, value in (("status", "departed"), ("exists", False), ("merged_into", "person:guest")):
        observed = {
            "type": "ImportChanges",
            "subject": "service:ci",
            "source": {"system": "hr"},
            "changes": [{"field": field, "value": value}],
        }
        with pytest.raises(Refused):
            do(org.log, observed, caller=importer)
    assert org.speaks("ci")


def test_only_a_local_owner_can_remove_a_local_owner(org: Org) -> None:
    """An administrator cannot remove a local owner, nor can the owner by accident; another local owner can."""
    attacks = [depart("owner"), remove("owner"), merge("owner", "admin"), void(org.log, "owner", "PersonRegistered")]
    for caller in (org.caller("admin"), org.caller("owner"), OWNER):
        for attack in attacks:
            with pytest.raises(NotAllowed, match="--owner"):
                do(org.log, attack, caller=caller)

    org.log.owners.remember("Admin", "person:admin")
    do(org.log, depart("owner"), caller=replace(OWNER, actor="person:admin"))
    assert not org.speaks("owner")


def test_the_last_administrator_cannot_be_removed(org: Org) -> None:
    """One of two administrators can be removed; the last one cannot, and their token cannot be revoked remotely."""
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
    """In one transaction or in two concurrent ones, at least one administrator remains."""
    do(org.log, {"type": "RegisterPerson", "key": "new", "name": "New"})
    org.log.owners.remember("New", "person:new")
    do(org.log, depart("owner"), caller=replace(OWNER, actor="person:new"))
    org.secrets["ann"] = org.log.tokens.create("person:ann", scopes=[ADMIN_SCOPE], by=OWNER)[1]
    ann, admin = org.caller("ann"), org.caller("admin")

    with pytest.raises(NotAllowed):
        do(org.log, depart("ann"), depart("admin"), caller=ann)
    outcomes = do_many(org.log, transaction(depart("ann"), caller=admin), transaction(depart("admin"), caller=ann))
    assert [isinstance(outcome, Forbidden) for outcome in outcomes] == [False, True]  # with the first, the token ended
    assert org.speaks("admin")


def test_a_transaction_revokes_each_token_once(org: Org) -> None:
    """A person who leaves and returns in the same request has no token left, and does not count as an administrator."""
    do(org.log, {"type": "RegisterPerson", "key": "new", "name": "New"})
    org.log.owners.remember("New", "person:new")
    do(org.log, depart("owner"), caller=replace(OWNER, actor="person:new"))
    org.secrets["ann"] = org.log.tokens.create("person:ann", scopes=[ADMIN_SCOPE], by=OWNER)[1]
    admin = org.caller("admin")
    before = len(org.events(TokenRevoked))

    outcomes = do_many(
        org.log,
        transaction(depart("mallory"), caller=admin),
        transaction(remove("ann"), caller=admin),
        transaction(restore("ann"), caller=admin),
        transaction(depart("second"), caller=admin),
        transaction(depart("admin"), caller=admin),
    )

    assert [isinstance(outcome, Refused) for outcome in outcomes] == [False, False, False, False, True]
    revoked = [subject for _, subject, _ in org.events(TokenRevoked)[before:]]
    assert sorted(revoked) == ["person:ann", "person:ann", "person:mallory", "person:second"]
    assert org.speaks("admin")


def test_a_person_can_record_that_they_left(org: Org) -> None:
    """A person without the admin scope can record that they left, and then has no access."""
    do(org.log, depart("ann"), caller=org.caller("ann"))
    assert not org.speaks("ann")


def test_removing_everyone_in_turn_locks_nobody_out(org: Org, place: Path | str) -> None:
    """Whatever a token without the admin scope does to all people in turn, administrators and owner keep access, also after a restart."""
    caller = org.caller("mallory")
    people = [one.id.removeprefix("person:") for one in org.log.directory.list_people()]
    refused = 0
    for key in [*people, "mallory"]:
        for attack in (
            merge(key, "mallory"),
            merge("mallory", key),
            remove(key),
            depart(key),
            void(org.log, key, "PersonRegistered"),
        ):
            try:
                do(org.log, attack, caller=caller)
            except Refused:
                refused += 1
    for name in people:
        do(org.log, {"type": "RegisterPerson", "name": name.title()}, caller=OWNER)
    with pytest.raises(Forbidden, match="token was revoked"):  # as they have left
        do(org.log, {"type": "RegisterPerson", "name": "Another"}, caller=caller)
    assert refused
    org.log.close()

    with open_log(place) as again:
        org.log = again
        assert again.owners.find("owner") == "person:owner"
        assert [key for key in ("owner", "admin", "ann", "second") if org.speaks(key)] == [
            "owner",
            "admin",
            "ann",
            "second",
        ]
        do(again, {"type": "DefineProduct", "key": "after", "title": "After"}, caller=org.caller("admin"))
        assert again.verify() is None


# Names ---------------------------------------------------------------------------------------------------------------


def test_a_name_cannot_equal_the_identifier_of_another_person(org: Org) -> None:
    """A new person whose name is another person's email address is refused; a shared name is ambiguous."""
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


def test_an_identifier_wins_over_equal_names(org: Org) -> None:
    """Where names and an identifier are equal, the identifier decides who is meant, also in a command."""
    org.log.directory.add("person:guest", "ann@example.org", shared=True)
    assert org.log.directory.find_people(normalize_name("ann@example.org")) == ("person:ann", "person:guest")
    assert org.log.directory.find("ann@example.org") == ("person:ann",)
    do(org.log, {"type": "DefineProduct", "key": "p", "title": "P"})
    do(org.log, {"type": "AssignOwnership", "subject": "product:p", "holders": ["ann@example.org"]})
    assert org.log.state("product:p").value_at("role.accountable", org.log.head().recorded_at) == ["person:ann"]


def test_an_administrator_can_move_an_identifier(org: Org) -> None:
    """An identifier is moved to another person; both people get an event, and the events contain no name."""
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


def test_changes_of_tokens_and_names_are_recorded(org: Org, place: Path | str) -> None:
    """Creating and revoking a token and each change of a name are events, without a secret or a name in them."""
    admin = org.caller("admin")
    token, secret = org.log.tokens.create("person:guest", scopes=["import"], label="laptop", by=admin)
    org.log.tokens.revoke(token, by=admin)
    org.log.tokens.revoke(token, by=admin)
    org.log.directory.add("person:guest", "zzyzx@example.org", by=admin)
    org.log.directory.rename("person:guest", "Zzyzx", by=admin)
    org.log.directory.erase_names("person:guest", "Zzyzx", by=admin)

    guest = [(entry.metadata.actor, entry.event) for entry in org.log.stream("person:guest")][1:]
    assert guest == [
        ("person:admin", event)
        for event in (
            TokenCreated(token=token, scopes=("import",)),
            TokenRevoked(token=token, reason="revoked"),
            NamesChanged(change="added"),
            NamesChanged(change="renamed"),
            NamesChanged(change="erased"),
        )
    ]
    told = b"".join(raw.entry for raw in org.log.raw(0, 10_000)).lower()
    assert b"zzyzx" not in told
    assert b"laptop" not in told
    assert secret.encode() not in everything(place)
    assert org.log.verify() is None


def test_a_token_and_its_event_are_written_all_or_none(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the row cannot be written there is no event, and if the event is refused there is no row."""
    size, tokens = org.log.head().size, len(org.log.tokens.all())
    with pytest.raises(AlreadyExists):
        org.log.directory.add("person:guest", "ann@example.org", by=OWNER)
    with pytest.raises(Forbidden):
        org.log.tokens.create("person:guest", scopes=[ADMIN_SCOPE], by=org.caller("ann"))
    limited = replace(OWNER, scopes=frozenset({ADMIN_SCOPE}))
    with pytest.raises(Forbidden, match="import"):
        org.log.tokens.create("person:guest", scopes=["import"], by=limited)
    assert (org.log.head().size, len(org.log.tokens.all())) == (size, tokens)


def test_an_event_about_a_token_cannot_be_voided(org: Org) -> None:
    """Not even an administrator can void an event about a token."""
    with pytest.raises(NotAllowed, match="cannot be voided"):
        do(org.log, void(org.log, "ann", "TokenCreated"), caller=org.caller("admin"))
