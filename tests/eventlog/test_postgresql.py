"""What only a log in PostgreSQL offers: several writing processes, and recovery from lost connections."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from urllib.parse import quote

import psycopg
import pytest
from eventsourcing.persistence import PersistenceError

from domain.errors import Refused
from eventlog import postgresql_store
from eventlog.dsn import split_dsn, without_secret
from eventlog.entry import Receipt
from eventlog.errors import DatabaseUnavailableError, ReadOnlyLogError
from eventlog.migration import set_read_only
from eventlog.postgresql_store import PostgresStore, connect
from eventlog.store_errors import DamagedStoreError, StoreUnavailableError
from identity.decision_log import DecisionLog
from tests.eventlog.support import Clock, do, open_log, tables, transaction
from tests.support_postgresql import fresh_schema

SHOP = {"type": "DefineProduct", "key": "shop", "title": "Shop"}


@pytest.fixture
def address() -> Iterator[str]:
    with fresh_schema() as found:
        yield found


@pytest.fixture
def two(address: str) -> Iterator[tuple[DecisionLog, DecisionLog]]:
    """A log opened as by two processes."""
    with open_log(address) as one, open_log(address, entropy=os.urandom) as other:
        do(one, SHOP)
        yield one, other


def retitle(title: str) -> dict[str, str]:
    return {"type": "ChangeTitle", "subject": "product:shop", "title": title}


def soon(true: Callable[[], bool]) -> bool:
    """Whether a condition becomes true within a minute."""
    end = time.monotonic() + 60
    while not true() and time.monotonic() < end:
        time.sleep(0.01)
    return true()


def kill(address: str, log: DecisionLog) -> None:
    """Terminate the writer's connection on the server."""
    with tables(address) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", (log._store._write_backend,))  # type: ignore[attr-defined]


# Several processes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("isolation", ["read committed", "serializable"])
def test_concurrent_processes_create_one_log(address: str, isolation: str) -> None:
    """Of many processes that open a new schema at once, one creates the log, and all open it, whatever is the default."""
    options = quote(f"-c default_transaction_isolation={isolation}".replace("d c", r"d\ c"))
    address += f"&options={options}"
    with ThreadPoolExecutor(8) as pool:
        opening = [pool.submit(open_log, address, entropy=os.urandom) for _ in range(8)]
    logs = [one.result() for one in opening if not one.exception()]
    try:
        assert [one.exception() for one in opening if one.exception()] == []
        assert len({log.id for log in logs}) == 1
        assert {log.head().size for log in logs} == {1}
    finally:
        for log in logs:
            log.close()


def test_concurrent_processes_write_without_a_gap(address: str) -> None:
    """Every transaction that was answered is there once, positions have no gap, and the log verifies."""
    script = (
        "import asyncio, sys; from tests.eventlog.support import *; import os, time\n"
        "log = open_log(sys.argv[1], clock=lambda: time.time_ns() // 1000, entropy=os.urandom)\n"
        "work = [transaction({'type': 'ChangeTitle', 'subject': 'product:shop', 'title': f'{sys.argv[2]} {n}'}) for n in range(3)]\n"
        "work += [transaction({'type': 'RegisterTeam', 'key': f'{sys.argv[2]}-{n}', 'title': 'T'}) for n in range(30)]\n"
        "async def all_(): return await asyncio.gather(*(log.execute(each) for each in work), return_exceptions=True)\n"
        "print(sum(isinstance(one, Receipt) for one in asyncio.run(all_()))); log.close()\n"
    )
    with open_log(address, clock=lambda: time.time_ns() // 1000) as log:
        do(log, SHOP)
        command = [sys.executable, "-c", script, address]
        running = [subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True) for name in ("a", "b")]
        recorded = sum(int(process.communicate(timeout=300)[0]) for process in running)
        assert [process.returncode for process in running] == [0, 0]
        assert recorded >= 60
        assert log.head().size == recorded + 2
        assert log.verify() is None


def test_a_process_is_notified_of_commits_of_another(two: tuple[DecisionLog, DecisionLog]) -> None:
    """Listeners and waiting readers are woken by the commits of other processes, once each."""
    one, other = two
    assert soon(lambda: other._store._last_notified == 2)
    heard: list[int] = []
    other.on_append(heard.append)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(other.wait, 2, 10)
        do(one, retitle("A"))
        assert waiting.result() == 3
    do(other, retitle("B"))
    do(one, retitle("C"))
    assert soon(lambda: len(heard) == 3)
    assert heard == [3, 4, 5]


def test_a_state_includes_commits_of_other_processes(two: tuple[DecisionLog, DecisionLog]) -> None:
    """A cached state is extended by what others have written, and cached entries have no gaps."""
    one, other = two
    for n in range(6):
        do((one, other)[n % 2], retitle(f"T{n}"))
        assert one.state("product:shop").version == other.state("product:shop").version == n + 2
    for log in two:
        positions, after = [], 0
        while batch := log.read(after, 100):
            positions += [entry.position for entry in batch]
            after = positions[-1]
        assert positions == list(range(1, 9))


