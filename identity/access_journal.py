"""The access journal: who signed in, who was refused what, and who exported or audited. It lies next to the log.

Rows are numbered and chained by hashes, so `verify` finds a row that was changed or removed; old rows are deleted after
the retention period, and the chain then starts later. Rows have no secrets and nothing of a request's body.

Recording never waits: rows are collected in memory, equal ones are counted, and a thread writes them once a second. If
more different rows than `MAX_PENDING` wait, further ones are only counted, in a row of the kind `lost`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, get_args

from eventsourcing.persistence import PersistenceError

from domain.ids import SUBJECT_IN_TEXT
from eventlog.errors import LogError
from eventlog.sql import Session
from eventlog.store import Store

_log: Final = logging.getLogger("decisionlog.identity")

Kind = Literal["sign-in", "denied", "refused", "export", "audit", "lost"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""`sign-in`: a session began. `denied`: a request was refused before it did anything. `refused`: a command was refused,
because its sender may not do this. `export`: data left as a file. `audit`: the audit trail or this journal was read, or
how other people sign in or forecast.
`lost`: the number of rows that were not written."""

DAY_US: Final = 24 * 3_600_000_000
WRITE_AFTER_S: Final = 1.0
"""How long rows are collected before they are written in one transaction."""
RETRY_AFTER_S: Final = 5.0
DELETE_EVERY_US: Final = DAY_US // 24
MAX_PENDING: Final = 5_000
MAX_RECENT: Final = 10_000
MAX_CHARACTERS: Final = 300
"""The length to which each text of a row is cut."""
ROWS_PER_READ: Final = 1_000
ATTEMPTS: Final = 3
"""Old rows may be deleted while the chain is checked; then it is checked again."""
_PREFIX: Final = b"\x02"
"""Keeps these hashes apart from those of entries, which begin with 0 and 1 (RFC 6962)."""
_COLUMNS: Final = "number, at, kind, who, credential, what, reason, times, hash"


