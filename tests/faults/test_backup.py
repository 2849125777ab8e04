"""A backup is a complete log, and a restored log equals the original."""

import re
import stat
import subprocess
import threading
from contextlib import contextmanager
from random import Random
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.faults.kill import Client
from tests.faults.logs import write_log
from tests.support_postgresql import cluster, fresh_schema
from tests.support_serving import run, serving


def content(data, **more):
    """The hash of the read model, built from nothing."""
    return re.search(r"content: (\w{64})", run(data, "rebuild", **more).stdout)[1]


@pytest.mark.slow
def test_a_restored_log_equals_the_original(tmp_path):
    """A restored log verifies, agrees with the checkpoint, and its read model is rebuilt to the same content."""
    data, new, checkpoint = tmp_path / "data", tmp_path / "new", tmp_path / "checkpoint"
    data.mkdir()
    write_log(data / "log.sqlite3", 200, 1)
    assert run(data, "verify", "--write-checkpoint", str(checkpoint)).returncode == 0
    new.mkdir()

    done = run(data, "backup", str(new / "log.sqlite3"))

    assert done.returncode == 0, done.stderr
    assert [file.name for file in new.iterdir()] == ["log.sqlite3"]
    assert stat.S_IMODE((new / "log.sqlite3").stat().st_mode) == 0o600
    verified = run(new, "verify", "--checkpoint", str(checkpoint))
    assert verified.returncode == 0, verified.stderr
    assert content(new) == content(data)


@pytest.mark.slow
def test_a_backup_of_a_server_under_load(tmp_path):
    """A backup taken while clients write is the complete log of some moment, and it never overwrites a file."""
    data, copy = tmp_path / "data", tmp_path / "copy" / "log.sqlite3"
    copy.parent.mkdir()
    with serving(data) as server:
        client = Client("c", server.token, Random(1))
        thread = threading.Thread(target=client.work, args=(server.address,))
        thread.start()
        done, again = run(data, "backup", str(copy)), run(data, "backup", str(copy))
    thread.join()

    assert done.returncode == 0, done.stderr
    assert run(copy.parent, "verify").returncode == 0
    assert again.returncode == 1
    assert "already exists" in again.stderr


def test_a_checkpoint_detects_a_truncated_log(tmp_path):
    """A restored log that is older than the checkpoint is reported as truncated, with an exit code of its own."""
    data, checkpoint = tmp_path / "data", tmp_path / "checkpoint"
    data.mkdir()
    write_log(data / "log.sqlite3", 100, 1)
    run(data, "verify", "--write-checkpoint", str(checkpoint))
    log, size, root = checkpoint.read_text().splitlines()
    checkpoint.write_text(f"{log}\n{int(size) + 1}\n{root}\n")

    done = run(data, "verify", "--checkpoint", str(checkpoint))

    assert done.returncode == 4
    assert f"position {int(size) + 1}" in done.stderr
    assert "cut off" in done.stderr


def test_an_invalid_checkpoint_is_refused(tmp_path):
    """The error describes the format of a checkpoint."""
    data, other = tmp_path / "data", tmp_path / "other"
    data.mkdir()
    write_log(data / "log.sqlite3", 60, 1)
    other.write_text("tea")

    done = run(data, "verify", "--checkpoint", str(other))

    assert done.returncode == 1
    assert "three lines" in done.stderr


@pytest.mark.slow
def test_a_log_restored_by_pg_restore_equals_the_original(tmp_path):
    """Dumped and restored with PostgreSQL's own tools, a log and its read model are unchanged."""
    dump, checkpoint = tmp_path / "log.dump", tmp_path / "checkpoint"
    write_log(tmp_path / "log.sqlite3", 200, 1)
    with fresh_schema(cluster().url) as store, another_database(store) as restored:
        assert run(tmp_path, "migrate", "--to", store).returncode == 0
        there = {"DECISIONLOG_STORE": store}
        with serving(tmp_path, **there):
            pass  # which begins the read model
        before = content(tmp_path, **there)
        assert run(tmp_path, "verify", "--write-checkpoint", str(checkpoint), **there).returncode == 0
        url, schema = store.split("&schema=")

        tool("pg_dump", "--format=custom", f"--schema={schema}", f"--file={dump}", url)
        tool("pg_restore", f"--dbname={restored.split('&schema=')[0]}", str(dump))

        there = {"DECISIONLOG_STORE": restored}
        verified = run(tmp_path, "verify", "--checkpoint", str(checkpoint), **there)
        assert verified.returncode == 0, verified.stderr
        assert content(tmp_path, **there) == before


def tool(name, *arguments):
    subprocess.run([cluster().tool(name), *arguments], check=True, capture_output=True, text=True)


@contextmanager
def another_database(store):
    """The same place in an empty database beside."""
    name = "restored"
    with psycopg.connect(cluster().url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield urlunsplit(urlsplit(store)._replace(path=f"/{name}"))
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
