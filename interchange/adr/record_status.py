"""Read the status of a decision from the text of its record, which may be a word, a sentence, a history or a table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from interchange.adr.keyword_tables import STATUS_ENDINGS
from interchange.adr.keywords import DEFAULT_WORDS, Words
from interchange.adr.markdown_blocks import BULLET
from interchange.adr.record_dates import FoundDate, find_dates, without_dates
from interchange.adr.record_links import (
    MAX_STATUS_CHARACTERS,
    PARTLY,
    clauses_of_supersession,
    find_cjk_relations,
    find_relations,
    plain_status,
    without_links,
)

MAX_KEY_CHARACTERS: Final = 60
_CLAUSE_END: Final = re.compile(r"[\n.;:!?()\[\]{}—–/。、，；：]|,|\s-\s")
_DECORATION: Final = re.compile(r"^(?::[a-z0-9_+-]{1,40}:|[\W_])+", re.IGNORECASE)
_NO_TEXT: Final = re.compile(r"~~[^~]*~~|<[^<>]{1,200}>")
"""What was struck out, and tags of HTML."""
_CONJUNCTION: Final = re.compile(r"^\W*(?:(?:and|then|und|dann|et|puis|y|luego)\s+)?", re.IGNORECASE)
_SUBJECT: Final = re.compile(
    r"^(?:this|the)\s(?:adr|decision|record)\s(?:is|was|has been|has now been|is now)\s", re.IGNORECASE
)
_NOW: Final = re.compile(r"\b(?:now|jetzt|désormais|ahora)\s([^\n]{1,80})", re.IGNORECASE)
_DETAILS: Final = frozenset(
    (
        *("by", "on", "at", "in", "since", "as", "from", "with", "after"),
        *("von", "durch", "am", "vom", "im", "seit", "mit", "par", "le", "avec", "por", "el", "con", "en"),
        *("em", "pelo", "pela", "da", "dal", "dalla", "il", "op", "door", "przez", "dnia"),
    )
)
"""The words that may follow a status in a line with a date."""
_STAGES: Final = {
    status: stage
    for stage, statuses in enumerate(
        (("proposed",), ("deferred",), ("accepted", "rejected"), ("withdrawn", "reversed"), ("superseded",))
    )
    for status in statuses
}
"""How late in its life a decision has a status."""
_LABEL: Final = re.compile(r"!?\[([^\[\]]{1,80})\]\([^()\s]{1,500}\)")
_CHECKBOX: Final = re.compile(r"(?m)^[ \t]*[*+-][ \t]+\[([ xX])\][ \t]*(.*)$")
_ARROW: Final = re.compile(r"\s*(?:-+>|=+>|→|➔|➜|⇒)\s*")
_CONDITION: Final = re.compile(
    r"\b(?:when|once|if|unless|upon|on(?!\s+\d)|wenn|sobald|falls|quand|si|cuando)\b", re.IGNORECASE
)
"""What makes the last of several statuses one that is not reached yet, as in `Proposed → Accepted when it works`."""
_PARTLY: Final = re.compile(rf"\W*(?:{PARTLY}\b|部分|一部|일부)", re.IGNORECASE)


def parse_status(text: str, words: Words = DEFAULT_WORDS) -> str | None:
    """Return the status of a decision that a text means, or None if it is unknown or still a choice of a template.

    The first words count, unless a later line gives another status with a later date, or a clause of its own says that the
    record is superseded: a record is often superseded by a line that is added below.
    """
    text = _chosen_text(_NO_TEXT.sub("", plain_status(text[:MAX_STATUS_CHARACTERS])), words)
    bare = without_links(text)
    if _PARTLY.match(bare):
        return "accepted" if any(True for _ in find_relations(text[:MAX_STATUS_CHARACTERS])) else None
    choice = bare.strip().partition("\n")[0].split("|")
    if len({word for part in choice if (word := _status_in(part, words))}) > 1:
        return None
    lines = list(_status_lines(text, words))
    if len({line.status for line in lines}) > 1:
        first = _latest_status(lines)
    else:
        first = _status_in(bare, words) or _status_in(_LABEL.sub(r"\1", text), words)
    later = _status_in(now[1], words) if (now := _NOW.search(bare.strip().partition("\n")[0])) else None
    if later and (first is None or _STAGES[later] > _STAGES[first]):
        first = later
    is_replaced = any(one.is_whole for one in find_cjk_relations(text))
    if first is None:
        return "superseded" if is_replaced or _is_superseded_later(bare) else None
    is_in_force = first not in ("rejected", "withdrawn", "deferred")
    if (is_replaced and is_in_force) or _is_superseded_later(bare, is_in_force=is_in_force):
        return "superseded"
    return first


def _lines_of(text: str) -> list[str]:
    """Return the lines of a text that are not blank."""
    return [line for line in text.splitlines() if line.strip()]


def _chosen_text(text: str, words: Words) -> str:
    """Return the current part of a status: that in the latest row of a table, the checked one of several boxes, or what
    follows the last arrow.
    """
    if (latest := _latest_row(text, words)) is not None:
        return latest
    boxes = _CHECKBOX.findall(text)
    checked = [label for mark, label in boxes if mark != " "]
    if boxes:
        return checked[0] if len(checked) == 1 else ""
    steps = _ARROW.split(text.strip().partition("\n")[0])
    is_path = len(steps) > 1 and all(_status_in(step, words) for step in steps) and not _CONDITION.search(steps[-1])
    return steps[-1] if is_path else text


def _latest_row(text: str, words: Words) -> str | None:
    """Return the status in the row of the latest date of a table with a column for the status, else in its last row."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in _lines_of(text) if "|" in line]
    if not text.lstrip().startswith("|") or len(rows) < 3 or len(rows) != len(_lines_of(text)):  # noqa: PLR2004
        return None
    columns = [words.field_of_key(cell) for cell in rows[0]]
    if "status" not in columns:
        return None
    at, day = columns.index("status"), columns.index("date") if "date" in columns else None
    body = [row for row in rows[1:] if not set("".join(row)) <= set("-: ") and len(row) > max(at, day or 0)]
    dates = [next(find_dates(row[day]), None) for row in body] if day is not None else []
    if body and dates and all(dates):
        newest = max(date.first for date in dates if date)
        body = [row for row, date in zip(body, dates, strict=True) if date and date.last >= newest]
    return body[-1][at] if body else None


