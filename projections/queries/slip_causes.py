"""Why targets slipped: each move to later with its cause, and how far the target is from the first promise."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal, NamedTuple, get_args

from domain.fields import Value
from domain.ownership import ACCOUNTABLE_FIELD
from domain.values import kind_of, parse_micros
from projections.answer_types.changes import FieldChangeRow
from projections.answer_types.slips import SlipCause, SlipCauseCounts, SlipCount, SlipReason
from projections.queries.field_history import ChangeFilter, iterate_changes
from projections.queries.filters import Filter
from projections.queries.own_reasons import find_own_reason
from projections.queries.paging import Answer, build_answer, page_after
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.read_model.model import Read
from projections.read_model.query_limits import memory_bytes
from projections.read_model.schema import members

CAUSES: Final[tuple[SlipReason, ...]] = get_args(SlipReason)
SlipGroup = Literal["cause", "release", "owner", "quarter"]
TARGETS: Final = ("target.*", "due_on")
KINDS: Final = ("feature", "release", "goal")


@dataclass(frozen=True, slots=True)
class SlipFilter:
    """Which moves a query covers. `fields` selects the targets; `span` is when they moved, in microseconds."""

    fields: Filter
    causes: Sequence[str] = ()
    owners: Sequence[str] = ()
    span: tuple[int | None, int | None] = (None, None)


def slip_causes(
    read: Read,
    selection: SlipFilter,
    when: TimePoint = NOW,
    *,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[SlipCause, SlipCauseCounts]:
    """Return each move of a target to later, in order, with its cause, its owner then, and the first target.

    The cause is what the move names (an assumption, evidence, or a feature or release that it waits for), else the
    decisions it is based on, else the assumptions and evidence it is based on, else its own reason, else none. `counts`
    has the number of moves by cause.
    """
    resolved = resolve_time(read, when)
    found = _find_slips(read, selection, resolved)
    shown, next_cursor = page_after(found, _sort_key, (str, int, str), limit, cursor)
    counts = Counter(row["cause"] for row in found)
    about: SlipCauseCounts = {"counts": {cause: counts[cause] for cause in CAUSES}}
    return build_answer(resolved, shown, next_cursor=next_cursor, about=about)


def count_slips(
    read: Read,
    selection: SlipFilter,
    by: SlipGroup,
    when: TimePoint = NOW,
    *,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[SlipCount]:
    """Return how many moves to later there were by cause, by the release moved from, by owner then, or by quarter.

    Each row has the group and the number of moves of each cause. A move with several owners counts for each.
    """
    resolved = resolve_time(read, when)
    counts: dict[str, Counter[str]] = {}
    for row in _find_slips(read, selection, resolved):
        for group in _groups_of(row, by):
            counts.setdefault(group, Counter())[row["cause"]] += 1
    rows: list[SlipCount] = [
        {
            "group": group or None,
            "count": sum(counted.values()),
            "decision": counted["decision"],
            "assumption": counted["assumption"],
            "dependency": counted["dependency"],
            "reason": counted["reason"],
            "none": counted["none"],
        }
        for group, counted in sorted(counts.items())
    ]
    shown, next_cursor = page_after(rows, _group_key, (str,), limit, cursor)
    return build_answer(resolved, shown, next_cursor=next_cursor)


def _group_key(row: SlipCount) -> tuple[str]:
    return (row["group"] or "",)


def _sort_key(row: SlipCause) -> tuple[str, int, str]:
    return row["at"], row["position"], row["field"]


def _groups_of(row: SlipCause, by: SlipGroup) -> Sequence[str]:
    match by:
        case "cause":
            return [row["cause"]]
        case "quarter":
            return [row["quarter"]]
        case "release":
            before = str(row["before"])
            return [row["subject"] if kind_of(row["subject"]) == "release" else before if "release:" in before else ""]
        case "owner":
            return row["owners"] or [""]


def _find_slips(read: Read, selection: SlipFilter, resolved: ResolvedTime) -> list[SlipCause]:
    asked = replace(selection.fields, fields=selection.fields.fields or TARGETS, kinds=selection.fields.kinds or KINDS)
    firsts: dict[tuple[str, str], Value] = {}
    moves: list[FieldChangeRow] = []
    for change in iterate_changes(read, ChangeFilter(fields=asked, existing_only=True), resolved):
        firsts.setdefault((change["subject"], change["field"]), change["after"]["value"])
        if change["direction"] == "later":
            moves.append(change)
            read.bounds.count_bytes(memory_bytes([(change,)]))
    since, until = selection.span
    causes = _find_causes(read, (change["position"] for change in moves))
    owners = _Owners(read, {change["subject"] for change in moves}, resolved)
    rows = [_build_row(change, firsts, causes[change["position"]], owners) for change in moves]
    people = {read.surviving_id(each) for each in selection.owners}
    return sorted(
        (
            row
            for row in rows
            if (not selection.causes or row["cause"] in selection.causes)
            and (not people or people.intersection(row["owners"]))
            and (since is None or parse_micros(row["at"]) >= since)
            and (until is None or parse_micros(row["at"]) < until)
        ),
        key=_sort_key,
    )


def _build_row(
    change: FieldChangeRow, firsts: Mapping[tuple[str, str], Value], cause: _Cause, owners: _Owners
) -> SlipCause:
    at = change["at"]
    first = firsts[change["subject"], change["field"]]
    return {
        "subject": change["subject"],
        "title": change["title"],
        "field": change["field"],
        "before": change["before"]["value"],
        "after": change["after"]["value"],
        "first": first,
        "days": _days_between(change["before"]["value"], change["after"]["value"]),
        "days_from_first": _days_between(first, change["after"]["value"]),
        "cause": cause.kind,
        "because": cause.subjects,
        "reason": cause.reason,
        "owners": owners.at(change["subject"], at),
        "quarter": f"{at[:4]}-Q{(int(at[5:7]) + 2) // 3}",
        "at": at,
        "position": change["position"],
        "blame": change["blame"],
    }


def _days_between(one: Value, other: Value) -> int | None:
    """Return the days from one date to another; None if one is not a date, such as a release."""
    try:
        return (date.fromisoformat(str(other)) - date.fromisoformat(str(one))).days
    except ValueError:
        return None


class _Cause(NamedTuple):
    """What made a target move: the kind, the subjects, and the reason in words if the event gives one."""

    kind: SlipReason
    subjects: list[str]
    reason: str | None


def _find_causes(read: Read, positions: Iterable[int]) -> dict[int, _Cause]:
    """Return what made targets move: of the same kind for all readers, with the subjects that this one may read."""
    sql = f"select position, type, because, note, body from event where position in {members('positions')}"
    found: dict[int, _Cause] = {}
    whole = replace(read, run=read.unabridged or read.run)
    for position, type_, because, note, body in whole.rows(sql, {"positions": sorted(set(positions))}):
        data = json.loads(body)
        reason = find_own_reason(type_, data) or note
        named = [str(data["cause"])] if data.get("cause") else []
        grounds = json.loads(because) if because else []
        subjects = read.abridge(named + grounds)
        found[position] = _Cause(_kind_of_cause(named, grounds, reason), subjects, reason)
    return found


def _kind_of_cause(named: Sequence[str], grounds: Sequence[str], reason: str | None) -> SlipReason:
    if named:
        return _CAUSE_OF_KIND.get(kind_of(named[0]), "dependency")
    if grounds:
        return min((_CAUSE_OF_KIND.get(kind_of(ground), "dependency") for ground in grounds), key=CAUSES.index)
    return "reason" if reason else "none"


_CAUSE_OF_KIND: Final[Mapping[str, SlipReason]] = {
    "assumption": "assumption",
    "evidence": "assumption",
    "decision": "decision",
}


class _Owners:
    """Who was accountable for some subjects at any time."""

    def __init__(self, read: Read, subjects: Iterable[str], resolved: ResolvedTime) -> None:
        self._read = read
        self._changes: dict[str, list[tuple[str, list[str]]]] = {}
        asked = Filter(subjects=sorted(subjects), fields=(ACCOUNTABLE_FIELD,), include_removed=True)
        if not asked.subjects:
            return
        for change in iterate_changes(read, ChangeFilter(fields=asked), resolved):
            value = change["after"]["value"]
            holders = value if isinstance(value, list) else [value] if value else []
            found = change["at"], [str(each) for each in holders]
            self._changes.setdefault(change["subject"], []).append(found)
            read.bounds.count_bytes(memory_bytes([found]))

    def at(self, subject: str, at: str) -> list[str]:
        """Return who was accountable for a subject at a time, under the ids they are known by."""
        holders: list[str] = []
        for since, value in self._changes.get(subject, ()):
            if since > at:
                break
            holders = value
        return list(dict.fromkeys(map(self._read.surviving_id, holders)))
