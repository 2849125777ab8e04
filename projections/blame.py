"""Blame: who set a value, when and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from domain.values import format_micros
from projections.paging import Row
from projections.read_model import Read
from projections.schema import loads, members
from projections.timepoint import ResolvedTime

EVENT_COLUMNS: Final = (
    "a.position, a.recorded_at, a.valid_from, a.type, a.actor, a.principal, a.on_behalf_of, a.because, a.note, a.channel, "
    "a.source_system, a.source_reference, a.source_at, a.corrects, case when a.voided_by <= :known then a.voided_by end"
)
"""SQL: the columns of an event `a` that `build_blame` takes, with the parameters of a `ResolvedTime`."""


def build_blame(columns: Sequence[Any]) -> Row:
    """Return who, when and why from `EVENT_COLUMNS`. `at` is when the event took effect."""
    (
        position,
        recorded_at,
        valid_from,
        event_type,
        actor,
        principal,
        on_behalf_of,
        because,
        note,
        channel,
        system,
        reference,
        source_at,
        corrects,
        voided_by,
    ) = columns
    source = {
        "channel": channel,
        "system": system,
        "reference": reference,
        "at": source_at and format_micros(source_at),
    }
    blame = {
        "position": position,
        "type": event_type,
        "at": format_micros(valid_from),
        "recorded_at": format_micros(recorded_at),
        "actor": actor,
        "principal": principal,
        "on_behalf_of": loads(on_behalf_of),
        "because": loads(because) or [],
        "note": note,
        "source": _without_nones(source),
        "corrects": corrects,
        "voided_by": voided_by,
    }
    return _without_nones(blame)


def _without_nones(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def find_blames(read: Read, positions: Iterable[int], time: ResolvedTime) -> Mapping[int, Row]:
    """Return the blame of each of these positions, in one query."""
    sql = f"select {EVENT_COLUMNS} from event a where a.position in {members('positions')}"
    rows = read.rows(sql, {"positions": sorted(set(positions)), **time.parameters})
    return {row[0]: build_blame(row) for row in rows}


def add_blame(read: Read, rows: list[Row], time: ResolvedTime) -> list[Row]:
    """Return rows that have a `position`, each with its `blame`."""
    found = find_blames(read, (row["position"] for row in rows), time)
    return [{**row, "blame": found[row["position"]]} for row in rows]
