"""Whether the rows beside the entries are sound: names, tokens, local owners, and idempotency records.

No hash covers them, as they change and are erased. A row is sound when it is of the right shape and refers to what the
log knows. What this cannot find is one well-formed value in the place of another: another spelling of a name, another
label, right, holder or hash of a token, another owner or digest of an idempotency key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from domain.values import is_subject, kind_of
from eventlog.directory import normalize_name
from eventlog.store import TokenRow
from eventlog.tokens import RIGHTS

SIDE_TABLES: Final[Mapping[str, Sequence[int]]] = {
    "answers": (0, 1),
    "names": (0, 1, 2),
    "tokens": (0,),
    "owners": (0,),
}
"""Each table with the places of its key's columns."""

_HASH_BYTES: Final = 32
_SALT_BYTES: Final = 16
_ID: Final = re.compile(r"[0-9a-z]{16}")
_HOLDERS: Final = frozenset({"person", "service"})
_BEGINNING: Final = ("service:decisionlog", "begin")
"""The idempotency record of a log's first entry, which nobody asked for: it has neither salt nor digest."""


def find_unsound_row(table: str, rows: Sequence[Sequence[Any]], subjects: Collection[str]) -> str | None:
    """Return what is wrong with the first row that is not sound, or None. `subjects` are those that the log knows."""
    find = _CHECKS[table]
    for row in rows:
        try:
            what = find(row, subjects)
        except (TypeError, ValueError, AttributeError) as error:
            what = f"it cannot be read: {error}"
        if what:
            return what
    return None


def _find_in_answer(row: Sequence[Any], _: Collection[str]) -> str | None:
    scope, key, salt, digest, *_rest = row
    if (scope, key) == _BEGINNING:
        return None
    if not _is_text(scope) or not _is_text(key):
        return f"{scope!r} and {key!r} are not the owner and the name of an idempotency key"
    if salt is not None and len(salt) != _SALT_BYTES:
        return f"the salt under the key {key!r} has {len(salt)} bytes"
    return None if len(digest) == _HASH_BYTES else f"the digest under the key {key!r} has {len(digest)} bytes"


def _find_in_name(row: Sequence[Any], subjects: Collection[str]) -> str | None:
    fold, person, spelling, shown = row
    if not _is_text(spelling) or normalize_name(spelling) != fold:
        return f"the spelling {spelling!r} of {person!r} is filed under {fold!r}"
    if not _is_holder(person, subjects):
        return f"{spelling!r} is a name of {person!r}, whom the log does not know"
    return None if shown in {-1, 0, 1} else f"whether {spelling!r} is shown is {shown!r}"


def _find_in_token(row: Sequence[Any], subjects: Collection[str]) -> str | None:
    token = TokenRow._make(row)
    if not _ID.fullmatch(token.id):
        return f"{token.id!r} is not the id of a token"
    if len(token.hash) != _HASH_BYTES:
        return f"the hash of the token {token.id} has {len(token.hash)} bytes"
    if not _is_holder(token.actor, subjects):
        return f"the token {token.id} is of {token.actor!r}, whom the log does not know"
    if not set(token.rights.split()) <= RIGHTS.keys():
        return f"the token {token.id} has the rights {token.rights!r}"
    is_timed = isinstance(token.created_at, int) and isinstance(token.revoked_at, int | None)
    if not is_timed or not 0 <= token.created_at <= (token.revoked_at or token.created_at):
        return f"the token {token.id} was made at {token.created_at!r} and revoked at {token.revoked_at!r}"
    return None if isinstance(token.label, str) else f"the label of the token {token.id} is {token.label!r}"


def _find_in_owner(row: Sequence[Any], subjects: Collection[str]) -> str | None:
    name, person = row
    if not _is_text(name):
        return f"{name!r} is not the name of a local owner"
    return None if _is_holder(person, subjects) else f"the local owner {person!r} is unknown to the log"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_holder(who: str, subjects: Collection[str]) -> bool:
    """Whether somebody can have names or tokens: a person of the log, or any service."""
    return is_subject(who) and kind_of(who) in _HOLDERS and (kind_of(who) == "service" or who in subjects)


_CHECKS: Final[Mapping[str, Callable[[Sequence[Any], Collection[str]], str | None]]] = {
    "answers": _find_in_answer, "names": _find_in_name, "tokens": _find_in_token, "owners": _find_in_owner,
}  # fmt: skip
