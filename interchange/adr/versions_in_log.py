"""What the log had of the versions of records before an import."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from domain.any_subject import ImportChanges, ImportedChange
from domain.fields import FieldRow
from domain.names import normalize_name
from domain.values import ERASED, to_micros
from eventlog.entry import Entry
from interchange.adr.record_identity import TrackedRecord
from interchange.adr.record_versions import RecordVersion
from interchange.sink import ImportSink


class VersionsInLog:
    """The versions and records that were in the log before this import.

    A log on another machine cannot be read; then its keys alone decide, when a version is sent.
    """

    def __init__(
        self, versions: Sequence[RecordVersion], records: Sequence[TrackedRecord], system: str, sink: ImportSink
    ) -> None:
        self._sink = sink
        keys = [version.key for version in versions if version.key is not None]
        self._keys = sink.recorded_keys(system, keys) if sink.is_readable else {}
        self._references = {version.reference for version in versions}
        subjects = {record.subject for record in records} if sink.is_readable else set()
        self._subjects = {subject for subject in subjects if sink.state(subject).version}
        self._replaced: dict[str, list[Entry]] = {}
        self._latest_keys = {
            record.subject: version.key for version, record in zip(versions, records, strict=True) if version.key
        }

    def has_record(self, subject: str) -> bool:
        """Whether a record was in the log."""
        return subject in self._subjects

    def has_history(self, subject: str) -> bool:
        """Whether a record has versions in its history, besides its current file."""
        return subject in self._latest_keys

    def has_latest_version(self, subject: str) -> bool:
        """Whether the last version of a record's history was in the log."""
        return self._latest_keys.get(subject) in self._keys

    def has_rewritten(self, version: RecordVersion, commands: Sequence[ImportChanges]) -> bool:
        """Whether a commit has a new id, and the log has its changes from the commit that it replaced.

        A commit that is amended or rebased keeps the time at which it was written.
        """
        if not self._subjects or not version.is_from_git or version.written_at is None or version.key in self._keys:
            return False
        return all(self._has_changes(command, to_micros(version.written_at)) for command in commands)

    def _has_changes(self, command: ImportChanges, written_at: int) -> bool:
        if command.subject not in self._subjects:
            return False
        if command.subject not in self._replaced:
            self._replaced[command.subject] = self._find_replaced(command.subject)
        rows = self._sink.state(command.subject).rows
        return any(
            all(
                any(
                    row.position == entry.position and self.has_value(row, change) for row in rows.get(change.field, ())
                )
                for change in command.changes
            )
            for entry in self._replaced[command.subject]
            if entry.metadata.source.at == written_at
        )

    def _find_replaced(self, subject: str) -> list[Entry]:
        """Return the entries of a record from commits that are not in the history any more."""
        entries = [self._sink.entry(position) for position in self._sink.state(subject).events]
        return [
            entry
            for entry in entries
            if entry is not None
            and (entry.metadata.source.reference or "").startswith("commit:")
            and entry.metadata.source.reference not in self._references
        ]

    def has_value(self, row: FieldRow | None, change: ImportedChange) -> bool:
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
