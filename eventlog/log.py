"""The event log: the interface of this package to everything above it."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Final, Self

from domain.any_subject import LogOpened
from domain.catalog import EVENT_NAMES
from domain.credentials import LOCAL_CREDENTIAL, Access, ActiveToken
from domain.errors import Refused
from domain.fields import SubjectState
from domain.held_roles import FoundRoles
from domain.ids import LOG_SERVICE
from domain.messages import Command
from domain.scopes import SCOPES
from eventlog import codec
from eventlog.checkpoint import Checkpoint
from eventlog.command_handler import CommandHandler
from eventlog.dry_run import DryRun
from eventlog.dsn import is_dsn
from eventlog.entry import Caller, Entry, Metadata, Origin, Receipt, Transaction
from eventlog.handler_views import CommittedView
from eventlog.idempotency import find_receipt
from eventlog.ids import new_id, new_key
from eventlog.library_application import LogApplication
from eventlog.library_recorder import LogSubscription
from eventlog.lock import WriterLock
from eventlog.merkle import leaf_hash
from eventlog.name_cache import NameCache
from eventlog.records import Append, EntryRow, Head, IdempotencyRecord, NewEvent, UniqueClaim
from eventlog.side_tables import SideTables
from eventlog.sqlite_store import SqliteStore
from eventlog.store import Store
from eventlog.store_errors import DamagedStoreError
from eventlog.supersessions import Supersessions
from eventlog.teams_with_roles import TeamsWithRoles
from eventlog.token_ends import TokenEnds
from eventlog.verification import Finding, verify
from eventlog.write_path import TransactionExecutor

SYSTEM_CALLER: Final = Caller(LOG_SERVICE, LOCAL_CREDENTIAL, "log", frozenset(SCOPES))
"""The caller of commands that the log issues itself."""


@dataclass(frozen=True, slots=True)
class RawEntry:
    """An entry as it is published: its bytes, the hash of its leaf in hex, and its erasable texts by JSON pointer."""

    position: int
    subject: str
    type: str
    entry: bytes
    leaf: str
    texts: codec.Texts


class EventLog:
    """An append-only log. Transactions of commands go in through `execute`; everything else reads what is committed.

    It can be used from any thread and any event loop.
    """

    def __init__(
        self, store: Store, lock: WriterLock | None, *, clock: Callable[[], int], entropy: Callable[[int], bytes]
    ) -> None:
        self._store = store
        self._lock = lock
        self._clock = clock
        self._entropy = entropy
        self.application = LogApplication(store, entropy)
        self.find_cached_state = _find_nothing if store.read_only else self.application.cached_state
        """Returns a subject as this process last knew it, without reading; None if it is not cached.

        A log that is open for reading only is not always notified of commits, so it caches nothing.
        """
        self.names = NameCache(store)
        self.side_table_listeners: list[Callable[[], None]] = []
        """Called after names or tokens were written by a transaction, or may have been by one of another process."""
        self.default_role: str | None = None
        """The role, for all products, of callers who hold none."""
        self.report_sha256: Callable[..., str | None] | None = None
        """Returns the SHA-256 of the report that an `IssueReport` issues, or None; raises LongReadError `in_loop`.

        Without it, the hash of a report is not checked.
        """
        self.limits_reading = False
        """Whether callers read only what belongs to products for which they hold a role."""
        self.found_roles = FoundRoles()
        """What was found before about the roles of callers."""
        self.token_ends = TokenEnds(self.entry)
        """When the tokens of each holder end."""
        self._supersessions = Supersessions(store)
        self._teams_with_roles = TeamsWithRoles(store, self.application.recent)
        self._executor = TransactionExecutor(
            self, store, clock=clock, entropy=entropy, on_side_tables_changed=self._notify_side_table_listeners
        )
        self._size_changed = threading.Condition()
        store.on_remote_change = self._on_remote_change
        store.listeners.append(self._notify_waiting)

    @classmethod
    def open(
        cls,
        where: Path | str,
        *,
        clock: Callable[[], int],
        entropy: Callable[[int], bytes] = os.urandom,
        read_only: bool = False,
        whole: bool = True,
    ) -> Self:
        """Open the log in a file or at the address of a PostgreSQL database; create it if it does not exist.

        `clock` returns microseconds since 1970. With `read_only`, the log can be open while another process writes it.
        With `whole=False`, a log with missing entries can be opened too, so that `verify` can name them.

        Raises:
            LogInUseError: another process writes the file.
            DatabaseUnavailableError: the database cannot be reached or used.
            ReadOnlyLogError: the log was made read-only.
            DamagedLogError: it is not a complete decision log.
        """
        path = None if is_dsn(where) else Path(where)
        if path and not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        lock = WriterLock(path) if path and not read_only else None
        try:
            store = open_store(where, clock=clock, read_only=read_only, whole=whole)
            log = cls(store, lock, clock=clock, entropy=entropy)
        except BaseException:
            if lock:
                lock.release()
            raise
        if not read_only:
            log._initialize()
        return log

    def _initialize(self) -> None:
        """Write the first entry of a new log, unless another process does.

        Raises:
            ReadOnlyLogError: the log was made read-only.
        """
        try:
            self._store.must_be_writable()
        except BaseException:
            self.close()
            raise
        if self._store.head().size:
            return
        subject = f"log:{self.new_key()}"
        metadata = Metadata(
            id=new_id(self._entropy),
            transaction=new_id(self._entropy),
            index=1,
            actor=LOG_SERVICE,
            credential="none",
            source=Origin("log"),
        )
        own, texts = codec.encode(LogOpened(), metadata, self._entropy)
        event = NewEvent(subject, 1, EVENT_NAMES[LogOpened], own, texts)
        once = IdempotencyRecord(UniqueClaim("key", LOG_SERVICE, "begin"), b"", b"")
        outcome = self._store.submit([Append((event,), idempotency=once)]).result()[0]
        if isinstance(outcome, Exception):
            self.close()
            raise outcome

    @property
    def name(self) -> str:
        """The name of the log's database in messages, without a password."""
        return self._store.name

    @property
    def read_only_reason(self) -> str:
        """Why no process may write this log any more, such as where it was migrated to; empty if it may be written."""
        return self._store.read_only_reason()

    def announce(self, address: str, key: str = "") -> None:
        """Publish the address of this process, and a key for it, to processes that find the log in use."""
        if self._lock:
            self._lock.announce(address, key)

    def close(self) -> None:
        """Write all that waits, close the store, and release the lock."""
        self._store.close()
        self.application.close()
        if self._lock:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Writing

    async def execute(self, transaction: Transaction) -> Receipt:
        """Apply all commands of a transaction or none, and return its receipt once it is committed.

        Raises:
            Refused: nothing was recorded; see `domain.errors` for the kinds.
            PersistenceError: the store failed. Whether it was recorded is unknown; retry with the same idempotency key.
        """
        return await self._executor.execute(transaction)

    async def execute_many(self, transactions: Sequence[Transaction]) -> list[Receipt | Refused]:
        """Apply transactions in order; each has its own result, and later ones see earlier ones.

        Raises:
            PersistenceError: the store failed; what was recorded is found again by its idempotency key.
        """
        return await self._executor.execute_many(transactions)

    def find_receipt(self, transaction: Transaction) -> Receipt | None:
        """Return the receipt of an earlier transaction with the same commands and idempotency key, or None.

        Raises:
            KeyReused: the key was used for other commands.
        """
        return find_receipt(self._store, transaction)

    def record(self, commands: Sequence[Command], alongside: Callable[[SideTables], object], by: Caller | None) -> None:
        """Apply commands about names or tokens, write the side tables in the same transaction, and wait for the commit.

        Raises:
            Refused: nothing was recorded.
        """
        transaction = Transaction(tuple(commands), by or SYSTEM_CALLER, alongside=alongside)
        with ThreadPoolExecutor(1) as thread:  # the caller may be in an event loop, which must not wait for itself
            thread.submit(asyncio.run, self.execute(transaction)).result()

    def dry_run(self) -> DryRun:
        """Return a dry run on top of the log as committed; also possible on a log that is open for reading only."""
        handler = CommandHandler((CommittedView(self),), self.head(), clock=self._clock, entropy=self._entropy)
        return DryRun(handler, partial(find_receipt, self._store))

    def _on_remote_change(self, versions: Mapping[str, int]) -> None:
        """Update the caches after another process wrote; it may have revoked tokens of the people it wrote about."""
        self.application.on_remote_change(versions)
        if any(subject.startswith(("person:", "service:")) for subject in versions):
            self._notify_side_table_listeners()

    def _notify_side_table_listeners(self) -> None:
        for listener in tuple(self.side_table_listeners):
            listener()

    def new_key(self) -> str:
        """Return a key for a new subject."""
        return new_key(self._entropy)

    # What rules read

    def state(self, subject: str) -> SubjectState:
        """Return a subject as the rules see it; version 0 if the log has no entry of it."""
        return self.application.state(subject)

    def cached_state(self, subject: str) -> SubjectState:
        """Return a subject as this process last knew it, or else as committed. It may be stale for a moment."""
        return self.find_cached_state(subject) or self.state(subject)

    @property
    def cached_head(self) -> Head:
        """The head as this process last knew it."""
        return self._store.cached_head

    def superseded_by(self, decision: str, at_most: int | None = None) -> frozenset[str]:
        """Return the decisions that a decision superseded.

        Raises:
            LongReadError: more than `at_most` entries would have to be read first.
        """
        return self._supersessions.superseded_by(decision, self.head().size, at_most)

    def teams_with_roles(self, size: int | None = None, at_most: int | None = None) -> frozenset[str]:
        """Return at least all teams that hold a role, within the first `size` entries; by default all.

        Raises:
            LongReadError: more than `at_most` entries would have to be read first.
        """
        return self._teams_with_roles.all(self.head().size if size is None else size, at_most)

    def find_people(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of all people with a normalized name."""
        return self.names.find_people(normalized)

    def identified_by(self, normalized: str) -> tuple[str, ...]:
        """Return the ids of the people whom a normalized email address or handle identifies."""
        return self._store.identified_by(normalized)

    def access(self) -> Access:
        """Return who can reach the log: active tokens, local owners and those with a session, as committed."""
        return Access(
            tuple(
                ActiveToken(token, holder, frozenset(scopes.split()))
                for token, holder, scopes in self._store.active_tokens(self._clock())
            ),
            frozenset(person for _, person in self._store.owners()),
            self.default_role,
            self._store.session_holders(),
        )

    # Reading entries

    def head(self) -> Head:
        """Return the size, root and last recorded time of the log, as committed."""
        return self._store.head()

    @cached_property
    def id(self) -> str:
        """The subject that stands for the log itself, `log:KEY`."""
        return self._store.rows(0, 1)[0].subject

    def read(self, after: int, limit: int) -> list[Entry]:
        """Return at most `limit` entries after a position, in order."""
        return self.application.recent(after, limit) or list(map(self._decode, self.rows(after, limit)))

    def entry(self, position: int) -> Entry | None:
        """Return the entry at a position, or None."""
        found = self.read(position - 1, 1) if position > 0 else []
        return found[0] if found else None

    def stream(self, subject: str) -> list[Entry]:
        """Return all entries of one subject, in order."""
        return list(map(self._decode, self._store.stream(subject)))

    def _decode(self, row: EntryRow) -> Entry:
        """Return the entry in a row.

        Raises:
            DamagedStoreError: it cannot be read.
        """
        try:
            return codec.decode_row(row)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            problem = f"position {row.position} cannot be read: {' '.join(str(error).split())}"
            raise DamagedStoreError(self._store.name, problem) from error

    def subjects(self, after: str, limit: int) -> list[str]:
        """Return at most `limit` subjects after another, in alphabetical order."""
        return self._store.subjects(after, limit)

    def raw(self, after: int, limit: int) -> Iterator[RawEntry]:
        """Yield at most `limit` entries after a position, as they are published."""
        for row in self.rows(after, limit):
            entry = codec.compose(row)
            yield RawEntry(
                row.position, row.subject, row.type, entry, leaf_hash(entry).hex(), codec.parse_texts(row.texts)
            )

    def rows(self, after: int, limit: int) -> list[EntryRow]:
        """Return at most `limit` rows after a position, as they are stored."""
        return self._store.rows(after, limit)

    def now(self) -> int:
        """Return the time of the log's clock, in microseconds since 1970."""
        return self._clock()

    def recorded_keys(self, scope: str, keys: Sequence[str]) -> dict[str, int]:
        """Return which idempotency keys of a scope were used, each with the position of its first entry."""
        found = self._store.find_results([UniqueClaim("key", scope, key) for key in keys])
        return {claim.key: result.first for claim, result in found.items()}

    def keys_with_prefix(self, scope: str, prefix: str) -> list[str]:
        """Return the first ten idempotency keys of a scope that start with a prefix."""
        return self._store.keys_with_prefix(scope, prefix)

    # Following

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> LogSubscription:
        """Return the library's subscription: notifications after `gt`, then each new one."""
        return LogSubscription(self.application.recorder, gt, topics)  # type: ignore[arg-type]

    def wait(self, after: int, timeout: float | None = None) -> int:
        """Block, at most `timeout` seconds, until the log is longer than `after`; return its size."""
        with self._size_changed:
            self._size_changed.wait_for(lambda: self._store.head().size > after, timeout)
        return self._store.head().size

    def on_append(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call `listener(size)` in the writer's thread after each commit; it must be quick. Return how to stop that."""
        self._store.listeners.append(listener)
        return lambda: self._store.listeners.remove(listener)

    def _notify_waiting(self, _size: int) -> None:
        with self._size_changed:
            self._size_changed.notify_all()

    # Verifying and maintaining

    @property
    def damage(self) -> str:
        """The damage found since the log was opened, as a sentence; empty if none. A damaged log is not written."""
        return str(self._store.damage or "")

    def find_damage(
        self, on_progress: Callable[[int, int], None] = lambda _done, _total: None, rows_per_read: int | None = None
    ) -> str:
        """Verify the log and return what is wrong, or an empty string. If something is, nothing more is written.

        `on_progress` is called after each read of at most `rows_per_read` rows.
        """
        found = verify(self._store, (), on_progress, rows_per_read)
        if isinstance(found, Finding):
            self._store.stop_writing(str(found))
            return str(found)
        return ""

    def checkpoint_and_vacuum(self) -> None:
        """Rewrite the store, so that no byte of erased text remains."""
        self._store.vacuum()

    def verify(self) -> Finding | None:
        """Verify the log and return the first thing that is wrong, or None."""
        found = self.verify_against()
        return found if isinstance(found, Finding) else None

    def verify_against(
        self,
        checkpoints: Iterable[Checkpoint] = (),
        on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> Checkpoint | Finding:
        """Verify the log, also against earlier checkpoints; return a checkpoint of it, or the first thing that is wrong.

        `on_progress` is called with the number of verified entries and their total.
        """
        return verify(self._store, checkpoints, on_progress)


def open_store(where: Path | str, *, clock: Callable[[], int], read_only: bool = False, whole: bool = True) -> Store:
    """Open the store in a file or at the address of a database; the database's driver is imported only then."""
    if is_dsn(where):
        from eventlog.postgresql_store import PostgresStore  # noqa: PLC0415

        return PostgresStore(str(where), clock=clock, read_only=read_only, whole=whole)
    return SqliteStore(Path(where), clock=clock, read_only=read_only, whole=whole)


def _find_nothing(_subject: str) -> SubjectState | None:
    return None
