"""`import changes`: the field-by-field history that a tracker exports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

from domain.any_subject import ImportChanges
from domain.errors import KeyReused
from domain.ids import key_of
from domain.messages import Source
from domain.product import DefineProduct, OrderReleases
from eventlog.entry import Caller, Receipt, Transaction
from interchange.import_batches import (
    LINES_PER_BATCH,
    PlannedTransaction,
    ProgressCallback,
    count_outcome,
    ensure_exist,
    send_batch,
)
from interchange.import_record import find_pending, record_import
from interchange.import_report import Findings, ImportReport, Remark, Remarks
from interchange.person_registration import find_erased, register_people, register_services, register_teams
from interchange.scratch import Scratch
from interchange.sink import ImportedSubject, ImportSink, require_import_right
from interchange.source_file import NotAHistoryError, SourceFile, recognize_file
from interchange.tracker.corrections import Corrector
from interchange.tracker.entries import Entry, EntryReader, Expand, id_part
from interchange.tracker.line_to_commands import LinePlanner
from interchange.tracker.mapping import Mapping, build_person_matcher, build_value_parser
from interchange.tracker.records import (
    KeyAllocator,
    LoggedOwner,
    LoggedRecord,
    Records,
    TrackerRecord,
    keys_of_identity,
)
from interchange.tracker.scan import AdditiveFields, FileScan, distinct_attribute_names, scan

MAX_COLUMNS_NAMED: Final = 12


async def import_changes(
    path: Path,
    mapping: Mapping,
    sink: ImportSink,
    caller: Caller,
    *,
    new_key: Callable[[], str],
    verbose: bool = False,
    progress: ProgressCallback = lambda _done, _all: None,
    lines_per_batch: int = LINES_PER_BATCH,
    expand: Expand | None = None,
) -> ImportReport:
    """Import a file. Lines that were imported before are left unchanged.

    An import may be stopped between two batches and started again: the lines imported so far are recognized by what
    they say. `new_key` makes random keys for new people. `verbose` also reports findings in lines that were imported
    before. `progress` is called while the file is read and between batches; an exception that it raises ends the import there. `expand` turns the
    rows of a known system into lines of its preset.

    Raises:
        Forbidden: the caller does not have the scope to import.
        NotAHistoryError: the file has no history that this mapping can read.
        OSError: the file cannot be read.
    """
    require_import_right(caller)
    file = mapping.file
    source = recognize_file(path, format_=file.format, encoding=file.encoding, delimiter=file.delimiter)
    report = ImportReport(dry_run=sink.is_dry_run, verbose=verbose)
    report.warnings += [Remark(None, message) for message in source.warnings]
    with Scratch() as scratch:
        run = _Import(source, mapping, sink, caller, report, expand, scratch)
        return await run.run(new_key, progress, lines_per_batch)


class _Import:
    """One import of one file."""

    def __init__(
        self,
        source: SourceFile,
        mapping: Mapping,
        sink: ImportSink,
        caller: Caller,
        report: ImportReport,
        expand: Expand | None,
        scratch: Scratch,
    ) -> None:
        self._mapping = mapping
        self._scratch = scratch
        self._sink = sink
        self._caller = caller
        self._report = report
        self._path = source.path
        self._reader = EntryReader(source, mapping, expand, now=sink.now())
        self._findings = Findings(warnings=Remarks(report.warnings))
        """What was noticed in all lines, also in those that were imported before."""
        self._people = build_person_matcher(mapping)
        self._is_repeated = bool(sink.keys_with_prefix(mapping.system, ""))

    async def run(self, new_key: Callable[[], str], progress: ProgressCallback, lines_per_batch: int) -> ImportReport:
        pending = list(find_pending(self._sink, self._mapping.system))
        self._reader.pending = [one.data for one in pending]
        self._reader.on_read = lambda lines: progress(lines, None)
        found = scan(self._reader, self._mapping, self._scratch, with_keys=self._is_repeated)
        self._reader.on_read = lambda _lines: None
        self._require_history(found)
        progress(0, found.lines)
        await self._prepare(found, new_key)
        planner = LinePlanner(
            self._mapping,
            self._report,
            self._identify(found),
            self._people,
            times=self._reader.times,
            value_times=self._reader.value_times,
            attributes=distinct_attribute_names(found.unmapped),
            additive=self._additive(found),
            is_imported=lambda key: bool(self._sink.recorded_keys(self._mapping.system, [key])),
            logged_value=self._logged_value,
            first_values=found.first_values.get if self._reader.is_known_system else None,
        )
        planned = planner.plan(self._in_order(found))
        corrector = Corrector(self._mapping.system, self._sink, self._caller, self._report)
        while batch := list(islice(planned, lines_per_batch)):
            await self._send(batch, corrector)
            progress(self._report.lines, found.lines)
        progress(found.lines, found.lines)
        self._report.left_out = Counter(self._reader.left_out)
        self._findings.left_out = self._report.left_out
        for example, order in found.orders.items():
            message = f"dates such as {example!r} show that the {order} comes first, and all dates were read that way"
            self._report.warnings.append(Remark(None, message))
        if self._reader.times.assumed_utc:
            message = (
                "times without a zone were read as UTC; set `--zone`, or `time.zone` in a mapping, if they are not"
            )
            self._report.warnings.append(Remark(None, message))
        await record_import(
            self._sink,
            self._caller,
            self._report,
            self._findings,
            system=self._mapping.system,
            title=self._path.name,
            digest=self._reader.digest,
            product=self._mapping.product.key,
            pending=pending,
            redact=self._people.redact,
        )
        return self._report

    def _require_history(self, found: FileScan) -> None:
        """Check that the file has any line that the mapping can read.

        Raises:
            NotAHistoryError: it has none.
        """
        if found.readable:
            return
        if found.first_error and self._reader.is_known_system and found.problems < found.lines:
            raise NotAHistoryError(f"{self._path}: no row of this file can be read: {found.first_error}")
        if self._reader.is_known_system and found.problems == found.lines:
            raise NotAHistoryError(self._describe_other_export(found))
        if not found.lines or not found.columns:
            what = "no line of this file is a JSON object" if found.lines else "the file has no lines"
            raise NotAHistoryError(f"{self._path}: {what}.")
        columns = self._mapping.columns
        wanted = [
            name
            for name in (columns.when, columns.record)
            if name.partition(".")[0].partition("[")[0] not in found.columns
        ]
        if not wanted:
            return
        named = ", ".join(list(found.columns)[:MAX_COLUMNS_NAMED])
        more = ", …" if len(found.columns) > MAX_COLUMNS_NAMED else ""
        raise NotAHistoryError(
            f"{self._path}: no line has the column {wanted[0]!r} that the mapping names. Its columns are {named}{more}."
        )

    def _describe_other_export(self, found: FileScan) -> str:
        """Return why the file is not an export of a known system."""
        columns = list(found.columns)[:MAX_COLUMNS_NAMED]
        has = [f"it has the columns {', '.join(columns)}"] if columns else []
        has += [f"{count} x {what}" for what, count in self._reader.left_out.most_common(3)]
        return (
            f"{self._path}: this is not an export that this command can read{': ' if has else ''}{'; '.join(has)}. See --help for how to "
            "export the history; `decisionlog import changes --suggest-mapping FILE` proposes a mapping for any other file."
        )

    def _in_order(self, found: FileScan) -> Iterator[Entry]:
        """Yield the entries by their time, and those of the same time by their place in the file."""
        return self._reader.read() if found.spool is None else found.spool.read(backwards=found.order == "reversed")

    def _additive(self, found: FileScan) -> set[str]:
        if found.order == "sorted" or not found.additive:
            return found.additive
        fields = AdditiveFields(self._mapping, self._scratch)
        for entry in self._in_order(found):
            if not entry.error:
                fields.add(entry)
        return fields.names()

    # Records

    def _identify(self, found: FileScan) -> Records:
        """Return the records of the file, each with its key, and those of earlier imports that the file names."""
        creates_unknown = self._mapping.kinds.unknown_records == "create" or self._mapping.file.rows == "records"
        implied = found.implied_creations if creates_unknown else lambda: iter(())
        records = Records(self._scratch, chain(found.events(), implied()))
        logged = self._find_logged_records(records, found) if self._is_repeated else []
        if logged:
            known = {name for one in logged for _, name in one.names} | {one.identity for one in logged if one.identity}
            new = (one for one in implied() if one.name not in known and one.identity not in known)
            records = Records(self._scratch, chain(found.events(), new), logged)
        allocator = KeyAllocator(self._scratch, self._mapping.system, self._find_owner)
        for record in records.from_log():
            allocator.reserve(record.key)
        for record in records.all():
            allocator.allocate(record)
            if record.identity is not None and self._is_repeated:
                self._continue_record(record)
            records.put(record)
        return records

    def _find_logged_records(self, records: Records, found: FileScan) -> list[LoggedRecord]:
        """Return the records of earlier imports that the file refers to and does not create."""
        if self._mapping.columns.identity is not None:
            return self._find_identified(records, found)
        missing = {name for name in found.names() if name and not records.has_borne(name)}
        return self._find_named(missing) if missing else []

    def _continue_record(self, record: TrackerRecord) -> None:
        """Let a record with an id of its own go on in the subjects that an earlier import has given it."""
        for subject in self._mapping.subject:
            state = self._sink.state(f"{subject.kind}:{record.key}")
            started = state.started_at()
            if started is not None and started < record.began:
                record.subjects[subject.kind] = state.subject
                record.is_from_log = True

    def _find_named(self, wanted: set[str]) -> list[LoggedRecord]:
        """Return the records of earlier imports from the same system that bore any of some names."""
        by_key: dict[str, list[ImportedSubject]] = {}
        for table in self._mapping.subject:
            for subject in self._sink.imported_subjects(table.kind):
                if subject.system == self._mapping.system and subject.created is not None:
                    by_key.setdefault(key_of(subject.subject), []).append(subject)
        logged = []
        for key, subjects in by_key.items():
            first = subjects[0]
            if first.created is not None and wanted & {name for _, name in first.names}:
                kinds = tuple(one.subject.partition(":")[0] for one in subjects)
                logged.append(LoggedRecord(key, kinds, first.created, first.names, first.removals[1:]))
        return logged

    def _find_identified(self, records: Records, found: FileScan) -> list[LoggedRecord]:
        """Return the records of earlier imports by the ids of their own that no line of the file creates."""
        logged = []
        for line in found.lines_of_records():
            if line.identity is None or records.has_identity(line.identity):
                continue
            for key in keys_of_identity(self._mapping.system, line.identity):
                subjects = [
                    one
                    for table in self._mapping.subject
                    if (one := self._sink.imported_subject(f"{table.kind}:{key}")) is not None
                    and one.system == self._mapping.system
                ]
                if subjects and subjects[0].created is not None:
                    first, kinds = subjects[0], tuple(one.subject.partition(":")[0] for one in subjects)
                    created = subjects[0].created
                    logged.append(LoggedRecord(key, kinds, created, first.names, first.removals[1:], line.identity))
                    break
        return logged

    def _find_owner(self, key: str) -> LoggedOwner | None:
        for table in self._mapping.subject:
            found = self._sink.imported_subject(f"{table.kind}:{key}")
            if found is not None:
                return LoggedOwner(found.system, found.names[0][1] if found.names else None, found.created)
        return None

    def _logged_value(self, subject: str, field: str, at: int) -> Any:
        row = self._sink.state(subject).row_at(field, at)
        if row is None:
            return None
        return row.value if row.source_value is None else row.source_value

    # Preparing and sending

    async def _prepare(self, found: FileScan, new_key: Callable[[], str]) -> None:
        """Register the product, the teams, the services and the people that the lines name."""
        product = self._mapping.product
        define = DefineProduct(
            key=product.key, title=product.title, description=product.description, effective_at=found.since
        )
        sink, caller, report = self._sink, self._caller, self._report
        await ensure_exist([(define,)], sink, caller, report)
        teams = ((key, title, first.at) for key, (title, first) in found.teams.items())
        await register_teams(teams, sink, caller, report)
        services = ((key, title, first.at) for key, (title, first) in found.services.items())
        await register_services(services, self._mapping.system, sink, caller, report)
        if self._is_repeated:
            keys = {spelling: first.key for spelling, first in found.people.items()}
            find_erased(keys, self._people, self._mapping.system, sink, report)
        people = {spelling: first.at for spelling, first in found.people.items()}
        await register_people(self._people, people, sink, caller, new_key, report)
        await send_batch(list(_release_order(self._mapping, found)), sink, caller, report)

    async def _send(self, batch: list[PlannedTransaction], corrector: Corrector) -> None:
        """Send a batch. A line that has another meaning than before is recorded as a correction."""
        if self._is_repeated:
            batch = self._without_changed_lines(batch)
        sent = [Transaction(planned.commands, self._caller, planned.key) for planned in batch]
        results = await self._sink.execute_many(sent)
        corrections = await corrector.find_corrections(batch, results)
        for planned, first in zip(batch, results, strict=True):
            count, result = corrections.get(planned.key or "", (0, first))
            is_new = isinstance(result, Receipt) and not result.replayed
            if isinstance(result, KeyReused) or corrector.must_repeat(planned, result):
                corrector.add(planned, count)
            else:
                count_outcome(self._report, planned.label, result, planned.prefix, planned.data)
            if planned.findings is not None:
                self._findings.add(planned.findings)
                if self._report.verbose or is_new:
                    self._report.add(planned.findings)
        await corrector.send()

    def _without_changed_lines(self, batch: list[PlannedTransaction]) -> list[PlannedTransaction]:
        """Return the lines whose id is new or known with the same content; the others are refused."""
        recorded = self._sink.recorded_keys(self._mapping.system, [planned.key for planned in batch if planned.key])
        kept = []
        for planned in batch:
            prefix = id_part(planned.key) if planned.key and planned.key not in recorded else None
            if prefix is not None and self._sink.keys_with_prefix(self._mapping.system, prefix):
                message = "was imported before with different content: the line has changed"
                self._report.rejected.append(Remark(planned.label, message, planned.data))
            else:
                kept.append(planned)
        return kept


def _release_order(mapping: Mapping, found: FileScan) -> Iterator[PlannedTransaction]:
    """Yield the transaction that orders the product's releases, if the mapping lists them.

    A release that no line names is created now.
    """
    if not mapping.product.releases:
        return
    parser = build_value_parser(mapping, build_person_matcher(mapping), lambda _: None)
    versions = [parser.release_version(name) or name for name in mapping.product.releases]
    source = Source(system=mapping.system)
    named = {parser.release_id(version) for version in found.releases}
    releases = [parser.release_id(version) for version in versions]
    create = [
        ImportChanges(subject=release, changes=parser.release_changes(version), source=source)
        for release, version in zip(releases, versions, strict=True)
        if release not in named
    ]
    order = OrderReleases(
        subject=f"product:{mapping.product.key}", releases=tuple(releases), effective_at=found.since, source=source
    )
    digest = sha256(f"{found.since} {versions}".encode()).hexdigest()[:40]
    yield PlannedTransaction(None, f"releases:{digest}", (*create, order), prefix="the order of releases: ")
