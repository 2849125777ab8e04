"""`import madr` and `import nygard`: a folder of decision records and its history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Final

from domain.product import DefineProduct
from domain.values import to_micros
from eventlog.entry import Caller
from interchange.adr.history import read_history
from interchange.adr.keywords import DEFAULT_WORDS, Words
from interchange.adr.record_fields import RecordFieldReader, team_key_of
from interchange.adr.record_identity import LinkResolver, TrackedRecord, identify_records
from interchange.adr.record_versions import RecordHistory, RecordVersion
from interchange.adr.version_to_commands import VersionPlanner
from interchange.import_batches import ProgressCallback, ensure_exist, send_batch
from interchange.import_record import record_import
from interchange.import_report import ImportReport, Remark, count_of
from interchange.person_registration import find_erased, register_people, register_teams
from interchange.sink import ImportSink, require_import_right

Pair = tuple[RecordVersion, TrackedRecord]

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
    words: Words = DEFAULT_WORDS,
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
    history = read_history(folder, words)
    history.versions = settle_times(history.versions, sink.now(), history)
    report.skipped += history.skipped
    report.warnings += history.warnings
    versions = history.versions
    records = identify_records(versions, system)
    links = LinkResolver()
    reader = RecordFieldReader(_teams(versions), links.find, words)
    await _prepare(versions, product, reader, system, sink, caller, new_key, report)
    pairs = in_order_of_time(list(zip(versions, records, strict=True)))
    planner = VersionPlanner(reader, links, *_columns(pairs), system=system, product=product, report=report, sink=sink)
    past = [pair for pair in pairs if pair[0].key is not None]
    current = [pair for pair in pairs if pair[0].key is None]
    from_git = [pair for pair in past if pair[0].is_from_git]
    read_again = 0
    # the current files are compared with the log, after their history was sent
    for planned in (
        planner.plan(*_columns(past)),
        planner.plan(*_columns(current)),
        planner.plan_differences(*_columns(from_git)),
    ):
        while batch := list(islice(planned, VERSIONS_PER_BATCH)):
            read_again += await send_batch(batch, sink, caller, report, keep_known=sink.is_readable)
            progress(min(report.lines, len(versions)), len(versions))
    progress(len(versions), len(versions))
    if report.has_remarks:
        await _record(report, versions, system, folder.name, product, reader, sink, caller)
    if read_again:
        # about the past of the log, so not a remark to keep with this import
        message = (
            f"{count_of(read_again, 'version')} would be imported with other fields or links today; the log keeps what was"
            " imported, and the latest versions were compared with it"
        )
        report.warnings.append(Remark(None, message))
    return report


async def _record(
    report: ImportReport,
    versions: Sequence[RecordVersion],
    system: str,
    title: str,
    product: str | None,
    reader: RecordFieldReader,
    sink: ImportSink,
    caller: Caller,
) -> None:
    """Keep what the import has to say; an import of a folder without remarks is its versions alone."""
    position = await record_import(
        sink,
        caller,
        report,
        report,
        system=system,
        title=title or system,
        digest=_digest(versions),
        product=product,
        redact=reader.people.redact,
    )
    if position is not None:
        report.position = max(position, report.position or 0)


def in_order_of_time(pairs: list[Pair]) -> list[Pair]:
    """Return versions with their records, oldest first, so that each link is read among the records of its time.

    Commits are in the order of their ancestry already, and current files come last.
    """
    return sorted(pairs, key=lambda pair: _time_of_line(pair[0]))


def _time_of_line(version: RecordVersion) -> datetime:
    is_line = version.key is not None and not version.is_from_git
    return version.at if is_line and version.at is not None else datetime.max.replace(tzinfo=UTC)


def _columns(pairs: Sequence[Pair]) -> tuple[list[RecordVersion], list[TrackedRecord]]:
    return [version for version, _ in pairs], [record for _, record in pairs]


def _digest(versions: Sequence[RecordVersion]) -> str:
    """Return a hash of what a folder has: its versions and their texts."""
    said = sorted(f"{version.name}\n{version.key}\n{sorted(version.fields)}" for version in versions)
    return sha256("\n".join(said).encode(errors="replace")).hexdigest()


def _teams(versions: Sequence[RecordVersion]) -> dict[str, tuple[str, ...]]:
    """Return the spellings of the teams that the versions name, by key."""
    reader = RecordFieldReader({}, lambda _link, _origin: None)
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
    reader: RecordFieldReader,
    system: str,
    sink: ImportSink,
    caller: Caller,
    new_key: Callable[[], str],
    report: ImportReport,
) -> None:
    """Register the product, the teams and the people that the versions name, each from when it is first named."""
    people: dict[str, datetime | None] = {}
    teams: dict[str, tuple[str, datetime | None]] = {}
    keys: dict[str, str] = {}
    authors = ((version, [(version.who, None)]) for version in versions if version.who)
    named = ((version, reader.people_in(version.fields)) for version in versions)
    for version, names in chain(authors, named):
        for spelling, team in names:
            if team is None:
                people[spelling] = _earlier(people.get(spelling, version.at), version.at)
                keys.setdefault(spelling, version.key or "")
            else:
                title, at = teams.get(team, (spelling, version.at))
                teams[team] = (title, _earlier(at, version.at))
    if product is not None:
        since = min((version.at for version in versions if version.at is not None), default=None)
        await ensure_exist([(DefineProduct(key=product, title=product, effective_at=since),)], sink, caller, report)
    await register_teams(((key, title, at) for key, (title, at) in teams.items()), sink, caller, report)
    find_erased(keys, reader.people, system, sink, report)
    await register_people(reader.people, people, sink, caller, new_key, report)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)


def settle_times(versions: Sequence[RecordVersion], now: int, history: RecordHistory) -> list[RecordVersion]:
    """Return the versions with times that can be: none in the future, and none before the version that it follows.

    The order of versions is that of their ancestry in git, or of their lines, so the last one is last at every time.
    """
    settled: list[RecordVersion] = []
    latest: dict[str, datetime] = {}
    following: dict[str, datetime] = {}
    for version in reversed(versions):
        if version.at is not None and to_micros(version.at) > now:
            if version.key is None:
                history.warnings.append(Remark(version.label, "its date is in the future and is kept as text"))
            else:
                history.warnings.append(
                    Remark(version.label, "its time is in the future; the time of the next version is used instead")
                )
            version = replace(version, at=following.get(version.name))  # noqa: PLW2901
        elif version.at is None and version.is_from_git:
            version = replace(version, at=following.get(version.name))  # noqa: PLW2901
        if version.at is not None and version.key is not None:
            following[version.previous_name or version.name] = version.at
        settled.append(version)
    ordered = []
    for version in reversed(settled):
        before = latest.get(version.previous_name or version.name)
        if before is not None and version.at is not None and version.at < before and version.is_from_git:
            history.warnings.append(
                Remark(version.label, "its time is before that of the previous version, whose time is used instead")
            )
            version = replace(version, at=before)  # noqa: PLW2901
        if version.at is not None:
            latest[version.name] = version.at
        ordered.append(version)
    return ordered
