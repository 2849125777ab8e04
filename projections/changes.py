"""What differs between two instants and why; and how promises moved."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from domain.fields import CHANGES_PER_EVENT, EXISTS, Value
from projections.field_history import ChangeFilter, all_field_history, each_step
from projections.field_values import FULL
from projections.ordering import Held, Order, as_one, direction, list_difference
from projections.query import (
    ACT_COLUMNS,
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
    filled,
    loads,
    page_after,
    resolve_time,
    spellings,
    subjects_where,
    titles,
)  # fmt: skip
from projections.read_model import Read
from projections.schema import dumps, members

Cells = dict[tuple[str, str], Held]
NOTHING: Final[Held] = (None, None)
SUBJECTS_AT_ONCE: Final = 500
PART: Final = 250
KEPT_STEPS: Final = 4_000
TALLY_BYTES: Final = 1_000


def changes(
    read: Read, first: TimePoint, second: TimePoint = NOW, asked: Filter | None = None, *, from_values: Sequence[Value] = (),
    from_source_values: Sequence[str] = (), to_values: Sequence[Value] = (), to_source_values: Sequence[str] = (),
    limit: int | None = None, cursor: str | None = None,
) -> Answer:  # fmt: skip
    """The cells that do not hold the same at two instants, each with the steps that led from one to the other.

    A cell of a subject that is not on the record holds nothing, and `before_is` or `after_is` says whether the subject
    is then `absent` (not begun) or `struck`. `asked` says which subjects (that fit at either instant) and which fields;
    its `values`, `words` and `holders` must be those of either side. What an act that was voided in between had changed
    is under `voided`, with who voided it.
    """
    asked = asked or Filter()
    one, two = resolve_time(read, first), resolve_time(read, second)
    order = Order(read, two)
    wanted = _Wanted(from_values, from_source_values, to_values, to_source_values)
    rows: list[Row] = []
    following = None
    for subjects in _parts(_subjects(read, asked, one, two), cursor):
        read_before = read.bounds.read
        found = _differing(asked, subjects, wanted, one, two, order)
        read.bounds.release(read_before)
        found, _ = page_after(found, _key, (str, str), None, cursor)
        room = 0 if rows and read.bounds.is_page_full() else len(found) if limit is None else limit - len(rows)
        rows += _explained(read, found[:room], one, two)
        if len(found) > room:
            following = encode_cursor(*_key(rows[-1]))
            break
    began, ended = answer(one, []), answer(two, rows, following=following)
    return replace(
        ended, about={"from": {"position": began.position, "as_of": began.as_of, "known_at": began.known_at}}
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a cell must have held at the first instant and hold at the second."""

    from_values: Sequence[Value]
    from_source_values: Sequence[str]
    to_values: Sequence[Value]
    to_source_values: Sequence[str]

    def fits(self, read: Read, old: Held, new: Held) -> bool:
        return _fits(read, old, self.from_values, self.from_source_values) and _fits(
            read, new, self.to_values, self.to_source_values
        )


def _key(row: Row) -> tuple[str, str]:
    return row["subject"], row["field"]


def _parts(subjects: Sequence[str], cursor: str | None) -> Iterator[Sequence[str]]:
    """The subjects from that of a cursor on, in parts that fit into memory with all their cells."""
    first = decode_cursor(cursor, str, str)[0] if cursor is not None else ""
    left = [subject for subject in subjects if subject >= first]
    return (left[begin : begin + SUBJECTS_AT_ONCE] for begin in range(0, len(left), SUBJECTS_AT_ONCE))


def _differing(
    asked: Filter, subjects: Sequence[str], wanted: _Wanted, one: ResolvedTime, two: ResolvedTime, order: Order
) -> list[Row]:
    """The cells of these subjects that do not hold the same at two instants, by subject and field."""
    read, among = order.read, set(subjects)  # a person's other ids may be in another part
    about = Filter(subjects=subjects, fields=asked.fields, include_removed=True)
    before, after = _on_record(read, about, one), _on_record(read, about, two)
    keys = _either_side(read, asked, about, one, two)
    rows = []
    for key in sorted(key for key in before.keys() | after.keys() if key[0] in among):
        old, new = before.get(key, NOTHING), after.get(key, NOTHING)
        way = direction(old, new, order)
        if way != "include_unchanged" and key in keys and wanted.fits(read, old, new):
            rows.append(_change(key, old, new, way, order))
    return rows


def _change(key: tuple[str, str], old: Held, new: Held, way: str, order: Order) -> Row:
    return {
        "subject": key[0], "field": key[1],
        "before": {"value": old[0], "source_value": old[1]}, "after": {"value": new[0], "source_value": new[1]},
        "direction": way, **list_difference(old[0], new[0], order.read.same),
    }  # fmt: skip