def test_texts_erased_by_another_process_leave_the_cache(two: tuple[DecisionLog, DecisionLog]) -> None:
    """Texts that one process erases leave the memory of the others."""
    one, other = two
    position = do(one, retitle("a canary")).position
    assert "a canary" in str(one.application.recent(position - 1, 1))
    do(other, {"type": "EraseTexts", "subject": other.id, "positions": [position]})
    assert soon(lambda: not one.application.recent(position - 1, 1))
    assert "a canary" not in str(one.read(0, 100))
    assert "a canary" not in str(one.state("product:shop"))


def test_an_idempotency_key_is_used_once_across_processes(two: tuple[DecisionLog, DecisionLog]) -> None:
    """The same request to two processes at the same time is recorded once, and both return the same receipt."""
    for n in range(10):
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(do, log, retitle(f"T{n}"), key=f"k{n}") for log in two]
            first, second = (done.result() for done in asked)
        assert first.recorded == second.recorded
        assert first.replayed != second.replayed
    assert two[0].head().size == 12


def test_concurrent_writes_on_one_version_conflict(two: tuple[DecisionLog, DecisionLog]) -> None:
    """Of two processes that write on the same version, one is recorded, and the other gets the winner's version."""
    for n in range(10):
        results = []
        seen = two[0].state("product:shop").version

        def attempt(log: DecisionLog, seen: int = seen, results: list[object] = results, n: int = n) -> None:
            try:
                results.append(do(log, retitle(f"T{n}"), product__shop=seen))
            except Refused as refused:
                results.append(refused)

        threads = [threading.Thread(target=attempt, args=(log,)) for log in two]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(type(result).__name__ for result in results) == ["Receipt", "Stale"]


# Connections that break -----------------------------------------------------------------------------------------------


def test_a_connection_lost_while_idle_is_replaced(two: tuple[DecisionLog, DecisionLog], address: str) -> None:
    """After the database has closed every connection, reads and writes still succeed."""
    one, _ = two
    with tables(address) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'decisionlog' AND pid <> pg_backend_pid()"
        )
    assert one.state("product:shop").version == 1
    assert do(one, retitle("T")).position == 3
    assert two[1].wait(2, 10) == 3


class Cut(PostgresStore):
    """Loses its connection during a commit: before the server has executed it, or after."""

    cut = ""

    def _write(self, writer, *more):  # type: ignore[no-untyped-def]
        def lose() -> None:
            with connect(self.url) as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", (self._write_backend,))

        when, Cut.cut = Cut.cut, ""
        if when == "before":
            lose()
        super()._write(writer, *more)
        if when == "after":
            with self._unknown_outcome_if_lost(writer):
                lose()
                writer.execute("SELECT 1")
                writer.run()


@pytest.mark.parametrize(("when", "recorded"), [("before", 2), ("after", 3)])
def test_a_connection_lost_during_a_commit_has_an_unknown_outcome(address: str, when: str, recorded: int) -> None:
    """The error says that the outcome is unknown, never that there was a conflict; the key finds the outcome."""
    with DecisionLog(Cut(address, clock=Clock()), None, clock=Clock(), entropy=os.urandom) as log:
        log._initialize()
        log.default_role = "admin"
        do(log, SHOP)
        Cut.cut = when
        with pytest.raises(PersistenceError, match="unknown"):
            do(log, retitle("T"), key="k")
        assert log.head().size == recorded
        again = do(log, retitle("T"), key="k")
        assert again.replayed == (when == "after")
        assert (again.position, log.head().size) == (3, 3)
        assert log.verify() is None


def test_retries_over_lost_connections_record_nothing_twice(address: str) -> None:
    """Requests with keys are recorded once each, although the writer's connection is killed again and again."""
    with open_log(address, clock=Clock(), entropy=os.urandom) as log:
        stop = threading.Event()

        def trouble() -> None:
            while not stop.wait(0.03):
                with suppress(psycopg.Error):
                    kill(address, log)

        async def insist(n: int) -> Receipt:
            while True:
                try:
                    return await log.execute(
                        transaction({"type": "RegisterTeam", "key": f"t{n}", "title": "T"}, key=f"k{n}")
                    )
                except PersistenceError:
                    await asyncio.sleep(0.01)

        async def everything() -> list[Receipt]:
            return [
                r for start in range(0, 300, 30) for r in await asyncio.gather(*map(insist, range(start, start + 30)))
            ]

        thread = threading.Thread(target=trouble)
        thread.start()
        receipts = asyncio.run(everything())
        stop.set()
        thread.join()
        assert sorted(receipt.position for receipt in receipts) == list(range(2, 302))
        assert log.head().size == 301
        assert log.verify() is None


