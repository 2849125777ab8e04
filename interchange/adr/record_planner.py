"""From the versions of records to units of commands: one version, one unit, which tells what is other than before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from domain.any_subject import ImportChanges, ImportedChange
from domain.fields import EXISTS, FieldRow
from domain.messages import Reference, Source
from domain.values import ERASED, DecisionId, to_micros
from eventlog.directory import normalize_name
from interchange.adr.document import Told
from interchange.adr.history import Version
from interchange.adr.record_links import target_of
from interchange.adr.status_words import Cells, RecordMeanings
from interchange.tracker.import_report import Findings, Remark, Report, faults
from interchange.tracker.mapping import cell_part
from interchange.tracker.planner import NotPlaced, Planned, batches
from interchange.tracker.sink import Sink

ALWAYS: Final = frozenset({EXISTS, "products", "aliases"})
"""Cells that an import gives every record, whatever it tells."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_DECISION: Final = TypeAdapter[str](DecisionId)
_NUMBER: Final = re.compile(r"[0-9]+")


@dataclass(slots=True)
class Tracked:
    """A record through its versions: the subject it is, and what it holds so far."""

    subject: str
    told: Told = field(default_factory=dict)
    steps: dict[str, ImportedChange] = field(default_factory=dict)
    begun: bool = False
    struck: bool = False


def identities(versions: Sequence[Version], system: str) -> list[Tracked]:
    """Which record each version is one of. A record keeps its subject through all its names.

    The key of a subject is the number that the record began with and a hash of its first name and its system, so that it
    is the same in every import and holds no title. A record that says which subject it is, as exported ones do, is that.
    """
    now: dict[str, Tracked] = {}
    began: Counter[str] = Counter()
    found = []
    for version in versions:
        record = now.pop(version.before, None) if version.before is not None else now.get(version.name)
        if record is None:
            name = version.before or version.name
            began[name] += 1
            record = Tracked(_said(version) or _subject(system, name, began[name]))
        now[version.name] = record
        found.append(record)
    return found


def _said(version: Version) -> str | None:
    said = version.document.subject if version.document else None
    try:
        return None if said is None else _DECISION.validate_python(said)
    except ValidationError:
        return None


def _subject(system: str, name: str, occurrence: int) -> str:
    number = _NUMBER.match(name)
    digest = sha256(f"{system}\n{name}\n{occurrence}".encode(errors="surrogatepass")).hexdigest()
    return f"decision:adr-{number[0][:20]}-{digest[:8]}" if number else f"decision:adr-{digest[:16]}"


def finder(versions: Sequence[Version], records: Sequence[Tracked]) -> Callable[[str], str | None]:
    """Finds the subject of a record by what a link in a status says: the name it had last, or its number if no other has it."""
    by_name = {version.name: record.subject for version, record in zip(versions, records, strict=True)}
    last = {record.subject: version.name for version, record in zip(versions, records, strict=True)}
    numbered: dict[str, list[str]] = {}
    for subject, name in last.items():
        number = _NUMBER.match(name)
        if number:
            numbered.setdefault(_without_zeros(number), []).append(subject)

    def find(link: str) -> str | None:
        target = target_of(link)
        number = _NUMBER.fullmatch(target)
        if number:
            alike = numbered.get(_without_zeros(number), [])
            return alike[0] if len(alike) == 1 else None
        return by_name.get(target)

    return find


def _without_zeros(number: re.Match[str]) -> str:
    return number[0].lstrip("0") or "0"


