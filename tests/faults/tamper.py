"""Tampering: random changes to copies of a log, each of which `verify` must find; an honest log never fails.

A change is made inside a transaction of an open file and taken back afterwards, so that every round begins with the
same honest log, and the tables' own constraints hold as they would for anybody who has the file.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from eventlog.checkpoint import Checkpoint
from eventlog.codec import compose
from eventlog.merkle import Frontier, append_leaf, leaf_hash, pack_frontier, unpack_frontier
from eventlog.records import EntryRow, Head, Span
from eventlog.sql import SIDE_TABLE_KEYS
from eventlog.sqlite_store import library_errors
from eventlog.verification import BEFORE_FIRST, verify
from tests.faults import flips, flips_postgresql
from tests.faults.logs import write_log

SIZES: Final = (200, 300, 450, 700, 1100, 2000)
PARTS: Final = 8
"""Shares into which the rounds of one size are cut."""
COLUMNS: Final = ("position", "subject", "version", "type", "recorded_at", "event", "texts")
HEAD: Final = ("size", "frontier", "recorded_at")


@dataclass(frozen=True)
class Copy:
    """A log's file as anyone who has it can read and write it."""

    connection: sqlite3.Connection

    def rows(self, after: int, limit: int) -> list[EntryRow]:
        """Rows as the log reads them."""
        return [
            EntryRow._make(row)
            for row in self.all("SELECT * FROM events WHERE position > ? ORDER BY position LIMIT ?", after, limit)
        ]

    def head(self) -> Head:
        """The head as the log reads it."""
        found = self.all("SELECT size, frontier, recorded_at FROM head")
        if not found:
            with library_errors(Path(":memory:")):
                raise sqlite3.IntegrityError("it has no head")
        size, frontier, recorded_at = found[0]
        return Head(size, unpack_frontier(frontier), recorded_at)

    def result_spans(self, first: int, limit: int) -> list[Span]:
        """What answers point at, as the log reads it."""
        return self.all(
            "SELECT first, count FROM idempotency_records WHERE first >= ? ORDER BY first LIMIT ?", first, limit
        )

    def find_damage(self) -> list[str]:
        """Nothing: what is changed here is changed by SQLite itself, and soundly."""
        return []

    def read_side_table(self, table: str, after: Sequence[Any] | None, limit: int) -> list[Any]:
        """Rows of a side table, as the log reads them."""
        key = SIDE_TABLE_KEYS[table]
        behind = f"WHERE ({key}) > ({', '.join('?' * len(after))})" if after else ""
        return self.all(f"SELECT * FROM {table} {behind} ORDER BY {key} LIMIT ?", *(after or ()), limit)

    def is_salted(self, first: int) -> bool:
        """Whether the hash of what was asked has its salt, as the log reads it."""
        return bool(self.all("SELECT 1 FROM idempotency_records WHERE first = ? AND salt IS NOT NULL", first))

    def all(self, statement: str, *parameters: Any) -> list[Any]:
        with library_errors(Path(":memory:")):
            return self.connection.execute(statement, parameters).fetchall()

    def change(self, statement: str, *parameters: Any) -> None:
        """Changes something.

        Raises:
            Nothing: nothing has changed by it.
            IntegrityError: the tables do not hold that.
        """
        if not self.connection.execute(statement, parameters).rowcount:
            raise Nothing

    def position(self, chance: Random) -> int:
        """Any position."""
        return chance.randint(1, self.connection.execute("SELECT size FROM head").fetchone()[0])

    def cell(self, column: str, position: int) -> Any:
        """The content of a row."""
        return self.connection.execute(f"SELECT {column} FROM events WHERE position = ?", (position,)).fetchone()[0]

    def put(self, column: str, position: int, value: Any) -> None:
        """Writes something else into a row."""
        self.change(f"UPDATE events SET {column} = ? WHERE position = ? AND {column} IS NOT ?", value, position, value)


class Nothing(Exception):
    """What was tried would change nothing, so it is no tampering."""


# Values --------------------------------------------------------------------------------------------------------------


def _other(value: Any, chance: Random) -> Any:
    """Something else of the same kind."""
    if isinstance(value, int):
        return chance.choice((value + 1, value - 1, -value, 0, chance.randrange(-(2**63), 2**63)))
    if isinstance(value, str):
        return _other(value.encode(), chance).decode(errors="replace")
    at = chance.randrange(len(value) + 1)
    return chance.choice(
        (
            value[:at] + bytes([chance.randrange(256)]) + value[at + 1 :],
            value[:at] + value[at:].swapcase(),
            value[:at] + b" " + value[at:],
            value[:at],
            value[at:] + value[:at],
            b"",
        )
    )


