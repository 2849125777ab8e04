"""A backup is the log, and what is restored from it is the same."""

import re
import stat
import subprocess
import threading
from contextlib import contextmanager
from random import Random
from urllib.parse import urlsplit, urlunsplit

import psycopg
from support_postgresql import cluster, fresh_schema
from support_serving import run, serving

from tests.faults.kill import Client
from tests.faults.logs import write_log


def content(data, **more):
    """The hash of the read model, built from nothing."""
    return re.search(r"content: (\w{64})", run(data, "rebuild", **more).stdout)[1]


def test_a_restored_log_is_the_log(tmp_path):
    """A restored log verifies, agrees with the checkpoint, and its read model is built to the same content."""
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


def test_a_backup_beside_a_server_under_load(tmp_path):
    """A backup taken while clients write is a whole log of some moment, and it takes no other file's place."""
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
    assert "is there already" in again.stderr


def test_a_cut_off_end_is_found_by_the_checkpoint(tmp_path):
    """A restored log that is older than the checkpoint is said to have lost its end, with an exit code of its own."""
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


def test_a_file_that_is_no_checkpoint(tmp_path):
    """What is no checkpoint is refused in a sentence that says what one looks like."""
    data, other = tmp_path / "data", tmp_path / "other"
    data.mkdir()
    write_log(data / "log.sqlite3", 60, 1)
    other.write_text("tea")

    done = run(data, "verify", "--checkpoint", str(other))

    assert done.returncode == 1
    assert "three lines" in done.stderr


def test_a_log_restored_by_pg_restore_is_the_log(tmp_path):
    """Dumped and restored by PostgreSQL's own tools into an empty database, a log is what it was, read model and all."""
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
