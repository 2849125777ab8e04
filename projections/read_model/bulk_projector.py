"""Writes the first entries of a log to tables that are not in use yet."""

from __future__ import annotations

from domain.fields import CHANGES_PER_EVENT
from projections.read_model.projector import Projector
from projections.read_model.row_batch import RowBatch
from projections.read_model.schema import UNSORTED_REFS, UNSORTED_VALUES


class BulkProjector(Projector):
    """Writes rows of fields and references in the order of the log. `Writer.move_unsorted` puts them where they belong.

    A projector finds the neighbors of each row that it inserts, and updates the row before it; this takes more than half
    of its time. And each batch changes most pages of the tables in the order of their keys.
    """

    _field_values = UNSORTED_VALUES
    _field_refs = UNSORTED_REFS

    def _insert_field_values(self, batch: RowBatch) -> None:
        rows = [
            (id_, subject, field, valid_from, ends_at, None, value, source_value)
            for (subject, field, valid_from, id_), ends_at, value, source_value in batch.field_values
        ]
        self.writer.insert(self.prefix, UNSORTED_VALUES, rows)
        for subject, voided, by in batch.voids:
            first = voided * CHANGES_PER_EVENT
            self._run(
                f"""update {{p}}{UNSORTED_VALUES} set voided_by = :by
                where subject = :subject and id >= :first and id < :end and voided_by is null""",
                by=by,
                subject=subject,
                first=first,
                end=first + CHANGES_PER_EVENT,
            )
            self._mark_voided(voided, by)

    def _insert_field_refs(self, batch: RowBatch) -> None:
        rows = [(id_, ref, field, subject, valid_from) for ref, field, subject, valid_from, id_ in batch.refs]
        self.writer.insert(self.prefix, UNSORTED_REFS, rows)
