"""Blame: who set a value, when and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from domain.values import format_micros
from projections.answer_types.fields import FieldRow
from projections.answer_types.parts import Blame, EventSource
from projections.queries.timepoint import ResolvedTime
from projections.read_model.model import Read
from projections.read_model.schema import members

EVENT_COLUMNS: Final = (
    "a.position, a.recorded_at, a.valid_from, a.type, a.actor, a.principal, a.on_behalf_of, a.because, a.note, a.channel, "
    "a.source_system, a.source_reference, a.source_at, a.corrects, case when a.voided_by <= :known then a.voided_by end"
)
"""SQL: the columns of an event `a` that `build_blame` takes, with the parameters of a `ResolvedTime`."""


def build_blame(columns: Sequence[Any]) -> Blame:
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
    source: EventSource = {"channel": channel}
    if system is not None:
        source["system"] = system
    if reference is not None:
        source["reference"] = reference
    if source_at is not None:
        source["at"] = format_micros(source_at)
    blame: Blame = {
        "position": position,
        "type": event_type,
        "at": format_micros(valid_from),
        "recorded_at": format_micros(recorded_at),
        "actor": actor,
        "principal": principal,
        "because": [] if because is None else json.loads(because),
        "source": source,
    }
    if because is not None and not blame["because"]:
        blame["because_hidden"] = True
    if on_behalf_of is not None:
        blame["on_behalf_of"] = json.loads(on_behalf_of)
    if note is not None:
        blame["note"] = note
    if corrects is not None:
        blame["corrects"] = corrects
    if voided_by is not None:
        blame["voided_by"] = voided_by
    return blame


def blame_of(event: Blame) -> Blame:
    """Return the blame of an event of the audit trail, without the rest of it."""
    names = Blame.__required_keys__ | Blame.__optional_keys__
    return cast("Blame", {name: value for name, value in event.items() if name in names})


def find_blames(read: Read, positions: Iterable[int], time: ResolvedTime) -> Mapping[int, Blame]:
    """Return the blame of each of these positions, in one query."""
    sql = f"select {EVENT_COLUMNS} from event a where a.position in {members('positions')}"
    rows = read.rows(sql, {"positions": sorted(set(positions)), **time.parameters})
    return {row[0]: build_blame(row) for row in rows}


def add_blame(read: Read, rows: list[FieldRow], time: ResolvedTime) -> list[FieldRow]:
    """Return rows that have a `position`, each with its `blame`."""
    found = find_blames(read, (row["position"] for row in rows), time)
    return [{**row, "blame": found[row["position"]]} for row in rows]
