"""Random flips in the files of a log and its read model: each is noticed, or has changed nothing.

A copy of an untouched folder gets one byte changed. Then `verify` and `doctor` are asked, and a server answers questions.
A flip is *noticed* when one of the commands says that something is damaged, or does not open the file at all. One that is
not noticed must have changed no content: every row of every table is the same. And whatever is answered must be what the
untouched folder answers; a 503 is no answer.
"""

from __future__ import annotations

import contextlib
import io
import logging
import multiprocessing
import re
import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from eventsourcing.persistence import PersistenceError
from fastapi import FastAPI

from api.app import create_app
from api.services import Services
from cli.bootstrap import clock, local_caller, open_for_write, open_runtime
from cli.commands.doctor import run_doctor
from cli.commands.verify import verify_log
from cli.errors import CommandFailed
from cli.settings import Settings
from eventlog.errors import LogError
from eventlog.sqlite_integrity import DAMAGE_ERRORS
from projections.read_model.factory import open_database
from projections.read_model.model import ReadModel
from projections.read_model.rebuild import rebuild
from projections.read_model.schema import TABLES
from tests.faults.logs import write_log
from tests.support_client import AppClient

SIZE: Final = 160
SHARES: Final = 25
HEAL_S: Final = 20.0
SIDE_TABLES: Final = ("idempotency_records", "names", "tokens")
"""What no hash covers: a well-formed value in the place of another cannot be found there."""
NOW: Final = re.compile(rb'"(as_of|known_at)":"[^"]*"')
"""What differs from one asking to the next."""
AS_OF: Final = "as_of=2030-01-01T00:00:00Z"
QUESTIONS: Final = (
    f"/v1/roadmap?{AS_OF}",
    f"/v1/fields?{AS_OF}&limit=10000",
    f"/v1/decisions?{AS_OF}&limit=10000",
    "/v1/fields/history?limit=10000",
    "/v1/audit?limit=10000",
    "/v1/search?text=decision",
    "/v1/search?text=because",
    f"/v1/unowned?{AS_OF}",
    "/v1/log",
    "/v1/log/entries",
    "/v1/products/shop",
    "/v1/features/f7",
)


