"""Who holds which role, for which product, now or at any time."""

from __future__ import annotations

from domain.roles import ALL_PRODUCTS, GRANT_PREFIX, LINE_FIELD
from projections.answer_types.fields import FieldRow
from projections.answer_types.roles import GrantRow
from projections.queries.blame import add_blame
from projections.queries.field_values import all_field_values
from projections.queries.filters import Filter
from projections.queries.paging import Answer, build_answer, page_after
from projections.queries.timepoint import NOW, ResolvedTime, TimePoint, resolve_time
from projections.read_model.model import Read


def grants(
    read: Read,
    when: TimePoint = NOW,
    *,
    holder: str | None = None,
    product: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[GrantRow]:
    """Return the roles that are granted, ordered by holder and role, each with who granted it, when and why.

    With a `product`, those that count for it: granted for it, for a line it belongs to, or for all products.
    """
    time = resolve_time(read, when)
    subjects = () if holder is None else (holder,)
    found = all_field_values(read, Filter(subjects=subjects, fields=(f"{GRANT_PREFIX}*",), include_removed=True), time)
    line = None if product is None else {ALL_PRODUCTS, *_line_of(read, product, time)}
    selected = [row for row in found if line is None or row["value"] in line]
    shown, next_cursor = page_after(selected, _sort_key, (str, str, str), limit, cursor)
    return build_answer(time, [_build_row(row) for row in add_blame(read, shown, time)], next_cursor=next_cursor)


def _build_row(row: FieldRow) -> GrantRow:
    holder, role, product = _sort_key(row)
    return {
        "holder": holder,
        "role": role,
        "product": product or None,
        "since": row["since"],
        "position": row["position"],
        "blame": row["blame"],
    }


def _sort_key(row: FieldRow) -> tuple[str, str, str]:
    """Return the holder, the role and the product, which is empty for all products."""
    role = row["field"].removeprefix(GRANT_PREFIX).partition(".")[0]
    return row["subject"], role, "" if row["value"] == ALL_PRODUCTS else str(row["value"])


def _line_of(read: Read, product: str, time: ResolvedTime) -> list[str]:
    path = [product]
    while True:
        asked = Filter(subjects=(path[-1],), fields=(LINE_FIELD,), include_removed=True)
        lines = [str(row["value"]) for row in all_field_values(read, asked, time)]
        if not lines or lines[0] in path:
            return path
        path.append(lines[0])
