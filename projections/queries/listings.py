"""Lists of subjects, sorted by title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from projections.answer_types.parts import SubjectRow
from projections.queries.field_groups import build_subject_row
from projections.queries.field_values import all_field_values, by_subject
from projections.queries.filters import Filter
from projections.queries.ordering import TargetOrder
from projections.queries.paging import Answer, build_answer, build_until_full, encode_cursor, page_after
from projections.queries.timepoint import NOW, TimePoint, resolve_time
from projections.read_model.model import Read

BATCH_ROWS: Final = 1_000


def subjects(
    read: Read,
    selection: Filter,
    fields: Sequence[str],
    when: TimePoint = NOW,
    *,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[SubjectRow]:
    """Return the subjects that match, sorted by title, each with the values of some fields."""
    time = resolve_time(read, when)
    of_subjects = selection.of_subjects()
    existing = by_subject(all_field_values(read, replace(of_subjects, fields=("exists",)), time))
    titles = {subject: next(iter(found.values()))["title"] for subject, found in existing.items()}
    ranked = sorted(((title or "").casefold(), subject) for subject, title in titles.items())
    shown, next_cursor = page_after(ranked, tuple, (str, str), limit, cursor)

    def build(batch: Sequence[tuple[str, str]]) -> list[SubjectRow]:
        ids = [subject for _, subject in batch]
        selected = Filter(subjects=ids, fields=fields, include_removed=selection.include_removed)
        found = by_subject(all_field_values(read, selected, time)) if batch else {}
        return [build_subject_row(subject, titles[subject], found.get(subject, {})) for subject in ids]

    rows = build_until_full(read, shown, build, BATCH_ROWS)
    if len(rows) < len(shown):
        next_cursor = encode_cursor(*shown[len(rows) - 1])
    return build_answer(time, rows, next_cursor=next_cursor)


def releases(
    read: Read,
    products: Sequence[str] = (),
    when: TimePoint = NOW,
    *,
    limit: int | None = None,
    cursor: str | None = None,
) -> Answer[SubjectRow]:
    """Return the releases of all or some products, in release order."""
    found = subjects(read, Filter(kinds=("release",), products=products), ("version", "due_on", "products"), when)
    order = TargetOrder(read, resolve_time(read, when))

    def key(row: SubjectRow) -> tuple[str, int, str, str]:
        day, rank, numbers, subject = order.key(row["subject"])
        return day, rank, _sortable(numbers), subject

    rows, next_cursor = page_after(sorted(found.rows, key=key), key, (str, int, str, str), limit, cursor)
    return replace(found, rows=rows, next=next_cursor)


def _sortable(numbers: Sequence[int]) -> str:
    """Return text that sorts as the numbers do: each is preceded by its length."""
    return ".".join(f"{len(str(number)):03}:{number}" for number in numbers)
