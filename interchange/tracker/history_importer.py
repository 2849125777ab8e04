"""`import changes`: the field-by-field history that a tracker exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from domain.any_subject import ImportChanges
from domain.messages import Source
from domain.people import RegisterTeam
from domain.product import DefineProduct, OrderReleases
from eventlog.entry import Caller
from interchange.import_batches import (
    LINES_PER_BATCH,
    PlannedTransaction,
    ProgressCallback,
    ensure_exist,
    send_batch,
)
from interchange.import_report import ImportReport
from interchange.jsonl import read_lines
from interchange.person_matching import build_registrations
from interchange.sink import ImportSink, require_import_right
from interchange.tracker.line_to_commands import LinePlanner
from interchange.tracker.mapping import Mapping, build_person_matcher, build_value_parser
from interchange.tracker.scan import FileScan, scan


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
) -> ImportReport:
    """Import a file. Lines that were imported before are left unchanged.

    An import may be stopped between two batches and started again: the lines imported so far are recognized by their
    keys. `new_key` makes random keys for new people. `verbose` also reports findings in lines that were imported
    before. `progress` is called between batches; an exception that it raises ends the import there.

    Raises:
        Forbidden: the caller does not have the scope to import.
        OSError: the file cannot be read.
    """
    require_import_right(caller)
    report = ImportReport(dry_run=sink.is_dry_run, verbose=verbose)
    found = scan(read_lines(path), mapping)
    progress(0, found.lines)
    await _prepare(found, mapping, sink, caller, new_key, report)
    planned = LinePlanner(mapping, report).plan(read_lines(path))
    while batch := list(islice(planned, lines_per_batch)):
        await send_batch(batch, sink, caller, report)
        progress(report.lines, found.lines)
    progress(found.lines, found.lines)
    return report


async def _prepare(
    found: FileScan,
    mapping: Mapping,
    sink: ImportSink,
    caller: Caller,
    new_key: Callable[[], str],
    report: ImportReport,
) -> None:
    """Register the product, the teams and the people that the lines name."""
    spellings = build_person_matcher(mapping).group_by_person(found.spellings)
    people = list(build_registrations(spellings, sink.known_spellings(), found.since, new_key))
    teams = [(RegisterTeam(key=key, title=name, effective_at=found.since),) for key, name in found.teams.items()]
    product = mapping.product
    define = DefineProduct(
        key=product.key, title=product.title, description=product.description, effective_at=found.since
    )
    await ensure_exist([(define,)], sink, caller, report)
    report.teams_registered = await ensure_exist(teams, sink, caller, report)
    report.people_registered = await ensure_exist(people, sink, caller, report)
    await send_batch(list(_release_order(mapping, found)), sink, caller, report)


def _release_order(mapping: Mapping, found: FileScan) -> Iterator[PlannedTransaction]:
    """Yield the transaction that orders the product's releases, if the mapping lists them. It also creates them."""
    if not mapping.product.releases:
        return
    parser = build_value_parser(mapping, build_person_matcher(mapping), lambda _: None)
    versions = [parser.release_version(name) or name for name in mapping.product.releases]
    shared: dict[str, Any] = {"effective_at": found.since, "source": Source(system=mapping.system)}
    releases = [
        ImportChanges(subject=parser.release_id(version), changes=parser.release_changes(version), **shared)
        for version in versions
    ]
    order = OrderReleases(
        subject=f"product:{mapping.product.key}", releases=tuple(release.subject for release in releases), **shared
    )
    digest = sha256(f"{found.since} {versions}".encode()).hexdigest()[:40]
    yield PlannedTransaction(None, f"releases:{digest}", (*releases, order), prefix="the order of releases: ")
