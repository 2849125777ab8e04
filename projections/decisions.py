"""The register of decisions, a decision's page, its history, and what it replaces and rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from domain.fields import Value
from projections.audit import AuditFilter, all_events
from projections.field_history import ChangeFilter, all_field_history
from projections.field_values import all_field_values, by_subject, subject_fields
from projections.query import (
    LIMIT,
    NOW,
    Answer,
    Filter,
    ResolvedTime,
    Row,
    TimePoint,
    answer,
    decode_cursor,
    encode_cursor,
    filled,
    loads,
    matching,
    names,
    page,
    resolve_time,
    spellings,
    subjects_where,
    titles,
)  # fmt: skip
from projections.read_model import Read
from projections.schema import members

PART: Final = 1_000
COLUMNS: Final = ("title", "status", "kind", "products", "deciders", "role.accountable", "tags", "review_on", "aliases")
"""What the register shows of each."""


@dataclass(frozen=True, slots=True)
class RegisterFilter:
    """Which decisions a question is about; all that is said must fit.

    `about` says of which subjects, products and statuses (our meaning or the source's word). `kinds` are `strategic`,
    `feature` and so on. `ever` are statuses, by meaning or word, that a decision has at some time had.
    """

    about: Filter = field(default_factory=Filter)
    kinds: Sequence[str] = ()
    deciders: Sequence[str] = ()
    accountable: Sequence[str] = ()
    tags: Sequence[str] = ()
    ever: Sequence[str] = ()
    text: str | None = None


def register(
    read: Read, asked: RegisterFilter | None = None, when: TimePoint = NOW, *, columns: Sequence[str] = COLUMNS,
    limit: int = LIMIT, cursor: str | None = None,
) -> Answer:  # fmt: skip
    """The decisions that fit, in the order in which they came to the log.

    Each with its `number` in every product it belongs to: decisions are counted in the order in which a product got
    them, and keep their number whatever becomes of them.
    """
    then = resolve_time(read, when)
    where, parameters = _where(read, asked or RegisterFilter(), then)
    if cursor is not None:
        (parameters["after"],) = decode_cursor(cursor, int)
        where += " and (select min(b.id) from cell b where b.subject = c.subject and b.field = 'exists') > :after"
    sql = f"""select c.subject, (select min(b.id) from cell b where b.subject = c.subject and b.field = 'exists') as began
        from cell c where c.field = 'exists' and {then.in_turn("c")} and {where} order by began limit :limit"""
    found = [{"subject": row[0], "began": row[1]} for row in read.rows(sql, {**parameters, "limit": limit + 1})]
    shown, following = page(found, limit, ("began",))
    rows = filled(read, [row["subject"] for row in shown], lambda part: _entries(read, part, columns, then), PART)
    if len(rows) < len(shown):
        following = encode_cursor(shown[len(rows) - 1]["began"])
    return answer(then, rows, following=following)


def _where(read: Read, asked: RegisterFilter, then: ResolvedTime) -> tuple[str, dict[str, Any]]:
    where, parameters = subjects_where(read, replace(asked.about, kinds=("decision",)), then, "c.subject")
    terms = [where]
    for name, cell in (
        ("deciders", "deciders"),
        ("accountable", "role.accountable"),
        ("tags", "tags"),
        ("kinds", "kind"),
    ):
        wanted = [one for said in getattr(asked, name) for one in read.all_of(said)]
        if wanted:
            parameters |= {f"r_{name}": wanted, f"r_{name}_json": spellings(wanted)}
            terms.append(f"""c.subject in (select h.subject from cell h where h.field = '{cell}' and {then.holds("h")}
                and (h.value in {members(f"r_{name}_json")} or {names("h", f"r_{name}")}))""")
    if asked.ever:
        parameters |= {"r_ever": list(asked.ever), "r_ever_json": spellings(asked.ever)}
        terms.append(f"""c.subject in (select e.subject from cell e where e.field = 'status' and {then.counts("e")}
            and e.eff <= :t and (e.value in {members("r_ever_json")} or e.word in {members("r_ever")}))""")
    if asked.text is not None:
        found = matching("s", "r_text", asked.text, parameters)
        terms.append(f"c.subject in (select s.subject from search s where {found} and s.position <= :p)")
    return " and ".join(terms), parameters


def _entries(read: Read, subjects: Sequence[str], columns: Sequence[str], then: ResolvedTime) -> list[Row]:
    if not subjects:
        return []
    found = by_subject(all_field_values(read, Filter(subjects=subjects, fields=columns, include_removed=True), then))
    numbered = numbers(read, subjects, then)
    return [
        {"subject": subject, "number": numbered.get(subject, {}), "fields": found.get(subject, {})}
        for subject in subjects
    ]


def numbers(read: Read, subjects: Sequence[str], then: ResolvedTime) -> dict[str, dict[str, int]]:
    """The numbers of these decisions, by product."""
    sql = f"""select r.ref, r.subject, min(r.id) from cell_ref r where r.field = 'products' and r.id < :b
        and r.subject >= 'decision:' and r.subject < 'decision;' and r.ref in (
            select p.ref from cell_ref p join cell m
            on m.subject = p.subject and m.field = p.field and m.eff = p.eff and m.id = p.id
            where p.field = 'products' and p.subject in {members("subjects")} and {then.holds("m")})
        group by r.ref, r.subject order by r.ref, min(r.id)"""
    wanted, counts = set(subjects), dict[str, int]()
    found: dict[str, dict[str, int]] = {}
    for product, subject, _ in read.rows(sql, {"subjects": list(subjects), **then.parameters}):
        counts[product] = counts.get(product, 0) + 1
        if subject in wanted:
            found.setdefault(subject, {})[product] = counts[product]
    return found


class NotFound(LookupError):
    """The read model has never heard of this subject."""


def page_of(read: Read, subject: str, when: TimePoint = NOW) -> Answer:
    """All there is to say of one subject: every cell with its blame, what it replaces, what rests on it, its version.

    Made for decisions, and true of every subject. One that is struck is shown, with `on_record` false.

    Raises:
        NotThere: there is no such subject by then.
    """
    then = resolve_time(read, when)
    found = read.one(
        "select max(version) from act where subject = :s and position <= :p", {"s": subject, "p": then.position}
    )
    if not found or found[0] is None:
        msg = f"the log knows no {subject}"
        raise NotFound(msg)
    cells = subject_fields(read, subject, then, blame=True)
    exists = cells.get("exists", {}).get("value") is True
    reached = {name: _reached(read, (subject,), neighbours, then) for name, neighbours in DIRECTIONS.items()}
    named = {**titles(read, [one for found in reached.values() for one in found], then)}
    about = {
        "subject": subject, "version": found[0], "current": exists, "title": cells.get("title", {}).get("value"),
        "number": numbers(read, (subject,), then).get(subject, {}), "fields": cells,
        **{name: [{"subject": one, "title": named.get(one)} for one in found] for name, found in reached.items()},
    }  # fmt: skip
    return answer(then, [], about=about)


def history(read: Read, subject: str, when: TimePoint = NOW, *, fields: Sequence[str] = ()) -> Answer:
    """What happened to a subject by an instant: its acts in the order in which they took effect, each with the steps it made.

    With `fields`, only acts that changed one of these, and only those steps.
    """
    then = resolve_time(read, when)
    asked = ChangeFilter(fields=Filter(subjects=(subject,), fields=fields))
    steps: dict[int, list[Row]] = {}
    for step in all_field_history(read, asked, then):
        steps.setdefault(step["position"], []).append(
            {name: said for name, said in step.items() if name not in _OF_ACT}
        )
    acts = all_events(read, AuditFilter(subjects=read.all_of(subject)), then)
    rows = [{**act, "changes": steps.get(act["position"], [])} for act in acts]
    shown = [row for row in rows if row["changes"] or not fields]
    return answer(then, sorted(shown, key=lambda row: (row["at"], row["position"])))


_OF_ACT: Final = ("subject", "title", "position", "blame")


# The graph ---------------------------------------------------------------------------------------------------------

Neighbours = Callable[[Read, Sequence[str], ResolvedTime], list[tuple[str, str]]]


def _named_by(read: Read, subjects: Sequence[str], then: ResolvedTime, *fields: str) -> list[tuple[str, str]]:
    """Each of these with a subject that its cells name."""
    sql = f"""select c.subject, c.value from cell c where c.subject in {members("subjects")}
        and c.field in {members("fields")} and c.value is not null and {then.holds("c")} order by c.subject, c.field"""
    rows = read.rows(sql, {"subjects": list(subjects), "fields": list(fields), **then.parameters})
    return [(subject, str(one)) for subject, value in rows for one in _listed(loads(value))]


def _naming(read: Read, subjects: Sequence[str], then: ResolvedTime, *fields: str) -> list[tuple[str, str]]:
    """Each of these with a subject whose cells name it."""
    sql = f"""select r.ref, r.subject from cell_ref r join cell c
        on c.subject = r.subject and c.field = r.field and c.eff = r.eff and c.id = r.id
        where r.ref in {members("subjects")} and r.field in {members("fields")} and {then.holds("c")}
        order by r.ref, r.subject"""
    return list(read.rows(sql, {"subjects": list(subjects), "fields": list(fields), **then.parameters}))


def _because(read: Read, subjects: Sequence[str], then: ResolvedTime, *, reverse: bool) -> list[tuple[str, str]]:
    """Each of these with what its acts rest on; or reversed, with what has acts that rest on it."""
    one, other = ("b.decision", "a.subject") if reverse else ("a.subject", "b.decision")
    sql = f"""select distinct {one}, {other} from act_because b join act a on a.position = b.position
        where {one} in {members("subjects")} and a.position <= :p and a.eff <= :t
        and (a.void is null or a.void > :p) order by {one}, {other}"""
    return list(read.rows(sql, {"subjects": list(subjects), **then.parameters}))


def _listed(value: Value) -> list[Value]:
    return value if isinstance(value, list) else [value]


DIRECTIONS: Final[dict[str, Neighbours]] = {
    "replaces": lambda read, subjects, then: _naming(read, subjects, then, "superseded_by", "reversed_by"),
    "replaced_by": lambda read, subjects, then: _named_by(read, subjects, then, "superseded_by", "reversed_by"),
    "rests_on": lambda read, subjects, then: (
        _because(read, subjects, then, reverse=False) + _named_by(read, subjects, then, "decisions")
    ),
    "supports": lambda read, subjects, then: (
        _because(read, subjects, then, reverse=True) + _naming(read, subjects, then, "decisions")
    ),
}
"""The ways from a decision to others: what it replaces, what replaced it, what it rests on, and what rests on it."""


def _reached(read: Read, subjects: Sequence[str], neighbours: Neighbours, then: ResolvedTime) -> list[str]:
    return list(dict.fromkeys(end for start, end in neighbours(read, subjects, then) if start != end))


def graph(read: Read, subject: str, when: TimePoint = NOW, *, most: int = 1_000) -> Answer:
    """All that a decision replaces, is replaced by, rests on and supports, directly and through others.

    Rows are edges, `from` one to another, with the `way` and the number of steps from the decision (`distance`). The
    subjects they name stand in `nodes` with title and status; `truncated` says that there are more than `most`.
    """
    then = resolve_time(read, when)
    edges = [
        edge for way, neighbours in DIRECTIONS.items() for edge in _walk(read, subject, way, neighbours, then, most)
    ]
    shown = edges[:most]
    nodes = sorted({subject, *(edge[end] for edge in shown for end in ("from", "to"))})
    cells = by_subject(
        all_field_values(read, Filter(subjects=nodes, fields=("title", "status"), include_removed=True), then)
    )
    said = [
        {"subject": node, **{name: cells.get(node, {}).get(name, {}).get("value") for name in ("title", "status")}}
        for node in nodes
    ]
    return answer(then, shown, about={"nodes": said, "truncated": len(edges) > most})


def _walk(read: Read, subject: str, way: str, neighbours: Neighbours, then: ResolvedTime, most: int) -> list[Row]:
    edges: list[Row] = []
    seen, frontier, distance = {subject}, [subject], 0
    while frontier and len(edges) <= most:
        distance += 1
        found = [(start, end) for start, end in dict.fromkeys(neighbours(read, frontier, then)) if start != end]
        edges += [{"from": start, "to": end, "way": way, "distance": distance} for start, end in found]
        frontier = list(dict.fromkeys(end for _, end in found if end not in seen))
        seen.update(frontier)
    return edges