@dataclass
class Folder:
    """An untouched log with its read model, what is in them, and what is answered from them."""

    path: Path
    log_rows: dict[str, list[Any]] = field(default_factory=dict)
    model_rows: dict[str, list[Any]] = field(default_factory=dict)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    @classmethod
    def write(cls, path: Path, size: int) -> Folder:
        """Write a log of about this size, and its read model."""
        settings = Settings(data=path)
        write_log(settings.log_file, size, 7)
        with open_for_write(settings) as log:
            model = ReadModel.open(open_database(settings.model_file), log, clock)
            rebuild(log, model)
            model.close()
        answers = dict(ask(settings))  # which leaves rows in the access journal
        for file in path.glob("*.sqlite3"):
            with closing(sqlite3.connect(file)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return cls(path, rows_of(settings.log_file), rows_of(settings.model_file), answers)


def rows_of(file: Path) -> dict[str, list[Any]]:
    """Every row of every table, read without an index; and what each index holds."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        kept = [name for name in tables if not name.startswith("search_") and "last_" not in name]
        found = {
            name: sorted(connection.execute(f"SELECT {_columns(name)} FROM {name} NOT INDEXED").fetchall(), key=repr)
            for name in kept
        }
        return found | {f"{name} by {index}": rows for name in kept for index, rows in _by_index(connection, name)}


def _columns(table: str) -> str:
    """All columns, but not the words of a text, cut for the index: they answer nothing, and that checks itself."""
    return TABLES["search"][0] if table == "search" else "*"


def _by_index(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, list[Any]]]:
    """What each index of a table holds, read from the index alone."""
    for _, index, _, origin, is_partial in connection.execute(f"PRAGMA index_list({table})").fetchall():
        if not is_partial and not (origin == "pk" and table in _WITHOUT_ROWID):
            columns = ", ".join(name for _, _, name in connection.execute(f"PRAGMA index_info({index})").fetchall())
            sql = f"SELECT {columns} FROM {table} INDEXED BY {index} ORDER BY {columns}"
            yield index, connection.execute(sql).fetchall()


_WITHOUT_ROWID: Final = ("answers", "names", "field_value", "field_ref", "event_because")


def ask(settings: Settings, questions: Sequence[str] = QUESTIONS) -> Iterator[tuple[str, tuple[int, bytes]]]:
    """What a server in this process answers; a 503 is asked again until the server has built its model again."""
    with open_for_write(settings) as log, open_runtime(log, settings, check=True) as built:
        services = Services(log, built.model, built.runner, lambda _: local_caller("person:ann"))
        client = AppClient(_app(services), headers={"Authorization": "Bearer x"}, raises=False)
        for question in questions:
            yield question, _answer(client, question)


_APPS: Final[list[FastAPI]] = []


def _app(services: Services) -> FastAPI:
    """The application, made once, as that takes longer than all else here; what it serves is put in."""
    if not _APPS:
        _APPS.append(create_app(services))
    _APPS[0].state.services = services
    return _APPS[0]


def _answer(client: AppClient, question: str) -> tuple[int, bytes]:
    deadline = time.monotonic() + HEAL_S
    while True:
        response = client.get(question)
        if response.status_code != 503 or time.monotonic() > deadline:
            return response.status_code, NOW.sub(b"", response.content)
        # Damage in the log is not repaired by a server: it keeps reporting it.
        if b"log is damaged" in response.content:
            return response.status_code, response.content
        time.sleep(0.02)


# One flip --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flip:
    """One byte of a file that gets another value."""

    file: str
    offset: int
    mask: int

    @classmethod
    def at_random(cls, path: Path, chance: Random) -> Flip:
        """Any bit, or a letter's case, in one of the two files."""
        file = chance.choice(("log.sqlite3", "views.sqlite3"))
        return cls(file, chance.randrange((path / file).stat().st_size), 1 << chance.randrange(8))

    def apply(self, folder: Path) -> None:
        """Change the byte."""
        with (folder / self.file).open("r+b") as stream:
            stream.seek(self.offset)
            (byte,) = stream.read(1)
            stream.seek(self.offset)
            stream.write(bytes([byte ^ self.mask]))


@dataclass(frozen=True)
class Verdict:
    """What came of a flip: how it counts, and what is wrong with that, if anything is."""

    kind: str
    wrong: str = ""


def judge(untouched: Folder, folder: Path) -> Verdict:
    """What is said of a folder that was tampered with, against what it was."""
    settings = Settings(data=folder)
    content = changed_tables(untouched, settings)  # before a server repairs anything
    try:
        noticed = is_noticed(settings)
        answers = answers_of(settings)
    except Exception as error:  # noqa: BLE001  (a trace is what must not be)
        return Verdict("trace", repr(error))
    if answers is None:
        return Verdict("noticed, and not served") if noticed else Verdict("missed", "the server alone refuses it")
    return of_answers(untouched.answers, answers) or of_content(content, noticed=noticed)


def answers_of(settings: Settings) -> dict[str, tuple[int, bytes]] | None:
    """What is answered from a folder; None where the server refuses to start."""
    try:
        return dict(ask(settings))
    except (LogError, PersistenceError):
        return None


def of_answers(untouched: dict[str, tuple[int, bytes]], answers: dict[str, tuple[int, bytes]]) -> Verdict | None:
    """What is wrong with answers: one that is not that of the untouched folder, and not a 503 either."""
    false = [question for question, answer in answers.items() if answer != untouched[question]]
    lies = [question for question in false if answers[question][0] != 503]
    if lies:
        status, body = answers[lies[0]]
        return Verdict("lie", f"{lies}: {status} {body[:200]!r}")
    return None


def of_content(content: set[str], *, noticed: bool) -> Verdict:
    """How a flip counts after which no false answer was given."""
    if noticed:
        return Verdict("noticed, and served truly")
    if not content:
        return Verdict("nothing changed")
    if {name.partition(" by ")[0] for name in content} <= set(SIDE_TABLES):
        return Verdict("outside the tree")
    return Verdict("missed", f"content of {sorted(content)} changed, and it was not noticed")


def is_noticed(settings: Settings) -> bool:
    """Whether `verify` or `doctor` says that something is damaged."""
    silence = io.StringIO()
    for command in (lambda: verify_log(settings, [], None), lambda: run_doctor(settings, compare=True)):
        try:
            with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
                command()
        except (CommandFailed, LogError, PersistenceError):
            return True
    return "cannot be used" in silence.getvalue()


def changed_tables(untouched: Folder, settings: Settings) -> set[str]:
    """The tables whose rows are not what they were; `unreadable` where a file cannot be read."""
    changed: set[str] = set()
    for file, expected in ((settings.log_file, untouched.log_rows), (settings.model_file, untouched.model_rows)):
        try:
            found = rows_of(file)
        except (*DAMAGE_ERRORS, OverflowError, ValueError):
            changed.add("unreadable")
            continue
        changed |= {name for name in {*expected, *found} if expected.get(name) != found.get(name)}
    return changed


# Many flips ------------------------------------------------------------------------------------------------------------


def flip_many(untouched: Folder, work: Path, seeds: Sequence[int]) -> Iterator[tuple[int, Flip, Verdict]]:
    """Flip a byte of a fresh copy for each seed, and judge what comes of it."""
    for seed in seeds:
        copy = work / str(seed)
        shutil.copytree(untouched.path, copy)
        flip = Flip.at_random(copy, Random(seed))
        flip.apply(copy)
        yield seed, flip, judge(untouched, copy)
        shutil.rmtree(copy)


def one_share(seeds: Sequence[int]) -> list[tuple[int, Flip, Verdict]]:
    """What came of some seeds, on a log of its own; each share has the same log."""
    logging.disable(logging.CRITICAL)  # each flip logs errors, in its own process
    with tempfile.TemporaryDirectory() as place:
        untouched = Folder.write(Path(place) / "untouched", SIZE)
        return list(flip_many(untouched, Path(place), seeds))


def run(rounds: int) -> Iterator[str]:
    """Many flips, on every core; says what came of them, and each that was missed."""
    found: Counter[str] = Counter()
    wrong: list[str] = []
    shares = [range(first, rounds, SHARES) for first in range(SHARES)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        for some in pool.imap_unordered(one_share, shares):
            found.update(verdict.kind for _, _, verdict in some)
            wrong += [f"seed {seed}: {flip}: {verdict.wrong}" for seed, flip, verdict in some if verdict.wrong]
            yield f"{found.total():,} flips: {', '.join(f'{kind} {times:,}' for kind, times in sorted(found.items()))}"
    yield from wrong
    if wrong:
        raise SystemExit(1)
