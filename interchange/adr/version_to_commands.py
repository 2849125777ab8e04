"""Turn each version of a decision record into the commands that record what changed: one version, one transaction."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from pydantic import ValidationError

from domain.any_subject import ImportChanges, ImportedChange
from domain.decision_messages import SUPERSEDED, SUPERSEDED_BY
from domain.fields import EXISTS, STATUS, SubjectState
from domain.messages import Reference, Source
from domain.values import from_micros, to_micros
from interchange.adr.keyword_tables import RELATIONS
from interchange.adr.record_fields import RecordFieldReader, RecordFields
from interchange.adr.record_identity import LinkResolver, TrackedRecord
from interchange.adr.record_versions import RecordVersion
from interchange.adr.versions_in_log import VersionsInLog
from interchange.import_batches import PlannedTransaction, SkippedLine, split_changes
from interchange.import_report import Findings, ImportReport, Remark, describe_errors
from interchange.sink import ImportSink
from interchange.value_parsers import field_name_part

IMPORT_FIELDS: Final = frozenset({EXISTS, "products", "aliases"})
"""Fields that an import sets in every record, whatever its text says."""
LINK_FIELDS: Final = frozenset(RELATIONS.values()) - {"supersedes"}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

Steps = Mapping[datetime | None, Sequence[ImportedChange]]
"""The changes of a version by the time at which they take effect; None is the time of the import."""


class VersionPlanner:
    """Plans the transactions for the versions of the records of one folder."""

    def __init__(
        self,
        reader: RecordFieldReader,
        links: LinkResolver,
        versions: Sequence[RecordVersion],
        records: Sequence[TrackedRecord],
        *,
        system: str,
        product: str | None,
        report: ImportReport,
        sink: ImportSink,
    ) -> None:
        """`versions` are all that will be planned, and `records` those that they belong to; `links` has none of them yet."""
        self._reader = reader
        self._links = links
        self._system = system
        self._product = product
        self._report = report
        self._sink = sink
        self._by_subject = {record.subject: record for record in records}
        self._in_log = VersionsInLog(versions, records, system, sink)
        self._begins: dict[str, datetime | None] = {}
        for version, record in zip(versions, records, strict=True):
            self._begins.setdefault(record.subject, version.at)

    def plan(self, versions: Sequence[RecordVersion], records: Sequence[TrackedRecord]) -> Iterator[PlannedTransaction]:
        """Yield the transactions for some versions; none for a version that changes nothing.

        A version from the history is compared with the one before it. A current file is compared with the log, so it
        must be planned after all of its history was sent.
        """
        for _, group in groupby(zip(versions, records, strict=True), key=lambda pair: _moment(pair[0])):
            pairs = list(group)
            self._links.add([version for version, _ in pairs], [record for _, record in pairs])
            for version, record in pairs:
                if version.key is None:
                    self._note_successors(version, record)
            for version, record in pairs:
                is_new_name = version.name != record.name and not version.is_removal
                yield from self._plan_version(version, record)
                if is_new_name and version.key is not None:
                    yield from self._plan_late_links(version, record)

    def plan_differences(
        self, versions: Sequence[RecordVersion], records: Sequence[TrackedRecord]
    ) -> Iterator[PlannedTransaction]:
        """Yield the differences between the latest versions and the log, after all versions were sent.

        They differ if the log has versions that are not in this history, such as those of another branch, or if a version
        was read differently when it was imported. Left out are records with a version that was rejected, so that it can
        still be imported, and records that are managed in the log, which no longer follow their files.
        """
        rejected = {remark.line for remark in self._report.rejected}
        waiting = {
            record.subject for version, record in zip(versions, records, strict=True) if version.label in rejected
        }
        latest = {record.subject: version for version, record in zip(versions, records, strict=True)}
        for subject, version in latest.items() if self._sink.is_readable else ():
            record = self._by_subject[subject]
            if not record.is_created or subject in waiting or self._sink.state(subject).is_managed:
                continue
            version = replace(version, key=None)  # noqa: PLW2901
            if self._in_log.has_latest_version(subject):  # its author did not make this change
                version = replace(version, who=None, written_at=None)  # noqa: PLW2901
            fields = RecordFields(changes=dict(record.changes))
            self._add_successors(record, fields)
            changes = self._changes_from_log(version, record, fields)
            try:
                commands = tuple(self._commands(version, record, changes))
            except ValidationError:
                continue  # reported with the version that says this
            if commands:
                self._report.lines += 1
                yield PlannedTransaction(version.label, None, commands)

    def _plan_version(self, version: RecordVersion, record: TrackedRecord) -> Iterator[PlannedTransaction]:
        self._report.lines += 1
        findings = Findings()
        try:
            changes = self._changes(version, record, findings)
            commands = (*self._commands(version, record, changes), *self._supersede_others(version, record, changes))
        except SkippedLine as reason:
            self._report.skipped.append(Remark(version.label, str(reason)))
        except ValidationError as error:
            self._report.rejected.append(Remark(version.label, describe_errors(error)))
        else:
            if commands and not self._in_log.has_rewritten(version, commands):
                yield PlannedTransaction(version.label, version.key, commands, findings)
            else:
                self._report.unchanged += 1

    def _plan_late_links(self, version: RecordVersion, record: TrackedRecord) -> Iterator[PlannedTransaction]:
        """Yield the links of earlier versions that mean this record from this version on."""
        commands: list[ImportChanges] = []
        for subject in self._links.find_waiting(version.name):
            other = self._by_subject.get(subject, record)
            if other is record or not other.is_created or other.is_removed:
                continue
            fields = self._reader.read(other.fields, other.name)
            self._links.end_version(subject)
            self._add_successors(other, fields)
            late = _difference(fields.changes, other.changes)
            other.changes, other.supersedes = fields.changes, fields.supersedes
            commands += [self._command(subject, group, version, version.at) for group in split_changes(late)]
            commands += self._supersede_others(version, other)
        if self._sink.is_readable:
            commands = [command for command in commands if not self._sink.state(command.subject).is_managed]
        if any(self._is_missing(command) for command in commands):
            self._report.lines += 1
            yield PlannedTransaction(version.label, f"{version.key}:links", tuple(commands))

    def _is_missing(self, command: ImportChanges) -> bool:
        """Whether the log lacks some changes at their time. If it cannot be read, their key decides."""
        if not self._sink.is_readable:
            return True
        state = self._sink.state(command.subject)
        at = to_micros(command.effective_at) if command.effective_at else self._sink.now()
        return any(not self._in_log.has_value(state.row_at(change.field, at), change) for change in command.changes)

    def _note_successors(self, version: RecordVersion, record: TrackedRecord) -> None:
        """Note which records a current file supersedes, before any of them is compared with the log."""
        for subject in self._reader.superseded_by_this(version.fields, version.name):
            if subject in self._by_subject:
                self._by_subject[subject].said_successors.add(record.subject)

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
            self._links.end_version(record.subject)
        record.name = version.name
        return changes

    def _supersede_others(
        self, version: RecordVersion, record: TrackedRecord, changes: Sequence[ImportedChange] = ()
    ) -> Iterator[ImportChanges]:
        """Yield the changes of records that this version supersedes, and that do not mention it themselves."""
        for subject in () if version.is_removal else record.supersedes:
            other = self._by_subject.get(subject)
            if other is None or record.subject in other.successors or other is record:
                continue
            own = other.changes.get(SUPERSEDED_BY)
            named = own.subjects or () if own is not None else ()
            other.successors[record.subject] = None
            other.said_successors.add(record.subject)
            if record.subject in named or not other.is_created:
                continue
            every = tuple(dict.fromkeys((*named, *other.successors)))
            change = ImportedChange(field=SUPERSEDED_BY, subjects=every)
            if version.key is not None:
                yield self._command(subject, (change,), version, version.at)
            elif not self._in_log.has_value(self._sink.state(subject).latest_row(SUPERSEDED_BY), change):
                at = self._supersession_time(version, record, changes, subject, every)
                yield self._command(subject, (change,), version, at)

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
        if version.is_removal:
            removal = ImportedChange(field=EXISTS, value=False)
            return [] if self._in_log.has_value(state.latest_row(EXISTS), removal) else [removal]
        self._keep_successors(state, record, fields)
        wanted = {change.field: change for change in self._creating_changes(version)} | fields.changes
        changes = [
            change for name, change in wanted.items() if not self._in_log.has_value(state.latest_row(name), change)
        ]
        changes += [
            ImportedChange(field=name)
            for name in state.rows.keys() - wanted.keys() - IMPORT_FIELDS
            if not self._in_log.has_value(state.latest_row(name), ImportedChange(field=name))
        ]
        if self._links.has_lost_links(record.subject) and all(change.field in LINK_FIELDS for change in changes):
            # only other files changed: what the links meant in an earlier import is not lost
            changes = [one for one in changes if not set(one.subjects or ()) < set(_links_of(state, one.field))]
        if changes and state.is_managed:
            raise SkippedLine(
                "the record has been managed in the log since it was changed there, and its file differs from the log"
            )
        return changes

    def _keep_successors(self, state: SubjectState, record: TrackedRecord, fields: RecordFields) -> None:
        """Keep the links of the log to records that say that they supersede this one."""
        linked = _links_of(state, SUPERSEDED_BY)
        own = fields.changes.get(SUPERSEDED_BY)
        named = own.subjects or () if own is not None else ()
        others = [one for one in linked if one not in named and one in record.said_successors]
        if others:
            every = tuple(one for one in linked if one in named or one in others)
            every = tuple(dict.fromkeys((*every, *named)))
            fields.changes[SUPERSEDED_BY] = ImportedChange(field=SUPERSEDED_BY, subjects=every)

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

    def _commands(
        self, version: RecordVersion, record: TrackedRecord, changes: Sequence[ImportedChange]
    ) -> Iterator[ImportChanges]:
        steps: Steps = {version.at: changes} if version.key is not None else self._steps(version, record, changes)
        for at in sorted(steps, key=_now_last):
            for group in split_changes(list(steps[at])):
                yield self._command(record.subject, group, version, at)

    def _command(
        self, subject: str, changes: tuple[ImportedChange, ...], version: RecordVersion, at: datetime | None
    ) -> ImportChanges:
        who = self._reader.people.person_name(version.who) if version.who else None
        return ImportChanges(
            subject=subject,
            changes=changes,
            effective_at=at,
            on_behalf_of=who,
            source=Source(system=self._system, reference=version.reference, at=version.written_at),
            references=tuple(_references(version)),
        )

    # When what a current file says took effect

    def _steps(self, version: RecordVersion, record: TrackedRecord, changes: Sequence[ImportedChange]) -> Steps:
        """Return the changes of a current file by time. A link begins no earlier than its target.

        A record is superseded from the time at which its successor began. It was accepted until then, if the log has
        nothing of it before.
        """
        state = self._sink.state(record.subject)
        base = supersession = self._base_time(version, record, changes, state)
        is_same_text = all(_is_link(change) for change in changes)
        steps: dict[datetime | None, list[ImportedChange]] = {base: []}
        for change in changes:
            parts = {base: change}
            if _is_link(change):
                parts = self._link_steps(change, base, state, is_same_text=is_same_text)
            if change.field == SUPERSEDED_BY:
                supersession = min(parts, key=_now_last)
            for at, part in parts.items():
                steps.setdefault(at, []).append(part)
        status = next((change for change in changes if change.field == STATUS and change.value == SUPERSEDED), None)
        if status is not None and supersession != base:
            steps[base].remove(status)
            steps[supersession].append(status)
            if not state.version:
                steps[base].append(ImportedChange(field=STATUS, value="accepted"))
        return {at: some for at, some in steps.items() if some}

    def _base_time(
        self, version: RecordVersion, record: TrackedRecord, changes: Sequence[ImportedChange], state: SubjectState
    ) -> datetime | None:
        """Return the time of a current file's changes: its date, if that is new to the log; else None, for now."""
        if version.at is None or not state.version:
            return version.at
        at, latest = to_micros(version.at), _latest(state, *state.rows)
        if self._in_log.has_history(record.subject):
            is_new = at >= latest and not self._in_log.has_latest_version(record.subject)
        else:
            is_new = at > latest and any(change.field == "x.date" for change in changes)
        return version.at if is_new else None

    def _link_steps(
        self, change: ImportedChange, base: datetime | None, state: SubjectState, *, is_same_text: bool
    ) -> dict[datetime | None, ImportedChange]:
        """Return the targets of a field by time, each with those before."""
        held = _links_of(state, change.field)
        subjects = change.subjects or ()
        latest = _latest(state, change.field, STATUS, EXISTS)
        begins = {one: self._begin(one) for one in subjects if one not in held}
        times: dict[str, datetime | None] = {}
        for one, begin in begins.items():
            if base is not None and begin is not None:
                times[one] = max(base, begin)
            else:  # the record is changed now; only a target that is as new may have begun before
                is_news = is_same_text or not self._in_log.has_record(one)
                is_after = state.version and begin is not None and to_micros(begin) > latest
                times[one] = begin if is_news and is_after else None
        return {
            at: change.model_copy(
                update={"subjects": tuple(one for one in subjects if _now_last(times.get(one, at)) <= _now_last(at))}
            )
            for at in (set(times.values()) or {base})
        }

    def _supersession_time(
        self,
        version: RecordVersion,
        record: TrackedRecord,
        changes: Sequence[ImportedChange],
        other: str,
        successors: Sequence[str],
    ) -> datetime | None:
        """Return from when a record is superseded by others, because the current file of one says that."""
        state = self._sink.state(other)
        is_known = self._in_log.has_record(other)
        if self._in_log.has_record(record.subject) and not is_known:
            base = self._begin(record.subject)
        else:
            base = self._base_time(version, record, changes, self._sink.state(record.subject))
        at = max((base, self._begin(other), *map(self._begin, successors)), key=_now_last)
        if at is None or not is_known:
            return at
        return at if to_micros(at) > _latest(state, SUPERSEDED_BY, STATUS, EXISTS) else None

    def _begin(self, subject: str) -> datetime | None:
        """Return when a record began; None for now."""
        begin = self._sink.state(subject).started_at()
        return self._begins.get(subject) if begin is None else from_micros(begin)


def _moment(version: RecordVersion) -> str | datetime | None:
    """Return what is equal for versions that took effect together."""
    if version.key is None:
        return None
    return version.reference if version.is_from_git else version.at


def _now_last(at: datetime | None) -> tuple[bool, datetime]:
    """Return a key that sorts times, with None, which is the time of the import, at the end."""
    return (at is None, at or datetime.max.replace(tzinfo=UTC))


def _latest(state: SubjectState, *names: str) -> int:
    """Return the time of the latest change of some fields; before all times if there is none."""
    return max(
        (row.valid_from for name in names for row in state.rows.get(name, ())),
        default=to_micros(datetime.min.replace(tzinfo=UTC)),
    )


def _links_of(state: SubjectState, name: str) -> list[str]:
    """Return the records that a field links to in the log."""
    row = state.latest_row(name)
    return [str(one) for one in row.value] if row is not None and isinstance(row.value, list) else []


def _is_link(change: ImportedChange) -> bool:
    return bool(change.subjects) and change.field in LINK_FIELDS


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
