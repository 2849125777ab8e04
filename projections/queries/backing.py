"""Whether what is planned has a decision in force behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain

from domain.decision_messages import ACCEPTED
from domain.fields import STATUS
from projections.answer_types.fields import FieldRow
from projections.queries.field_values import all_field_values, as_ids
from projections.queries.filters import Filter
from projections.queries.report_lines import planning_fields
from projections.queries.timepoint import ResolvedTime
from projections.read_model.model import Read
from projections.read_model.schema import members


def find_unbacked(
    read: Read, features: Mapping[str, Mapping[str, FieldRow]], time: ResolvedTime
) -> dict[str, list[str]]:
    """Return the planned fields of each feature without a decision in force behind them; other features are left out.

    A decision is behind the fields whose events cite it, and behind all fields of a feature that is linked to it. It
    counts for a limited reader, too, if they may not read it.
    """
    complete = replace(read, run=read.complete or read.run)
    planned = {feature: names for feature, fields in features.items() if (names := planning_fields(fields))}
    positions = (features[feature][name]["position"] for feature, names in planned.items() for name in names)
    cited, linked = _find_cited(complete, positions), _find_linked(complete, planned, time)
    in_force = _find_in_force(complete, chain(*cited.values(), *linked.values()), time)
    unbacked = {
        feature: [name for name in names if in_force.isdisjoint(cited.get(features[feature][name]["position"], ()))]
        for feature, names in planned.items()
        if in_force.isdisjoint(linked.get(feature, ()))
    }
    return {feature: names for feature, names in unbacked.items() if names}


def _find_cited(read: Read, positions: Iterable[int]) -> dict[int, list[str]]:
    """Return what events cite, by position."""
    sql = f"select position, decision from event_because where position in {members('positions')}"
    found: dict[int, list[str]] = {}
    for position, decision in read.rows(sql, {"positions": sorted(set(positions))}):
        found.setdefault(position, []).append(decision)
    return found


def _find_linked(read: Read, features: Iterable[str], time: ResolvedTime) -> dict[str, tuple[str, ...]]:
    """Return the decisions that features are linked to."""
    asked = Filter(subjects=sorted(features), fields=("decisions",))
    rows = all_field_values(read, asked, time) if asked.subjects else []
    return {row["subject"]: as_ids(row["value"]) for row in rows}


def _find_in_force(read: Read, subjects: Iterable[str], time: ResolvedTime) -> set[str]:
    """Return which of some subjects are decisions in force."""
    asked = Filter(kinds=("decision",), subjects=sorted(set(subjects)), fields=(STATUS,), values=(ACCEPTED,))
    return {row["subject"] for row in all_field_values(read, asked, time)} if asked.subjects else set()