def _subjects(read: Read, asked: Filter, one: ResolvedTime, two: ResolvedTime) -> list[str]:
    """The subjects that fit at either instant, in order."""
    subjects: set[str] = set()
    for then in (one, two):
        where, parameters = subjects_where(read, replace(asked, include_removed=True), then, "c.subject")
        sql = f"select distinct c.subject from cell c where c.field = 'exists' and {where}"
        subjects.update(row[0] for row in read.rows(sql, parameters))
    return sorted({one for subject in subjects for one in read.all_of(subject)} if read.same else subjects)


def _on_record(read: Read, about: Filter, then: ResolvedTime) -> Cells:
    """What the cells hold at a moment, of the subjects that are on the record then."""
    return _held(read, replace(about, include_removed=False), then)


def _held(read: Read, about: Filter, then: ResolvedTime) -> Cells:
    where, parameters = fields_where(read, about, then)
    sql = f"select c.subject, c.field, c.value, c.word from cell c where {where} and {then.holds('c')} and {FULL}"
    return {(row[0], row[1]): (loads(row[2]), row[3]) for row in read.rows(sql, parameters)}


def _either_side(read: Read, asked: Filter, about: Filter, one: ResolvedTime, two: ResolvedTime) -> Any:
    """The cells whose contents fit at either instant."""
    full = replace(
        about, include_removed=False, values=asked.values, source_values=asked.source_values, holders=asked.holders
    )
    return _held(read, full, one).keys() | _held(read, full, two).keys()


def _fits(read: Read, held: Held, values: Sequence[Value], words: Sequence[str]) -> bool:
    """Whether the cell held one of these values, had it in its list, or had one of these words."""
    if not values and not words:
        return True
    has = as_one(held[0], read.same)
    meant = spellings([as_one(value, read.same) for value in values])
    listed = has if isinstance(has, list) else []
    return any(dumps(value) in meant for value in (has, *listed)) or (held[1] is not None and held[1] in words)


def _explained(read: Read, rows: Sequence[Row], one: ResolvedTime, two: ResolvedTime) -> list[Row]:
    """Each change with its subject's title, how the subject stood, the steps between, and what was voided."""
    subjects = sorted({row["subject"] for row in rows})
    if not subjects:
        return []
    stood = {side: _standing(read, subjects, then) for side, then in (("before_is", one), ("after_is", two))}
    fields = sorted({row["field"] for row in rows} | {EXISTS})
    about = Filter(subjects=subjects, fields=fields)
    between = _between(read, about, one, two)
    voided = _voided(read, about, one, two)
    called = {**titles(read, subjects, one), **titles(read, subjects, two)}
    for row in rows:
        key = (row["subject"], row["field"])
        row["changes"] = between.get(key, []) + (between.get((key[0], EXISTS), []) if key[1] != EXISTS else [])
        row["voided"] = voided.get(key, [])
        for side, standing in stood.items():
            if key[0] in standing:
                row[side] = standing[key[0]]
        row["title"] = called.get(key[0])
    return list(rows)


def _standing(read: Read, subjects: Sequence[str], then: ResolvedTime) -> dict[str, str]:
    """Of these subjects those not on the record at a moment: struck, or absent as they had not begun."""
    exists = _held(read, Filter(subjects=subjects, fields=[EXISTS], include_removed=True), then)
    said = {subject: exists.get((subject, EXISTS), NOTHING)[0] for subject in subjects}
    return {subject: "absent" if value is None else "struck" for subject, value in said.items() if value is not True}


def _between(read: Read, about: Filter, one: ResolvedTime, two: ResolvedTime) -> dict[tuple[str, str], list[Row]]:
    """The steps that took effect between the instants, or became known between the states of knowledge."""
    early, late = sorted((one.at, two.at))
    known = range(min(one.position, two.position) + 1, max(one.position, two.position) + 1)
    latest = max((one, two), key=lambda then: then.position)
    view = replace(latest, at=late)
    effective = all_field_history(read, ChangeFilter(fields=about, span=(early + 1, late + 1)), view)
    learnt = all_field_history(read, ChangeFilter(fields=about, positions=known), view) if known else []
    found: dict[tuple[str, str], list[Row]] = {}
    told = {(step["at"], step["position"], step["ended"], step["field"]): step for step in (*effective, *learnt)}
    for _, step in sorted(told.items()):
        found.setdefault((step["subject"], step["field"]), []).append(step)
    return found


