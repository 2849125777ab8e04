"""How targets moved: how often, in which direction, and from where at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from domain.values import parse_micros
from projections.answer_types.changes import FieldChangeRow
from projections.answer_types.parts import FieldValue
from projections.answer_types.slips import Slip, SlipSummary
from projections.queries.field_history import ChangeFilter, all_field_history, iterate_changes
from projections.queries.filters import Filter
from projections.queries.ordering import FieldContent, TargetOrder, change_direction
from projections.queries.paging import Answer, build_answer, build_until_full, encode_cursor, page_after
from projections.queries.slip_causes import KINDS, TARGETS
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.read_model.model import Read

FieldKey = tuple[str, str]
"""Subject and field."""
BATCH_ROWS: Final = 250
MAX_KEPT_CHANGES: Final = 4_000
TALLY_BYTES: Final = 1_000


def slips(
    read: Read,
    selection: Filter,
    when: TimePoint = NOW,
    *,
    min_count: int = 1,
    moves: Sequence[str] = ("later", "earlier"),
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[Slip, SlipSummary]:
    """Return every target that moved: its moves, how many of them were to later and to earlier, and the first target
    compared with the current one.

    `selection.fields` are the targets, such as `target.beta`; by default all that `slip_causes` lists. `moves` are the
    directions that are listed and of which there must be `min_count`. `totals` counts the moves of all targets.

    A target that is set after it was cleared moved from the last one. The first target is due on the day that it was due
    on when it was set, the current one on the day that it is due on as of the time of the query; see `TargetOrder`.
    """
    time = resolve_time(read, when)
    order = TargetOrder(read, time)
    fields = replace(selection, fields=selection.fields or TARGETS, kinds=selection.kinds or KINDS)
    change_filter = ChangeFilter(fields=fields, existing_only=not selection.include_removed)
    tallies: dict[FieldKey, _Tally] = {}
    kept: list[FieldChangeRow] | None = []
    for change in iterate_changes(read, change_filter, time):
        kept = _keep_while_few(kept, change)
        key = change["subject"], change["field"]
        if key not in tallies:
            tallies[key] = _Tally(change["title"])
            read.bounds.count_bytes(TALLY_BYTES)
        tallies[key].add(change)
    slipped = sorted((-count, *key) for key, tally in tallies.items() if (count := tally.count(moves)) >= min_count)
    shown, next_cursor = page_after(slipped, tuple, (int, str, str), limit, cursor)

    def build(batch: Sequence[_SlipRank]) -> list[Slip]:
        keys = [(subject, name) for _, subject, name in batch]
        found = _find_moves(read, change_filter, keys, moves, time, kept)
        return [_build_slip(key, tallies[key], found[key], moves, order) for key in keys]

    rows = build_until_full(read, shown, build, BATCH_ROWS)
    if len(rows) < len(shown):
        next_cursor = encode_cursor(*shown[len(rows) - 1])
    later, earlier = (sum(tally.directions[each] for tally in tallies.values()) for each in ("later", "earlier"))
    return build_answer(time, rows, next_cursor=next_cursor, about={"totals": {"later": later, "earlier": earlier}})


_SlipRank = tuple[int, str, str]
"""The number of moves below zero, the subject and the field: the order of slips."""


@dataclass(slots=True)
class _Tally:
    """The contents of one target over time, and how often it moved in each direction."""

    title: str | None
    first: FieldValue | None = None
    """The first content that has a value and not only a source value; the first content if none has."""
    first_at: str = ""
    now: FieldValue | None = None
    directions: Counter[str] = field(default_factory=Counter)

    def add(self, change: FieldChangeRow) -> None:
        self.now = change["after"]
        if self.first is None or (self.first["value"] is None and self.now["value"] is not None):
            self.first, self.first_at = self.now, change["at"]
        self.directions[change["direction"]] += 1

    def count(self, moves: Sequence[str]) -> int:
        return sum(self.directions[direction] for direction in set(moves))


def _keep_while_few(kept: list[FieldChangeRow] | None, change: FieldChangeRow) -> list[FieldChangeRow] | None:
    """Return the changes so far, or None once there are too many to keep."""
    if kept is None or len(kept) >= MAX_KEPT_CHANGES:
        return None
    kept.append(change)
    return kept


def _find_moves(
    read: Read,
    change_filter: ChangeFilter,
    keys: Sequence[FieldKey],
    moves: Sequence[str],
    time: ResolvedTime,
    kept: list[FieldChangeRow] | None,
) -> dict[FieldKey, list[FieldChangeRow]]:
    """Return the moves of these targets, from the changes that were kept or else by another query."""
    found: dict[FieldKey, list[FieldChangeRow]] = {key: [] for key in keys}
    fields = replace(
        change_filter.fields,
        subjects=sorted({subject for subject, _ in found}),
        fields=sorted({name for _, name in found}),
        kinds=(),
        products=(),
        statuses=(),
    )
    again = replace(change_filter, fields=fields, directions=tuple(moves))
    for change in kept if kept is not None else all_field_history(read, again, time, across_clearing=True):
        key = change["subject"], change["field"]
        if key in found and change["direction"] in moves:
            found[key].append(change)
    return found


def _build_slip(
    key: FieldKey, tally: _Tally, changes: list[FieldChangeRow], moves: Sequence[str], order: TargetOrder
) -> Slip:
    first, now = tally.first, tally.now
    assert first is not None
    assert now is not None
    times = parse_micros(tally.first_at), order.time.as_of
    return {
        "subject": key[0],
        "title": tally.title,
        "field": key[1],
        "count": tally.count(moves),
        "later": tally.directions["later"],
        "earlier": tally.directions["earlier"],
        "first": first,
        "now": now,
        "against_first": change_direction(_content(first), _content(now), order, times),
        "moves": changes,
    }


def _content(side: FieldValue) -> FieldContent:
    return side["value"], side["source_value"]
