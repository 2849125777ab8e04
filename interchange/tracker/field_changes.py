"""Turn the value of a tracker's field into the change of a field of a subject, by the rules of the mapping."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from domain.any_subject import ImportedChange
from interchange.person_matching import PersonMatcher
from interchange.tracker.entries import Entry
from interchange.tracker.line_findings import LineFindings
from interchange.tracker.mapping import SubjectTable
from interchange.value_parsers import FieldRule, ParsedValue, ValueParser, field_name_part

MAX_VALUE_CHARACTERS: Final = 200_000
MAX_MEMBERS: Final = 1000
MAX_VALUES_KEPT: Final = 2000
MAX_KEPT_CHARACTERS: Final = 200
MAX_KEPT_MEMBERS: Final = 20
_UNSTORABLE: Final = re.compile(r"[\x00\ud800-\udfff]")


class FieldChangeReader:
    """Reads the changes of fields of one file. What it notices is added to the findings of the line.

    `attributes` are the attributes of fields without a mapping. `is_imported` tells whether the log has an entry by its
    key.
    """

    def __init__(
        self,
        subjects: tuple[SubjectTable, ...],
        attributes: Mapping[str, str],
        people: PersonMatcher,
        parser: ValueParser,
        findings: LineFindings,
        is_imported: Callable[[str], bool],
    ) -> None:
        self._subjects = subjects
        self._attributes = attributes
        self._people = people
        self._parser = parser
        self._findings = findings
        self._is_imported = is_imported
        self._rules: dict[str, dict[str, FieldRule]] = {}
        self._unmapped: set[str] = set()
        self._parsed: dict[tuple[int, Any], tuple[ParsedValue, ImportedChange]] = {}

    def read(
        self, entry: Entry, kind: str, name: str, value: Any, contradicts: str | None
    ) -> tuple[ImportedChange, tuple[str, ...]]:
        """Return the change of one field that subjects of a kind have, and the releases that its value names."""
        rules = self.rules_for(name)
        rule = rules[kind]
        parsed, known = self._parse(rule, self._without_erased(entry, rule, value))
        if kind == next(iter(rules)):
            self._count_findings(name, parsed)
        if known is None or contradicts is not None:
            parts = {key: self._fit(entry, name, part) for key, part in parsed.change.items()}
            known = ImportedChange(field=rule.field, contradicts=contradicts, **parts)
        return known, parsed.releases

    def rules_for(self, name: str) -> dict[str, FieldRule]:
        """Return the rules for a field by kind of subject. An unmapped field becomes an attribute of the first."""
        if name not in self._rules:
            found = {subject.kind: subject.find_rule(name) for subject in self._subjects}
            self._rules[name] = {kind: rule for kind, rule in found.items() if rule is not None}
            if not self._rules[name]:
                attribute = self._attributes.get(name) or field_name_part(name)
                self._rules[name] = {self._subjects[0].kind: FieldRule(field=f"x.{attribute}")}
                self._unmapped.add(name)
        return self._rules[name]

    def _parse(self, rule: FieldRule, value: Any) -> tuple[ParsedValue, ImportedChange | None]:
        """Return what a value means, and its change of the field if that was built for an earlier line.

        Tracker files repeat few values many times. The record that a name means differs from line to line, and a long
        value is cut with a warning at each line, so neither is kept.
        """
        key = _key_of_value(value)
        if key is None or rule.as_ == "records":
            return self._parser.parse(rule, value), None
        known = self._parsed.get((id(rule), key))
        if known is None:
            if len(self._parsed) >= MAX_VALUES_KEPT:
                self._parsed.clear()
            parsed = self._parser.parse(rule, value)
            change = {name: _storable(part) for name, part in parsed.change.items()}
            known = self._parsed[id(rule), key] = parsed, ImportedChange(field=rule.field, **change)
        return known

    def _without_erased(self, entry: Entry, rule: FieldRule, value: Any) -> Any:
        """Return a list of people without those who were erased."""
        if rule.as_ != "people" or value is None or not self._people.has_erased:
            return value
        members = self._parser.split(rule, value)
        if not any(map(self._people.is_erased, members)) or self._is_imported(entry.key):
            return value
        return [member for member in members if not self._people.is_erased(member)]

    def _fit(self, entry: Entry, name: str, part: Any) -> Any:
        """Return a part of a value up to its limits."""
        if isinstance(part, str):
            if len(part) <= MAX_VALUE_CHARACTERS and part.isascii() and "\x00" not in part:
                return part
            return self._findings.cut(entry, name, _storable(part), MAX_VALUE_CHARACTERS)
        if isinstance(part, list | tuple) and len(part) > MAX_MEMBERS:
            self._findings.warn(entry, f"{name}: {len(part)} members; only the first {MAX_MEMBERS} are kept")
            part = part[:MAX_MEMBERS]
        if isinstance(part, list | tuple):
            return type(part)(self._fit(entry, name, one) for one in part)
        return part

    def _count_findings(self, name: str, parsed: ParsedValue) -> None:
        if name in self._unmapped:
            self._findings.current.unmapped_fields[name] += 1
        for value in parsed.unknown:
            self._findings.current.count_unknown_value(name, value)


def _storable(part: Any) -> Any:
    """Return a part of a value without the characters that cannot be stored."""
    if isinstance(part, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", part)
    return type(part)(map(_storable, part)) if isinstance(part, list | tuple) else part


def _key_of_value(value: Any) -> Any:
    """Return what equals the key of another value only if both are the same; None if the value is long or nested."""
    if isinstance(value, str):
        return value if len(value) <= MAX_KEPT_CHARACTERS else None
    if not isinstance(value, list) or len(value) > MAX_KEPT_MEMBERS:
        return None
    is_plain = all(isinstance(one, str) and len(one) <= MAX_KEPT_CHARACTERS for one in value)
    return tuple(value) if is_plain else None
