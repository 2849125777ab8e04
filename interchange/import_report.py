"""The report of an import: counts, and a remark for each line that needs attention."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Self

from pydantic import ValidationError

from domain.catalog import COMMANDS
from domain.validation_messages import describe_error

MAX_REMARKS_SHOWN: Final = 20
"""How many remarks of a kind the text form lists before it only counts the rest."""
MAX_REMARKS_KEPT: Final = 10_000
"""How many remarks of a kind a report keeps; the rest is only counted."""
_LISTS: Final = ("rejected", "skipped", "contradictions", "reused_names", "warnings")
_COUNTS: Final = (
    "dry_run",
    "lines",
    "imported",
    "corrected",
    "unchanged",
    "people_registered",
    "teams_registered",
    "position",
)


def describe_errors(error: ValidationError, *path: str | int) -> str:
    """Describe what is wrong with a message, each error with its field. `path` leads to the message itself."""
    return "; ".join(_describe(one, path) for one in error.errors())


def _describe(error: Any, path: tuple[str | int, ...]) -> str:
    loc = [part for part in error["loc"] if part not in COMMANDS]  # the command tried is visible from `type`
    where = ".".join(map(str, (*path, *loc)))
    if error["type"] == "union_tag_invalid":
        return f"{where}: unknown command {error['ctx']['tag']!r}; docs/reference/commands.md lists all commands"
    if error["type"] == "union_tag_not_found":
        return f"{where}: `type` is missing: the name of a command; docs/reference/commands.md lists all commands"
    return f"{where}: {describe_error(error)}"


@dataclass(frozen=True, slots=True)
class Remark:
    """A message about one line. `line` is the line's own id, else its number; None if it is about no line."""

    line: str | int | None
    message: str
    data: dict[str, Any] | None = None
    """The line itself, if it could not be placed."""

    def __str__(self) -> str:
        where = f"line {self.line}: " if isinstance(self.line, int) else f"{self.line}: " if self.line else ""
        return _in_one_line(where + self.message)


def _in_one_line(text: str) -> str:
    """Join the lines of a foreign text, so that it cannot pass for a line of the report."""
    return " ".join(text.splitlines())


def count_of(number: int, noun: str) -> str:
    """Return a number with its noun, such as "1 line" or "2 people"."""
    plural = {"person": "people"}.get(noun, f"{noun}s")
    return f"{number} {noun if number == 1 else plural}"


class Remarks(list[Remark]):
    """A list that keeps the first remarks and counts the rest, so that a large file with a fault in each line fits."""

    def __init__(self, remarks: Iterable[Remark] = ()) -> None:
        super().__init__()
        self.not_kept = 0
        self.extend(remarks)

    @property
    def total(self) -> int:
        """How many remarks there were, with those that are not kept."""
        return len(self) + self.not_kept

    def append(self, remark: Remark) -> None:
        """Add a remark."""
        if len(self) < MAX_REMARKS_KEPT:
            super().append(remark)
        else:
            self.not_kept += 1

    def extend(self, remarks: Iterable[Remark]) -> None:
        """Add remarks, and those that are not kept of them."""
        for remark in remarks:
            self.append(remark)
        self.not_kept += getattr(remarks, "not_kept", 0)

    def __iadd__(self, remarks: Iterable[Remark]) -> Self:  # type: ignore[override,misc]
        self.extend(remarks)
        return self