def a_value(log: Copy, chance: Random) -> None:
    """Any value of any row, by another."""
    column, position = chance.choice(COLUMNS), log.position(chance)
    value = log.cell(column, position)
    if value is None:
        raise Nothing
    log.put(column, position, _other(value, chance))


def a_value_of_another_row(log: Copy, chance: Random) -> None:
    """Any value by that of another row: every part is genuine."""
    column = chance.choice(COLUMNS[1:])
    log.put(column, log.position(chance), log.cell(column, log.position(chance)))


def the_head(log: Copy, chance: Random) -> None:
    """Any value of the head."""
    column = chance.choice(HEAD)
    value = log.all(f"SELECT {column} FROM head")[0][0]
    other = _other(value, chance)
    log.change(f"UPDATE head SET {column} = ? WHERE {column} IS NOT ?", other, other)


def no_head(log: Copy, _: Random) -> None:
    """The head taken away."""
    log.change("DELETE FROM head")


def a_spelling(log: Copy, chance: Random) -> None:
    """The same JSON in other bytes: another order, white space, an escape."""
    column, position = chance.choice(("event", "texts")), log.position(chance)
    stored = log.cell(column, position)
    if stored is None:
        raise Nothing
    value = json.loads(stored)
    shuffled = dict(chance.sample(sorted(value.items()), len(value)))
    spelled = chance.choice(
        (
            json.dumps(shuffled, separators=(",", ":"), ensure_ascii=False),
            json.dumps(value, separators=(",", ": "), ensure_ascii=False),
            json.dumps(value, separators=(",", ":"), ensure_ascii=True),
            stored.decode().replace('":', '":', 1).replace("a", "\\u0061", 1),
        )
    )
    log.put(column, position, spelled.encode())


