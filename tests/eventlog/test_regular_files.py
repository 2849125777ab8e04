"""The files that processes of one log share do no harm in a folder where another user can write."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.errors import LogInUseError
from eventlog.lock import WriterLock, find_writer
from eventlog.worker_status import WorkerFiles, WorkerStatus

SECRET = "a file of this user"
REFUSED = "not a regular file with one name"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text(SECRET, encoding="utf-8")
    path.chmod(0o644)
    return path


def link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def second_name(path: Path, victim: Path) -> None:
    path.hardlink_to(victim)


def pipe(path: Path, _: Path) -> None:
    os.mkfifo(path)


PLANTED = pytest.mark.parametrize("plant", [link, second_name, pipe])


@PLANTED
def test_a_planted_lock_file_is_refused(tmp_path: Path, victim: Path, plant: Callable[[Path, Path], None]) -> None:
    """Neither opening the log nor looking for its writer changes another file, or waits for one."""
    log = tmp_path / "log.sqlite3"
    plant(tmp_path / "log.sqlite3.lock", victim)

    for attempt in (WriterLock, find_writer):
        with pytest.raises(OSError, match=REFUSED):
            attempt(log)

    assert (victim.read_text(encoding="utf-8"), victim.stat().st_mode & 0o777) == (SECRET, 0o644)


@PLANTED
def test_a_planted_status_is_ignored(tmp_path: Path, victim: Path, plant: Callable[[Path, Path], None]) -> None:
    """It is neither read nor waited for, and the other statuses are shown."""
    files = WorkerFiles(tmp_path / "workers")
    files.save(WorkerStatus("publisher", "here", 1))
    plant(files.folder / "other.json", victim)

    assert [status.name for status in files.all()] == ["publisher"]


@PLANTED
def test_a_status_is_written_to_a_new_file(tmp_path: Path, victim: Path, plant: Callable[[Path, Path], None]) -> None:
    """What lies at the name of the new file is replaced, and never written to."""
    files = WorkerFiles(tmp_path / "workers")
    files.folder.mkdir()
    for name in (f"publisher.{os.getpid()}.new", "publisher.json"):
        plant(files.folder / name, victim)

    files.save(WorkerStatus("publisher", "here", 7))

    found = files.find("publisher")
    assert found is not None
    assert found.at == 7
    assert victim.read_text(encoding="utf-8") == SECRET
    assert (files.folder / "publisher.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize(
    ("owner", "log_owner", "address"), [(12345, 0, ""), (12345, 12345, "http://x"), (0, 0, "http://x")]
)
def test_an_address_comes_from_who_owns_the_log(tmp_path: Path, owner: int, log_owner: int, address: str) -> None:
    """Another user cannot make a command send its token to an address of theirs."""
    log, lock = tmp_path / "log.sqlite3", tmp_path / "log.sqlite3.lock"
    log.touch()
    lock.write_text("http://x\nkey", encoding="utf-8")
    os.chown(log, log_owner, -1)
    os.chown(lock, owner, -1)
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = find_writer(log)
        with pytest.raises(LogInUseError) as refused:
            WriterLock(log)

    assert found is not None
    assert found.address == refused.value.address == address
    assert found.key == ("key" if address else "")


def test_the_process_that_holds_a_log_is_named(tmp_path: Path) -> None:
    """A process without an address, such as a consumer, can be found by its id; a server by its address, too."""
    log = tmp_path / "log.sqlite3"
    lock = WriterLock(log)
    silent = find_writer(log)
    lock.announce("http://127.0.0.1:8737", "secret")
    server = find_writer(log)
    lock.release()

    assert f"process {os.getpid()}, which takes no commands" in str(silent)
    assert f"process {os.getpid()} at http://127.0.0.1:8737" in str(server)
    assert server is not None
    assert (server.address, server.key, "secret" in str(server)) == ("http://127.0.0.1:8737", "secret", False)
    assert find_writer(log) is None
