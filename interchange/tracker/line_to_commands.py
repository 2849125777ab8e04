"""Turn each entry of a tracker's history into the commands that record it: one entry, one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError

from domain.any_subject import ImportChanges, ImportedChange
from domain.fields import EXISTS
from domain.messages import Command
from interchange.import_batches import PlannedTransaction, SkippedLine, split_changes
from interchange.import_report import ImportReport, Remark, describe_errors
from interchange.person_matching import PersonMatcher
from interchange.times import TimeReader
from interchange.tracker.columns import build_getter
from interchange.tracker.command_context import CommandContextReader
from interchange.tracker.entries import CREATED, Entry
from interchange.tracker.field_changes import MAX_VALUE_CHARACTERS, FieldChangeReader
from interchange.tracker.line_findings import LineFindings
from interchange.tracker.mapping import Mapping as TrackerMapping
from interchange.tracker.mapping import SubjectTable, build_value_parser
from interchange.tracker.records import AmbiguousNameError, Records, TrackerRecord
from interchange.tracker.scan import FirstValues
from interchange.value_parsers import as_text


class LinePlanner:
    """Plans the transactions for the entries of one file, in their order. Skipped ones are added to the report.

    `attributes` are the attributes of fields without a mapping, and `additive` the fields whose lines each add or
    remove one value. `first_values` are those before the first change of a field, where creations do not give them.
    `is_imported` tells whether the log has an entry by its key.
    """

    def __init__(
        self,
        mapping: TrackerMapping,
        report: ImportReport,
        records: Records,
        people: PersonMatcher,
        *,
        times: TimeReader,
        value_times: TimeReader,
        attributes: Mapping[str, str],
        additive: Iterable[str] = (),
        is_imported: Callable[[str], bool] = lambda _: False,
        logged_value: Callable[[str, str, int], Any] = lambda _subject, _field, _at: None,
        first_values: Callable[[str], FirstValues | None] | None = None,
    ) -> None:
        self._mapping = mapping
        self._columns = columns = mapping.columns
        self._report = report
        self._records = records
        self._people = people
        self._additive = set(additive)
        self._is_imported = is_imported
        self._logged_value = logged_value
        self._first_values = first_values
        self._moment = 0
        self._created: TrackerRecord | None = None
        """The record that the entry creates."""
        self._record: TrackerRecord | None = None
        """The record that the entry is about."""
        self._findings = LineFindings()
        self._parser = build_value_parser(mapping, people, self._find_subject, value_times)
        self._context = CommandContextReader(mapping, people, self._parser, times, self._findings, is_imported)
        self._values = FieldChangeReader(mapping.subject, attributes, people, self._parser, self._findings, is_imported)
        self._is_additive = cache(self._has_single_members)
        self._release_starts: dict[str, int] = {}
        self._get_from = build_getter(columns.from_) if columns.from_ else None
        self._get_to = build_getter(columns.to) if columns.to else None
        self._get_added = build_getter(columns.added) if columns.added else None
        self._get_removed = build_getter(columns.removed) if columns.removed else None

    def plan(self, entries: Iterable[Entry]) -> Iterator[PlannedTransaction]:
        """Yield the transactions for some entries."""
        for entry in entries:
            self._report.lines += 1
            self._findings.noted = self._record = None
            try:
                commands = self._commands(entry)
            except SkippedLine as reason:
                self._report.skipped.append(Remark(entry.label, str(reason), entry.data or None))
            except ValidationError as error:
                self._report.rejected.append(Remark(entry.label, describe_errors(error), entry.data or None))
            else:
                if commands:
                    yield PlannedTransaction(entry.label, entry.key, commands, self._findings.noted, data=entry.data)
                else:
                    self._report.unchanged += 1

    def _commands(self, entry: Entry) -> tuple[Command, ...]:
        commands = self._commands_of_record(entry)
        if self._record is not None:
            self._records.put(self._record)
        return commands

    def _commands_of_record(self, entry: Entry) -> tuple[Command, ...]:
        if entry.error:
            raise SkippedLine(entry.error)
        self._moment = entry.order_at
        kinds = self._mapping.kinds
        is_change = entry.kind != CREATED and self._mapping.file.rows == "changes"
        if is_change and (unmapped := self._context.unmapped_columns(entry)):
            self._findings.current.unmapped_columns.update(unmapped)
        moment = (entry.order_at, entry.place)
        created = self._created = self._records.created_at(moment)
        record = self._record = created if created is not None else self._find(entry)
        shared = self._context.read(entry)
        if entry.kind in kinds.rename:
            return self._rename_record(entry, record, shared)
        if self._mapping.file.rows == "records":
            return self._row_of_record(entry, record, created, shared)
        if created is not None:
            return self._create_record(entry, created, shared)
        if record is None:
            raise SkippedLine(f"{entry.record} changes, but no earlier line has created it")
        if entry.kind in kinds.remove or entry.kind in kinds.restore:
            record.is_removed = entry.kind in kinds.remove
            changes = (ImportedChange(field=EXISTS, value=not record.is_removed),)
            return tuple(self._import_changes(subject, changes, shared) for subject in record.subjects.values())
        return self._change_field(entry, record, shared)

    def _find(self, entry: Entry) -> TrackerRecord | None:
        """Return the record that an entry is about; for a new name, the record that has the old one.

        Raises:
            SkippedLine: several records bear the name.
        """
        moment = (entry.order_at, entry.place)
        try:
            if entry.kind in self._mapping.kinds.rename:
                old = as_text(self._get_from(entry.data) or "").strip() if self._get_from else ""
                found = self._records.find(old, (entry.order_at, entry.place - 1), entry.identity)
                return found or self._records.renamed_at(moment)
            return self._records.find(entry.record, moment, entry.identity)
        except AmbiguousNameError as error:
            raise SkippedLine(str(error)) from None

    # From an entry to commands

    def _create_record(self, entry: Entry, record: TrackerRecord, shared: dict[str, Any]) -> tuple[Command, ...]:
        if record.subjects and not record.is_from_log:
            self._findings.current.reused_names.append(
                Remark(entry.label, f"{entry.record} is created again, unchanged")
            )
        elif self._records.is_reused(record):
            self._findings.current.reused_names.append(
                Remark(entry.label, f"{entry.record} is created again as another record")
            )
        values = self._get_to(entry.data) if self._get_to else None
        if not isinstance(values, dict):
            values = {entry.field: values} if entry.field and values is not None else {}
        elif self._first_values is not None and not record.subjects:
            # An export says what a record is now, also where it begins.
            first = self._first_values(entry.identity or entry.record) or {}
            before = {
                name: value for name, (_, _, value) in first.items() if name in values or value not in (None, "", [])
            }
            values = {**values, **before}
        return self._set_values(entry, record, values, {}, shared)

    def _rename_record(self, entry: Entry, record: TrackerRecord | None, shared: dict[str, Any]) -> tuple[Command, ...]:
        old = as_text(self._get_from(entry.data) or "").strip() if self._get_from else ""
        if record is None:
            raise SkippedLine(
                f"{old or 'a record without a name'} is renamed {entry.record}, but no earlier line has created it"
            )
        if self._records.takes_name(record, entry.record, (entry.order_at, entry.place)):
            message = f"{old} takes the name {entry.record} from another record"
            self._findings.current.reused_names.append(Remark(entry.label, message))
        changes = (ImportedChange(field="aliases", texts=(entry.record,)),)
        return tuple(self._import_changes(subject, changes, shared) for subject in record.subjects.values())

    def _change_field(self, entry: Entry, record: TrackerRecord, shared: dict[str, Any]) -> tuple[Command, ...]:
        if not entry.field and self._get_to is not None and isinstance(values := self._get_to(entry.data), dict):
            return self._set_state(entry, record, values, shared)
        if not entry.field:
            raise SkippedLine(f"the column {self._columns.field!r} names no field")
        name = entry.field
        before = self._get_from(entry.data) if self._get_from else None
        to = self._get_to(entry.data) if self._get_to else None
        added = self._get_added(entry.data) if self._get_added else None
        removed = self._get_removed(entry.data) if self._get_removed else None
        if self._is_additive(name) and not isinstance(to, dict):
            return self._set_values(entry, record, {name: self._members(record, entry, before, to)}, {}, shared)
        if to is None and (added or removed):
            return self._set_values(entry, record, {name: self._members(record, entry, removed, added)}, {}, shared)
        contradicted = {}
        if self._get_from is not None and self._has_from(entry) and record.contradicts(name, before):
            said = as_text(before)
            if self._people.has_erased and not self._is_imported(entry.key):
                said = self._people.redact(said)
            contradicted[name] = self._findings.cut(entry, name, said, MAX_VALUE_CHARACTERS)
            previous = as_text(record.values.get(name))
            message = f"{entry.record} {name}: from {as_text(before)}, but the previous value is {previous}"
            self._findings.current.contradictions.append(Remark(entry.label, self._people.redact(message)))
        return self._set_values(entry, record, {name: to}, contradicted, shared)

    def _set_state(
        self, entry: Entry, record: TrackerRecord, values: dict[str, Any], shared: dict[str, Any]
    ) -> tuple[Command, ...]:
        """Return the commands for a line that says what several fields are: only what has changed is set."""
        changed = {name: value for name, value in values.items() if record.values.get(name) != value}
        if record.is_from_log:
            changed = {
                name: value for name, value in changed.items() if not self._has_in_log(record, name, value, entry)
            }
        return self._set_values(entry, record, changed, {}, shared) if changed else ()

    def _has_from(self, entry: Entry) -> bool:
        name = self._columns.from_ or ""
        return name in entry.data or "." in name or "[" in name

    def _has_single_members(self, name: str) -> bool:
        """Whether each line of a field adds or removes single members."""
        rules = self._values.rules_for(name)
        explicit = next((rule.several for rule in rules.values() if rule.several is not None), None)
        return name in self._additive if explicit is None else explicit

    def _members(self, record: TrackerRecord, entry: Entry, removed: Any, added: Any) -> list[Any]:
        """Return the members of a field after an entry removes some and adds others."""
        members = record.members.get(entry.field)
        if members is None:
            members = _as_members(record.values.get(entry.field, self._earlier_value(record, entry)))
        gone = _as_members(removed)
        members = [one for one in members if one not in gone]
        members += [one for one in _as_members(added) if one not in members]
        record.members[entry.field] = members
        return list(members)

    def _earlier_value(self, record: TrackerRecord, entry: Entry) -> Any:
        """Return the value that the log has from an earlier import."""
        if not record.is_from_log:
            return None
        kind, rule = next(iter(self._values.rules_for(entry.field).items()))
        subject = record.subjects.get(kind)
        return self._logged_value(subject, rule.field, entry.at) if subject else None

    def _row_of_record(
        self, entry: Entry, record: TrackerRecord | None, created: TrackerRecord | None, shared: dict[str, Any]
    ) -> tuple[Command, ...]:
        """Return the commands for a row of a list of records: when it was created, or the state that it has now."""
        record = record or created
        if record is None:
            raise SkippedLine(f"{entry.record} changes, but no row has created it")
        values = {name: value for name, value in entry.own.items() if name not in self._context.mapped_columns}
        values = {name: value for name, value in values.items() if value not in (None, "")}
        if entry.kind == CREATED:
            values = {
                name: value
                for name, value in values.items()
                if any(rule.field == "title" for rule in self._values.rules_for(name).values())
            }
            shared = {**shared, "note": None, "references": ()}
            return self._set_values(entry, record, values, {}, shared)
        gone = {name: None for name, value in record.values.items() if name not in values and value is not None}
        changed = {name: value for name, value in {**values, **gone}.items() if record.values.get(name) != value}
        if record.is_from_log:
            changed = {
                name: value for name, value in changed.items() if not self._has_in_log(record, name, value, entry)
            }
        if not changed and record.subjects and created is None:
            return ()
        return self._set_values(entry, record, changed, {}, shared)

    def _has_in_log(self, record: TrackerRecord, name: str, value: Any, entry: Entry) -> bool:
        rules = self._values.rules_for(name)
        return bool(rules) and all(
            kind in record.subjects
            and self._logged_value(record.subjects[kind], rule.field, entry.at) in (value, as_text(value))
            for kind, rule in rules.items()
        )

    def _set_values(
        self,
        entry: Entry,
        record: TrackerRecord,
        values: dict[str, Any],
        contradicted: dict[str, str],
        shared: dict[str, Any],
    ) -> tuple[Command, ...]:
        """Return the commands that set some fields in every subject of the record, or create a subject with them."""
        record.values.update(values)
        commands: list[Command] = []
        for subject in self._mapping.subject:
            is_new = subject.kind not in record.subjects
            if is_new and subject.created_by is not None and record.values.get(subject.created_by) in (None, "", []):
                continue
            changes = self._create_subject(subject, record) if is_new else []
            if not is_new and (self._created is record or self._begins_earlier(record, entry)):
                changes = self._begin(subject, record, entry)
            elif not is_new and self._records.is_renamed_at((entry.order_at, entry.place), record):
                changes = [ImportedChange(field="aliases", texts=(entry.record,))]
            if is_new and record.is_from_log:
                values = {**self._values_in_log(record, entry), **values}
                record.values = {**values, **record.values}
            kind = subject.kind
            for name, value in sorted((record.values if is_new else values).items()):
                rules = self._values.rules_for(name)
                if kind in rules:
                    change, releases = self._values.read(entry, kind, name, value, contradicted.get(name))
                    commands += self._create_releases(releases, entry, shared)
                    changes.append(change)
            subject_id = record.subjects[subject.kind]
            commands += [self._import_changes(subject_id, group, shared) for group in split_changes(changes)]
        return tuple(commands)

    def _begins_earlier(self, record: TrackerRecord, entry: Entry) -> bool:
        """Whether an entry is about a time before the record began, where the export has no lines for creation."""
        if self._mapping.kinds.unknown_records != "create" or entry.at >= record.began:
            return False
        record.effective = entry.at
        return True

    def _values_in_log(self, record: TrackerRecord, entry: Entry) -> dict[str, Any]:
        """Return the values of the first subject of a record from an earlier import, by the tracker's field."""
        first = self._mapping.subject[0]
        subject = record.subjects.get(first.kind)
        if subject is None:
            return {}
        names = {name: rule.field for name, rule in first.fields.items() if not name.endswith("*")}
        found = {name: self._logged_value(subject, field, entry.at) for name, field in names.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _begin(self, subject: SubjectTable, record: TrackerRecord, entry: Entry) -> list[ImportedChange]:
        return [
            ImportedChange(field=EXISTS, value=not record.is_removed),
            ImportedChange(field="products", subjects=(f"product:{self._mapping.product.key}",)),
            ImportedChange(field="aliases", texts=(entry.record,)),
            *self._link(subject, record),
        ]

    def _create_subject(self, subject: SubjectTable, record: TrackerRecord) -> list[ImportedChange]:
        """Add a subject to a record and return its first changes."""
        record.subjects[subject.kind] = f"{subject.kind}:{record.key}"
        return [
            ImportedChange(field=EXISTS, value=not record.is_removed),
            ImportedChange(field="products", subjects=(f"product:{self._mapping.product.key}",)),
            ImportedChange(field="aliases", texts=(self._records.name_at(record, self._moment),)),
            *self._link(subject, record),
        ]

    def _link(self, subject: SubjectTable, record: TrackerRecord) -> Iterator[ImportedChange]:
        if subject.link is not None:
            first = record.subjects[self._mapping.subject[0].kind]
            yield ImportedChange(field=subject.link, subjects=(first,))

    def _create_releases(self, releases: tuple[str, ...], entry: Entry, shared: dict[str, Any]) -> Iterator[Command]:
        """Yield the commands that create releases, from the earliest time at which anything is planned for them."""
        for version in releases:
            release = self._parser.release_id(version)
            if release not in self._release_starts or entry.at < self._release_starts[release]:
                self._release_starts[release] = entry.at
                yield self._import_changes(release, self._parser.release_changes(version), shared)

    def _import_changes(
        self, subject: str, changes: tuple[ImportedChange, ...], shared: dict[str, Any]
    ) -> ImportChanges:
        return ImportChanges(subject=subject, changes=changes, **shared)

    def _find_subject(self, name: str) -> str | None:
        record = self._records.find_linked(name, self._moment)
        return f"{self._mapping.subject[0].kind}:{record.key}" if record and record.key else None


def _as_members(value: Any) -> list[Any]:
    """Return the members of a field with several values, as it is exported: a list, one value, or nothing."""
    if value in (None, "", []):
        return []
    if isinstance(value, str) and value.startswith("["):
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            return [value]
        return parsed if isinstance(parsed, list) else [value]
    return list(value) if isinstance(value, list | tuple) else [value]