def _voided(read: Read, about: Filter, one: ResolvedTime, two: ResolvedTime) -> dict[tuple[str, str], list[Row]]:
    """The acts on these cells that were voided between the states of knowledge, each with who voided it and why."""
    early, late = sorted((one.position, two.position))
    sql = f"""select c.subject, c.field, c.id / {CHANGES_PER_EVENT}, {ACT_COLUMNS}, a.body
        from cell c join act a on a.position = c.void
        where c.subject in {members("subjects")} and c.field in {members("fields")} and c.void > :early and c.void <= :late
        order by c.void"""
    wanted = {"subjects": list(about.subjects), "fields": list(about.fields), "early": early, "late": late, "p": late}
    found: dict[tuple[str, str], list[Row]] = {}
    for subject, name, position, *act, body in read.rows(sql, wanted):
        said = {"position": position, "reason": json.loads(body)["reason"], "blame": build_blame(act)}
        found.setdefault((subject, name), []).append(said)
    return found


def slips(
    read: Read, asked: Filter, when: TimePoint = NOW, *, min_count: int = 1, moves: Sequence[str] = ("later", "earlier"),
    limit: int | None = None, cursor: str | None = None,
) -> Answer:  # fmt: skip
    """Every promise that moved: per target its moves, how many of them went later and earlier, and the first promise
    against the present one.

    `asked.fields` are the targets, such as `target.beta`; all of them, if silent. `moves` are the directions that count
    and of which there must be `min_count`. The totals of all stand beside the rows.
    """
    then = resolve_time(read, when)
    order = Order(read, then)
    about = ChangeFilter(fields=replace(asked, fields=asked.fields or ["target.*"]), live=not asked.include_removed)
    tallies: dict[tuple[str, str], _Tally] = {}
    kept: list[Row] | None = []
    for step in each_step(read, about, then):
        kept = _kept(kept, step)
        key = (step["subject"], step["field"])
        if key not in tallies:
            tallies[key] = _Tally(step["title"])
            read.bounds.keep(TALLY_BYTES)
        tallies[key].add(step)
    slipped = [
        {"subject": key[0], "field": key[1], "count": count}
        for key, tally in tallies.items()
        if (count := tally.count(moves)) >= min_count
    ]
    shown, following = page_after(sorted(slipped, key=_place), _place, (int, str, str), limit, cursor)

    def told(part: Sequence[Row]) -> list[Row]:
        moved = _moves(read, about, part, moves, then, kept)
        return [_slip(row, tallies[row["subject"], row["field"]], moved, order) for row in part]

    rows = filled(read, shown, told, PART)
    if len(rows) < len(shown):
        following = encode_cursor(*_place(rows[-1]))
    totals = {way: sum(tally.ways[way] for tally in tallies.values()) for way in ("later", "earlier")}
    return answer(then, rows, following=following, about={"totals": totals})


def _place(slip: Row) -> tuple[int, str, str]:
    return -slip["count"], slip["subject"], slip["field"]


@dataclass(slots=True)
class _Tally:
    """What became of one promise: its first contents, its present ones, and how often it moved which way."""

    title: str | None
    first: Row | None = None
    promised: Row | None = None
    now: Row | None = None
    ways: Counter[str] = field(default_factory=Counter)

    def add(self, step: Row) -> None:
        self.now = step["after"]
        self.first = self.first or self.now
        if self.promised is None and self.now["value"] is not None:
            self.promised = self.now
        self.ways[step["direction"]] += 1

    def count(self, moves: Sequence[str]) -> int:
        return sum(self.ways[way] for way in set(moves))


def _kept(kept: list[Row] | None, step: Row) -> list[Row] | None:
    """The steps so far, while they are few; None once there are too many to keep."""
    if kept is None or len(kept) >= KEPT_STEPS:
        return None
    kept.append(step)
    return kept


def _moves(
    read: Read,
    about: ChangeFilter,
    part: Sequence[Row],
    moves: Sequence[str],
    then: ResolvedTime,
    kept: list[Row] | None,
) -> dict[tuple[str, str], list[Row]]:
    """The moves of these targets, of the steps that were kept, or else asked for once more."""
    found: dict[tuple[str, str], list[Row]] = {(row["subject"], row["field"]): [] for row in part}
    named = replace(
        about.fields,
        subjects=sorted({subject for subject, _ in found}),
        fields=sorted({name for _, name in found}),
        kinds=(), products=(), statuses=(),
    )  # fmt: skip
    asked = replace(about, fields=named, directions=tuple(moves))
    for step in kept if kept is not None else all_field_history(read, asked, then):
        key = (step["subject"], step["field"])
        if key in found and step["direction"] in moves:
            found[key].append(step)
    return found


def _slip(row: Row, tally: _Tally, moved: Mapping[tuple[str, str], list[Row]], order: Order) -> Row:
    promised, now = tally.promised or tally.first, tally.now
    assert promised is not None
    assert now is not None
    return {
        "subject": row["subject"], "title": tally.title, "field": row["field"],
        "count": row["count"], "later": tally.ways["later"], "earlier": tally.ways["earlier"],
        "first": promised, "now": now,
        "against_first": direction((promised["value"], promised["source_value"]), (now["value"], now["source_value"]), order),
        "moves": moved[row["subject"], row["field"]],
    }  # fmt: skip
