"""Connecting an account at an OpenID provider to a person, and disconnecting it, are events that name who did it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.catalog import COMMAND
from domain.errors import Forbidden
from domain.scopes import SCOPES
from eventlog.entry import Caller, Transaction
from eventlog.log import SYSTEM_CALLER
from identity.oidc.errors import SignInRefusedError
from identity.sessions import ProviderLogin
from tests.support_log import LocalService, quiet_token

ISSUER = "https://login.example.org"
ACCOUNT = {"issuer": ISSUER, "account": "u-1"}


def last_event(service: LocalService) -> tuple[str, str, str, dict[str, Any]]:
    entry = service.log.read(service.log.head().size - 1, 1)[0]
    return entry.type, entry.subject, entry.metadata.actor, entry.event.model_dump(mode="json")


def test_an_administrator_connects_and_disconnects_an_account(service: LocalService) -> None:
    """Both are events of the person by the administrator, and the list has the account in between."""
    bo = service.person("Bo")
    assert service.post("/accounts", {"person": "Bo", **ACCOUNT}).status_code == 201
    assert last_event(service) == ("AccountConnected.v1", bo, service.ada, ACCOUNT)
    assert service.rows("/accounts", person="Bo") == [{"person": bo, **ACCOUNT}]
    assert service.rows("/accounts", person=service.ada) == []

    assert service.post("/accounts/disconnect", ACCOUNT).json() == {"person": bo, **ACCOUNT}
    assert last_event(service) == ("AccountDisconnected.v1", bo, service.ada, ACCOUNT)
    assert (service.rows("/accounts"), service.log.accounts.find(ISSUER, "u-1")) == ([], None)


def test_disconnecting_ends_the_sessions_of_the_account(service: LocalService) -> None:
    """All in one transaction with the event, but not those that a sign-in link began."""
    service.log.accounts.link(ISSUER, "u-1", service.ada)
    _, by_account = service.log.sessions.start(service.ada, ProviderLogin(ISSUER, "u-1"))
    _, by_link = service.log.sessions.start(service.ada)

    service.log.accounts.unlink(ISSUER, "u-1")

    assert service.log.sessions.find(by_account) is None
    assert service.log.sessions.find(by_link) is not None


def test_a_sign_in_in_progress_does_not_survive_disconnecting(service: LocalService) -> None:
    """No session starts if the account was disconnected, or connected to another person, after its person was found."""
    bo = service.person("Bo")
    for owner in (None, bo):
        service.log.accounts.link(ISSUER, "u-1", service.ada)
        found = service.log.accounts.find(ISSUER, "u-1")
        service.log.accounts.unlink(ISSUER, "u-1")
        if owner:
            service.log.accounts.link(ISSUER, "u-1", owner)

        with pytest.raises(SignInRefusedError):
            service.log.sessions.start(found, ProviderLogin(ISSUER, "u-1"))
    assert service.log.sessions.all() == []


def test_an_account_belongs_to_one_person(service: LocalService) -> None:
    """Connecting it to another person is refused with whose it is, and records nothing; repeating it changes nothing."""
    service.person("Bo")
    service.log.accounts.link(ISSUER, "u-1", service.ada)
    size = service.log.head().size

    refused = service.post("/accounts", {"person": "Bo", **ACCOUNT})
    assert (refused.status_code, service.ada in refused.json()["detail"]) == (409, True)
    assert service.post("/accounts", {"person": service.ada, **ACCOUNT}).status_code == 201
    assert service.post("/accounts/disconnect", {**ACCOUNT, "account": "u-2"}).status_code == 404
    assert service.log.head().size == size


def test_people_connect_only_their_own_account(service: LocalService) -> None:
    """Whom a provider vouches for connects themself without a role, and no account of someone else."""
    bo = service.person("Bo")
    service.log.default_role = None
    caller = Caller(bo, "session", "http", frozenset(SCOPES))
    assert service.log.accounts.link(ISSUER, "u-3", bo, by=caller) == bo
    assert last_event(service)[:3] == ("AccountConnected.v1", bo, bo)

    with pytest.raises(Forbidden):
        service.log.accounts.link(ISSUER, "u-4", service.ada, by=caller)
    with pytest.raises(Forbidden):
        service.log.accounts.unlink(ISSUER, "u-3", by=caller)
    assert service.log.accounts.find(ISSUER, "u-4") is None
    assert service.log.accounts.find(ISSUER, "u-3") == bo


def test_only_administrators_use_the_routes(service: LocalService) -> None:
    """A token without the scope `admin` neither lists, connects nor disconnects accounts."""
    weak = service.client_of(quiet_token(service.log, "service:weak", {"read", "write"}))
    assert weak.get("/v1/accounts").status_code == 403
    assert weak.post("/v1/accounts", json={"person": service.ada, **ACCOUNT}).status_code == 403
    assert weak.post("/v1/accounts/disconnect", json=ACCOUNT).status_code == 403


def test_limited_readers_see_no_accounts(service: LocalService) -> None:
    """Which account is whose is not for people who read only some products: neither in the audit trail nor as an entry."""
    service.post("/products", {"key": "tide", "title": "Tide"})
    service.post("/accounts", {"person": service.ada, **ACCOUNT})
    position = service.log.head().size
    bo = service.person("Bo")
    service.post("/commands", {"type": "GrantRole", "subject": bo, "role": "auditor", "product": "product:tide"})
    assert len(service.rows("/audit", type="AccountConnected.v1")) == 1
    service.log.default_role, service.log.limits_reading = None, True
    reader = service.client_of(quiet_token(service.log, bo, {"read"}))

    for path in ("/v1/audit?type=AccountConnected.v1", f"/v1/audit?by={service.ada}", f"/v1/subjects/{service.ada}"):
        assert ISSUER not in reader.get(path).text, path
    assert reader.get("/v1/audit?type=AccountConnected.v1").json()["rows"] == []
    for path in (f"/v1/log/entries/{position}", f"/audit/{position}/proof", f"/audit/{position}/proof?download=true"):
        assert reader.get(path).status_code == 404, path


def test_accounts_of_others_are_read_by_who_may_audit(service: LocalService) -> None:
    """Administrators, auditors and the person see the account in all answers with its events; others see `[withheld]`."""
    people = {name: service.person(name) for name in ("Bo", "Cy", "Dee")}
    first = service.log.head().size + 1
    service.log.accounts.link(ISSUER, "u-1", people["Bo"])
    service.log.accounts.unlink(ISSUER, "u-1")
    position = service.log.head().size
    service.log.default_role = None
    roles = {"Bo": "viewer", "Cy": "manager", "Dee": "auditor", service.ada: "admin"}
    for name, role in roles.items():
        grant = COMMAND.validate_python({"type": "GrantRole", "subject": people.get(name, name), "role": role})
        asyncio.run(service.log.execute(Transaction((grant,), SYSTEM_CALLER)))
    assert service.runner.wait_for(service.log.head().size, timeout=60)
    tokens = {name: quiet_token(service.log, person, {"read"}) for name, person in people.items()}
    clients = {service.ada: service.client, **{name: service.client_of(token) for name, token in tokens.items()}}
    paths = (
        "/v1/audit?type=AccountConnected",
        "/v1/audit?type=AccountDisconnected&format=csv",
        f"/v1/audit?position={position}&format=jsonl",
        f"/v1/log/entries/{position}",
        f"/v1/log/entries?cursor={first - 1}&limit=2",
        f"/audit/{position}",
    )
    others = (
        f"/v1/subjects/{people['Bo']}",
        f"/audit/{position}/proof",
        f"/audit/{position}/proof?download=true",
        "/audit",
    )

    for path in paths:
        read = {name: client.get(path) for name, client in clients.items()}
        assert {each.status_code for each in read.values()} == {200}, path
        assert {name for name, each in read.items() if "u-1" in each.text} == {"Bo", "Dee", service.ada}, path
        assert {name for name, each in read.items() if ISSUER in each.text} == {"Bo", "Dee", service.ada}, path
    for path in others:
        read = clients["Cy"].get(path)
        assert (read.status_code, ISSUER in read.text, "u-1" in read.text) == (200, False, False), path
    (shown,) = clients["Cy"].get(f"/v1/audit?position={position}").json()["rows"]
    assert shown["data"] == {"issuer": "[withheld]", "account": "[withheld]"}
    found = clients["Cy"].get("/v1/audit?text=u-1").json()["rows"]
    assert found == []


def test_a_person_whom_a_provider_registers_is_connected_by_the_log(service: LocalService) -> None:
    """Registration and connection are one transaction of the log itself; a second one finds the person."""
    person = asyncio.run(service.log.accounts.register(ISSUER, "u-9", "Cy", None))
    registered, connected = service.log.read(service.log.head().size - 2, 2)

    assert (registered.type, connected.type) == ("PersonRegistered.v1", "AccountConnected.v1")
    assert registered.metadata.transaction == connected.metadata.transaction
    assert {registered.metadata.actor, connected.metadata.actor} == {"service:decisionlog"}
    assert asyncio.run(service.log.accounts.register(ISSUER, "u-9", "Cy", None)) == person


def test_the_account_can_be_erased_from_the_log(service: LocalService) -> None:
    """Its subject at the provider is personal data: erasing the entry's texts leaves the event without it."""
    service.post("/accounts", {"person": service.ada, **ACCOUNT})
    position = service.log.head().size
    erased = service.post("/commands", {"type": "EraseTexts", "subject": service.log.id, "positions": [position]})
    assert erased.status_code == 200, erased.text
    after = f"min_position={service.log.head().size}"
    assert "u-1" not in service.client.get(f"/v1/audit?position={position}&{after}").text
