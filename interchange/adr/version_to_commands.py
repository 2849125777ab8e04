"""Turn each version of a decision record into the commands that record what changed: one version, one transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from domain.any_subject import ImportChanges, ImportedChange
from domain.decision_messages import SUPERSEDED_BY
from domain.fields import EXISTS, FieldRow, SubjectState
from domain.messages import Reference, Source
from domain.names import normalize_name
from domain.values import ERASED, to_micros
from interchange.adr.record_fields import RecordFieldReader, RecordFields
from interchange.adr.record_identity import TrackedRecord
from interchange.adr.record_versions import RecordVersion
from interchange.import_batches import PlannedTransaction, SkippedLine, split_changes
from interchange.import_report import Findings, ImportReport, Remark, describe_errors
from interchange.sink import ImportSink
from interchange.value_parsers import field_name_part

IMPORT_FIELDS: Final = frozenset({EXISTS, "products", "aliases"})
"""Fields that an import sets in every record, whatever its text says."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class VersionPlanner:
    """Plans the transactions for the versions of the records of one folder."""

    def __init__(
        self, reader: RecordFieldReader, system: str, product: str | None, report: ImportReport, sink: ImportSink
    ) -> None:
        self._reader = reader
        self._system = system
        self._product = product
        self._report = report
        self._sink = sink

    def plan(self, versions: Sequence[RecordVersion], records: Sequence[TrackedRecord]) -> Iterator[PlannedTransaction]:
        """Yield the transactions for some versions; none for a version that changes nothing.

        A version from the history is compared with the one before it. A current file is compared with the log, so it
        must be planned after all of its history was sent.
        """
        by_subject = {record.subject: record for record in records}
        for version, record in zip(versions, records, strict=True):
            self._report.lines += 1
            findings = Findings()
            try:
                changes = self._changes(version, record, findings)
                commands = tuple(self._command(record.subject, group, version) for group in split_changes(changes))
                commands += tuple(self._supersede_others(version, record, by_subject))
            except SkippedLine as reason:
                self._report.skipped.append(Remark(version.label, str(reason)))
                continue
            except ValidationError as error:
                self._report.rejected.append(Remark(version.label, describe_errors(error)))
                continue
            if commands:
                yield PlannedTransaction(version.label, version.key, commands, findings)
            else:
                self._report.unchanged += 1

    def _changes(self, version: RecordVersion, record: TrackedRecord, findings: Findings) -> list[ImportedChange]:
        texts = version.fields if version.is_complete else {**record.fields, **version.fields}
        fields = RecordFields() if version.is_removal else self._reader.read(texts, version.name)
        if version.key is None:
            changes = self._changes_from_log(version, record, fields)
        elif version.is_removal:
            changes = list(self._identity_changes(version, record))
        else:
            self._add_successors(record, fields)
            changes = [*self._identity_changes(version, record), *_difference(fields.changes, record.changes)]
        if not version.is_removal:
            self._add_findings(version, record, fields, findings)
            record.fields, record.changes, record.supersedes = texts, fields.changes, fields.supersedes
            record.is_created = True
        return changes

    def _supersede_others(
        self, version: RecordVersion, record: TrackedRecord, by_subject: Mapping[str, TrackedRecord]
    ) -> Iterator[ImportChanges]:
        """Yield the changes of records that this version supersedes, and that do not mention it themselves."""
        for subject in () if version.is_removal else record.supersedes:
            other = by_subject.get(subject)
            if other is None or record.subject in other.successors or other is record:
                continue
            own = other.changes.get(SUPERSEDED_BY)
            named = own.subjects or () if own is not None else ()
            other.successors[record.subject] = None
            if record.subject in named or not other.is_created:
                continue
            every = tuple(dict.fromkeys((*named, *other.successors)))
            change = ImportedChange(field=SUPERSEDED_BY, subjects=every)
            if version.key is not None or not self._has_value(
                self._sink.state(subject).latest_row(SUPERSEDED_BY), change
            ):
                yield self._command(subject, (change,), version)

    def _identity_changes(self, version: RecordVersion, record: TrackedRecord) -> Iterator[ImportedChange]:
        """Yield the changes of whether the record exists, which product it belongs to, and its name."""
        if not record.is_created:
            yield from self._creating_changes(version)
        else:
            if version.is_removal != record.is_removed:
                yield ImportedChange(field=EXISTS, value=not version.is_removal)
            if version.previous_name is not None:
                yield _alias_change(version)
        record.is_created, record.is_removed = True, version.is_removal

    def _add_successors(self, record: TrackedRecord, fields: RecordFields) -> None:
        """Add the records that say that they supersede this one to those that it names itself."""
        if not record.successors:
            return
        own = fields.changes.get(SUPERSEDED_BY)
        named = own.subjects or () if own is not None else ()
        every = tuple(dict.fromkeys((*named, *record.successors)))
        fields.changes[SUPERSEDED_BY] = ImportedChange(field=SUPERSEDED_BY, subjects=every)

    def _creating_changes(self, version: RecordVersion) -> Iterator[ImportedChange]:
        yield ImportedChange(field=EXISTS, value=not version.is_removal)
        if self._product is not None:
            yield ImportedChange(field="products", subjects=(f"product:{self._product}",))
        yield _alias_change(version)

    def _changes_from_log(
        self, version: RecordVersion, record: TrackedRecord, fields: RecordFields
    ) -> list[ImportedChange]:
        """Return the fields in which a current file differs from the log.

        Raises:
            SkippedLine: the record is managed in the log, and its file differs.
        """
        state = self._sink.state(record.subject)
        self._keep_successors(state, record, fields)
        wanted = {change.field: change for change in self._creating_changes(version)} | fields.changes
        changes = [change for name, change in wanted.items() if not self._has_value(state.latest_row(name), change)]
        changes += [
            ImportedChange(field=name)
            for name in state.rows.keys() - wanted.keys() - IMPORT_FIELDS
            if not self._has_value(state.latest_row(name), ImportedChange(field=name))
        ]
        if changes and state.is_managed:
            raise SkippedLine(
                "the record has been managed in the log since it was changed there, and its file differs from the log"
            )
        return changes

    def _keep_successors(self, state: SubjectState, record: TrackedRecord, fields: RecordFields) -> None:
        """Keep the links of the log to records that say that they supersede this one."""
        row = state.latest_row(SUPERSEDED_BY)
        linked = row.value if row is not None and isinstance(row.value, list) else []
        own = fields.changes.get(SUPERSEDED_BY)
        named = own.subjects or () if own is not None else ()
        others = [one for one in map(str, linked) if one not in named and one in record.said_successors]
        if others:
            every = tuple(one for one in map(str, linked) if one in named or one in others)
            every = tuple(dict.fromkeys((*every, *named)))
            fields.changes[SUPERSEDED_BY] = ImportedChange(field=SUPERSEDED_BY, subjects=every)

    def _has_value(self, row: FieldRow | None, change: ImportedChange) -> bool:
        """Whether a field already has the value of a change. Erased text is not imported again."""
        value, source_value = (row.value, row.source_value) if row else (None, None)
        if ERASED in (source_value, value) or (isinstance(value, list) and ERASED in value):
            return True
        wanted = change.field_change()
        if change.holders is not None:
            ids = value if isinstance(value, list) else None
            return source_value == wanted.source_value and ids is not None and self._are_people(ids, change.holders)
        return (value, source_value) == (wanted.value, wanted.source_value)

    def _are_people(self, ids: Sequence[Any], names: Sequence[str]) -> bool:
        """Whether these are the ids of the people and teams with these names."""
        return len(ids) == len(names) and all(
            one == name or one in self._sink.find_people(normalize_name(name))
            for one, name in zip(ids, names, strict=True)
        )

    def _add_findings(
        self, version: RecordVersion, record: TrackedRecord, fields: RecordFields, findings: Findings
    ) -> None:
        """Add what is to be reported about a version, except what was reported about the one before."""
        if version.document is not None:
            findings.warnings += [Remark(version.label, message) for message in version.document.warnings]
            names = {f"x.{field_name_part(key)}": key for key in version.document.unmapped}
            findings.unmapped_fields.update(
                key for name, key in names.items() if version.fields.get(name) != record.fields.get(name)
            )
        for name, values in fields.unknown.items():
            if fields.texts.get(name) != record.fields.get(name):
                for value in values:
                    findings.count_unknown_value(name, value)
        if version.key is None:
            findings.warnings += [
                Remark(version.label, f"`{name}` in the file differs from its history")
                for name, change in record.changes.items()
                if fields.changes.get(name) != change
            ]

    def _command(self, subject: str, changes: tuple[ImportedChange, ...], version: RecordVersion) -> ImportChanges:
        who = self._reader.people.person_name(version.who) if version.who else None
        return ImportChanges(
            subject=subject,
            changes=changes,
            effective_at=self._effective_at(subject, version),
            on_behalf_of=who,
            source=Source(system=self._system, reference=version.reference, at=version.written_at),
            references=tuple(_references(version)),
        )

    def _effective_at(self, subject: str, version: RecordVersion) -> datetime | None:
        """Return when a version took effect; None for now, if a current file has a date before its latest change."""
        if version.key is not None or version.at is None:
            return version.at
        rows = self._sink.state(subject).rows
        latest = max((row.valid_from for values in rows.values() for row in values), default=None)
        return version.at if latest is None or to_micros(version.at) >= latest else None


def _alias_change(version: RecordVersion) -> ImportedChange:
    return ImportedChange(field="aliases", texts=(version.name,))


def _difference(changes: Mapping[str, ImportedChange], before: Mapping[str, ImportedChange]) -> list[ImportedChange]:
    """Return the changes that differ from those before, and changes that empty the fields that are gone."""
    gone = (ImportedChange(field=name) for name in before if name not in changes)
    return [*(change for name, change in changes.items() if before.get(name) != change), *gone]


def _references(version: RecordVersion) -> Iterator[Reference]:
    for name, value in version.references:
        line: dict[str, Any] = {"system": name[:200], "id": _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)[:500]}
        yield Reference(**line)
