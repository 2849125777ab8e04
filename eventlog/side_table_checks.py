"""Checks of the rows that no Merkle tree covers: names, tokens, local owners, accounts and idempotency records.

These rows may be changed and erased, so no hash covers them. A row is valid if it has the right shape and refers to
subjects of the log. A well-formed value in the place of another cannot be detected: another name; another label, scope,
holder or hash of a token; another scope or digest of an idempotency key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from domain.names import normalize_name
from domain.scopes import is_scope
from domain.values import is_subject, kind_of
from eventlog.records import IDENTIFIER, OTHER_NAME, SHOWN, TokenRow

KEY_COLUMNS: Final[Mapping[str, Sequence[int]]] = {
    "idempotency_records": (0, 1),
    "names": (0, 1, 2),
    "tokens": (0,),
    "owners": (0,),
    "provider_accounts": (0, 1),
}
"""Each side table with the indexes of its key columns."""

_HASH_BYTES: Final = 32
_SALT_BYTES: Final = 16
_ID: Final = re.compile(r"[0-9a-z]{16}")
_HOLDER_KINDS: Final = frozenset({"person", "service"})
_FIRST_RECORD: Final = ("service:decisionlog", "begin")
"""The idempotency record of a log's first entry, which has no request and so neither salt nor digest."""


def find_invalid_row(table: str, rows: Sequence[Sequence[Any]], subjects: Collection[str]) -> str | None:
    """Describe the first invalid row, or return None. `subjects` are those of the log."""
    check = _CHECKS[table]
    for row in rows:
        try:
            problem = check(row, subjects)
        except (TypeError, ValueError, AttributeError) as error:
            problem = f"it cannot be read: {error}"
        if problem:
            return problem
    return None


def _check_idempotency_record(row: Sequence[Any], _subjects: Collection[str]) -> str | None:
    scope, key, salt, digest, *_span = row
    if (scope, key) == _FIRST_RECORD:
        return None
    if not _is_text(scope) or not _is_text(key):
        return f"{scope!r} and {key!r} are not the scope and the name of an idempotency key"
    if salt is not None and len(salt) != _SALT_BYTES:
        return f"the salt under the key {key!r} has {len(salt)} bytes, not {_SALT_BYTES}"
    if len(digest) != _HASH_BYTES:
        return f"the digest under the key {key!r} has {len(digest)} bytes, not {_HASH_BYTES}"
    return None


def _check_name(row: Sequence[Any], subjects: Collection[str]) -> str | None:
    normalized, person, name, shown = row
    if not _is_text(name) or normalize_name(name) != normalized:
        return f"the name {name!r} of {person!r} is indexed as {normalized!r}"
    if not _is_holder(person, subjects):
        return f"{name!r} is a name of {person!r}, which is not in the log"
    return None if shown in {SHOWN, IDENTIFIER, OTHER_NAME} else f"the kind of the name {name!r} is {shown!r}"


def _check_token(row: Sequence[Any], subjects: Collection[str]) -> str | None:
    token = TokenRow._make(row)
    if not _ID.fullmatch(token.id):
        return f"{token.id!r} is not the id of a token"
    if len(token.hash) != _HASH_BYTES:
        return f"the hash of the token {token.id} has {len(token.hash)} bytes, not {_HASH_BYTES}"
    if not _is_holder(token.actor, subjects):
        return f"the token {token.id} belongs to {token.actor!r}, which is not in the log"
    if not all(map(is_scope, token.scopes.split())):
        return f"the token {token.id} has the scopes {token.scopes!r}"
    if wrong := _check_token_times(token):
        return wrong
    return None if isinstance(token.label, str) else f"the label of the token {token.id} is {token.label!r}"


def _check_token_times(token: TokenRow) -> str | None:
    later = (token.revoked_at, token.expires_at, token.used_at)
    if not isinstance(token.created_at, int) or not all(isinstance(time, int | None) for time in later):
        return f"the token {token.id} has the times {(token.created_at, *later)!r}, which are not all whole numbers"
    if token.created_at < 0:
        return f"the token {token.id} was created at {token.created_at}, before 1970"
    if token.revoked_at is not None and token.revoked_at < token.created_at:
        return f"the token {token.id} was revoked at {token.revoked_at}, before it was created at {token.created_at}"
    return None


def _check_owner(row: Sequence[Any], subjects: Collection[str]) -> str | None:
    name, person = row
    if not _is_text(name):
        return f"{name!r} is not the name of a local owner"
    return None if _is_holder(person, subjects) else f"the local owner {person!r} is not in the log"


def _check_provider_account(row: Sequence[Any], subjects: Collection[str]) -> str | None:
    issuer, subject, person = row
    if not _is_text(issuer) or not _is_text(subject):
        return f"{issuer!r} and {subject!r} are not an issuer and the subject of an account"
    return None if _is_holder(person, subjects) else f"the account {subject!r} is linked to {person!r}, not in the log"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_holder(who: str, subjects: Collection[str]) -> bool:
    """Whether a subject can have names or tokens: a person of the log, or any service."""
    return is_subject(who) and kind_of(who) in _HOLDER_KINDS and (kind_of(who) == "service" or who in subjects)


_CHECKS: Final[Mapping[str, Callable[[Sequence[Any], Collection[str]], str | None]]] = {
    "idempotency_records": _check_idempotency_record,
    "names": _check_name,
    "tokens": _check_token,
    "owners": _check_owner,
    "provider_accounts": _check_provider_account,
}
