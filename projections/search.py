"""Search in what people wrote: titles, reasons, notes, options, and the words of observed history."""

from __future__ import annotations

from typing import Any

from domain.cells import STEPS_PER_EVENT
from projections.model import Read
from projections.projector import NOTE
from projections.reading import NOW, Answer, Filter, When, answer, loads, matching, moment, subjects_where
from projections.schema import TEXTS_PER_EVENT


def search(read: Read, text: str, asked: Filter | None = None, when: When = NOW, *, limit: int = 50) -> Answer:
    """The places that hold all these words (or words that begin so), best first.

    Each with a snippet in which the words found stand between « and », and whether it is still so (`current`): a cell
    may have changed since, and an entry may have been voided.
    """
    then = moment(read, when)
    query = matching(text)
    if query is None:
        return answer(then, [])
    where, parameters = subjects_where(read, asked or Filter(absent=True), then, "search.subject")
    row_id = f"search.position * {STEPS_PER_EVENT} + search.rowid - search.position * {TEXTS_PER_EVENT}"
    sql = f"""select search.subject, {then.value("search.subject", "title")}, search.field, search.position,
            snippet(search, 3, '«', '»', '…', 16),
            case when search.field = '{NOTE}' and not exists (select 1 from cell n where n.subject = search.subject
                and n.field = search.field and n.id = {row_id})
            then exists (select 1 from act a where a.position = search.position and (a.void is null or a.void > :p))
            else exists (select 1 from cell c where c.subject = search.subject and c.field = search.field
                and c.id = {row_id} and {then.holds("c")}) end
        from search where search match :query and search.position <= :p and {where}
        order by search.rank limit :limit"""
    rows = read.rows(sql, {**parameters, "query": query, "limit": limit})
    return answer(then, [_hit(*row) for row in rows])


def _hit(subject: str, title: str | None, name: str, position: int, snippet: str, current: int) -> dict[str, Any]:
    return {
        "subject": subject, "title": loads(title), "field": name, "position": position, "snippet": snippet,
        "current": bool(current),
    }  # fmt: skip
