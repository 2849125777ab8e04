"""How cells came to hold what they hold: every change of every cell, the second of the two general questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from domain.fields import CHANGES_PER_EVENT, Value
from domain.values import format_micros
from projections.bounds import ReadTooMuch
from projections.ordering import Direction, Held, Order, direction, list_difference
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
    fields_where,
    loads,
    resolve_time,
    spellings,
    taken,
    within,
)  # fmt: skip
from projections.read_model import Read
from projections.schema import members

MAX_GROUPS: Final = 200_000

Group = Literal["subject", "field", "direction", "actor", "principal"]


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """Which steps a question is about.

    `cells` says of which cells; what it says of their contents is left to `from_*` and `to_*`, which ask what the cell
    held just before and just after: a value (ours), or a word (the source's). `by` is actor or principal. Spans are half
    open and in microseconds: `span` of when it took effect, `recorded` of when the log heard of it; `positions` says the
    same by position. Subjects that were
    struck have a history too, and are left out only with `live`. A step that changes nothing is one only with
    `include_unchanged`.
    """

    fields: Filter = field(default_factory=Filter)
    from_values: Sequence[Value] = ()
    from_source_values: Sequence[str] = ()
    to_values: Sequence[Value] = ()
    to_source_values: Sequence[str] = ()
    directions: Sequence[str] = ()
    by: Sequence[str] = ()
    actors: Sequence[str] = ()
    principals: Sequence[str] = ()
    span: tuple[int | None, int | None] = (None, None)
    recorded: tuple[int | None, int | None] = (None, None)
    positions: range | None = None
    live: bool = False
    include_unchanged: bool = False


def field_history(
    read: Read, asked: ChangeFilter, when: TimePoint = NOW, *, newest_first: bool = False, limit: int = LIMIT,
    cursor: str | None = None,
) -> Answer:  # fmt: skip
    """The steps that fit up to the instant asked for, in the order in which they took effect.

    Each says what the cell held `before` and `after` (`value` and `word`), its `direction`, `at` (when it took effect),
    whether it is the end of a term (`ended`), for lists who came and went, and by whom and why (`blame`).
    """
    then = resolve_time(read, when)
    after = decode_cursor(cursor, int, int, int) if cursor is not None else None
    found, is_more = taken(read, _select(read, asked, then, newest_first=newest_first, after=after), limit)
    following = encode_cursor(*found[-1][0]) if is_more else None
    return answer(then, [row for _, row in found], following=following)


def count_changes(
    read: Read,
    asked: ChangeFilter,
    by: Sequence[Group],
    when: TimePoint = NOW,
    *,
    min_count: int = 1,
    limit: int = LIMIT,
) -> Answer:
    """How many of the steps that fit there are, by one or several of subject, field, direction, actor and principal.

    `truncated` says that there are more counts than `limit`.
    """
    then = resolve_time(read, when)
    counts = _counts(read, asked, by, then)
    ranked = sorted(
        ((group, n) for group, n in counts.items() if n >= min_count), key=lambda found: (-found[1], found[0])
    )
    rows = [{**dict(zip(by, group, strict=True)), "count": n} for group, n in ranked[:limit]]
    return answer(then, rows, about={"truncated": len(ranked) > limit})


def _counts(read: Read, asked: ChangeFilter, by: Sequence[Group], then: ResolvedTime) -> Counter[tuple[str, ...]]:
    counts: Counter[tuple[str, ...]] = Counter()
    known: dict[str, str] = {}  # so that each word is kept only once
    for row, way in _rows(read, asked, then, keeps=False):
        told = {"subject": row[0], "field": row[2], "direction": way, "actor": row[14], "principal": row[15]}
        words = [read.one_of(told[name]) if name in ("actor", "principal") else told[name] for name in by]
        counts[tuple([known.setdefault(word, word) for word in words])] += 1
        if len(counts) > MAX_GROUPS and read.bounds.is_bounded:
            msg = f"it counts more than {MAX_GROUPS:,} groups"
            raise ReadTooMuch(msg)
    return counts


def each_step(read: Read, asked: ChangeFilter, then: ResolvedTime) -> Iterator[Row]:
    """The steps that fit, in the order in which they took effect, for a caller that keeps none of them."""
    return (row for _, row in _select(read, asked, then, keeps=False))


def all_field_history(read: Read, asked: ChangeFilter, then: ResolvedTime) -> list[Row]:
    """The steps that fit, all of them: what other answers are made of."""
    return [row for _, row in _select(read, asked, then)]


def _select(
    read: Read,
    asked: ChangeFilter,
    then: ResolvedTime,
    *,
    newest_first: bool = False,
    after: tuple[int, ...] | None = None,
    keeps: bool = True,
) -> Iterator[tuple[tuple[int, int, int], Row]]:
    """Each step with its place in the order: when, the row's id, and whether it is the end of its term."""
    for row, way in _rows(read, asked, then, newest_first=newest_first, after=after, keeps=keeps):
        yield (row[3], row[4], row[5]), _step(row, way, read)


def _rows(
    read: Read,
    asked: ChangeFilter,
    then: ResolvedTime,
    *,
    newest_first: bool = False,
    after: tuple[int, ...] | None = None,
    keeps: bool = True,
) -> Iterator[tuple[Sequence[Any], Direction]]:
    """The rows of the steps that fit, each with its direction. With `keeps` they count towards what may be kept."""
    points, parameters = _points(read, asked, then)
    where = _conditions(read, asked, parameters)
    way, sign = ("desc", "<") if newest_first else ("asc", ">")
    if after is not None:
        parameters |= {"c_at": after[0], "c_id": after[1], "c_ended": after[2]}
        where += f" and (s.at, s.id, s.ended) {sign} (:c_at, :c_id, :c_ended)"
    sql = f"""with point as ({points}),
        step as (select subject, field, at, id, ended, before_id,
            case when until <= at then null else value end as value, case when until <= at then null else word end as word,
            case when over then null else before_value end as before_value,
            case when over then null else before_word end as before_word, title from point)
        select s.subject, s.title, s.field, s.at, s.id, s.ended, s.before_value, s.before_word, s.value, s.word,
            {ACT_COLUMNS}
        from step s join act a on a.position = s.id / {CHANGES_PER_EVENT}
        where {where} order by s.at {way}, s.id {way}, s.ended {way}"""
    order = Order(read, then)
    for row in (read.rows if keeps else read.stream)(sql, parameters):
        way = direction((loads(row[6]), row[7]), (loads(row[8]), row[9]), order)
        if (way != "include_unchanged" or asked.include_unchanged) and _wanted(way, asked.directions):
            yield row, way


def _wanted(found: Direction, directions: Sequence[str]) -> bool:
    return not directions or found in directions


def _points(read: Read, asked: ChangeFilter, then: ResolvedTime) -> tuple[str, dict[str, Any]]:
    """SQL for the instants at which cells change: rows, each with the row before it, and ends of terms."""
    about = replace(asked.fields, values=(), source_values=(), holders=(), include_removed=not asked.live)
    where, parameters = fields_where(read, about, then)
    acts = _acts(read, asked, parameters)
    if acts != _ANY_ACT:
        # Narrows to the subjects of these acts, so that a rare actor does not cost a look at every cell.
        where += f" and c.subject in (select a.subject from act a where {acts})"
    title = then.value("c.subject", "title")
    before = f"""select n.eff, n.id from cell n where n.subject = c.subject and n.field = c.field
        and (n.eff, n.id) < (c.eff, c.id) and {then.counts("n")} order by n.eff desc, n.id desc limit 1"""
    ends = f"""not exists (select 1 from cell n where n.subject = c.subject and n.field = c.field
        and (n.eff, n.id) > (c.eff, c.id) and n.eff <= c.until and {then.counts("n")})"""
    sql = f"""select c.subject, c.field, c.eff as at, c.id, 0 as ended, c.value, c.word, c.until,
            b.value as before_value, b.word as before_word, b.id as before_id,
            b.until is not null and (b.until < c.eff or b.until <= b.eff) as over, {title} as title
        from cell c left join cell b
            on b.subject = c.subject and b.field = c.field and (b.eff, b.id) = ({before})
        where {where} and {then.counts("c")} and c.eff <= :t {within("c.eff", asked.span, "span", parameters)}
        union all
        select c.subject, c.field, c.until, c.id, 1, null, null, null, c.value, c.word, c.id, 0 = 1, {title}
        from cell c
        where {where} and {then.counts("c")} and c.until > c.eff and c.until <= :t and {ends}
            {within("c.until", asked.span, "span", parameters)}"""
    return sql, parameters


_ANY_ACT: Final = "1 = 1"
_BY: Final = {"actors": ("a.actor",), "principals": ("a.principal",), "by": ("a.actor", "a.principal")}


def _conditions(read: Read, asked: ChangeFilter, parameters: dict[str, Any]) -> str:
    terms = [_acts(read, asked, parameters)]
    for side, values, words in (
        ("before_", asked.from_values, asked.from_source_values), ("", asked.to_values, asked.to_source_values),
    ):  # fmt: skip
        if values or words:
            terms.append(_held(read, side, values, words, parameters))
    return " and ".join(terms)


def _acts(read: Read, asked: ChangeFilter, parameters: dict[str, Any]) -> str:
    """SQL: the act is one of those asked for."""
    terms = [_ANY_ACT]
    for name, columns in _BY.items():
        wanted = [one for who in getattr(asked, name) for one in read.all_of(who)]
        if wanted:
            parameters[name] = wanted
            terms.append("(" + " or ".join(f"{column} in {members(name)}" for column in columns) + ")")
    if asked.positions is not None:
        parameters |= {"first": asked.positions.start, "past": asked.positions.stop}
        terms.append("a.position >= :first and a.position < :past")
    return " and ".join(terms) + within("a.recorded_at", asked.recorded, "recorded", parameters)


def _held(read: Read, side: str, values: Sequence[Value], words: Sequence[str], parameters: dict[str, Any]) -> str:
    """SQL: just before or just after, the cell held one of these values, had it in its list, or had one of these words."""
    meant = [one for value in values for one in (read.all_of(value) if isinstance(value, str) else [value])]
    texts = [value for value in meant if isinstance(value, str)]
    parameters |= {f"{side}values": spellings(meant), f"{side}members": texts, f"{side}words": list(words)}
    listed = f"""(s.{side}value like '[%' and s.{side}id in (select r.id from cell_ref r
        where r.ref in {members(f"{side}members")} and r.field = s.field and r.subject = s.subject))"""
    return f"""(s.{side}value in {members(f"{side}values")} or {listed} or s.{side}word in {members(f"{side}words")})"""


def _step(row: Sequence[Any], way: Direction, read: Read) -> Row:
    subject, title, name, at, _, ended, before_value, before_word, value, word = row[:10]
    before: Held = (loads(before_value), before_word)
    after: Held = (loads(value), word)
    return {
        "subject": subject, "title": loads(title), "field": name,
        "before": {"value": before[0], "source_value": before[1]}, "after": {"value": after[0], "source_value": after[1]},
        "direction": way, **list_difference(before[0], after[0], read.same),
        "at": format_micros(at), "position": row[10], "ended": bool(ended), "blame": build_blame(row[10:]),
    }  # fmt: skip