def a_text(log: Copy, chance: Random) -> None:
    """A text, its salt, or its place."""
    position = log.position(chance)
    stored = log.cell("texts", position)
    if stored is None:
        raise Nothing
    texts = json.loads(stored)
    place = chance.choice(sorted(texts))
    salt, text = texts.pop(place)
    other = chance.choice(("words", "salt", "spelling", "place", "gone", "more", "shape"))
    match other:
        case "words":
            texts[place] = [salt, str(_other(text or "a", chance))]
        case "salt":
            texts[place] = [chance.randbytes(16).hex(), text]
        case "spelling":
            texts[place] = [chance.choice((salt.upper(), f"{salt[:2]} {salt[2:]}", salt[:-2])), text]
        case "place":
            texts[place + chance.choice(("/0", "x", "/"))] = [salt, text]
        case "more":
            texts |= {place: [salt, text], chance.choice(("/note", "/actor", "/data/why", "")): [salt, text]}
        case "shape":
            texts[place] = chance.choice(([salt], [salt, text, text], [text, salt], salt, {}, 7))
    log.put("texts", position, json.dumps(texts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())


def texts_taken_away(log: Copy, chance: Random) -> None:
    """Texts removed without an erasure."""
    log.put("texts", log.position(chance), None)


def texts_from_nowhere(log: Copy, chance: Random) -> None:
    """Texts where there are none."""
    texts = chance.choice((b"{}", b"[]", b"", b'{"/note":["00","x"]}', b"null"))
    log.put("texts", log.position(chance), texts)


# Answers -------------------------------------------------------------------------------------------------------------


def an_answer(log: Copy, chance: Random) -> None:
    """What the answer under a key points at: elsewhere, fewer entries or more."""
    first, count = chance.choice(log.all("SELECT first, count FROM idempotency_records"))
    column, value = chance.choice((("first", first), ("count", count)))
    other = _other(value, chance)
    log.change(f"UPDATE idempotency_records SET {column} = ? WHERE first = ? AND {column} <> ?", other, first, other)


def answers_swapped(log: Copy, chance: Random) -> None:
    """Two answers that point at what the other one answered, but for how many entries that were."""
    (one, few), (two, many) = chance.sample(log.all("SELECT first, count FROM idempotency_records"), 2)
    if few == many:
        raise Nothing
    for old, new in ((one, -5), (two, one), (-5, two)):
        log.change("UPDATE idempotency_records SET first = ? WHERE first = ?", new, old)


def an_answer_more(log: Copy, chance: Random) -> None:
    """Another key for a unit that has one, or for entries that are not there."""
    first, count = chance.choice(log.all("SELECT first, count FROM idempotency_records"))
    end = log.head().size + 1
    first = chance.choice((first, first, end, end - count, 0, -first))
    columns = (f"forged-{chance.randrange(10**9)}", chance.randbytes(16), chance.randbytes(32), first, count)
    log.change("INSERT INTO idempotency_records VALUES ('person:ann', ?, ?, ?, ?, ?)", *columns)


def a_salt_that_was_kept(log: Copy, chance: Random) -> None:
    """The salt of an answer whose unit's texts were forgotten, there once more."""
    found = log.all("SELECT first FROM idempotency_records WHERE salt IS NULL")
    if not found:
        raise Nothing
    log.change("UPDATE idempotency_records SET salt = ? WHERE first = ?", chance.randbytes(16), chance.choice(found)[0])


# Rows ----------------------------------------------------------------------------------------------------------------


def swapped(log: Copy, chance: Random) -> None:
    """Two rows in each other's place."""
    one, two = log.position(chance), log.position(chance)
    if one == two:
        raise Nothing
    for old, new in ((one, -5), (two, one), (-5, two)):
        log.change("UPDATE events SET position = ? WHERE position = ?", new, old)


def swapped_within_a_stream(log: Copy, chance: Random) -> None:
    """Two acts of one subject in each other's place, their versions set right again."""
    subject = log.cell("subject", log.position(chance))
    found = log.all("SELECT position, version FROM events WHERE subject = ?", subject)
    if len(found) == 1:
        raise Nothing
    (one, first), (two, second) = chance.sample(found, 2)
    for old, new, version in ((one, -5, -5), (two, one, first), (-5, two, second)):
        log.change("UPDATE events SET position = ?, version = ? WHERE position = ?", new, version, old)


def removed(log: Copy, chance: Random) -> None:
    """A row taken out; perhaps those after it moved up, perhaps the head told."""
    position = log.position(chance)
    log.change("DELETE FROM events WHERE position = ?", position)
    if chance.random() < 0.7:
        _shift(log, position, -1)
    if chance.random() < 0.7:
        log.change("UPDATE head SET size = size - 1")


def inserted(log: Copy, chance: Random) -> None:
    """A copy of a row put in somewhere, as the next act of its subject; perhaps the head told."""
    size = log.head().size
    position = chance.choice((0, -1, -(2**62), size + 1, size + 7, log.position(chance)))
    source = log.position(chance)
    row = log.all("SELECT * FROM events WHERE position = ?", source)[0]
    if 0 < position <= size:
        _shift(log, position - 1, 1)
    last = log.all("SELECT max(version) FROM events WHERE subject = ?", row[1])[0][0]
    recorded_at = log.all("SELECT max(recorded_at) FROM events")[0][0] + 1
    log.change(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)",
        position,
        row[1],
        last + 1,
        row[3],
        recorded_at,
        row[5],
        row[6],
    )
    if chance.random() < 0.7:
        log.change("UPDATE head SET size = size + 1, recorded_at = max(?, recorded_at)", recorded_at)


def redated(log: Copy, chance: Random) -> None:
    """A row at another time that is still between its neighbors."""
    position = log.position(chance)
    log.put("recorded_at", position, log.cell("recorded_at", position) + chance.randint(-1_000_000, 1_000_000))


def all_redated(log: Copy, chance: Random) -> None:
    """Everything from a row on at a later instant, the head told."""
    by = chance.randint(1, 10**12)
    log.change("UPDATE events SET recorded_at = recorded_at + ? WHERE position >= ?", by, log.position(chance))
    log.change("UPDATE head SET recorded_at = recorded_at + ?", by)


def _shift(log: Copy, behind: int, by: int) -> None:
    """Moves all rows behind a position, by way of where none is."""
    log.connection.execute("UPDATE events SET position = -position WHERE position > ?", (behind,))
    log.connection.execute("UPDATE events SET position = -position + ? WHERE position < 0", (by,))


# Consistent rewrites -------------------------------------------------------------------------------------------------


def tail_cut_off(log: Copy, chance: Random) -> None:
    """The last entries taken away, and the head made what it was before them."""
    log.change("DELETE FROM events WHERE position > ?", chance.randint(1, log.head().size - 1))
    _rewrite_head(log)


def act_rewritten(log: Copy, chance: Random) -> None:
    """Another person as the actor of an entry, with a recomputed head."""
    position = log.position(chance)
    log.put("event", position, log.cell("event", position).replace(b'"actor":"', b'"actor":"person:mallory.', 1))
    _rewrite_head(log)


