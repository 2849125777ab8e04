"""Decisions, the page and history of a decision, and the graph of decisions it relates to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, NamedTuple

from domain.fields import EXISTS, STATUS, Value
from projections.answer_types.changes import FieldChange, FieldChangeRow
from projections.answer_types.decisions import DecisionRow
from projections.answer_types.parts import TitledSubject
from projections.answer_types.subjects import (
    GraphEdge,
    GraphNode,
    GraphNodes,
    HistoryEvent,
    SubjectDetails,
    SubjectRelation,
)
from projections.queries.audit import AuditFilter, all_events, find_events
from projections.queries.field_groups import add_fields, build_subject_row, field_state
from projections.queries.field_history import ChangeFilter, all_field_history, iterate_changes
from projections.queries.field_values import all_field_values, as_text, by_subject, subject_fields
from projections.queries.filters import Filter, json_spellings, matches_text, refers_to_any, subjects_where
from projections.queries.grounds import linked_edges
from projections.queries.names import find_by_name
from projections.queries.paging import (
    DEFAULT_LIMIT,
    Answer,
    build_answer,
    build_until_full,
    decode_cursor,
    encode_cursor,
    page_after,
    take_page,
)
from projections.queries.search import is_text_held
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.queries.titles import find_titles
from projections.read_model.model import Read
from projections.read_model.schema import dumps, loads, members

BATCH_ROWS: Final = 1_000
COLUMNS: Final = (
    *("title", "status", "kind", "products", "deciders", "role.accountable", "tags"),
    *("review_on", "revisit_on", "aliases"),
)
"""The fields that a list of decisions shows by default."""


@dataclass(frozen=True, slots=True)
class DecisionFilter:
    """Which decisions a query covers; all that is given must match.

    `about` selects by subject, product and status. `kinds` are the kinds of decisions, such as `strategic`. `ever` are
    statuses that a decision has had at some time, as a value or a source value. `verdicts` are those on the authority of
    the deciders; `unratified` selects decisions that exceed it and were not ratified by an entitled person,
    `self_approved` and `backdated` those with that flag.
    """

    about: Filter = field(default_factory=Filter)
    kinds: Sequence[str] = ()
    deciders: Sequence[str] = ()
    accountable: Sequence[str] = ()
    tags: Sequence[str] = ()
    ever: Sequence[str] = ()
    text: str | None = None
    verdicts: Sequence[str] = ()
    unratified: bool = False
    self_approved: bool = False
    backdated: bool = False


_FIELD_OF_CONDITION: Final = {
    "deciders": "deciders",
    "accountable": "role.accountable",
    "tags": "tags",
    "kinds": "kind",
    "verdicts": "authority",
}


def decisions(
    read: Read,
    selection: DecisionFilter | None = None,
    when: TimePoint = NOW,
    *,
    columns: Sequence[str] = COLUMNS,
    newest_first: bool = False,
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Answer[DecisionRow]:
    """Return the decisions that match, in the order in which they were recorded or the reverse.

    Each has its `number` in every product it belongs to. A product's decisions are numbered in the order in which they
    were assigned to it; a number never changes.
    """
    time = resolve_time(read, when)
    where, parameters = _match_decisions(read, selection or DecisionFilter(), time)
    first_id = "(select min(b.id) from field_value b where b.subject = c.subject and b.field = 'exists')"
    order, sign = ("desc", "<") if newest_first else ("asc", ">")
    if cursor is not None:
        (parameters["after"],) = decode_cursor(cursor, int)
        where += f" and {first_id} {sign} :after"
    sql = f"""select c.subject, {first_id} as first_id from field_value c
        where c.field = 'exists' and {time.is_last_started("c")} and {where} order by first_id {order} limit :limit"""
    shown, is_more = take_page(read, read.rows(sql, {**parameters, "limit": limit + 1}), limit)
    subjects = [subject for subject, _ in shown]
    rows = build_until_full(read, subjects, lambda batch: _build_rows(read, batch, columns, time), BATCH_ROWS)
    is_more = is_more or len(rows) < len(shown)
    return build_answer(time, rows, next_cursor=encode_cursor(shown[len(rows) - 1][1]) if is_more else None)


def _match_decisions(read: Read, selection: DecisionFilter, time: ResolvedTime) -> tuple[str, dict[str, Any]]:
    where, parameters = subjects_where(read, replace(selection.about, kinds=("decision",)), time, "c.subject")
    terms = [where]
    for name, field_name in _FIELD_OF_CONDITION.items():
        wanted = [one for value in getattr(selection, name) for one in read.all_ids(value)]
        if wanted:
            parameters |= {f"r_{name}": wanted, f"r_{name}_json": json_spellings(wanted)}
            terms.append(f"""c.subject in (select h.subject from field_value h
                where h.field = '{field_name}' and {time.is_in_effect("h")}
                and (h.value in {members(f"r_{name}_json")} or {refers_to_any("h", f"r_{name}")}))""")
    terms += [_has_field("c", name, value, time) for name, value in _match_authority(selection)]
    if selection.unratified:
        terms.append(f"not {_has_field('c', 'ratification', 'within', time)}")
    if selection.ever:
        parameters |= {"r_ever": list(selection.ever), "r_ever_json": json_spellings(selection.ever)}
        terms.append(f"""c.subject in (select e.subject from field_value e
            where e.field = 'status' and {time.is_known("e")} and e.valid_from <= :as_of
            and (e.value in {members("r_ever_json")} or e.source_value in {members("r_ever")}))""")
    if selection.text is not None:
        has_text = matches_text("s", "r_text", selection.text, parameters)
        terms.append(f"c.subject in (select s.subject from search s where {has_text} and {is_text_held()})")
    return " and ".join(terms), parameters


def _match_authority(selection: DecisionFilter) -> list[tuple[str, Value]]:
    """Return the fields that a decision must have for the conditions on authority, with their values."""
    conditions: list[tuple[bool, str, Value]] = [
        (selection.unratified, "authority", "exceeds"),
        (selection.self_approved, "authority.self_approved", True),
        (selection.backdated, "authority.backdated", True),
    ]
    return [(field_name, value) for is_wanted, field_name, value in conditions if is_wanted]


def _has_field(alias: str, name: str, value: Value, time: ResolvedTime) -> str:
    """SQL: a field of the subject has this value, which is one of the program's own."""
    return f"""exists (select 1 from field_value q where q.subject = {alias}.subject and q.field = '{name}'
        and q.value = '{dumps(value)}' and {time.is_in_effect("q")})"""


