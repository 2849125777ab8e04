"""The evidence and assumptions behind a subject: those linked to it, cited by its events, or named in its options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, get_args

from domain.evidence import LINK, link_field
from projections.answer_types.evidence import GroundRow, GroundStance
from projections.answer_types.fields import FieldRow
from projections.queries.field_values import all_field_values, as_text, by_subject
from projections.queries.filters import Filter
from projections.queries.paging import Answer, build_answer
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.read_model.model import Read
from projections.read_model.schema import kind, loads, members

STANCES: Final[tuple[GroundStance, ...]] = get_args(GroundStance)
FIELDS: Final = ("title", "status", "kind", "strength", "valid_until", "confidence", "check_on")


def grounds(read: Read, subject: str, when: TimePoint = NOW) -> Answer[GroundRow]:
    """Return the evidence and assumptions behind a subject, evidence first, each with its `stance` and main fields."""
    resolved = resolve_time(read, when)
    stances = {
        **{ground: _default_stance(ground) for ground in _find_named(read, subject, resolved)},
        **_find_linked(read, subject, resolved),
    }
    asked = Filter(subjects=sorted(stances), fields=("exists", *FIELDS))
    found = by_subject(all_field_values(read, asked, resolved)) if stances else {}
    rows = [_build_row(ground, stances[ground], fields) for ground, fields in found.items()]
    return build_answer(resolved, sorted(rows, key=lambda row: (row["stance"] == "under", row["subject"])))


def _build_row(ground: str, stance: GroundStance, fields: Mapping[str, FieldRow]) -> GroundRow:
    values = {name: fields[name]["value"] if name in fields else None for name in FIELDS}
    return {
        "subject": ground,
        "title": as_text(values["title"]),
        "stance": stance,
        "status": values["status"],
        "kind": values["kind"],
        "strength": values["strength"],
        "valid_until": values["valid_until"],
        "confidence": values["confidence"],
        "check_on": values["check_on"],
    }


def _default_stance(ground: str) -> GroundStance:
    return "under" if ground.startswith("assumption:") else "for"


def _find_linked(read: Read, subject: str, resolved: ResolvedTime) -> dict[str, GroundStance]:
    sql = f"""select c.subject, c.value from field_ref r join field_value c
        on c.subject = r.subject and c.field = r.field and c.valid_from = r.valid_from and c.id = r.id
        where r.ref = :subject and r.field = :link and {resolved.is_in_effect("c")}"""
    rows = read.rows(sql, {**resolved.parameters, "subject": subject, "link": link_field(subject)})
    stances = {ground: loads(value) for ground, value in rows}
    return {ground: stance for ground, stance in stances.items() if stance in STANCES}


def _find_named(read: Read, subject: str, resolved: ResolvedTime) -> Sequence[str]:
    """Return the evidence and assumptions that events of a subject cite, or that its options name."""
    sql = f"""select b.decision from event_because b join event a on a.position = b.position
        where a.subject = :subject and {kind("b.decision")} in ('evidence', 'assumption') and a.position <= :known
        and a.valid_from <= :as_of and (a.voided_by is null or a.voided_by > :known)
        union select r.ref from field_ref r join field_value c
        on c.subject = r.subject and c.field = r.field and c.valid_from = r.valid_from and c.id = r.id
        where r.subject = :subject and r.field in {members("naming")} and {resolved.is_in_effect("c")}"""
    rows = read.rows(sql, {**resolved.parameters, "subject": subject, "naming": ["options", "settled_by"]})
    return [ground for (ground,) in rows]


def linked_edges(
    read: Read, subjects: Sequence[str], resolved: ResolvedTime, *, reverse: bool = False
) -> list[tuple[str, str]]:
    """Return the edges from these subjects to the evidence for them and the assumptions under them; reversed, from
    these grounds to the subjects they are linked to.
    """
    start, end = ("c.subject", "r.ref") if reverse else ("r.ref", "c.subject")
    sql = f"""select {start}, {end} from field_ref r join field_value c
        on c.subject = r.subject and c.field = r.field and c.valid_from = r.valid_from and c.id = r.id
        where {start} in {members("subjects")} and r.field >= '{LINK}' and r.field < '{LINK[:-1]}/'
        and c.value in ('"for"', '"under"') and {resolved.is_in_effect("c")} order by {start}, {end}"""
    return list(read.rows(sql, {"subjects": list(subjects), **resolved.parameters}))
