"""From the lines of a history to units of commands: one line, one unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from pydantic import ValidationError

from domain.any_subject import ImportChanges, ImportedChange
from domain.fields import CHANGES_PER_EVENT, EXISTS
from domain.messages import Command, Reference, Source
from domain.values import parse_timestamp, to_micros
from interchange.tracker.authors import People
from interchange.tracker.import_report import Findings, Remark, Report, faults
from interchange.tracker.jsonl import FileLine
from interchange.tracker.mapping import Mapping, Rule, Subject, cell_part
from interchange.tracker.records import Record, Records
from interchange.tracker.value_parsers import Meaning, Meanings, as_text

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class NotPlaced(Exception):
    """A line that belongs nowhere; the message says why."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A line and the unit it becomes. `label` is the line's own id, else its number; None for what is of no line, and
    then `about` says what it is. Without a `key` it is sent whenever it is planned.
    """

    label: str | int | None
    key: str | None
    commands: tuple[Command, ...]
    found: Findings = field(default_factory=Findings)
    about: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What a line says, read by the columns of the mapping."""

    line: FileLine
    record: str
    kind: str
    field: str
    told: dict[str, Any]
    shared: dict[str, Any]
    """What every command of the unit carries besides its own."""
    at: int


class Planner:
    """Plans the lines of one file, in their order. Those that become no unit are told of in the report."""

    def __init__(self, mapping: Mapping, report: Report) -> None:
        self._mapping = mapping
        self._columns = mapping.columns
        self._named = mapping.columns.named()
        self._report = report
        self._found = Findings()
        self._records = Records()
        self._people = People(mapping)
        self._meanings = Meanings(mapping, self._people, self._subject_named)
        self._rules: dict[str, dict[str, Rule]] = {}
        self._unmapped: set[str] = set()
        self._releases: dict[str, int] = {}

    def plan(self, lines: Iterable[FileLine]) -> Iterator[Planned]:
        """The units of some lines; a line that becomes none is told of in the report."""
        for line in lines:
            self._report.lines += 1
            self._found = Findings()
            label = self._label(line)
            try:
                yield Planned(label, self._key(line), self._commands(line, label), self._found)
            except NotPlaced as why:
                self._report.not_placed.append(Remark(label, str(why)))
            except ValidationError as error:
                self._report.refused.append(Remark(label, faults(error)))

    # One line

    def _label(self, line: FileLine) -> str | int:
        own = (line.told or {}).get(self._columns.id) if self._columns.id else None
        return line.number if own is None else as_text(own)

    def _key(self, line: FileLine) -> str:
        own = (line.told or {}).get(self._columns.id) if self._columns.id else None
        return line.fingerprint if own is None else as_text(own)

    def _commands(self, line: FileLine, label: str | int) -> tuple[Command, ...]:
        change = self._change(line)
        self._found.unmapped_columns.update(set(change.told) - self._named)
        kinds = self._mapping.kinds
        record = self._records.get(change.record)
        if change.kind in kinds.rename:
            return self._renamed(change, label)
        if change.kind in kinds.begin or (record is None and kinds.unannounced == "begin"):
            return self._begun(change, label)
        if record is None:
            msg = f"{change.record} changes without ever having begun"
            raise NotPlaced(msg)
        if change.kind in kinds.strike or change.kind in kinds.restore:
            record.struck = change.kind in kinds.strike
            steps = (ImportedChange(field=EXISTS, value=not record.struck),)
            return tuple(self._observe(subject, steps, change) for subject in record.subjects.values())
        return self._changed(change, record, label)

    def _change(self, line: FileLine) -> Change:
        if line.told is None:
            raise NotPlaced(line.error)
        told, columns = line.told, self._columns
        record = told.get(columns.record)
        if record is None:
            msg = f"there is no record in the column {columns.record!r}"
            raise NotPlaced(msg)
        try:
            at = parse_timestamp(told.get(columns.when))
        except ValueError as error:
            msg = f"column {columns.when!r}: {error}"
            raise NotPlaced(msg) from None
        return Change(
            line=line, record=as_text(record), kind=as_text(told.get(columns.kind) or "") if columns.kind else "",
            field=as_text(told.get(columns.field) or ""), told=told, shared=self._shared(told) | {"effective_at": at},
            at=to_micros(at),
        )  # fmt: skip

    def _shared(self, told: dict[str, Any]) -> dict[str, Any]:
        columns = self._columns
        who = as_text(told.get(columns.who) or "") if columns.who else ""
        references, too_long = self._references(told)
        note = "\n".join([*(as_text(told[name]) for name in columns.note if told.get(name)), *too_long])
        reference = " ".join(
            f"{name}:{as_text(told[name])}" for name in columns.reference if told.get(name) is not None
        )
        return {
            "on_behalf_of": None if self._meanings.is_nothing(who) else self._people.person(who),
            "note": _CONTROL.sub("\N{REPLACEMENT CHARACTER}", note) if note.strip() else None,
            "source": Source(
                system=self._mapping.system, reference=reference or None,
                at=told.get(columns.source_at) if columns.source_at else None,
            ),
            "references": references,
        }  # fmt: skip

    def _references(self, told: dict[str, Any]) -> tuple[tuple[Reference, ...], list[str]]:
        """What the columns for references say, and those that the mapping does not name; and what is too long for one."""
        references, too_long = [], []
        for name in (*self._columns.references, *sorted(told.keys() - self._named)):
            if told.get(name):
                try:
                    references.append(Reference(system=name, id=as_text(told[name])))
                except ValidationError:
                    too_long.append(f"{name}: {as_text(told[name])}")
        return tuple(references), too_long

    # What a line comes to

    def _begun(self, change: Change, label: str | int) -> tuple[Command, ...]:
        if self._records.get(change.record) is not None:
            self._found.reused.append(Remark(label, f"{change.record} begins again as another record"))
        state = change.told.get(self._columns.to)
        if not isinstance(state, dict):
            state = {change.field: state} if change.field and state is not None else {}
        return self._applied(change, self._records.begin(change.record), state, {})

    def _renamed(self, change: Change, label: str | int) -> tuple[Command, ...]:
        old = as_text(change.told.get(self._columns.from_) or "") if self._columns.from_ else ""
        record = self._records.get(old)
        if record is None:
            msg = f"{old or 'a record without a name'} becomes {change.record} without ever having begun"
            raise NotPlaced(msg)
        if self._records.get(change.record) not in (None, record):
            self._found.reused.append(Remark(label, f"{old} takes the name {change.record} from another record"))
        self._records.rename(record, change.record)
        steps = (self._aliases(record),)
        return tuple(self._observe(subject, steps, change) for subject in record.subjects.values())

    def _changed(self, change: Change, record: Record, label: str | int) -> tuple[Command, ...]:
        if not change.field:
            msg = f"there is no field in the column {self._columns.field!r}"
            raise NotPlaced(msg)
        contradicted = {}
        if self._columns.from_ and self._columns.from_ in change.told:
            before = change.told[self._columns.from_]
            if record.contradicts(change.field, before):
                contradicted[change.field] = as_text(before)
                what = f"{change.record} {change.field}: from {as_text(before)}, but it was told to be {as_text(record.told.get(change.field))}"
                self._found.contradictions.append(Remark(label, what))
        return self._applied(change, record, {change.field: change.told.get(self._columns.to)}, contradicted)

    def _applied(
        self, change: Change, record: Record, fields: dict[str, Any], contradicted: dict[str, str]
    ) -> tuple[Command, ...]:
        """What new values of some fields come to: for every subject of the record, or one that begins with them."""
        record.told.update(fields)
        commands: list[Command] = []
        for subject in self._mapping.subject:
            begins = subject.kind not in record.subjects
            if begins and subject.when is not None and record.told.get(subject.when) in (None, "", []):
                continue
            steps = self._beginning(subject, record) if begins else []
            for name, value in (record.told if begins else fields).items():
                steps += self._steps(change, subject, name, value, contradicted.get(name), commands)
            commands += [self._observe(record.subjects[subject.kind], some, change) for some in batches(steps)]
        return tuple(commands)

    def _beginning(self, subject: Subject, record: Record) -> list[ImportedChange]:
        """The first steps of a subject. One that begins later than its record takes over what the record is by then."""
        record.subjects[subject.kind] = f"{subject.kind}:{record.key}"
        steps = [
            ImportedChange(field=EXISTS, value=not record.struck),
            ImportedChange(field="products", subjects=(f"product:{self._mapping.product.key}",)),
            self._aliases(record),
        ]
        if subject.link is not None:
            first = record.subjects[self._mapping.subject[0].kind]
            steps.append(ImportedChange(field=subject.link, subjects=(first,)))
        return steps

    def _aliases(self, record: Record) -> ImportedChange:
        return ImportedChange(field="aliases", texts=(record.name,))

    def _steps(
        self, change: Change, subject: Subject, name: str, value: Any, contradicts: str | None, commands: list[Command]
    ) -> Iterator[ImportedChange]:
        """The step of one field, if the field is the subject's. Releases it is the first to name begin before it."""
        rules = self._rules_of(name)
        if subject.kind not in rules:
            return
        rule = rules[subject.kind]
        meaning = self._meanings.read(rule, value)
        if subject.kind == next(iter(rules)):
            self._count(name, meaning)
        commands += self._released(meaning, change)
        yield ImportedChange(field=rule.cell, contradicts=contradicts, **meaning.step)

    def _rules_of(self, name: str) -> dict[str, Rule]:
        """The rules for a field by the kind of subject. What has none is kept as an attribute of the first."""
        if name not in self._rules:
            found = {subject.kind: subject.rule(name) for subject in self._mapping.subject}
            self._rules[name] = {kind: rule for kind, rule in found.items() if rule is not None}
            if not self._rules[name]:
                self._rules[name] = {self._mapping.subject[0].kind: Rule(cell=f"x.{cell_part(name)}")}
                self._unmapped.add(name)
        return self._rules[name]

    def _count(self, name: str, meaning: Meaning) -> None:
        if name in self._unmapped:
            self._found.unmapped_fields[name] += 1
        for word in meaning.strange:
            self._found.unknown_word(name, word)

    def _released(self, meaning: Meaning, change: Change) -> Iterator[Command]:
        """A release is there from the earliest instant at which anything aims at it."""
        for version in meaning.releases:
            release = self._meanings.release_id(version)
            if release not in self._releases or change.at < self._releases[release]:
                self._releases[release] = change.at
                yield self._observe(release, self._meanings.release_steps(version), change)

    def _observe(self, subject: str, steps: tuple[ImportedChange, ...], change: Change) -> ImportChanges:
        return ImportChanges(subject=subject, changes=steps, **change.shared)

    def _subject_named(self, name: str) -> str | None:
        record = self._records.get(name)
        return record.subjects.get(self._mapping.subject[0].kind) if record else None


def batches(steps: list[ImportedChange]) -> Iterator[tuple[ImportedChange, ...]]:
    """Steps in lots that one event can hold."""
    rest = iter(steps)
    while some := tuple(islice(rest, CHANGES_PER_EVENT)):
        yield some
