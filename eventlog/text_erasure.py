"""Erasing text, for example after a request under Article 17 of the GDPR, without changing any entry or hash.

An entry holds a salted commitment to each text that people wrote (`eventlog.codec`); the texts and their salts are
stored in another column. The command `EraseTexts` records which positions are erased. In the transaction that writes its entry,
the texts and salts at these positions are deleted, and with them the salts of the requests that wrote them, or a text
could be guessed from the hash of its request. After the commit, `eventlog.library_application` drops the texts from the caches
of this process, and a notification makes other processes do the same; projections rewrite their rows when they read the
entry; and the store truncates its write-ahead log. `eventlog.verification` checks that texts are missing exactly where
an entry erased them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final

from domain.any_subject import TextsErased
from domain.catalog import EVENT_NAMES
from eventlog.codec import decode_row
from eventlog.entry import Entry
from eventlog.records import EntryRow
from eventlog.sql import Session

TEXTS_ERASED: Final = EVENT_NAMES[TextsErased]


def find_erased_positions(entries: Iterable[Entry]) -> tuple[int, ...]:
    """Return the positions whose texts some entries erase."""
    erasures = [entry.event.positions for entry in entries if isinstance(entry.event, TextsErased)]
    return tuple(chain.from_iterable(erasures))


def decode_erased_positions(rows: Iterable[EntryRow]) -> tuple[int, ...]:
    """Return the positions whose texts some rows, each of type `TEXTS_ERASED`, erase."""
    return find_erased_positions(decode_row(row) for row in rows)


def erase_texts(session: Session, positions: Sequence[int]) -> None:
    """Erase the texts at some positions, with their salts."""
    session.executemany("UPDATE events SET texts = NULL WHERE position = ?", [(position,) for position in positions])


def erase_request_salts(session: Session, positions: Sequence[int]) -> None:
    """Erase the salts of the requests that wrote some positions, so that erased texts cannot be guessed from digests."""
    session.executemany(
        "UPDATE idempotency_records SET salt = NULL"
        " WHERE first = (SELECT max(first) FROM idempotency_records WHERE first <= ?) AND first + count > ?",
        [(position, position) for position in positions],
    )


def erase_registration_salt(session: Session, person: str) -> None:
    """Erase the salt of the request that registered a person, so that an erased name cannot be guessed from its digest."""
    session.execute(
        "UPDATE idempotency_records SET salt = NULL WHERE EXISTS"
        " (SELECT 1 FROM events WHERE subject = ? AND version = 1 AND position >= idempotency_records.first"
        " AND position < idempotency_records.first + idempotency_records.count)",
        (person,),
    )
