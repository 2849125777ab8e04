"""The access journal has who signed in, was refused, exported or audited, and nothing secret."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import OperationalError

from eventlog.store import Store
from identity import access_journal
from identity.access_journal import DAY_US, MAX_PENDING, AccessFilter, AccessJournal
from identity.decision_log import DecisionLog
from tests.support_client import AppClient
from tests.support_log import LocalService, Ticking, quiet_token
from tests.support_postgresql import fresh_schema

ALL = AccessFilter()


def recorded(service: LocalService) -> list[dict[str, Any]]:
    """Every row, oldest first, as the API answers."""
    service.log.journal.write()
    return [*reversed(service.client.get("/v1/access-journal").json()["rows"])]


def test_a_request_without_a_known_token_is_recorded(service: LocalService) -> None:
    """With the route and the reason, but not the path, the query or the secret, which a stranger chose."""
    service.client_of(None).get("/v1/roadmap")
    service.client_of("dlog_secret0000000000000000000000000000000000A").get("/v1/decisions/mine?text=hidden")

    rows = recorded(service)

    assert [(row["kind"], row["who"], row["what"]) for row in rows] == [
        ("denied", None, "GET /v1/roadmap"),
        ("denied", None, "GET /v1/decisions/{key}"),
    ]
    assert rows[0]["reason"].startswith("send an API token")
    assert "unknown" in rows[1]["reason"]
    assert not [row for row in rows if "hidden" in str(row) or "secret0" in str(row)]


def test_a_refused_command_is_recorded_with_its_sender(service: LocalService) -> None:
    """A caller whose token or role does not suffice, each with the reason."""
    weak = service.client_of(quiet_token(service.log, "service:weak", {"read"}))
    assert weak.post("/v1/teams", json={"title": "Secret plan"}).status_code == 403
    bulk = {"transactions": [{"commands": [{"type": "RegisterTeam", "title": "Secret plan"}]}]}
    assert weak.post("/v1/bulk", json=bulk).status_code == 200
    assert weak.get("/v1/tokens").status_code == 403

    rows = recorded(service)

    assert [(row["kind"], row["who"], row["what"]) for row in rows] == [
        ("refused", "service:weak", "POST /v1/teams"),
        ("refused", "service:weak", "POST /v1/bulk"),
        ("denied", "service:weak", "GET /v1/tokens"),
    ]
    assert all("scope" in row["reason"] for row in rows)
    assert "Secret plan" not in str(rows)


def test_exports_and_audits_are_recorded(service: LocalService) -> None:
    """Files, reads of the audit trail and of the journal; followers of the log once an hour."""
    service.client.get("/v1/decisions?format=csv")
    service.client.get("/v1/decisions")
    service.client.get("/v1/audit")
    for cursor in (0, 1):
        service.client.get("/v1/log/entries", params={"cursor": cursor})
    rows = recorded(service)
    assert [(row["kind"], row["what"]) for row in rows] == [
        ("export", "GET /v1/decisions"),
        ("audit", "GET /v1/audit"),
        ("export", "GET /v1/log/entries"),
    ]
    assert {row["times"] for row in rows} == {1}
    assert {row["who"] for row in rows} == {service.ada}
    assert ("audit", "GET /v1/access-journal") in [(row["kind"], row["what"]) for row in recorded(service)]


def test_reads_about_others_are_recorded(service: LocalService) -> None:
    """Reads of tokens, accounts, and the sessions and forecasts of another person are recorded; one's own are not."""
    bo = service.person("Bo")
    for path in (
        "/v1/tokens",
        "/v1/accounts",
        f"/v1/sessions?person={bo}",
        "/v1/calibration?who=Bo",
        "/admin",
        "/audit",
    ):
        assert service.client.get(path).status_code == 200, path
    for path in ("/v1/sessions", f"/v1/calibration?who={service.ada}", "/v1/calibration", "/v1/people"):
        assert service.client.get(path).status_code == 200, path

    assert [(row["what"], row["reason"]) for row in recorded(service) if row["kind"] == "audit"] == [
        ("GET /v1/tokens", None),
        ("GET /v1/accounts", None),
        ("GET /v1/sessions", f"about {bo}"),
        ("GET /v1/calibration", f"about {bo}"),
        ("GET /admin", None),
        ("GET /audit", None),
    ]


