"""`import madr` and `import nygard`: a folder of decision records, with their history, as observed history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from domain.people import RegisterTeam
from domain.product import DefineProduct
from domain.values import Timestamp
from eventlog.entry import Caller
from interchange.adr.history import Version, history_of
from interchange.adr.record_planner import Planner, finder, identities
from interchange.adr.status_words import RecordMeanings, team_of
from interchange.tracker.authors import introductions
from interchange.tracker.changes import Progress, must_be_there, send
from interchange.tracker.import_report import Report
from interchange.tracker.sink import Sink, must_be_allowed

VERSIONS_AT_ONCE = 100
"""A version of a record may be as long as a book."""


async def import_records(
    folder: Path, sink: Sink, caller: Caller, *, system: str, new_key: Callable[[], str], product: str | None = None,
    verbose: bool = False, progress: Progress = lambda _done, _all: None,
) -> Report:  # fmt: skip
    """Imports the records of a folder; what of them is in the log already is left as it is.

    `system` is what the records are called together; it makes them other records than those of another folder.
    `product` is the key of the product they belong to, defined by its key where there is none. `new_key` makes random
    keys for new persons. `progress` is called between batches; what it raises ends the import there.

    Raises:
        Forbidden: the caller does not have the right to import.
        HistoryError: git knows the records and cannot tell their history.
        OSError: a file cannot be read.
    """
    must_be_allowed(caller)
    report = Report(dry_run=sink.rehearses, verbose=verbose, what="versions")
    history = history_of(folder)
    report.not_placed += history.not_placed
    report.noticed += history.noticed
    versions = history.versions
    records = identities(versions, system)
    find = finder(versions, records)
    await _prepare(versions, system, product, sink, caller, new_key, report)
    meanings = RecordMeanings(system, _teams(versions, system), find)
    planner = Planner(meanings, system, product, report, sink)
    pairs = list(zip(versions, records, strict=True))
    for today in (False, True):  # the files of today are compared with what their history has come to
        some = [(version, record) for version, record in pairs if (version.key is None) is today]
        planned = planner.plan([version for version, _ in some], [record for _, record in some])
        while batch := list(islice(planned, VERSIONS_AT_ONCE)):
            await send(batch, sink, caller, report)
            progress(report.lines, len(versions))
    progress(len(versions), len(versions))
    return report


def _teams(versions: Sequence[Version], system: str) -> dict[str, tuple[str, ...]]:
    """The teams that the versions name, by their keys, each with its spellings."""
    meanings = RecordMeanings(system, {}, lambda _: None)
    found: dict[str, dict[str, None]] = {}
    for version in versions:
        for spelling, _ in meanings.spellings(version.told):
            key = team_of(spelling)
            if key is not None:
                found.setdefault(key, {}).setdefault(spelling)
    return {key: tuple(spellings) for key, spellings in found.items()}


async def _prepare(
    versions: Sequence[Version], system: str, product: str | None, sink: Sink, caller: Caller,
    new_key: Callable[[], str], report: Report,
) -> None:  # fmt: skip
    """Makes the product, the teams and the persons known that the versions speak of, from the earliest instant on."""
    since: Timestamp | None = min((version.at for version in versions if version.at is not None), default=None)
    teams = _teams(versions, system)
    meanings = RecordMeanings(system, teams, lambda _: None)
    spellings = dict.fromkeys(version.who for version in versions if version.who)
    for version in versions:
        named = meanings.spellings(version.told)
        spellings.update(dict.fromkeys(spelling for spelling, team in named if team is None))
    if product is not None:
        define = DefineProduct(key=product, title=product, effective_at=since)
        await must_be_there([(define,)], sink, caller, report)
    register = [(RegisterTeam(key=key, title=names[0], effective_at=since),) for key, names in teams.items()]
    report.teams_registered = await must_be_there(register, sink, caller, report)
    persons = introductions(meanings.people.persons(spellings), sink.known_spellings(), since, new_key)
    report.persons_registered = await must_be_there(list(persons), sink, caller, report)
