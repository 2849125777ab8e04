"""Full-text search in titles, reasons, notes, options, and the source values of imported history."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from domain.fields import CHANGES_PER_EVENT
from projections.answer_types.search import SearchHit
from projections.queries.filters import Filter, matches_text, subjects_where
from projections.queries.paging import Answer, BadCursor, build_answer, decode_cursor, encode_cursor, take_page
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.read_model.model import Read
from projections.read_model.row_batch import NOTE
from projections.read_model.schema import TEXTS_PER_EVENT
from projections.read_model.tokenizer import snippet, tokenize


def search(
    read: Read,
    text: str,
    selection: Filter | None = None,
    when: TimePoint = NOW,
    *,
    limit: int = 50,
    cursor: str | None = None,
) -> Answer[SearchHit]:
    """Return the texts that have every word of the query, or a word that starts with it, best match first.

    Equal matches are in the order of their subjects and fields. The cursor is the number of texts on earlier pages,
    because a rank depends on all texts: what is recorded between two pages can move a text from one to the other.

    Each has a snippet with the matching words between « and », and says whether the text is `current`: the field may
    have changed since, or the event may have been voided.
    """
    time = resolve_time(read, when)
    where, parameters = subjects_where(read, selection or Filter(include_removed=True), time, "s.subject")
    has_text = matches_text("s", "query", text, parameters)
    sql = f"""select s.subject, {time.value("s.subject", "title")}, s.field, s.position, s.content, {is_text_current(time)}
        from search s where {has_text} and {is_text_held()} and {where}
        order by rank(s, :query), s.subject, s.field, s.rowid limit :limit offset :skipped"""
    words, skipped = tokenize(text), _decode_count(cursor)
    found = read.rows(sql, {**parameters, "limit": limit + 1, "skipped": skipped}) if words else ()
    shown, is_more = take_page(read, found, limit)
    next_cursor = encode_cursor(skipped + len(shown)) if is_more else None
    return build_answer(time, [_build_row(row, words) for row in shown], next_cursor=next_cursor)


def _decode_count(cursor: str | None) -> int:
    count = 0 if cursor is None else int(decode_cursor(cursor, int)[0])
    if count < 0:
        raise BadCursor
    return count


def is_text_held() -> str:
    """SQL: the text of the row `s` of `search` was recorded by then, and had taken effect."""
    return """s.position <= :known and exists (select 1 from event held where held.position = s.position
        and held.valid_from <= :as_of)"""


def is_text_current(time: ResolvedTime) -> str:
    """SQL: the text of the row `s` of `search` is what its field holds, or the note of an event that is not voided."""
    row_id = f"s.position * {CHANGES_PER_EVENT} + s.rowid - s.position * {TEXTS_PER_EVENT}"
    return f"""case when s.field = '{NOTE}' and not exists (select 1 from field_value n where n.subject = s.subject
                and n.field = s.field and n.id = {row_id})
            then exists (select 1 from event a where a.position = s.position
                and (a.voided_by is null or a.voided_by > :known))
            else exists (select 1 from field_value c where c.subject = s.subject and c.field = s.field
                and c.id = {row_id} and {time.is_in_effect("c")}) end"""


def _build_row(columns: Sequence[Any], words: Sequence[str]) -> SearchHit:
    subject, title, field, position, content, current = columns
    return {
        "subject": subject,
        "title": None if title is None else json.loads(title),
        "field": field,
        "position": position,
        "snippet": snippet(content, words),
        "current": bool(current),
    }