def test_the_people_in_a_reason_have_names(service: LocalService) -> None:
    """A row lists the ids that its path and reason contain, so that the answer has their names; so does the audit trail."""
    bo = service.person("Bo")
    service.client.get(f"/v1/sessions?person={bo}")
    service.log.journal.write()

    for path in ("/access-journal", "/activity"):
        answer = service.get(path, kind="audit")
        about = next(row for row in answer["rows"] if row["what"] == "GET /v1/sessions")
        assert about["mentions"] == [bo]
        assert answer["titles"][bo] == "Bo"


def test_a_sign_in_is_recorded(service: LocalService) -> None:
    """With the id of the session, not its secret."""
    session, secret = service.log.sessions.start(service.ada)

    (row,) = recorded(service)

    assert (row["kind"], row["who"], row["credential"]) == ("sign-in", service.ada, session.id)
    assert secret not in str(row)


def test_a_sign_in_that_fails_is_recorded(service: LocalService) -> None:
    """A link that does not work, without its code."""
    client = AppClient(service.app, base_url="http://localhost")
    answer = client.post("/sign-in", data={"code": "guessed"}, headers={"Origin": "http://localhost"})

    (row,) = recorded(service)

    assert (answer.status_code, row["kind"], row["what"]) == (410, "denied", "POST /sign-in")
    assert "guessed" not in str(row)


def test_only_auditors_read_the_journal(service: LocalService) -> None:
    """Others get 403, which is recorded in turn."""
    service.log.default_role = "manager"
    answer = service.client.get("/v1/access-journal")

    assert (answer.status_code, "auditor" in answer.json()["detail"]) == (403, True)
    service.log.default_role = "admin"
    assert ("denied", service.ada) in [(row["kind"], row["who"]) for row in recorded(service)]


def test_the_journal_is_filtered_and_paged(service: LocalService) -> None:
    """By kind, person and period; pages lead to each other by `next`."""
    for n in range(5):
        service.log.journal.record("export", service.ada, "t", f"GET /v1/{n}")
    service.log.journal.record("sign-in", "person:bo", "s")
    service.log.journal.write()

    def ask(**params: Any) -> Any:
        return service.client.get("/v1/access-journal", params=params).json()

    first = ask(kind="export", limit=2)
    second = ask(kind="export", limit=2, cursor=first["next"])
    assert [row["what"][-1] for page in (first, second) for row in page["rows"]] == ["4", "3", "2", "1"]
    assert [row["who"] for row in ask(who="person:bo")["rows"]] == ["person:bo"]
    assert ask(until="2020-01-01")["rows"] == []
    assert service.client.get("/v1/access-journal?kind=tea").status_code == 422


# The chain ------------------------------------------------------------------------------------------------------------


@contextmanager
def opened(kind: str, folder: Path, clock: Ticking) -> Iterator[DecisionLog]:
    with (
        fresh_schema() if kind == "postgresql" else nullcontext(folder / "log") as place,
        DecisionLog.open(place, clock=clock, entropy=lambda n: bytes(n - 1) + b"\1") as log,
    ):
        yield log


