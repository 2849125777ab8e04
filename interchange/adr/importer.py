"""`import madr` and `import nygard`: a folder of decision records and its history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from domain.people import RegisterTeam
from domain.product import DefineProduct
from domain.values import Timestamp
from eventlog.entry import Caller
from interchange.adr.history import read_history
from interchange.adr.record_fields import RecordFieldReader, team_key_of
from interchange.adr.record_identity import build_link_resolver, identify_records
from interchange.adr.record_versions import RecordVersion
from interchange.adr.version_to_commands import VersionPlanner
from interchange.import_batches import ProgressCallback, ensure_exist, send_batch
from interchange.import_report import ImportReport
from interchange.person_matching import build_registrations
from interchange.sink import ImportSink, require_import_right

VERSIONS_PER_BATCH: Final = 100
"""Fewer than lines of a tracker, because a version of a record may be long."""


async def import_records(
    folder: Path,
    sink: ImportSink,
    caller: Caller,
    *,
    system: str,
    new_key: Callable[[], str],
    product: str | None = None,
    verbose: bool = False,
    progress: ProgressCallback = lambda _done, _all: None,
) -> ImportReport:
    """Import the records of a folder. Versions that were imported before are left unchanged.

    `system` names the collection of records: records of the same name in another system are other records. `product`
    is the key of the product that the records belong to; it is defined if it does not exist. `new_key` makes random
    keys for new people. `progress` is called between batches; an exception that it raises ends the import there.

    Raises:
        Forbidden: the caller does not have the scope to import.
        HistoryError: the folder is in a git repository, and its history cannot be read.
        OSError: a file cannot be read.
    """
    require_import_right(caller)
    report = ImportReport(dry_run=sink.is_dry_run, verbose=verbose, noun="version")
    history = read_history(folder)
    report.skipped += history.skipped
    report.warnings += history.warnings
    versions = history.versions
    records = identify_records(versions, system)
    resolve_link = build_link_resolver(versions, records)
    await _prepare(versions, product, sink, caller, new_key, report)
    planner = VersionPlanner(RecordFieldReader(_teams(versions), resolve_link), system, product, report, sink)
    pairs = list(zip(versions, records, strict=True))
    for is_current in (False, True):  # the current files are compared with the log, after their history was sent
        group = [(version, record) for version, record in pairs if (version.key is None) is is_current]
        planned = planner.plan([version for version, _ in group], [record for _, record in group])
        while batch := list(islice(planned, VERSIONS_PER_BATCH)):
            await send_batch(batch, sink, caller, report)
            progress(report.lines, len(versions))
    progress(len(versions), len(versions))
    return report


def _teams(versions: Sequence[RecordVersion]) -> dict[str, tuple[str, ...]]:
    """Return the spellings of the teams that the versions name, by key."""
    reader = RecordFieldReader({}, lambda _: None)
    found: dict[str, dict[str, None]] = {}
    for version in versions:
        for spelling, _ in reader.people_in(version.fields):
            key = team_key_of(spelling)
            if key is not None:
                found.setdefault(key, {}).setdefault(spelling)
    return {key: tuple(spellings) for key, spellings in found.items()}


async def _prepare(
    versions: Sequence[RecordVersion],
    product: str | None,
    sink: ImportSink,
    caller: Caller,
    new_key: Callable[[], str],
    report: ImportReport,
) -> None:
    """Register the product, the teams and the people that the versions name, from the time of the earliest version."""
    since: Timestamp | None = min((version.at for version in versions if version.at is not None), default=None)
    teams = _teams(versions)
    reader = RecordFieldReader(teams, lambda _: None)
    spellings = dict.fromkeys(version.who for version in versions if version.who)
    for version in versions:
        named = reader.people_in(version.fields)
        spellings.update(dict.fromkeys(spelling for spelling, team in named if team is None))
    if product is not None:
        define = DefineProduct(key=product, title=product, effective_at=since)
        await ensure_exist([(define,)], sink, caller, report)
    register = [(RegisterTeam(key=key, title=names[0], effective_at=since),) for key, names in teams.items()]
    report.teams_registered = await ensure_exist(register, sink, caller, report)
    people = reader.people.group_by_person(spellings)
    registrations = list(build_registrations(people, sink.known_spellings(), since, new_key))
    report.people_registered = await ensure_exist(registrations, sink, caller, report)
