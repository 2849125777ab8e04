"""The audit trail: every act in the order in which it was recorded, with whose it was and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from projections.query import (
    ACT_COLUMNS,
    LIMIT,
    NOW,
    Answer,
    Filter,
    ResolvedTime,
    Row,
    TimePoint,
    answer,
    build_blame,
    decode_cursor,
    encode_cursor,
    loads,
    matching,
    resolve_time,
    subjects_where,
    taken,
    titles,
    within,
)  # fmt: skip
from projections.read_model import Read
from projections.schema import members


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which acts a question is about. Within a field any will do; the fields together must all fit.

    `by` is actor or principal. `types` are stored names, with or without their version. Spans are half open, in
    microseconds: `span` by when acts took effect, `recorded` by when the log heard of them. `because` are decisions they
    rest on; `justified` asks for acts with such a decision or without. `corrections` asks for acts that void another or
    replace one; `backdated` for those that say they took effect earlier than they were recorded.
    """

    actors: Sequence[str] = ()
    principals: Sequence[str] = ()
    by: Sequence[str] = ()
    kinds: Sequence[str] = ()
    subjects: Sequence[str] = ()
    products: Sequence[str] = ()
    types: Sequence[str] = ()
    channels: Sequence[str] = ()
    systems: Sequence[str] = ()
    references: Sequence[str] = ()
    because: Sequence[str] = ()
    transactions: Sequence[str] = ()
    positions: Sequence[int] = ()
    span: tuple[int | None, int | None] = (None, None)
    recorded: tuple[int | None, int | None] = (None, None)
    text: str | None = None
    justified: bool | None = None
    corrections: bool = False
    voided: bool | None = None
    backdated: bool = False


def audit(
    read: Read, asked: AuditFilter | None = None, when: TimePoint = NOW, *, oldest_first: bool = False, limit: int = LIMIT,
    cursor: str | None = None,
) -> Answer:  # fmt: skip
    """The acts that fit and were in effect at the instant asked for, newest first unless told otherwise.

    Each is its blame, with `data`, what was said in full.
    """
    then = resolve_time(read, when)
    way, sign = ("asc", ">") if oldest_first else ("desc", "<")
    where, parameters = _where(read, asked or AuditFilter(), then)
    if cursor is not None:
        (parameters["after"],) = decode_cursor(cursor, int)
        where += f" and a.position {sign} :after"
    few = f"select a.position from act a where {where} order by a.position {way} limit :limit"
    found = _select(read, f"a.position in ({few}) order by a.position {way}", {**parameters, "limit": limit + 1})
    shown, is_more = taken(read, found, limit)
    following = encode_cursor(shown[-1]["position"]) if is_more else None
    return answer(then, _titled(read, shown, then), following=following)


def all_events(read: Read, asked: AuditFilter, then: ResolvedTime) -> list[Row]:
    """The acts that fit and were in effect at a moment, all of them, oldest first: what other answers are made of."""
    where, parameters = _where(read, asked, then)
    return _titled(read, list(_select(read, f"{where} order by a.position", parameters)), then)


def _select(read: Read, tail: str, parameters: dict[str, Any]) -> Iterator[Row]:
    sql = f"""select {ACT_COLUMNS}, a.subject, a.version, a.unit, a.place, a.credential, a.refs, a.body
        from act a where {tail}"""
    return (_act(row) for row in read.rows(sql, parameters))


def _titled(read: Read, acts: list[Row], then: ResolvedTime) -> list[Row]:
    called = titles(read, (act["subject"] for act in acts), then)
    return [{**act, "title": called.get(act["subject"])} for act in acts]


def _act(row: Sequence[Any]) -> Row:
    subject, version, transaction, place, credential, references, body = row[15:]
    return {
        **build_blame(row[:15]), "subject": subject, "version": version, "transaction": transaction, "index": place,
        "credential": credential, "references": loads(references) or [], "data": loads(body),
    }  # fmt: skip


_LISTS = {
    "actors": "a.actor in {0}",
    "principals": "a.principal in {0}",
    "by": "(a.actor in {0} or a.principal in {0})",
    "subjects": "a.subject in {0}",
    "types": "a.type in {0}",
    "channels": "a.channel in {0}",
    "systems": "a.source_system in {0}",
    "references": "a.source_reference in {0}",
    "because": "a.position in (select b.position from act_because b where b.decision in {0})",
    "transactions": "a.unit in {0}",
    "positions": "a.position in {0}",
}


def _where(read: Read, asked: AuditFilter, then: ResolvedTime) -> tuple[str, dict[str, Any]]:
    about = Filter(kinds=asked.kinds, products=asked.products, include_removed=True)
    where, parameters = subjects_where(read, about, then, "a.subject")
    terms = [where, "a.position <= :p", *(["a.eff <= :t"] if then.when.as_of is not None else [])]
    for name, term in _LISTS.items():
        wanted: Sequence[Any] = getattr(asked, name)
        if wanted:
            parameters[f"a_{name}"] = _all_of(read, name, wanted)
            terms.append(term.format(members(f"a_{name}")))
    if asked.text is not None:
        found = matching("s", "a_text", asked.text, parameters)
        terms.append(f"a.position in (select s.position from search s where {found})")
    spans = (("a.eff", asked.span, "span"), ("a.recorded_at", asked.recorded, "recorded"))
    ends = (within(column, span, name, parameters) for column, span, name in spans)
    return " and ".join(terms + _exceptions(asked)) + "".join(ends), parameters


def _all_of(read: Read, name: str, wanted: Sequence[Any]) -> list[Any]:
    if name in ("actors", "principals", "by"):
        return [one for who in wanted for one in read.all_of(who)]
    if name == "types":
        return [
            spelt for said in wanted for spelt in ([said] if "." in said else [f"{said}.v{n}" for n in range(1, 10)])
        ]
    return list(wanted)


def _exceptions(asked: AuditFilter) -> list[str]:
    terms = []
    if asked.justified is not None:
        terms.append(f"a.because is {'not ' if asked.justified else ''}null")
    if asked.corrections:
        terms.append("(a.corrects is not null or a.type = 'EntryVoided.v1')")
    if asked.voided is not None:
        terms.append("(a.void is not null and a.void <= :p)" if asked.voided else "(a.void is null or a.void > :p)")
    if asked.backdated:
        terms.append("a.eff < a.recorded_at")
    return terms
