"""The decision log: an event log together with its people directory, tokens and local owners."""

from __future__ import annotations

from collections.abc import Callable

from eventlog.lock import WriterLock
from eventlog.log import EventLog
from eventlog.store import Store
from identity.directory import Directory
from identity.owners import Owners
from identity.tokens import Tokens


class DecisionLog(EventLog):
    """An event log that knows its people: who they are, how they sign in, and what they may do."""

    def __init__(
        self, store: Store, lock: WriterLock | None, *, clock: Callable[[], int], entropy: Callable[[int], bytes]
    ) -> None:
        super().__init__(store, lock, clock=clock, entropy=entropy)
        self.directory = Directory(store, self.names, self.record)
        self.tokens = Tokens(store, self.record, clock=clock, entropy=entropy)
        self.owners = Owners(store)
        self.side_table_listeners.append(self.tokens.clear_cache)
