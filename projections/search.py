"""Search in what people wrote: titles, reasons, notes, options, and the words of observed history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.fields import CHANGES_PER_EVENT
from projections.projector import NOTE
from projections.query import NOW, Answer, Filter, TimePoint, answer, loads, matching, resolve_time, subjects_where
from projections.read_model import Read
from projections.schema import TEXTS_PER_EVENT
from projections.tokenizer import snippet, tokenize


def search(read: Read, text: str, asked: Filter | None = None, when: TimePoint = NOW, *, limit: int = 50) -> Answer:
    """The places that hold all these words (or words that begin so), best first.

    Each with a snippet in which the words found stand between « and », and whether it is still so (`current`): a cell
    may have changed since, and an entry may have been voided.
    """
    then = resolve_time(read, when)
    where, parameters = subjects_where(read, asked or Filter(include_removed=True), then, "s.subject")
    found = matching("s", "query", text, parameters)
    row_id = f"s.position * {CHANGES_PER_EVENT} + s.rowid - s.position * {TEXTS_PER_EVENT}"
    sql = f"""select s.subject, {then.value("s.subject", "title")}, s.field, s.position, s.content,
            case when s.field = '{NOTE}' and not exists (select 1 from cell n where n.subject = s.subject
                and n.field = s.field and n.id = {row_id})
            then exists (select 1 from act a where a.position = s.position and (a.void is null or a.void > :p))
            else exists (select 1 from cell c where c.subject = s.subject and c.field = s.field
                and c.id = {row_id} and {then.holds("c")}) end
        from search s where {found} and s.position <= :p and {where}
        order by rank(s, :query) limit :limit"""
    sought = tokenize(text)
    rows = read.rows(sql, {**parameters, "limit": limit}) if sought else ()
    return answer(then, [_hit(row, sought) for row in rows])


def _hit(row: Sequence[Any], sought: Sequence[str]) -> dict[str, Any]:
    subject, title, name, position, content, current = row
    return {
        "subject": subject, "title": loads(title), "field": name, "position": position,
        "snippet": snippet(content, sought), "current": bool(current),
    }  # fmt: skip