def _build_rows(read: Read, subjects: Sequence[str], columns: Sequence[str], time: ResolvedTime) -> list[DecisionRow]:
    if not subjects:
        return []
    selection = Filter(subjects=subjects, fields=(EXISTS, *columns), include_removed=True)
    fields = by_subject(all_field_values(read, selection, time))
    numbers = decision_numbers(read, subjects, time)
    return [
        {
            **build_subject_row(subject, fields[subject][EXISTS]["title"], fields[subject]),
            "number": numbers.get(subject, {}),
        }
        for subject in subjects
    ]


def decision_numbers(read: Read, subjects: Sequence[str], time: ResolvedTime) -> dict[str, dict[str, int]]:
    """Return the numbers of these decisions in each product that they belong to.

    All decisions that were ever assigned to a product count, also for a reader who may not read all of them.
    """
    sql = f"""select p.ref, p.subject from field_ref p join field_value m
        on m.subject = p.subject and m.field = p.field and m.valid_from = p.valid_from and m.id = p.id
        where p.field = 'products' and p.subject in {members("subjects")} and {time.is_in_effect("m")}"""
    belonging = set(read.rows(sql, {"subjects": list(subjects), **time.parameters}))
    complete = replace(read, run=read.complete or read.run)
    sql = f"""select r.ref, r.subject, min(r.id) from field_ref r where r.field = 'products' and r.id < :first_unknown
        and r.subject >= 'decision:' and r.subject < 'decision;' and r.ref in {members("products")}
        group by r.ref, r.subject order by r.ref, min(r.id)"""
    products = sorted({product for product, _ in belonging})
    counts = dict[str, int]()
    numbers: dict[str, dict[str, int]] = {}
    for product, subject, _ in complete.rows(sql, {"products": products, **time.parameters}):
        counts[product] = counts.get(product, 0) + 1
        if (product, subject) in belonging:
            numbers.setdefault(subject, {})[product] = counts[product]
    return numbers


class NotFound(LookupError):
    """The read model has no event of this subject. `candidates` are the subjects that its name leads to, if several."""

    def __init__(self, subject: str, candidates: Sequence[str] = ()) -> None:
        super().__init__(subject)
        self.candidates = candidates


def subject_page(read: Read, subject: str, when: TimePoint = NOW) -> Answer[SubjectDetails, SubjectDetails]:
    """Return everything about one subject: each field with its blame, related decisions and the version.

    Made for decisions, but works for every kind. A removed subject is shown with `current` false.

    Raises:
        NotFound: no event of the subject was recorded by then.
    """
    time = resolve_time(read, when)
    sql = "select max(version) from event where subject = :subject and position <= :known"
    found = read.one(sql, {"subject": subject, **time.parameters})
    if not found or found[0] is None:
        kind, _, name = subject.partition(":")
        named = find_by_name(read, name, time, kind)
        if len(named) == 1:
            return subject_page(read, named[0], when)
        raise NotFound(subject, named[:10])
    fields = subject_fields(read, subject, time, blame=True)
    related = _find_related(read, subject, time)
    about: SubjectDetails = {
        "subject": subject,
        "version": found[0],
        "current": EXISTS in fields and fields[EXISTS]["value"] is True,
        "title": as_text(fields["title"]["value"]) if "title" in fields else None,
        "number": decision_numbers(read, (subject,), time).get(subject, {}),
        "fields": {},
        "replaces": related["replaces"],
        "replaced_by": related["replaced_by"],
        "rests_on": related["rests_on"],
        "supports": related["supports"],
    }
    add_fields(about, {name: field_state(row) for name, row in fields.items()})
    return build_answer(time, [], about=about)