class AccessRow(NamedTuple):
    """A row of the journal; `at` in microseconds since 1970. It stands for `times` equal attempts from then on."""

    number: int
    at: int
    kind: str
    who: str
    credential: str
    what: str
    reason: str
    times: int
    hash: bytes

    @property
    def mentions(self) -> list[str]:
        """The ids of the people and subjects that the request and the reason name, each once."""
        return list(dict.fromkeys(SUBJECT_IN_TEXT.findall(f"{self.what} {self.reason}")))

    def chained_hash(self, previous: bytes) -> bytes:
        """Return the hash that this row has after another one."""
        values = json.dumps(self[:-1], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(_PREFIX + previous + values.encode()).digest()


class JournalHead(NamedTuple):
    """The rows that there are, with the hash before the first and that of the last."""

    first: int
    start: bytes
    last: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class AccessFilter:
    """Which rows a query covers; all that is given must match. The period is half open, in microseconds."""

    kinds: Sequence[str] = ()
    who: Sequence[str] = ()
    since: int | None = None
    until: int | None = None


class AccessJournal:
    """The access journal of one log."""

    def __init__(self, store: Store, *, clock: Callable[[], int], retention_us: int = 365 * DAY_US) -> None:
        self.retention_us = retention_us
        self._store = store
        self._clock = clock
        self._pending: OrderedDict[tuple[str, ...], tuple[int, int]] = OrderedDict()
        """When each row was first to be recorded, and how often."""
        self._lost = 0
        self._recent: OrderedDict[tuple[str, ...], int] = OrderedDict()
        self._deleted_at = 0
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # Recording

    def record(
        self, kind: Kind, who: str = "", credential: str = "", what: str = "", reason: str = "", *, every_us: int = 0
    ) -> None:
        """Record an attempt. Returns at once, and never raises.

        Args:
            kind: what happened.
            who: the person or service; empty if unknown.
            credential: the id of their token or session.
            what: the method and path, such as `GET /v1/audit`.
            reason: why it was refused.
            every_us: leave out an equal row that follows within this time.
        """
        if self._store.read_only:
            return
        key = (kind, *(_clean(text) for text in (who, credential, what, reason)))
        now = self._clock()
        with self._lock:
            if every_us and self._is_recent(key, now, every_us):
                return
            if key in self._pending:
                at, times = self._pending[key]
                self._pending[key] = (at, times + 1)
            elif len(self._pending) < MAX_PENDING:
                self._pending[key] = (now, 1)
            else:
                self._lost += 1
            self._start()
        self._wake.set()

    def _is_recent(self, key: tuple[str, ...], now: int, every_us: int) -> bool:
        last = self._recent.get(key)
        if last is not None and now - last < every_us:
            return True
        self._recent[key] = now
        self._recent.move_to_end(key)
        if len(self._recent) > MAX_RECENT:
            self._recent.popitem(last=False)
        return False

    def _start(self) -> None:
        if self._thread is None and not self._stopping.is_set():
            self._thread = threading.Thread(target=self._run, name="access-journal", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            self._stopping.wait(WRITE_AFTER_S)
            if not self._stopping.is_set() and not self.write():
                self._wake.set()
                self._stopping.wait(RETRY_AFTER_S)

    def close(self) -> None:
        """Write all that waits, and stop the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self.write()

    def write(self) -> bool:
        """Write what was recorded. Return False if the store failed; then it is kept for the next attempt."""
        with self._writing:
            with self._lock:
                pending, self._pending = self._pending, OrderedDict()
                lost, self._lost = self._lost, 0
            if not pending and not lost:
                return True
            rows = [(at, *key, times) for key, (at, times) in pending.items()]
            if lost:
                rows.append((self._clock(), "lost", "", "", "", f"more than {MAX_PENDING} different rows waited", lost))
            try:
                self._store.run(lambda session: self._append(session, rows))
            except (PersistenceError, LogError) as error:
                _log.warning("The access journal could not be written and will be retried: %s", error)
                self._put_back(pending, lost)
                return False
            return True

    def _put_back(self, pending: OrderedDict[tuple[str, ...], tuple[int, int]], lost: int) -> None:
        with self._lock:
            self._lost += lost
            for key, (at, times) in self._pending.items():
                first, before = pending.get(key, (at, 0))
                if key in pending or len(pending) < MAX_PENDING:
                    pending[key] = (first, before + times)
                else:
                    self._lost += times
            self._pending = pending

    def _append(self, session: Session, rows: Sequence[tuple[Any, ...]]) -> None:
        head = _parse_head(session.execute("SELECT first, start, last, hash FROM access_journal_head").fetchone())
        number, hash_, chained = head.last, head.hash, []
        for values in rows:
            number += 1
            row = AccessRow._make((number, *values, b""))
            hash_ = row.chained_hash(hash_)
            chained.append(row._replace(hash=hash_))
        session.insert("access_journal", chained)
        head = self._delete_old(session, JournalHead(head.first, head.start, number, hash_))
        session.execute("UPDATE access_journal_head SET first = ?, start = ?, last = ?, hash = ?", head)

    def _delete_old(self, session: Session, head: JournalHead) -> JournalHead:
        """Delete rows that are older than the retention period; the chain then starts after the last of them."""
        now = self._clock()
        if now - self._deleted_at < DELETE_EVERY_US:
            return head
        self._deleted_at = now
        sql = "SELECT number, hash FROM access_journal WHERE at < ? ORDER BY number DESC LIMIT 1"
        last = session.execute(sql, (now - self.retention_us,)).fetchone()
        if last is None:
            return head
        session.execute("DELETE FROM access_journal WHERE number <= ?", (last[0],))
        return head._replace(first=last[0] + 1, start=bytes(last[1]))

    # Reading

    def rows(self, selection: AccessFilter, *, limit: int, before: int | None = None) -> list[AccessRow]:
        """Return the rows that match, newest first: at most `limit`, with numbers below `before`."""
        where, values = _match_rows(selection, before)
        sql = f"SELECT {_COLUMNS} FROM access_journal WHERE {where} ORDER BY number DESC LIMIT ?"
        return [AccessRow._make(row) for row in self._store.read(sql, (*values, limit))]

    def count(self, selection: AccessFilter) -> dict[str, int]:
        """Return how many attempts of each kind match, the most frequent first."""
        where, values = _match_rows(selection, None)
        sql = f"SELECT kind, SUM(times) FROM access_journal WHERE {where} GROUP BY kind ORDER BY 2 DESC, 1"
        return {str(kind): int(times) for kind, times in self._store.read(sql, tuple(values))}

    def head(self) -> JournalHead:
        """Return the rows that there are. Note its `hash` somewhere else to detect that all rows were replaced."""
        found = self._store.read("SELECT first, start, last, hash FROM access_journal_head")
        return _parse_head(found[0] if found else None)

    def find_damage(self) -> str:
        """Compute all hashes again. Return which row does not follow from the row before, or an empty string."""
        what = ""
        for _ in range(ATTEMPTS):
            head = self.head()
            what = self._find_damage(head)
            if not what or self.head() == head:
                return what
        return what

    def _find_damage(self, head: JournalHead) -> str:
        expected, hash_ = head.first, head.start
        for row in self._read_in_order():
            if row.number > head.last:
                break
            if row.number != expected:
                return f"row {expected} of the access journal is missing"
            if row.chained_hash(hash_) != row.hash:
                return f"row {row.number} of the access journal was changed"
            expected, hash_ = expected + 1, row.hash
        if expected != head.last + 1 or hash_ != head.hash:
            return f"the access journal ends after row {expected - 1}, and not after row {head.last}"
        return ""

    def _read_in_order(self) -> Iterator[AccessRow]:
        after = -1
        sql = f"SELECT {_COLUMNS} FROM access_journal WHERE number > ? ORDER BY number LIMIT ?"
        while rows := self._store.read(sql, (after, ROWS_PER_READ)):
            for values in rows:
                row = AccessRow._make(values)
                yield row._replace(hash=bytes(row.hash))
            after = rows[-1][0]


def _match_rows(selection: AccessFilter, before: int | None) -> tuple[str, list[Any]]:
    """Return the condition of the rows that match and have a number below `before`, and its parameters."""
    terms, values = ["number > 0"], list[Any]()
    for column, wanted in (("kind", selection.kinds), ("who", selection.who)):
        if wanted:
            terms.append(f"{column} IN ({', '.join('?' * len(wanted))})")
            values += wanted
    for condition, value in (("at >= ?", selection.since), ("at < ?", selection.until), ("number < ?", before)):
        if value is not None:
            terms.append(condition)
            values.append(value)
    return " AND ".join(terms), values


def _parse_head(row: Sequence[Any] | None) -> JournalHead:
    """Return the head; one that was removed matches no rows."""
    if row is None:
        return JournalHead(0, b"", -1, b"removed")
    return JournalHead(row[0], bytes(row[1]), row[2], bytes(row[3]))


def _clean(text: str) -> str:
    """Return text without control characters, at most `MAX_CHARACTERS` of it."""
    return "".join(each if each.isprintable() else "?" for each in text[:MAX_CHARACTERS])