def _rewrite_head(log: Copy) -> None:
    frontier: Frontier = ()
    row = None
    for row in log.rows(BEFORE_FIRST, -1):
        frontier = append_leaf(frontier, row.position - 1, leaf_hash(compose(row)))
    log.change(
        "UPDATE head SET size = ?, frontier = ?, recorded_at = ?",
        row.position,
        pack_frontier(frontier),
        row.recorded_at,
    )


Change = Callable[[Copy, Random], None]
CHANGES: Final = (
    a_value,
    a_value,
    a_value,
    a_value_of_another_row,
    the_head,
    no_head,
    a_spelling,
    a_text,
    a_text,
    texts_taken_away,
    texts_from_nowhere,
    swapped,
    swapped_within_a_stream,
    removed,
    inserted,
    redated,
    all_redated,
    an_answer,
    answers_swapped,
    an_answer_more,
    a_salt_that_was_kept,
)
REWRITES: Final = (tail_cut_off, act_rewritten)
"""What is consistent in itself, and found by a checkpoint alone."""


# Rounds --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Missed:
    """A change that was not found; the seed makes it again."""

    size: int
    seed: int
    change: str


def honest(folder: Path, sizes: Sequence[int]) -> Iterator[tuple[int, Copy]]:
    """Logs of these sizes, to be tampered with."""
    for size in sizes:
        path = folder / f"{size}.sqlite3"
        write_log(path, size, size)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            yield size, Copy(connection)


def try_to_cheat(
    log: Copy, seeds: Iterable[int], found: Counter[str], changes: Sequence[Change] = (*CHANGES, *REWRITES)
) -> Iterator[Missed]:
    """Changes a log in one way after another; counts what was found, and tells what was not."""
    known = verify(log)
    assert isinstance(known, Checkpoint), known
    for seed in seeds:
        change, verdict = one_round(log, known, Random(seed), changes)
        if isinstance(verdict, Checkpoint):
            yield Missed(known.size, seed, change.__name__)
        else:
            found[change.__name__] += 1
    assert verify(log) == known


def one_round(log: Copy, known: Checkpoint, chance: Random, changes: Sequence[Change]) -> tuple[Change, Any]:
    """One change and what was found of it; the log is as before afterwards."""
    while True:
        change = chance.choice(changes)
        log.connection.execute("BEGIN")
        try:
            change(log, chance)
        except (Nothing, sqlite3.IntegrityError, OverflowError):
            continue  # nothing has changed, or the tables do not hold it: try another way
        else:
            return change, verify(log, [known] if change in REWRITES else [])
        finally:
            log.connection.execute("ROLLBACK")


def shares(rounds: int) -> list[tuple[int, int, int]]:
    """Rounds as they are dealt out to processes: size of the log, first seed, how many.

    Each size gets about as many entries to verify, and so a small log more rounds; then all is cut into like parts.
    """
    weight = sum(1 / size for size in SIZES)
    cuts: list[tuple[int, int, int]] = []
    for size in SIZES:
        of_size = math.ceil(rounds / size / weight)
        step = math.ceil(of_size / PARTS)
        cuts += [(size, first, min(step, of_size - first)) for first in range(0, of_size, step)]
    return cuts


def one_share(share: tuple[int, int, int]) -> tuple[int, Counter[str], list[Missed]]:
    """What came of one share, on a log of its own."""
    size, first, rounds = share
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for _, log in honest(Path(folder), [size]):
            return size, found, list(try_to_cheat(log, range(first, first + rounds), found))
    raise AssertionError("there is one log of each size")


def run(rounds: int, kind: str = "rows") -> Iterator[str]:
    """Many rounds over logs of every size, on every core; says as it goes what was found, and how fast.

    Of the kind `postgresql`, rows and indexes of a database are changed: see `tests.faults.flips_postgresql`. Of the kind
    `flips`, bytes of the files are changed, and those of the read model too: see `tests.faults.flips`.
    """
    if kind == "flips":
        yield from flips.run(rounds)
        return
    if kind == "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            yield from flips_postgresql.run(rounds, Path(folder))
        return
    found: Counter[str] = Counter()
    missed: list[Missed] = []
    begun = time.monotonic()
    with multiprocessing.get_context("spawn").Pool() as pool:
        for size, some, unseen in pool.imap_unordered(one_share, shares(rounds)):
            found += some
            missed += unseen
            yield f"{size} entries: {found.total():,} changes found in all, {len(missed)} missed"
    yield f"{found.total() / (time.monotonic() - begun):,.0f} changes a second"
    yield ", ".join(f"{name} {times:,}" for name, times in found.most_common())
    yield from map(str, missed)
    if missed:
        raise SystemExit(1)
