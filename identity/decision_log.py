"""The decision log: an event log together with its people directory, tokens and local owners."""

from __future__ import annotations

from collections.abc import Callable

from eventlog.lock import WriterLock
from eventlog.log import EventLog
from eventlog.store import Store
from identity.access_journal import AccessJournal
from identity.accounts import Accounts
from identity.one_time_codes import OneTimeCodes
from identity.owners import Owners
from identity.people_directory import Directory
from identity.sessions import SessionLimits, Sessions
from identity.sign_in_links import SignInLinks
from identity.tokens import Tokens


class DecisionLog(EventLog):
    """An event log that knows its people: who they are, how they sign in, and what they may do."""

    def __init__(
        self, store: Store, lock: WriterLock | None, *, clock: Callable[[], int], entropy: Callable[[int], bytes]
    ) -> None:
        super().__init__(store, lock, clock=clock, entropy=entropy)
        self.directory = Directory(store, self.names, self.record)
        self.tokens = Tokens(store, self.record, self.state, clock=clock, entropy=entropy)
        self.owners = Owners(store)
        self.codes = OneTimeCodes(store, clock=clock, entropy=entropy)
        self.accounts = Accounts(store, self.execute, self.record, entropy=entropy)
        self.sign_in_links = SignInLinks(self.codes, self.record, clock=clock)
        self.sessions = Sessions(store, clock=clock, entropy=entropy, limits=SessionLimits())
        self.journal = AccessJournal(store, clock=clock)
        self.sessions.on_start = lambda session: self.journal.record("sign-in", session.person, session.id)
        self.side_table_listeners.append(self.tokens.clear_cache)

    def close(self) -> None:
        """Write all that waits, close the store, and release the lock."""
        self.journal.close()
        for uses in (self.tokens.uses, self.sessions.uses):
            uses.write()
        super().close()
