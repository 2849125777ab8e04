"""A server whose log is kept nowhere: everything the real one does for a write, but for the store.

`python -m tests.benchmarks.no_store serve` takes the same settings. Versions are counted and positions given, and then
the rows are dropped; so what a decision costs here is what it costs before anything is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import eventlog.log
from cli.main import main
from eventlog.appender import Appender
from eventlog.records import Append, EntryRow, Head, Outcome, StoredResult, TokenRow, UniqueClaim
from eventlog.sql import LAST, Session
from eventlog.store import Store


class NoStore(Store):
    """Knows the head, the versions, the names, the tokens, and who there is; everything else is gone.

    Whoever speaks is looked up again once the states at hand are too many: were they gone, all would be refused.
    """

    def __init__(self, _where: Path | str, *, clock: Callable[[], int], read_only: bool, whole: bool) -> None:
        super().__init__("no store", read_only=read_only)
        self._clock = clock
        self._versions: dict[str, int] = {}
        self._names: dict[str, set[str]] = {}
        self._tokens: dict[bytes, TokenRow] = {}
        self._first: list[EntryRow] = []
        self._persons: dict[str, list[EntryRow]] = {}

    def head(self) -> Head:
        return self.cached_head

    def rows(self, after: int, limit: int, *, until: int = LAST, types: Sequence[str] = ()) -> list[EntryRow]:
        return self._first[after : after + limit]

    def stream(
        self, subject: str, *, after: int = -1, until: int = LAST, limit: int = LAST, descending: bool = False
    ) -> list[EntryRow]:
        rows = [row for row in self._persons.get(subject, ()) if after < row.version <= until]
        return (rows[::-1] if descending else rows)[:limit]

    def find_results(self, claims: Sequence[UniqueClaim]) -> dict[UniqueClaim, StoredResult]:
        return {}

    def find_people(self, folded: str) -> tuple[str, ...]:
        return tuple(sorted(self._names.get(folded, ())))

    def read_only_reason(self) -> str:
        return ""

    def token(self, hash_: bytes) -> TokenRow | None:
        return self._tokens.get(hash_)

    def tokens(self) -> list[TokenRow]:
        return list(self._tokens.values())

    def change(self, work: Callable[[Any], Any]) -> Any:
        return work(self)

    def run(self, work: Callable[[Any], Any]) -> Any:
        return None  # when tokens were last used, and one-time codes, are not kept

    @property
    def session(self) -> Any:
        return self

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        self.rowcount = 0
        return self

    def session_holders(self) -> frozenset[str]:
        return frozenset()

    def active_tokens(self, now: int) -> list[tuple[str, str, str]]:
        return [(token.id, token.actor, token.scopes) for token in self._tokens.values()]

    def owners(self) -> list[tuple[str, str]]:
        return []

    def put_token(self, token: TokenRow) -> None:
        self._tokens[token.hash] = token

    def submit(self, appends: Sequence[Append]) -> Future[list[Outcome]]:
        done: Future[list[Outcome]] = Future()
        done.set_result([self._placed(append) for append in appends])
        for append in appends:
            if append.alongside:
                append.alongside(self)
        return done

    def _placed(self, append: Append) -> Outcome:
        core = Appender(self.cached_head, self._clock)
        wanted = core.missing([append])
        core.provide(
            {stream: self._versions.get(stream) for stream in wanted.streams},
            dict.fromkeys(wanted.claims, False),
            {fold: self._names.get(fold, ()) for fold in wanted.names},
        )
        rows = core.append(append)
        if isinstance(rows, list):
            self.cached_head = core.head
            self._versions.update({row.subject: row.version for row in rows})
            for name in append.names:
                self._names.setdefault(name.normalized, set()).add(name.person)
            self._first += [] if len(self._first) > 1 else rows
            for row in rows:
                if row.subject.startswith("person:"):
                    self._persons.setdefault(row.subject, []).append(row)
            self.on_committed(append, rows)
        return rows

    def read(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        raise NotImplementedError

    def _transaction(self) -> AbstractContextManager[Session]:
        raise NotImplementedError

    def _append_group(self, appends: Sequence[Append]) -> list[Outcome]:
        raise NotImplementedError

    def _vacuum(self) -> None:
        raise NotImplementedError

    def _disconnect(self) -> None:
        pass

    def library_errors(self) -> AbstractContextManager[None]:
        return nullcontext()


if __name__ == "__main__":
    eventlog.log.open_store = NoStore  # type: ignore[assignment]
    main()