def _find_related(read: Read, subject: str, time: ResolvedTime) -> dict[SubjectRelation, list[TitledSubject]]:
    """Return the subjects that a subject is directly related to, by relation."""
    related = {name: _find_ends(read, (subject,), find, time) for name, find in RELATIONS.items()}
    titles = find_titles(read, [end for ends in related.values() for end in ends], time)
    return {name: [{"subject": end, "title": titles.get(end)} for end in ends] for name, ends in related.items()}


def history(
    read: Read,
    subject: str,
    when: TimePoint = NOW,
    *,
    fields: Sequence[str] = (),
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[HistoryEvent]:
    """Return the events of a subject in the order in which they took effect, each with the changes it made.

    With `fields`, return only events that changed one of these fields, and only those changes.
    """
    time = resolve_time(read, when)
    selection = ChangeFilter(fields=Filter(subjects=(subject,), fields=fields))
    found = find_events(read, AuditFilter(subjects=read.all_ids(subject)), time)
    if fields:
        changed = {change["position"] for change in iterate_changes(read, selection, time)}
        found = [(at, position) for at, position in found if position in changed]
    shown, next_cursor = page_after(found, tuple, (str, int), limit, cursor)
    build = partial(_build_history, read, selection, time)
    rows = build_until_full(read, shown, build, BATCH_ROWS) if shown else []
    if len(rows) < len(shown):
        next_cursor = encode_cursor(*shown[len(rows) - 1])
    return build_answer(time, rows, next_cursor=next_cursor)


class LatestHistory(NamedTuple):
    """The latest events of a subject, in the order in which they took effect, and the number of all."""

    events: list[HistoryEvent]
    total: int

    @property
    def is_complete(self) -> bool:
        """Whether there are no earlier events."""
        return len(self.events) == self.total


def latest_history(read: Read, subject: str, when: TimePoint, most: int, types: Sequence[str] = ()) -> LatestHistory:
    """Return at most this many events of a subject, of these types or of any: those that took effect last."""
    time = resolve_time(read, when)
    found = find_events(read, AuditFilter(subjects=read.all_ids(subject), types=types), time)
    selection = ChangeFilter(fields=Filter(subjects=(subject,)))
    latest = found[-most:]
    return LatestHistory(_build_history(read, selection, time, latest) if latest else [], len(found))


def _build_history(
    read: Read, selection: ChangeFilter, time: ResolvedTime, found: Sequence[tuple[str, int]]
) -> list[HistoryEvent]:
    positions = [position for _, position in found]
    changes = _changes_by_event(read, selection, time, positions)
    events = {event["position"]: event for event in all_events(read, AuditFilter(positions=positions), time)}
    return [{**events[position], "changes": changes.get(position, [])} for position in positions]


def _changes_by_event(
    read: Read, selection: ChangeFilter, time: ResolvedTime, positions: Sequence[int]
) -> dict[int, list[FieldChange]]:
    changes: dict[int, list[FieldChange]] = {}
    among = replace(selection, positions=range(min(positions), max(positions) + 1))
    for change in all_field_history(read, among, time):
        changes.setdefault(change["position"], []).append(_without_event(change))
    return changes


def _without_event(change: FieldChangeRow) -> FieldChange:
    """Return a change without what it has in common with its event."""
    shown: FieldChange = {
        "field": change["field"],
        "before": change["before"],
        "after": change["after"],
        "direction": change["direction"],
        "at": change["at"],
        "ended": change["ended"],
    }
    if "gained" in change:
        shown["gained"] = change["gained"]
    if "lost" in change:
        shown["lost"] = change["lost"]
    return shown


# The graph ---------------------------------------------------------------------------------------------------------

FindEdges = Callable[[Read, Sequence[str], ResolvedTime], list[tuple[str, str]]]
"""Returns pairs of one of the given subjects and a subject that it is related to."""


def edges_out(read: Read, subjects: Sequence[str], time: ResolvedTime, *fields: str) -> list[tuple[str, str]]:
    """Return the edges from these subjects to those that their fields refer to."""
    sql = f"""select c.subject, c.value from field_value c where c.subject in {members("subjects")}
        and c.field in {members("fields")} and c.value is not null and {time.is_in_effect("c")}
        order by c.subject, c.field"""
    rows = read.rows(sql, {"subjects": list(subjects), "fields": list(fields), **time.parameters})
    return [(subject, str(end)) for subject, value in rows for end in _as_list(loads(value))]


def edges_in(read: Read, subjects: Sequence[str], time: ResolvedTime, *fields: str) -> list[tuple[str, str]]:
    """Return the edges from these subjects to those whose fields refer to them."""
    sql = f"""select r.ref, r.subject from field_ref r join field_value c
        on c.subject = r.subject and c.field = r.field and c.valid_from = r.valid_from and c.id = r.id
        where r.ref in {members("subjects")} and r.field in {members("fields")} and {time.is_in_effect("c")}
        order by r.ref, r.subject"""
    return list(read.rows(sql, {"subjects": list(subjects), "fields": list(fields), **time.parameters}))


def because_edges(
    read: Read, subjects: Sequence[str], time: ResolvedTime, *, reverse: bool = False
) -> list[tuple[str, str]]:
    """Return the edges from these subjects to the decisions that their events cite; reversed, from these decisions to
    the subjects whose events cite them.
    """
    start, end = ("b.decision", "a.subject") if reverse else ("a.subject", "b.decision")
    sql = f"""select distinct {start}, {end} from event_because b join event a on a.position = b.position
        where {start} in {members("subjects")} and a.position <= :known and a.valid_from <= :as_of
        and (a.voided_by is null or a.voided_by > :known) order by {start}, {end}"""
    return list(read.rows(sql, {"subjects": list(subjects), **time.parameters}))


def _as_list(value: Value) -> list[Value]:
    return value if isinstance(value, list) else [value]


RELATIONS: Final[dict[SubjectRelation, FindEdges]] = {
    "replaces": lambda read, subjects, time: edges_in(read, subjects, time, "superseded_by", "reversed_by"),
    "replaced_by": lambda read, subjects, time: edges_out(read, subjects, time, "superseded_by", "reversed_by"),
    "rests_on": lambda read, subjects, time: (
        because_edges(read, subjects, time)
        + edges_out(read, subjects, time, "decisions")
        + linked_edges(read, subjects, time)
    ),
    "supports": lambda read, subjects, time: (
        because_edges(read, subjects, time, reverse=True)
        + edges_in(read, subjects, time, "decisions")
        + linked_edges(read, subjects, time, reverse=True)
    ),
}
"""How decisions relate to each other and to other subjects."""


def _find_ends(read: Read, subjects: Sequence[str], find: FindEdges, time: ResolvedTime) -> list[str]:
    return list(dict.fromkeys(end for start, end in find(read, subjects, time) if start != end))


def graph(read: Read, subject: str, when: TimePoint = NOW, *, most: int = 1_000) -> Answer[GraphEdge, GraphNodes]:
    """Return everything that a decision replaces, is replaced by, rests on and supports, directly and through others.

    Rows are edges, `from` one subject `to` another, with their `relation` and the `distance` from the decision.
    `nodes` has the title and status of each subject; `truncated` says that there are more than `most` edges.
    """
    time = resolve_time(read, when)
    edges = [edge for name, find in RELATIONS.items() for edge in _walk(read, subject, name, find, time, most)]
    shown = edges[:most]
    subjects = sorted({subject, *(edge[end] for edge in shown for end in ("from", "to"))})
    return build_answer(time, shown, about={"nodes": _find_nodes(read, subjects, time), "truncated": len(edges) > most})


def _find_nodes(read: Read, subjects: Sequence[str], time: ResolvedTime) -> list[GraphNode]:
    selection = Filter(subjects=subjects, fields=("title", STATUS), include_removed=True)
    found = {(row["subject"], row["field"]): row["value"] for row in all_field_values(read, selection, time)}
    return [
        {
            "subject": subject,
            "title": as_text(found.get((subject, "title"))),
            "status": as_text(found.get((subject, STATUS))),
        }
        for subject in subjects
    ]


def _walk(
    read: Read, subject: str, relation: SubjectRelation, find: FindEdges, time: ResolvedTime, most: int
) -> list[GraphEdge]:
    """Return the edges of one relation, breadth first."""
    edges: list[GraphEdge] = []
    seen, frontier, distance = {subject}, [subject], 0
    while frontier and len(edges) <= most:
        distance += 1
        found = [(start, end) for start, end in dict.fromkeys(find(read, frontier, time)) if start != end]
        edges += [{"from": start, "to": end, "relation": relation, "distance": distance} for start, end in found]
        frontier = list(dict.fromkeys(end for _, end in found if end not in seen))
        seen.update(frontier)
    return edges
