"""Turn each line of a tracker's history into the commands that record it: one line, one transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from domain.any_subject import ImportChanges, ImportedChange
from domain.fields import EXISTS
from domain.messages import Command, Reference, Source
from domain.values import parse_timestamp, to_micros
from interchange.import_batches import PlannedTransaction, SkippedLine, split_changes
from interchange.import_report import Findings, ImportReport, Remark, describe_errors
from interchange.jsonl import JsonLine
from interchange.tracker.mapping import Mapping, SubjectTable, build_person_matcher, build_value_parser
from interchange.tracker.records import RecordsByName, TrackerRecord
from interchange.value_parsers import FieldRule, ParsedValue, as_text, field_name_part

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class TrackerChange:
    """A line, read by the columns of the mapping."""

    line: JsonLine
    record: str
    kind: str
    field: str
    data: dict[str, Any]
    shared: dict[str, Any]
    """The arguments that all commands of the transaction have in common."""
    at: int
    """When the change took effect, in microseconds since 1970."""


class LinePlanner:
    """Plans the transactions for the lines of one file, in their order. Skipped lines are added to the report."""

    def __init__(self, mapping: Mapping, report: ImportReport) -> None:
        self._mapping = mapping
        self._columns = mapping.columns
        self._mapped_columns = mapping.columns.all_names()
        self._report = report
        self._findings = Findings()
        self._records = RecordsByName()
        self._people = build_person_matcher(mapping)
        self._parser = build_value_parser(mapping, self._people, self._find_subject)
        self._rules: dict[str, dict[str, FieldRule]] = {}
        self._unmapped: set[str] = set()
        self._release_starts: dict[str, int] = {}

    def plan(self, lines: Iterable[JsonLine]) -> Iterator[PlannedTransaction]:
        """Yield the transactions for some lines."""
        for line in lines:
            self._report.lines += 1
            self._findings = Findings()
            label = self._label(line)
            try:
                yield PlannedTransaction(label, self._key(line), self._commands(line, label), self._findings)
            except SkippedLine as reason:
                self._report.skipped.append(Remark(label, str(reason)))
            except ValidationError as error:
                self._report.rejected.append(Remark(label, describe_errors(error)))

    # Reading a line

    def _label(self, line: JsonLine) -> str | int:
        line_id = self._line_id(line)
        return line.number if line_id is None else line_id

    def _key(self, line: JsonLine) -> str:
        line_id = self._line_id(line)
        return line.fingerprint if line_id is None else line_id

    def _line_id(self, line: JsonLine) -> str | None:
        line_id = (line.data or {}).get(self._columns.id) if self._columns.id else None
        return None if line_id is None else as_text(line_id)

    def _commands(self, line: JsonLine, label: str | int) -> tuple[Command, ...]:
        change = self._read(line)
        self._findings.unmapped_columns.update(set(change.data) - self._mapped_columns)
        kinds = self._mapping.kinds
        record = self._records.get(change.record)
        if change.kind in kinds.rename:
            return self._rename_record(change, label)
        if change.kind in kinds.create or (record is None and kinds.unknown_records == "create"):
            return self._create_record(change, label)
        if record is None:
            raise SkippedLine(f"{change.record} changes, but no line before has created it")
        if change.kind in kinds.remove or change.kind in kinds.restore:
            record.is_removed = change.kind in kinds.remove
            changes = (ImportedChange(field=EXISTS, value=not record.is_removed),)
            return tuple(self._import_changes(subject, changes, change) for subject in record.subjects.values())
        return self._change_field(change, record, label)

    def _read(self, line: JsonLine) -> TrackerChange:
        if line.data is None:
            raise SkippedLine(line.error)
        data, columns = line.data, self._columns
        record = data.get(columns.record)
        if record is None:
            raise SkippedLine(f"the column {columns.record!r} names no record")
        try:
            at = parse_timestamp(data.get(columns.when))
        except ValueError as error:
            raise SkippedLine(f"column {columns.when!r}: {error}") from None
        return TrackerChange(
            line=line,
            record=as_text(record),
            kind=as_text(data.get(columns.kind) or "") if columns.kind else "",
            field=as_text(data.get(columns.field) or ""),
            data=data,
            shared=self._shared_arguments(data) | {"effective_at": at},
            at=to_micros(at),
        )

    def _shared_arguments(self, data: dict[str, Any]) -> dict[str, Any]:
        columns = self._columns
        who = as_text(data.get(columns.who) or "") if columns.who else ""
        references, too_long = self._references(data)
        note = "\n".join([*(as_text(data[name]) for name in columns.note if data.get(name)), *too_long])
        reference = " ".join(
            f"{name}:{as_text(data[name])}" for name in columns.reference if data.get(name) is not None
        )
        return {
            "on_behalf_of": None if self._parser.is_empty(who) else self._people.person_name(who),
            "note": _CONTROL.sub("\N{REPLACEMENT CHARACTER}", note) if note.strip() else None,
            "source": Source(
                system=self._mapping.system,
                reference=reference or None,
                at=data.get(columns.source_at) if columns.source_at else None,
            ),
            "references": references,
        }

    def _references(self, data: dict[str, Any]) -> tuple[tuple[Reference, ...], list[str]]:
        """Return the references in the reference columns and the unmapped columns, and the texts too long for one."""
        references, too_long = [], []
        for name in (*self._columns.references, *sorted(data.keys() - self._mapped_columns)):
            if data.get(name):
                try:
                    references.append(Reference(system=name, id=as_text(data[name])))
                except ValidationError:
                    too_long.append(f"{name}: {as_text(data[name])}")
        return tuple(references), too_long

    # From a change to commands

    def _create_record(self, change: TrackerChange, label: str | int) -> tuple[Command, ...]:
        if self._records.get(change.record) is not None:
            self._findings.reused_names.append(Remark(label, f"{change.record} is created again as another record"))
        values = change.data.get(self._columns.to)
        if not isinstance(values, dict):
            values = {change.field: values} if change.field and values is not None else {}
        return self._set_values(change, self._records.create(change.record), values, {})

    def _rename_record(self, change: TrackerChange, label: str | int) -> tuple[Command, ...]:
        old = as_text(change.data.get(self._columns.from_) or "") if self._columns.from_ else ""
        record = self._records.get(old)
        if record is None:
            raise SkippedLine(
                f"{old or 'a record without a name'} is renamed {change.record}, but no line before has created it"
            )
        if self._records.get(change.record) not in (None, record):
            message = f"{old} takes the name {change.record} from another record"
            self._findings.reused_names.append(Remark(label, message))
        self._records.rename(record, change.record)
        changes = (self._aliases(record),)
        return tuple(self._import_changes(subject, changes, change) for subject in record.subjects.values())

    def _change_field(self, change: TrackerChange, record: TrackerRecord, label: str | int) -> tuple[Command, ...]:
        if not change.field:
            raise SkippedLine(f"the column {self._columns.field!r} names no field")
        contradicted = {}
        if self._columns.from_ and self._columns.from_ in change.data:
            before = change.data[self._columns.from_]
            if record.contradicts(change.field, before):
                contradicted[change.field] = as_text(before)
                previous = as_text(record.values.get(change.field))
                message = (
                    f"{change.record} {change.field}: from {as_text(before)}, but the previous value is {previous}"
                )
                self._findings.contradictions.append(Remark(label, message))
        return self._set_values(change, record, {change.field: change.data.get(self._columns.to)}, contradicted)

    def _set_values(
        self, change: TrackerChange, record: TrackerRecord, values: dict[str, Any], contradicted: dict[str, str]
    ) -> tuple[Command, ...]:
        """Return the commands that set some fields in every subject of the record, or create a subject with them."""
        record.values.update(values)
        commands: list[Command] = []
        for subject in self._mapping.subject:
            is_new = subject.kind not in record.subjects
            if is_new and subject.created_by is not None and record.values.get(subject.created_by) in (None, "", []):
                continue
            changes = self._create_subject(subject, record) if is_new else []
            for name, value in (record.values if is_new else values).items():
                changes += self._field_changes(change, subject, name, value, contradicted.get(name), commands)
            subject_id = record.subjects[subject.kind]
            commands += [self._import_changes(subject_id, group, change) for group in split_changes(changes)]
        return tuple(commands)

    def _create_subject(self, subject: SubjectTable, record: TrackerRecord) -> list[ImportedChange]:
        """Add a subject to a record and return its first changes."""
        record.subjects[subject.kind] = f"{subject.kind}:{record.key}"
        changes = [
            ImportedChange(field=EXISTS, value=not record.is_removed),
            ImportedChange(field="products", subjects=(f"product:{self._mapping.product.key}",)),
            self._aliases(record),
        ]
        if subject.link is not None:
            first = record.subjects[self._mapping.subject[0].kind]
            changes.append(ImportedChange(field=subject.link, subjects=(first,)))
        return changes

    def _aliases(self, record: TrackerRecord) -> ImportedChange:
        return ImportedChange(field="aliases", texts=(record.name,))

    def _field_changes(
        self,
        change: TrackerChange,
        subject: SubjectTable,
        name: str,
        value: Any,
        contradicts: str | None,
        commands: list[Command],
    ) -> Iterator[ImportedChange]:
        """Yield the change of one field, if the subject has it. Releases named for the first time are created before."""
        rules = self._rules_for(name)
        if subject.kind not in rules:
            return
        rule = rules[subject.kind]
        parsed = self._parser.parse(rule, value)
        if subject.kind == next(iter(rules)):
            self._count_findings(name, parsed)
        commands += self._create_releases(parsed, change)
        yield ImportedChange(field=rule.field, contradicts=contradicts, **parsed.change)

    def _rules_for(self, name: str) -> dict[str, FieldRule]:
        """Return the rules for a field by kind of subject. An unmapped field becomes an attribute of the first."""
        if name not in self._rules:
            found = {subject.kind: subject.find_rule(name) for subject in self._mapping.subject}
            self._rules[name] = {kind: rule for kind, rule in found.items() if rule is not None}
            if not self._rules[name]:
                self._rules[name] = {self._mapping.subject[0].kind: FieldRule(field=f"x.{field_name_part(name)}")}
                self._unmapped.add(name)
        return self._rules[name]

    def _count_findings(self, name: str, parsed: ParsedValue) -> None:
        if name in self._unmapped:
            self._findings.unmapped_fields[name] += 1
        for value in parsed.unknown:
            self._findings.count_unknown_value(name, value)

    def _create_releases(self, parsed: ParsedValue, change: TrackerChange) -> Iterator[Command]:
        """Yield the commands that create releases, from the earliest time at which anything is planned for them."""
        for version in parsed.releases:
            release = self._parser.release_id(version)
            if release not in self._release_starts or change.at < self._release_starts[release]:
                self._release_starts[release] = change.at
                yield self._import_changes(release, self._parser.release_changes(version), change)

    def _import_changes(
        self, subject: str, changes: tuple[ImportedChange, ...], change: TrackerChange
    ) -> ImportChanges:
        return ImportChanges(subject=subject, changes=changes, **change.shared)

    def _find_subject(self, name: str) -> str | None:
        record = self._records.get(name)
        return record.subjects.get(self._mapping.subject[0].kind) if record else None
