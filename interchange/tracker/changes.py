"""`import changes`: the field-by-field history of a tracker, as observed history."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from domain.any_subject import ImportChanges
from domain.errors import AlreadyExists, KeyReused, Refused
from domain.messages import Command, Source
from domain.people import RegisterTeam
from domain.product import DefineProduct, OrderReleases
from eventlog.entry import Caller, Receipt, Transaction
from interchange.tracker.authors import People, introductions
from interchange.tracker.import_report import Remark, Report
from interchange.tracker.jsonl import read_lines
from interchange.tracker.mapping import Mapping
from interchange.tracker.planner import Planned, Planner
from interchange.tracker.scan import Survey, survey
from interchange.tracker.sink import Sink, must_be_allowed
from interchange.tracker.value_parsers import Meanings

LINES_AT_ONCE = 1000

Progress = Callable[[int, int], None]
"""Called with the lines done and the lines there are."""


async def import_changes(
    path: Path, mapping: Mapping, sink: Sink, caller: Caller, *, new_key: Callable[[], str], verbose: bool = False,
    progress: Progress = lambda _done, _all: None, lines_at_once: int = LINES_AT_ONCE,
) -> Report:  # fmt: skip
    """Imports a file; what of it is in the log already is left as it is.

    It may be stopped between any two batches and started again: the lines already there are found by their keys.
    `new_key` makes random keys for new persons. `verbose` also tells what was noticed in lines that were there before.
    `progress` is called between batches; what it raises ends the import there.

    Raises:
        Forbidden: the caller does not have the right to import.
        OSError: the file cannot be read.
    """
    must_be_allowed(caller)
    report = Report(dry_run=sink.rehearses, verbose=verbose)
    found = survey(read_lines(path), mapping)
    progress(0, found.lines)
    await _prepare(found, mapping, sink, caller, new_key, report)
    planner = Planner(mapping, report)
    planned = planner.plan(read_lines(path))
    while batch := list(islice(planned, lines_at_once)):
        await send(batch, sink, caller, report)
        progress(report.lines, found.lines)
    progress(found.lines, found.lines)
    return report


async def _prepare(
    found: Survey, mapping: Mapping, sink: Sink, caller: Caller, new_key: Callable[[], str], report: Report
) -> None:
    """Makes the product, the teams and the persons known that the lines will speak of."""
    people = People(mapping)
    persons = list(introductions(people.persons(found.spellings), sink.known_spellings(), found.since, new_key))
    teams = [RegisterTeam(key=key, title=name, effective_at=found.since) for key, name in found.teams.items()]
    product = mapping.product
    define = DefineProduct(
        key=product.key, title=product.title, description=product.description, effective_at=found.since
    )
    await must_be_there([(define,)], sink, caller, report)
    report.teams_registered = await must_be_there([(team,) for team in teams], sink, caller, report)
    report.persons_registered = await must_be_there(persons, sink, caller, report)
    await send(list(_release_order(mapping, found)), sink, caller, report)


async def must_be_there(wanted: Sequence[tuple[Command, ...]], sink: Sink, caller: Caller, report: Report) -> int:
    """Sends what may be there already; tells how many were not."""
    results = await sink.execute_many([Transaction(commands, caller) for commands in wanted])
    for commands, result in zip(wanted, results, strict=True):
        if isinstance(result, Refused) and not isinstance(result, AlreadyExists):
            report.refused.append(Remark(None, f"{commands[0].subject_id()}: {result.detail}"))
    return sum(isinstance(result, Receipt) for result in results)


def _release_order(mapping: Mapping, found: Survey) -> Iterator[Planned]:
    """The order of the product's releases, where the mapping tells it. Those it lists are there from the first line on."""
    if not mapping.product.releases:
        return
    meanings = Meanings(mapping, People(mapping), lambda _: None)
    versions = [meanings.release_of(name) or name for name in mapping.product.releases]
    shared: dict[str, Any] = {"effective_at": found.since, "source": Source(system=mapping.system)}
    begun = [
        ImportChanges(subject=meanings.release_id(version), changes=meanings.release_steps(version), **shared)
        for version in versions
    ]
    order = OrderReleases(
        subject=f"product:{mapping.product.key}", releases=tuple(release.subject for release in begun), **shared
    )
    told = sha256(f"{found.since} {versions}".encode()).hexdigest()[:40]
    yield Planned(None, f"releases:{told}", (*begun, order), about="the order of releases: ")


async def send(batch: Sequence[Planned], sink: Sink, caller: Caller, report: Report) -> None:
    """Sends what was planned, and counts what became of it."""
    results = await sink.execute_many([Transaction(planned.commands, caller, planned.key) for planned in batch])
    for planned, result in zip(batch, results, strict=True):
        settle(report, planned.label, result, planned.about)
        if report.verbose or (isinstance(result, Receipt) and not result.replayed):
            report.add(planned.found)


def settle(report: Report, label: str | int | None, result: Receipt | Refused, about: str = "") -> None:
    """Counts what became of a unit."""
    if isinstance(result, KeyReused):
        report.refused.append(
            Remark(label, f"{about}is in the log already as something else: the line or its mapping has changed")
        )
    elif isinstance(result, Refused):
        where = f"{result.field}: " if result.field else ""
        report.refused.append(Remark(label, about + where + result.detail))
    else:
        report.applied += not result.replayed
        report.already_there += result.replayed
        if not report.dry_run:
            report.position = max(report.position or 0, result.position)