class Planner:
    """Plans the versions of the records of one folder, to be sent to a log."""

    def __init__(
        self, meanings: RecordMeanings, system: str, product: str | None, report: Report, sink: Sink
    ) -> None:  # fmt: skip
        self._meanings = meanings
        self._system = system
        self._product = product
        self._report = report
        self._sink = sink

    def plan(self, versions: Sequence[Version], records: Sequence[Tracked]) -> Iterator[Planned]:
        """The units of some versions; one that says nothing new becomes none.

        A version of a history is compared with the one before it. A file of today is compared with the log, so that it
        must not be planned before all of its history was sent.
        """
        for version, record in zip(versions, records, strict=True):
            self._report.lines += 1
            found = Findings()
            try:
                steps = self._steps(version, record, found)
                commands = tuple(self._observe(record.subject, some, version) for some in batches(steps))
            except NotPlaced as why:
                self._report.not_placed.append(Remark(version.label, str(why)))
                continue
            except ValidationError as error:
                self._report.refused.append(Remark(version.label, faults(error)))
                continue
            if commands:
                yield Planned(version.label, version.key, commands, found)
            else:
                self._report.unchanged += 1

    def _steps(self, version: Version, record: Tracked, found: Findings) -> list[ImportedChange]:
        """What a version changes."""
        told = version.told if version.whole else {**record.told, **version.told}
        cells = Cells() if version.removed else self._meanings.cells(told)
        if version.key is None:
            steps = self._other_than_held(version, record, cells)
        elif version.removed:
            steps = list(self._standing(version, record))
        else:
            steps = [*self._standing(version, record), *_other(cells.steps, record.steps)]
        if not version.removed:
            self._notice(version, record, cells, found)
            record.told, record.steps = told, cells.steps
        return steps

    def _standing(self, version: Version, record: Tracked) -> Iterator[ImportedChange]:
        """Whether the record is on record, where it belongs, and what it is called."""
        if not record.begun:
            yield from self._beginning(version)
        else:
            if version.removed != record.struck:
                yield ImportedChange(field=EXISTS, value=not version.removed)
            if version.before is not None:
                yield _called(version)
        record.begun, record.struck = True, version.removed

    def _beginning(self, version: Version) -> Iterator[ImportedChange]:
        yield ImportedChange(field=EXISTS, value=not version.removed)
        if self._product is not None:
            yield ImportedChange(field="products", subjects=(f"product:{self._product}",))
        yield _called(version)

    def _other_than_held(self, version: Version, record: Tracked, cells: Cells) -> list[ImportedChange]:
        """What a file of today says that the log does not hold.

        Raises:
            NotPlaced: the log has made the record its own, and holds something else.
        """
        state = self._sink.state(record.subject)
        wanted = {step.field: step for step in self._beginning(version)} | cells.steps
        other = [step for name, step in wanted.items() if not self._holds(state.latest_row(name), step)]
        other += [
            ImportedChange(field=name)
            for name in state.rows.keys() - wanted.keys() - ALWAYS
            if not self._holds(state.latest_row(name), ImportedChange(field=name))
        ]
        if other and state.is_managed:
            msg = "an ordinary command has made it the log's own, and it is no longer observed: this file says something else"
            raise NotPlaced(msg)
        return other

    def _holds(self, row: FieldRow | None, step: ImportedChange) -> bool:
        """Whether a cell holds what a step would make it hold. What was forgotten is not told again."""
        value, word = (row.value, row.source_value) if row else (None, None)
        if ERASED in (word, value) or (isinstance(value, list) and ERASED in value):
            return True
        wanted = step.field_change()
        if step.holders is not None:
            held = value if isinstance(value, list) else None
            return word == wanted.source_value and held is not None and self._are(held, step.holders)
        return (value, word) == (wanted.value, wanted.source_value)

    def _are(self, ids: Sequence[Any], named: Sequence[str]) -> bool:
        """Whether these ids are those of the people and teams named."""
        return len(ids) == len(named) and all(
            one == name or one in self._sink.find_people(normalize_name(name))
            for one, name in zip(ids, named, strict=True)
        )

    def _notice(self, version: Version, record: Tracked, cells: Cells, found: Findings) -> None:
        """Says what is out of order in a version, once."""
        if version.document is not None:
            found.noticed += [Remark(version.label, what) for what in version.document.noticed]
            fields = {f"x.{cell_part(key)}": key for key in version.document.unmapped}
            found.unmapped_fields.update(
                key for cell, key in fields.items() if version.told.get(cell) != record.told.get(cell)
            )
        for name, words in cells.strange.items():
            if cells.told.get(name) != record.told.get(name):
                for word in words:
                    found.unknown_word(name, word)
        if version.key is None:
            found.noticed += [
                Remark(version.label, f"its file says another `{name}` than its history")
                for name, step in record.steps.items()
                if cells.steps.get(name) != step
            ]

    def _observe(self, subject: str, steps: tuple[ImportedChange, ...], version: Version) -> ImportChanges:
        who = self._meanings.people.person(version.who) if version.who else None
        return ImportChanges(
            subject=subject, changes=steps, effective_at=self._since(subject, version), on_behalf_of=who,
            source=Source(system=self._system, reference=version.reference, at=version.written_at),
            references=tuple(_references(version)),
        )  # fmt: skip

    def _since(self, subject: str, version: Version) -> datetime | None:
        """When a version took effect. A file of today that gives a day before what the log holds of it took effect now."""
        if version.key is not None or version.at is None:
            return version.at
        rows = self._sink.state(subject).rows
        latest = max((row.valid_from for cell in rows.values() for row in cell), default=None)
        return version.at if latest is None or to_micros(version.at) >= latest else None


def _called(version: Version) -> ImportedChange:
    return ImportedChange(field="aliases", texts=(version.name,))


def _other(steps: Mapping[str, ImportedChange], before: Mapping[str, ImportedChange]) -> list[ImportedChange]:
    """The steps that are other than before, and those that empty what is no longer told."""
    gone = (ImportedChange(field=name) for name in before if name not in steps)
    return [*(step for name, step in steps.items() if before.get(name) != step), *gone]


def _references(version: Version) -> Iterator[Reference]:
    for name, what in version.references:
        line: dict[str, Any] = {"system": name[:200], "id": _CONTROL.sub("\N{REPLACEMENT CHARACTER}", what)[:500]}
        yield Reference(**line)
