"""Register the people, teams and services that a file names, each from the time at which it is first named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from domain.any_subject import ImportChanges, ImportedChange
from domain.fields import EXISTS
from domain.messages import Source
from domain.names import normalize_name
from domain.people import RegisterTeam
from eventlog.entry import Caller
from interchange.import_batches import ensure_exist
from interchange.import_report import ImportReport, Remark
from interchange.person_matching import PersonMatcher, build_registrations, printable
from interchange.sink import ImportSink


async def register_people(
    matcher: PersonMatcher,
    first_named: Mapping[str, datetime | None],
    sink: ImportSink,
    caller: Caller,
    new_key: Callable[[], str],
    report: ImportReport,
) -> None:
    """Register the people of whom the directory does not know a spelling, except those who were erased."""
    known = sink.known_spellings()
    wanted = [spelling for spelling in first_named if not matcher.is_erased(spelling)]
    times = {normalize_name(printable(spelling)): at for spelling, at in first_named.items()}

    def since(spellings: Sequence[str]) -> datetime | None:
        named = [at for one in spellings if (at := times.get(normalize_name(one))) is not None]
        return min(named, default=None)

    groups = matcher.match_known(matcher.group_by_person(wanted), known)
    registrations = list(build_registrations(groups, known, since, new_key))
    report.people_registered += await ensure_exist(registrations, sink, caller, report)


async def register_teams(
    teams: Iterable[tuple[str, str, datetime | None]], sink: ImportSink, caller: Caller, report: ImportReport
) -> None:
    """Register teams by key, title and the time at which they are first named, unless they exist."""
    commands = [(RegisterTeam(key=key, title=title[:500], effective_at=at),) for key, title, at in teams]
    report.teams_registered += await ensure_exist(commands, sink, caller, report)


async def register_services(
    services: Iterable[tuple[str, str, datetime | None]],
    system: str,
    sink: ImportSink,
    caller: Caller,
    report: ImportReport,
) -> None:
    """Record services that are authors of changes, unless they exist."""
    commands = [
        (
            ImportChanges(
                subject=f"service:{key}",
                changes=(ImportedChange(field=EXISTS, value=True), ImportedChange(field="title", text=title)),
                source=Source(system=system),
                effective_at=at,
            ),
        )
        for key, title, at in services
        if not sink.state(f"service:{key}").version
    ]
    await ensure_exist(commands, sink, caller, report)


def find_erased(
    first_lines: Mapping[str, str], matcher: PersonMatcher, system: str, sink: ImportSink, report: ImportReport
) -> None:
    """Mark the people who were erased: a line that names them was imported, and the person in it has no name any more.

    `first_lines` are the keys of lines, by the spelling of a person.
    """
    known = sink.known_spellings()
    unknown = {one: key for one, key in first_lines.items() if key and normalize_name(printable(one)) not in known}
    positions = sink.recorded_keys(system, list(dict.fromkeys(unknown.values()))) if unknown else {}
    erased = [one for one, key in unknown.items() if key in positions and _names_erased(positions[key], sink)]
    if erased:
        matcher.mark_erased(erased)
        report.warnings.append(
            Remark(None, f"{len(erased)} names of people who were erased here are not imported again")
        )


def _names_erased(position: int, sink: ImportSink) -> bool:
    """Whether the transaction that begins at a position refers to a person who has no name."""
    first = sink.entry(position)
    at = position
    while first is not None:
        entry = sink.entry(at)
        if entry is None or entry.metadata.transaction != first.metadata.transaction:
            return False
        people = {entry.metadata.principal, *_people_in(entry.event)}
        if any(who.startswith("person:") and not sink.person_has_names(who) for who in people):
            return True
        at += 1
    return False


def _people_in(event: object) -> set[str]:
    changes = getattr(event, "changes", ())
    return {who for change in changes for who in change.holders or ()}
