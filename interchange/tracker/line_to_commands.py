"""Turn each entry of a tracker's history into the commands that record it: one entry, one transaction."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Any, Final

from pydantic import ValidationError

from domain.any_subject import ImportChanges, ImportedChange
from domain.fields import EXISTS
from domain.messages import Command, Reference, Source
from interchange.import_batches import PlannedTransaction, SkippedLine, split_changes
from interchange.import_report import Findings, ImportReport, Remark, describe_errors
from interchange.person_matching import PersonMatcher
from interchange.times import TimeReader
from interchange.tracker.columns import build_getter
from interchange.tracker.entries import CREATED, Entry, author_of
from interchange.tracker.mapping import Mapping as TrackerMapping
from interchange.tracker.mapping import SubjectTable, build_value_parser
from interchange.tracker.records import AmbiguousNameError, Records, TrackerRecord
from interchange.tracker.scan import FirstValues
from interchange.value_parsers import FieldRule, ParsedValue, as_text, field_name_part

MAX_NOTE_CHARACTERS: Final = 20_000
MAX_VALUE_CHARACTERS: Final = 200_000
MAX_REFERENCES: Final = 50
MAX_COLUMN_SETS: Final = 1000
MAX_REFERENCE_CHARACTERS: Final = 200
MAX_VALUES_KEPT: Final = 2000
MAX_KEPT_CHARACTERS: Final = 200
MAX_AUTHORS_KEPT: Final = 4096
MAX_KEPT_MEMBERS: Final = 20
SHOWN_CHARACTERS: Final = 60
CUT: Final = " […]"
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_UNSTORABLE: Final = re.compile(r"[\x00\ud800-\udfff]")


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
        self._mapped_columns = columns.all_names()
        self._report = report
        self._noted: Findings | None = None
        self._records = records
        self._people = people
        self._times = times
        self._attributes = attributes
        self._additive = set(additive)
        self._is_imported = is_imported
        self._logged_value = logged_value
        self._first_values = first_values
        self._moment = 0
        self._created: TrackerRecord | None = None
        """The record that the entry creates."""
        self._record: TrackerRecord | None = None
        """The record that the entry is about."""
        self._parser = build_value_parser(mapping, people, self._find_subject, value_times)
        self._rules: dict[str, dict[str, FieldRule]] = {}
        self._authors: dict[str, str] = {}
        self._parsed: dict[tuple[int, Any], tuple[ParsedValue, ImportedChange]] = {}
        self._is_additive = cache(self._has_single_members)
        self._unmapped: set[str] = set()
        self._unmapped_by_columns: dict[tuple[str, ...], list[str]] = {}
        self._release_starts: dict[str, int] = {}
        self._get_who = build_getter(columns.who) if columns.who else None
        self._get_from = build_getter(columns.from_) if columns.from_ else None
        self._get_to = build_getter(columns.to) if columns.to else None
        self._get_added = build_getter(columns.added) if columns.added else None
        self._get_removed = build_getter(columns.removed) if columns.removed else None
        self._notes = [(name, build_getter(name)) for name in columns.note]
        self._reference = [(name, build_getter(name)) for name in columns.reference]
        self._references_of = [(name, build_getter(name)) for name in columns.references]
        self._get_source_at = build_getter(columns.source_at) if columns.source_at else None

    def plan(self, entries: Iterable[Entry]) -> Iterator[PlannedTransaction]:
        """Yield the transactions for some entries."""
        for entry in entries:
            self._report.lines += 1
            self._noted = self._record = None
            try:
                commands = self._commands(entry)
            except SkippedLine as reason:
                self._report.skipped.append(Remark(entry.label, str(reason), entry.data or None))
            except ValidationError as error:
                self._report.rejected.append(Remark(entry.label, describe_errors(error), entry.data or None))
            else:
                if commands:
                    yield PlannedTransaction(entry.label, entry.key, commands, self._noted, data=entry.data)
                else:
                    self._report.unchanged += 1

    @property
    def _findings(self) -> Findings:
        """Notes about the entry; most have none."""
        if self._noted is None:
            self._noted = Findings()
        return self._noted

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
        if is_change and (unmapped := self._unmapped_columns(entry)):
            self._findings.unmapped_columns.update(unmapped)
        moment = (entry.order_at, entry.place)
        created = self._created = self._records.created_at(moment)
        record = self._record = created if created is not None else self._find(entry)
        shared = self._shared_arguments(entry)
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

    # What all commands of an entry have in common

    def _shared_arguments(self, entry: Entry) -> dict[str, Any]:
        references, rest = self._references(entry)
        source_at = self._get_source_at(entry.data) if self._get_source_at else None
        named = ((name, get(entry.data)) for name, get in self._reference)
        reference = " ".join([f"{name}:{as_text(value)}" for name, value in named if value is not None])
        return {
            "effective_at": entry.when,
            "on_behalf_of": self._author(entry),
            "note": self._note(entry, rest),
            "source": Source(
                system=self._mapping.system,
                reference=self._cut(entry, "reference", reference, MAX_REFERENCE_CHARACTERS) or None,
                at=self._read_source_time(entry, source_at),
            ),
            "references": references,
        }

    def _author(self, entry: Entry) -> str | None:
        """Return who made the change: a person or a service; None if it is not known."""
        who = author_of(self._get_who(entry.data)) if self._get_who else ""
        if not who:
            return None
        if who in self._authors:
            return self._authors[who]
        author = self._read_author(entry, who)
        if not self._people.has_erased and author is not None and len(self._authors) < MAX_AUTHORS_KEPT:
            self._authors[who] = author
        return author

    def _read_author(self, entry: Entry, who: str) -> str | None:
        if self._parser.is_empty(who):
            return None
        service = self._people.find_service(who)
        if service is not None:
            return f"service:{service}"
        if self._people.is_erased(who) and not self._is_imported(entry.key):
            return None
        name = self._people.person_name(who)
        if name is None:
            self._warn(entry, f"the author is not a name of at most 300 characters: {who[:SHOWN_CHARACTERS]!r}")
        return name

    def _unmapped_columns(self, entry: Entry) -> list[str]:
        """Return the columns of an entry that the mapping does not name. Most entries have the same columns."""
        columns = tuple(entry.own)
        if columns not in self._unmapped_by_columns:
            if len(self._unmapped_by_columns) >= MAX_COLUMN_SETS:
                self._unmapped_by_columns.clear()
            self._unmapped_by_columns[columns] = sorted(set(columns) - self._mapped_columns)
        return self._unmapped_by_columns[columns]

    def _note(self, entry: Entry, rest: list[str]) -> str | None:
        texts = [as_text(value) for _, get in self._notes if (value := get(entry.data))]
        if not texts and not rest:
            return None
        note = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", "\n".join([*texts, *rest]))
        return self._cut(entry, "note", note, MAX_NOTE_CHARACTERS) if note.strip() else None

    def _cut(self, entry: Entry, what: str, text: str, limit: int) -> str:
        """Return a text up to its limit. What is cut off is reported, and the change is kept."""
        if len(text) <= limit:
            return text
        self._warn(entry, f"{what}: {len(text)} characters; only the first {limit} are kept")
        return text[: limit - len(CUT)] + CUT

    def _warn(self, entry: Entry, message: str) -> None:
        self._findings.warnings.append(Remark(entry.label, message))

    def _read_source_time(self, entry: Entry, value: Any) -> Any:
        if value in (None, ""):
            return None
        try:
            return self._times.read(value)
        except ValueError as error:
            self._warn(entry, f"column {self._columns.source_at!r}: {error}")
            return None

    def _references(self, entry: Entry) -> tuple[tuple[Reference, ...], list[str]]:
        """Return the references in the reference columns and the unmapped columns, and the texts that are none."""
        references: list[Reference] = []
        rest: list[str] = []
        named = [(name, get(entry.data)) for name, get in self._references_of]
        if entry.kind != CREATED and self._mapping.file.rows == "changes":
            named += [(name, entry.own[name]) for name in self._unmapped_columns(entry)]
        for name, value in named:
            if not value:
                continue
            text = as_text(value)
            try:
                reference = Reference(system=name, id=text)
            except ValidationError:
                rest.append(f"{name}: {text}")
                continue
            if len(references) < MAX_REFERENCES:
                references.append(reference)
            else:
                rest.append(f"{name}: {text}")
        return tuple(references), rest

    # From an entry to commands

    def _create_record(self, entry: Entry, record: TrackerRecord, shared: dict[str, Any]) -> tuple[Command, ...]:
        if record.subjects and not record.is_from_log:
            self._findings.reused_names.append(Remark(entry.label, f"{entry.record} is created again, unchanged"))
        elif self._records.is_reused(record):
            self._findings.reused_names.append(
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
            self._findings.reused_names.append(Remark(entry.label, message))
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
            contradicted[name] = self._cut(entry, name, said, MAX_VALUE_CHARACTERS)
            previous = as_text(record.values.get(name))
            message = f"{entry.record} {name}: from {as_text(before)}, but the previous value is {previous}"
            self._findings.contradictions.append(Remark(entry.label, self._people.redact(message)))
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
        rules = self._rules_for(name)
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
        kind, rule = next(iter(self._rules_for(entry.field).items()))
        subject = record.subjects.get(kind)
        return self._logged_value(subject, rule.field, entry.at) if subject else None

    def _row_of_record(
        self, entry: Entry, record: TrackerRecord | None, created: TrackerRecord | None, shared: dict[str, Any]
    ) -> tuple[Command, ...]:
        """Return the commands for a row of a list of records: when it was created, or the state that it has now."""
        record = record or created
        if record is None:
            raise SkippedLine(f"{entry.record} changes, but no row has created it")
        values = {name: value for name, value in entry.own.items() if name not in self._mapped_columns}
        values = {name: value for name, value in values.items() if value not in (None, "")}
        if entry.kind == CREATED:
            values = {
                name: value
                for name, value in values.items()
                if any(rule.field == "title" for rule in self._rules_for(name).values())
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
        rules = self._rules_for(name)
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
                rules = self._rules_for(name)
                if kind in rules:
                    changes.append(
                        self._field_change(entry, kind, name, value, contradicted.get(name), commands, shared)
                    )
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

    def _field_change(
        self,
        entry: Entry,
        kind: str,
        name: str,
        value: Any,
        contradicts: str | None,
        commands: list[Command],
        shared: dict[str, Any],
    ) -> ImportedChange:
        """Return the change of one field that subjects of a kind have. Releases named for the first time are created before."""
        rules = self._rules_for(name)
        rule = rules[kind]
        parsed, known = self._parse(rule, self._without_erased(entry, rule, value))
        if kind == next(iter(rules)):
            self._count_findings(name, parsed)
        if parsed.releases:
            commands += self._create_releases(parsed, entry, shared)
        if known is not None and contradicts is None:
            return known
        change = {key: self._fit(entry, name, part) for key, part in parsed.change.items()}
        return ImportedChange(field=rule.field, contradicts=contradicts, **change)

    def _parse(self, rule: FieldRule, value: Any) -> tuple[ParsedValue, ImportedChange | None]:
        """Return what a value means, and its change of the field if that was built for an earlier line.

        Tracker files repeat few values many times. The record that a name means differs from line to line, and a long
        value is cut with a warning at each line, so neither is kept.
        """
        key = _key_of_value(value)
        if key is None or rule.as_ == "records":
            return self._parser.parse(rule, value), None
        known = self._parsed.get((id(rule), key))
        if known is None:
            if len(self._parsed) >= MAX_VALUES_KEPT:
                self._parsed.clear()
            parsed = self._parser.parse(rule, value)
            change = {name: _storable(part) for name, part in parsed.change.items()}
            known = self._parsed[id(rule), key] = parsed, ImportedChange(field=rule.field, **change)
        return known

    def _without_erased(self, entry: Entry, rule: FieldRule, value: Any) -> Any:
        """Return a list of people without those who were erased."""
        if rule.as_ != "people" or value is None or not self._people.has_erased:
            return value
        members = self._parser.split(rule, value)
        if not any(map(self._people.is_erased, members)) or self._is_imported(entry.key):
            return value
        return [member for member in members if not self._people.is_erased(member)]

    def _fit(self, entry: Entry, name: str, part: Any) -> Any:
        """Return a part of a value up to its limits."""
        if isinstance(part, str):
            if len(part) <= MAX_VALUE_CHARACTERS and part.isascii() and "\x00" not in part:
                return part
            return self._cut(entry, name, _storable(part), MAX_VALUE_CHARACTERS)
        if isinstance(part, list | tuple) and len(part) > 1000:  # noqa: PLR2004
            self._warn(entry, f"{name}: {len(part)} members; only the first 1000 are kept")
            part = part[:1000]
        if isinstance(part, list | tuple):
            return type(part)(self._fit(entry, name, one) for one in part)
        return part

    def _rules_for(self, name: str) -> dict[str, FieldRule]:
        """Return the rules for a field by kind of subject. An unmapped field becomes an attribute of the first."""
        if name not in self._rules:
            found = {subject.kind: subject.find_rule(name) for subject in self._mapping.subject}
            self._rules[name] = {kind: rule for kind, rule in found.items() if rule is not None}
            if not self._rules[name]:
                attribute = self._attributes.get(name) or field_name_part(name)
                self._rules[name] = {self._mapping.subject[0].kind: FieldRule(field=f"x.{attribute}")}
                self._unmapped.add(name)
        return self._rules[name]

    def _count_findings(self, name: str, parsed: ParsedValue) -> None:
        if name in self._unmapped:
            self._findings.unmapped_fields[name] += 1
        for value in parsed.unknown:
            self._findings.count_unknown_value(name, value)

    def _create_releases(self, parsed: ParsedValue, entry: Entry, shared: dict[str, Any]) -> Iterator[Command]:
        """Yield the commands that create releases, from the earliest time at which anything is planned for them."""
        for version in parsed.releases:
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


def _storable(part: Any) -> Any:
    """Return a part of a value without the characters that cannot be stored."""
    if isinstance(part, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", part)
    return type(part)(map(_storable, part)) if isinstance(part, list | tuple) else part


def _key_of_value(value: Any) -> Any:
    """Return what equals the key of another value only if both are the same; None if the value is long or nested."""
    if isinstance(value, str):
        return value if len(value) <= MAX_KEPT_CHARACTERS else None
    if not isinstance(value, list) or len(value) > MAX_KEPT_MEMBERS:
        return None
    is_plain = all(isinstance(one, str) and len(one) <= MAX_KEPT_CHARACTERS for one in value)
    return tuple(value) if is_plain else None


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