@dataclass(slots=True)
class Findings:
    """What was noticed while reading lines that are imported all the same."""

    contradictions: Remarks = field(default_factory=Remarks)
    reused_names: Remarks = field(default_factory=Remarks)
    warnings: Remarks = field(default_factory=Remarks)
    unmapped_fields: Counter[str] = field(default_factory=Counter)
    unmapped_columns: Counter[str] = field(default_factory=Counter)
    unknown_values: dict[str, Counter[str]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    """What the export of a known system has that changes no field of a record, such as comments."""

    def count_unknown_value(self, field_: str, value: str) -> None:
        """Count a value of a field that was not understood and is kept unchanged."""
        self.unknown_values.setdefault(field_, Counter())[value] += 1

    def add(self, more: Findings) -> None:
        """Add the findings of another line."""
        self.contradictions += more.contradictions
        self.reused_names += more.reused_names
        self.warnings += more.warnings
        self.unmapped_fields.update(more.unmapped_fields)
        self.unmapped_columns.update(more.unmapped_columns)
        for name, values in more.unknown_values.items():
            self.unknown_values.setdefault(name, Counter()).update(values)


@dataclass(slots=True)
class ImportReport(Findings):
    """The outcome of an import; of a dry run, the outcome that the import would have.

    `noun` is what a line is called: a version, for decision records. The findings cover the newly imported lines; with
    `verbose`, also those that were imported before.
    """

    dry_run: bool = False
    verbose: bool = False
    noun: str = "line"
    lines: int = 0
    imported: int = 0
    corrected: int = 0
    """Lines among the imported that were imported before, and mean something else by a corrected mapping."""
    unchanged: int = 0
    """Lines that were imported before, or that change nothing."""
    rejected: Remarks = field(default_factory=Remarks)
    """Lines that the log refuses."""
    skipped: Remarks = field(default_factory=Remarks)
    """Lines that could not be read as a change of a record."""
    people_registered: int = 0
    teams_registered: int = 0
    position: int | None = None
    """The last position of the import. A read with this `min_position` sees all of it."""

    @property
    def is_complete(self) -> bool:
        """Whether every line is in the log."""
        return not self.rejected and not self.skipped

    @property
    def has_remarks(self) -> bool:
        """Whether there is anything to keep besides the counts."""
        counted = (self.unmapped_fields, self.unmapped_columns, self.left_out, *self.unknown_values.values())
        remarks = (self.rejected, self.skipped, self.warnings, self.contradictions, self.reused_names)
        return any(remarks) or any(counted)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON."""
        remarks = {
            name: [{"line": remark.line, "message": remark.message} for remark in getattr(self, name)]
            for name in _LISTS
        }
        return {
            **{name: getattr(self, name) for name in _COUNTS},
            **remarks,
            "not_listed": {name: left for name in _LISTS if (left := getattr(self, name).not_kept)},
            "unmapped_fields": dict(self.unmapped_fields.most_common()),
            "unmapped_columns": dict(self.unmapped_columns.most_common()),
            "left_out": dict(self.left_out.most_common()),
            "unknown_values": {name: dict(values.most_common()) for name, values in self.unknown_values.items()},
        }

    def __str__(self) -> str:
        """The report as text."""
        return "\n".join([*self._summary(), *self._remark_lines(), *self._counter_lines()])

    def _summary(self) -> list[str]:
        imported = f"{self.imported} {'to import' if self.dry_run else 'imported'}"
        rest = f"{self.unchanged} unchanged, {self.rejected.total} rejected, {self.skipped.total} skipped"
        lines = [f"{count_of(self.lines, self.noun)}: {imported}, {rest}"]
        if self.corrected:
            lines.append(f"{self.corrected} of them correct what an earlier mapping recorded")
        if self.people_registered or self.teams_registered:
            people, teams = count_of(self.people_registered, "person"), count_of(self.teams_registered, "team")
            lines.append(f"{people} and {teams} {'to register' if self.dry_run else 'registered'}")
        return lines

    def _remark_lines(self) -> list[str]:
        lines = []
        for title, remarks in (
            ("Rejected", self.rejected),
            ("Skipped", self.skipped),
            ("Names used again for another record", self.reused_names),
            ("Warnings", self.warnings),
            ("`from` differs from the previous value (`to` was imported)", self.contradictions),
        ):
            if remarks:
                lines.append(f"\n{title}: {remarks.total}")
                lines += [f"  {remark}" for remark in remarks[:MAX_REMARKS_SHOWN]]
            if remarks.total > MAX_REMARKS_SHOWN:
                lines.append(f"  ... and {remarks.total - MAX_REMARKS_SHOWN} more")
        return lines

    def _counter_lines(self) -> list[str]:
        lines = []
        unknown = (
            (f"Unknown values of {_in_one_line(name)} (kept as source values)", values)
            for name, values in self.unknown_values.items()
        )
        for title, counter in (
            ("Fields without a mapping (kept as attributes)", self.unmapped_fields),
            ("Columns that the mapping does not name (kept as references)", self.unmapped_columns),
            *unknown,
            ("Left out, as it changes no field of a record", self.left_out),
        ):
            if counter:
                lines.append(f"\n{title}: {counter.total()}")
                lines += [f"  {count} x {_in_one_line(name)}" for name, count in counter.most_common()]
        return lines
