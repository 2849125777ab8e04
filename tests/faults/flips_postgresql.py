"""Random changes of rows and indexes in PostgreSQL: each is noticed, or has changed nothing.

Flipped bytes of PostgreSQL's files are found by its own checksums. What they cannot find is a row that was changed in a
valid page, and an index that no longer holds what its table holds. A copy of an untouched database gets one such change,
made past the program; then it is judged as in `tests.faults.flips`.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from cli.bootstrap import open_for_write, open_runtime
from cli.settings import Settings
from tests.faults.flips import SIZE, Verdict, answers_of, ask, is_noticed, of_answers, of_content
from tests.faults.logs import fill
from tests.support_postgresql import fresh_databases

SCHEMA: Final = "log"
UNCHANGED: Final = ("workers",)
"""What each process writes of itself."""
_copies: Final = itertools.count(1)


@dataclass
class Untouched:
    """An untouched log in a database of its own, with its read model."""

    url: str
    folder: Path
    rows: dict[str, list[Any]] = field(default_factory=dict)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def settings(self, url: str) -> Settings:
        """Return the settings of the log in a database."""
        return Settings(data=self.folder, store=f"{url}{'&' if '?' in url else '?'}schema={SCHEMA}")


@contextmanager
def untouched(folder: Path, size: int = SIZE) -> Iterator[Untouched]:
    """Write a log of about this size and its read model, and ask what is answered from them."""
    with fresh_databases(1) as (url,):
        found = Untouched(url, folder)
        settings = found.settings(url)
        with open_for_write(settings) as log:
            fill(log, size, 7)
            with open_runtime(log, settings) as runtime:
                assert runtime.runner.wait_for(log.head().size, 60)
        found.answers = dict(ask(settings))
        assert {status for status, _ in found.answers.values()} == {200}
        found.rows = rows_of(url)
        yield found


@contextmanager
def copy_of(url: str) -> Iterator[str]:
    """The URL of a copy of a database, which is dropped in the end."""
    parts = urlsplit(url)
    name = f"copy_{parts.path.strip('/')}_{next(_copies)}"
    maintenance = urlunsplit(parts._replace(path="/postgres"))
    with psycopg.connect(maintenance, autocommit=True) as connection:
        template = sql.Identifier(parts.path.strip("/"))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), template))
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _tables(connection: psycopg.Connection[Any]) -> list[str]:
    found = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r' ORDER BY 1", [SCHEMA]
    )
    return [name for (name,) in found if name not in UNCHANGED]


def rows_of(url: str) -> dict[str, list[Any]]:
    """Return every row of every table, read without an index."""
    with psycopg.connect(url) as connection:
        connection.execute("SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off")
        select = sql.SQL("SELECT * FROM {}")
        return {
            name: sorted(connection.execute(select.format(sql.Identifier(SCHEMA, name))).fetchall(), key=repr)
            for name in _tables(connection)
        }


@dataclass(frozen=True)
class Change:
    """One value of one row that gets another. With `hidden_from`, that index is not told of it."""

    table: str
    column: str
    row: str
    before: Any
    after: Any
    hidden_from: str = ""

    @classmethod
    def at_random(cls, connection: psycopg.Connection[Any], chance: Random) -> Change | None:
        """Choose any value of any row of any table; None if it is not one that can be changed by a bit or a letter."""
        table = chance.choice(_tables(connection))
        rows = connection.execute(
            sql.SQL("SELECT ctid::text FROM {} ORDER BY ctid").format(sql.Identifier(SCHEMA, table))
        ).fetchall()
        if not rows:
            return None
        (row,) = chance.choice(rows)
        columns = connection.execute(
            "SELECT attname, attgenerated FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
            [f"{SCHEMA}.{table}"],
        ).fetchall()
        column = chance.choice([name for name, generated in columns if not generated.strip()])
        select = sql.SQL("SELECT {} FROM {} WHERE ctid = %s::tid")
        ((before,),) = connection.execute(
            select.format(sql.Identifier(column), sql.Identifier(SCHEMA, table)), [row]
        ).fetchall()
        after = _alter(before, chance)
        indexes = connection.execute(
            "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = %s::regclass ORDER BY 1",
            [f"{SCHEMA}.{table}"],
        ).fetchall()
        hidden_from = chance.choice(indexes)[0] if indexes and chance.random() < 0.5 else ""
        return None if after is None else cls(table, column, row, before, after, hidden_from)

    def apply(self, connection: psycopg.Connection[Any]) -> None:
        """Make the change, past every index that it is hidden from."""
        ready = "UPDATE pg_index SET indisready = {}, indisvalid = {}, indislive = {} WHERE indexrelid = %s::regclass"
        if self.hidden_from:
            connection.execute(ready.format("false", "false", "true"), [self.hidden_from])
        update = sql.SQL("UPDATE {} SET {} = %s WHERE ctid = %s::tid")
        connection.execute(
            update.format(sql.Identifier(SCHEMA, self.table), sql.Identifier(self.column)), [self.after, self.row]
        )
        if self.hidden_from:
            connection.execute(ready.format("true", "true", "true"), [self.hidden_from])


def _alter(value: Any, chance: Random) -> Any:
    """Return a value of the same type that differs in one bit or one letter."""
    match value:
        case bool():
            return not value
        case int():
            return value ^ (1 << chance.randrange(8))
        case bytes() if value:
            at = chance.randrange(len(value))
            return value[:at] + bytes([value[at] ^ (1 << chance.randrange(8))]) + value[at + 1 :]
        case str() if value:
            at = chance.randrange(len(value))
            return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
    return None


def judge(original: Untouched, url: str) -> Verdict:
    """Return what is said of a changed database, against what it was."""
    settings = original.settings(url)
    found = rows_of(url)
    content = {name for name in {*original.rows, *found} if original.rows.get(name) != found.get(name)}
    try:
        noticed = is_noticed(settings)
        answers = answers_of(settings)
    except Exception as error:  # noqa: BLE001  (a trace is what must not be)
        return Verdict("trace", repr(error))
    if answers is None:
        return Verdict("noticed, and not served") if noticed else Verdict("missed", "the server alone refuses it")
    return of_answers(original.answers, answers) or of_content(content, noticed=noticed)


def change_many(original: Untouched, seeds: Iterable[int]) -> Iterator[tuple[int, Change, Verdict]]:
    """Make the change of each seed in an untouched copy, and judge what comes of it.

    A seed that changes nothing, such as where the database refuses the change, is left out, and leaves its copy to the
    next: making and dropping a copy takes as long as judging it.
    """
    remaining = iter(seeds)
    for seed in remaining:
        with copy_of(original.url) as url:
            for each in itertools.chain([seed], remaining):
                change = _apply_some(url, Random(each))
                if change is not None:
                    yield each, change, judge(original, url)
                    break


def _apply_some(url: str, chance: Random) -> Change | None:
    try:
        with psycopg.connect(url) as connection:
            change = Change.at_random(connection, chance)
            if change is not None:
                change.apply(connection)
            return change
    except psycopg.Error:  # such as a duplicate key: the database itself refuses it
        return None


def run(rounds: int, folder: Path) -> Iterator[str]:
    """Make many changes; report what came of them, and each that was missed."""
    found: Counter[str] = Counter()
    wrong = 0
    with untouched(folder) as original:
        for seed, change, verdict in islice(change_many(original, itertools.count()), rounds):
            found[verdict.kind] += 1
            if verdict.wrong:
                wrong += 1
                yield f"seed {seed}: {change}: {verdict.wrong}"
            if found.total() % 25 == 0:
                yield f"{found.total():,} changes: {', '.join(f'{kind} {n:,}' for kind, n in sorted(found.items()))}"
    yield f"{found.total():,} changes, {wrong} wrong"
    if wrong:
        raise SystemExit(1)