def run(log: DecisionLog, statement: str) -> None:
    log._store.run(lambda session: session.execute(statement))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE access_journal SET who = 'person:other' WHERE number = 3", "row 3 of the access journal was changed"),
        ("UPDATE access_journal SET times = 9 WHERE number = 1", "row 1 of the access journal was changed"),
        ("DELETE FROM access_journal WHERE number = 2", "row 2 of the access journal is missing"),
        ("DELETE FROM access_journal WHERE number = 1", "row 1 of the access journal is missing"),
        ("DELETE FROM access_journal WHERE number = 5", "ends after row 4, and not after row 5"),
        ("DELETE FROM access_journal", "ends after row 0, and not after row 5"),
        ("DELETE FROM access_journal_head", "access journal"),
        ("UPDATE access_journal_head SET last = 4", "ends after row 4"),
        ("UPDATE access_journal_head SET first = 2", "row 2 of the access journal is missing"),
    ],
)
def test_a_changed_or_removed_row_is_found(tmp_path: Path, kind: str, statement: str, found: str) -> None:
    """Each row's hash covers the row and the hash before it; the head has the last one."""
    with opened(kind, tmp_path, Ticking()) as log:
        for n in range(5):
            log.journal.record("denied", what=f"GET /v1/{n}", reason="Ünbekannt 𝒯")
            log.journal.write()
        assert log.journal.find_damage() == ""

        run(log, statement)

        assert found in log.journal.find_damage()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_old_rows_are_deleted_and_the_chain_still_holds(tmp_path: Path, kind: str) -> None:
    """After the retention period, from the oldest on."""
    clock = Ticking()
    with opened(kind, tmp_path, clock) as log:
        for n in range(4):
            log.journal.record("export", what=str(n))
            log.journal.write()
            clock.now += 100 * DAY_US
        log.journal.retention_us = 250 * DAY_US
        log.journal.record("export", what="last")
        log.journal.write()

        assert [row.what for row in log.journal.rows(ALL, limit=10)] == ["last", "3", "2"]
        assert (log.journal.head().first, log.journal.find_damage()) == (3, "")
        run(log, "DELETE FROM access_journal WHERE number = 3")
        assert log.journal.find_damage() == "row 3 of the access journal is missing"


# Writing --------------------------------------------------------------------------------------------------------------


def test_recording_never_waits_for_the_store(service: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store hangs, rows are recorded; equal rows are counted, and none is lost."""
    monkeypatch.setattr(access_journal, "WRITE_AFTER_S", 0.01)
    release, journal = threading.Event(), service.log.journal
    hanging = threading.Thread(target=lambda: service.log._store.run(lambda _: release.wait(300)))
    hanging.start()
    journal.record("export", what="first")
    time.sleep(0.1)  # its thread waits for the store now

    for n in range(10_000):
        journal.record("denied", what=f"GET {n % 10}")
    assert hanging.is_alive()
    release.set()
    hanging.join()
    journal.write()

    times = {row.what: row.times for row in journal.rows(ALL, limit=100)}
    assert times == {"first": 1, **{f"GET {n}": 1_000 for n in range(10)}}


def test_what_does_not_fit_is_counted(service: LocalService) -> None:
    """A flood of different rows takes bounded memory and leaves its number."""
    for n in range(MAX_PENDING + 7):
        service.log.journal.record("denied", what=str(n))
    service.log.journal.write()

    (last,) = service.log.journal.rows(AccessFilter(kinds=["lost"]), limit=2)
    assert last.times == 7
    assert service.log.journal.find_damage() == ""


def test_rows_wait_while_the_store_fails(service: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are written once it works again."""
    journal = service.log.journal
    with monkeypatch.context() as patched:
        patched.setattr(Store, "run", _fail)
        journal.record("export", what="kept")
        assert not journal.write()
        journal.record("export", what="kept")

    assert journal.write()
    assert [(row.what, row.times) for row in journal.rows(ALL, limit=9)] == [("kept", 2)]


def _fail(*_: object) -> None:
    raise OperationalError("the disk is gone")


def test_closing_the_log_writes_what_waits(tmp_path: Path) -> None:
    """No row is lost when a server stops."""
    with opened("sqlite", tmp_path, Ticking()) as log:
        log.journal.record("export", what="at the end\n\x1b[31m")
    with opened("sqlite", tmp_path, Ticking()) as log:
        assert [row.what for row in log.journal.rows(ALL, limit=9)] == ["at the end??[31m"]


def test_two_processes_write_one_chain(tmp_path: Path) -> None:
    """Each continues after the other's last row."""
    clock = Ticking()
    with fresh_schema() as url:
        first = DecisionLog.open(url, clock=clock, entropy=bytes)
        second = DecisionLog.open(url, clock=clock, entropy=bytes)
        journals: list[AccessJournal] = [first.journal, second.journal]
        for n in range(6):
            journals[n % 2].record("export", what=str(n))
            journals[n % 2].write()
        assert [row.what for row in first.journal.rows(ALL, limit=9)] == ["5", "4", "3", "2", "1", "0"]
        assert first.journal.find_damage() == ""
        second.close()
        first.close()
