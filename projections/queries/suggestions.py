"""Suggestions for a subject or a name that is unknown."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Final

from domain.ids import key_of
from projections.read_model.model import Read

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


def similar_names(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three of the names that are similar to a name, or else of those with a word that it begins."""
    spellings = {each.casefold(): each for each in names}
    typed = name.casefold().strip()
    found = get_close_matches(typed, spellings, MAX_SUGGESTIONS)
    begun = (each for each in spellings if typed and any(word.startswith(typed) for word in each.split()))
    return [spellings[match] for match in found or [*islice(begun, MAX_SUGGESTIONS)]]
