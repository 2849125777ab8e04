"""Roles are part of the log: grants are events, and an act that rests on a revoked grant is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from domain.credentials import LOCAL_CREDENTIAL
from domain.errors import Forbidden, Malformed, NotAllowed
from domain.scopes import SCOPES
from eventlog.command_handler import CommandHandler
from eventlog.entry import Caller, Receipt
from eventlog.handler_views import CommittedView
from identity.decision_log import DecisionLog
from tests.eventlog.support import Clock, do, do_many, open_log, transaction

OWNER = Caller("person:owner", LOCAL_CREDENTIAL, "cli", frozenset(SCOPES))
BOB = Caller("person:bob", "token-2", "http")
VISION = {"type": "SetVision", "subject": "product:p", "vision": "V."}


def role(type_: str, holder: str = "person:bob", name: str = "manager", product: str | None = "p") -> dict[str, Any]:
    return {"type": type_, "subject": holder, "role": name, **({"product": product} if product else {})}


def begin(log: DecisionLog) -> None:
    for key in ("owner", "bob"):
        do(log, {"type": "RegisterPerson", "key": key, "name": key.title()}, caller=OWNER)
    for key in ("p", "q"):
        do(log, {"type": "DefineProduct", "key": key, "title": key.upper()}, caller=OWNER)


def test_a_granted_role_counts_until_it_is_revoked(place: Path | str) -> None:
    """A grant counts for the next command, for its product only, and a revocation likewise."""
    with open_log(place, default_role=None) as log:
        begin(log)
        with pytest.raises(Forbidden, match="you need the role `manager` for product:p"):
            do(log, VISION, caller=BOB)
        do(log, role("GrantRole"), caller=OWNER)
        do(log, VISION, caller=BOB)
        with pytest.raises(Forbidden):
            do(log, {**VISION, "subject": "product:q"}, caller=BOB)
        do(log, role("RevokeRole"), caller=OWNER)
        with pytest.raises(Forbidden):
            do(log, VISION, caller=BOB)
        assert log.verify() is None


def test_an_act_loses_against_the_revocation_of_its_grant(place: Path | str) -> None:
    """An act that was decided before its grant was revoked elsewhere is not written, but decided again and refused."""
    with open_log(place, default_role=None) as log:
        begin(log)
        do(log, role("GrantRole"), caller=OWNER)
        handler = CommandHandler((CommittedView(log),), log.head(), clock=log._clock, entropy=log._entropy)
        decided = handler.decide(transaction(VISION, caller=BOB))
        do(log, role("RevokeRole"), caller=OWNER)

        (outcome,) = log._store.submit([decided]).result()

        assert (outcome.subject, outcome.version) == ("person:bob", log.state("person:bob").version)  # type: ignore[union-attr]
        assert log.state("product:p").version == 1


def test_an_act_loses_against_the_end_of_a_membership(place: Path | str) -> None:
    """An act that rests on a team's role conflicts with a change of the team."""
    with open_log(place, default_role=None) as log:
        begin(log)
        do(log, {"type": "RegisterTeam", "key": "t", "title": "T"}, caller=OWNER)
        members = {"type": "AssignOwnership", "subject": "team:t", "role": "member", "holders": ["person:bob"]}
        do(log, members, role("GrantRole", "team:t"), caller=OWNER)
        do(log, VISION, caller=BOB)
        handler = CommandHandler((CommittedView(log),), log.head(), clock=log._clock, entropy=log._entropy)
        decided = handler.decide(transaction(VISION, caller=BOB))
        do(log, {"type": "ReleaseOwnership", "subject": "team:t", "role": "member"}, caller=OWNER)

        (outcome,) = log._store.submit([decided]).result()

        assert outcome.subject == "team:t"  # type: ignore[union-attr]
        with pytest.raises(Forbidden):
            do(log, VISION, caller=BOB)


def test_one_refused_command_refuses_the_transaction(place: Path | str) -> None:
    """Of a transaction for two products, nothing is recorded if the role for one of them is missing."""
    with open_log(place, default_role=None) as log:
        begin(log)
        do(log, role("GrantRole"), caller=OWNER)
        size = log.head().size
        with pytest.raises(Forbidden) as refused:
            do(log, VISION, {**VISION, "subject": "product:q"}, caller=BOB)
        assert (refused.value.field, log.head().size) == ("commands.1", size)


def test_a_batch_sees_the_revocation_before_it(place: Path | str) -> None:
    """Of several transactions in one request, those after a revocation are refused."""
    with open_log(place, default_role=None) as log:
        begin(log)
        do(log, role("GrantRole"), caller=OWNER)
        outcomes = do_many(
            log,
            transaction(VISION, caller=BOB),
            transaction(role("RevokeRole"), caller=OWNER),
            transaction(VISION, caller=BOB),
        )
        assert [type(each) for each in outcomes] == [Receipt, Receipt, Forbidden]


def test_the_events_of_roles_cannot_be_voided(place: Path | str) -> None:
    """A grant ends by a revocation, which says who revoked it and when, not by voiding its entry."""
    with open_log(place, default_role=None) as log:
        begin(log)
        position = do(log, role("GrantRole"), caller=OWNER).position
        void = {"type": "VoidEntry", "subject": "person:bob", "position": position, "why": "W."}
        with pytest.raises(NotAllowed, match="cannot be voided"):
            do(log, void, caller=OWNER)


