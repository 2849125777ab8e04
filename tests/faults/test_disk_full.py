"""A full disk, a file that cannot be written, and a torn page."""

import os
import resource
import sqlite3
import subprocess
from contextlib import closing, contextmanager
from functools import partial

import pytest

from cli.error_messages import describe_failure
from cli.errors import Exit
from eventlog.errors import DamagedLogError
from eventlog.sqlite_disk import explain_disk_error
from eventlog.store_errors import DiskFullError, FileUnavailableError
from identity.decision_log import DecisionLog
from projections.read_model.postgresql import PostgresqlDatabase
from tests.support_log import LocalService

MEBIBYTE = 2**20


def mounted(folder):
    """Whether a disk of a few mebibytes could be mounted on a new folder; only root may, and not everywhere."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(folder, record):
    """A folder and what fills its disk: one that is small, or where none may be mounted files that may not grow.

    Which of them it was is recorded with the test.
    """
    disk = mounted(folder)
    record("means", "tmpfs" if disk else "RLIMIT_FSIZE; tmpfs not run: nothing may be mounted here")
    try:
        yield full if disk else short_files
    finally:
        if disk:
            subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def full(folder):
    """The disk of a folder, with no room left."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    yield
    ballast.unlink()


@contextmanager
def short_files(folder):
    """No file may grow beyond what the largest has."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(file.stat().st_size for file in folder.iterdir() if "log.sqlite" in file.name)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


def define(service, key, **headers):
    return service.post("/products", {"key": key, "title": "T", "description": "x" * 2000}, **headers)


def fill_up(service):
    """Writes until something is answered that is no success; that answer, and how many there were before."""
    for n in range(5000):
        answer = define(service, f"p{n}", Idempotency_Key=f"k{n}")
        if answer.status_code != 201:
            return answer, n
    raise AssertionError("there was always room")


def kind(answer):
    return answer.json()["type"].removeprefix("urn:decisionlog:problem:")


def must_recover(service, n):
    """What was refused is recorded when it is sent again, once; the log fits and the views follow."""
    again = define(service, f"p{n}", Idempotency_Key=f"k{n}")
    assert again.status_code == 201, again.text
    assert service.log.verify() is None
    assert len(service.rows("/fields", kind="product", field="title", limit=1000)) == n + 1


def test_a_full_disk(tmp_path, record_property):
    """A full disk is answered 507 with problem details; reads continue, and so do writes once there is space."""
    disk = tmp_path / "disk"
    with small_disk(disk, record_property) as fill, LocalService(disk) as service:
        with fill(disk):
            answer, n = fill_up(service)
            if fill is full:
                assert (answer.status_code, kind(answer)) == (507, "no-space")
            assert (answer.status_code, kind(answer)) in {(507, "no-space"), (503, "unavailable")}
            assert service.client.get("/v1/log").json()["size"] == service.log.head().size
        must_recover(service, n)


def test_without_a_mount_file_sizes_are_limited(tmp_path, monkeypatch):
    """Where no disk can be mounted, the same is tested with a limit on file sizes, and the report states that."""
    monkeypatch.setattr(subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 32))
    told = {}

    with small_disk(tmp_path / "disk", told.__setitem__) as fill:
        assert fill is short_files

    assert "tmpfs not run" in told["means"]


def test_a_limit_on_files(tmp_path):
    """Where a file must not grow, writes are answered 503 or 507 and reads continue; without the limit writes continue."""
    with LocalService(tmp_path) as service:
        define(service, "first")
        with short_files(tmp_path):
            answer, n = fill_up(service)
            assert answer.status_code in {503, 507}
            assert answer.headers["content-type"] == "application/problem+json"
            assert service.client.get("/v1/log").json()["size"] == service.log.head().size
        again = define(service, f"p{n}", Idempotency_Key=f"k{n}")
        assert again.status_code == 201, again.text
        assert service.log.verify() is None


class Stubborn(sqlite3.Connection):
    """A connection that cannot write while it is set so."""

    refusing = False

    def execute(self, sql, parameters=(), /):
        if sql.upper() == "BEGIN IMMEDIATE":
            super().execute(f"PRAGMA query_only = {Stubborn.refusing}")
        return super().execute(sql, parameters)


def test_a_log_that_cannot_be_written(tmp_path, monkeypatch):
    """Where nothing can be written, the answer is 503 with problem details; reads continue, and later so do writes."""
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Stubborn))
    with LocalService(tmp_path) as service:
        monkeypatch.setattr(Stubborn, "refusing", True)
        refused = define(service, "p0", Idempotency_Key="k0")
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:decisionlog:problem:unavailable")
        assert refused.headers["retry-after"] == "10"
        assert "check its disk, owner and mode" in refused.json()["detail"]
        assert service.client.get("/v1/log").status_code == 200

        monkeypatch.setattr(Stubborn, "refusing", False)
        must_recover(service, 0)


def open_log(path, **options):
    return DecisionLog.open(path, clock=lambda: 1, **options)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_full_disk_is_no_damage(tmp_path, record_property, read_only):
    """A log on a full disk is not called damaged when it is opened: its backup would lack the last entries."""
    disk, path = tmp_path / "disk", tmp_path / "disk" / "log.sqlite3"
    with small_disk(disk, record_property) as fill:
        open_log(path).close()
        with fill(disk):
            if fill is full:
                with pytest.raises(DiskFullError):
                    open_log(path, read_only=read_only)
        open_log(path, read_only=read_only).close()


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_that_cannot_be_opened_is_no_damage(tmp_path, read_only):
    """It is reported with what to check, and with an exit code that does not mean damage."""
    path = tmp_path / "log.sqlite3"
    path.mkdir()

    with pytest.raises(FileUnavailableError, match="Check the disk") as found:
        open_log(path, read_only=read_only)

    assert describe_failure(found.value)[0] == Exit.FAILED


def test_a_log_that_cannot_be_written_is_not_opened_for_writing(tmp_path, monkeypatch):
    """A server does not start on a file that it may only read, and refuse every write."""
    path = tmp_path / "log.sqlite3"
    open_log(path).close()
    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Stubborn))
    monkeypatch.setattr(Stubborn, "refusing", True)

    with pytest.raises(FileUnavailableError, match="attempt to write a readonly database"):
        open_log(path)

    open_log(path, read_only=True).close()


@pytest.mark.parametrize("code", [sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM])
@pytest.mark.parametrize("denied", ["log.sqlite3", "log.sqlite3-wal", ""])
def test_a_denied_file_or_folder_is_named(tmp_path, monkeypatch, code, denied):
    """The message names what this user may not access, and says to check its owner and mode."""
    for name in ("log.sqlite3", "log.sqlite3-wal"):
        (tmp_path / name).touch()
    monkeypatch.setattr(os, "access", lambda path, _mode: path != tmp_path / denied)
    error = sqlite3.OperationalError("no")
    error.sqlite_errorcode = code

    found = explain_disk_error(error, tmp_path / "log.sqlite3")

    assert f"Permission denied: {tmp_path / denied}. Check its owner and mode" in str(found)


def trouble(path):
    """What is wrong with a log's file, whether opening it or verifying it tells."""
    try:
        with DecisionLog.open(path, clock=lambda: 1, read_only=True) as log:
            return log.verify()
    except DamagedLogError as error:
        return str(error)


@pytest.mark.parametrize("page", range(4))
def test_a_torn_page(tmp_path, page):
    """A file with a half-written page is refused when it is opened, or `verify` reports it."""
    path = tmp_path / "log.sqlite"
    DecisionLog.open(path, clock=lambda: 1).close()
    with closing(sqlite3.connect(path)) as connection:
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    assert trouble(path) is None

    with path.open("r+b") as file:
        file.seek(page * size)
        file.write(os.urandom(size // 2))

    assert trouble(path) is not None


def test_an_unreachable_read_model_is_reported(tmp_path, monkeypatch):
    """A query is answered 503 with problem details that say to retry."""
    with LocalService(tmp_path) as service:
        service.runner.stop()  # which had begun with another database
        service.model.close()
        gone = PostgresqlDatabase("postgresql://127.0.0.1:1/none")
        monkeypatch.setattr(service.model, "database", gone)

        answer = service.client.get("/v1/decisions")

        assert (answer.status_code, kind(answer)) == (503, "unavailable")
        assert answer.headers["retry-after"] == "10"
        assert "try again later" in answer.json()["detail"]
