"""Read what all commands of an entry have in common: when, who, why, from which source, with which references."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from pydantic import ValidationError

from domain.messages import Reference, Source
from interchange.person_matching import PersonMatcher
from interchange.times import TimeReader
from interchange.tracker.columns import build_getter
from interchange.tracker.entries import CREATED, Entry, author_of
from interchange.tracker.line_findings import LineFindings
from interchange.tracker.mapping import Mapping
from interchange.value_parsers import ValueParser, as_text

MAX_NOTE_CHARACTERS: Final = 20_000
MAX_REFERENCES: Final = 50
MAX_REFERENCE_CHARACTERS: Final = 200
MAX_COLUMN_SETS: Final = 1000
MAX_AUTHORS_KEPT: Final = 4096
SHOWN_CHARACTERS: Final = 60
_UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class CommandContextReader:
    """Reads the circumstances of the entries of one file. What it notices is added to the findings of the line.

    `is_imported` tells whether the log has an entry by its key.
    """

    def __init__(
        self,
        mapping: Mapping,
        people: PersonMatcher,
        parser: ValueParser,
        times: TimeReader,
        findings: LineFindings,
        is_imported: Callable[[str], bool],
    ) -> None:
        self._mapping = mapping
        self._columns = columns = mapping.columns
        self.mapped_columns: Final = columns.all_names()
        self._people = people
        self._parser = parser
        self._times = times
        self._findings = findings
        self._is_imported = is_imported
        self._authors: dict[str, str] = {}
        self._unmapped_by_columns: dict[tuple[str, ...], list[str]] = {}
        self._get_who = build_getter(columns.who) if columns.who else None
        self._notes = [(name, build_getter(name)) for name in columns.note]
        self._reference = [(name, build_getter(name)) for name in columns.reference]
        self._references_of = [(name, build_getter(name)) for name in columns.references]
        self._get_source_at = build_getter(columns.source_at) if columns.source_at else None

    def read(self, entry: Entry) -> dict[str, Any]:
        """Return the arguments that all commands of an entry have in common."""
        references, rest = self._references(entry)
        source_at = self._get_source_at(entry.data) if self._get_source_at else None
        named = ((name, get(entry.data)) for name, get in self._reference)
        reference = " ".join([f"{name}:{as_text(value)}" for name, value in named if value is not None])
        return {
            "effective_at": entry.when,
            "on_behalf_of": self._author(entry),
            "note": self._note(entry, rest),
            "source": Source(
                system=self._mapping.system,
                reference=self._findings.cut(entry, "reference", reference, MAX_REFERENCE_CHARACTERS) or None,
                at=self._read_source_time(entry, source_at),
            ),
            "references": references,
        }

    def _author(self, entry: Entry) -> str | None:
        """Return who made the change: a person or a service; None if it is not known."""
        who = author_of(self._get_who(entry.data)) if self._get_who else ""
        if not who:
            return None
        if who in self._authors:
            return self._authors[who]
        author = self._read_author(entry, who)
        if not self._people.has_erased and author is not None and len(self._authors) < MAX_AUTHORS_KEPT:
            self._authors[who] = author
        return author

    def _read_author(self, entry: Entry, who: str) -> str | None:
        if self._parser.is_empty(who):
            return None
        service = self._people.find_service(who)
        if service is not None:
            return f"service:{service}"
        if self._people.is_erased(who) and not self._is_imported(entry.key):
            return None
        name = self._people.person_name(who)
        if name is None:
            self._findings.warn(
                entry, f"the author is not a name of at most 300 characters: {who[:SHOWN_CHARACTERS]!r}"
            )
        return name

    def unmapped_columns(self, entry: Entry) -> list[str]:
        """Return the columns of an entry that the mapping does not name. Most entries have the same columns."""
        columns = tuple(entry.own)
        if columns not in self._unmapped_by_columns:
            if len(self._unmapped_by_columns) >= MAX_COLUMN_SETS:
                self._unmapped_by_columns.clear()
            self._unmapped_by_columns[columns] = sorted(set(columns) - self.mapped_columns)
        return self._unmapped_by_columns[columns]

    def _note(self, entry: Entry, rest: list[str]) -> str | None:
        texts = [as_text(value) for _, get in self._notes if (value := get(entry.data))]
        if not texts and not rest:
            return None
        note = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", "\n".join([*texts, *rest]))
        return self._findings.cut(entry, "note", note, MAX_NOTE_CHARACTERS) if note.strip() else None

    def _read_source_time(self, entry: Entry, value: Any) -> Any:
        if value in (None, ""):
            return None
        try:
            return self._times.read(value)
        except ValueError as error:
            self._findings.warn(entry, f"column {self._columns.source_at!r}: {error}")
            return None

    def _references(self, entry: Entry) -> tuple[tuple[Reference, ...], list[str]]:
        """Return the references in the reference columns and the unmapped columns, and the texts that are none."""
        references: list[Reference] = []
        rest: list[str] = []
        named = [(name, get(entry.data)) for name, get in self._references_of]
        if entry.kind != CREATED and self._mapping.file.rows == "changes":
            named += [(name, entry.own[name]) for name in self.unmapped_columns(entry)]
        for name, value in named:
            if not value:
                continue
            text = as_text(value)
            try:
                reference = Reference(system=name, id=text)
            except ValidationError:
                rest.append(f"{name}: {text}")
                continue
            if len(references) < MAX_REFERENCES:
                references.append(reference)
            else:
                rest.append(f"{name}: {text}")
        return tuple(references), rest