def test_the_last_administrator_keeps_the_role(place: Path | str) -> None:
    """The role `admin` of the only administrator with a token cannot be revoked; that of a second one can."""
    with open_log(place, default_role=None) as log:
        begin(log)
        log.tokens.create("person:bob", scopes=SCOPES, role="admin", by=OWNER)
        with pytest.raises(NotAllowed, match="without an administrator"):
            do(log, role("RevokeRole", name="admin", product=None), caller=OWNER)
        log.tokens.create("person:owner", scopes=SCOPES, role="admin", by=OWNER)
        do(log, role("RevokeRole", name="admin", product=None), caller=OWNER)


def test_a_token_and_a_role_are_created_in_one_step(place: Path | str) -> None:
    """A token with a role grants the role in the same transaction; a refused grant creates no token."""
    with open_log(place, default_role=None) as log:
        begin(log)
        _, secret = log.tokens.create("person:bob", role="manager", product="product:p", by=OWNER)
        token = log.tokens.find(secret)
        assert token
        asyncio.run(log.execute(transaction(VISION, caller=token.caller("http"))))
        types = [entry.type for entry in log.read(log.head().size - 3, 3)]
        assert types == ["RoleGranted.v1", "TokenCreated.v1", "VisionSet.v1"]
        before = len(log.tokens.all())
        with pytest.raises(Forbidden):
            log.tokens.create("person:bob", role="admin", by=token.caller("http"))
        assert len(log.tokens.all()) == before


def test_another_token_with_the_same_role_grants_nothing(place: Path | str) -> None:
    """A token for a role that its holder already has is created; the role is not granted once more."""
    with open_log(place, default_role=None) as log:
        begin(log)
        log.tokens.create("person:bob", role="manager", product="product:p", by=OWNER)
        size = log.head().size
        log.tokens.create("person:bob", role="manager", product="product:p", by=OWNER)
        assert [entry.type for entry in log.read(size, 2)] == ["TokenCreated.v1"]


def test_an_importer_writes_what_comes_from_its_system_only(place: Path | str) -> None:
    """A token with `import:jira` imports from jira; another source, and a command without one, are refused."""
    with open_log(place, default_role=None) as log:
        begin(log)
        _, secret = log.tokens.create("service:tracker", scopes=["import:jira"], role="admin")
        tracker = log.tokens.find(secret).caller("http")
        imported = {"type": "ImportChanges", "subject": "feature:f", "changes": [{"field": "exists", "value": True}]}

        receipt = do(log, {**imported, "source": {"system": "jira"}}, caller=tracker, key="1")
        again = do(log, {**imported, "source": {"system": "jira"}}, caller=OWNER, key="1")

        assert again.replayed  # the key belongs to the system, not to the caller who imports from it
        assert receipt.recorded[0].subject == "feature:f"
        with pytest.raises(Forbidden, match="import:github"):
            do(log, {**imported, "source": {"system": "github"}}, caller=tracker, key="1")
        for command in (VISION, role("GrantRole")):
            with pytest.raises(Forbidden):
                do(log, command, caller=tracker)
        plain = log.tokens.find(log.tokens.create("service:other", scopes=["admin"], role="admin")[1]).caller("http")
        with pytest.raises(Forbidden, match="import:jira"):
            log.tokens.create("service:third", scopes=["import:jira"], by=plain)
        with pytest.raises(Malformed, match="import:SYSTEM"):
            log.tokens.create("service:third", scopes=["import:"])
        assert log.verify() is None


def test_a_token_counts_until_the_entry_that_revokes_it(place: Path | str) -> None:
    """A caller who was let in before the token was revoked records nothing after the revocation, by any process."""
    with open_log(place) as log:
        begin(log)
        token, secret = log.tokens.create("person:bob")
        known = log.tokens.find(secret)
        assert known is not None
        caller = known.caller("http")
        do(log, VISION, caller=caller)
        handler = CommandHandler((CommittedView(log),), log.head(), clock=log._clock, entropy=log._entropy)
        decided = handler.decide(transaction({**VISION, "vision": "W."}, caller=caller))
        log.tokens.revoke(token)

        (outcome,) = log._store.submit([decided]).result()

        assert outcome.subject == "person:bob"  # type: ignore[union-attr]
        with pytest.raises(Forbidden, match="token was revoked"):
            do(log, {**VISION, "vision": "W."}, caller=caller)
        other = Caller("person:bob", log.tokens.create("person:bob")[0], "http")
        do(log, {**VISION, "vision": "W."}, caller=other)


def test_a_token_that_was_used_in_a_dry_run_counts_until_it_is_revoked(place: Path | str) -> None:
    """Entries that a dry run makes up about a caller do not hide the entry that gets the place of one of them."""
    with open_log(place) as log:
        begin(log)
        token, secret = log.tokens.create("person:bob")
        known = log.tokens.find(secret)
        assert known is not None
        caller = known.caller("http")
        made_up = transaction(role("GrantRole"), caller=OWNER)
        used = transaction({**VISION, "vision": "W."}, caller=caller)
        asyncio.run(log.dry_run().execute_many([made_up, used]))
        log.tokens.revoke(token)

        with pytest.raises(Forbidden, match="token was revoked"):
            do(log, VISION, caller=caller)


def test_a_token_counts_until_it_expires(place: Path | str) -> None:
    """At the time at which a command is decided, also if the token was valid when its caller was let in."""
    clock = Clock()
    with open_log(place, clock=clock) as log:
        begin(log)
        token, _ = log.tokens.create("person:bob", expires_at=clock.now + 3_600_000_000)
        caller = Caller("person:bob", token, "http")
        do(log, VISION, caller=caller)
        clock.now += 3_600_000_000
        with pytest.raises(Forbidden, match="expired"):
            do(log, {**VISION, "vision": "W."}, caller=caller)
