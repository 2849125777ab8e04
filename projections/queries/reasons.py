"""The reason of an event: its own, inherited from a decision that it cites, or none. One is never shown as another.

A reader of some products may be unable to read any decision that an event cites. Its reason is inherited even then.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from projections.answer_types.parts import ReasonKind
from projections.queries.field_values import all_field_values, as_ids, by_subject
from projections.queries.filters import Filter
from projections.queries.own_reasons import find_own_reason
from projections.queries.timepoint import ResolvedTime
from projections.read_model.model import Read
from projections.read_model.schema import loads, members


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an event happened. `decisions` are those it cites; `text` is theirs if it is inherited.

    An inherited reason without decisions is based only on what the reader may not read.
    """

    kind: ReasonKind
    text: str | None = None
    decisions: tuple[str, ...] = ()


NO_REASON: Final = Reason("none")


def find_reasons(read: Read, positions: Iterable[int], time: ResolvedTime) -> dict[int, Reason]:
    """Return the reason of each of these events, by position.

    An inherited reason is the text of the first cited decision: its `why`, else its `decision`, else its title.
    """
    sql = f"select position, type, note, because, body from event where position in {members('positions')}"
    rows = list(read.rows(sql, {"positions": sorted(set(positions))}))
    cited = {row[0]: None if row[3] is None else as_ids(loads(row[3])) for row in rows}
    texts = _find_texts(read, {decision for decisions in cited.values() for decision in decisions or ()}, time)
    return {
        position: _build_reason(find_own_reason(type_, json.loads(body)) or note, cited[position], texts)
        for position, type_, note, _, body in rows
    }


def _build_reason(own: str | None, cited: tuple[str, ...] | None, texts: Mapping[str, str]) -> Reason:
    """Return a reason; `cited` are the decisions that the reader may read, None if the event cites none at all."""
    if own:
        return Reason("own", own, cited or ())
    if cited is not None:
        return Reason("inherited", next((texts[each] for each in cited if each in texts), None), cited)
    return NO_REASON


def _find_texts(read: Read, decisions: Iterable[str], time: ResolvedTime) -> dict[str, str]:
    wanted = sorted(decisions)
    if not wanted:
        return {}
    fields = ("why", "decision", "title")
    rows = all_field_values(read, Filter(subjects=wanted, fields=fields, include_removed=True), time)
    return {
        subject: str(next(found[field]["value"] for field in fields if field in found))
        for subject, found in by_subject(rows).items()
    }