@pytest.mark.parametrize(
    "error",
    [
        psycopg.OperationalError("connection refused"),
        psycopg.errors.AdminShutdown("terminating connection"),
        psycopg.errors.TooManyConnections("sorry, too many clients already"),
        psycopg.errors.InsufficientPrivilege("permission denied for table events"),
    ],
)
def test_a_database_that_cannot_be_used_is_not_damaged(
    address: str, monkeypatch: pytest.MonkeyPatch, error: psycopg.Error
) -> None:
    """A verification that cannot read ends with an error and without a finding; the log can be written later."""

    def refuse(*_: object, **__: object) -> None:
        raise error

    with open_log(address) as log:
        do(log, SHOP)
        with monkeypatch.context() as outage:
            outage.setattr(postgresql_store, "connect", refuse)
            log._store._drop_idle()  # type: ignore[attr-defined]
            with pytest.raises(StoreUnavailableError):
                log.find_damage()

        assert log.damage == ""
        assert do(log, retitle("T")).position == 3


def test_a_damaged_log_is_not_written(address: str) -> None:
    """Once damage was found, commands, names and tokens are refused."""
    with open_log(address) as log:
        do(log, SHOP)
        with tables(address) as connection:
            connection.execute("UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 2")
        assert log.find_damage()

        with pytest.raises(DamagedStoreError):
            do(log, retitle("T"))
        with pytest.raises(DamagedStoreError):
            log.owners.remember("ann", "person:ann")
        assert log.head().size == 2


def test_queries_are_not_jit_compiled(address: str) -> None:
    """No connection of the log compiles its queries, which would take a hundred times as long as running them."""
    with connect(address) as connection:
        assert connection.execute("SHOW jit").fetchall() == [("off",)]


# Opening --------------------------------------------------------------------------------------------------------------


def test_an_unreachable_server_is_reported() -> None:
    """The error says what to check, and shows no secret."""
    with pytest.raises(DatabaseUnavailableError, match="Check its address") as refused:
        open_log("postgresql://ann:hush@127.0.0.1:1/none")
    assert "hush" not in str(refused.value)


def test_opening_a_missing_log_for_reading_creates_nothing(address: str) -> None:
    """Only a writer creates a log."""
    with pytest.raises(DatabaseUnavailableError, match="No log"):
        open_log(address, read_only=True)
    with tables(address) as connection:
        found = connection.execute("SELECT to_regnamespace(%s)", (split_dsn(address)[1],)).fetchone()
    assert found == (None,)


def test_the_schema_is_part_of_the_address() -> None:
    """`?schema=` names a schema and is removed; a hostile name is refused; secrets are not shown."""
    assert split_dsn("postgresql://h/db?sslmode=require&schema=mine") == (
        "postgresql://h/db?sslmode=require",
        "mine",
    )
    assert split_dsn("postgresql://h/db") == ("postgresql://h/db", "decisionlog")
    spaced = "postgresql://h/db?options=-c%20a%3Db&sslrootcert=%2Fa%2Bb"
    assert split_dsn(spaced.replace("%2B", "+"))[0] == split_dsn(spaced)[0] == spaced  # only a form writes a space as +
    with pytest.raises(DatabaseUnavailableError):
        split_dsn("postgresql://h/db?schema=a;drop")
    shown = without_secret("postgresql://ann:hush@h/db?password=hush&schema=mine")
    assert "hush" not in shown
    assert "ann" in shown


def test_a_read_only_log_can_be_read_and_not_written(address: str) -> None:
    """The error says why the log is read-only; reading still works."""
    with open_log(address) as log:
        set_read_only(log._store, "it goes on elsewhere")
    with pytest.raises(ReadOnlyLogError, match="goes on elsewhere"):
        open_log(address)
    with open_log(address, read_only=True) as log:
        assert log.head().size == 1


def test_text_is_stored_whatever_encoding_the_environment_prefers(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither PGCLIENTENCODING nor the address changes how names and texts are stored."""
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    with open_log(f"{address}&client_encoding=LATIN1", clock=Clock(), entropy=os.urandom) as log:
        do(log, {"type": "RegisterPerson", "key": "asa", "name": "Åsa Ødegård"})
        assert log._store.names("person:asa") == [("person:asa", "Åsa Ødegård")]
        assert log.verify() is None


def test_an_error_of_a_lookup_does_not_stop_later_writes(address: str) -> None:
    """The transaction that locked the head is rolled back, whatever the error."""
    with open_log(address, clock=Clock(), entropy=os.urandom) as log:
        do(log, SHOP)
        log._store._is_alone = False
        with connect(address) as other:
            other.execute("ALTER TABLE names RENAME TO hidden")
            with pytest.raises(PersistenceError):
                do(log, {"type": "RegisterPerson", "key": "ann", "name": "Ann"})
            other.execute("ALTER TABLE hidden RENAME TO names")
        log._store._is_alone = False

        assert do(log, retitle("T")).position == log.head().size


def test_a_rolled_back_commit_is_an_error(address: str) -> None:
    """COMMIT of a failed transaction answers ROLLBACK without an error; the caller gets an error."""

    def fail(session):  # type: ignore[no-untyped-def]
        session.execute("INSERT INTO read_only VALUES ('x')")
        with suppress(psycopg.Error):
            session.execute("SELECT 1 / 0").fetchall()

    with closing(PostgresStore(address, clock=Clock())) as store:
        with pytest.raises(PersistenceError, match="rolled"):
            store.run(fail)
        assert store.read_only_reason() == ""