class _StatusLine(NamedTuple):
    status: str
    date: FoundDate | None


def _status_lines(text: str, words: Words) -> Iterator[_StatusLine]:
    """Yield the statuses that the lines of a text give, each with its date. A line with several dates has several parts.

    The first line gives the status that it begins with. Another one has to consist of a status, or of a status and a date
    and what may be said of it, so that a remark such as "Open questions remain" is no status.
    """
    parts = (part for line in _lines_of(text) for part in _dated_parts(line))
    for n, (part, date, is_after_date) in enumerate(parts):
        found = _match_status(part, words)
        if found and (n == 0 or found.is_whole or is_after_date or (date and found.is_followed_by_detail)):
            yield _StatusLine(found.status, date)


def _dated_parts(line: str) -> Iterator[tuple[str, FoundDate | None, bool]]:
    """Yield the parts of a line, each with its date, and whether it begins with the date.

    Those of `Proposed 2024-01-01, accepted 2024-02-01` are its two halves.
    """
    line = _DECORATION.sub("", BULLET.sub("", line.strip()))
    dates = list(find_dates(line))
    if not dates:
        yield line, None, False
        return
    is_first = dates[0].start == 0
    inner = [date.start for date in dates[1:]] if is_first else [date.end for date in dates[:-1]]
    for (start, end), date in zip(pairwise([0, *inner, len(line)]), dates, strict=True):
        yield _CONJUNCTION.sub("", line[start:end]), date, is_first


def _latest_status(lines: list[_StatusLine]) -> str | None:
    """Return the status of the latest date; None if that is ambiguous.

    Of several that may be the latest, the one that is later in the life of a decision counts, such as accepted after
    proposed. A line without a date may always be the latest. Without any date, all is ambiguous.
    """
    newest = max((line.date.first for line in lines if line.date), default=None)
    if newest is None:
        return None
    current = {line.status for line in lines if line.date is None or line.date.last >= newest}
    last = max(_STAGES[status] for status in current)
    found = [status for status in current if _STAGES[status] == last]
    return found[0] if len(found) == 1 else None


class _FoundStatus(NamedTuple):
    """A status that a text begins with: whether the text is nothing else, and whether details such as "by Ann" follow."""

    status: str
    is_whole: bool
    is_followed_by_detail: bool


def _status_in(text: str, words: Words) -> str | None:
    """Return the status that a text begins with."""
    found = _match_status(text, words)
    return found.status if found else None


def _match_status(text: str, words: Words) -> _FoundStatus | None:
    clause = _DECORATION.sub("", BULLET.sub("", without_dates(text, ",").strip()))
    key, colon, _ = clause[:MAX_KEY_CHARACTERS].partition(":")
    if colon and words.field_of_key(key) == "status":
        clause = _DECORATION.sub("", clause[len(key) + 1 :])
    clause = _SUBJECT.sub("", clause)
    end = _CLAUSE_END.search(clause)
    if end and end[0] == "?":
        return None
    clause, rest = (clause[: end.start()], clause[end.end() :]) if end else (clause, "")
    tokens = re.findall(r"[\w'-]+", clause.casefold().replace("_", " ").replace("-", " "))[: words.longest_status + 1]
    found, length = words.match_status(tokens) or (_inflected_status(tokens[0], words) if tokens else None, 1)
    if found is None or (tokens[length - 1] in _OPEN_TO and tokens[length : length + 1] == ["to"]):
        return None
    is_alone = len(tokens) == length
    is_whole = is_alone and not re.search(r"\w", rest)
    return _FoundStatus(found, is_whole, is_alone or tokens[length] in _DETAILS)


_OPEN_TO: Final = ("agreed", "committed", "decided", "open")
"""Words that mean no status with an infinitive: agreed to wait."""


def _inflected_status(word: str, words: Words) -> str | None:
    """Return the status of a Japanese or Chinese word with a usual ending; these languages have no spaces."""
    going_on = words.statuses.get(word.removesuffix("中"))
    if going_on in ("proposed", "deferred"):  # of any other status, it says that it is not reached yet
        return going_on
    ends = (end for end in STATUS_ENDINGS if word.endswith(end))
    return next((found for end in ends if (found := words.statuses.get(word.removesuffix(end)))), None)


def _is_superseded_later(text: str, *, is_in_force: bool = True) -> bool:
    """Whether a later clause says that the whole record is superseded."""
    clauses = clauses_of_supersession(text, is_in_force=is_in_force)
    return any(relation.is_whole and relation.field == "superseded_by" for relation in clauses)
