"""What every store does alike: its questions, its writer, and what it tells after a commit.

A database brings four things: how to read, how to be in a writer's transaction, how to commit a group of appends, and
how to rewrite itself. Everything else is here, in SQL that SQLite and PostgreSQL understand alike, with `?` for a value.

Appends wait in a queue; one thread takes all that wait and commits them as one group, with one lock and one fsync.
"""

from __future__ import annotations

import itertools
import logging
import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from eventsourcing.persistence import IntegrityError, OperationalError

from eventlog.appender import Append, Conflict, EntryRow, Head, NameRow, UniqueClaim
from eventlog.errors import DamagedLogError, DamagedStoreError, ReadOnlyLogError
from eventlog.merkle import packed, unpacked

T = TypeVar("T")
Outcome = list[EntryRow] | Conflict | Exception

LOGGER: Final = logging.getLogger("decisionlog.eventlog")
GROUP_LIMIT: Final = 1000
TIDY_SECONDS: Final = 0.5
ROWS_A_STATEMENT: Final = (64, 8, 1)
LAST: Final = 2**63 - 1
"""Later than any position or version, and more than any number of rows."""
HEAD: Final = "SELECT size, frontier, recorded_at FROM head"
COLUMNS: Final = "position, subject, version, type, recorded_at, event, texts"
AMONG_ANSWERS: Final = "(VALUES {marks}) AS asked CROSS JOIN answers WHERE scope = column1 AND key = column2"
"""Those under some keys. Asked whether a pair is among others, SQLite would look at every answer there is."""
BESIDE: Final = {"answers": "scope, key", "names": "folded, person, spelling", "tokens": "id", "owners": "name"}
"""The tables beside the events, each with its key."""


class Result(Protocol):
    """What a statement gives."""

    @property
    def rowcount(self) -> int:
        """How many rows it changed."""

    def fetchall(self) -> list[Any]:
        """All rows."""

    def fetchone(self) -> Any:
        """The first row, or None."""


class Session(Protocol):
    """A transaction of the writer."""

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Result:
        """Does one statement."""

    def executemany(self, statement: str, parameters: Iterable[Sequence[Any]], /) -> object:
        """Does one statement for each of many parameters."""

    def insert(self, table: str, rows: Sequence[Sequence[Any]]) -> None:
        """Adds rows to a table, in few statements."""


@dataclass(frozen=True, slots=True)
class StoredResult:
    """The answer that was given under a key: its salt (None once forgotten), its digest, and the positions."""

    salt: bytes | None
    digest: bytes
    first: int
    count: int


Answered = tuple[int, int]
"""The entries that an answer points at: the position of the first, and how many."""


class TokenRow(NamedTuple):
    """A token as it is stored; instants in microseconds since 1970."""

    id: str
    hash: bytes
    actor: str
    rights: str
    label: str
    created_at: int
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class _Batch:
    """Appends of one caller, in order; each has its own fate."""

    appends: Sequence[Append]
    future: Future[list[Outcome]] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Task:
    """A write beside the log, such as a new spelling; a transaction of its own."""

    work: Callable[[], Any]
    future: Future[Any] = field(default_factory=Future)


