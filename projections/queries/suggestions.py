"""Suggestions for a subject or a name that is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

from domain.ids import SUBJECT_KINDS, key_of, kind_of
from projections.read_model.model import Read
from projections.read_model.schema import dumps, is_any_of

MAX_CANDIDATES: Final = 2_000
"""The subjects that an unknown key is compared with."""
MAX_SUGGESTIONS: Final = 3


def similar_subjects(read: Read, subject: str) -> list[str]:
    """Return up to three subjects of the same kind whose keys begin with the same letter and are similar."""
    kind, _, key = subject.partition(":")
    sql = """select distinct subject from field_value where field = 'exists' and subject >= :first and subject < :last
        order by subject limit :most"""
    first = f"{kind}:{key[:1]}"
    parameters = {"first": first, "last": first[:-1] + chr(ord(first[-1]) + 1), "most": MAX_CANDIDATES}
    keys = (key_of(found) for (found,) in read.rows(sql, parameters))
    return [f"{kind}:{match}" for match in get_close_matches(key, list(keys), MAX_SUGGESTIONS)]


def describe_other_kind(read: Read, name: str, kind: str = "") -> str:
    """Return what has this key or title and is not of this kind: "`3.9` is the release `r1`"; empty if nothing has it."""
    shown = " and ".join(f"the {kind_of(each)} `{key_of(each)}`" for each in find_in_other_kinds(read, name, kind))
    return f"`{name}` is {shown}" if shown else ""


def find_in_other_kinds(read: Read, name: str, kind: str = "") -> list[str]:
    """Return up to three subjects that have this key or title and are not of this kind."""
    wanted = name.strip().casefold()
    parameters: dict[str, Any] = {"title": dumps(wanted), "most": MAX_SUGGESTIONS}
    keyed = is_any_of("subject", "keyed", [f"{each}:{wanted}" for each in SUBJECT_KINDS], parameters)
    sql = f"""select distinct subject from field_value
        where ((field = 'exists' and {keyed}) or (field in ('title', 'version') and lower(value) = :title))
        and subject not like :kind order by subject limit :most"""
    return [subject for (subject,) in read.rows(sql, {**parameters, "kind": f"{kind}:%"})]


def similar_names(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three of the names that are similar to a name, or else of those with a word that it begins."""
    spellings = {each.casefold(): each for each in names}
    typed = name.casefold().strip()
    found = get_close_matches(typed, spellings, MAX_SUGGESTIONS)
    begun = (each for each in spellings if typed and any(word.startswith(typed) for word in each.split()))
    return [spellings[match] for match in found or [*islice(begun, MAX_SUGGESTIONS)]]