class Store(ABC):
    """The tables of one log.

    After each commit, in the writer's thread, `learn` is told of every append and its rows, before its caller is; then
    `listeners` are called with the new size of the log, whoever wrote. When somebody else wrote, `moved` is told first
    which streams are at which version now; and `forget` with a size, when they have forgotten texts up to there.
    """

    def __init__(self, name: str, *, read_only: bool) -> None:
        self.name = name
        """What it is called in a sentence."""
        self.listeners: list[Callable[[int], None]] = []
        self.learn: Callable[[Append, Sequence[EntryRow]], None] = lambda _append, _rows: None
        self.moved: Callable[[Mapping[str, int]], None] = lambda _versions: None
        self.forget: Callable[[int], None] = lambda _size: None
        self.known = Head()
        """The head as it was last seen here; somebody else may have moved it since."""
        self.damage: DamagedStoreError | None = None
        """What was found to be damaged while the log was open; nothing is written any more."""
        self.read_only = read_only
        self._waiting: queue.SimpleQueue[_Batch | _Task | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closed = False
        self._untidy = False
        self._told = 0
        self._telling = threading.Lock()
        self._seeing = threading.Lock()
        self._writer = threading.Thread(target=self._write_until_closed, name="decisionlog-writer", daemon=True)

    # What a database brings

    @abstractmethod
    def read(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query, as of the last commit."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Session]:
        """The writer's transaction, which alone may write the log as long as it lasts; committed unless it fails."""

    @abstractmethod
    def _transact(self, appends: Sequence[Append]) -> list[Outcome]:
        """Judges appends and writes those that fit, in one transaction."""

    @abstractmethod
    def _compact(self) -> None:
        """Rewrites what holds the texts. Called in the writer's thread."""

    def _tidy(self) -> bool:
        """Clears what was deleted out of whatever lies beside the tables; whether it could. In the writer's thread."""
        return True

    @abstractmethod
    def find_damage(self) -> list[str]:
        """What is wrong with the database itself, whatever its rows say: its indexes, its schema, its pages."""

    @abstractmethod
    def library_errors(self) -> AbstractContextManager[None]:
        """The database's errors under the library's names, which are the same."""

    # Opening and closing

    def _must_be_whole(self) -> None:
        """Whether the events are those that the head speaks of.

        Raises:
            DamagedLogError: they are not.
        """
        # One statement, so that a process that writes meanwhile cannot come between.
        last, count, size = self.read("SELECT max(position), count(*), (SELECT size FROM head) FROM events")[0]
        if (last or 0) != size or count != size:
            raise DamagedLogError(self.name, f"its head says {size} entries, but it holds {count} up to {last}")

    def must_not_be_sealed(self) -> None:
        """Whether it may be written at all.

        Raises:
            SealedLogError: it was sealed; the error says why.
        """
        if why := self.seal():
            raise ReadOnlyLogError(self.name, why)

    def close(self) -> None:
        """Ends the writer once all that waits is written."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._waiting.put(None)
        if self._writer.is_alive():
            self._writer.join()
        self._disconnect()

    @abstractmethod
    def _disconnect(self) -> None:
        """Closes every connection; the writer has ended."""

    def compact(self) -> None:
        """Rewrites what holds the texts, so that no byte of what was deleted is left in it."""
        self._do(self._compact)

    def truncate_wal(self) -> None:
        """Has the writer clear what was deleted out of whatever lies beside the tables, as soon as nobody is in the way."""
        self._do(self._tidy_soon)

    def _tidy_soon(self) -> None:
        self._untidy = not self._tidy()

    # Reading

    def head(self) -> Head:
        """The head as last committed."""
        head = head_of(self.read(HEAD))
        self.saw(head)
        return head

    def saw(self, head: Head) -> None:
        """Keeps at hand the latest head that was seen."""
        with self._seeing:  # not the lock that is held while listeners are told: they may be looking at the head
            if head.size > self.known.size:
                self.known = head

    def rows(self, after: int, limit: int, *, until: int = LAST, types: Sequence[str] = ()) -> list[EntryRow]:
        """At most `limit` rows after a position and up to another, in order: all, or those of some types."""
        chosen = f" AND type IN ({', '.join('?' * len(types))})" if types else ""
        found = self.read(
            f"SELECT {COLUMNS} FROM events WHERE position > ? AND position <= ?{chosen} ORDER BY position LIMIT ?",
            (after, until, *types, limit),
        )
        return [EntryRow._make(row) for row in found]

    def stream(
        self, subject: str, *, after: int = -1, until: int = LAST, limit: int = LAST, descending: bool = False
    ) -> list[EntryRow]:
        """The rows of a stream, by version, from behind one up to another."""
        self.must_not_be_damaged()
        order = "DESC" if descending else "ASC"
        found = self.read(
            f"SELECT {COLUMNS} FROM events WHERE subject = ? AND version > ? AND version <= ?"
            f" ORDER BY version {order} LIMIT ?",
            (subject, after, until, limit),
        )
        rows = [EntryRow._make(row) for row in found]
        if what := _find_gap(subject, rows, -1 if descending else 1):
            raise DamagedStoreError(self.name, what)
        return rows

    def must_not_be_damaged(self) -> None:
        """Refuse to go on once damage was found.

        Raises:
            DamagedStoreError: it was; the error says what.
        """
        if self.damage:
            raise self.damage

    def stop_writing(self, what: str) -> DamagedStoreError:
        """Keep in mind that the store is damaged, so that nothing more is written; returns the error to raise."""
        self.damage = self.damage or DamagedStoreError(self.name, what)
        LOGGER.critical("%s", self.damage)
        return self.damage

    def subjects(self, after: str, limit: int) -> list[str]:
        """The next subjects there are, in their order."""
        sql = "SELECT subject FROM events WHERE subject > ? AND version <= 1 GROUP BY subject ORDER BY subject LIMIT ?"
        return [subject for (subject,) in self.read(sql, (after, limit))]

    def subjects_at(self, positions: Sequence[int]) -> set[str]:
        """The subjects of the entries at some positions."""
        sql = "SELECT subject FROM (VALUES {marks}) AS asked CROSS JOIN events WHERE position = column1"
        asked = valued([(position,) for position in positions])
        return {subject for marks, values in asked for (subject,) in self.read(sql.format(marks=marks), values)}

    def answers(self, claims: Sequence[UniqueClaim]) -> dict[UniqueClaim, StoredResult]:
        """The answers that were given under some of these keys."""
        found: dict[UniqueClaim, StoredResult] = {}
        for marks, keys in valued([(claim.scope, claim.key) for claim in claims]):
            sql = f"SELECT scope, key, salt, digest, first, count FROM {AMONG_ANSWERS.format(marks=marks)}"
            found |= {UniqueClaim("key", scope, key): StoredResult(*rest) for scope, key, *rest in self.read(sql, keys)}
        return found

    def find_people(self, folded: str) -> tuple[str, ...]:
        """The ids behind a folded spelling, in order."""
        found = self.read("SELECT DISTINCT person FROM names WHERE folded = ? ORDER BY person", (folded,))
        return tuple(person for (person,) in found)

    def spellings(self, person: str | None = None) -> list[tuple[str, str]]:
        """Everybody's id with each of their spellings, or one person's; the one to show first."""
        chosen, value = (" WHERE person = ?", (person,)) if person is not None else ("", ())
        order = "ORDER BY person, shown DESC, spelling"
        return [
            (who, spelling) for who, spelling in self.read(f"SELECT person, spelling FROM names{chosen} {order}", value)
        ]

    def token(self, hash_: bytes) -> TokenRow | None:
        """The token that has a hash, if it is good."""
        found = self.read("SELECT * FROM tokens WHERE hash = ? AND revoked_at IS NULL", (hash_,))
        # Compared once more with the row: a damaged index could lead to the token of somebody else.
        return next((row for row in map(TokenRow._make, found) if row.hash == hash_), None)

    def tokens(self) -> list[TokenRow]:
        """All tokens there ever were, oldest first."""
        return [TokenRow._make(row) for row in self.read("SELECT * FROM tokens ORDER BY created_at, id")]

    def good_tokens(self) -> list[tuple[str, str, str]]:
        """The id, holder and rights of each token that is not revoked."""
        sql = "SELECT id, actor, rights FROM tokens WHERE revoked_at IS NULL ORDER BY id"
        return [(token, actor, rights) for token, actor, rights in self.read(sql)]

    def holder_of(self, token: str) -> str | None:
        """For whom a token is, also a revoked one; None where there is no such token."""
        found = self.read("SELECT actor FROM tokens WHERE id = ?", (token,))
        return str(found[0][0]) if found else None

    def owners(self) -> list[tuple[str, str]]:
        """The local owners: the hash of the name each goes by on a machine, and the person's id."""
        return [(name, person) for name, person in self.read("SELECT name, person FROM owners ORDER BY name")]

    def identified_by(self, folded: str) -> tuple[str, ...]:
        """The ids that a folded spelling identifies: whose e-mail, handle or other spelling it is, and not their name."""
        found = self.read("SELECT DISTINCT person FROM names WHERE folded = ? AND shown = 0 ORDER BY person", (folded,))
        return tuple(person for (person,) in found)

    def seal(self) -> str:
        """Why nothing more may be written, in a sentence; empty while it may."""
        return "".join(why for (why,) in self.read("SELECT why FROM seal"))

    def beside(self, table: str, after: Sequence[Any] | None, limit: int) -> list[Any]:
        """Rows of a table beside the events, in the order of its key, after one of them."""
        key = BESIDE[table]
        marks = ", ".join("?" * len(key.split(",")))
        behind = f" WHERE ({key}) > ({marks})" if after is not None else ""
        return self.read(f"SELECT * FROM {table}{behind} ORDER BY {key} LIMIT ?", (*(after or ()), limit))

    def answered(self, first: int, limit: int) -> list[Answered]:
        """What the answers under keys point at, in order; at most `limit` of those that begin at a position or later."""
        return self.read("SELECT first, count FROM answers WHERE first >= ? ORDER BY first LIMIT ?", (first, limit))

    def is_salted(self, first: int) -> bool:
        """Whether the hash of what was asked has its salt still, in an answer that points at entries from a position on."""
        return bool(self.read("SELECT 1 FROM answers WHERE first = ? AND salt IS NOT NULL", (first,)))

    # Writing

    def submit(self, appends: Sequence[Append]) -> Future[list[Outcome]]:
        """Puts appends into the queue, in order. What comes of each is known once its group is committed."""
        batch = _Batch(appends)
        self._enqueue(batch)
        return batch.future

    def _run_first(self, work: Callable[[], None]) -> None:
        """Has the writer do something before whatever is submitted; nobody waits for it but those who write."""
        self._waiting.put(_Task(work))

    def run(self, work: Callable[[Session], T]) -> T:
        """Has the writer do something beside the log in a transaction of its own, and waits for it."""

        def whole() -> T:
            with self._transaction() as session:
                return work(session)

        return self._do(whole)

    def change(self, work: Callable[[SideTables], T]) -> T:
        """Has the writer change names or tokens in one transaction, and waits for it."""
        return self.run(lambda session: work(SideTables(session)))

    # Carrying a log from one store to another

    def adopt(self, rows: Sequence[EntryRow], head: Head) -> None:
        """Adds rows of another store as they are, with the head after them; they follow what is here."""

        def write(session: Session) -> None:
            session.insert("events", rows)
            put_head(session, head)

        self.run(write)
        self.saw(head)

    def drop_texts(self, positions: Sequence[int]) -> None:
        """Takes the texts of these positions out, as they were taken out elsewhere."""
        self.run(lambda session: _drop_texts(session, positions))

    def replace(self, table: str, pages: Iterable[Sequence[Any]]) -> None:
        """Puts other rows in the place of all that stand in a table beside the events."""

        def write(session: Session) -> None:
            session.execute(f"DELETE FROM {table}")
            for rows in pages:
                session.insert(table, rows)

        self.run(write)

    def put_seal(self, why: str) -> None:
        """Seals the log, or takes the seal off where there is no reason any more."""

        def write(session: Session) -> None:
            session.execute("DELETE FROM seal")
            session.executemany("INSERT INTO seal VALUES (?)", [(why,)] if why else [])

        self.run(write)

    def _do(self, work: Callable[[], T]) -> T:
        task = _Task(work)
        self._enqueue(task)
        with self.library_errors():
            done: T = task.future.result()
        return done

    def _enqueue(self, item: _Batch | _Task) -> None:
        with self._gate:  # or something could come into the queue behind its end, and wait for ever
            if self.read_only or self._closed:
                msg = f"{self.name} is {'open for reading only' if self.read_only else 'closed'}"
                raise OperationalError(msg)
            self._waiting.put(item)

    def _next(self) -> _Batch | _Task | None:
        """What waits longest; meanwhile, what could not be tidied is tried again."""
        while self._untidy:
            try:
                return self._waiting.get(timeout=TIDY_SECONDS)
            except queue.Empty:
                self._tidy_soon()
        return self._waiting.get()

    def _write_until_closed(self) -> None:
        while (item := self._next()) is not None:
            if isinstance(item, _Task):
                _fulfil(item)
                continue
            group, after = self._gather(item)
            self._commit(group)
            if isinstance(after, _Task):
                _fulfil(after)
            elif after is _CLOSE:
                return

    def _gather(self, first: _Batch) -> tuple[list[_Batch], object]:
        """All batches that wait, up to the first thing that is none."""
        group, size = [first], len(first.appends)
        while size < GROUP_LIMIT:
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                break
            if not isinstance(item, _Batch):
                return group, _CLOSE if item is None else item
            group.append(item)
            size += len(item.appends)
        return group, None

    def _commit(self, group: list[_Batch]) -> None:
        """Commits a group, tells of it, and gives each caller what has come of theirs."""
        group = [batch for batch in group if batch.future.set_running_or_notify_cancel()]
        appends = [append for batch in group for append in batch.appends]
        outcomes = self._outcomes(appends)
        for append, rows in zip(appends, outcomes, strict=True):
            if isinstance(rows, list):
                self._tell(self.learn, append, rows)
        rest = iter(outcomes)
        for batch in group:
            batch.future.set_result([next(rest) for _ in batch.appends])
        self._announce(max((rows[-1].position for rows in outcomes if isinstance(rows, list) and rows), default=0))
        if any(append.erased_positions for append in appends):
            self._tidy_soon()

    def _outcomes(self, appends: Sequence[Append]) -> list[Outcome]:
        """What comes of a group. If it fails as a whole, each append is tried alone, so that one cannot spoil the rest."""
        try:
            with self.library_errors():
                return self._transact(appends)
        except UnknownOutcomeError as error:  # tried again, what was recorded would look like somebody else's
            return [error] * len(appends)
        except Exception as error:  # noqa: BLE001  (whoever waits for it gets it)
            return [error] if len(appends) == 1 else [self._outcomes([append])[0] for append in appends]

    def _announce(self, size: int) -> None:
        """Tells the listeners of a new size, once, whoever hears of it first."""
        with self._telling:
            if size <= self._told:
                return
            self._told = size
            for listener in tuple(self.listeners):
                self._tell(listener, size)

    def _tell(self, listener: Callable[..., None], *news: Any) -> None:
        try:
            listener(*news)
        except Exception:  # the entries are committed; whoever listens badly must not stop the writer
            LOGGER.exception("a listener of %s failed", self.name)


_CLOSE: Final = object()


class UnknownOutcomeError(OperationalError):
    """The connection was lost while a group was being committed: it may be recorded, or not."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the connection to {name} was lost while committing; whether this was recorded is not known. "
            "Ask again with the same key"
        )


def _fulfil(task: _Task) -> None:
    if not task.future.set_running_or_notify_cancel():
        return
    try:
        done = task.work()
    except Exception as error:  # noqa: BLE001  (whoever waits for it gets it)
        task.future.set_exception(error)
    else:
        task.future.set_result(done)


@dataclass(frozen=True, slots=True)
class SideTables:
    """The names and tokens beside the events, in a transaction that nobody else writes in."""

    session: Session

    def owner(self, folded: str, other_than: str) -> str | None:
        """Somebody else who goes by a folded spelling."""
        found = self.session.execute(
            "SELECT person FROM names WHERE folded = ? AND person <> ? ORDER BY person LIMIT 1", (folded, other_than)
        ).fetchone()
        return str(found[0]) if found else None

    def is_known(self, person: str) -> bool:
        """Whether somebody has any name."""
        return self.session.execute("SELECT 1 FROM names WHERE person = ? LIMIT 1", (person,)).fetchone() is not None

    def put_names(self, names: Iterable[NameRow]) -> None:
        """Adds spellings; one that is there stays as it is."""
        put_names(self.session, names)

    def hide_names(self, person: str) -> None:
        """No spelling of somebody is the one to show; the one that was stays as a former name."""
        self.session.execute("UPDATE names SET shown = -1 WHERE person = ? AND shown = 1", (person,))

    def drop_names(self, person: str, spelling: str | None = None) -> int:
        """Takes one spelling of somebody out, or all; how many there were.

        With it goes the salt by which a guessed name could be held against the request that brought them in.
        """
        self.session.execute(
            "UPDATE answers SET salt = NULL WHERE EXISTS (SELECT 1 FROM events WHERE subject = ? AND version = 1"
            " AND position >= answers.first AND position < answers.first + answers.count)",
            (person,),
        )
        chosen, value = (" AND spelling = ?", (spelling,)) if spelling is not None else ("", ())
        return self.session.execute(f"DELETE FROM names WHERE person = ?{chosen}", (person, *value)).rowcount

    def drop_folded(self, person: str, folded: str) -> None:
        """Takes out whatever spellings of somebody fold to this."""
        found = self.session.execute(
            "SELECT spelling FROM names WHERE person = ? AND folded = ?", (person, folded)
        ).fetchall()
        for (spelling,) in found:
            self.drop_names(person, spelling)

    def put_owner(self, name: str, person: str) -> None:
        """Remember who a local owner is; who is remembered already stays."""
        self.session.execute("INSERT INTO owners VALUES (?, ?) ON CONFLICT DO NOTHING", (name, person))

    def put_token(self, token: TokenRow) -> None:
        """Adds a token."""
        self.session.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?)", token)

    def revoke_token(self, token: str, at: int) -> bool:
        """Makes a token worthless, if there is one; a second time changes nothing."""
        statement = "UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?"
        return self.session.execute(statement, (at, token)).rowcount > 0


# What stores write alike ----------------------------------------------------------------------------------------------


def valued(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[Any]]]:
    """The marks and the values of what stands behind VALUES, for many rows: in as few statements as there can be, of few
    lengths, so that each is prepared once.
    """
    done = 0
    while done < len(rows):
        some = next(size for size in ROWS_A_STATEMENT if size <= len(rows) - done)
        marks = ", ".join([f"({', '.join('?' * len(rows[done]))})"] * some)
        yield marks, [value for row in rows[done : done + some] for value in row]
        done += some


def _find_gap(subject: str, rows: Sequence[EntryRow], step: int) -> str | None:
    """What is wrong with rows that an index found: they must be of one subject, and its versions without a gap."""
    for row, following in itertools.pairwise(rows):
        if following.version != row.version + step:
            return f"after version {row.version} of {subject} its index finds version {following.version}"
    other = next((row.subject for row in rows if row.subject != subject), None)
    return f"its index finds an entry of {other} where {subject} is asked for" if other else None


def put_names(session: Session, names: Iterable[NameRow]) -> None:
    """Adds spellings; one that is there stays as it is."""
    session.executemany(
        "INSERT INTO names VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        [(name.normalized, name.person, name.name, name.shown) for name in names],
    )


def put_beside(session: Session, placed: Iterable[tuple[Append, Sequence[EntryRow]]]) -> None:
    """Writes what goes with the entries of units: names, the answer under a key, and what is to be forgotten."""
    answers = [
        (*answer.claim[1:], answer.salt, answer.digest, rows[0].position, len(rows))
        for append, rows in placed
        if (answer := append.idempotency)
    ]
    session.insert("answers", answers)
    for append, _ in placed:
        if append.names:
            put_names(session, append.names)
        if append.erased_positions:
            _forget(session, append.erased_positions)
    for append, rows in placed:
        beside = SideTables(session)
        if append.alongside:
            append.alongside(beside)
        for token in append.revoked:
            beside.revoke_token(token, rows[0].recorded_at)


def head_of(found: Sequence[Any]) -> Head:
    """The head from its row.

    Raises:
        IntegrityError: there is none.
    """
    if not found:
        msg = "the log has no head"
        raise IntegrityError(msg)
    size, frontier, recorded_at = found[0]
    return Head(size, unpacked(frontier), recorded_at)


def put_head(session: Session, head: Head) -> None:
    """Moves the head."""
    session.execute(
        "UPDATE head SET size = ?, frontier = ?, recorded_at = ?", (head.size, packed(head.frontier), head.recorded_at)
    )


def _forget(session: Session, positions: Sequence[int]) -> None:
    """Takes the texts of these positions out of the log, and the salts of the answers to their units."""
    _drop_texts(session, positions)
    session.executemany(
        "UPDATE answers SET salt = NULL"
        " WHERE first = (SELECT max(first) FROM answers WHERE first <= ?) AND first + count > ?",
        [(position, position) for position in positions],
    )


def _drop_texts(session: Session, positions: Sequence[int]) -> None:
    session.executemany("UPDATE events SET texts = NULL WHERE position = ?", [(position,) for position in positions])
